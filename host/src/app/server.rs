//! The listening server: accepts connections, serves the gateway, goes down without losing
//! anything.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;
use tower::ServiceExt as _;

use super::folder::{DataFolder, write_whole};
use super::{App, Options, StartError};
use crate::config::Config;
use crate::gateway::{self, Peer};

/// How long a client may take to send a request's head, and a connection may stay idle.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// How long open connections get to take their last bytes at the end of a shutdown.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long to wait before accepting again where accepting failed, as it does without free files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Tells the command line where the server is.
const SERVER_FILE: &str = "server.json";

/// A server that answers on its address.
pub struct Server {
    app: Arc<App>,
    address: SocketAddr,
    url: String,
    setup_link: Option<String>,
    accepting: JoinHandle<()>,
}

impl Server {
    /// Takes the data folder and the port, starts everything, and begins to answer. The model
    /// goes on loading behind it.
    pub async fn start(config: Config) -> Result<Server, StartError> {
        Server::start_with(config, Options::of_this_program()?).await
    }

    /// The same, with what a test must choose.
    pub async fn start_with(config: Config, options: Options) -> Result<Server, StartError> {
        let folder = DataFolder::open(&config.data_dir)?;
        // The port before the rest, so that one in use is told at once.
        let listener = listen(config.listen).await?;
        let address = listener.local_addr().map_err(|source| StartError::Listen {
            address: config.listen,
            source,
        })?;
        let app = App::start_in(folder, config, options).await?;
        let url = match &app.config.public_url {
            Some(url) => url.as_str().trim_end_matches('/').to_owned(),
            None => format!("http://{}", reachable(address)),
        };
        let token = app.accounts.issue_setup_token().await;
        let token = token.map_err(|error| StartError::internal("make a setup token", error))?;
        let setup_link = token.map(|token| format!("{url}/setup#token={token}"));
        let router = gateway::router(Arc::clone(&app));
        let accepting = tokio::spawn(accept(Arc::clone(&app), listener, router));
        write_server_file(&app, address)?;
        Ok(Server {
            app,
            address,
            url,
            setup_link,
            accepting,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What a browser on this machine opens, or `public_url`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The link that claims the server; none once it is claimed.
    pub fn setup_link(&self) -> Option<&str> {
        self.setup_link.as_deref()
    }

    /// What it serves.
    pub fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// Serves until the future resolves, then shuts down. If it is [`super::termination`] and a
    /// second signal comes, runs are stopped instead of waited for.
    ///
    /// A server that stays makes its plugins ready on the side; one that is started for a single
    /// message leaves that to the first call.
    pub async fn run_until(self, end: impl Future<Output = ()>) {
        let warming = Arc::clone(&self.app);
        self.app.tasks.spawn(async move {
            let closing = warming.closing.clone();
            closing.run_until_cancelled(warming.warm_up()).await;
        });
        end.await;
        let app = Arc::clone(&self.app);
        let hurried = tokio::spawn(async move {
            super::termination().await;
            tracing::info!("a second signal: responses in progress are stopped");
            app.runs.drain(Duration::ZERO).await;
        });
        self.shut_down().await;
        hurried.abort();
    }

    /// Lets responses in progress end within `limits.drain`, stops and keeps what is left, then
    /// closes connections, tools and database.
    pub async fn shut_down(self) {
        let Server { app, accepting, .. } = self;
        tracing::info!(
            deadline_s = app.config.limits.drain.as_secs(),
            "shutting down: waiting for responses in progress"
        );
        // Not ready any more, but still listening: clients follow their streams to the end.
        app.shutdown.cancel();
        app.runs.drain(app.config.limits.drain).await;
        app.closing.cancel();
        if let Err(error) = accepting.await {
            tracing::error!(error = %error, "accepting connections failed");
        }
        app.tasks.close();
        if tokio::time::timeout(CLOSE_TIMEOUT, app.tasks.wait())
            .await
            .is_err()
        {
            tracing::warn!("connections that did not close in time are dropped");
        }
        app.tools.shut_down().await;
        app.mcp_stdio.close().await;
        app.log.close().await;
        app.store.close().await;
        if let Err(error) = app.folder.dir().remove_file(SERVER_FILE) {
            tracing::warn!(error = %error, file = SERVER_FILE, "could not be removed");
        }
        tracing::info!("shut down");
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address)
        .await
        .map_err(|source| match source.kind() {
            std::io::ErrorKind::AddrInUse => StartError::PortInUse { address },
            _ => StartError::Listen { address, source },
        })
}

/// An address that a browser on this machine can open.
fn reachable(address: SocketAddr) -> SocketAddr {
    let mut shown = address;
    if address.ip().is_unspecified() {
        match address {
            SocketAddr::V4(_) => shown.set_ip([127, 0, 0, 1].into()),
            SocketAddr::V6(_) => shown.set_ip([0, 0, 0, 0, 0, 0, 0, 1].into()),
        }
    }
    shown
}

fn write_server_file(app: &App, address: SocketAddr) -> Result<(), StartError> {
    let text = serde_json::json!({
        "address": format!("http://{}", reachable(address)),
        "pid": std::process::id(),
    });
    write_whole(app.folder.dir(), SERVER_FILE, &format!("{text}\n"))
        .map_err(|error| StartError::internal("write server.json", error))
}

/// Accepts until the server closes. Where all connections are taken, more wait in the backlog.
async fn accept(app: Arc<App>, listener: TcpListener, router: Router) {
    let free = Arc::new(Semaphore::new(app.config.limits.max_connections));
    loop {
        let accepted = async {
            // The semaphore is never closed.
            let permit = Arc::clone(&free).acquire_owned().await.ok();
            (listener.accept().await, permit)
        };
        let (accepted, permit) = tokio::select! {
            () = app.closing.cancelled() => return,
            accepted = accepted => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                let connection =
                    serve_connection(Arc::clone(&app), router.clone(), stream, peer, permit);
                app.tasks.spawn(connection);
            }
            Err(error) => {
                tracing::warn!(error = %error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn serve_connection(
    app: Arc<App>,
    router: Router,
    stream: TcpStream,
    peer: SocketAddr,
    _permit: Option<OwnedSemaphorePermit>,
) {
    // Tokens are small and must leave at once.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(error = %error, "TCP_NODELAY could not be set");
    }
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(Peer(peer));
        let router = router.clone();
        async move {
            let response = router.oneshot(request.map(Body::new)).await;
            response.map_err(|never: Infallible| never)
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(app.config.limits.max_head_bytes)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = app.closing.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        // Clients that go away in the middle are no failure of ours.
        tracing::debug!(peer = %peer, error = %gateway::chain(&error), "a connection broke off");
    }
}
