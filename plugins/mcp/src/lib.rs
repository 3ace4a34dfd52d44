//! A client of one server of the Model Context Protocol, as a component: it has no authority but
//! the one request that its policy names, and a call of it is recorded, limited and stopped like
//! that of any tool.
//!
//! The host makes a plugin of it by writing a configuration into the space that this component
//! keeps for it, and a manifest with the server's tools beside it. Both are then part of the
//! plugin's digest, so neither the server nor what it is said to do can change unseen.

#[cfg(target_arch = "wasm32")]
mod config;
mod events;
#[cfg(target_arch = "wasm32")]
mod exchange;
mod result;
#[cfg(target_arch = "wasm32")]
mod server;

#[cfg(target_arch = "wasm32")]
#[allow(
    missing_docs,
    unreachable_pub,
    reason = "the shape that the export macro wants"
)]
mod component {
    use alcove_sdk::bindings::exports::alcove::tool::handler::Guest;
    use alcove_sdk::{Failure, Part};

    use crate::{config, server};

    /// The tool that the host itself calls, to learn what the server offers.
    const DISCOVER: &str = "discover";

    pub struct Component;

    impl Guest for Component {
        fn invoke(tool: String, arguments: String) -> Result<Vec<Part>, Failure> {
            let config = config::read()?;
            let arguments = serde_json::from_str(&arguments)
                .map_err(|error| Failure::invalid_input(error.to_string()))?;
            if tool == DISCOVER && config.tools.is_empty() {
                return server::discover(&config);
            }
            let name = config
                .tools
                .get(&tool)
                .ok_or_else(|| Failure::not_found(format!("there is no tool `{tool}`")))?;
            server::call(&config, name, arguments)
        }
    }

    alcove_sdk::bindings::export_tool!(Component);
}
