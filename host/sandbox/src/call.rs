//! What a caller hands to the sandbox: the call, the grant it runs under, and what limits the
//! sandbox itself puts on every call whatever the policy says.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use alcove_policies::Authority;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::capabilities::Capabilities;
use crate::outbound::{LocalServer, Outbound};
use crate::record::HostRecord;
use crate::report::LogLevel;
use crate::secrets::Secrets;

/// The most bytes that one call's arguments may have.
pub const MAX_ARGUMENT_BYTES: usize = 4 << 20;
/// How deep calls of tools by tools may go, whatever a policy says.
pub const MAX_DEPTH: usize = 8;

/// One call of one tool, under a grant, on an instance of its own.
#[derive(Debug, Clone)]
pub struct Call {
    /// What to run.
    pub invocation: Invocation,
    /// What it may do.
    pub grant: Grant,
}

/// What to run.
#[derive(Debug, Clone)]
pub struct Invocation {
    /// The name of the tool within its component.
    pub tool: String,
    /// Its arguments, as JSON text that was checked against the tool's schema.
    pub arguments: String,
    /// Ends the call as `stopped` within 100 ms.
    pub cancel: CancellationToken,
    /// Where progress goes. A full channel loses it: progress never slows a guest down.
    pub progress: Option<mpsc::Sender<Progress>>,
    /// The language of the person who asked, as a BCP 47 tag.
    pub locale: String,
    /// Decides what leaves by an open network; as the policy says where absent.
    pub outbound: Option<Arc<dyn Outbound>>,
    /// The server that the plugin stands for, where that is one of the host's own.
    pub local: Option<Arc<dyn LocalServer>>,
    /// Serves what the host says from an earlier call's record: clock and random as long as that
    /// lasts, requests and other host functions from nowhere else.
    pub replay: Option<HostRecord>,
    /// What the call finds behind the interfaces of ours, each under the policy's leave.
    pub capabilities: Capabilities,
    /// How many calls of other tools this one stands under: 0 for a person's or a model's own.
    pub depth: usize,
    /// What is left for this call, where that is less than its policy lets it use.
    pub left: Left,
}

/// What is left for a call, whatever its policy says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left {
    /// Processor time.
    pub cpu: Duration,
    /// Bytes of its requests, their answers and its result, together.
    pub bytes: u64,
}

impl Left {
    /// As much as the policy says.
    pub const ALL: Left = Left {
        cpu: Duration::MAX,
        bytes: u64::MAX,
    };
}

impl Invocation {
    /// An invocation that nobody watches or stops.
    pub fn new(tool: impl Into<String>, arguments: impl Into<String>) -> Invocation {
        Invocation {
            tool: tool.into(),
            arguments: arguments.into(),
            cancel: CancellationToken::new(),
            progress: None,
            locale: "en".to_owned(),
            outbound: None,
            local: None,
            replay: None,
            capabilities: Capabilities::default(),
            depth: 0,
            left: Left::ALL,
        }
    }
}

/// What a call may do, and for how long that holds.
#[derive(Debug, Clone)]
pub struct Grant {
    /// The identity of the plugin, such as `alcove/python`.
    pub plugin: String,
    /// What is in force: the grants joined, under the ceiling.
    pub policy: Arc<Authority>,
    /// The folders that the policy's `[[files]]` stand for. A mount that the policy does not name is
    /// an empty folder in which everything is refused.
    pub mounts: Vec<Mount>,
    /// Values for the `{secret:name}` of the policy's `inject`.
    pub secrets: Secrets,
    /// Cancelled when the grant is revoked: ends the call as `revoked`.
    pub lease: CancellationToken,
}

/// A folder of the host that a guest may see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Where the guest sees it, such as `/workspace`.
    pub guest: String,
    /// The folder on this machine.
    pub host: PathBuf,
    /// Whether the guest may change it. The policy's `access` is applied on top.
    pub writable: bool,
}

/// How far a call is, in the tool's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// In thousandths, where the tool knows.
    pub permille: Option<u32>,
    /// What it is doing, or the line that it logs.
    pub note: String,
    /// Set for a line of its log, which is no progress.
    pub log: Option<LogLevel>,
}
