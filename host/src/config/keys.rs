//! Every configuration key: its name, what it means and its default. One row each.

/// A configuration key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// The name in the file; a dot stands for a section.
    pub name: &'static str,
    /// What it means, in one sentence.
    pub meaning: &'static str,
    /// The default as TOML; empty where it is worked out on this machine.
    pub default: &'static str,
    /// Whether its value is shown only as `[secret]`.
    pub secret: bool,
}

const fn key(name: &'static str, default: &'static str, meaning: &'static str) -> Key {
    Key {
        name,
        meaning,
        default,
        secret: false,
    }
}

/// The keys, in the order in which the documentation lists them.
pub const KEYS: &[Key] = &[
    key(
        "data_dir",
        "",
        "The folder that holds everything: database, keys, models, components.",
    ),
    key(
        "listen",
        "\"127.0.0.1:8484\"",
        "The address and port to serve on; port 0 takes a free one.",
    ),
    key(
        "public_url",
        "\"\"",
        "The URL that browsers use, where a proxy stands before this server.",
    ),
    key(
        "allowed_hosts",
        "[]",
        "Further host names that requests may be addressed to, beside loopback and public_url.",
    ),
    Key {
        name: "database_url",
        meaning: "sqlite:PATH or postgres://…; a SQLite file in the data folder where empty.",
        default: "\"\"",
        secret: true,
    },
    key(
        "model",
        "\"\"",
        "A model's id from `alcove model list`, or the path of a .gguf file; chosen by free memory where empty.",
    ),
    key(
        "code_model",
        "\"\"",
        "A model's id or .gguf file that answers what is about programs; `model` answers it where empty.",
    ),
    key(
        "models_dir",
        "",
        "The folder with model files; `models` in the data folder by default.",
    ),
    key(
        "threads",
        "0",
        "Threads of the model; 0 takes all cores of a machine with up to four, and all but one of a larger one.",
    ),
    key(
        "context_tokens",
        "8192",
        "The longest context, in tokens; never more than the model knows.",
    ),
    key(
        "log",
        "\"info\"",
        "What is logged: a level, or a filter such as `info,alcove::runs=debug`.",
    ),
    key(
        "log_format",
        "\"auto\"",
        "`pretty`, `json`, or `auto`: pretty on a terminal, JSON otherwise.",
    ),
    key("limits.body", "\"1 MiB\"", "The largest request body."),
    key("limits.headers", "\"32 KiB\"", "The largest request head."),
    key(
        "limits.connections",
        "512",
        "How many connections are open at once; more wait to be accepted.",
    ),
    key(
        "limits.websockets",
        "128",
        "How many WebSockets are open at once; more are refused with 503.",
    ),
    key(
        "limits.websocket_lifetime",
        "\"60 min\"",
        "How long a WebSocket may stay open.",
    ),
    key(
        "limits.drain",
        "\"20 s\"",
        "How long a shutdown waits for answers that are being written.",
    ),
    key(
        "limits.runs",
        "32",
        "How many responses are produced or wait at once.",
    ),
    key(
        "limits.runs_per_user",
        "4",
        "How many of them one person may have.",
    ),
    key(
        "limits.run_retention",
        "\"10 min\"",
        "How long the events of a finished response can be replayed.",
    ),
    key(
        "limits.tool_calls",
        "6",
        "How many tool calls one response may make.",
    ),
    key(
        "limits.turn_time",
        "\"10 min\"",
        "How long a response may be worked on; waiting for its turn or for a person does not count.",
    ),
    key(
        "limits.output_tokens",
        "2048",
        "The most tokens of one response.",
    ),
    key(
        "limits.approval_wait",
        "\"30 min\"",
        "How long a tool call waits for a person to allow it or to answer it; then it is denied.",
    ),
    key(
        "limits.tool_instances",
        "16",
        "How many tool instances run at once.",
    ),
    key(
        "limits.tool_sessions",
        "8",
        "How many tool sessions (such as a Python interpreter with its variables) are kept alive.",
    ),
    key(
        "limits.compiled",
        "\"2 GiB\"",
        "How much room compiled components take in `cache/`; the longest unused go first.",
    ),
    key(
        "quota.tokens_per_user",
        "0",
        "The most tokens of models, read and written, of one person in a day (UTC); 0 for no limit.",
    ),
    key(
        "quota.tokens_per_organisation",
        "0",
        "The most tokens of models, read and written, of one organisation in a day (UTC); 0 for no limit.",
    ),
    key(
        "quota.tool_cpu_per_user",
        "\"0 s\"",
        "The most processor time of tools, of one person in a day (UTC); 0 for no limit.",
    ),
    key(
        "quota.tool_cpu_per_organisation",
        "\"0 s\"",
        "The most processor time of tools, of one organisation in a day (UTC); 0 for no limit.",
    ),
    key(
        "quota.tool_bytes_per_user",
        "\"0 B\"",
        "The most bytes of tools' requests and results, of one person in a day (UTC); 0 for no limit.",
    ),
    key(
        "quota.tool_bytes_per_organisation",
        "\"0 B\"",
        "The most bytes of tools' requests and results, of one organisation in a day (UTC); 0 for no limit.",
    ),
];

/// Finds a key by its name.
pub(super) fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

/// The key whose name is nearest, where one is near enough to be meant.
pub(super) fn nearest(name: &str) -> Option<&'static str> {
    // A third of the letters may differ; beyond that a suggestion is noise.
    let most = (name.chars().count() / 3).max(2);
    KEYS.iter()
        .map(|key| {
            // `drain` on its own means `limits.drain`.
            let last = key.name.rsplit('.').next().unwrap_or(key.name);
            let distance = edit_distance(name, key.name).min(edit_distance(name, last));
            (distance, key.name)
        })
        .min()
        .filter(|(distance, _)| *distance <= most)
        .map(|(_, name)| name)
}

/// Levenshtein's distance, in letters.
fn edit_distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_miss_names_the_key() {
        assert_eq!(nearest("lisen"), Some("listen"));
        assert_eq!(nearest("limit.body"), Some("limits.body"));
        assert_eq!(nearest("drain"), Some("limits.drain"));
        assert_eq!(nearest("entirely_different"), None);
    }

    #[test]
    fn names_are_unique() {
        let mut names: Vec<_> = KEYS.iter().map(|key| key.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), KEYS.len());
    }

    #[test]
    fn the_documentation_has_every_key() {
        let page = include_str!("../../../docs/configuration.md");
        for key in KEYS {
            let row = page
                .lines()
                .find(|line| line.starts_with(&format!("| `{}` |", key.name)));
            let row = row.unwrap_or_else(|| panic!("docs/configuration.md lacks {}", key.name));
            assert!(row.contains(key.meaning), "{row}");
            assert!(row.contains(key.default), "{row}");
        }
    }
}
