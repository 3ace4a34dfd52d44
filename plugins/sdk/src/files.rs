//! Files that the policy mounts, such as the conversation's `/workspace`, through `wasi:filesystem`.
//!
//! The policy grants each mount with `[[files]]`. Paths begin with a mount; the host keeps them
//! inside it, and links are not followed.
//!
//! ```
//! use alcove_sdk::{Outcome, Part, files};
//!
//! fn count_lines(path: &str) -> Outcome {
//!     let bytes = files::read(path, 1 << 20)?;
//!     let lines = bytes.iter().filter(|&&byte| byte == b'\n').count();
//!     Ok(vec![Part::text(lines.to_string())])
//! }
//! ```

#[allow(
    missing_docs,
    unreachable_pub,
    unsafe_code,
    clippy::all,
    clippy::allow_attributes_without_reason,
    reason = "generated from wit/deps"
)]
mod bindings {
    wit_bindgen::generate!({
        inline: "
            package alcove:sdk-files;
            world client {
                import wasi:filesystem/types@0.2.12;
                import wasi:filesystem/preopens@0.2.12;
            }
        ",
        path: ["../../wit/deps/io.wit", "../../wit/deps/clocks.wit", "../../wit/deps/filesystem.wit"],
        world: "alcove:sdk-files/client",
        generate_all,
    });
}

mod error;

use std::cell::OnceCell;

use bindings::wasi::filesystem::preopens;
use bindings::wasi::filesystem::types::{
    Descriptor, DescriptorFlags, DescriptorType, ErrorCode, OpenFlags, PathFlags,
};

pub use error::{Error, ErrorKind};

/// The most bytes that go over at once.
const CHUNK_BYTES: usize = 1 << 20;

/// What an entry of a folder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A file.
    File,
    /// A folder.
    Folder,
    /// A link, a device, or what else there is.
    Other,
}

/// What is known of a file or folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// What it is.
    pub kind: Kind,
    /// Its length; of a folder it means nothing.
    pub bytes: u64,
    /// When it was last changed: milliseconds since 1970 began, where that is known.
    pub modified_ms: Option<u64>,
}

/// One entry of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name, without the folder's.
    pub name: String,
    /// What it is.
    pub kind: Kind,
}

/// A file that is open for reading.
#[derive(Debug)]
pub struct File {
    descriptor: Descriptor,
    path: String,
}

impl File {
    /// Opens a file.
    ///
    /// # Errors
    /// Where there is none, or it is none.
    pub fn open(path: &str) -> Result<File, Error> {
        at(path, |mount, below| {
            mount.open_at(
                PathFlags::empty(),
                below,
                OpenFlags::empty(),
                DescriptorFlags::READ,
            )
        })
        .map(|descriptor| File {
            descriptor,
            path: path.to_owned(),
        })
    }

    /// The bytes at an offset, at most `most` and never more than 1 MiB; empty at the end.
    ///
    /// # Errors
    /// Where it cannot be read, such as a folder.
    pub fn read_at(&self, offset: u64, most: usize) -> Result<Vec<u8>, Error> {
        let most = most.min(CHUNK_BYTES) as u64;
        let read = self.descriptor.read(most, offset);
        read.map(|(bytes, _)| bytes)
            .map_err(|code| error(code, &self.path))
    }
}

/// The places that the policy mounts, such as `/workspace`.
#[must_use]
pub fn mounts() -> Vec<String> {
    with_mounts(|mounts| mounts.iter().map(|(_, path)| path.clone()).collect())
}

/// All of a file.
///
/// # Errors
/// Where there is none, and `TooLarge` for more than `max_bytes`.
pub fn read(path: &str, max_bytes: usize) -> Result<Vec<u8>, Error> {
    let file = File::open(path)?;
    let mut bytes = Vec::new();
    loop {
        let chunk = file.read_at(bytes.len() as u64, CHUNK_BYTES)?;
        if chunk.is_empty() {
            return Ok(bytes);
        }
        if bytes.len() + chunk.len() > max_bytes {
            return Err(Error {
                kind: ErrorKind::TooLarge,
                path: path.to_owned(),
            });
        }
        bytes.extend_from_slice(&chunk);
    }
}

/// Makes the file what `bytes` are; one that is there is written over.
///
/// # Errors
/// `Full` above the mount's quota, `Denied` where it may only be read.
pub fn write(path: &str, bytes: &[u8]) -> Result<(), Error> {
    put(path, OpenFlags::CREATE | OpenFlags::TRUNCATE, 0, bytes)
}

/// Adds to the file's end, or begins it.
///
/// # Errors
/// As [`write()`].
pub fn append(path: &str, bytes: &[u8]) -> Result<(), Error> {
    let end = match stat(path) {
        Ok(stat) => stat.bytes,
        Err(missing) if missing.kind == ErrorKind::NotFound => 0,
        Err(other) => return Err(other),
    };
    put(path, OpenFlags::CREATE, end, bytes)
}

fn put(path: &str, flags: OpenFlags, mut offset: u64, bytes: &[u8]) -> Result<(), Error> {
    let file = at(path, |mount, below| {
        mount.open_at(PathFlags::empty(), below, flags, DescriptorFlags::WRITE)
    })?;
    let mut left = bytes;
    while !left.is_empty() {
        let chunk = &left[..left.len().min(CHUNK_BYTES)];
        let written = file
            .write(chunk, offset)
            .map_err(|code| error(code, path))?;
        if written == 0 {
            return Err(error(ErrorCode::Io, path));
        }
        offset += written;
        left = &left[usize::try_from(written)
            .unwrap_or(left.len())
            .min(left.len())..];
    }
    Ok(())
}

/// What is at a path.
///
/// # Errors
/// Where there is nothing.
pub fn stat(path: &str) -> Result<Stat, Error> {
    let stat = at(path, |mount, below| match below {
        "." => mount.stat(),
        below => mount.stat_at(PathFlags::empty(), below),
    })?;
    Ok(Stat {
        kind: kind(stat.type_),
        bytes: stat.size,
        modified_ms: stat
            .data_modification_timestamp
            .map(|time| time.seconds * 1000 + u64::from(time.nanoseconds / 1_000_000)),
    })
}

/// The entries of a folder, by name, at most `max` of them.
///
/// # Errors
/// Where there is no such folder.
pub fn list(path: &str, max: usize) -> Result<Vec<Entry>, Error> {
    let opened = at(path, |mount, below| {
        mount.open_at(
            PathFlags::empty(),
            below,
            OpenFlags::DIRECTORY,
            DescriptorFlags::READ,
        )
    })?;
    let failed = |code| error(code, path);
    let stream = opened.read_directory().map_err(failed)?;
    let mut entries = Vec::new();
    while entries.len() < max {
        let Some(entry) = stream.read_directory_entry().map_err(failed)? else {
            break;
        };
        entries.push(Entry {
            kind: kind(entry.type_),
            name: entry.name,
        });
    }
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(entries)
}

/// Makes a folder.
///
/// # Errors
/// `Exists` where there is something already, `NotFound` where the folder above is missing.
pub fn create_folder(path: &str) -> Result<(), Error> {
    at(path, |mount, below| mount.create_directory_at(below))
}

/// Removes a file.
///
/// # Errors
/// Where there is none.
pub fn remove_file(path: &str) -> Result<(), Error> {
    at(path, |mount, below| mount.unlink_file_at(below))
}

/// Removes an empty folder.
///
/// # Errors
/// `NotEmpty`, or where there is none.
pub fn remove_folder(path: &str) -> Result<(), Error> {
    at(path, |mount, below| mount.remove_directory_at(below))
}

/// Gives a file or folder another name in the same mount.
///
/// # Errors
/// `Denied` from one mount to another.
pub fn rename(from: &str, to: &str) -> Result<(), Error> {
    with_mounts(|mounts| {
        let (Some((mount, old)), Some((other, new))) = (find(mounts, from), find(mounts, to))
        else {
            return Err(error(ErrorCode::Access, to));
        };
        mount
            .rename_at(old, other, new)
            .map_err(|code| error(code, from))
    })
}

/// Calls the host with the mount that a path begins with, and the rest of it.
fn at<T>(
    path: &str,
    call: impl FnOnce(&Descriptor, &str) -> Result<T, ErrorCode>,
) -> Result<T, Error> {
    with_mounts(|mounts| {
        let (mount, below) = find(mounts, path).ok_or_else(|| error(ErrorCode::Access, path))?;
        call(mount, below).map_err(|code| error(code, path))
    })
}

fn find<'a>(
    mounts: &'a [(Descriptor, String)],
    path: &'a str,
) -> Option<(&'a Descriptor, &'a str)> {
    // The longest mount that holds it: the host also gives `/`, in which nothing may be used.
    let holds = |(descriptor, mount): &'a (Descriptor, String)| {
        let mount = mount.trim_end_matches('/');
        let below = path.strip_prefix(mount)?;
        match below.trim_start_matches('/') {
            "" => Some((mount.len(), descriptor, ".")),
            rest if below.starts_with('/') => Some((mount.len(), descriptor, rest)),
            _ => None,
        }
    };
    let longest = mounts
        .iter()
        .filter_map(holds)
        .max_by_key(|(length, _, _)| *length);
    longest.map(|(_, descriptor, below)| (descriptor, below))
}

fn with_mounts<T>(use_them: impl FnOnce(&[(Descriptor, String)]) -> T) -> T {
    thread_local! {
        // They do not change while an instance lives.
        static MOUNTS: OnceCell<Vec<(Descriptor, String)>> = const { OnceCell::new() };
    }
    MOUNTS.with(|mounts| use_them(mounts.get_or_init(preopens::get_directories)))
}

fn kind(of: DescriptorType) -> Kind {
    match of {
        DescriptorType::RegularFile => Kind::File,
        DescriptorType::Directory => Kind::Folder,
        _ => Kind::Other,
    }
}

fn error(code: ErrorCode, path: &str) -> Error {
    let kind = match code {
        ErrorCode::NoEntry => ErrorKind::NotFound,
        ErrorCode::Access | ErrorCode::NotPermitted | ErrorCode::ReadOnly => ErrorKind::Denied,
        ErrorCode::Exist => ErrorKind::Exists,
        ErrorCode::NotDirectory => ErrorKind::NotAFolder,
        ErrorCode::IsDirectory => ErrorKind::NotAFile,
        ErrorCode::NotEmpty => ErrorKind::NotEmpty,
        ErrorCode::InsufficientSpace | ErrorCode::Quota => ErrorKind::Full,
        ErrorCode::FileTooLarge => ErrorKind::TooLarge,
        ErrorCode::Loop => ErrorKind::Link,
        _ => ErrorKind::Other,
    };
    Error {
        kind,
        path: path.to_owned(),
    }
}
