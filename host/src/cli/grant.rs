//! `alcove grant`, `alcove revoke`, `alcove grants`.

use std::fs;
use std::process::ExitCode;

use alcove_api_types::{Binding, CreateBinding, Revoked, Upgrade};
use alcove_policies::Policy;
use anyhow::Context;

use super::arguments::{Global, GrantArguments};
use super::client::{Client, segment};
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
        expires_in_ms: arguments.expires,
        beyond_request: arguments.beyond_request,
        accept_upgrade: arguments.accept_upgrade,
    };
    let connection = Connection::open(global).await?;
    let granted = post(&connection.client, &body).await;
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

/// Grants; before a newer version is accepted, shows how it differs.
async fn post(client: &Client, body: &CreateBinding) -> anyhow::Result<Binding> {
    if body.accept_upgrade {
        let bindings: Vec<Binding> = client.get("/api/bindings").await?;
        let waiting = bindings.iter().find(|binding| {
            binding.plugin == body.plugin
                && binding.principal == body.principal
                && binding.upgrade.is_some()
        });
        if let Some(upgrade) = waiting.and_then(|binding| binding.upgrade.as_ref()) {
            for line in upgrade_lines(upgrade) {
                output::note(&output::clean(&line))?;
            }
        }
    }
    client.post("/api/bindings", body).await
}

/// How a version differs from the one that is granted.
pub(super) fn upgrade_lines(upgrade: &Upgrade) -> Vec<String> {
    let mut lines = vec![format!("Version {}:", upgrade.version)];
    lines.extend(upgrade.asks.iter().map(|ask| format!("  asks for {ask}")));
    lines.extend(
        upgrade
            .described
            .iter()
            .map(|tool| format!("  describes {tool} differently")),
    );
    lines
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

pub(super) async fn list(global: &Global, history: Option<&str>) -> anyhow::Result<ExitCode> {
    let path = match history {
        Some(plugin) => format!("/api/plugins/{}/bindings", segment(plugin)),
        None => "/api/bindings".to_owned(),
    };
    let connection = Connection::open(global).await?;
    let bindings: anyhow::Result<Vec<Binding>> = connection.client.get(&path).await;
    connection.close().await;
    let rows: Vec<Vec<String>> = bindings?
        .into_iter()
        .map(|binding| {
            vec![
                binding.id,
                binding.plugin,
                binding.digest.chars().take(SHORT_DIGEST).collect(),
                binding.principal,
                format!("v{}", binding.version),
                output::date(binding.created_at_ms),
                match (binding.revoked_at_ms, binding.expires_at_ms) {
                    (Some(at), _) => format!("ended {}", output::date(at)),
                    (None, Some(at)) => format!("until {}", output::date(at)),
                    (None, None) => "for ever".to_owned(),
                },
                format!("by {}", binding.author),
                binding.reason,
            ]
        })
        .collect();
    output::table(&rows)?;
    Ok(ExitCode::SUCCESS)
}
