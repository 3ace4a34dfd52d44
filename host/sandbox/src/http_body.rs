//! Bodies on their way: counted, searched for secrets going out, and scrubbed of them coming in.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use alcove_egress::{BodyError, EgressError, ResponseBody, Scanner};
use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use tokio::sync::OwnedSemaphorePermit;
use wasmtime_wasi_http::{Error, WasiBody};

use crate::http_denials::leaked;
use crate::http_error::guest_error;
use crate::http_meter::Meter;
use crate::secrets::Secrets;
use crate::shared::Shared;

/// A body of the guest on its way out.
pub(crate) type Outgoing = Passing<WasiBody, Outwards>;

/// The body of an answer on its way in.
pub(crate) type Incoming = Passing<ResponseBody, Inwards>;

/// A body that passes through the host. It hands on only what the scanner is sure of.
pub(crate) struct Passing<B, W> {
    inner: B,
    way: W,
    secrets: Secrets,
    scanner: Option<Scanner>,
    meter: Meter,
    /// What comes after the last piece.
    trailers: Option<HeaderMap>,
    done: bool,
}

/// In which direction a body passes: what is done about a secret in it, and what its reader is told.
pub(crate) trait Way<B: Body> {
    type Error;
    /// The body itself failed.
    fn failed(&self, error: B::Error, meter: &Meter) -> Self::Error;
    /// There are more bytes of it than are allowed; the meter has written that down.
    fn too_much(&self) -> Self::Error;
    /// A secret, by its name, was in a piece that the scanner has blotted out.
    fn found(&self, name: &str) -> Result<(), Self::Error>;
    /// Deals with secrets in the trailers.
    fn trailers(&self, secrets: &Secrets, trailers: &mut HeaderMap) -> Result<(), Self::Error>;
}

/// A secret that the guest sends ends the request.
pub(crate) struct Outwards {
    shared: Arc<Shared>,
    refused: Arc<AtomicBool>,
}

/// A secret that a server sends is blotted out. The request's slot is held until the body is dropped.
pub(crate) struct Inwards {
    _slot: OwnedSemaphorePermit,
}

/// The guest's own body was refused while it was sent; the reason is written down.
#[derive(Debug, thiserror::Error)]
#[error("the body was refused")]
struct Refused;

impl Outgoing {
    /// The flag says afterwards whether the body was refused.
    pub(crate) fn new(
        inner: WasiBody,
        shared: &Arc<Shared>,
        secrets: &Secrets,
        meter: Meter,
    ) -> (Outgoing, Arc<AtomicBool>) {
        let refused = Arc::new(AtomicBool::new(false));
        let way = Outwards {
            shared: Arc::clone(shared),
            refused: Arc::clone(&refused),
        };
        (Passing::through(inner, way, secrets, meter), refused)
    }
}

impl Incoming {
    pub(crate) fn new(
        inner: ResponseBody,
        secrets: &Secrets,
        meter: Meter,
        slot: OwnedSemaphorePermit,
    ) -> Incoming {
        Passing::through(inner, Inwards { _slot: slot }, secrets, meter)
    }
}

impl Outwards {
    fn refuse(&self) -> BodyError {
        self.refused.store(true, Ordering::Relaxed);
        Refused.into()
    }
}

impl Way<WasiBody> for Outwards {
    type Error = BodyError;

    fn failed(&self, error: Error, _: &Meter) -> BodyError {
        error.into()
    }

    fn too_much(&self) -> BodyError {
        self.refuse()
    }

    fn found(&self, name: &str) -> Result<(), BodyError> {
        self.shared.refuse(leaked(name));
        Err(self.refuse())
    }

    fn trailers(&self, secrets: &Secrets, trailers: &mut HeaderMap) -> Result<(), BodyError> {
        match secrets.leaked_by_headers(trailers) {
            Some(name) => self.found(name),
            None => Ok(()),
        }
    }
}

impl Way<ResponseBody> for Inwards {
    type Error = Error;

    fn failed(&self, error: EgressError, meter: &Meter) -> Error {
        if let EgressError::ResponseTooLarge { .. } = error {
            meter.refuse();
        }
        guest_error(&error)
    }

    fn too_much(&self) -> Error {
        Error::HttpResponseBodySize(None)
    }

    fn found(&self, _: &str) -> Result<(), Error> {
        Ok(())
    }

    fn trailers(&self, secrets: &Secrets, trailers: &mut HeaderMap) -> Result<(), Error> {
        secrets.scrub_headers(trailers);
        Ok(())
    }
}

impl<B: Body<Data = Bytes>, W: Way<B>> Passing<B, W> {
    fn through(inner: B, way: W, secrets: &Secrets, meter: Meter) -> Self {
        Passing {
            inner,
            way,
            scanner: secrets.needles().map(Scanner::new),
            secrets: secrets.clone(),
            meter,
            trailers: None,
            done: false,
        }
    }

    /// What of a piece may be handed on by now.
    fn piece(&mut self, data: Bytes) -> Result<Bytes, W::Error> {
        if self.meter.take(data.len()).is_err() {
            return Err(self.way.too_much());
        }
        let Some(scanner) = &mut self.scanner else {
            return Ok(data);
        };
        let sure = scanner.push(&data);
        if let Some(found) = scanner.found() {
            self.way.found(self.secrets.name(found))?;
        }
        Ok(sure.into())
    }

    /// The end of the data: what the scanner kept back.
    fn rest(&mut self) -> Bytes {
        self.scanner
            .as_mut()
            .map(|scanner| scanner.finish().into())
            .unwrap_or_default()
    }

    /// What comes of a frame: the data to hand on, if there is any yet.
    fn pass(&mut self, frame: Option<Result<Frame<Bytes>, B::Error>>) -> Result<Bytes, W::Error> {
        let frame = match frame {
            Some(Ok(frame)) => frame,
            Some(Err(error)) => return Err(self.way.failed(error, &self.meter)),
            None => {
                self.done = true;
                return Ok(self.rest());
            }
        };
        match frame.into_data().map_err(Frame::into_trailers) {
            Ok(data) => self.piece(data),
            Err(Ok(mut trailers)) => {
                self.way.trailers(&self.secrets, &mut trailers)?;
                self.trailers = Some(trailers);
                Ok(self.rest())
            }
            Err(Err(_)) => Ok(Bytes::new()),
        }
    }
}

impl<B, W> Body for Passing<B, W>
where
    B: Body<Data = Bytes> + Unpin,
    W: Way<B> + Unpin,
{
    type Data = Bytes;
    type Error = W::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, W::Error>>> {
        loop {
            if let Some(trailers) = self.trailers.take() {
                return Poll::Ready(Some(Ok(Frame::trailers(trailers))));
            }
            if self.done {
                return Poll::Ready(None);
            }
            let frame = ready!(Pin::new(&mut self.inner).poll_frame(cx));
            match self.pass(frame) {
                Ok(data) if data.is_empty() => {}
                Ok(data) => return Poll::Ready(Some(Ok(Frame::data(data)))),
                Err(error) => {
                    self.done = true;
                    return Poll::Ready(Some(Err(error)));
                }
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
