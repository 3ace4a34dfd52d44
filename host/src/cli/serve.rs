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
    // Behind the first page and the loading model, not before them.
    let tools = server.app().tools.clone();
    let warming = tokio::spawn(async move { tools.warm().await });
    let end = async move {
        termination().await;
        warming.abort();
    };
    server.run_until(end).await;
    Ok(ExitCode::SUCCESS)
}
