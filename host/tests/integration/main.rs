//! The server as its users meet it: the real router on a port of its own, a data folder of its
//! own, the real 135M model and the real components.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod app;
mod client;
mod compiled;

mod accounts;
mod api_keys;
mod approvals;
mod browser;
mod calls;
mod chat_completions;
mod checkpoints;
mod cli;
mod conversations;
mod embeddings;
mod end_to_end;
mod errors;
mod flow;
mod key_policies;
mod lifecycle;
mod mcp;
mod model_fetch;
mod preselection;
mod quota;
mod responses;
mod secrets;
mod security;
mod specialists;
mod store_conformance;
mod store_postgres;
mod store_sqlite;
mod tool_calls;
mod tool_capabilities;
mod tools;
mod upgrades;
mod web_search;
mod websocket;
