//! All files below a folder, in order, without git's own.

use alcove_sdk::Failure;
use alcove_sdk::files::Kind;

use crate::place::Place;

/// At most this many files are walked over in one call.
pub(crate) const MAX_FILES: usize = 200_000;
/// A folder has at most this many entries.
pub(crate) const MAX_ENTRIES: usize = 100_000;
/// Folders in folders, at most.
const MAX_DEPTH: usize = 64;

/// Calls `each` with the path of every file below `top`, or with `top` itself where it is a file,
/// until it says stop or there are no more; whether all were seen. Links are passed over.
///
/// # Errors
/// Where `top` is not there or is a link, and what `each` fails with.
pub(crate) fn walk(
    place: &impl Place,
    top: &str,
    mut each: impl FnMut(&str) -> Result<bool, Failure>,
) -> Result<bool, Failure> {
    let kind = place.stat(top)?.kind;
    if kind == Kind::Other {
        return Err(Failure::invalid_input(format!(
            "{top} is a link or a device, which is not followed"
        )));
    }
    let mut files = 0;
    let mut waiting = vec![(top.to_owned(), kind, 0)];
    let mut saw_all = true;
    while let Some((path, kind, depth)) = waiting.pop() {
        match kind {
            Kind::Other => {}
            Kind::File => {
                files += 1;
                if files > MAX_FILES || !each(&path)? {
                    return Ok(false);
                }
            }
            Kind::Folder if depth > MAX_DEPTH => saw_all = false,
            Kind::Folder => {
                let entries = match place.list(&path, MAX_ENTRIES) {
                    Ok(entries) => entries,
                    Err(failure) if depth == 0 => return Err(failure),
                    Err(_) => {
                        saw_all = false;
                        continue;
                    }
                };
                saw_all &= entries.len() < MAX_ENTRIES;
                // The last is taken first.
                for entry in entries.into_iter().rev().filter(|e| e.name != ".git") {
                    waiting.push((join(&path, &entry.name), entry.kind, depth + 1));
                }
            }
        }
    }
    Ok(saw_all)
}

/// The file that a path means: the one there, or where there is none the only one that is called
/// so. People and models name files without all of their folders.
pub(crate) fn nearest(place: &impl Place, path: &str) -> Result<Option<String>, Failure> {
    if place.stat(path).is_ok() {
        return Ok(Some(path.to_owned()));
    }
    let name = path.rsplit('/').next().unwrap_or(path);
    // What has no ending is a name of code.
    if !name.contains('.') {
        return Ok(None);
    }
    let end = format!("/{name}");
    let mut found = Vec::new();
    walk(place, "", |other| {
        if other == name || other.ends_with(&end) {
            found.push(other.to_owned());
        }
        Ok(found.len() < 2)
    })?;
    Ok(match found.as_slice() {
        [_] => found.pop(),
        _ => None,
    })
}

/// The path of an entry.
pub(crate) fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() {
        name.to_owned()
    } else {
        format!("{folder}/{name}")
    }
}
