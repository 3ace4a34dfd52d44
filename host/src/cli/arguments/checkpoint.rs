//! What can be written after `alcove checkpoint`.

use clap::{Args, Subcommand};

#[derive(Debug, Args)]
pub(in crate::cli) struct CheckpointArguments {
    /// Which conversation; the one that grew last where absent
    #[arg(long, value_name = "ID", global = true)]
    pub(in crate::cli) conversation: Option<String>,
    #[command(subcommand)]
    pub(in crate::cli) command: CheckpointCommand,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum CheckpointCommand {
    /// Save what the conversation is now; a name that was saved before gets its next version
    Save {
        /// 1 to 100 characters
        name: String,
        /// What to remember of it
        #[arg(long, value_name = "TEXT", default_value = "")]
        note: String,
    },
    /// List a conversation's checkpoints, the last one first
    List,
    /// Say what a checkpoint holds, and what is not as it was
    Show {
        /// NAME, NAME@VERSION or an id
        checkpoint: String,
    },
    /// Say what differs from a checkpoint to now, or to another one
    Diff {
        /// NAME, NAME@VERSION or an id
        checkpoint: String,
        /// Another one
        to: Option<String>,
    },
    /// Go back: the conversation goes on with a new branch, and nothing is lost
    Restore {
        /// NAME, NAME@VERSION or an id
        checkpoint: String,
    },
    /// Go on with another branch of the conversation, such as the one before a restore
    Switch {
        /// A branch's name or id; without it they are listed
        branch: Option<String>,
    },
    /// Delete a checkpoint, and the files that it alone kept
    Delete {
        /// NAME@VERSION or an id
        checkpoint: String,
    },
}
