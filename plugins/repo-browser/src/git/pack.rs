//! One pack and its index, version 2 (git's Documentation/gitformat-pack).

use alcove_sdk::Failure;

use super::{Id, Kind, damaged};
use crate::place::Place;

const INDEX_HEADER: &[u8] = b"\xfftOc\0\0\0\x02";
const FANOUT_BYTES: usize = 256 * 4;
/// Names are read this many at a time.
const MAX_NAMES: usize = 1 << 16;
/// Compressed bytes are at most this many more than the plain ones; zlib's own bound is lower.
const SLACK_BYTES: usize = 1_024;
/// An entry's header and its base's name.
const HEADER_BYTES: usize = 64;

/// A pack: the path of its files without `.idx` and `.pack`, and where its names begin.
pub(crate) struct Pack {
    path: String,
    fanout: Vec<u32>,
}

/// What an entry holds.
pub(crate) enum Entry {
    Whole(Kind, Vec<u8>),
    /// A delta on the entry at that offset of the same pack.
    On(u64, Vec<u8>),
    /// A delta on that object.
    OnId(Id, Vec<u8>),
}

impl Pack {
    pub(crate) fn open(place: &impl Place, path: String) -> Result<Self, Failure> {
        let head = place.range(&format!("{path}.idx"), 0, INDEX_HEADER.len() + FANOUT_BYTES)?;
        let fanout: Vec<u32> = head
            .strip_prefix(INDEX_HEADER)
            .filter(|fanout| fanout.len() == FANOUT_BYTES)
            .ok_or_else(|| damaged(format!("{path}.idx is no index of version 2")))?
            .as_chunks()
            .0
            .iter()
            .map(|bytes| u32::from_be_bytes(*bytes))
            .collect();
        if !fanout.is_sorted() {
            return Err(damaged(format!("{path}.idx is not in order")));
        }
        Ok(Self { path, fanout })
    }

    /// The names that begin with that byte, in order, and the number of the first one.
    pub(crate) fn names(&self, place: &impl Place, first: u8) -> Result<(u32, Vec<Id>), Failure> {
        let end = self.fanout[usize::from(first)];
        let start = match first {
            0 => 0,
            _ => self.fanout[usize::from(first) - 1],
        };
        let count = (end - start) as usize;
        if count > MAX_NAMES {
            return Err(Failure::too_large("the repository has too many objects"));
        }
        let offset = (INDEX_HEADER.len() + FANOUT_BYTES) as u64 + u64::from(start) * 20;
        let bytes = place.range(&self.index(), offset, count * Id::BYTES)?;
        let names = bytes.as_chunks().0.iter().map(|name| Id(*name)).collect();
        Ok((start, names))
    }

    /// Where the object is in the pack.
    pub(crate) fn find(&self, place: &impl Place, id: &Id) -> Result<Option<u64>, Failure> {
        let (start, names) = self.names(place, id.0[0])?;
        let Ok(at) = names.binary_search(id) else {
            return Ok(None);
        };
        let number = u64::from(start) + at as u64;
        let count = u64::from(self.fanout[255]);
        // After the names come four bytes of checksum for each, then four of offset.
        let offsets = (INDEX_HEADER.len() + FANOUT_BYTES) as u64 + count * 24;
        let short: u32 = u32::from_be_bytes(self.number(place, offsets + number * 4)?);
        if short & 0x8000_0000 == 0 {
            return Ok(Some(u64::from(short)));
        }
        let long = offsets + count * 4 + u64::from(short & 0x7fff_ffff) * 8;
        Ok(Some(u64::from_be_bytes(self.number(place, long)?)))
    }

    fn number<const N: usize>(&self, place: &impl Place, at: u64) -> Result<[u8; N], Failure> {
        let bytes = place.range(&self.index(), at, N)?;
        bytes
            .try_into()
            .map_err(|_| damaged(format!("{} is too short", self.index())))
    }

    fn index(&self) -> String {
        format!("{}.idx", self.path)
    }

    /// The entry at an offset, of at most `max` bytes.
    pub(crate) fn entry(
        &self,
        place: &impl Place,
        offset: u64,
        max: usize,
    ) -> Result<Entry, Failure> {
        let path = format!("{}.pack", self.path);
        let broken = || damaged(format!("{path} at {offset}"));
        let head = place.range(&path, offset, HEADER_BYTES)?;
        let mut bytes = head.iter().copied();
        let first = bytes.next().ok_or_else(broken)?;
        let mut size = u64::from(first & 0x0f);
        let mut shift = 4;
        let mut last = first;
        while last & 0x80 != 0 {
            last = bytes.next().filter(|_| shift < 57).ok_or_else(broken)?;
            size |= u64::from(last & 0x7f) << shift;
            shift += 7;
        }
        let size = usize::try_from(size)
            .ok()
            .filter(|&size| size <= max)
            .ok_or_else(|| Failure::too_large(format!("an object has more than {max} bytes")))?;
        let make: Box<dyn Fn(Vec<u8>) -> Entry> = match first >> 4 & 0x07 {
            1 => Box::new(|data| Entry::Whole(Kind::Commit, data)),
            2 => Box::new(|data| Entry::Whole(Kind::Tree, data)),
            3 => Box::new(|data| Entry::Whole(Kind::Blob, data)),
            4 => Box::new(|data| Entry::Whole(Kind::Tag, data)),
            6 => {
                let mut back = 0_u64;
                loop {
                    let byte = bytes.next().filter(|_| back < 1 << 48).ok_or_else(broken)?;
                    back = back << 7 | u64::from(byte & 0x7f);
                    if byte & 0x80 == 0 {
                        break;
                    }
                    back += 1;
                }
                // A base lies before what is built on it, so no chain is a circle.
                let base = offset.checked_sub(back).filter(|_| back > 0);
                let base = base.ok_or_else(broken)?;
                Box::new(move |data| Entry::On(base, data))
            }
            7 => {
                let mut id = [0; Id::BYTES];
                for byte in &mut id {
                    *byte = bytes.next().ok_or_else(broken)?;
                }
                Box::new(move |data| Entry::OnId(Id(id), data))
            }
            _ => return Err(broken()),
        };
        let start = offset + (head.len() - bytes.len()) as u64;
        let most = size + size / 8 + SLACK_BYTES;
        let packed = place.range(&path, start, most)?;
        let data = miniz_oxide::inflate::decompress_to_vec_zlib_with_limit(&packed, size)
            .ok()
            .filter(|data| data.len() == size)
            .ok_or_else(broken)?;
        Ok(make(data))
    }
}
