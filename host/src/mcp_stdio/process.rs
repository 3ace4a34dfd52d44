//! One process: lines in, lines out, and what becomes of it.

use std::collections::HashMap;
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::group::Group;
use crate::config::McpStdio;
use crate::mcp::stdio::{Line, Lines};
use crate::mcp::{LEGACY, code};

/// Messages that wait to be written.
const OUTBOX: usize = 256;
/// Requests that wait for an answer.
const MAX_WAITING: usize = 256;
/// Messages about one request that wait to be read; progress beyond is lost.
const MESSAGES: usize = 64;
/// Messages in a row that answer nothing; a process that sends more is ended.
const MAX_STRAY: u32 = 10_000;
/// How long a process gets to end by itself once its input is closed.
const GRACE: Duration = Duration::from_secs(1);
/// What a process says to its log: bytes of a line that are kept, and lines.
const MAX_LOG_LINE_BYTES: u64 = 2_000;
const MAX_LOG_LINES: u32 = 1_000;

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
struct Waiting {
    messages: mpsc::Sender<Value>,
    /// The caller's own token for progress.
    progress: Option<Value>,
}

type Table = Arc<Mutex<HashMap<u64, Waiting>>>;

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
            waiting: Table::default(),
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
            let mut waiting = lock(&self.waiting);
            if !self.is_alive() {
                return Err(ProcessError::Ended);
            }
            if waiting.len() >= MAX_WAITING {
                return Err(ProcessError::Busy);
            }
            let sender = Waiting {
                messages: sender,
                progress,
            };
            waiting.insert(id, sender);
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

    pub(super) fn is_alive(&self) -> bool {
        !self.ended.token.is_cancelled()
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
        if lock(&self.process.waiting).remove(&self.id).is_some() {
            // A full outbox loses it: the answer is for nobody then.
            let _ = self.process.outbox.try_send(json!({
                "jsonrpc": "2.0",
                "method": "notifications/cancelled",
                "params": {"requestId": self.id, "reason": "nobody waits for it"},
            }));
        }
    }
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
    lock(&waiting).clear();
}

/// Writes messages, a line each, until the process is to end: then its input is closed.
async fn write(mut input: ChildStdin, mut letters: mpsc::Receiver<Value>, stop: CancellationToken) {
    loop {
        let letter = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            letter = letters.recv() => letter,
        };
        let Some(letter) = letter else {
            return;
        };
        let line = format!("{letter}\n");
        let written = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            written = input.write_all(line.as_bytes()) => written,
        };
        if written.is_err() {
            return;
        }
    }
}

/// Reads what the process says.
struct Reader {
    name: String,
    outbox: mpsc::Sender<Value>,
    waiting: Table,
}

impl Reader {
    async fn run(self, output: ChildStdout, stop: CancellationToken) {
        let mut lines = Lines::new(output);
        let mut stray = 0;
        while stray < MAX_STRAY {
            let line = tokio::select! {
                () = stop.cancelled() => return,
                line = lines.next() => line,
            };
            match line {
                Ok(Line::Whole(line)) => match self.take(&line) {
                    true => stray = 0,
                    false => stray += 1,
                },
                Ok(Line::TooLong) => {
                    tracing::warn!(name = self.name, "an MCP server sent too long a line");
                    break;
                }
                Ok(Line::End) | Err(_) => break,
            }
        }
        if stray >= MAX_STRAY {
            tracing::warn!(name = self.name, "an MCP server floods its output");
        }
        // Whoever does not say anything that is asked for is of no use any more.
        stop.cancel();
    }

    /// Answers whether somebody waited for it.
    fn take(&self, line: &[u8]) -> bool {
        let Ok(mut message) = serde_json::from_slice::<Value>(line) else {
            return false;
        };
        if message["method"].is_string() {
            return self.told(message);
        }
        let waiting = message["id"]
            .as_u64()
            .and_then(|id| lock(&self.waiting).remove(&id));
        let Some(waiting) = waiting else {
            return false;
        };
        message["jsonrpc"] = json!("2.0");
        // There is always room for the answer: progress leaves one place.
        let _ = waiting.messages.try_send(message);
        true
    }

    /// A notification, or a request of the server's own.
    fn told(&self, mut message: Value) -> bool {
        if let Some(id) = message.get("id").cloned() {
            let answer = match message["method"].as_str() {
                Some("ping") => json!({"jsonrpc": "2.0", "id": id, "result": {}}),
                // No model, no folders and no person are here for it.
                _ => json!({"jsonrpc": "2.0", "id": id, "error": {
                    "code": code::METHOD_NOT_FOUND, "message": "this client does not do that",
                }}),
            };
            // A server that does not read gets no answers.
            let _ = self.outbox.try_send(answer);
            return false;
        }
        if message["method"] != "notifications/progress" {
            return false;
        }
        let table = lock(&self.waiting);
        let waiting = message["params"]["progressToken"]
            .as_u64()
            .and_then(|id| table.get(&id));
        let Some(Waiting {
            messages,
            progress: Some(token),
        }) = waiting
        else {
            return false;
        };
        message["params"]["progressToken"] = token.clone();
        if messages.capacity() > 1 {
            // The answer comes by the same way, so the last place is kept for it.
            let _ = messages.try_send(message);
        }
        true
    }
}

/// What the process says to people goes to the server's log, so much of it.
async fn log(name: String, errors: ChildStderr) {
    let mut errors = BufReader::new(errors);
    let mut lines = 0;
    let mut line = Vec::new();
    loop {
        line.clear();
        let mut piece = (&mut errors).take(MAX_LOG_LINE_BYTES);
        if !matches!(piece.read_until(b'\n', &mut line).await, Ok(1..)) {
            return;
        }
        lines += 1;
        if lines <= MAX_LOG_LINES {
            let text = String::from_utf8_lossy(&line);
            tracing::info!(name, "{}", text.trim_end().escape_debug());
        } else if lines == MAX_LOG_LINES + 1 {
            tracing::warn!(name, "says more than is logged");
        }
    }
}

fn lock(table: &Table) -> MutexGuard<'_, HashMap<u64, Waiting>> {
    table.lock().unwrap_or_else(PoisonError::into_inner)
}
