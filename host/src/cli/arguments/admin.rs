//! What an admin writes: plugins, grants, policies, calls, the audit log, keys, secrets.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum PluginCommand {
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
pub(in crate::cli) struct GrantArguments {
    /// Such as alcove/python
    pub(in crate::cli) plugin: String,
    /// Whom: everyone, group:NAME or user:NAME
    #[arg(long, value_name = "WHOM", default_value = "everyone")]
    pub(in crate::cli) to: String,
    /// A policy file; the plugin's default, or what its author asks for, where absent
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) policy: Option<PathBuf>,
    /// Why, for whoever looks at it later
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(in crate::cli) reason: String,
    /// For how long, such as 12h or 7d; for ever where absent
    #[arg(long, value_name = "TIME", value_parser = lifetime)]
    pub(in crate::cli) expires: Option<u64>,
    /// Let the policy grant more than the author asks for
    #[arg(long)]
    pub(in crate::cli) beyond_request: bool,
    /// Move a grant that stayed on an earlier version to the installed one
    #[arg(long)]
    pub(in crate::cli) accept_upgrade: bool,
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
pub(in crate::cli) enum PolicyCommand {
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
        #[arg(long, value_name = "NAME", conflicts_with = "key")]
        user: Option<String>,
        /// Under the policies of one of your API keys (key_…)
        #[arg(long, value_name = "ID")]
        key: Option<String>,
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
pub(in crate::cli) enum CeilingCommand {
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

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum CallCommand {
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
pub(in crate::cli) enum AuditCommand {
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
pub(in crate::cli) struct AuditFilter {
    /// Who acted: an account's name
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) user: Option<String>,
    /// To what, such as alcove/python
    #[arg(long, value_name = "PLUGIN")]
    pub(in crate::cli) plugin: Option<String>,
    /// What was done: tool_call, grant, revoke
    #[arg(long, value_name = "ACTION")]
    pub(in crate::cli) action: Option<String>,
    /// How it ended: ok, failed, denied, limit, trapped
    #[arg(long, value_name = "OUTCOME")]
    pub(in crate::cli) outcome: Option<String>,
    /// Not before this day or moment, such as 2026-11-22 or 2026-11-22T20:00:00Z
    #[arg(long, value_name = "TIME")]
    pub(in crate::cli) since: Option<String>,
    /// Before this day or moment
    #[arg(long, value_name = "TIME")]
    pub(in crate::cli) until: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum KeyCommand {
    /// Make an API key; its secret is shown once
    Create {
        /// What it is for
        name: String,
        /// Days until it expires; never where absent
        #[arg(long, value_name = "DAYS")]
        expires: Option<u32>,
        /// Narrow its calls to these policies, one file a plugin; other plugins can't be used with it
        #[arg(long, value_name = "FILE", num_args = 1..)]
        within: Option<Vec<PathBuf>>,
    },
    /// List your API keys
    List,
    /// Show an API key with its policies
    Show {
        /// Its id (key_…)
        id: String,
    },
    /// Revoke an API key
    Revoke {
        /// Its id (key_…)
        id: String,
    },
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum SecretCommand {
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
