//! What files there are.

use alcove_sdk::Failure;
use alcove_sdk::files::Kind;

use crate::page::Page;
use crate::place::Place;
use crate::walk::{self, join, walk};

/// Entries on a page.
const PAGE: usize = 200;

/// The entries of a folder; with `name`, the files at any depth whose path holds it.
pub(crate) fn list(
    place: &impl Place,
    folder: &str,
    name: Option<&str>,
    page: Option<u32>,
) -> Result<String, Failure> {
    let mut shown = Page::new(page, PAGE);
    let Some(name) = name else {
        let entries = place.list(folder, walk::MAX_ENTRIES)?;
        let is_cut = entries.len() == walk::MAX_ENTRIES;
        for entry in entries.iter().filter(|entry| entry.name != ".git") {
            let path = join(folder, &entry.name);
            let added = shown.add(|| match entry.kind {
                Kind::Folder => format!("{path}/"),
                Kind::File => match place.stat(&path) {
                    Ok(stat) => format!("{path} ({} bytes)", stat.bytes),
                    Err(_) => path,
                },
                Kind::Other => format!("{path} (a link or device; not read)"),
            });
            if !added {
                break;
            }
        }
        return Ok(shown.show("(the folder is empty)", is_cut));
    };
    let name = name.to_lowercase();
    let saw_all = walk(place, folder, |path| {
        let is_hit = path.to_lowercase().contains(&name);
        Ok(!is_hit || shown.add(|| path.to_owned()))
    })?;
    Ok(shown.show("(no file has that in its path)", !saw_all))
}
