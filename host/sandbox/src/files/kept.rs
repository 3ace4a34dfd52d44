//! What the functions of `wasi:filesystem` answer, in a form that a record can hold.

use serde::Serialize;
use serde::de::DeserializeOwned;
use wasmtime_wasi::p2::bindings::clocks::wall_clock::Datetime;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    DescriptorFlags, DescriptorStat, DescriptorType, DirectoryEntry, ErrorCode, MetadataHashValue,
};
use wasmtime_wasi::p2::{FsError, FsResult};

use crate::record::Bytes;

/// An answer that can be kept and given again.
pub(super) trait Kept: Sized {
    type As: Serialize + DeserializeOwned;
    fn keep(self) -> Self::As;
    fn give(kept: Self::As) -> Self;
}

/// A result as a record holds it: an error by its name.
pub(super) type KeptResult<T> = Result<T, String>;

/// Keeps a result. An error that ends the guest is put aside: it is no answer.
pub(super) fn keep<T: Kept>(
    result: FsResult<T>,
    trap: &mut Option<wasmtime::Error>,
) -> KeptResult<T::As> {
    result.map(T::keep).map_err(|error| refused(error, trap))
}

/// The name of an error.
pub(super) fn refused(error: FsError, trap: &mut Option<wasmtime::Error>) -> String {
    match error.downcast() {
        Ok(code) => name(code),
        Err(error) => {
            *trap = Some(error);
            String::new()
        }
    }
}

/// Gives what was kept.
pub(super) fn give<T: Kept>(kept: KeptResult<T::As>, trap: Option<wasmtime::Error>) -> FsResult<T> {
    match (trap, kept) {
        (Some(error), _) => Err(FsError::trap(error)),
        (None, Ok(kept)) => Ok(T::give(kept)),
        (None, Err(name)) => Err(code(&name).into()),
    }
}

/// All errors that there are.
const CODES: [ErrorCode; 37] = [
    ErrorCode::Access,
    ErrorCode::WouldBlock,
    ErrorCode::Already,
    ErrorCode::BadDescriptor,
    ErrorCode::Busy,
    ErrorCode::Deadlock,
    ErrorCode::Quota,
    ErrorCode::Exist,
    ErrorCode::FileTooLarge,
    ErrorCode::IllegalByteSequence,
    ErrorCode::InProgress,
    ErrorCode::Interrupted,
    ErrorCode::Invalid,
    ErrorCode::Io,
    ErrorCode::IsDirectory,
    ErrorCode::Loop,
    ErrorCode::TooManyLinks,
    ErrorCode::MessageSize,
    ErrorCode::NameTooLong,
    ErrorCode::NoDevice,
    ErrorCode::NoEntry,
    ErrorCode::NoLock,
    ErrorCode::InsufficientMemory,
    ErrorCode::InsufficientSpace,
    ErrorCode::NotDirectory,
    ErrorCode::NotEmpty,
    ErrorCode::NotRecoverable,
    ErrorCode::Unsupported,
    ErrorCode::NoTty,
    ErrorCode::NoSuchDevice,
    ErrorCode::Overflow,
    ErrorCode::NotPermitted,
    ErrorCode::Pipe,
    ErrorCode::ReadOnly,
    ErrorCode::InvalidSeek,
    ErrorCode::TextFileBusy,
    ErrorCode::CrossDevice,
];

pub(super) fn name(code: ErrorCode) -> String {
    code.name().to_owned()
}

pub(super) fn code(name: &str) -> ErrorCode {
    let found = CODES.into_iter().find(|code| code.name() == name);
    found.unwrap_or(ErrorCode::Io)
}

macro_rules! as_it_is {
    ($($kind:ty),+) => {$(
        impl Kept for $kind {
            type As = $kind;
            fn keep(self) -> $kind {
                self
            }
            fn give(kept: $kind) -> $kind {
                kept
            }
        }
    )+};
}
as_it_is!((), u64, String);

impl Kept for (Vec<u8>, bool) {
    type As = (Bytes, bool);

    fn keep(self) -> (Bytes, bool) {
        (self.0.into(), self.1)
    }

    fn give((bytes, end): (Bytes, bool)) -> (Vec<u8>, bool) {
        (bytes.0.into(), end)
    }
}

impl Kept for MetadataHashValue {
    type As = (u64, u64);

    fn keep(self) -> (u64, u64) {
        (self.lower, self.upper)
    }

    fn give((lower, upper): (u64, u64)) -> MetadataHashValue {
        MetadataHashValue { lower, upper }
    }
}

impl Kept for DescriptorFlags {
    type As = u8;

    fn keep(self) -> u8 {
        let named = [
            DescriptorFlags::READ,
            DescriptorFlags::WRITE,
            DescriptorFlags::FILE_INTEGRITY_SYNC,
            DescriptorFlags::DATA_INTEGRITY_SYNC,
            DescriptorFlags::REQUESTED_WRITE_SYNC,
            DescriptorFlags::MUTATE_DIRECTORY,
        ];
        named
            .into_iter()
            .enumerate()
            .filter(|(_, flag)| self.contains(*flag))
            .fold(0, |bits, (at, _)| bits | 1 << at)
    }

    fn give(bits: u8) -> DescriptorFlags {
        let named = [
            DescriptorFlags::READ,
            DescriptorFlags::WRITE,
            DescriptorFlags::FILE_INTEGRITY_SYNC,
            DescriptorFlags::DATA_INTEGRITY_SYNC,
            DescriptorFlags::REQUESTED_WRITE_SYNC,
            DescriptorFlags::MUTATE_DIRECTORY,
        ];
        named
            .into_iter()
            .enumerate()
            .filter(|(at, _)| bits & (1 << at) != 0)
            .fold(DescriptorFlags::empty(), |flags, (_, flag)| flags | flag)
    }
}

impl Kept for DescriptorType {
    type As = u8;

    fn keep(self) -> u8 {
        match self {
            DescriptorType::Unknown => 0,
            DescriptorType::BlockDevice => 1,
            DescriptorType::CharacterDevice => 2,
            DescriptorType::Directory => 3,
            DescriptorType::Fifo => 4,
            DescriptorType::SymbolicLink => 5,
            DescriptorType::RegularFile => 6,
            DescriptorType::Socket => 7,
        }
    }

    fn give(kept: u8) -> DescriptorType {
        match kept {
            1 => DescriptorType::BlockDevice,
            2 => DescriptorType::CharacterDevice,
            3 => DescriptorType::Directory,
            4 => DescriptorType::Fifo,
            5 => DescriptorType::SymbolicLink,
            6 => DescriptorType::RegularFile,
            7 => DescriptorType::Socket,
            _ => DescriptorType::Unknown,
        }
    }
}

/// A time as seconds and nanoseconds.
type Time = Option<(u64, u32)>;

fn keep_time(time: Option<Datetime>) -> Time {
    time.map(|time| (time.seconds, time.nanoseconds))
}

fn give_time(time: Time) -> Option<Datetime> {
    time.map(|(seconds, nanoseconds)| Datetime {
        seconds,
        nanoseconds,
    })
}

impl Kept for DescriptorStat {
    /// Type, links, size; when it was read, changed, and changed in status.
    type As = (u8, u64, u64, Time, Time, Time);

    fn keep(self) -> Self::As {
        (
            self.type_.keep(),
            self.link_count,
            self.size,
            keep_time(self.data_access_timestamp),
            keep_time(self.data_modification_timestamp),
            keep_time(self.status_change_timestamp),
        )
    }

    fn give((kind, links, size, read, changed, status): Self::As) -> DescriptorStat {
        DescriptorStat {
            type_: DescriptorType::give(kind),
            link_count: links,
            size,
            data_access_timestamp: give_time(read),
            data_modification_timestamp: give_time(changed),
            status_change_timestamp: give_time(status),
        }
    }
}

impl Kept for Option<DirectoryEntry> {
    type As = Option<(u8, String)>;

    fn keep(self) -> Self::As {
        self.map(|entry| (entry.type_.keep(), entry.name))
    }

    fn give(kept: Self::As) -> Option<DirectoryEntry> {
        kept.map(|(kind, name)| DirectoryEntry {
            type_: DescriptorType::give(kind),
            name,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_given_again() {
        for known in CODES {
            assert_eq!(code(&name(known)), known);
        }
        let flags = DescriptorFlags::READ | DescriptorFlags::MUTATE_DIRECTORY;
        assert_eq!(DescriptorFlags::give(flags.keep()), flags);
        for kind in 0..8 {
            assert_eq!(DescriptorType::give(kind).keep(), kind);
        }
    }
}
