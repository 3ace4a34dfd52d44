//! `[[mcp_stdio]]`: MCP servers that run as processes beside this one. They are in the file alone:
//! no flag, no variable, no API and no chat can add a program that runs outside the sandbox.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use super::value::parse_duration;

/// The most of them.
const MAX_SERVERS: usize = 32;
const MAX_NAME_BYTES: usize = 64;
/// How long a server may take to greet, where nothing else is said; and the longest to be said.
const START: Duration = Duration::from_secs(20);
const MAX_START: Duration = Duration::from_secs(600);
/// How long a server that nobody uses lives, where nothing else is said; and the longest to be said.
const IDLE: Duration = Duration::from_secs(30 * 60);
const MAX_IDLE: Duration = Duration::from_secs(30 * 24 * 3600);

/// A server that is a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct McpStdio {
    /// The plugin is `mcp-stdio/NAME`.
    pub name: String,
    /// The program.
    pub command: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
    /// Which of this program's variables it is given; there are no others.
    pub env: Vec<String>,
    /// The folder that it runs in; this program's own where absent.
    pub cwd: Option<PathBuf>,
    /// How long it may take to greet.
    pub start: Duration,
    /// How long it lives when nobody uses it.
    pub idle: Duration,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    command: PathBuf,
    #[serde(default)]
    args: Vec<String>,
    #[serde(default)]
    env: Vec<String>,
    cwd: Option<PathBuf>,
    start: Option<String>,
    idle: Option<String>,
}

/// Reads the whole list; or says what is wrong with it.
pub(super) fn read(value: toml::Value) -> Result<Vec<McpStdio>, String> {
    let written: Vec<Written> = value.try_into().map_err(|error| {
        format!(
            "expected `[[mcp_stdio]]` with name, command, args, env, cwd, start and idle: {error}"
        )
    })?;
    if written.len() > MAX_SERVERS {
        return Err(format!("there are at most {MAX_SERVERS} of them"));
    }
    let mut servers: Vec<McpStdio> = Vec::new();
    for one in written {
        let server = one.checked()?;
        if servers.iter().any(|other| other.name == server.name) {
            return Err(format!("`{}` is there twice", server.name));
        }
        servers.push(server);
    }
    Ok(servers)
}

impl Written {
    fn checked(self) -> Result<McpStdio, String> {
        let Written {
            name,
            command,
            args,
            env,
            cwd,
            start,
            idle,
        } = self;
        let is_name = (1..=MAX_NAME_BYTES).contains(&name.len())
            && name.starts_with(|first: char| first.is_ascii_lowercase())
            && name
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            && !name.ends_with('-');
        if !is_name {
            return Err(format!(
                "`{name}` is no name: lower-case letters, digits and hyphens, a letter first, at most {MAX_NAME_BYTES}"
            ));
        }
        let wants_absolute = |what: &str, path: &Path| match path.is_absolute() {
            true => Ok(()),
            false => Err(format!(
                "`{what}` of `{name}` is {}: expected an absolute path, for nothing is searched for",
                path.display()
            )),
        };
        wants_absolute("command", &command)?;
        if let Some(cwd) = &cwd {
            wants_absolute("cwd", cwd)?;
        }
        if let Some(bad) = env
            .iter()
            .find(|name| name.is_empty() || name.contains(['=', '\0']))
        {
            return Err(format!(
                "`env` of `{name}` holds names of variables, not {bad:?}"
            ));
        }
        let time = |written: Option<String>, default, most, expected: &str| match written {
            None => Ok(default),
            Some(text) => parse_duration(&text)
                .filter(|time| !time.is_zero() && *time <= most)
                .ok_or_else(|| format!("{expected} of `{name}`")),
        };
        let start = time(
            start,
            START,
            MAX_START,
            "expected a time such as \"20 s\", up to 10 min, as `start`",
        )?;
        let idle = time(
            idle,
            IDLE,
            MAX_IDLE,
            "expected a time such as \"30 min\", up to 720 h, as `idle`",
        )?;
        Ok(McpStdio {
            name,
            command,
            args,
            env,
            cwd,
            start,
            idle,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<Vec<McpStdio>, String> {
        let mut table: toml::Table = toml::from_str(text).unwrap();
        read(table.remove("mcp_stdio").unwrap())
    }

    #[test]
    fn a_server_is_read_whole() {
        let text = "[[mcp_stdio]]\nname = \"files\"\ncommand = \"/usr/bin/x\"\nargs = [\"-v\"]\nenv = [\"HOME\"]\ncwd = \"/srv\"\nstart = \"5 s\"\nidle = \"2 h\"\n[[mcp_stdio]]\nname = \"b\"\ncommand = \"/y\"\n";
        let servers = read_text(text).unwrap();
        assert_eq!(servers[0].start, Duration::from_secs(5));
        assert_eq!(servers[0].idle, Duration::from_secs(2 * 3600));
        assert_eq!(servers[1].idle, IDLE);
        assert_eq!(servers[0].env, ["HOME"]);
        assert_eq!((servers[1].start, servers[1].cwd.clone()), (START, None));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let one = |rest: &str| format!("[[mcp_stdio]]\nname = \"a\"\ncommand = \"/x\"\n{rest}");
        for (text, part) in [
            ("[[mcp_stdio]]\nname = \"a\"\n".to_owned(), "command"),
            (
                "[[mcp_stdio]]\nname = \"A\"\ncommand = \"/x\"\n".to_owned(),
                "no name",
            ),
            (
                "[[mcp_stdio]]\nname = \"a\"\ncommand = \"x\"\n".to_owned(),
                "absolute",
            ),
            ("mcp_stdio = 7\n".to_owned(), "expected"),
            (one("shell = true\n"), "shell"),
            (one("cwd = \"here\"\n"), "absolute"),
            (one("env = [\"A=b\"]\n"), "variables"),
            (one("start = \"1 day\"\n"), "start"),
            (one("idle = \"0 s\"\n"), "idle"),
            (format!("{}{}", one(""), one("")), "twice"),
        ] {
            let error = read_text(&text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
