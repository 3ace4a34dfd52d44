//! Images, meshes and other files, through `alcove:assets`: bytes that never travel through JSON.
//!
//! The policy grants it with `[assets]`, and `quota` there bounds the bytes that one call writes. A
//! call gives an asset back as a part; one that it does not give back goes when the call ends.
//!
//! ```
//! use alcove_sdk::{Audience, Outcome, Part, assets};
//!
//! fn invert(image: &str) -> Outcome {
//!     let mut picture = assets::open(image)?.read_to_end(16 << 20)?;
//!     for byte in &mut picture {
//!         *byte = !*byte;
//!     }
//!     let mut inverted = assets::create("image/x-raw", Some("inverted.raw"))?;
//!     inverted.write(&picture)?;
//!     Ok(vec![inverted.finish()?.only_for(Audience::User)])
//! }
//! ```

#[allow(
    missing_docs,
    unreachable_pub,
    unsafe_code,
    clippy::all,
    clippy::allow_attributes_without_reason,
    reason = "generated from wit/assets"
)]
mod bindings {
    wit_bindgen::generate!({
        inline: "
            package alcove:sdk-assets;
            world client { import alcove:assets/blobs@0.1.0; }
        ",
        path: ["../../wit/assets"],
        world: "alcove:sdk-assets/client",
        generate_all,
    });
}

use bindings::alcove::assets::blobs;

pub use blobs::Description;

use crate::{Audience, Content, Failure, Part};

/// The most bytes that go over at once.
const CHUNK_BYTES: usize = 1 << 20;

/// An asset that is being written.
#[derive(Debug)]
pub struct Writer(blobs::Writer);

/// An asset that is being read, from its beginning.
#[derive(Debug)]
pub struct Reader(blobs::Reader);

/// Begins an asset. `media_type` is such as `image/png`; `name` is what it would be called as a
/// file.
///
/// # Errors
/// `denied` where the policy grants no assets, `invalid-input` for a media type or a name that
/// cannot be.
pub fn create(media_type: &str, name: Option<&str>) -> Result<Writer, Failure> {
    blobs::create(media_type, name).map(Writer).map_err(failure)
}

/// Opens an asset that this call made, that its arguments name, or that its conversation holds; or
/// a file such as `/workspace/part.stl`, where the arguments name it and the policy mounts it.
///
/// # Errors
/// `denied` where the policy grants no assets, `not-found` for an asset that it may not read.
pub fn open(id: &str) -> Result<Reader, Failure> {
    blobs::open(id).map(Reader).map_err(failure)
}

impl Writer {
    /// Adds bytes, as many as there are.
    ///
    /// # Errors
    /// `too-large` above the quota; the asset is lost then.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        for chunk in bytes.chunks(CHUNK_BYTES) {
            self.0.write(chunk).map_err(failure)?;
        }
        Ok(())
    }

    /// Ends it: the part to give back, for model and person.
    ///
    /// # Errors
    /// `unavailable` where the host could not keep it.
    pub fn finish(self) -> Result<Part, Failure> {
        Ok(Part {
            content: Content::Asset(self.finish_id()?),
            audience: Audience::Both,
        })
    }

    /// Ends it: its id.
    ///
    /// # Errors
    /// As [`Writer::finish`].
    pub fn finish_id(self) -> Result<String, Failure> {
        self.0.finish().map_err(failure)
    }
}

impl Reader {
    /// What it is.
    #[must_use]
    pub fn describe(&self) -> Description {
        self.0.describe()
    }

    /// The next bytes, at most `most` and never more than 1 MiB; empty at the end.
    ///
    /// # Errors
    /// `unavailable` where the host could not read it.
    pub fn read(&mut self, most: usize) -> Result<Vec<u8>, Failure> {
        let most = u32::try_from(most.min(CHUNK_BYTES)).unwrap_or(u32::MAX);
        self.0.read(most).map_err(failure)
    }

    /// All of it.
    ///
    /// # Errors
    /// As [`Reader::read`], and `too-large` for more than `max_bytes`.
    pub fn read_to_end(mut self, max_bytes: usize) -> Result<Vec<u8>, Failure> {
        let mut bytes = Vec::new();
        loop {
            let chunk = self.read(CHUNK_BYTES)?;
            if chunk.is_empty() {
                return Ok(bytes);
            }
            if bytes.len() + chunk.len() > max_bytes {
                return Err(Failure::too_large(format!(
                    "the asset has more than {max_bytes} bytes"
                )));
            }
            bytes.extend_from_slice(&chunk);
        }
    }
}

fn failure(error: blobs::Error) -> Failure {
    match error {
        blobs::Error::Denied(text) => Failure::denied(text),
        blobs::Error::NotFound(text) => Failure::not_found(text),
        blobs::Error::Quota(text) => Failure::too_large(text),
        blobs::Error::Invalid(text) => Failure::invalid_input(text),
        blobs::Error::Unavailable(text) => Failure::unavailable(text),
    }
}
