//! The first-party plugins that were built into this program.

/// File names and components, from `plugins/dist` when the program was built; empty where that
/// was absent (`cargo xtask build` makes it).
pub(super) static COMPONENTS: &[(&str, &[u8])] =
    include!(concat!(env!("OUT_DIR"), "/plugin_components.rs"));
