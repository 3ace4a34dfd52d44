//! Alcove's web client: client-side only, served by the host from its binary.
//!
//! It speaks the public protocol (`/v1/responses`, `/api/…`) in the types of `alcove-api-types`.
//! Text from a model reaches the page as text nodes and elements that are made one by one, never
//! as HTML.

mod api;
mod app;
mod browser;
mod chat;
mod conversations;
mod readiness;
mod route;
mod session;
mod theme;
mod upload;
mod view;

fn main() {
    leptos::mount::mount_to_body(view::App);
}
