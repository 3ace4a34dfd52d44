//! Which commit each line of a file comes from.

use std::collections::{BinaryHeap, HashMap};
use std::rc::Rc;

use alcove_sdk::Failure;
use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::commit::{Commit, Commits};
use super::tree::Path;
use super::{Id, Kind, Objects};
use crate::place::Place;

/// At most this many versions of the file are compared in one call.
pub(crate) const MAX_VERSIONS: usize = 500;
/// At most this many commits are looked at in one call.
const MAX_COMMITS: usize = 20_000;
/// A file has at most this many bytes and lines.
const MAX_BYTES: usize = 2 << 20;
const MAX_LINES: usize = 20_000;
/// Versions that are kept for the next comparison.
const MAX_KEPT: usize = 8;

/// A file with the commit of each line.
#[derive(Debug)]
pub(crate) struct Blame {
    pub(crate) lines: Vec<Line>,
    pub(crate) commits: HashMap<Id, Rc<Commit>>,
}

#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) text: String,
    /// Nothing where it is older than what was looked at.
    pub(crate) commit: Option<Id>,
}

/// Lines that a commit's file shares with the file that was asked for: their number there, by
/// their number here.
type Shared = Vec<(usize, usize)>;

/// The lines of `path` at `from`. A file that had another name is not followed there.
pub(crate) fn blame<P: Place>(
    objects: &Objects<'_, P>,
    from: Id,
    path: &str,
) -> Result<Blame, Failure> {
    let looked_up = Path::new(path);
    let read = Commits::new(objects);
    let first = read.get(&from)?;
    let blob = looked_up
        .find(objects, first.tree)?
        .ok_or_else(|| Failure::not_found(format!("{path} is not in that commit")))?;
    let data = file(objects, &blob)?;
    let asked = split(&data);
    if asked.len() > MAX_LINES || data.contains(&0) {
        return Err(Failure::too_large(format!(
            "{path} is no text of at most {MAX_LINES} lines"
        )));
    }
    let mut lines: Vec<Line> = asked
        .iter()
        .map(|line| Line {
            text: String::from_utf8_lossy(line).into_owned(),
            commit: None,
        })
        .collect();
    let mut commits = HashMap::new();
    let mut waiting = BinaryHeap::from([(first.committed, from)]);
    let mut shares: HashMap<Id, Shared> =
        HashMap::from([(from, (0..lines.len()).map(|line| (line, line)).collect())]);
    let mut versions = 0;
    // What was compared as the older version is the newer one of the next comparison.
    let mut files = HashMap::new();
    for _ in 0..MAX_COMMITS {
        let Some((_, id)) = waiting.pop() else { break };
        let Some(mut shared) = shares.remove(&id) else {
            continue;
        };
        let commit = read.get(&id)?;
        let Some(here) = looked_up.find(objects, commit.tree)? else {
            continue;
        };
        for parent in &commit.parents {
            if shared.is_empty() {
                break;
            }
            let Ok(older) = read.get(parent) else {
                continue;
            };
            let Some(there) = looked_up.find(objects, older.tree)? else {
                continue;
            };
            let passed = if there == here {
                std::mem::take(&mut shared)
            } else {
                versions += 1;
                if versions > MAX_VERSIONS {
                    return Ok(Blame { lines, commits });
                }
                let new = match files.remove(&here) {
                    Some(data) => data,
                    None => file(objects, &here)?,
                };
                let old = file(objects, &there)?;
                let passed = pass(&new, &old, &mut shared);
                if files.len() >= MAX_KEPT {
                    files.clear();
                }
                files.extend([(here, new), (there, old)]);
                passed
            };
            if !passed.is_empty() {
                waiting.push((older.committed, *parent));
                shares.entry(*parent).or_default().extend(passed);
            }
        }
        for (_, line) in &shared {
            lines[*line].commit = Some(id);
        }
        if !shared.is_empty() {
            commits.insert(id, commit);
        }
    }
    Ok(Blame { lines, commits })
}

/// Takes out of `shared` the lines that the older file has too, with their numbers there.
fn pass(here: &[u8], there: &[u8], shared: &mut Shared) -> Shared {
    let (new, old) = (split(here), split(there));
    let mut older = vec![None; new.len()];
    for op in capture_diff_slices(Algorithm::Myers, &old, &new) {
        if let DiffOp::Equal {
            old_index,
            new_index,
            len,
        } = op
        {
            for at in 0..len {
                older[new_index + at] = Some(old_index + at);
            }
        }
    }
    let mut passed = Vec::new();
    shared.retain(|&(line, asked)| match older.get(line).copied().flatten() {
        Some(before) => {
            passed.push((before, asked));
            false
        }
        None => true,
    });
    passed
}

fn file<P: Place>(objects: &Objects<'_, P>, blob: &Id) -> Result<Vec<u8>, Failure> {
    let data = objects.get_kind(blob, Kind::Blob)?;
    if data.len() > MAX_BYTES {
        return Err(Failure::too_large(format!(
            "a version of the file has more than {MAX_BYTES} bytes"
        )));
    }
    Ok(data)
}

fn split(data: &[u8]) -> Vec<&[u8]> {
    let mut lines: Vec<_> = data.split(|&b| b == b'\n').collect();
    if lines.last().is_some_and(|last| last.is_empty()) {
        lines.pop();
    }
    lines
}
