//! `alcove grant`, `alcove revoke`, `alcove grants`.

use std::fs;
use std::process::ExitCode;

use alcove_api_types::{Binding, CreateBinding, Revoked};
use alcove_policies::Policy;
use anyhow::Context;

use super::arguments::{Global, GrantArguments};
use super::client::segment;
use super::connect::Connection;
use super::output;
use super::plugin::SHORT_DIGEST;

pub(super) async fn grant(global: &Global, arguments: GrantArguments) -> anyhow::Result<ExitCode> {
    let policy = match &arguments.policy {
        None => None,
        Some(path) => {
            let text = fs::read_to_string(path)
                .with_context(|| format!("cannot read the policy {}", path.display()))?;
            // Said here with the file's name; the server checks it all the same.
            Policy::parse(&text).with_context(|| path.display().to_string())?;
            Some(text)
        }
    };
    let body = CreateBinding {
        plugin: arguments.plugin,
        principal: arguments.to,
        policy,
        reason: arguments.reason,
    };
    let connection = Connection::open(global).await?;
    let granted: anyhow::Result<Binding> = connection.client.post("/api/bindings", &body).await;
    connection.close().await;
    let granted = granted?;
    output::note(&format!(
        "{} is granted to {} as {}:",
        granted.plugin, granted.principal, granted.id
    ))?;
    output::line(&output::clean(granted.policy.trim_end()))?;
    let granted = Policy::parse(&granted.policy).ok();
    if let Some(warning) = granted.and_then(|policy| policy.flow_warning()) {
        output::note(&format!("Think about this: {warning}."))?;
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn revoke(global: &Global, what: &str) -> anyhow::Result<ExitCode> {
    let connection = Connection::open(global).await?;
    let path = format!("/api/bindings/{}", segment(what));
    let answer = connection.client.delete(&path).await;
    connection.close().await;
    let revoked: Revoked = serde_json::from_slice(&answer?)?;
    output::line(&match revoked.stopped_calls {
        0 => format!("{what} is revoked; no call was running."),
        1 => format!("{what} is revoked; 1 running call was stopped."),
        count => format!("{what} is revoked; {count} running calls were stopped."),
    })?;
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn list(global: &Global) -> anyhow::Result<ExitCode> {
    let connection = Connection::open(global).await?;
    let bindings: anyhow::Result<Vec<Binding>> = connection.client.get("/api/bindings").await;
    connection.close().await;
    let rows: Vec<Vec<String>> = bindings?
        .into_iter()
        .map(|binding| {
            vec![
                binding.id,
                binding.plugin,
                binding.digest.chars().take(SHORT_DIGEST).collect(),
                binding.principal,
                output::date(binding.created_at_ms),
                format!("by {}", binding.author),
                binding.reason,
            ]
        })
        .collect();
    output::table(&rows)?;
    Ok(ExitCode::SUCCESS)
}
