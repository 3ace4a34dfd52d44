//! From a path to the parts of a result.

use alcove_sdk::files::{self, ErrorKind, Kind};
use alcove_sdk::{Failure, Outcome, Part};
use alcove_text::Source;

use crate::{Arguments, docx, find, plain};

/// The largest file that is read.
const MAX_FILE_BYTES: usize = 64 << 20;
/// The most files of a folder that are listed, or searched.
const MAX_FILES: usize = 200;
/// How deep folders are searched.
const MAX_DEPTH: usize = 6;
/// The most passages that a search shows, of one file and of a folder.
const MAX_FOUND: usize = 6;
/// Where people's files are.
const WORKSPACE: &str = "/workspace";

pub(crate) fn read(arguments: &Arguments) -> Outcome {
    let path = match arguments.path.starts_with('/') {
        true => arguments.path.clone(),
        false => format!("{WORKSPACE}/{}", arguments.path.trim_start_matches("./")),
    };
    let path = path.trim_end_matches('/');
    let find = arguments.find.as_deref().map(str::trim);
    let find = find.filter(|words| !words.is_empty());
    let stat = files::stat(path).map_err(|error| match error.kind {
        ErrorKind::NotFound => Failure::not_found(format!("there is no file {path}. {}", there())),
        _ => error.into(),
    })?;
    if stat.kind == Kind::Folder {
        return match find {
            Some(words) => search(path, words),
            None => Ok(vec![Part::text(listing(path))]),
        };
    }
    let (text, mut notes) = text_of(path)?;
    let name = path.rsplit('/').next().unwrap_or(path);
    if let Some(words) = find {
        let all: Vec<&str> = alcove_text::sections(&text)
            .into_iter()
            .flat_map(|section| alcove_text::pieces(&text[section.range]))
            .collect();
        let places = find::best(&all, words, MAX_FOUND);
        if places.is_empty() && !all.is_empty() {
            notes.push(format!(
                "[Nothing in {name} speaks of {words:?}; here is its beginning.]"
            ));
        } else {
            notes.push(format!("[The passages of {name} that fit {words:?} best.]"));
            let shown: Vec<&str> = places.into_iter().map(|at| all[at]).collect();
            return alcove_text::chosen(&source(name, &notes), &text, &shown);
        }
    }
    let part = usize::try_from(arguments.part.unwrap_or(1)).unwrap_or(usize::MAX);
    alcove_text::result(&source(name, &notes), &text, part)
}

fn source<'a>(name: &'a str, notes: &'a [String]) -> Source<'a> {
    Source {
        link: None,
        name,
        notes,
    }
}

/// What there is instead of a missing file.
fn there() -> String {
    let files = below(WORKSPACE, MAX_FILES);
    match files.as_slice() {
        [] => "There are no files in /workspace.".to_owned(),
        files => format!("There are: {}", files.join(", ")),
    }
}

/// The text of a file as Markdown, and what is known beside it.
fn text_of(path: &str) -> Result<(String, Vec<String>), Failure> {
    let bytes = files::read(path, MAX_FILE_BYTES)?;
    let ending = path
        .rsplit_once('.')
        .map(|(_, ending)| ending.to_lowercase());
    let refused = |why: String| Failure::unavailable(format!("{path} cannot be read: {why}"));
    if alcove_pdf::is_pdf(&bytes) {
        let document = alcove_pdf::read(bytes).map_err(|error| refused(error.to_string()))?;
        let mut notes = Vec::new();
        let known = [document.title, document.author].map(|one| one.trim().to_owned());
        let known: Vec<String> = known.into_iter().filter(|one| !one.is_empty()).collect();
        notes.push(
            format!("[{} pages] {}", document.pages, known.join(", "))
                .trim()
                .to_owned(),
        );
        if document.markdown.trim().is_empty() {
            notes.push(
                "[Its pages are pictures without text: they would have to be recognised first.]"
                    .to_owned(),
            );
        }
        return Ok((document.markdown, notes));
    }
    if bytes.starts_with(b"PK\x03\x04") && ending.as_deref().is_some_and(|ending| ending == "docx")
    {
        return Ok((docx::markdown(&bytes).map_err(refused)?, Vec::new()));
    }
    match plain::text(&bytes) {
        Some(text) => Ok((text, Vec::new())),
        None => Err(refused(
            "it is none of PDF, Word (.docx), Markdown, text, CSV and code".to_owned(),
        )),
    }
}

/// The files below a folder, by path, folders after files.
fn below(folder: &str, most: usize) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![(folder.to_owned(), 0)];
    while let Some((folder, depth)) = open.pop() {
        let Ok(entries) = files::list(&folder, most) else {
            continue;
        };
        let mut folders = Vec::new();
        for entry in entries {
            let path = format!("{folder}/{}", entry.name);
            match entry.kind {
                Kind::File if found.len() < most => found.push(path),
                Kind::Folder if depth < MAX_DEPTH && !entry.name.starts_with('.') => {
                    folders.push((path, depth + 1));
                }
                _ => {}
            }
        }
        open.extend(folders.into_iter().rev());
    }
    found
}

fn listing(folder: &str) -> String {
    let files = below(folder, MAX_FILES);
    let lines: Vec<String> = files
        .iter()
        .map(|path| {
            let bytes = files::stat(path).map_or(0, |stat| stat.bytes);
            format!("{path} ({bytes} bytes)")
        })
        .collect();
    match lines.as_slice() {
        [] => format!("There are no files in {folder}."),
        lines if lines.len() == MAX_FILES => format!("{}\n[There are more.]", lines.join("\n")),
        lines => lines.join("\n"),
    }
}

/// The best passages of all files below a folder; they name their file, and are not cited.
fn search(folder: &str, words: &str) -> Outcome {
    let mut texts = Vec::new();
    let mut unread = 0;
    for path in below(folder, MAX_FILES) {
        match text_of(&path) {
            Ok((text, _)) => texts.push((path, text)),
            Err(_) => unread += 1,
        }
    }
    let mut all = Vec::new();
    for (path, text) in &texts {
        for section in alcove_text::sections(text) {
            all.extend(
                alcove_text::pieces(&text[section.range])
                    .into_iter()
                    .map(|piece| (path, piece)),
            );
        }
    }
    let pieces: Vec<&str> = all.iter().map(|(_, piece)| *piece).collect();
    let places = find::best(&pieces, words, MAX_FOUND);
    let mut lines = match places.is_empty() {
        true => vec![format!(
            "Nothing in {} files speaks of {words:?}.",
            texts.len()
        )],
        false => vec![format!(
            "The passages in {} files that fit {words:?} best:",
            texts.len()
        )],
    };
    lines.extend(
        places
            .iter()
            .map(|&at| format!("{}:\n{}", all[at].0, all[at].1.trim())),
    );
    if unread > 0 {
        lines.push(format!("[{unread} files could not be read.]"));
    }
    Ok(vec![Part::text(lines.join("\n\n"))])
}
