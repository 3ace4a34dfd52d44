//! Commits.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use alcove_sdk::{Failure, date};

use super::{Id, Kind, Objects, damaged};
use crate::place::Place;

/// As many parents as a commit may have.
const MAX_PARENTS: usize = 64;
/// Commits that are kept.
const MAX_KEPT: usize = 50_000;
/// A title or a name is cut here.
const MAX_SHOWN_CHARS: usize = 120;

/// What is used of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Commit {
    pub(crate) tree: Id,
    pub(crate) parents: Vec<Id>,
    pub(crate) author: String,
    /// When it was written: seconds since 1970 began.
    pub(crate) written: i64,
    /// When it was committed, which puts commits in order.
    pub(crate) committed: i64,
    /// The message's first line.
    pub(crate) title: String,
}

impl Commit {
    pub(crate) fn read<P: Place>(objects: &Objects<'_, P>, id: &Id) -> Result<Self, Failure> {
        parse(&objects.get_kind(id, Kind::Commit)?)
            .ok_or_else(|| damaged(format!("the commit {id}")))
    }

    /// The day on which it was written, such as `2026-03-01`.
    pub(crate) fn day(&self) -> String {
        date::day(self.written)
    }
}

/// Commits, each of which is met as a parent first and then by itself, and read once.
pub(crate) struct Commits<'o, 'p, P> {
    objects: &'o Objects<'p, P>,
    kept: RefCell<HashMap<Id, Rc<Commit>>>,
}

impl<'o, 'p, P: Place> Commits<'o, 'p, P> {
    pub(crate) fn new(objects: &'o Objects<'p, P>) -> Self {
        Self {
            objects,
            kept: RefCell::default(),
        }
    }

    pub(crate) fn get(&self, id: &Id) -> Result<Rc<Commit>, Failure> {
        if let Some(commit) = self.kept.borrow().get(id) {
            return Ok(Rc::clone(commit));
        }
        let commit = Rc::new(Commit::read(self.objects, id)?);
        let mut kept = self.kept.borrow_mut();
        if kept.len() >= MAX_KEPT {
            kept.clear();
        }
        kept.insert(*id, Rc::clone(&commit));
        Ok(commit)
    }
}

fn parse(data: &[u8]) -> Option<Commit> {
    let mut lines = data.split(|&b| b == b'\n');
    let tree = Id::parse(lines.next()?.strip_prefix(b"tree ")?)?;
    let mut parents = Vec::new();
    let mut author = (String::new(), 0);
    let mut committed = 0;
    for line in lines.by_ref().take_while(|line| !line.is_empty()) {
        if let Some(parent) = line.strip_prefix(b"parent ") {
            if parents.len() < MAX_PARENTS {
                parents.push(Id::parse(parent)?);
            }
        } else if let Some(person) = line.strip_prefix(b"author ") {
            author = signature(person);
        } else if let Some(person) = line.strip_prefix(b"committer ") {
            committed = signature(person).1;
        }
    }
    let title = lines.find(|line| !line.trim_ascii().is_empty());
    Some(Commit {
        tree,
        parents,
        author: author.0,
        written: author.1,
        committed,
        title: shown(title.unwrap_or_default()),
    })
}

/// Name and time of `Name <address> 1700000000 +0100`.
fn signature(line: &[u8]) -> (String, i64) {
    let line = String::from_utf8_lossy(line);
    let (name, rest) = line.split_once('<').unwrap_or((&line, ""));
    let time = rest.rsplit_once('>').map_or("", |(_, after)| after);
    let seconds = time.split_whitespace().next().and_then(|t| t.parse().ok());
    // A time that no calendar holds is none.
    let seconds = seconds.filter(|s: &i64| (0..=253_402_300_799).contains(s));
    (shown(name.as_bytes()), seconds.unwrap_or(0))
}

fn shown(text: &[u8]) -> String {
    String::from_utf8_lossy(text)
        .trim()
        .chars()
        .filter(|c| !c.is_control())
        .take(MAX_SHOWN_CHARS)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn a_commit_of_junk_is_none_and_a_strange_one_is_read() {
        assert_eq!(parse(b""), None);
        assert_eq!(parse(b"tree 12"), None);
        let id = "0123456789abcdef0123456789abcdef01234567";
        let strange = format!("tree {id}\nauthor <<>> 99999999999999999999 x\n\n\x1b[2Jtitle\n");
        let commit = parse(strange.as_bytes()).unwrap();
        assert_eq!((commit.written, commit.title.as_str()), (0, "[2Jtitle"));
    }
}
