//! How much of a page's text web-fetch finds, and how much that is none of it, against two
//! readability libraries, over real pages whose own source markup is the truth.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use super::debian;
use crate::bench::result::{self, Row};
use crate::{paths, python, shell};

/// What the pages come from: Debian's packages of documentation that hold HTML and its source.
const COLLECTIONS: [Collection; 2] = [
    Collection {
        package: "python3.11-doc",
        pages: "usr/share/doc/python3.11/html",
        sources: "usr/share/doc/python3.11/html/_sources",
        suffix: "rst.txt",
    },
    Collection {
        package: "git-doc",
        pages: "usr/share/doc/git-doc",
        sources: "usr/share/doc/git-doc",
        suffix: "txt",
    },
];
/// A source with fewer words is a page of links, or includes its text from elsewhere.
const LEAST_WORDS: usize = 200;
const OURS: &str = "web-fetch";
const PEERS: [&str; 2] = ["trafilatura", "readability-lxml"];
const REQUIREMENTS: &str = "plugins/web-fetch/measure/requirements.txt";

struct Collection {
    package: &'static str,
    pages: &'static str,
    sources: &'static str,
    /// What a source's name ends with where its page's ends with `html`.
    suffix: &'static str,
}

/// A page with the words of its source.
struct Page {
    name: String,
    path: PathBuf,
    words: Words,
}

type Words = HashMap<String, usize>;

/// Measures `count` pages of each collection.
pub(crate) fn run(count: usize) -> Result<()> {
    let folder = paths::target().join("prove-fetch");
    let environment = paths::cache().join("fetch-peers");
    python::environment(
        "what web-fetch is measured against",
        REQUIREMENTS,
        &environment,
    )?;
    let mut rows = Vec::new();
    for collection in COLLECTIONS {
        let package = collection.package;
        let pages = sample(&collection, &debian::unpacked(package)?, count)?;
        let out = folder.join(package);
        let list = out.join("pages.txt");
        let lines = pages
            .iter()
            .map(|page| format!("{}\t{}\n", page.name, page.path.display()));
        std::fs::create_dir_all(out.join(OURS))?;
        std::fs::write(&list, lines.collect::<String>())?;
        convert(&list, &out.join(OURS))?;
        let peers = paths::root().join("plugins/web-fetch/measure/peers.py");
        let mut peer = shell::command(environment.join("bin/python"));
        shell::run(peer.arg(peers).arg(&list).arg(&out))?;
        for library in [OURS].into_iter().chain(PEERS) {
            let (recall, foreign) = score(&pages, &out.join(library))?;
            for (what, share) in [
                ("words found", recall),
                ("words that are not its text", foreign),
            ] {
                let name = format!("{package}, {} pages: {what}, {library}", pages.len());
                let mut row = Row::new("fetch", name, share * 100.0, "%")?;
                row.command = format!("cargo xtask prove fetch --pages {count}");
                shell::say(&row.line());
                rows.push(row);
            }
        }
    }
    result::write("prove-fetch", &rows)
}

/// Pages with enough text, chosen by a hash of their names: the same ones every time.
fn sample(collection: &Collection, root: &Path, count: usize) -> Result<Vec<Page>> {
    let sources = &root.join(collection.sources);
    let mut found = Vec::new();
    let mut folders = vec![sources.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(sources)?.to_string_lossy().into_owned();
            let Some(stem) = name.strip_suffix(collection.suffix) else {
                continue;
            };
            let page = root.join(collection.pages).join(format!("{stem}html"));
            let words = words(&plain(&std::fs::read_to_string(&path).unwrap_or_default()));
            if page.is_file() && words.values().sum::<usize>() >= LEAST_WORDS {
                found.push(Page {
                    name: name.replace('/', "_"),
                    path: page,
                    words,
                });
            }
        }
    }
    found.sort_by_key(|page| (fnv(&page.name), page.name.clone()));
    found.truncate(count);
    if found.len() < count {
        bail!(
            "{} has only {} pages that will do",
            collection.package,
            found.len()
        );
    }
    Ok(found)
}

fn fnv(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Our own conversion, built for this machine.
fn convert(list: &Path, out: &Path) -> Result<()> {
    let mut cargo = shell::command("cargo");
    cargo.args([
        "run",
        "--release",
        "--locked",
        "--quiet",
        "-p",
        "alcove-web-fetch",
    ]);
    cargo.args(["--example", "markdown", "--manifest-path"]);
    cargo.arg(paths::root().join("plugins/Cargo.toml"));
    cargo
        .arg("--target-dir")
        .arg(paths::target().join("plugins-native"));
    shell::run(cargo.arg("--").arg(list).arg(out))
}

/// Means over the pages: the share of the source's words that were found, and the share of what
/// was given back that is not in the source.
fn score(pages: &[Page], folder: &Path) -> Result<(f64, f64)> {
    let (mut recall, mut foreign) = (0.0, 0.0);
    for page in pages {
        let text = std::fs::read_to_string(folder.join(&page.name))?;
        let given = words(&without_targets(&text));
        let shared: usize = given
            .iter()
            .map(|(word, count)| page.words.get(word).map_or(0, |known| *count.min(known)))
            .sum();
        let all = |words: &Words| words.values().sum::<usize>().max(1) as f64;
        recall += shared as f64 / all(&page.words);
        foreign += 1.0 - shared as f64 / all(&given);
    }
    let count = pages.len().max(1) as f64;
    Ok((recall / count, foreign / count))
}

/// Words of letters, with how often each stands there.
fn words(text: &str) -> Words {
    let mut counted = Words::new();
    for word in text.split(|c: char| !c.is_alphabetic()) {
        if word.chars().count() > 1 {
            *counted.entry(word.to_lowercase()).or_default() += 1;
        }
    }
    counted
}

/// Markdown without the addresses of its links: the libraries give back none.
fn without_targets(markdown: &str) -> String {
    let mut pieces = markdown.split("](");
    let mut plain = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        plain.push(' ');
        plain.push_str(piece.split_once(')').map_or("", |(_, rest)| rest));
    }
    plain
}

/// What a source in reStructuredText or AsciiDoc shows, roughly: without comments, directives that
/// show nothing, names of options and names of roles.
fn plain(source: &str) -> String {
    const SILENT: [&str; 14] = [
        ".. _",
        ".. index::",
        ".. module::",
        ".. moduleauthor::",
        ".. sectionauthor::",
        ".. highlight::",
        ".. toctree::",
        ".. currentmodule::",
        "include::",
        "ifdef::",
        "ifndef::",
        "endif::",
        "//",
        "[[",
    ];
    let mut shown = String::new();
    for line in source.lines() {
        let start = line.trim_start();
        let is_option = start.starts_with(':') && start[1..].contains(": ")
            || start.ends_with(':') && start.starts_with(':');
        if is_option && !start.contains('`') || SILENT.iter().any(|mark| start.starts_with(mark)) {
            continue;
        }
        let line = match start
            .strip_prefix(".. ")
            .and_then(|rest| rest.split_once("::"))
        {
            Some((_, rest)) => rest,
            None => start,
        };
        for word in line.split_inclusive(' ') {
            shown.push_str(&without_role(&word.replace("linkgit:", "")));
        }
        shown.push('\n');
    }
    shown
}

/// `:func:` before a backtick is a role's name.
fn without_role(word: &str) -> String {
    let Some((before, quoted)) = word.split_once(":`") else {
        return word.to_owned();
    };
    let kept = before.rsplit_once(':').map_or(before, |(kept, _)| kept);
    format!("{kept} {quoted}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_no_text() {
        let source = ".. _label:\n.. function:: len(s)\n   :noindex:\n\nSee (:func:`abs`) in linkgit:git-add[1].\n";
        let counted = words(&plain(source));
        let mut shown: Vec<&str> = counted.keys().map(String::as_str).collect();
        shown.sort_unstable();
        assert_eq!(shown, ["abs", "add", "git", "in", "len", "see"]);
        assert_eq!(without_targets("a [b](https://c.example/d) e"), "a [b  e");
    }
}
