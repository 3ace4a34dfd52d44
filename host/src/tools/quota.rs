//! What a call may use of the day's quotas: held while it runs, settled when it ends.

use std::time::Duration;

use alcove_api_types::ToolOutcome;
use alcove_policies::Authority;
use alcove_sandbox::{Left, Usage};

use super::{ToolRequest, Tools};
use crate::ledger::{Exceeded, Hold, Kind, LedgerError, Wanted};
use crate::store::Spent;

/// What one call holds.
pub(super) struct Held {
    cpu: Hold,
    bytes: Hold,
}

impl Tools {
    /// Holds what a call may use under its policy, or what is left where that is less. Asks no
    /// database where nothing is limited.
    pub(super) async fn hold(
        &self,
        request: &ToolRequest,
        policy: &Authority,
    ) -> Result<Held, ToolOutcome> {
        let limits = policy.limits();
        // A call that held all that is left would leave nothing to the calls that it makes.
        let parts = if policy.delegate().is_some() { 2 } else { 1 };
        let requests = if policy.has_http() {
            limits.http_bytes
        } else {
            0
        };
        Ok(Held {
            cpu: self
                .hold_of(request, Kind::ToolCpuMs, millis(limits.cpu), parts)
                .await?,
            bytes: self
                .hold_of(
                    request,
                    Kind::ToolBytes,
                    requests + limits.output_bytes,
                    parts,
                )
                .await?,
        })
    }

    async fn hold_of(
        &self,
        request: &ToolRequest,
        kind: Kind,
        most: u64,
        parts: u64,
    ) -> Result<Hold, ToolOutcome> {
        let ledger = &self.inner.ledger;
        let accounts = ledger.accounts(&request.principal, kind);
        let wanted = Wanted {
            most,
            least: 1,
            parts,
        };
        ledger
            .reserve(kind, wanted, &accounts)
            .await
            .map_err(|error| match error {
                LedgerError::Exceeded(exceeded) => limit(&exceeded),
                LedgerError::Store(error) => {
                    tracing::error!(%error, item = %request.item, "a call could not be counted");
                    ToolOutcome::Trapped {
                        message: "the host's ledger could not be used: try again".to_owned(),
                    }
                }
            })
    }
}

impl Held {
    /// What the call may use.
    pub(super) fn left(&self) -> Left {
        Left {
            cpu: match self.cpu.by() {
                Some(_) => Duration::from_millis(self.cpu.amount()),
                None => Duration::MAX,
            },
            bytes: self.bytes.amount(),
        }
    }

    /// How a call ended: names the quota where that was the limit, and not the policy's own.
    pub(super) fn name(&self, outcome: ToolOutcome) -> ToolOutcome {
        let hold = match &outcome {
            ToolOutcome::Limit { limit, .. } if limit == "cpu" => &self.cpu,
            ToolOutcome::Limit { limit, .. } if limit == "output" || limit == "http-bytes" => {
                &self.bytes
            }
            _ => return outcome,
        };
        hold.by().map_or(outcome, limit)
    }

    /// Counts what the call used; the rest is free again. Answers what had no limit and is still
    /// to be counted.
    pub(super) async fn settle(self, usage: &Usage) -> Vec<Spent> {
        let mut spent = self.cpu.settle(millis(usage.cpu)).await;
        let bytes = usage.output_bytes.saturating_add(usage.http_bytes);
        // What was refused for going over was not given to anybody.
        let most = self.bytes.amount();
        spent.extend(self.bytes.settle(bytes.min(most)).await);
        spent
    }
}

fn limit(exceeded: &Exceeded) -> ToolOutcome {
    ToolOutcome::Limit {
        limit: exceeded.name().to_owned(),
        message: exceeded.to_string(),
    }
}

/// Milliseconds, rounded up.
fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_micros().div_ceil(1000)).unwrap_or(u64::MAX)
}
