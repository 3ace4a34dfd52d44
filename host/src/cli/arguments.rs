//! What can be written after `alcove`.

mod admin;
mod checkpoint;

use std::path::PathBuf;

use alcove_api_types::Specialist;
use clap::{Arg, ArgMatches, Args, FromArgMatches, Parser, Subcommand};

use crate::config::{Config, ConfigError, KEYS};
pub(super) use admin::{
    AuditCommand, AuditFilter, CallCommand, CeilingCommand, GrantArguments, KeyCommand,
    PluginCommand, PolicyCommand, SecretCommand,
};
pub(super) use checkpoint::{CheckpointArguments, CheckpointCommand};

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
    /// Named moments of a conversation: save, list, compare, go back
    Checkpoint(CheckpointArguments),
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
    /// What was used of the day's quotas
    Quota {
        /// Of whom; your own where absent
        user: Option<String>,
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
    /// Put this file or folder into the conversation, for tools to read; may be given several times
    #[arg(short, long = "file", value_name = "PATH")]
    pub(super) files: Vec<PathBuf>,
    /// Print the events of the stream, one JSON object a line
    #[arg(long, requires = "message")]
    pub(super) json: bool,
    /// Go on with this conversation
    #[arg(long, value_name = "ID")]
    pub(super) conversation: Option<String>,
    /// Ask this model
    #[arg(long, value_name = "ID")]
    pub(super) model: Option<String>,
    /// Go on from this checkpoint: NAME or NAME@VERSION of the conversation, or an id
    #[arg(long, value_name = "CHECKPOINT", requires = "message")]
    pub(super) load: Option<String>,
    /// Save a checkpoint of that name after the answer
    #[arg(long, value_name = "NAME", requires = "message")]
    pub(super) save: Option<String>,
    /// Who answers, whatever the words of a message speak of: general or code
    #[arg(long, value_name = "WHO", value_parser = specialist)]
    pub(super) specialist: Option<Specialist>,
}

fn specialist(text: &str) -> Result<Specialist, &'static str> {
    match text {
        "general" => Ok(Specialist::General),
        "code" => Ok(Specialist::Code),
        _ => Err("there are `general` and `code`"),
    }
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

#[derive(Debug, Args)]
pub(super) struct McpArguments {
    /// Over standard input and output; over HTTP a server that runs serves /mcp anyway
    #[arg(long, required = true)]
    stdio: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Show a setting, where it comes from and what it overrides; all settings without a key
    Explain {
        /// Such as limits.body
        key: Option<String>,
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
