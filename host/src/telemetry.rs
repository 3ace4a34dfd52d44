//! What is logged, and how: structured lines on standard error.
//!
//! Field names carry their units (`duration_ms`, `size_bytes`). What people say, what tools
//! return, passwords, keys and queries are never logged.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};

use crate::config::{Config, LogFormat};

/// Why logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter does not parse.
    #[error("`log` is not a filter such as `info` or `info,alcove::runs=debug`")]
    BadFilter(#[source] tracing_subscriber::filter::ParseError),
    /// It was set up before.
    #[error("logging was set up twice")]
    SetUpTwice(#[source] TryInitError),
}

/// Sends log lines to standard error, for the rest of the process.
pub fn init(config: &Config) -> Result<(), TelemetryError> {
    let filter = EnvFilter::builder()
        .parse(&config.log)
        .map_err(TelemetryError::BadFilter)?;
    let is_pretty = match config.log_format {
        LogFormat::Pretty => true,
        LogFormat::Json => false,
        LogFormat::Auto => std::io::stderr().is_terminal(),
    };
    let registry = tracing_subscriber::registry().with(filter);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let set_up = if is_pretty {
        let is_terminal = std::io::stderr().is_terminal();
        registry
            .with(lines.with_ansi(is_terminal).with_target(false))
            .try_init()
    } else {
        registry.with(lines.json().flatten_event(true)).try_init()
    };
    set_up.map_err(TelemetryError::SetUpTwice)
}
