//! HTTP exchanges: written down as the guest sent and received them, or served from a record.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::BodyExt;
use wasmtime_wasi_http::{Error, WasiBody};

use super::Recorder;
use crate::http_error::HttpError;
use crate::record::{self, BodyEnd, Headers, HttpExchange, MAX_HTTP_EXCHANGES, SentBody};

/// What divergences are named.
const FUNCTION: &str = "wasi:http/outgoing-handler.handle";

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
        let request = request.map(|body| {
            let body = Sent {
                inner: body,
                exchange: exchange.clone(),
                hasher: blake3::Hasher::new(),
                bytes: 0,
            };
            body.boxed_unsync()
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
                let response = response.map(|inner| {
                    Received {
                        inner,
                        exchange: self,
                    }
                    .boxed_unsync()
                });
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

/// The body of a request on its way out: hashed, and noted if it ends before the answer comes.
struct Sent {
    inner: WasiBody,
    exchange: Exchange,
    hasher: blake3::Hasher,
    bytes: u64,
}

impl http_body::Body for Sent {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(cx));
        match &frame {
            Some(Ok(frame)) => {
                if let Some(data) = frame.data_ref() {
                    self.hasher.update(data);
                    self.bytes += data.len() as u64;
                }
            }
            Some(Err(_)) => {}
            None => {
                let sent = SentBody {
                    bytes: self.bytes,
                    blake3: self.hasher.finalize().to_hex().to_string(),
                };
                self.exchange.note(|exchange| {
                    if exchange.status.is_none() {
                        exchange.sent = Some(sent);
                    }
                });
            }
        }
        Poll::Ready(frame)
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.inner.size_hint()
    }
}

/// The body of an answer on its way in.
struct Received {
    inner: WasiBody,
    exchange: Exchange,
}

impl http_body::Body for Received {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(cx));
        match &frame {
            Some(Ok(frame)) => {
                if let Some(data) = frame.data_ref() {
                    self.exchange.piece(data);
                } else if let Some(trailers) = frame.trailers_ref() {
                    let trailers = written(trailers);
                    let fits = self.exchange.recorder.lock().take_room(size(&trailers));
                    self.exchange.note(|exchange| {
                        exchange.cut |= !fits;
                        exchange.trailers = fits.then_some(trailers);
                    });
                }
            }
            Some(Err(error)) => {
                let end = BodyEnd::Failed(HttpError::from(error));
                let refusal = self.exchange.recorder.refusal();
                self.exchange.note(|exchange| {
                    exchange.end = Some(end);
                    exchange.refusal = refusal;
                });
            }
            None => self
                .exchange
                .note(|exchange| exchange.end = Some(BodyEnd::Whole)),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.inner.size_hint()
    }
}

/// A request of a replay.
struct Served {
    recorder: Recorder,
    head: HttpExchange,
    recorded: Option<HttpExchange>,
}

impl Served {
    async fn answer(self, body: WasiBody) -> Answer {
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

async fn digest(mut body: WasiBody) -> SentBody {
    let mut hasher = blake3::Hasher::new();
    let mut bytes = 0;
    while let Some(Ok(frame)) = body.frame().await {
        if let Some(data) = frame.data_ref() {
            hasher.update(data);
            bytes += data.len() as u64;
        }
    }
    SentBody {
        bytes,
        blake3: hasher.finalize().to_hex().to_string(),
    }
}

/// Headers as a record holds them: their bytes as Latin-1, from which they can be had again.
fn written(headers: &HeaderMap) -> Headers {
    let mut list = Headers::new();
    for (name, value) in headers {
        let value = value.as_bytes().iter().map(|byte| char::from(*byte));
        list.push((name.as_str().to_owned(), value.collect()));
    }
    list
}

fn read(headers: &Headers) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let bytes: Vec<u8> = value
            .chars()
            .filter_map(|c| u8::try_from(u32::from(c)).ok())
            .collect();
        let name = HeaderName::from_bytes(name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(&bytes)) {
            map.append(name, value);
        }
    }
    map
}

fn size(headers: &Headers) -> usize {
    let sizes = headers.iter().map(|(name, value)| name.len() + value.len());
    sizes.sum()
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

#[cfg(test)]
mod tests {
    use http_body_util::Full;

    use super::*;

    fn request(path: &str, body: &'static str) -> Request<WasiBody> {
        let body = Full::new(Bytes::from_static(body.as_bytes()))
            .map_err(|never| match never {})
            .boxed_unsync();
        Request::post(format!("https://a.example{path}"))
            .header("x-odd", HeaderValue::from_bytes(b"caf\xe9").unwrap())
            .body(body)
            .unwrap()
    }

    /// An answer from the network, which comes when the whole request was sent.
    async fn network(request: Request<WasiBody>) -> Answer {
        let sent = digest(request.into_body()).await;
        let body = Full::new(Bytes::from_static(b"\xff\0done"))
            .map_err(|never| match never {})
            .boxed_unsync();
        let response = Response::builder()
            .header("x-sent", sent.bytes)
            .body(body)
            .unwrap();
        Ok((response, Box::new(async { Ok(()) })))
    }

    async fn record() -> crate::HostRecord {
        let recorder = Recorder::new();
        recorder.begin(None, "en", None);
        let Turn::Live { request, exchange } = recorder.request(request("/", "one")) else {
            panic!("not live");
        };
        exchange.allowed_by(7);
        let answer = exchange.through(Box::new(network(*request))).await;
        let (response, _) = answer.unwrap();
        response.into_body().collect().await.unwrap();
        recorder.take().0
    }

    #[tokio::test]
    async fn an_exchange_is_served_byte_for_byte() {
        let record = record().await;
        let exchange = &record.http[0];
        assert_eq!(exchange.line, Some(7));
        assert_eq!(exchange.headers, [("x-odd".into(), "caf\u{e9}".into())]);
        assert_eq!(exchange.sent.as_ref().unwrap().bytes, 3);
        let text = serde_json::to_string(&record).unwrap();

        let again = Recorder::new();
        again.begin(Some(serde_json::from_str(&text).unwrap()), "en", None);
        let Turn::Served(answering) = again.request(request("/", "one")) else {
            panic!("live");
        };
        let (response, _) = Pin::from(answering).await.unwrap();
        assert_eq!(response.headers()["x-sent"], "3");
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(&body[..], b"\xff\0done");
        assert_eq!(again.take().1, None);
    }

    #[tokio::test]
    async fn another_body_or_address_is_not_what_was_sent() {
        for (path, body, told) in [("/", "uno", "BLAKE3"), ("/else", "one", "/else")] {
            let again = Recorder::new();
            again.begin(Some(record().await), "en", None);
            let Turn::Served(answering) = again.request(request(path, body)) else {
                panic!("live");
            };
            assert!(Pin::from(answering).await.is_err());
            let divergence = again.take().1.unwrap();
            assert!(divergence.now.contains(told), "{divergence:?}");
            assert_ne!(divergence.now, divergence.recorded);
        }
    }
}
