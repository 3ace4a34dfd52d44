//! HTTP exchanges: written down as the guest sent and received them, or served from a record.

mod digest;
mod headers;
mod served;
#[cfg(test)]
mod tests;
mod watched;

use std::pin::Pin;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt;
use wasmtime_wasi_http::{Error, WasiBody};

use super::Recorder;
use crate::http_error::HttpError;
use crate::record::{self, BodyEnd, HttpExchange, MAX_HTTP_EXCHANGES};
use digest::Digest;
use headers::{size, written};
use served::Served;
use watched::{Seen, Watched};

/// What a guest gets for a request.
pub(crate) type Answer = Result<
    (
        Response<WasiBody>,
        Box<dyn Future<Output = Result<(), Error>> + Send>,
    ),
    Error,
>;

/// An answer that is on its way.
pub(crate) type Answering = Box<dyn Future<Output = Answer> + Send>;

/// What is to be done with a request.
pub(crate) enum Turn {
    /// It is made; `exchange` writes down what comes of it.
    Live {
        request: Box<Request<WasiBody>>,
        exchange: Exchange,
    },
    /// It was made then: this is the answer.
    Served(Answering),
}

/// The place of one exchange in the record, if it has one. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Exchange {
    recorder: Recorder,
    place: Option<usize>,
}

impl Recorder {
    /// A request as the guest made it, before anything is added to it.
    pub(crate) fn request(&self, request: Request<WasiBody>) -> Turn {
        let head = HttpExchange {
            method: request.method().as_str().to_owned(),
            url: request.uri().to_string(),
            headers: written(request.headers()),
            ..HttpExchange::default()
        };
        let mut inner = self.lock();
        if let Some(replay) = &mut inner.replay {
            let recorded = replay.record.http.get_mut(replay.http).map(std::mem::take);
            replay.http += 1;
            drop(inner);
            let served = Served {
                recorder: self.clone(),
                head,
                recorded,
            };
            return Turn::Served(Box::new(served.answer(request.into_body())));
        }
        let at_us = inner.elapsed_us();
        let is_room = inner.record.http.len() < MAX_HTTP_EXCHANGES
            && inner.take_room(head.url.len() + size(&head.headers));
        inner.record.truncated |= !is_room;
        let place = is_room.then(|| {
            inner.record.http.push(HttpExchange { at_us, ..head });
            inner.record.http.len() - 1
        });
        drop(inner);
        let exchange = Exchange {
            recorder: self.clone(),
            place,
        };
        let sent = exchange.clone();
        let mut digest = Digest::default();
        let request = request.map(|body| {
            Watched::new(body, move |seen| sent.sent(&mut digest, seen)).boxed_unsync()
        });
        Turn::Live {
            request: Box::new(request),
            exchange,
        }
    }
}

impl Exchange {
    /// The line of the policy that allows it.
    pub(crate) fn allowed_by(&self, line: u32) {
        self.note(|exchange| exchange.line = Some(line));
    }

    /// What the host put into it, with placeholders for secrets.
    pub(crate) fn injected(&self, what: String) {
        self.note(|exchange| exchange.injected = Some(what));
    }

    /// Why there is no answer, in the host's words.
    pub(crate) fn failed(&self, why: &str) {
        self.note(|exchange| exchange.error = Some(why.to_owned()));
    }

    /// Writes down what comes of `answering`, and gives it to the guest.
    pub(crate) async fn through(self, answering: Answering) -> Answer {
        let answer = Pin::from(answering).await;
        let refusal = self.recorder.refusal();
        let now = self.recorder.lock().elapsed_us();
        self.note(|exchange| {
            exchange.took_us = now.saturating_sub(exchange.at_us);
            exchange.refusal = refusal;
        });
        match answer {
            Err(error) => {
                self.note(|exchange| exchange.told = Some(HttpError::from(&error)));
                Err(error)
            }
            Ok((response, io)) => {
                let headers = written(response.headers());
                let fits = self.recorder.lock().take_room(size(&headers));
                self.note(|exchange| {
                    exchange.status = Some(response.status().as_u16());
                    exchange.cut |= !fits;
                    if fits {
                        exchange.answer_headers = headers;
                    }
                });
                let response = response
                    .map(|body| Watched::new(body, move |seen| self.received(seen)).boxed_unsync());
                Ok((response, io))
            }
        }
    }

    fn note(&self, change: impl FnOnce(&mut HttpExchange)) {
        let mut inner = self.recorder.lock();
        let exchange = self
            .place
            .and_then(|place| inner.record.http.get_mut(place));
        if let Some(exchange) = exchange {
            change(exchange);
        }
    }

    /// Digests the guest's body, and notes it if it ends before the answer comes.
    fn sent(&self, digest: &mut Digest, seen: Seen<'_>) {
        match seen {
            Some(Ok(frame)) => digest.frame(frame),
            Some(Err(_)) => {}
            None => self.note(|exchange| {
                if exchange.status.is_none() {
                    exchange.sent = Some(digest.sent());
                }
            }),
        }
    }

    /// Keeps what comes of the answer's body.
    fn received(&self, seen: Seen<'_>) {
        match seen {
            Some(Ok(frame)) => {
                if let Some(data) = frame.data_ref() {
                    self.piece(data);
                } else if let Some(trailers) = frame.trailers_ref() {
                    let trailers = written(trailers);
                    let fits = self.recorder.lock().take_room(size(&trailers));
                    self.note(|exchange| {
                        exchange.cut |= !fits;
                        exchange.trailers = fits.then_some(trailers);
                    });
                }
            }
            Some(Err(error)) => {
                let refusal = self.recorder.refusal();
                self.note(|exchange| {
                    exchange.end = Some(BodyEnd::Failed(HttpError::from(error)));
                    exchange.refusal = refusal;
                });
            }
            None => self.note(|exchange| exchange.end = Some(BodyEnd::Whole)),
        }
    }

    /// Keeps a piece of the answer's body, or says that something is missing from here on.
    fn piece(&self, data: &Bytes) {
        if self.place.is_none() {
            return;
        }
        let fits = self.recorder.lock().take_room(data.len());
        self.note(|exchange| {
            exchange.cut |= !fits;
            if !exchange.cut {
                exchange.pieces.push(record::Bytes(data.clone()));
            }
        });
    }
}
