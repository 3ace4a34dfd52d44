//! The one place where native code from a file is trusted.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::fd::AsRawFd;

use wasmtime::Engine;
use wasmtime::component::Component;

/// The length of the code at the end of a file that vouches for the rest.
pub(crate) const MAC_BYTES: u64 = 32;

/// A compiled component from a file that this host wrote, or nothing if it did not: the file ends
/// with a keyed BLAKE3 hash of everything before it.
pub(crate) fn open(
    engine: &Engine,
    mut file: File,
    key: &[u8; 32],
) -> io::Result<Option<Component>> {
    let length = file.metadata()?.len();
    let Some(code_bytes) = length.checked_sub(MAC_BYTES) else {
        return Ok(None);
    };
    let mut hasher = blake3::Hasher::new_keyed(key);
    hasher.update_reader((&mut file).take(code_bytes))?;
    let mut mac = [0; 32];
    file.read_exact(&mut mac)?;
    // The comparison takes the same time for every wrong value.
    if hasher.finalize() != blake3::Hash::from_bytes(mac) {
        return Ok(None);
    }
    file.seek(SeekFrom::Start(0))?;
    // Through the open file, so that what is mapped is what was checked.
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    #[expect(
        unsafe_code,
        reason = "the bytes are this host's own output, unchanged: their keyed hash was checked"
    )]
    let component = unsafe { Component::deserialize_file(engine, path) };
    match component {
        Ok(component) => Ok(Some(component)),
        Err(error) => {
            tracing::warn!(%error, "a compiled component cannot be used by this engine");
            Ok(None)
        }
    }
}
