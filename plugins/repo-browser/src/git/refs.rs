//! Branches, tags and what else names a commit.

use alcove_sdk::Failure;

use super::{Id, Kind, Objects, damaged};
use crate::place::Place;

/// `HEAD` names a branch, which may name another, and so on; a tag may name a tag.
const MAX_STEPS: usize = 5;
/// A loose ref is a line.
const MAX_REF_BYTES: usize = 4_096;
const MAX_PACKED_REFS_BYTES: usize = 16 << 20;
/// The fewest digits that name a commit.
const MIN_DIGITS: usize = 4;

/// The commit that a revision names: `HEAD`, a branch, a tag, or a commit's name or its beginning.
pub(crate) fn resolve<P: Place>(objects: &Objects<'_, P>, revision: &str) -> Result<Id, Failure> {
    if !is_name(revision) {
        return Err(Failure::invalid_input(format!(
            "{revision:?} is no revision; write a branch, a tag or a commit"
        )));
    }
    let mut id = named(objects, revision)?;
    for _ in 0..MAX_STEPS {
        let object = objects.get(&id)?;
        match object.kind {
            Kind::Commit => return Ok(id),
            Kind::Tag => {
                id = object
                    .data
                    .strip_prefix(b"object ")
                    .and_then(|rest| Id::parse(rest.get(..Id::BYTES * 2)?))
                    .ok_or_else(|| damaged(format!("the tag {id}")))?;
            }
            Kind::Tree | Kind::Blob => break,
        }
    }
    Err(Failure::invalid_input(format!("{revision} is no commit")))
}

fn named<P: Place>(objects: &Objects<'_, P>, revision: &str) -> Result<Id, Failure> {
    if let Some(id) = Id::parse(revision.as_bytes()) {
        return Ok(id);
    }
    let packed = objects
        .place
        .read(".git/packed-refs", MAX_PACKED_REFS_BYTES)
        .unwrap_or_default();
    for before in ["", "refs/", "refs/heads/", "refs/tags/", "refs/remotes/"] {
        if let Some(id) = follow(objects.place, &packed, format!("{before}{revision}"))? {
            return Ok(id);
        }
    }
    let is_hex = revision.len() >= MIN_DIGITS && revision.bytes().all(|b| b.is_ascii_hexdigit());
    let found = match is_hex {
        true => objects.beginning(&revision.to_ascii_lowercase())?,
        false => None,
    };
    found.ok_or_else(|| {
        Failure::not_found(match revision {
            "HEAD" => "the repository has no commits yet".to_owned(),
            other => format!("the repository has no branch, tag or commit {other}"),
        })
    })
}

fn follow(place: &impl Place, packed: &[u8], name: String) -> Result<Option<Id>, Failure> {
    let mut name = name;
    for _ in 0..MAX_STEPS {
        if !name.starts_with("refs/") && name != "HEAD" {
            return Ok(None);
        }
        let Ok(text) = place.read(&format!(".git/{name}"), MAX_REF_BYTES) else {
            return Ok(in_packed(packed, &name));
        };
        let text = text.trim_ascii();
        if let Some(id) = Id::parse(text) {
            return Ok(Some(id));
        }
        name = text
            .strip_prefix(b"ref: ")
            .and_then(|next| std::str::from_utf8(next).ok())
            .filter(|next| is_name(next))
            .ok_or_else(|| damaged(format!("the ref {name}")))?
            .to_owned();
    }
    Err(damaged(format!("the ref {name} goes in a circle")))
}

fn in_packed(packed: &[u8], name: &str) -> Option<Id> {
    packed.split(|&b| b == b'\n').find_map(|line| {
        let (id, rest) = line.split_at_checked(Id::BYTES * 2)?;
        (rest.strip_prefix(b" ")? == name.as_bytes()).then(|| Id::parse(id))?
    })
}

/// git's rules for names of refs, as far as a path may be made of one.
fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 250
        && !name.starts_with(['/', '-'])
        && !name.contains("..")
        && !name.contains("//")
        && name
            .chars()
            .all(|c| c.is_alphanumeric() || "/._-+@#=,%!".contains(c))
}
