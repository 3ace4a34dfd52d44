//! A body that somebody watches pass.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use wasmtime_wasi_http::{Error, WasiBody};

/// What a watcher sees: each frame, an error, or nothing more.
pub(super) type Seen<'a> = Option<&'a Result<Frame<Bytes>, Error>>;

/// Passes a body on as it is.
pub(super) struct Watched<F> {
    inner: WasiBody,
    watch: F,
}

impl<F: FnMut(Seen<'_>)> Watched<F> {
    pub(super) fn new(inner: WasiBody, watch: F) -> Watched<F> {
        Watched { inner, watch }
    }
}

impl<F: FnMut(Seen<'_>) + Unpin> Body for Watched<F> {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(cx));
        (self.watch)(frame.as_ref());
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
