//! Trees: what a commit's folders hold.

use std::cell::RefCell;
use std::collections::HashMap;

use alcove_sdk::Failure;

use super::{Id, Kind, Objects, damaged};
use crate::place::Place;

/// Answers that are kept: a folder that a commit did not change is looked into once.
const MAX_KEPT: usize = 100_000;

/// Looks one path up in the trees of many commits.
pub(crate) struct Path<'p> {
    names: Vec<&'p str>,
    kept: RefCell<HashMap<(Id, usize), Option<Id>>>,
}

impl<'p> Path<'p> {
    pub(crate) fn new(path: &'p str) -> Self {
        Self {
            names: path.split('/').filter(|name| !name.is_empty()).collect(),
            kept: RefCell::default(),
        }
    }

    /// The object at the path below a tree.
    pub(crate) fn find<P: Place>(
        &self,
        objects: &Objects<'_, P>,
        tree: Id,
    ) -> Result<Option<Id>, Failure> {
        let mut at = tree;
        for (depth, name) in self.names.iter().enumerate() {
            let known = self.kept.borrow().get(&(at, depth)).copied();
            let next = match known {
                Some(next) => next,
                None => {
                    let object = objects.get(&at)?;
                    let next = match object.kind {
                        Kind::Tree => entry(&object.data, name.as_bytes())
                            .ok_or_else(|| damaged(format!("the tree {at}")))?,
                        _ => None,
                    };
                    let mut kept = self.kept.borrow_mut();
                    if kept.len() >= MAX_KEPT {
                        kept.clear();
                    }
                    kept.insert((at, depth), next);
                    next
                }
            };
            match next {
                Some(next) => at = next,
                None => return Ok(None),
            }
        }
        Ok(Some(at))
    }
}

/// The entry of that name, which may be missing; nothing where the tree is damaged. A submodule
/// counts as missing: its commit is in another repository.
fn entry(tree: &[u8], name: &[u8]) -> Option<Option<Id>> {
    const SUBMODULE: &[u8] = b"160000";
    let mut rest = tree;
    while !rest.is_empty() {
        let space = rest.iter().position(|&b| b == b' ')?;
        let end = space + rest[space..].iter().position(|&b| b == 0)?;
        let id: [u8; Id::BYTES] = rest.get(end + 1..end + 1 + Id::BYTES)?.try_into().ok()?;
        if &rest[space + 1..end] == name {
            return Some((&rest[..space] != SUBMODULE).then_some(Id(id)));
        }
        rest = &rest[end + 1 + Id::BYTES..];
    }
    Some(None)
}
