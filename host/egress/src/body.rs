//! Bodies: what is sent, and what comes back, both counted.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Incoming;
use tokio::task::JoinHandle;
use tokio::time::{Instant, Sleep};

use crate::error::EgressError;
use crate::limits::Limits;

/// What a request's body may fail with.
pub type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// The body of a request.
pub type Body = UnsyncBoxBody<Bytes, BodyError>;

/// No body.
pub fn empty_body() -> Body {
    http_body_util::Empty::new()
        .map_err(|never| match never {})
        .boxed_unsync()
}

/// A body that is known whole.
pub fn full_body(bytes: impl Into<Bytes>) -> Body {
    http_body_util::Full::new(bytes.into())
        .map_err(|never| match never {})
        .boxed_unsync()
}

/// A request's body that ends with an error above its limit.
pub(crate) struct CountedBody {
    inner: Body,
    left: u64,
    exceeded: Arc<AtomicBool>,
}

impl CountedBody {
    /// The flag says afterwards whether the limit was the reason.
    pub(crate) fn new(inner: Body, limit: u64) -> (CountedBody, Arc<AtomicBool>) {
        let exceeded = Arc::new(AtomicBool::new(false));
        let body = CountedBody {
            inner,
            left: limit,
            exceeded: Arc::clone(&exceeded),
        };
        (body, exceeded)
    }
}

impl http_body::Body for CountedBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let frame = match ready!(Pin::new(&mut self.inner).poll_frame(cx)) {
            Some(Ok(frame)) => frame,
            other => return Poll::Ready(other),
        };
        let size = frame.data_ref().map_or(0, |data| data.len() as u64);
        match self.left.checked_sub(size) {
            Some(left) => self.left = left,
            None => {
                self.exceeded.store(true, Ordering::Relaxed);
                return Poll::Ready(Some(Err("the request is too large".into())));
            }
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// The body of a response. It owns its connection: dropping it closes that.
pub struct ResponseBody {
    incoming: Incoming,
    _connection: Connection,
    left: u64,
    limit: u64,
    /// When everything has to be done.
    deadline: Pin<Box<Sleep>>,
    total: Duration,
    /// When the next piece has to be here.
    piece: Pin<Box<Sleep>>,
    idle: Duration,
    done: bool,
}

impl ResponseBody {
    pub(crate) fn new(
        incoming: Incoming,
        connection: Connection,
        limits: &Limits,
        deadline: Instant,
    ) -> ResponseBody {
        ResponseBody {
            incoming,
            _connection: connection,
            left: limits.response_bytes,
            limit: limits.response_bytes,
            deadline: Box::pin(tokio::time::sleep_until(deadline)),
            total: limits.total,
            piece: Box::pin(tokio::time::sleep(limits.idle)),
            idle: limits.idle,
            done: false,
        }
    }

    /// The next piece, or nothing at the end.
    ///
    /// # Errors
    ///
    /// A limit that was reached, or a connection that broke.
    pub async fn next(&mut self) -> Option<Result<Bytes, EgressError>> {
        loop {
            match self.frame().await? {
                Ok(frame) => {
                    if let Ok(data) = frame.into_data() {
                        return Some(Ok(data));
                    }
                }
                Err(error) => return Some(Err(error)),
            }
        }
    }

    /// The whole body, within its limit.
    ///
    /// # Errors
    ///
    /// As for [`ResponseBody::next`].
    pub async fn read_all(mut self) -> Result<Vec<u8>, EgressError> {
        let mut all = Vec::new();
        while let Some(piece) = self.next().await {
            all.extend_from_slice(&piece?);
        }
        Ok(all)
    }
}

impl http_body::Body for ResponseBody {
    type Data = Bytes;
    type Error = EgressError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, EgressError>>> {
        if self.done {
            return Poll::Ready(None);
        }
        let result = match Pin::new(&mut self.incoming).poll_frame(cx) {
            Poll::Ready(None) => {
                self.done = true;
                return Poll::Ready(None);
            }
            Poll::Ready(Some(Ok(frame))) => {
                let size = frame.data_ref().map_or(0, |data| data.len() as u64);
                match self.left.checked_sub(size) {
                    Some(left) => {
                        self.left = left;
                        let next = Instant::now() + self.idle;
                        self.piece.as_mut().reset(next);
                        Ok(frame)
                    }
                    None => Err(EgressError::ResponseTooLarge { limit: self.limit }),
                }
            }
            Poll::Ready(Some(Err(error))) => Err(from_hyper(error)),
            Poll::Pending => {
                if self.deadline.as_mut().poll(cx).is_ready() {
                    Err(EgressError::Timeout {
                        what: "the request",
                        limit: self.total,
                    })
                } else if self.piece.as_mut().poll(cx).is_ready() {
                    Err(EgressError::Timeout {
                        what: "a piece of the body",
                        limit: self.idle,
                    })
                } else {
                    return Poll::Pending;
                }
            }
        };
        // A steady trickle is always ready before it is pending, so the deadline is looked at here.
        let result = match result {
            Ok(_) if Instant::now() >= self.deadline.deadline() => Err(EgressError::Timeout {
                what: "the request",
                limit: self.total,
            }),
            result => result,
        };
        if result.is_err() {
            self.done = true;
        }
        Poll::Ready(Some(result))
    }

    fn is_end_stream(&self) -> bool {
        self.done || self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

/// The task that moves a connection's bytes; ends with this value.
pub(crate) struct Connection(pub(crate) JoinHandle<()>);

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What hyper's errors mean here.
pub(crate) fn from_hyper(error: hyper::Error) -> EgressError {
    let ended = error.is_incomplete_message() || error.is_closed() || error.is_canceled();
    if ended || is_connection_reset(&error) {
        EgressError::Incomplete
    } else {
        EgressError::Protocol(error)
    }
}

fn is_connection_reset(error: &hyper::Error) -> bool {
    use std::error::Error as _;
    error
        .source()
        .and_then(|source| source.downcast_ref::<std::io::Error>())
        .is_some_and(|io| {
            matches!(
                io.kind(),
                std::io::ErrorKind::ConnectionReset
                    | std::io::ErrorKind::BrokenPipe
                    | std::io::ErrorKind::UnexpectedEof
                    | std::io::ErrorKind::ConnectionAborted
            )
        })
}
