//! The language itself, as data: every key that a policy may hold.
//!
//! The reader knows no other list: [`crate::section::Section::only`] looks here, so a key that is
//! parsed is a key that is listed. The documentation and the tests go through the same list.

/// The name of the table that everything is in.
pub(crate) const ROOT: &str = "the policy";
/// A key whose name the author chooses, as in `[env]`.
pub(crate) const CHOSEN: &str = "NAME";

/// One key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// The table it is in, as it is written: `[limits]`, `[[http]]`, `[[http]] inject`.
    pub section: &'static str,
    /// Its name; `NAME` where the author chooses it.
    pub name: &'static str,
    /// What it says.
    pub meaning: &'static str,
    /// What holds where it is left out.
    pub without: &'static str,
    /// Which values it takes.
    pub allowed: &'static str,
}

impl Key {
    /// Where it is, in one word: `limits.memory`, `http.inject.header`, `version`.
    #[must_use]
    pub fn path(&self) -> String {
        match self.section {
            ROOT => self.name.to_owned(),
            section => {
                let table: String = section
                    .chars()
                    .filter(|c| !matches!(c, '[' | ']'))
                    .map(|c| if c == ' ' { '.' } else { c })
                    .collect();
                format!("{table}.{}", self.name)
            }
        }
    }

    /// The same as the documentation writes it: `[limits] memory`, `version`.
    #[must_use]
    pub fn shown(&self) -> String {
        match self.section {
            ROOT => self.name.to_owned(),
            section => format!("{section} {}", self.name),
        }
    }
}

const fn key(
    section: &'static str,
    name: &'static str,
    meaning: &'static str,
    without: &'static str,
    allowed: &'static str,
) -> Key {
    Key {
        section,
        name,
        meaning,
        without,
        allowed,
    }
}

const RATE: &str = "a count per `s`, `min`, `h` or `day`";

/// Every key of the language, in the order in which the documentation shows them.
#[rustfmt::skip]
pub const KEYS: &[Key] = &[
    key(ROOT, "version", "of the language", "an error", "`1`"),
    key(ROOT, "plugin", "for whom, `publisher/name`", "an error", "lower-case letters, digits, hyphens"),

    key("[limits]", "memory", "over all memories and tables of an instance", "`64 MiB`", "64 KiB to 4 GiB"),
    key("[limits]", "cpu", "processor time of a call", "`2 s`", "1 ms to 1 h"),
    key("[limits]", "wall", "time from start to end of a call, also while it waits", "`20 s`", "1 ms to 24 h"),
    key("[limits]", "output", "bytes of a call's result", "`256 KiB`", "1 B to 64 MiB"),
    key("[limits]", "calls", "calls that may start", "`60/min`", RATE),
    key("[limits]", "concurrency", "calls that may run at once", "`4`", "1 to 1000"),
    key("[limits]", "logs", "lines that a call may log", "`1000`", "0 to 100000"),
    key("[limits]", "handles", "files, streams and requests that an instance holds at once", "`1024`", "16 to 65536"),
    key("[limits]", "http_requests", "requests that a call may send", "`64`", "1 to 10000"),
    key("[limits]", "http_bytes", "bytes of all requests and responses of a call", "`32 MiB`", "1 B to 4 GiB"),

    key("[[http]]", "origin", "scheme, host and port; `*` stands for one whole label of the host", "one of these two", "`http` or `https`; no `*` in the last two labels"),
    key("[[http]]", "network", "any public host", "is needed", "`\"public\"`"),
    key("[[http]]", "methods", "which methods", "`[\"GET\", \"HEAD\"]`", "words in capitals; never CONNECT, TRACE"),
    key("[[http]]", "paths", "which paths", "every path", "patterns, see below"),
    key("[[http]]", "addresses", "the only addresses that the origin's name may lead to, also private ones", "public addresses", "addresses or networks; a cloud's metadata addresses never"),
    key("[[http]]", "rate", "requests that this rule allows", "no limit of its own", RATE),
    key("[[http]]", "bytes", "bytes that go through this rule, both directions", "no limit of its own", "a size per `s`, `min`, `h` or `day`, as in `10 MiB/min`"),
    key("[[http]] inject", "header", "the header that the value goes into; the plugin's own is replaced", "one of these two", "a header's name, none that frames or routes the request"),
    key("[[http]] inject", "query", "the query parameter that the value goes into; the plugin's own is replaced", "is needed", "letters, digits, `-`, `_`, `.`"),
    key("[[http]] inject", "value", "what goes there; `{secret:name}` stands for a stored secret", "an error", "at least one `{secret:name}`"),

    key("[[files]]", "mount", "where the plugin sees the folder", "an error", "an absolute path"),
    key("[[files]]", "source", "which folder", "an error", "`conversation-workspace` or `folder:/absolute/path`"),
    key("[[files]]", "access", "what it may do there", "an error", "`read-only`, `read-write`"),
    key("[[files]]", "quota", "bytes in the folder above which nothing more is written; every file and folder counts 4 KiB more", "`256 MiB` for a workspace, none for a folder", "4 KiB to 1024 GiB"),

    key("[state]", "quota", "bytes that the plugin may keep for each user; the table itself grants keeping", "`1 MiB`", "1 KiB to 1 GiB"),

    key("[assets]", "quota", "bytes of assets that a call may make; the table itself grants making and reading", "`64 MiB`", "1 KiB to 4 GiB"),

    key("[inference]", "models", "which models it may ask; the table itself grants asking", "`[\"default\"]`", "models' names; `default` is the one that serves chats"),
    key("[inference]", "tokens_per_call", "tokens of all prompts and answers of a call", "`1000`", "1 to 1000000"),
    key("[inference]", "tokens_per_day", "the same for a user and a day", "`100000`", "1 to 1000000000"),

    key("[delegate]", "tools", "which tools it may call; each runs under its own grant", "an error", "`publisher/name:tool`"),
    key("[delegate]", "depth", "how deep calls may call", "`2`", "1 to 8"),

    key("[env]", CHOSEN, "an environment variable that the plugin sees", "no variable", "letters, digits and `_`; text"),

    key("[approval]", "default", "when a person is asked before a tool runs: each time, or once for a conversation and tool", "`never`", "`never`, `first-use`, `always`"),
    key("[approval] tools", CHOSEN, "the same for one tool", "the default", "`never`, `first-use`, `always`"),

    key("[labels]", "output", "what its results count as, whatever it used", "what it used decides", "`private`, `public`"),
];

/// The keys that a table may hold, in order, the names of the tables within it among them.
pub(crate) fn known(section: &str) -> Vec<&'static str> {
    let mut known: Vec<&'static str> = Vec::new();
    for key in KEYS {
        let name = if key.section == section {
            Some(key.name)
        } else if section == ROOT {
            key.section.trim_start_matches('[').split(']').next()
        } else {
            key.section
                .strip_prefix(section)
                .and_then(|rest| rest.strip_prefix(' '))
        };
        known.extend(name.filter(|name| !known.contains(name)));
    }
    known
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_listed_once_and_has_a_path() {
        let mut paths: Vec<String> = KEYS.iter().map(Key::path).collect();
        assert!(paths.contains(&"limits.memory".to_owned()));
        assert!(paths.contains(&"http.inject.header".to_owned()));
        assert!(paths.contains(&"approval.tools.NAME".to_owned()));
        assert!(paths.contains(&"version".to_owned()));
        let count = paths.len();
        paths.sort_unstable();
        paths.dedup();
        assert_eq!(paths.len(), count);
    }

    #[test]
    fn tables_within_tables_are_known() {
        assert!(known("[[http]]").contains(&"inject"));
        assert_eq!(known("[[http]] inject"), ["header", "query", "value"]);
        assert_eq!(known("[approval]"), ["default", "tools"]);
    }

    #[test]
    fn the_policy_itself_knows_its_tables() {
        let known = known(ROOT);
        assert_eq!(&known[..4], ["version", "plugin", "limits", "http"]);
        assert!(known.contains(&"labels"));
        assert_eq!(known.iter().filter(|name| **name == "http").count(), 1);
    }
}
