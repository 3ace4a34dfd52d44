//! The commits that changed a path, newest first.

use std::collections::{BinaryHeap, HashSet};
use std::rc::Rc;

use alcove_sdk::Failure;

use super::commit::{Commit, Commits};
use super::tree::Path;
use super::{Id, Objects};
use crate::place::Place;

/// At most this many commits are looked at in one call.
pub(crate) const MAX_COMMITS: usize = 20_000;

/// What was found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct History {
    pub(crate) commits: Vec<(Id, Rc<Commit>)>,
    /// More would have been found, or might have been.
    pub(crate) is_cut: bool,
}

/// The commits from `from` backwards that changed `path` (the empty path is everything), without
/// the first `skip` and at most `count`. As in git, a merge that took one side whole is passed over
/// for that side.
pub(crate) fn history<P: Place>(
    objects: &Objects<'_, P>,
    from: Id,
    path: &str,
    skip: usize,
    count: usize,
) -> Result<History, Failure> {
    let path = Path::new(path);
    let mut seen = HashSet::from([from]);
    let read = Commits::new(objects);
    let mut waiting = BinaryHeap::from([(read.get(&from)?.committed, from)]);
    let mut commits = Vec::new();
    let mut skipped = 0;
    let mut looked_at = 0;
    while let Some((_, id)) = waiting.pop() {
        if commits.len() == count || looked_at == MAX_COMMITS {
            return Ok(History {
                commits,
                is_cut: true,
            });
        }
        looked_at += 1;
        let commit = read.get(&id)?;
        let here = path.find(objects, commit.tree)?;
        let mut parents = Vec::new();
        let mut same = None;
        for parent in &commit.parents {
            // A shallow clone does not hold the parents of its last commits.
            let Ok(older) = read.get(parent) else {
                continue;
            };
            if path.find(objects, older.tree)? == here {
                same.get_or_insert((older.committed, *parent));
            }
            parents.push((older.committed, *parent));
        }
        if same.is_none() && (here.is_some() || !parents.is_empty()) {
            if skipped < skip {
                skipped += 1;
            } else {
                commits.push((id, commit));
            }
        }
        let on = match same {
            Some(same) => vec![same],
            None => parents,
        };
        waiting.extend(on.into_iter().filter(|(_, parent)| seen.insert(*parent)));
    }
    Ok(History {
        commits,
        is_cut: false,
    })
}
