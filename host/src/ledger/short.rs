//! An account that has not enough left: in words for whoever is refused.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;

use super::{DAY_MS, Kind, Owner, unsigned};
use crate::store::{Short, now_ms};

/// Not enough is left of a day's quota.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exceeded {
    /// Of what.
    pub kind: Kind,
    /// Whose.
    pub owner: Option<Owner>,
    /// How much was to be held.
    pub wanted: u64,
    /// The most of a day.
    pub limit: u64,
    /// Used of it.
    pub spent: u64,
    /// Held of it for other work that is under way.
    pub held: u64,
    /// When it starts anew, in milliseconds since the Unix epoch.
    pub resets_at_ms: i64,
}

impl Exceeded {
    pub(super) fn new(
        kind: Kind,
        day: i64,
        wanted: u64,
        owners: &[Owner],
        short: Short,
    ) -> Exceeded {
        Exceeded {
            kind,
            owner: owners
                .iter()
                .find(|owner| owner.text() == short.owner)
                .cloned(),
            wanted,
            limit: unsigned(short.limit),
            spent: unsigned(short.balance.spent),
            held: unsigned(short.balance.reserved),
            resets_at_ms: (day + 1) * DAY_MS,
        }
    }

    /// The setting that limits it, such as `quota.tokens_per_user`; a plugin's own limit is its
    /// policy's.
    pub fn name(&self) -> &'static str {
        let is_organisations = matches!(self.owner, Some(Owner::Organisation(_)));
        match (self.kind, is_organisations) {
            (_, _) if matches!(self.owner, Some(Owner::Plugin(..))) => "inference-tokens-per-day",
            (Kind::Tokens, false) => "quota.tokens_per_user",
            (Kind::Tokens, true) => "quota.tokens_per_organisation",
            (Kind::ToolCpuMs, false) => "quota.tool_cpu_per_user",
            (Kind::ToolCpuMs, true) => "quota.tool_cpu_per_organisation",
            (Kind::ToolBytes, false) => "quota.tool_bytes_per_user",
            (Kind::ToolBytes, true) => "quota.tool_bytes_per_organisation",
        }
    }

    /// How long until it starts anew.
    pub fn resets_in(&self) -> Duration {
        Duration::from_millis(unsigned(self.resets_at_ms - now_ms()))
    }
}

impl fmt::Display for Exceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = |amount: u64| match self.kind {
            Kind::Tokens => format!("{amount} tokens"),
            Kind::ToolCpuMs => format!("{amount} ms of tools' processor time"),
            Kind::ToolBytes => format!("{amount} bytes of tools' requests and results"),
        };
        let whose = match &self.owner {
            Some(Owner::Organisation(_)) => "your organisation's quota".to_owned(),
            Some(Owner::Plugin(_, plugin)) => format!("what {plugin} may use for you"),
            Some(Owner::User(_)) | None => "your quota".to_owned(),
        };
        let (limit, wanted) = (show(self.limit), self.wanted);
        let (spent, held) = (self.spent, self.held);
        write!(
            f,
            "{whose} of {limit} a day ({}) does not reach: {spent} are used, {held} held for what is under way, and {wanted} more are needed",
            self.name()
        )?;
        match Timestamp::from_millisecond(self.resets_at_ms) {
            Ok(at) => write!(f, "; it starts anew at {at}"),
            Err(_) => Ok(()),
        }
    }
}

impl std::error::Error for Exceeded {}
