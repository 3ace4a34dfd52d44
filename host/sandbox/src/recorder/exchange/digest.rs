//! The digest of a body that a guest sends.

use bytes::Bytes;
use http_body::Frame;
use http_body_util::BodyExt;
use wasmtime_wasi_http::WasiBody;

use crate::record::SentBody;

/// Taken as the body goes by.
#[derive(Default)]
pub(super) struct Digest {
    hasher: blake3::Hasher,
    bytes: u64,
}

impl Digest {
    pub(super) fn frame(&mut self, frame: &Frame<Bytes>) {
        if let Some(data) = frame.data_ref() {
            self.hasher.update(data);
            self.bytes += data.len() as u64;
        }
    }

    pub(super) fn sent(&self) -> SentBody {
        SentBody {
            bytes: self.bytes,
            blake3: self.hasher.finalize().to_hex().to_string(),
        }
    }
}

/// Reads a body to its end.
pub(super) async fn digest(mut body: WasiBody) -> SentBody {
    let mut digest = Digest::default();
    while let Some(Ok(frame)) = body.frame().await {
        digest.frame(&frame);
    }
    digest.sent()
}
