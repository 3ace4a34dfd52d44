//! History and blame as text.

use alcove_sdk::Failure;

use crate::git::{self, Id, Kind, Objects, blame, commit::Commit, history, tree::Path};
use crate::place::Place;
use crate::reading;

/// Commits on a page.
const COMMITS: usize = 20;
/// Lines of blame in one answer.
const MAX_LINES: usize = 200;
/// A line is cut here.
const MAX_LINE_CHARS: usize = 160;

/// The lines of a file as a revision has it.
pub(crate) fn read(
    place: &impl Place,
    path: &str,
    revision: &str,
    from: Option<u32>,
    to: Option<u32>,
) -> Result<String, Failure> {
    let objects = Objects::open(place)?;
    let id = git::resolve(&objects, revision)?;
    let tree = Commit::read(&objects, &id)?.tree;
    let blob = Path::new(path)
        .find(&objects, tree)?
        .ok_or_else(|| Failure::not_found(format!("{path} is not in {revision}")))?;
    let object = objects.get(&blob)?;
    if object.kind != Kind::Blob {
        return Err(Failure::invalid_input(format!("{path} is a folder")));
    }
    reading::read_bytes(path, &object.data, from, to)
}

/// The commits that changed a path.
pub(crate) fn history(
    place: &impl Place,
    path: &str,
    revision: &str,
    page: Option<u32>,
) -> Result<String, Failure> {
    let objects = Objects::open(place)?;
    let from = git::resolve(&objects, revision)?;
    let page = page.unwrap_or(1).max(1) as usize;
    let found = history::history(
        &objects,
        from,
        path,
        (page - 1).saturating_mul(COMMITS),
        COMMITS,
    )?;
    let mut text: String = found
        .commits
        .iter()
        .map(|(id, commit)| format!("{} {}\n", of(id, commit), commit.title))
        .collect();
    if text.is_empty() {
        text.push_str("(no commit changed that path)\n");
    }
    if found.is_cut {
        text.push_str(&match found.commits.len() {
            COMMITS => format!("(more: page {})", page + 1),
            _ => format!("(only {} commits were looked at)", history::MAX_COMMITS),
        });
    }
    Ok(text.trim_end().to_owned())
}

/// The commit of each line.
pub(crate) fn blame(
    place: &impl Place,
    path: &str,
    revision: &str,
    from: Option<u32>,
    to: Option<u32>,
) -> Result<String, Failure> {
    let objects = Objects::open(place)?;
    let id = git::resolve(&objects, revision)?;
    let found = blame::blame(&objects, id, path)?;
    let first = from.unwrap_or(1).max(1) as usize;
    let last = to.map_or(usize::MAX, |to| to as usize);
    let last = last
        .min(first.saturating_add(MAX_LINES - 1))
        .min(found.lines.len());
    if first > last {
        return Ok(format!("(the file has {} lines)", found.lines.len()));
    }
    let mut text = String::new();
    for (number, line) in (first..=last).zip(&found.lines[first - 1..last]) {
        let who = line
            .commit
            .and_then(|id| Some(of(&id, found.commits.get(&id)?)))
            .unwrap_or_else(|| "(older)".to_owned());
        let line: String = line.text.trim_end().chars().take(MAX_LINE_CHARS).collect();
        text.push_str(&format!("{number}: {who} | {line}\n"));
    }
    if last < found.lines.len() {
        text.push_str(&format!("(goes on: from line {})", last + 1));
    }
    Ok(text.trim_end().to_owned())
}

fn of(id: &Id, commit: &Commit) -> String {
    format!("{} {} {}", id.short(), commit.day(), commit.author)
}
