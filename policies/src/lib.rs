//! The policy language, the plugin manifest, and what a component's imports prove.
