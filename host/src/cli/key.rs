//! `alcove key`.

use std::process::ExitCode;

use alcove_api_types::{ApiKey, CreateApiKey, CreatedApiKey};

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
        KeyCommand::Create { name, expires } => {
            let body = CreateApiKey {
                name,
                expires_in_days: expires,
            };
            let created: CreatedApiKey = client.post("/api/keys", &body).await?;
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
                    vec![key.id, key.name, output::date(key.created_at_ms), expires]
                })
                .collect();
            output::table(&rows)?;
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
