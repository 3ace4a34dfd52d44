//! A real search engine for the tests of web-search: SearXNG, and a full-text index of Debian's
//! handbook for it to search.

use anyhow::Result;

use crate::packages::Package;
use crate::{paths, python, shell};

/// Makes the index, serves it, and what is indexed.
pub(crate) const PACKAGES: [Package; 3] = [
    Package {
        name: "zim-tools",
        shown_by: &["zimwriterfs"],
    },
    Package {
        name: "kiwix-tools",
        shown_by: &["kiwix-serve"],
    },
    Package {
        name: "debian-handbook",
        shown_by: &["/usr/share/doc/debian-handbook/html/en-US"],
    },
];
/// The pages.
const HANDBOOK: &str = "/usr/share/doc/debian-handbook/html/en-US";
/// What the Python environment holds.
const REQUIREMENTS: &str = "host/tests/search/requirements.txt";

/// Makes both in the user's cache, where the tests look for them.
pub(crate) fn environment() -> Result<()> {
    let folder = paths::cache().join("search");
    std::fs::create_dir_all(&folder)?;
    let index = folder.join("handbook.zim");
    if !index.exists() {
        shell::say("indexing Debian's handbook for the search test");
        // Under another name first: one that was broken off is not taken for whole.
        let new = folder.join("handbook.new.zim");
        let _ = std::fs::remove_file(&new);
        let mut write = shell::command("zimwriterfs");
        write.args(["--welcome=index.html", "--language=eng", "--name=handbook"]);
        write.args(["--illustration=Common_Content/images/1.png"]);
        write.args(["--title=Handbook", "--description=Handbook"]);
        write.args(["--creator=Debian", "--publisher=local", HANDBOOK]);
        shell::run(write.arg(&new))?;
        std::fs::rename(&new, &index)?;
    }
    python::environment(
        "the search engine that tests ask",
        REQUIREMENTS,
        &folder.join("python"),
    )
}
