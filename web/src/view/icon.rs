//! The icons: stroked, 1.5 px on a grid of 20.

use leptos::prelude::*;

/// An icon by its path.
pub(super) type Path = &'static str;

pub(super) const PLUS: Path = "M10 4v12M4 10h12";
pub(super) const SIDEBAR: Path = "M3.5 6h13M3.5 10h13M3.5 14h9";
pub(super) const MORE: Path = "M4.5 10h.01M10 10h.01M15.5 10h.01";
pub(super) const CLOSE: Path = "M5 5l10 10M15 5L5 15";
pub(super) const COPY: Path = "M7.5 7.5V5A1.5 1.5 0 0 1 9 3.500h6A1.5 1.5 0 0 1 16.500 5v6a1.500 1.500 0 0 1-1.500 1.500h-2.500M5 7.500h6A1.500 1.500 0 0 1 12.500 9v6a1.500 1.500 0 0 1-1.500 1.500H5A1.500 1.500 0 0 1 3.500 15V9A1.500 1.500 0 0 1 5 7.500z";
pub(super) const CLIP: Path = "M15.8 9.300l-6 6a3.700 3.700 0 0 1-5.200-5.200l6.300-6.300a2.500 2.500 0 0 1 3.500 3.500l-6.200 6.200a1.200 1.200 0 0 1-1.700-1.700l5.300-5.300";
pub(super) const CHECK: Path = "M4.500 10.500l3.500 3.500 7.500-8";
pub(super) const TRASH: Path =
    "M4 6h12M8 6V4.500h4V6M5.500 6l.7 9.500h7.600l.7-9.500M8.500 9v4M11.500 9v4";
pub(super) const PENCIL: Path = "M12.500 4.500l3 3L7.500 15.500l-3.500.5.500-3.500zM11 6l3 3";
pub(super) const SETTINGS: Path =
    "M3.500 6h7M14.500 6h2M3.500 14h2M9.500 14h7M12.500 4v4M7.500 12v4";
pub(super) const PLUGINS: Path = "M3.500 6.800L10 3.500l6.500 3.300v6.400L10 16.500l-6.500-3.300zM3.500 6.800L10 10l6.500-3.200M10 10v6.500";
pub(super) const ARROW_DOWN: Path = "M10 4v12M5 11l5 5 5-5";
pub(super) const WARNING: Path = "M10 7v4M10 13.500h.01M10 3.500l7 12.500H3z";

/// Draws an icon; it says nothing to a screen reader.
pub(super) fn icon(path: Path) -> impl IntoView {
    view! {
        <svg class="icon" viewBox="0 0 20 20" width="20" height="20" aria-hidden="true">
            <path d=path></path>
        </svg>
    }
}

/// The arch.
pub(super) fn logo() -> impl IntoView {
    view! {
        <svg class="logo" viewBox="0 0 24 26" width="24" height="26" aria-hidden="true">
            <path d="M1 23.500V11.500C1 5.400 5.900 1 12 1s11 4.400 11 10.500v12c0 1-.7 1.500-1.500 1.500h-3c-.9 0-1.500-.5-1.500-1.500v-10c0-3.200-2.200-5-5-5s-5 1.800-5 5v10c0 1-.6 1.500-1.500 1.500h-3c-.8 0-1.500-.5-1.500-1.500z"></path>
        </svg>
    }
}
