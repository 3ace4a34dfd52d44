//! The tokens of a run: reserved before the model works, settled after, job by job, so that what a
//! run has used is written down even where the server is killed.

use super::execute::{Execution, Halt};
use crate::{
    accounts::Principal,
    inference::{Job, estimated_tokens},
    ledger::{Hold, Kind, LedgerBook, LedgerError, Wanted},
};

/// What pays for a run.
pub(super) struct Purse {
    ledger: LedgerBook,
    /// Held since the run was asked for, until its first job.
    first: Option<Hold>,
}

impl Purse {
    pub(super) fn new(ledger: LedgerBook, first: Hold) -> Purse {
        Purse {
            ledger,
            first: Some(first),
        }
    }
}

/// What a job is paid with.
pub(super) struct Paid {
    pub(super) hold: Hold,
    /// About what reading the prompt costs; 0 where nothing is limited.
    pub(super) prompt_tokens: u32,
}

/// Holds tokens of a person's day.
pub(super) async fn reserve(
    ledger: &LedgerBook,
    principal: &Principal,
    tokens: u32,
) -> Result<Hold, LedgerError> {
    let accounts = ledger.accounts(principal, Kind::Tokens);
    let wanted = Wanted::exactly(u64::from(tokens));
    ledger.reserve(Kind::Tokens, wanted, &accounts).await
}

impl Execution {
    /// Holds what a job can cost.
    pub(super) async fn pay_for(&mut self, job: &Job) -> Result<Paid, Halt> {
        let ledger = &self.purse.ledger;
        let first = self.purse.first.take();
        let prompt_tokens = match ledger.is_limited(Kind::Tokens) {
            true => estimated_tokens(&*self.model, &job.prompt),
            // Counting a long prompt takes its time.
            false => 0,
        };
        let paid = |hold| Paid {
            hold,
            prompt_tokens,
        };
        let tokens = prompt_tokens.saturating_add(job.max_tokens);
        if let Some(first) = first {
            if first.amount() >= u64::from(tokens) {
                return Ok(paid(first));
            }
            self.log.count_soon(first.settle(0).await).await?;
        }
        reserve(ledger, &self.principal, tokens)
            .await
            .map(paid)
            .map_err(Halt::Quota)
    }
}
