//! MCP servers that are processes: what stands in the configuration file under `[[mcp_stdio]]`.
//!
//! A plugin speaks to such a server as to any other: a component in the sandbox, under a policy
//! that names the server's origin. Only here that origin is no place on a network but a process of
//! this host, so that grants, approvals, limits, records and the audit log are those of all calls.
//! The process itself is not sandboxed, and every badge of its plugin says so.

mod bridge;
mod group;
mod process;
mod streams;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use alcove_egress::Stream;
use alcove_sandbox::LocalServer;
use tokio::runtime::Handle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::config::McpStdio;

use process::{Process, ProcessError};

/// Who publishes what they offer.
pub(crate) const PUBLISHER: &str = "mcp-stdio";
/// What follows a server's name in its origin. No name under it is ever resolved.
const DOMAIN: &str = "mcp-stdio.invalid";
/// A process that is started again waits so long after the last start, twice as long each time, up
/// to the most; one that lived for the most begins anew.
const LEAST_PAUSE: Duration = Duration::from_secs(1);
const MOST_PAUSE: Duration = Duration::from_secs(60);
/// Bytes on their way to and from a component.
const PIPE_BYTES: usize = 64 << 10;

/// All of them. Cheap to clone.
#[derive(Clone, Default)]
pub struct McpStdioServers {
    servers: Arc<BTreeMap<String, Arc<Server>>>,
}

impl McpStdioServers {
    /// Those of the configuration; none is started yet.
    pub fn new(settings: &[McpStdio]) -> McpStdioServers {
        let servers = settings.iter().map(|settings| {
            let server = Server {
                settings: settings.clone(),
                state: tokio::sync::Mutex::default(),
                stop: CancellationToken::new(),
            };
            (settings.name.clone(), Arc::new(server))
        });
        McpStdioServers {
            servers: Arc::new(servers.collect()),
        }
    }

    /// Their names.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.servers.keys().map(String::as_str)
    }

    /// The server that a plugin stands for, for calls from this task's runtime.
    pub(crate) fn of(&self, plugin: &str) -> Option<Arc<dyn LocalServer>> {
        let server = self.servers.get(name_of(plugin)?)?;
        Some(Arc::new(Connector {
            server: Arc::clone(server),
            host: format!("{}.{DOMAIN}", server.settings.name),
            runtime: Handle::current(),
        }))
    }

    /// Whether a plugin stands for a program that is not in the configuration file any more.
    pub(crate) fn lacks(&self, plugin: &str) -> bool {
        name_of(plugin).is_some_and(|name| !self.servers.contains_key(name))
    }

    /// The program that a plugin stands for, in words; `None` for other plugins.
    pub(crate) fn describe(&self, plugin: &str) -> Option<String> {
        let name = name_of(plugin)?;
        Some(match self.servers.get(name) {
            Some(server) => format!(
                "not sandboxed: runs {} on the server's machine",
                server.settings.command.display()
            ),
            None => "not sandboxed: its program is not in the configuration file".to_owned(),
        })
    }

    /// Ends every process, with all that it started.
    pub(crate) async fn close(&self) {
        let closing = self.servers.values().map(|server| server.close());
        futures::future::join_all(closing).await;
    }
}

/// Where a plugin finds its server.
pub(crate) fn url_of(name: &str) -> String {
    format!("http://{name}.{DOMAIN}/mcp")
}

fn name_of(plugin: &str) -> Option<&str> {
    plugin.strip_prefix(PUBLISHER)?.strip_prefix('/')
}

struct Server {
    settings: McpStdio,
    state: tokio::sync::Mutex<State>,
    /// Cancelled when the host goes down: nothing is started any more.
    stop: CancellationToken,
}

#[derive(Default)]
struct State {
    process: Option<Arc<Process>>,
    started_at: Option<Instant>,
    /// How often it ended soon after it was started, one after the other.
    failures: u32,
}

/// Why there is no process to speak to.
#[derive(Debug, thiserror::Error)]
enum ServerError {
    #[error("it is started again in {0} s, since it ended too soon")]
    Pausing(u64),
    #[error("the host is shutting down")]
    Closed,
    #[error(transparent)]
    Process(#[from] ProcessError),
}

impl Server {
    /// The process, started where none runs.
    async fn process(&self) -> Result<Arc<Process>, ServerError> {
        let mut state = self.state.lock().await;
        if self.stop.is_cancelled() {
            return Err(ServerError::Closed);
        }
        if let Some(process) = state.process.as_ref() {
            if !process.keep() {
                // It was none of its faults, so the next one begins anew, once this one is gone.
                process.ended().await;
                *state = State::default();
            } else if !process.is_ended() {
                return Ok(Arc::clone(process));
            }
        }
        if let Some(started_at) = state.started_at {
            let lived = match state.process.take() {
                Some(process) => process.ended_at().duration_since(started_at),
                None => Duration::ZERO,
            };
            if lived >= MOST_PAUSE {
                state.failures = 0;
            }
            let pause = LEAST_PAUSE
                .saturating_mul(1 << state.failures.min(6))
                .min(MOST_PAUSE);
            let left = pause.saturating_sub(started_at.elapsed());
            if !left.is_zero() {
                return Err(ServerError::Pausing(left.as_secs() + 1));
            }
            state.failures += 1;
        }
        state.started_at = Some(Instant::now());
        let process = Process::start(&self.settings, &self.stop).await?;
        state.process = Some(Arc::clone(&process));
        Ok(process)
    }

    async fn close(&self) {
        self.stop.cancel();
        let process = self.state.lock().await.process.take();
        if let Some(process) = process {
            process.ended().await;
        }
    }
}

/// A way to one server for one call.
struct Connector {
    server: Arc<Server>,
    host: String,
    /// The host's own: what runs there outlives the guest's threads.
    runtime: Handle,
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Connector").field(&self.host).finish()
    }
}

impl LocalServer for Connector {
    fn serves(&self, url: &Url) -> bool {
        url.scheme() == "http" && url.port().is_none() && url.host_str() == Some(&self.host)
    }

    fn connect(&self) -> Box<dyn Stream> {
        let (near, far) = tokio::io::duplex(PIPE_BYTES);
        let server = Arc::clone(&self.server);
        // It ends with the component's side of the pipe.
        self.runtime.spawn(bridge::serve(server, far));
        Box::new(near)
    }
}
