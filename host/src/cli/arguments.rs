//! What can be written after `alcove`.

use std::path::PathBuf;

use clap::{Arg, ArgMatches, Args, FromArgMatches, Parser, Subcommand};

use crate::config::{Config, ConfigError, KEYS};

/// A self-hosted assistant whose tools are sandboxed WebAssembly components.
#[derive(Debug, Parser)]
#[command(name = "alcove", version, disable_help_subcommand = true)]
pub(super) struct Cli {
    #[command(flatten)]
    pub(super) global: Global,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// Where the settings and the data are.
#[derive(Debug, Args)]
pub(super) struct Global {
    /// Read settings from this file
    #[arg(long = "config", value_name = "FILE", global = true)]
    config_file: Option<PathBuf>,
    /// The folder that holds everything
    #[arg(long, value_name = "FOLDER", global = true)]
    data_dir: Option<PathBuf>,
}

impl Global {
    /// The settings, with these further flags.
    pub(super) fn config(&self, mut flags: Vec<(String, String)>) -> Result<Config, ConfigError> {
        if let Some(folder) = &self.data_dir {
            flags.push(("data_dir".to_owned(), folder.display().to_string()));
        }
        Config::from_process(self.config_file.clone(), flags)
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run the server
    Serve(Settings),
    /// Chat in the terminal
    Chat(ChatArguments),
    /// Model files: list, fetch, verify, remove
    Model {
        #[command(subcommand)]
        command: ModelCommand,
    },
    /// Plugins: install, list, inspect, remove
    Plugin {
        #[command(subcommand)]
        command: PluginCommand,
    },
    /// Let people use a plugin, under a policy
    Grant(GrantArguments),
    /// Take a grant back, and stop the calls that run under it
    Revoke {
        /// A grant's id (bind_…), or a plugin: all its grants
        #[arg(value_name = "GRANT|PLUGIN")]
        what: String,
    },
    /// List what is granted
    Grants {
        /// Every version of what is and was granted of this plugin
        #[arg(long, value_name = "PLUGIN")]
        history: Option<String>,
    },
    /// Policies: check, compare, explain; the organisation's ceiling
    Policy {
        #[command(subcommand)]
        command: PolicyCommand,
    },
    /// Tool calls: what one was told and how it ended; run it again from its record
    Call {
        #[command(subcommand)]
        command: CallCommand,
    },
    /// The audit log: verify, search, export
    Audit {
        #[command(subcommand)]
        command: AuditCommand,
    },
    /// Serve granted tools to a program that speaks the Model Context Protocol
    Mcp(McpArguments),
    /// Settings and where they come from
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// API keys: create, list, revoke
    Key {
        #[command(subcommand)]
        command: KeyCommand,
    },
    /// Secrets that policies put into plugins' requests: set, list, remove
    Secret {
        #[command(subcommand)]
        command: SecretCommand,
    },
    /// Compile a component: what the sandbox runs in a process of its own
    #[command(hide = true)]
    CompileComponent {
        /// The component
        input: PathBuf,
        /// Where the machine code goes
        output: PathBuf,
    },
}

#[derive(Debug, Args)]
pub(super) struct ChatArguments {
    /// Say this, print the answer, and leave
    #[arg(short, long, value_name = "TEXT")]
    pub(super) message: Option<String>,
    /// Print the events of the stream, one JSON object a line
    #[arg(long, requires = "message")]
    pub(super) json: bool,
    /// Go on with this conversation
    #[arg(long, value_name = "ID")]
    pub(super) conversation: Option<String>,
    /// Ask this model
    #[arg(long, value_name = "ID")]
    pub(super) model: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(super) enum ModelCommand {
    /// Show the catalogue, and what is here
    List,
    /// Bring a model; goes on where an earlier fetch was cut
    Fetch {
        /// Which: the one that `alcove serve` would load where absent
        id: Option<String>,
    },
    /// Check files against their sha256
    Verify {
        /// Which: all that are here where absent
        id: Option<String>,
    },
    /// Remove a model's file
    Remove {
        /// Which
        id: String,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum PluginCommand {
    /// Install a component from a file or a folder; this grants nothing
    Install {
        /// A .wasm file, or a folder with one
        path: PathBuf,
        /// Take the tools that are made from its types, where it has no manifest of its own
        #[arg(long)]
        accept_generated: bool,
    },
    /// Make a plugin of the tools of an MCP server; this grants nothing
    AddMcp {
        /// The server's endpoint, such as https://mcp.example.com/mcp
        url: String,
        /// What the plugin is called: mcp/NAME; made from the host's name where absent
        #[arg(long)]
        name: Option<String>,
        /// A private network that the server is in, such as 127.0.0.1/32
        #[arg(long = "address", value_name = "NETWORK")]
        addresses: Vec<String>,
        /// A policy file for it, such as one that injects a credential; a rule for the endpoint
        /// alone where absent
        #[arg(long, value_name = "FILE", conflicts_with = "addresses")]
        policy: Option<PathBuf>,
    },
    /// List what is installed
    List,
    /// Show what a plugin is, asks for, and can ask for at most
    Inspect {
        /// Such as alcove/python
        plugin: String,
    },
    /// Remove a plugin that is not granted to anybody
    Remove {
        /// Such as local/notes
        plugin: String,
    },
    /// Ask an admin to be granted a plugin
    Request {
        /// Such as local/notes
        plugin: String,
        /// What for
        #[arg(long, value_name = "TEXT", default_value = "")]
        reason: String,
    },
    /// List what is asked for and not granted yet
    Requests,
    /// Say no to somebody who asks for a plugin
    Decline {
        /// Such as alcove/python
        plugin: String,
        /// Who asks
        user: String,
        /// Why not; they read it
        #[arg(long, default_value = "")]
        reason: String,
    },
}

#[derive(Debug, Args)]
pub(super) struct GrantArguments {
    /// Such as alcove/python
    pub(super) plugin: String,
    /// Whom: everyone, group:NAME or user:NAME
    #[arg(long, value_name = "WHOM", default_value = "everyone")]
    pub(super) to: String,
    /// A policy file; the plugin's default, or what its author asks for, where absent
    #[arg(long, value_name = "FILE")]
    pub(super) policy: Option<PathBuf>,
    /// Why, for whoever looks at it later
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(super) reason: String,
    /// For how long, such as 12h or 7d; for ever where absent
    #[arg(long, value_name = "TIME", value_parser = lifetime)]
    pub(super) expires: Option<u64>,
    /// Let the policy grant more than the author asks for
    #[arg(long)]
    pub(super) beyond_request: bool,
    /// Move a grant that stayed on an earlier version to the installed one
    #[arg(long)]
    pub(super) accept_upgrade: bool,
}

/// `30min`, `12h` or `7d`, in milliseconds.
fn lifetime(text: &str) -> Result<u64, String> {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let unit: u64 = match text[end..].trim() {
        "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err("write a whole number and min, h or d, as in 7d".to_owned()),
    };
    let count: u64 = text[..end]
        .parse()
        .map_err(|_| "write a whole number and min, h or d, as in 7d".to_owned())?;
    count
        .checked_mul(unit)
        .ok_or_else(|| "that is too long".to_owned())
}

#[derive(Debug, Subcommand)]
pub(super) enum PolicyCommand {
    /// Read a policy file and say what it grants, or which line is wrong
    Check {
        /// The file
        file: PathBuf,
    },
    /// Say what a policy grants that another does not
    Diff {
        /// The policy before
        before: PathBuf,
        /// The policy after; the exit status is 1 where it grants more
        after: PathBuf,
    },
    /// Say whether a plugin may send a request, and which line decides
    Explain {
        /// Such as alcove/web-fetch
        plugin: String,
        /// Such as GET
        method: String,
        /// Such as https://example.com/page
        url: String,
        /// For whom; you where absent
        #[arg(long, value_name = "NAME")]
        user: Option<String>,
    },
    /// Run a plugin's examples and write the smallest policy for them; their requests are sent
    Learn {
        /// Such as local/notes
        plugin: String,
    },
    /// What no grant of the organisation can exceed
    Ceiling {
        #[command(subcommand)]
        command: CeilingCommand,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum CeilingCommand {
    /// Show it
    Show,
    /// Set it; calls that run under the old one are stopped
    Set {
        /// The file
        file: PathBuf,
        /// Why, for whoever looks at it later
        #[arg(long, value_name = "TEXT", default_value = "")]
        reason: String,
    },
    /// Take it away
    Clear,
}

#[derive(Debug, Args)]
pub(super) struct McpArguments {
    /// Over standard input and output; over HTTP a server that runs serves /mcp anyway
    #[arg(long, required = true)]
    stdio: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum CallCommand {
    /// Show a call's receipt: who, what ran, what it asked the host for, how it ended
    Show {
        /// The call's item (item_…)
        id: String,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Run a call again, offline, and compare; status 1 where it differs
    Replay {
        /// The call's item (item_…)
        id: String,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum AuditCommand {
    /// Check every entry against its chain; status 1 where one is not what was written
    Verify,
    /// Show entries, the latest first
    Search {
        #[command(flatten)]
        filter: AuditFilter,
        /// How many at most
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: u32,
    },
    /// Print all entries that fit, the latest first, one JSON object a line
    Export {
        #[command(flatten)]
        filter: AuditFilter,
    },
}

#[derive(Debug, Args)]
pub(super) struct AuditFilter {
    /// Who acted: an account's name
    #[arg(long, value_name = "NAME")]
    pub(super) user: Option<String>,
    /// To what, such as alcove/python
    #[arg(long, value_name = "PLUGIN")]
    pub(super) plugin: Option<String>,
    /// What was done: tool_call, grant, revoke
    #[arg(long, value_name = "ACTION")]
    pub(super) action: Option<String>,
    /// How it ended: ok, failed, denied, limit, trapped
    #[arg(long, value_name = "OUTCOME")]
    pub(super) outcome: Option<String>,
    /// Not before this day or moment, such as 2026-11-22 or 2026-11-22T20:00:00Z
    #[arg(long, value_name = "TIME")]
    pub(super) since: Option<String>,
    /// Before this day or moment
    #[arg(long, value_name = "TIME")]
    pub(super) until: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Show a setting, where it comes from and what it overrides; all settings without a key
    Explain {
        /// Such as limits.body
        key: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum KeyCommand {
    /// Make an API key; its secret is shown once
    Create {
        /// What it is for
        name: String,
        /// Days until it expires; never where absent
        #[arg(long, value_name = "DAYS")]
        expires: Option<u32>,
    },
    /// List your API keys
    List,
    /// Revoke an API key
    Revoke {
        /// Its id (key_…)
        id: String,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum SecretCommand {
    /// Set a secret; its value comes from a prompt, or from standard input
    Set {
        /// The name that policies write: {secret:NAME}
        name: String,
        /// For your own calls only, before the organisation's of the same name
        #[arg(long)]
        user: bool,
    },
    /// List the names of secrets
    List,
    /// Remove a secret
    Remove {
        /// Which
        name: String,
        /// One of your own
        #[arg(long)]
        user: bool,
    },
}

/// A flag for each setting: the keys are one table, and so are the flags.
#[derive(Debug, Default)]
pub(super) struct Settings {
    flags: Vec<(String, String)>,
}

impl Settings {
    /// Keys and values, as the settings take them.
    pub(super) fn flags(self) -> Vec<(String, String)> {
        self.flags
    }
}

/// The data folder has a flag on every command, and a secret on a command line is shown to all
/// users of the machine.
fn settable() -> impl Iterator<Item = &'static crate::config::Key> {
    KEYS.iter()
        .filter(|key| key.name != "data_dir" && !key.secret)
}

impl Args for Settings {
    fn augment_args(command: clap::Command) -> clap::Command {
        settable().fold(command, |command, key| {
            let help = match key.default {
                "" | "\"\"" => key.meaning.to_owned(),
                default => format!("{} [default: {default}]", key.meaning),
            };
            command.arg(
                Arg::new(key.name)
                    .long(key.name.replace('_', "-"))
                    .value_name("VALUE")
                    .help(help)
                    .help_heading("Settings"),
            )
        })
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Settings::augment_args(command)
    }
}

impl FromArgMatches for Settings {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Settings, clap::Error> {
        let mut settings = Settings::default();
        settings.update_from_arg_matches(matches)?;
        Ok(settings)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        for key in settable() {
            if let Some(value) = matches.get_one::<String>(key.name) {
                self.flags.push((key.name.to_owned(), value.clone()));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use clap::CommandFactory;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(line.split_whitespace())
    }

    #[test]
    fn the_command_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_setting_has_a_flag() {
        let cli =
            parse("alcove serve --listen 127.0.0.1:0 --limits.body 2MiB --data-dir /d").unwrap();
        let Command::Serve(settings) = cli.command else {
            panic!("not serve");
        };
        let flags = settings.flags();
        assert!(flags.contains(&("listen".to_owned(), "127.0.0.1:0".to_owned())));
        assert!(flags.contains(&("limits.body".to_owned(), "2MiB".to_owned())));
        assert_eq!(cli.global.data_dir, Some(PathBuf::from("/d")));
    }

    #[test]
    fn a_secret_has_no_flag() {
        assert!(parse("alcove serve --database-url postgres://a:b@c/d").is_err());
    }

    #[test]
    fn events_are_printed_for_one_message_only() {
        assert!(parse("alcove chat --json").is_err());
        assert!(parse("alcove chat --json -m Hi").is_ok());
    }
}
