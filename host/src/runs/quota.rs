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
    tokens: u64,
) -> Result<Hold, LedgerError> {
    let accounts = ledger.accounts(principal, Kind::Tokens);
    let wanted = Wanted::exactly(tokens);
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
        let tokens = u64::from(prompt_tokens.saturating_add(job.max_tokens));
        let more = async |tokens| {
            let held = reserve(ledger, &self.principal, tokens).await;
            held.map_err(Halt::Quota)
        };
        let hold = match first {
            None => more(tokens).await?,
            Some(mut first) => {
                // It grows: at no time another run can take what this one has begun with.
                let missing = tokens.saturating_sub(first.amount());
                if missing > 0 {
                    first.join(more(missing).await?);
                }
                first
            }
        };
        Ok(Paid {
            hold,
            prompt_tokens,
        })
    }
}
