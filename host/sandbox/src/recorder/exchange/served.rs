//! The answer to a request of a replay, from the record.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body::Frame;
use http_body_util::BodyExt;
use wasmtime_wasi_http::{Error, WasiBody};

use super::Answer;
use super::digest::digest;
use super::headers::read;
use crate::http_error::HttpError;
use crate::record::{self, BodyEnd, Headers, HttpExchange, SentBody};
use crate::recorder::Recorder;

/// What divergences are named.
const FUNCTION: &str = "wasi:http/outgoing-handler.handle";

/// A request of a replay.
pub(super) struct Served {
    pub(super) recorder: Recorder,
    pub(super) head: HttpExchange,
    pub(super) recorded: Option<HttpExchange>,
}

impl Served {
    pub(super) async fn answer(self, body: WasiBody) -> Answer {
        let Served {
            recorder,
            mut head,
            recorded,
        } = self;
        let Some(recorded) = recorded else {
            let mut inner = recorder.lock();
            let nothing = inner.nothing_more();
            inner.diverged(FUNCTION, nothing, shown(&head));
            return Err(HttpError::Internal.into());
        };
        // A body that ended before the answer came is read before it is given: it has to be the same.
        let rest = match &recorded.sent {
            Some(_) => {
                head.sent = Some(digest(body).await);
                None
            }
            None => Some(body),
        };
        let is_same = (&head.method, &head.url, &head.headers, &head.sent)
            == (
                &recorded.method,
                &recorded.url,
                &recorded.headers,
                &recorded.sent,
            );
        if !is_same {
            let mut inner = recorder.lock();
            inner.diverged(FUNCTION, shown(&recorded), shown(&head));
            return Err(HttpError::Internal.into());
        }
        if recorded.status.is_none() && recorded.told.is_none() {
            // The guest had no answer, and did not wait for one.
            std::future::pending::<()>().await;
        }
        recorder.lock().refusal = recorded.refusal;
        if let Some(told) = recorded.told {
            return Err(told.into());
        }
        let mut response = Response::new(());
        *response.status_mut() = recorded
            .status
            .and_then(|status| StatusCode::from_u16(status).ok())
            .ok_or(HttpError::Internal)?;
        *response.headers_mut() = read(&recorded.answer_headers);
        let body = Replayed {
            recorder,
            url: recorded.url,
            pieces: recorded.pieces.into(),
            trailers: recorded.trailers,
            end: recorded.end,
        };
        let io = async move {
            if let Some(rest) = rest {
                digest(rest).await;
            }
            Ok(())
        };
        Ok((response.map(|()| body.boxed_unsync()), Box::new(io)))
    }
}

/// The body of an answer, from the record.
struct Replayed {
    recorder: Recorder,
    url: String,
    pieces: VecDeque<record::Bytes>,
    trailers: Option<Headers>,
    end: Option<BodyEnd>,
}

impl http_body::Body for Replayed {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if let Some(record::Bytes(data)) = self.pieces.pop_front() {
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        if let Some(trailers) = self.trailers.take() {
            return Poll::Ready(Some(Ok(Frame::trailers(read(&trailers)))));
        }
        Poll::Ready(match &self.end {
            Some(BodyEnd::Whole) => None,
            Some(BodyEnd::Failed(error)) => Some(Err(error.clone().into())),
            None => {
                let mut inner = self.recorder.lock();
                let nothing = inner.nothing_more();
                let now = format!("more of the body of {}", self.url);
                inner.diverged("wasi:http/types.incoming-body", nothing, now);
                Some(Err(HttpError::Internal.into()))
            }
        })
    }
}

/// A request in one line of text.
fn shown(exchange: &HttpExchange) -> String {
    let HttpExchange {
        method,
        url,
        headers,
        sent,
        ..
    } = exchange;
    let mut text = format!("{method} {url}");
    for (name, value) in headers {
        text.push_str(&format!("; {name}: {value}"));
    }
    if let Some(SentBody { bytes, blake3 }) = sent {
        text.push_str(&format!("; a body of {bytes} bytes (BLAKE3 {blake3})"));
    }
    text
}
