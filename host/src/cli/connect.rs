//! Finds the server that runs on this machine, or starts one for this command.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use alcove_api_types::{ModelState, Readiness};
use anyhow::{Context, bail};
use serde::Deserialize;

use crate::app::{LOCAL_KEY_FILE, Server};
use crate::config::Config;
use crate::telemetry;

use super::arguments::Global;
use super::client::Client;
use super::output;

const SERVER_FILE: &str = "server.json";
/// How long a server that is there may take to say so.
const ALIVE: Duration = Duration::from_secs(2);
/// How often a model that loads is asked after.
const POLL: Duration = Duration::from_millis(100);
/// How long a command waits before it says what for.
const SILENT_POLLS: u32 = 5;

/// A server to speak to.
pub(super) struct Connection {
    pub(super) client: Client,
    /// The one that this command started, to be shut down with it.
    own: Option<Server>,
}

#[derive(Deserialize)]
struct ServerFile {
    address: String,
}

impl Connection {
    /// To the server of the data folder.
    pub(super) async fn open(global: &Global) -> anyhow::Result<Connection> {
        let config = global.config(Vec::new())?;
        if let Some(client) = running(&config.data_dir).await {
            return Ok(Connection { client, own: None });
        }
        let data = config.data_dir.clone();
        let server = start(config).await?;
        let client = Client::new(&format!("http://{}", server.address()), &key(&data)?)?;
        Ok(Connection {
            client,
            own: Some(server),
        })
    }

    /// Waits until the model answers.
    pub(super) async fn ready(&self) -> anyhow::Result<()> {
        let mut polls = 0;
        loop {
            let readiness: Readiness = self.client.ask("/readyz").await?;
            match readiness.model {
                _ if readiness.ready => return Ok(()),
                ModelState::Missing | ModelState::Failed => bail!("{}", readiness.detail),
                ModelState::Ready => bail!("the server is shutting down"),
                ModelState::Loading => {}
            }
            polls += 1;
            if polls == SILENT_POLLS {
                output::note("Loading the model …")?;
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// The server that this command started, where it did.
    pub(super) fn own(&self) -> Option<&Server> {
        self.own.as_ref()
    }

    /// Ends a server that this command started.
    pub(super) async fn close(self) {
        if let Some(server) = self.own {
            server.shut_down().await;
        }
    }
}

/// A client of the server that the data folder names, if that answers. One that was killed left
/// its file behind.
async fn running(data: &Path) -> Option<Client> {
    let text = fs::read(data.join(SERVER_FILE)).ok()?;
    let file: ServerFile = serde_json::from_slice(&text).ok()?;
    let client = Client::new(&file.address, &key(data).ok()?).ok()?;
    let asked = tokio::time::timeout(ALIVE, client.ask::<Readiness>("/readyz")).await;
    matches!(asked, Ok(Ok(_))).then_some(client)
}

fn key(data: &Path) -> anyhow::Result<String> {
    let path = data.join(LOCAL_KEY_FILE);
    let text = fs::read_to_string(&path)
        .with_context(|| format!("cannot read the local key {}", path.display()))?;
    Ok(text.trim().to_owned())
}

/// On a port that is free, with nothing on the terminal but errors.
async fn start(mut config: Config) -> anyhow::Result<Server> {
    config.listen = SocketAddr::from(([127, 0, 0, 1], 0));
    config.log = "error".to_owned();
    telemetry::init(&config)?;
    Ok(Server::start(config).await?)
}
