//! `alcove key`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use alcove_api_types::{ApiKey, CreateApiKey, CreatedApiKey, ShownApiKey};
use alcove_policies::Policy;
use anyhow::Context;

use super::arguments::{Global, KeyCommand};
use super::client::{Client, segment};
use super::connect::Connection;
use super::output;

pub(super) async fn run(global: &Global, command: KeyCommand) -> anyhow::Result<ExitCode> {
    let connection = Connection::open(global).await?;
    let done = act(&connection.client, command).await;
    connection.close().await;
    done.map(|()| ExitCode::SUCCESS)
}

async fn act(client: &Client, command: KeyCommand) -> anyhow::Result<()> {
    match command {
        KeyCommand::Create {
            name,
            expires,
            within,
        } => {
            let read = |files: Vec<PathBuf>| files.iter().map(|file| read_policy(file)).collect();
            let body = CreateApiKey {
                name,
                expires_in_days: expires,
                within: within.map(read).transpose()?,
            };
            let created: CreatedApiKey = client.post("/api/keys", &body).await?;
            for warning in &created.warnings {
                output::note(&output::clean(&format!("Note: {warning}.")))?;
            }
            output::note(&format!(
                "{} is ready; its secret is shown only now:",
                created.key.id
            ))?;
            output::line(&created.secret)?;
        }
        KeyCommand::List => {
            let keys: Vec<ApiKey> = client.get("/api/keys").await?;
            let rows: Vec<Vec<String>> = keys
                .into_iter()
                .map(|key| {
                    let expires = key.expires_at_ms.map_or_else(
                        || "does not expire".to_owned(),
                        |at| format!("expires {}", output::date(at)),
                    );
                    let may = may(&key);
                    let made = output::date(key.created_at_ms);
                    vec![key.id, key.name, made, expires, may]
                })
                .collect();
            output::table(&rows)?;
        }
        KeyCommand::Show { id } => {
            let path = format!("/api/keys/{}", segment(&id));
            let shown: ShownApiKey = client.get(&path).await?;
            let key = &shown.key;
            output::note(&output::clean(&format!(
                "{}: {}, {}.",
                key.id,
                key.name,
                may(key)
            )))?;
            for own in &shown.policies {
                output::line(&output::clean(own.policy.trim_end()))?;
            }
        }
        KeyCommand::Revoke { id } => {
            client
                .delete(&format!("/api/keys/{}", segment(&id)))
                .await?;
            output::note(&format!("{id} is revoked."))?;
        }
    }
    Ok(())
}

/// Which tools can be used with a key.
fn may(key: &ApiKey) -> String {
    match key.within.as_deref() {
        None => "all of your tools".to_owned(),
        Some([]) => "no tools".to_owned(),
        Some(plugins) => format!("only {}", plugins.join(", ")),
    }
}

/// The text of a policy file. What is wrong in it is said here with the file's name; the server
/// checks it all the same.
fn read_policy(file: &Path) -> anyhow::Result<String> {
    let text = fs::read_to_string(file)
        .with_context(|| format!("cannot read the policy {}", file.display()))?;
    Policy::parse(&text).with_context(|| file.display().to_string())?;
    Ok(text)
}
