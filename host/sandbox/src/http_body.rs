//! Bodies on their way: counted, searched for secrets going out, and scrubbed of them coming in.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use alcove_egress::{BodyError, EgressError, ResponseBody, Scanner};
use bytes::Bytes;
use http::HeaderMap;
use http_body::Frame;
use tokio::sync::OwnedSemaphorePermit;
use wasmtime_wasi_http::{Error, WasiBody};

use crate::http::{guest_error, leaked};
use crate::http_meter::Meter;
use crate::secrets::Secrets;
use crate::shared::Shared;

/// The guest's own body was refused while it was sent; the reason is written down.
#[derive(Debug, thiserror::Error)]
#[error("the body was refused")]
struct Refused;

/// A body of the guest. Nothing of a secret goes out: the scanner hands on only what it is sure of.
pub(crate) struct Outgoing {
    inner: WasiBody,
    shared: Arc<Shared>,
    secrets: Secrets,
    scanner: Option<Scanner>,
    meter: Meter,
    /// What comes after the last piece.
    trailers: Option<HeaderMap>,
    refused: Arc<AtomicBool>,
}

impl Outgoing {
    /// The flag says afterwards whether the body was refused.
    pub(crate) fn new(
        inner: WasiBody,
        shared: &Arc<Shared>,
        secrets: &Secrets,
        meter: Meter,
    ) -> (Outgoing, Arc<AtomicBool>) {
        let refused = Arc::new(AtomicBool::new(false));
        let body = Outgoing {
            inner,
            shared: Arc::clone(shared),
            secrets: secrets.clone(),
            scanner: secrets.needles().map(Scanner::new),
            meter,
            trailers: None,
            refused: Arc::clone(&refused),
        };
        (body, refused)
    }

    fn refuse(&self) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.refused.store(true, Ordering::Relaxed);
        Poll::Ready(Some(Err(Refused.into())))
    }

    fn leak(&self, name: &str) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.shared.refuse(leaked(name));
        self.refuse()
    }

    /// What the scanner kept back.
    fn rest(&mut self) -> Bytes {
        self.scanner
            .as_mut()
            .map(|scanner| scanner.finish().into())
            .unwrap_or_default()
    }
}

impl http_body::Body for Outgoing {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        loop {
            if let Some(trailers) = self.trailers.take() {
                return Poll::Ready(Some(Ok(Frame::trailers(trailers))));
            }
            let frame = match ready!(Pin::new(&mut self.inner).poll_frame(cx)) {
                Some(Ok(frame)) => frame,
                Some(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
                None => {
                    let rest = self.rest();
                    let last = (!rest.is_empty()).then(|| Ok(Frame::data(rest)));
                    return Poll::Ready(last);
                }
            };
            match frame.into_data() {
                Ok(data) => {
                    if self.meter.take(data.len()).is_err() {
                        return self.refuse();
                    }
                    let Some(scanner) = &mut self.scanner else {
                        return Poll::Ready(Some(Ok(Frame::data(data))));
                    };
                    let sure = scanner.push(&data);
                    if let Some(found) = scanner.found() {
                        let name = self.secrets.name(found).to_owned();
                        return self.leak(&name);
                    }
                    if !sure.is_empty() {
                        return Poll::Ready(Some(Ok(Frame::data(sure.into()))));
                    }
                }
                Err(frame) => {
                    let Ok(trailers) = frame.into_trailers() else {
                        continue;
                    };
                    if let Some(name) = self.secrets.leaked_by_headers(&trailers) {
                        let name = name.to_owned();
                        return self.leak(&name);
                    }
                    self.trailers = Some(trailers);
                    let rest = self.rest();
                    if !rest.is_empty() {
                        return Poll::Ready(Some(Ok(Frame::data(rest))));
                    }
                }
            }
        }
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.inner.size_hint()
    }
}

/// The body of an answer. It holds its slot until it is dropped.
pub(crate) struct Incoming {
    inner: ResponseBody,
    secrets: Secrets,
    scanner: Option<Scanner>,
    meter: Meter,
    trailers: Option<HeaderMap>,
    done: bool,
    _slot: OwnedSemaphorePermit,
}

impl Incoming {
    pub(crate) fn new(
        inner: ResponseBody,
        secrets: &Secrets,
        meter: Meter,
        slot: OwnedSemaphorePermit,
    ) -> Incoming {
        Incoming {
            inner,
            scanner: secrets.needles().map(Scanner::new),
            secrets: secrets.clone(),
            meter,
            trailers: None,
            done: false,
            _slot: slot,
        }
    }

    fn end(&mut self, error: Error) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        self.done = true;
        Poll::Ready(Some(Err(error)))
    }

    fn rest(&mut self) -> Bytes {
        self.scanner
            .as_mut()
            .map(|scanner| scanner.finish().into())
            .unwrap_or_default()
    }
}

impl http_body::Body for Incoming {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        loop {
            if let Some(trailers) = self.trailers.take() {
                return Poll::Ready(Some(Ok(Frame::trailers(trailers))));
            }
            if self.done {
                return Poll::Ready(None);
            }
            let frame = match ready!(Pin::new(&mut self.inner).poll_frame(cx)) {
                Some(Ok(frame)) => frame,
                Some(Err(error)) => {
                    if let EgressError::ResponseTooLarge { .. } = error {
                        self.meter.refuse();
                    }
                    return self.end(guest_error(&error));
                }
                None => {
                    self.done = true;
                    let rest = self.rest();
                    let last = (!rest.is_empty()).then(|| Ok(Frame::data(rest)));
                    return Poll::Ready(last);
                }
            };
            match frame.into_data() {
                Ok(data) => {
                    if self.meter.take(data.len()).is_err() {
                        return self.end(Error::HttpResponseBodySize(None));
                    }
                    let Some(scanner) = &mut self.scanner else {
                        return Poll::Ready(Some(Ok(Frame::data(data))));
                    };
                    let sure = scanner.push(&data);
                    if !sure.is_empty() {
                        return Poll::Ready(Some(Ok(Frame::data(sure.into()))));
                    }
                }
                Err(frame) => {
                    let Ok(mut trailers) = frame.into_trailers() else {
                        continue;
                    };
                    self.secrets.scrub_headers(&mut trailers);
                    self.trailers = Some(trailers);
                    let rest = self.rest();
                    if !rest.is_empty() {
                        return Poll::Ready(Some(Ok(Frame::data(rest))));
                    }
                }
            }
        }
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.inner.size_hint()
    }
}
