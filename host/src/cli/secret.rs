//! `alcove secret`.

use std::io::{self, IsTerminal, Read};
use std::process::ExitCode;

use alcove_api_types::{SecretInfo, SecretScope, SetSecret};
use alcove_egress::{MAX_SECRET_BYTES, check_secret};
use anyhow::{Context, bail};

use super::arguments::{Global, SecretCommand};
use super::client::{Client, segment};
use super::connect::Connection;
use super::{hidden, output};

pub(super) async fn run(global: &Global, command: SecretCommand) -> anyhow::Result<ExitCode> {
    // Asked for first, so that nobody waits for a server before a prompt.
    let value = match &command {
        SecretCommand::Set { name, .. } => Some(read_value(name).await?),
        _ => None,
    };
    let connection = Connection::open(global).await?;
    let done = act(&connection.client, command, value).await;
    connection.close().await;
    done.map(|()| ExitCode::SUCCESS)
}

async fn act(client: &Client, command: SecretCommand, value: Option<String>) -> anyhow::Result<()> {
    match command {
        SecretCommand::Set { name, user } => {
            let body = SetSecret {
                name,
                value: value.unwrap_or_default(),
                scope: scope(user),
            };
            let set: SecretInfo = client.post("/api/secrets", &body).await?;
            output::note(&format!(
                "{} is set, for {}. A rule of a policy injects it as {{secret:{}}}.",
                set.name,
                whose(set.scope),
                set.name
            ))?;
        }
        SecretCommand::List => {
            let secrets: Vec<SecretInfo> = client.get("/api/secrets").await?;
            let rows: Vec<Vec<String>> = secrets
                .into_iter()
                .map(|secret| {
                    let set = format!("set {}", output::date(secret.updated_at_ms));
                    vec![secret.name, whose(secret.scope).to_owned(), set]
                })
                .collect();
            output::table(&rows)?;
        }
        SecretCommand::Remove { name, user } => {
            let scope = match scope(user) {
                SecretScope::Organisation => "organisation",
                SecretScope::User => "user",
            };
            client
                .delete(&format!("/api/secrets/{scope}/{}", segment(&name)))
                .await?;
            output::note(&format!("{name} is removed."))?;
        }
    }
    Ok(())
}

fn scope(user: bool) -> SecretScope {
    if user {
        SecretScope::User
    } else {
        SecretScope::Organisation
    }
}

fn whose(scope: SecretScope) -> &'static str {
    match scope {
        SecretScope::Organisation => "the organisation",
        SecretScope::User => "you alone",
    }
}

/// From a prompt that shows nothing, or from standard input where that is no terminal. Never from
/// the command line, which other users of the machine can read.
async fn read_value(name: &str) -> anyhow::Result<String> {
    let text = if io::stdin().is_terminal() {
        hidden::read(&format!("Value of {name} (it is not shown): ")).await?
    } else {
        let mut text = String::new();
        io::stdin()
            .lock()
            .take(MAX_SECRET_BYTES as u64 + 2)
            .read_to_string(&mut text)
            .context("standard input holds no text")?;
        text
    };
    let value = text.strip_suffix('\n').unwrap_or(&text);
    let value = value.strip_suffix('\r').unwrap_or(value);
    if value.is_empty() {
        bail!(
            "no value was given: type it at the prompt, or pipe it in: alcove secret set {name} < FILE"
        );
    }
    check_secret(value)?;
    Ok(value.to_owned())
}
