//! What goes to a process and what comes from it, a line each.

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{ChildStderr, ChildStdin, ChildStdout};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::process::{Table, Waiting, lock};
use crate::mcp::code;
use crate::mcp::stdio::{Line, Lines};

/// Messages in a row that answer nothing; a process that sends more is ended.
const MAX_STRAY: u32 = 10_000;
/// What a process says to its log: bytes of a line that are kept, and lines.
const MAX_LOG_LINE_BYTES: u64 = 2_000;
const MAX_LOG_LINES: u32 = 1_000;

/// Writes messages, a line each, until the process is to end: then its input is closed.
pub(super) async fn write(
    mut input: ChildStdin,
    mut letters: mpsc::Receiver<Value>,
    stop: CancellationToken,
) {
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
pub(super) struct Reader {
    pub(super) name: String,
    pub(super) outbox: mpsc::Sender<Value>,
    pub(super) waiting: Table,
}

impl Reader {
    pub(super) async fn run(self, output: ChildStdout, stop: CancellationToken) {
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
            .and_then(|id| lock(&self.waiting).waiting.remove(&id));
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
            .and_then(|id| table.waiting.get(&id));
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
pub(super) async fn log(name: String, errors: ChildStderr) {
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
