//! One process: lines in, lines out, and what becomes of it.

use std::collections::HashMap;
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::group::Group;
use super::streams::{Reader, log, write};
use crate::config::McpStdio;
use crate::mcp::LEGACY;

/// Messages that wait to be written.
const OUTBOX: usize = 256;
/// Requests that wait for an answer.
const MAX_WAITING: usize = 256;
/// Messages about one request that wait to be read; progress beyond is lost.
const MESSAGES: usize = 64;
/// How long a process gets to end by itself once its input is closed.
const GRACE: Duration = Duration::from_secs(1);

/// Why a process can't be spoken to.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProcessError {
    /// It can't be started.
    #[error("{command} cannot be started: {source}")]
    Start {
        command: String,
        source: std::io::Error,
    },
    /// It does not greet.
    #[error("it did not answer `initialize` within {0} s (`start` in the configuration file)")]
    Silent(f64),
    /// It greets in a way that is not understood.
    #[error("it speaks no revision of the protocol that is known here: {0}")]
    Greeting(String),
    /// It has too much to do.
    #[error("it has {MAX_WAITING} calls to answer: wait for one to end")]
    Busy,
    /// It is gone.
    #[error("its process has ended: see the server's log")]
    Ended,
}

/// Whoever waits for an answer.
pub(super) struct Waiting {
    pub(super) messages: mpsc::Sender<Value>,
    /// The caller's own token for progress.
    pub(super) progress: Option<Value>,
}

/// What is asked of a process.
pub(super) struct Calls {
    pub(super) waiting: HashMap<u64, Waiting>,
    /// When the last call began or ended.
    used_at: Instant,
    /// Set where it is ended since nobody uses it: nothing is asked of it any more.
    is_dismissed: bool,
}

pub(super) type Table = Arc<Mutex<Calls>>;

/// A process that has greeted.
pub(super) struct Process {
    outbox: mpsc::Sender<Value>,
    waiting: Table,
    next: AtomicU64,
    greeting: OnceLock<Value>,
    ended: Ending,
}

#[derive(Clone, Default)]
struct Ending {
    token: CancellationToken,
    at: Arc<OnceLock<Instant>>,
}

/// An answer that is on its way. Dropped, it tells the server that nobody waits any more.
pub(super) struct Asked {
    process: Arc<Process>,
    id: u64,
    pub(super) messages: mpsc::Receiver<Value>,
}

impl Process {
    /// Starts it and waits for its greeting. It ends with `stop`.
    pub(super) async fn start(
        settings: &McpStdio,
        stop: &CancellationToken,
    ) -> Result<Arc<Process>, ProcessError> {
        let name = &settings.name;
        let mut command = Command::new(&settings.command);
        command.args(&settings.args).env_clear();
        for variable in &settings.env {
            if let Some(value) = std::env::var_os(variable) {
                command.env(variable, value);
            }
        }
        if let Some(cwd) = &settings.cwd {
            command.current_dir(cwd);
        }
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        let mut child = command.spawn().map_err(|source| ProcessError::Start {
            command: settings.command.display().to_string(),
            source,
        })?;
        tracing::info!(name, pid = child.id(), "an MCP server is started");
        let stop = stop.child_token();
        // Whoever gives up waiting for the greeting leaves no process behind.
        let unless_it_greets = stop.clone().drop_guard();
        let (outbox, letters) = mpsc::channel(OUTBOX);
        let process = Arc::new(Process {
            outbox,
            waiting: Arc::new(Mutex::new(Calls {
                waiting: HashMap::new(),
                used_at: Instant::now(),
                is_dismissed: false,
            })),
            next: AtomicU64::new(1),
            greeting: OnceLock::new(),
            ended: Ending::default(),
        });
        if let (Some(input), Some(output), Some(errors)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        {
            tokio::spawn(write(input, letters, stop.clone()));
            tokio::spawn(log(name.clone(), errors));
            let (outbox, waiting) = (process.outbox.clone(), Arc::clone(&process.waiting));
            let reader = Reader {
                name: name.clone(),
                outbox,
                waiting,
            };
            tokio::spawn(reader.run(output, stop.clone()));
        }
        let (ended, waiting) = (process.ended.clone(), Arc::clone(&process.waiting));
        let dismissing = dismiss(
            name.clone(),
            settings.idle,
            Arc::clone(&waiting),
            stop.clone(),
        );
        tokio::spawn(stop.clone().run_until_cancelled_owned(dismissing));
        tokio::spawn(attend(name.clone(), child, stop.clone(), ended, waiting));
        tokio::time::timeout(settings.start, process.greet())
            .await
            .map_err(|_| ProcessError::Silent(settings.start.as_secs_f64()))??;
        unless_it_greets.disarm();
        Ok(process)
    }

    async fn greet(self: &Arc<Process>) -> Result<(), ProcessError> {
        let params = json!({
            "protocolVersion": LEGACY[0],
            "capabilities": {},
            "clientInfo": {"name": "alcove", "version": env!("CARGO_PKG_VERSION")},
        });
        let Value::Object(params) = params else {
            return Err(ProcessError::Ended);
        };
        let mut asked = self.ask("initialize", params)?;
        let mut answer = asked.messages.recv().await.ok_or(ProcessError::Ended)?;
        let greeting = answer["result"].take();
        let version = greeting["protocolVersion"].as_str();
        if !version.is_some_and(|version| LEGACY.contains(&version)) {
            let said: String = answer.to_string().chars().take(200).collect();
            return Err(ProcessError::Greeting(version.map_or(said, str::to_owned)));
        }
        // It is set once: a process greets once.
        let _ = self.greeting.set(greeting);
        let told = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        let told = self.outbox.send(told).await;
        told.map_err(|_| ProcessError::Ended)
    }

    /// What it answered to `initialize`.
    pub(super) fn greeting(&self) -> &Value {
        self.greeting.get().unwrap_or(&Value::Null)
    }

    /// Sends a request under an id of this host's own.
    pub(super) fn ask(
        self: &Arc<Process>,
        method: &str,
        mut params: Map<String, Value>,
    ) -> Result<Asked, ProcessError> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let meta = params.get_mut("_meta").and_then(Value::as_object_mut);
        let progress = meta.and_then(|meta| meta.get_mut("progressToken"));
        let progress = progress.map(|token| std::mem::replace(token, json!(id)));
        let (sender, messages) = mpsc::channel(MESSAGES);
        {
            let mut calls = lock(&self.waiting);
            if calls.is_dismissed || self.is_ended() {
                return Err(ProcessError::Ended);
            }
            if calls.waiting.len() >= MAX_WAITING {
                return Err(ProcessError::Busy);
            }
            let sender = Waiting {
                messages: sender,
                progress,
            };
            calls.waiting.insert(id, sender);
            calls.used_at = Instant::now();
        }
        let asked = Asked {
            process: Arc::clone(self),
            id,
            messages,
        };
        let message = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        match self.outbox.try_send(message) {
            Ok(()) => Ok(asked),
            Err(mpsc::error::TrySendError::Full(_)) => Err(ProcessError::Busy),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(ProcessError::Ended),
        }
    }

    pub(super) fn is_ended(&self) -> bool {
        self.ended.token.is_cancelled()
    }

    /// Keeps it for a call that is about to be made; not where nobody used it for so long that it
    /// is about to end.
    pub(super) fn keep(&self) -> bool {
        let mut calls = lock(&self.waiting);
        calls.used_at = Instant::now();
        !calls.is_dismissed
    }

    /// When it ended; now, where it did not.
    pub(super) fn ended_at(&self) -> Instant {
        self.ended.at.get().copied().unwrap_or_else(Instant::now)
    }

    pub(super) async fn ended(&self) {
        self.ended.token.cancelled().await;
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        let left = {
            let mut calls = lock(&self.process.waiting);
            calls.used_at = Instant::now();
            calls.waiting.remove(&self.id)
        };
        if left.is_some() {
            // A full outbox loses it: the answer is for nobody then.
            let _ = self.process.outbox.try_send(json!({
                "jsonrpc": "2.0",
                "method": "notifications/cancelled",
                "params": {"requestId": self.id, "reason": "nobody waits for it"},
            }));
        }
    }
}

/// Waits until nobody has used the process for so long, and ends it then.
async fn dismiss(name: String, idle: Duration, table: Table, stop: CancellationToken) {
    loop {
        let until = {
            let mut calls = lock(&table);
            let until = calls.used_at + idle;
            if calls.waiting.is_empty() && until <= Instant::now() {
                calls.is_dismissed = true;
                break;
            }
            match calls.waiting.is_empty() {
                true => until,
                false => Instant::now() + idle,
            }
        };
        tokio::time::sleep_until(until).await;
    }
    tracing::info!(name, "an MCP server is ended: nobody uses it");
    stop.cancel();
}

/// Waits for the end of the process, and sees to it where that is wanted.
async fn attend(
    name: String,
    mut child: Child,
    stop: CancellationToken,
    ended: Ending,
    waiting: Table,
) {
    let group = Group::of(child.id());
    let status = tokio::select! {
        status = child.wait() => Some(status),
        () = stop.cancelled() => tokio::time::timeout(GRACE, child.wait()).await.ok(),
    };
    // What it started goes with it, and so does a process that stays.
    group.kill();
    let status = match status {
        Some(status) => status,
        None => child.wait().await,
    };
    match status {
        Ok(status) => tracing::info!(name, %status, "an MCP server has ended"),
        Err(error) => tracing::error!(name, %error, "an MCP server could not be waited for"),
    }
    stop.cancel();
    // Set once: a process ends once.
    let _ = ended.at.set(Instant::now());
    ended.token.cancel();
    lock(&waiting).waiting.clear();
}

pub(super) fn lock(table: &Table) -> MutexGuard<'_, Calls> {
    table.lock().unwrap_or_else(PoisonError::into_inner)
}
