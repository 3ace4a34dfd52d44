//! MCP over a pair of byte streams: one message a line. Standard input and output of `alcove mcp
//! --stdio`, and the connection through which that reaches a server that already runs.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader, BufWriter,
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::message::{Notification, Unreadable};
use super::{Context, Fault, Id, Mcp, Message, Request, can_be_asked, code, reply};
use crate::accounts::Principal;

/// The longest line. A call's arguments may have 4 MiB, and JSON in JSON is longer.
pub(crate) const MAX_LINE_BYTES: usize = 16 << 20;
/// The most requests of one connection at once; more are refused.
const MAX_IN_FLIGHT: usize = 1_024;
/// Messages that wait to be written.
const OUTBOX: usize = 256;
/// How long calls in flight get to end when the client closes its side.
const LAST_CALLS: Duration = Duration::from_secs(1);
/// How long stopped calls get to be written down, and the last messages to leave.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Requests that are being answered, and how to stop them.
#[derive(Clone, Default)]
struct InFlight(Arc<Mutex<HashMap<Id, CancellationToken>>>);

impl InFlight {
    fn lock(&self) -> MutexGuard<'_, HashMap<Id, CancellationToken>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Serves one client until it closes its side, or `closing` says that the server goes down.
pub(crate) async fn serve<R, W>(
    mcp: Mcp,
    principal: Principal,
    reader: R,
    writer: W,
    closing: CancellationToken,
) where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin + Send + 'static,
{
    let (outbox, letters) = mpsc::channel(OUTBOX);
    let mut writing = tokio::spawn(write(writer, letters));
    let served = Served {
        mcp,
        principal: Arc::new(principal),
        outbox,
        in_flight: InFlight::default(),
        is_asked: AtomicBool::new(false),
        stop: closing.child_token(),
        tasks: TaskTracker::new(),
    };
    let mut lines = Lines::new(reader);
    loop {
        let line = tokio::select! {
            () = closing.cancelled() => break,
            () = served.outbox.closed() => break,
            line = lines.next() => line,
        };
        match line {
            Ok(Line::Whole(bytes)) if bytes.iter().all(u8::is_ascii_whitespace) => {}
            Ok(Line::Whole(bytes)) => served.take(&bytes).await,
            Ok(Line::TooLong) => {
                let fault = Fault::new(
                    code::INVALID_REQUEST,
                    format!("A message has at most {} MiB", MAX_LINE_BYTES >> 20),
                );
                served.send(fault.message(None)).await;
            }
            Ok(Line::End) => break,
            Err(error) => {
                tracing::debug!(%error, "an MCP client broke off");
                break;
            }
        }
    }
    served.tasks.close();
    let ended = tokio::time::timeout(LAST_CALLS, served.tasks.wait()).await;
    served.stop.cancel();
    if ended.is_err() {
        // A stopped call ends within 100 ms, and is in the audit log then.
        let _ = tokio::time::timeout(LAST_WORDS, served.tasks.wait()).await;
    }
    drop(served);
    match tokio::time::timeout(LAST_WORDS, &mut writing).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::error!(%error, "writing to an MCP client failed"),
        // A client that does not read any more.
        Err(_) => writing.abort(),
    }
}

struct Served {
    mcp: Mcp,
    principal: Arc<Principal>,
    outbox: mpsc::Sender<Value>,
    in_flight: InFlight,
    /// Whether the client said that its person can be asked.
    is_asked: AtomicBool,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Served {
    async fn take(&self, line: &[u8]) {
        match Message::parse(line) {
            Ok(Message::Request(request)) => self.ask(request).await,
            Ok(Message::Notification(told)) => self.told(&told),
            Ok(Message::Response(response)) => self.mcp.answered(&self.principal, response),
            Err(unreadable) => {
                let (id, fault): Unreadable = *unreadable;
                self.send(fault.message(id.as_ref())).await;
            }
        }
    }

    /// Only `notifications/cancelled` asks for anything; one that names nothing is ignored.
    fn told(&self, told: &Notification) {
        if let Some(id) = told.cancelled()
            && let Some(token) = self.in_flight.lock().get(&id)
        {
            token.cancel();
        }
    }

    async fn ask(&self, request: Request) {
        if request.method != "tools/call" {
            if request.method == "initialize" {
                self.is_asked
                    .store(can_be_asked(&request), Ordering::Relaxed);
            }
            let context = Context {
                principal: &self.principal,
                cancel: self.stop.clone(),
                notify: None,
                is_asked: false,
            };
            let answer = reply(&request.id, self.mcp.answer(&request, context).await);
            self.send(answer).await;
            return;
        }
        let token = self.stop.child_token();
        let mut alone = false;
        let refusal = {
            let mut in_flight = self.in_flight.lock();
            if in_flight.contains_key(&request.id) {
                Some(Fault::new(
                    code::INVALID_REQUEST,
                    "A request with this id is being answered: ids are used once",
                ))
            } else if in_flight.len() >= MAX_IN_FLIGHT {
                Some(Fault::new(
                    code::BUSY,
                    format!("{MAX_IN_FLIGHT} calls are running: wait for one to end"),
                ))
            } else {
                alone = in_flight.is_empty();
                in_flight.insert(request.id.clone(), token.clone());
                None
            }
        };
        if let Some(fault) = refusal {
            return self.send(fault.message(Some(&request.id))).await;
        }
        let (mcp, principal) = (self.mcp.clone(), Arc::clone(&self.principal));
        let (outbox, in_flight) = (self.outbox.clone(), self.in_flight.clone());
        let is_asked = self.is_asked.load(Ordering::Relaxed);
        let mut answering = Box::pin(async move {
            let context = Context {
                principal: &principal,
                cancel: token.clone(),
                notify: Some(outbox.clone()),
                is_asked,
            };
            let answer = reply(&request.id, mcp.answer(&request, context).await);
            in_flight.lock().remove(&request.id);
            // Whoever cancelled a request does not wait for its answer.
            if !token.is_cancelled() {
                // A closed outbox is a client that left.
                let _ = outbox.send(answer).await;
            }
        });
        // A small call is over before another thread is awake to take it. The sandbox lets a guest
        // compute for a tick at most before it gives way, so nothing is held up for longer.
        if alone && futures::poll!(&mut answering).is_ready() {
            return;
        }
        self.tasks.spawn(answering);
    }

    async fn send(&self, message: Value) {
        // A closed outbox is a client that left; the loop sees that next.
        let _ = self.outbox.send(message).await;
    }
}

/// Writes messages, a line each; flushes when no more wait.
async fn write<W: AsyncWrite + Unpin>(writer: W, mut letters: mpsc::Receiver<Value>) {
    let mut writer = BufWriter::new(writer);
    while let Some(first) = letters.recv().await {
        let mut next = Some(first);
        while let Some(message) = next {
            // Values have string keys and finite numbers: they always serialise, without line ends.
            let mut line = serde_json::to_vec(&message).unwrap_or_default();
            line.push(b'\n');
            if writer.write_all(&line).await.is_err() {
                return;
            }
            next = letters.try_recv().ok();
        }
        if writer.flush().await.is_err() {
            return;
        }
    }
}

pub(crate) enum Line {
    Whole(Vec<u8>),
    TooLong,
    End,
}

/// Lines of bounded length. Reading one can be given up and taken up again.
pub(crate) struct Lines<R> {
    reader: BufReader<R>,
    line: Vec<u8>,
    is_too_long: bool,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    pub(crate) fn new(reader: R) -> Lines<R> {
        Lines {
            reader: BufReader::with_capacity(64 << 10, reader),
            line: Vec::new(),
            is_too_long: false,
        }
    }

    pub(crate) async fn next(&mut self) -> std::io::Result<Line> {
        loop {
            let buffer = self.reader.fill_buf().await?;
            if buffer.is_empty() {
                // What is left without a line end was cut off.
                return Ok(Line::End);
            }
            let end = buffer.iter().position(|byte| *byte == b'\n');
            let taken = end.unwrap_or(buffer.len());
            if self.line.len() + taken > MAX_LINE_BYTES {
                self.is_too_long = true;
                self.line = Vec::new();
            }
            if !self.is_too_long {
                self.line.extend_from_slice(&buffer[..taken]);
            }
            self.reader.consume(taken + usize::from(end.is_some()));
            if end.is_some() {
                let line = std::mem::take(&mut self.line);
                return Ok(match std::mem::take(&mut self.is_too_long) {
                    true => Line::TooLong,
                    false => Line::Whole(line),
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_line_that_is_too_long_is_skipped() {
        let mut bytes = b"one\n".to_vec();
        bytes.extend(std::iter::repeat_n(b'x', MAX_LINE_BYTES + 1));
        bytes.extend(b"\ntwo\ncut off");
        let mut lines = Lines::new(bytes.as_slice());
        assert!(matches!(lines.next().await.unwrap(), Line::Whole(line) if line == b"one"));
        assert!(matches!(lines.next().await.unwrap(), Line::TooLong));
        assert!(matches!(lines.next().await.unwrap(), Line::Whole(line) if line == b"two"));
        assert!(matches!(lines.next().await.unwrap(), Line::End));
    }
}
