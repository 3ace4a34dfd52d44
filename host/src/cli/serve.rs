//! `alcove serve`.

use std::process::ExitCode;

use crate::app::{Server, termination};
use crate::config::Config;
use crate::telemetry;

use super::output;

pub(super) async fn run(config: Config) -> anyhow::Result<ExitCode> {
    telemetry::init(&config)?;
    let server = Server::start(config).await?;
    output::line(&format!("Alcove answers at {}", server.url()))?;
    if let Some(link) = server.setup_link() {
        output::line(&format!("Create your account: {link}"))?;
        output::line(
            "The link works once, and a new one is printed at each start until it is used.",
        )?;
    }
    server.run_until(termination()).await;
    Ok(ExitCode::SUCCESS)
}
