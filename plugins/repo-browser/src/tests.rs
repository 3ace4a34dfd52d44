//! Against git itself: repositories that it made, and what it says of them.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::git::{self, Objects, blame, history};
use crate::place::{Place as _, tests::OnDisk};
use crate::{listing, reading, search, symbols, told, walk};

struct Repository(PathBuf);

impl Drop for Repository {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Repository {
    fn empty(name: &str) -> Self {
        let folder =
            std::env::temp_dir().join(format!("alcove-repo-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn git(&self, arguments: &[&str]) -> String {
        self.git_at(arguments, 0)
    }

    fn git_at(&self, arguments: &[&str], minute: u32) -> String {
        let date = format!("{} +0000", 1_700_000_000 + minute * 60);
        let output = Command::new("git")
            .arg("-C")
            .arg(&self.0)
            .args(["-c", "user.name=Ada", "-c", "user.email=ada@example.org"])
            .args(arguments)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_AUTHOR_DATE", &date)
            .env("GIT_COMMITTER_DATE", &date)
            .output()
            .unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.0.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Thirty commits on two files, with a branch that is merged, and a tag.
    fn with_history(name: &str) -> Self {
        let made = Self::empty(name);
        made.git(&["init", "-q", "-b", "main"]);
        let mut lines: Vec<String> = (0..200).map(|n| format!("line {n} of the file")).collect();
        for commit in 0..30_u32 {
            if commit == 10 {
                made.git(&["checkout", "-q", "-b", "side"]);
                made.write("side.txt", "from the side\n");
                made.git(&["add", "."]);
                made.git_at(&["commit", "-qm", "On the side"], commit);
                made.git(&["checkout", "-q", "main"]);
            }
            if commit % 3 == 2 {
                made.write("src/other.txt", format!("{commit}\n"));
            } else {
                let at = (commit as usize * 37) % lines.len();
                lines[at] = format!("changed by {commit}");
                lines.insert(at, format!("put in by {commit}"));
                made.write("src/file.txt", lines.join("\n") + "\n");
            }
            made.git(&["add", "."]);
            made.git_at(
                &["commit", "-qm", &format!("Commit {commit}")],
                commit * 2 + 1,
            );
            if commit == 20 {
                made.git_at(
                    &["merge", "-q", "--no-ff", "-m", "Merge", "side"],
                    commit * 2 + 2,
                );
                made.git_at(&["tag", "-a", "v1", "-m", "one"], commit * 2 + 2);
            }
        }
        made
    }

    fn place(&self) -> OnDisk {
        OnDisk(self.0.clone())
    }

    /// History, blame and old files are what git says they are.
    fn check_as_git_says(&self) {
        let place = self.place();
        let objects = Objects::open(&place).unwrap();
        for revision in ["HEAD", "main", "side", "v1", "HEAD~0^{commit}"] {
            let theirs = self.git(&["rev-parse", &format!("{revision}^{{commit}}")]);
            match git::resolve(&objects, revision) {
                Ok(ours) => {
                    assert_eq!(ours.to_string(), theirs.trim());
                    let short = git::resolve(&objects, &theirs[..10]).unwrap();
                    assert_eq!(short, ours);
                }
                Err(failure) => {
                    assert!(revision.contains('~'), "{revision}: {failure:?}");
                    assert_eq!(failure.kind, "invalid-input");
                }
            }
        }
        let head = git::resolve(&objects, "HEAD").unwrap();
        for path in [
            "",
            "src/file.txt",
            "src/other.txt",
            "side.txt",
            "src",
            "missing",
        ] {
            let ours: Vec<_> = history::history(&objects, head, path, 0, 1_000)
                .unwrap()
                .commits
                .iter()
                .map(|(id, commit)| format!("{id} {} {}", commit.day(), commit.title))
                .collect();
            let mut arguments = vec!["log", "--format=%H %as %s", "--date-order", "HEAD"];
            if !path.is_empty() {
                arguments.extend(["--", path]);
            }
            let mut theirs: Vec<_> = self.git(&arguments).lines().map(str::to_owned).collect();
            let mut sorted = ours.clone();
            sorted.sort();
            theirs.sort();
            assert_eq!(sorted, theirs, "history of {path:?}");
        }
        let ours = blame::blame(&objects, head, "src/file.txt").unwrap();
        let theirs = self.git(&["blame", "-s", "-l", "--root", "HEAD", "--", "src/file.txt"]);
        assert_eq!(ours.lines.len(), theirs.lines().count());
        for (ours, theirs) in ours.lines.iter().zip(theirs.lines()) {
            let id = ours.commit.unwrap();
            assert!(theirs.starts_with(&id.to_string()), "{theirs}: {id}");
            assert!(theirs.ends_with(&ours.text));
        }
        let old = told::read(&place, "src/file.txt", "v1", Some(1), Some(3)).unwrap();
        let theirs = self.git(&["show", "v1:src/file.txt"]);
        assert!(old.starts_with(&format!("1: {}\n", theirs.lines().next().unwrap())));
    }
}

#[test]
fn loose_objects_are_read_as_git_reads_them() {
    Repository::with_history("loose").check_as_git_says();
}

#[test]
fn packs_with_deltas_and_packed_refs_are_read_as_git_reads_them() {
    let made = Repository::with_history("packed");
    made.git(&["gc", "-q", "--aggressive", "--prune=now"]);
    assert!(made.0.join(".git/packed-refs").exists());
    assert!(!made.0.join(".git/refs/heads/main").exists());
    made.check_as_git_says();
}

#[test]
fn packs_with_deltas_on_names_are_read() {
    let made = Repository::with_history("names");
    made.git(&["-c", "repack.useDeltaBaseOffset=false", "repack", "-adfq"]);
    made.check_as_git_says();
}

#[test]
fn a_hostile_repository_ends_in_a_failure() {
    let made = Repository::with_history("hostile");
    made.git(&["gc", "-q", "--prune=now"]);
    let place = made.place();
    let fails = || {
        let history = told::history(&place, "", "HEAD", None);
        let blame = told::blame(&place, "src/file.txt", "HEAD", None, None);
        assert!(history.is_err() && blame.is_err());
    };
    for head in [
        "ref: ../../etc/passwd",
        "ref: refs/heads/../../../x",
        "ref: HEAD",
        "junk",
        "",
    ] {
        made.write(".git/HEAD", head);
        fails();
    }
    made.write(".git/HEAD", "ref: refs/heads/main\n");
    made.write(".git/packed-refs", b"\0\xff\n# pack-refs\n^zzzz\nshort\n");
    fails();
    made.write(
        ".git/refs/heads/main",
        "0123456789abcdef0123456789abcdef01234567\n",
    );
    fails();
    for revision in ["../x", "-rf", "a..b", "", "\0", "é/../x"] {
        assert!(told::history(&place, "", revision, None).is_err());
    }
}

#[test]
fn damaged_packs_never_bring_the_tool_down() {
    let made = Repository::with_history("damaged");
    made.git(&["gc", "-q", "--aggressive", "--prune=now"]);
    let folder = made.0.join(".git/objects/pack");
    let files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "idx" || e == "pack"))
        .collect();
    let mut failed = 0;
    for file in files {
        let whole = std::fs::read(&file).unwrap();
        std::fs::remove_file(&file).unwrap();
        for at in (0..whole.len()).step_by(whole.len() / 150 + 1) {
            let mut damaged = whole.clone();
            damaged[at] ^= 0xff;
            std::fs::write(&file, &damaged).unwrap();
            failed += usize::from(
                told::blame(&made.place(), "src/file.txt", "main", None, None).is_err(),
            );
            std::fs::write(&file, &whole[..at]).unwrap();
            failed += usize::from(told::history(&made.place(), "src", "main", None).is_err());
        }
        std::fs::write(&file, &whole).unwrap();
    }
    assert!(failed > 100, "{failed}");
    made.check_as_git_says();
}

#[test]
fn links_are_neither_listed_as_files_nor_searched() {
    let made = Repository::empty("links");
    made.write("a.txt", "needle\n");
    std::os::unix::fs::symlink("/etc", made.0.join("etc")).unwrap();
    std::os::unix::fs::symlink("a.txt", made.0.join("b.txt")).unwrap();
    let place = made.place();
    assert_eq!(
        search::search(&place, "", "needle", false, None).unwrap(),
        "a.txt:1: needle"
    );
    let listed = listing::list(&place, "", None, None).unwrap();
    assert_eq!(listed.matches("not read").count(), 2, "{listed}");
    assert!(reading::read(&place, "b.txt", None, None).is_err());
    for top in ["etc", "b.txt"] {
        let refused = search::search(&place, top, "needle", false, None).unwrap_err();
        assert!(refused.message.contains("is a link"), "{refused:?}");
    }
}

#[test]
fn a_file_is_found_by_its_name_where_there_is_one_of_it() {
    let made = Repository::empty("nearest");
    for path in ["host/src/one.rs", "host/src/two.rs", "web/two.rs"] {
        made.write(path, "");
    }
    let place = made.place();
    let nearest = |path: &str| walk::nearest(&place, path).unwrap();
    assert_eq!(nearest("web/two.rs").as_deref(), Some("web/two.rs"));
    assert_eq!(nearest("src/one.rs").as_deref(), Some("host/src/one.rs"));
    assert_eq!(nearest("two.rs"), None, "there are two");
    assert_eq!(nearest("one"), None);
}

#[test]
fn a_tree_of_a_hundred_thousand_files_is_listed_and_searched_in_pages() {
    let made = Repository::empty("many");
    for folder in 0..100 {
        let path = made.0.join(format!("d{folder:03}"));
        std::fs::create_dir(&path).unwrap();
        for file in 0..1_000 {
            write_in(&path, file);
        }
    }
    let place = made.place();
    let first = listing::list(&place, "", Some("f999"), None).unwrap();
    assert_eq!(first.lines().count(), 100);
    let page = listing::list(&place, "d007", None, Some(5)).unwrap();
    assert!(
        page.starts_with("d007/f800 (") && !page.contains("more"),
        "{page}"
    );
    let none = search::search(&place, "", "not there", false, None).unwrap();
    assert_eq!(none, "(no line matches)");
    let hits = search::search(&place, "", r"^number 5\d$", true, Some(2)).unwrap();
    assert_eq!(hits.lines().count(), 51, "a page and where the next one is");
    assert!(hits.ends_with("(more: page 3)"));
}

fn write_in(folder: &Path, file: u32) {
    std::fs::write(
        folder.join(format!("f{file:03}")),
        format!("number {file}\n"),
    )
    .unwrap();
}

#[test]
fn big_and_binary_files_are_passed_over_by_a_search_and_read_in_parts() {
    let made = Repository::empty("big");
    made.write("big.txt", "needle in a line\n".repeat(400_000));
    made.write("binary", b"needle\0needle");
    let place = made.place();
    let found = search::search(&place, "", "needle", false, None).unwrap();
    assert_eq!(
        found,
        "(no line matches)\n(1 file was passed over: too large, or not readable)"
    );
    let named = search::search(&place, "big.txt", "needle", false, None).unwrap_err();
    assert_eq!(named.kind, "too-large");
    made.write("big.py", "def f(): pass\n".repeat(100_000));
    let named = symbols::symbols(&place, "big.py", None, None).unwrap_err();
    assert_eq!(named.kind, "too-large");
    let passed = symbols::symbols(&place, "", Some("f"), None).unwrap();
    assert!(passed.contains("1 file was passed over"), "{passed}");
    let end = reading::read(&place, "big.txt", Some(399_999), Some(500_000)).unwrap();
    assert!(
        end.starts_with("399999: needle") && end.ends_with("(end of the file)"),
        "{end}"
    );
    assert!(place.read("big.txt", 1_000).is_err());
    let binary = reading::read(&place, "binary", None, None).unwrap();
    assert_eq!(binary, "binary is a binary file of 13 bytes");
}
