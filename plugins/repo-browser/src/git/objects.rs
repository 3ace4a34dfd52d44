//! Objects by their names, from loose files and packs.

use std::cell::OnceCell;

use alcove_sdk::Failure;

use super::pack::{Entry, Pack};
use super::{Id, Kind, Object, damaged, delta};
use crate::place::Place;

/// An object has at most this many bytes.
pub(crate) const MAX_OBJECT_BYTES: usize = 16 << 20;
/// The deltas of one object have at most this many bytes in all.
const MAX_CHAIN_BYTES: usize = 64 << 20;
/// As many deltas as git itself would ever write on one another.
const MAX_CHAIN: usize = 4_096;
/// At most this many packs are looked into.
const MAX_PACKS: usize = 512;
/// A folder of loose objects has at most this many.
const MAX_LOOSE: usize = 10_000;
/// `<kind> <length>\0` before a loose object.
const MAX_HEADER_BYTES: usize = 32;

/// The objects of the repository in a folder.
pub(crate) struct Objects<'p, P> {
    pub(crate) place: &'p P,
    packs: OnceCell<Vec<Pack>>,
}

impl<'p, P: Place> Objects<'p, P> {
    /// # Errors
    /// Where there is no repository that this can read.
    pub(crate) fn open(place: &'p P) -> Result<Self, Failure> {
        use alcove_sdk::files::Kind as FileKind;
        match place.stat(".git").map(|stat| stat.kind) {
            Ok(FileKind::Folder) => {}
            Ok(_) => {
                return Err(Failure::unavailable(
                    ".git points to another folder; attach the main repository",
                ));
            }
            Err(_) => return Err(Failure::not_found("this folder is no git repository")),
        }
        if place.stat(".git/reftable").is_ok() {
            return Err(Failure::unavailable(
                "this repository keeps its branches in a reftable, which cannot be read",
            ));
        }
        Ok(Self {
            place,
            packs: OnceCell::new(),
        })
    }

    fn packs(&self) -> Result<&[Pack], Failure> {
        if let Some(packs) = self.packs.get() {
            return Ok(packs);
        }
        let folder = ".git/objects/pack";
        let entries = self.place.list(folder, MAX_PACKS * 8).unwrap_or_default();
        let packs = entries
            .iter()
            .filter_map(|entry| entry.name.strip_suffix(".idx"))
            .take(MAX_PACKS)
            .map(|name| Pack::open(self.place, format!("{folder}/{name}")))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(self.packs.get_or_init(|| packs))
    }

    /// The object of that name.
    pub(crate) fn get(&self, id: &Id) -> Result<Object, Failure> {
        let mut deltas = Vec::new();
        let mut chain_bytes = 0;
        let mut wanted = *id;
        let mut object = 'found: loop {
            if let Some(object) = self.loose(&wanted)? {
                break object;
            }
            let (pack, mut offset) = self.packed(&wanted)?;
            loop {
                let entry = pack.entry(self.place, offset, MAX_OBJECT_BYTES)?;
                let (delta, elsewhere) = match entry {
                    Entry::Whole(kind, data) => break 'found Object { kind, data },
                    Entry::On(base, delta) => {
                        offset = base;
                        (delta, None)
                    }
                    Entry::OnId(base, delta) => (delta, Some(base)),
                };
                chain_bytes += delta.len();
                deltas.push(delta);
                if deltas.len() > MAX_CHAIN || chain_bytes > MAX_CHAIN_BYTES {
                    return Err(damaged(format!("{id} hangs on too many others")));
                }
                if let Some(base) = elsewhere {
                    wanted = base;
                    continue 'found;
                }
            }
        };
        for delta in deltas.iter().rev() {
            object.data = delta::apply(&object.data, delta, MAX_OBJECT_BYTES)
                .ok_or_else(|| damaged(format!("the delta of {id}")))?;
        }
        Ok(object)
    }

    /// The object of that name, which must be of that kind.
    pub(crate) fn get_kind(&self, id: &Id, kind: Kind) -> Result<Vec<u8>, Failure> {
        let object = self.get(id)?;
        if object.kind == kind {
            Ok(object.data)
        } else {
            Err(damaged(format!("{id} is no {kind:?}")))
        }
    }

    fn packed(&self, id: &Id) -> Result<(&Pack, u64), Failure> {
        for pack in self.packs()? {
            if let Some(offset) = pack.find(self.place, id)? {
                return Ok((pack, offset));
            }
        }
        Err(Failure::not_found(format!(
            "the repository does not hold {id}; a shallow clone ends somewhere"
        )))
    }

    fn loose(&self, id: &Id) -> Result<Option<Object>, Failure> {
        let name = id.to_string();
        let path = format!(".git/objects/{}/{}", &name[..2], &name[2..]);
        let Ok(packed) = self.place.read(&path, MAX_OBJECT_BYTES) else {
            return Ok(None);
        };
        let broken = || damaged(&path);
        let max = MAX_OBJECT_BYTES + MAX_HEADER_BYTES;
        let mut data = miniz_oxide::inflate::decompress_to_vec_zlib_with_limit(&packed, max)
            .map_err(|_| broken())?;
        let end = data.iter().take(MAX_HEADER_BYTES).position(|&b| b == 0);
        let end = end.ok_or_else(broken)?;
        let kind = match data[..end].split(|&b| b == b' ').next() {
            Some(b"commit") => Kind::Commit,
            Some(b"tree") => Kind::Tree,
            Some(b"blob") => Kind::Blob,
            Some(b"tag") => Kind::Tag,
            _ => return Err(broken()),
        };
        data.drain(..=end);
        Ok(Some(Object { kind, data }))
    }

    /// The only object whose name begins so.
    pub(crate) fn beginning(&self, hex: &str) -> Result<Option<Id>, Failure> {
        let Ok(first) = u8::from_str_radix(&hex[..2], 16) else {
            return Ok(None);
        };
        let mut found: Vec<Id> = Vec::new();
        let folder = format!(".git/objects/{}", &hex[..2]);
        for entry in self.place.list(&folder, MAX_LOOSE).unwrap_or_default() {
            found.extend(Id::parse(format!("{}{}", &hex[..2], entry.name).as_bytes()));
        }
        for pack in self.packs()? {
            found.extend(pack.names(self.place, first)?.1);
        }
        found.retain(|id| id.to_string().starts_with(hex));
        found.sort_unstable();
        found.dedup();
        match found[..] {
            [] => Ok(None),
            [only] => Ok(Some(only)),
            _ => Err(Failure::invalid_input(format!(
                "several objects begin with {hex}; write more digits"
            ))),
        }
    }
}
