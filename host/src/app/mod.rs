//! Everything that a server consists of, built in order and taken down in the opposite one.

mod folder;
mod local_key;
mod server;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use alcove_egress::{Egress, EgressConfig};
use alcove_registry::ComponentStore;
use alcove_sandbox::{CompileLimits, Compiler, Sandbox, SandboxConfig};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::accounts::Accounts;
use crate::assets::AssetStore;
use crate::checkpoints::Checkpoints;
use crate::config::Config;
use crate::gateway::chain;
use crate::inference::{Encoder, Inference, InferenceConfig, Models};
use crate::ledger::LedgerBook;
use crate::mcp::{Mcp, Sessions};
use crate::mcp_stdio::McpStdioServers;
use crate::runs::{RunLimits, Runs};
use crate::secrets::Secrets;
use crate::store::Store;
use crate::store::log::ItemLog;
use crate::tools::{Tools, ToolsConfig};
use crate::vault::Vault;
use crate::workspaces::Workspaces;

use folder::DataFolder;
pub use folder::FolderError;
pub use local_key::LOCAL_KEY_FILE;
pub(crate) use local_key::LocalKey;
pub use server::Server;

/// A running server's parts.
pub struct App {
    /// The settings.
    pub config: Arc<Config>,
    /// The database.
    pub store: Arc<dyn Store>,
    /// Conversations and responses, above the database.
    pub log: ItemLog,
    /// Keys.
    pub vault: Vault,
    /// Who may come in.
    pub accounts: Accounts,
    /// The models that answer.
    pub models: Models,
    /// What makes vectors of texts.
    pub encoder: Encoder,
    /// What policies put into plugins' requests.
    pub secrets: Secrets,
    /// Files that tools make.
    pub assets: AssetStore,
    /// Who used how much.
    pub ledger: LedgerBook,
    /// The files of conversations.
    pub workspaces: Workspaces,
    /// Named moments of conversations.
    pub checkpoints: Checkpoints,
    /// Plugins, grants and calls.
    pub tools: Tools,
    /// Responses that are being produced.
    pub runs: Runs,
    /// The way out to URLs.
    pub egress: Egress,
    /// Cancelled when a shutdown begins: not ready any more, nothing new is begun.
    pub shutdown: CancellationToken,
    /// Cancelled when all responses are in: connections close.
    pub(crate) closing: CancellationToken,
    /// Connections and what else must end before the server does.
    pub(crate) tasks: TaskTracker,
    /// The tools as an MCP server.
    pub(crate) mcp: Mcp,
    /// Calls over MCP that their clients can stop.
    pub(crate) mcp_sessions: Sessions,
    /// Permits for WebSockets.
    pub(crate) websockets: Arc<Semaphore>,
    /// What the command line on this machine shows.
    pub(crate) local_key: LocalKey,
    /// When it started, in seconds since the Unix epoch.
    pub(crate) started_at_s: i64,
    mcp_stdio: McpStdioServers,
    sandbox: Sandbox,
    components: ComponentStore,
    folder: DataFolder,
}

/// What is not a setting, yet differs in tests.
#[derive(Debug, Clone)]
pub struct Options {
    /// The `alcove` program, which compiles components in a process of its own.
    pub program: PathBuf,
}

impl Options {
    /// Of a server that runs in the `alcove` program itself.
    pub fn of_this_program() -> Result<Options, StartError> {
        let program = std::env::current_exe()
            .map_err(|error| StartError::internal("find the program's own file", error))?;
        Ok(Options { program })
    }
}

/// Why a server does not start. Each says what to do where anything can be done.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data folder can't be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// Another program listens there.
    #[error(
        "port {} on {} is in use: stop what uses it, or set another with `listen` in alcove.toml, ALCOVE_LISTEN or --listen",
        address.port(), address.ip()
    )]
    PortInUse {
        /// The address that was asked for.
        address: SocketAddr,
    },
    /// The address can't be listened on.
    #[error("cannot listen on {address}: set another address with `listen`")]
    Listen {
        /// The address that was asked for.
        address: SocketAddr,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// A part failed.
    #[error("cannot {attempt}")]
    Part {
        /// What was tried.
        attempt: &'static str,
        /// Why not.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl StartError {
    pub(crate) fn internal(
        attempt: &'static str,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> StartError {
        StartError::Part {
            attempt,
            source: source.into(),
        }
    }
}

fn failed<E: Into<Box<dyn std::error::Error + Send + Sync>>>(
    attempt: &'static str,
) -> impl FnOnce(E) -> StartError {
    move |source| StartError::internal(attempt, source)
}

impl App {
    /// Builds everything; the model goes on loading behind it.
    pub async fn start(config: Config) -> Result<Arc<App>, StartError> {
        let folder = DataFolder::open(&config.data_dir)?;
        App::start_in(folder, config, Options::of_this_program()?).await
    }

    async fn start_in(
        folder: DataFolder,
        config: Config,
        options: Options,
    ) -> Result<Arc<App>, StartError> {
        let data = folder.path().to_owned();
        let local_key = LocalKey::open(folder.dir()).map_err(failed("keep the local key"))?;
        let vault = Vault::open(&data.join("keys")).map_err(failed("open the keys"))?;
        let store = crate::store::open(config.database_url.expose())
            .await
            .map_err(failed("open the database"))?;
        let log = ItemLog::new(Arc::clone(&store), vault.clone());
        log.check_master_key()
            .await
            .map_err(failed("use the database with the keys of this data folder"))?;
        let accounts = Accounts::open(Arc::clone(&store))
            .await
            .map_err(failed("prepare the accounts"))?;
        let egress =
            Egress::new(EgressConfig::default()).map_err(failed("prepare outgoing requests"))?;
        let sandbox = sandbox(&config, &data, &vault, &egress, options)?;
        let components = ComponentStore::open(&data.join("components"))
            .map_err(failed("open the component store"))?;
        let local = accounts
            .local_principal()
            .await
            .map_err(failed("find the first account"))?;
        let secrets = Secrets::new(Arc::clone(&store), log.clone(), vault.clone());
        let assets = AssetStore::open(&data.join("assets"), log.clone())
            .map_err(failed("open the assets"))?;
        assets
            .recover_at_start()
            .await
            .map_err(failed("clean up the assets"))?;
        let ledger = LedgerBook::new(Arc::clone(&store), vault.writer(), config.quota);
        let released = ledger
            .recover_at_start()
            .await
            .map_err(failed("give back what the ledger held"))?;
        if released > 0 {
            tracing::info!(
                released,
                "the last run of the server left reservations; they are given back"
            );
        }
        let models = models(&config);
        let encoder = Encoder::new(config.models_dir.clone());
        let mcp_stdio = McpStdioServers::new(&config.mcp_stdio);
        let workspaces = Workspaces::new(&data.join("workspaces"));
        let tools = Tools::new(ToolsConfig {
            store: Arc::clone(&store),
            log: log.clone(),
            secrets: secrets.clone(),
            components: components.clone(),
            sandbox: sandbox.clone(),
            assets: assets.clone(),
            models: models.clone(),
            ledger: ledger.clone(),
            mcp_stdio: mcp_stdio.clone(),
            workspaces: workspaces.clone(),
            max_sessions: config.limits.max_tool_sessions,
            local,
        });
        tools
            .install_first_party()
            .await
            .map_err(failed("install the first-party plugins"))?;
        let checkpoints = Checkpoints::new(
            log.clone(),
            assets.clone(),
            workspaces.clone(),
            models.clone(),
            tools.clone(),
        );
        let runs = Runs::new(
            log.clone(),
            models.clone(),
            encoder.clone(),
            Arc::new(tools.clone()),
            Arc::new(checkpoints.clone()),
            ledger.clone(),
            RunLimits::from(&config.limits),
        );
        let interrupted = runs
            .recover_at_start()
            .await
            .map_err(failed("recover interrupted responses"))?;
        if interrupted > 0 {
            tracing::info!(
                interrupted,
                "responses that the last run of the server left are kept as incomplete"
            );
        }
        Ok(Arc::new(App {
            mcp: Mcp::new(tools.clone()),
            mcp_sessions: Sessions::default(),
            websockets: Arc::new(Semaphore::new(config.limits.max_websockets)),
            config: Arc::new(config),
            store,
            vault,
            accounts,
            secrets,
            encoder,
            ledger,
            checkpoints,
            workspaces,
            tools,
            models,
            assets,
            log,
            runs,
            egress,
            shutdown: CancellationToken::new(),
            closing: CancellationToken::new(),
            tasks: TaskTracker::new(),
            local_key,
            started_at_s: now_ms() / 1000,
            mcp_stdio,
            sandbox,
            components,
            folder,
        }))
    }

    /// Makes ready on the side what the first question would wait for: the MCP servers of the
    /// configuration file, components that were not compiled yet, and the beginning of the prompt. What fails says so when it is used.
    pub async fn warm_up(&self) {
        self.tools.find_stdio_servers().await;
        let components = self.components.clone();
        let listed = tokio::task::spawn_blocking(move || components.list()).await;
        for installed in listed.unwrap_or_default() {
            let path = self.components.path_of(&installed.digest);
            if let Err(error) = self.sandbox.load(&path, &installed.digest).await {
                let error = chain(&error);
                tracing::warn!(plugin = installed.id, error, "could not be made ready");
            }
        }
        let warmed = match self.accounts.local_principal().await {
            Ok(local) => self.runs.warm(&local).await,
            Err(error) => Err(Arc::new(error) as _),
        };
        if let Err(error) = warmed {
            tracing::warn!(error = chain(&error), "the prompt could not be made ready");
        }
    }
}

fn sandbox(
    config: &Config,
    data: &std::path::Path,
    vault: &Vault,
    egress: &Egress,
    options: Options,
) -> Result<Sandbox, StartError> {
    Sandbox::new(SandboxConfig {
        cache_dir: data.join("cache"),
        cache_mac_key: vault.derive("alcove sandbox cache v1"),
        cache_bytes: config.limits.compiled_bytes,
        compiler: Compiler::Child {
            program: options.program,
            args: vec!["compile-component".into()],
            limits: CompileLimits::default(),
        },
        max_instances: config.limits.max_tool_instances,
        egress: egress.clone(),
    })
    .map_err(failed("prepare the sandbox"))
}

/// Begins to load the models. One that is configured twice is loaded once.
fn models(config: &Config) -> Models {
    let wanted = |model| InferenceConfig {
        model,
        models_dir: config.models_dir.clone(),
        threads: config.threads,
        context_tokens: config.context_tokens,
    };
    let general = Inference::start(wanted(config.model.clone()));
    let code = config.code_model.clone().map(|code| wanted(Some(code)));
    let code = code.filter(|code| code.model_id() != general.model_id());
    Models::new(general, code.map(Inference::start))
}

/// Milliseconds since the Unix epoch.
pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    // A clock before 1970 reads as 1970.
    since.map_or(0, |since| {
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    })
}

/// Resolves at SIGTERM or SIGINT.
pub async fn termination() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminate), Ok(mut interrupt)) = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
    ) else {
        // Without handlers both signals end the process by themselves.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
