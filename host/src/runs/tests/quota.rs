//! A day's quota of tokens. The scripted model reads 10 tokens and writes 5, whatever is asked.

use alcove_api_types::{EventBody, ResponseStatus};

use super::{Bench, Step, says, text_of, until};
use crate::config::{Daily, Quota};
use crate::ledger::{Kind, Owner, Wanted};
use crate::runs::{INSUFFICIENT_QUOTA, StartError};

fn tokens(user: Option<u64>, organisation: Option<u64>) -> Quota {
    Quota {
        tokens: Daily { user, organisation },
        ..Quota::default()
    }
}

impl Bench {
    /// Spent and held of the person's tokens.
    async fn tokens(&self) -> (i64, i64) {
        self.log.audit_settled().await.unwrap();
        let owner = Owner::User(self.principal.user);
        let balance = self.ledger.balance(&owner, Kind::Tokens).await.unwrap();
        (balance.spent, balance.reserved)
    }

    /// What saying `hello` holds before it begins.
    async fn first_hold() -> u64 {
        let steps = [Step::Hang("no")];
        let bench = Bench::with_quota(steps, tokens(Some(10_000), None)).await;
        let run = bench.start(says("hello")).await;
        // What the request held grows to what its first job may use: at no time is it nothing.
        let (spent, held) = bench.tokens().await;
        assert!(spent == 0 && held > 0, "{spent} {held}");
        bench.runs.stop(&bench.principal, run.id()).await.unwrap();
        u64::try_from(held).unwrap()
    }
}

#[tokio::test]
async fn a_run_holds_what_it_may_use_and_settles_what_it_used() {
    let steps = [Step::Say("none"), Step::Hang("so")];
    let bench = Bench::with_quota(steps, tokens(Some(10_000), None)).await;
    let run = bench.start(says("hello")).await;
    until(&run, |event| matches!(event, EventBody::TextDelta { .. })).await;
    let (spent, held) = bench.tokens().await;
    // The decision is settled, the answer under way.
    assert!(
        spent == 15 && (256..10_000).contains(&held),
        "{spent} {held}"
    );
    let stopped = bench.runs.stop(&bench.principal, run.id()).await;
    let response = stopped.unwrap();
    assert_eq!(response.status, ResponseStatus::Cancelled);
    assert_eq!(response.usage.unwrap().total_tokens, 30);
    assert_eq!(bench.tokens().await, (30, 0));
}

#[tokio::test]
async fn what_the_day_has_no_tokens_for_is_not_begun() {
    let limit = Bench::first_hold().await * 2;
    for (quota, name) in [
        (tokens(Some(limit), None), "quota.tokens_per_user"),
        (tokens(None, Some(limit)), "quota.tokens_per_organisation"),
    ] {
        let steps = [Step::Say("none"), Step::Say("yes")];
        let bench = Bench::with_quota(steps, quota).await;
        let (response, _) = bench.finish(says("hello")).await;
        assert_eq!(text_of(&response), "yes");
        let accounts = bench.ledger.accounts(&bench.principal, Kind::Tokens);
        let other = Wanted::exactly(limit - 200);
        let other = bench.ledger.reserve(Kind::Tokens, other, &accounts).await;
        let Err(StartError::Quota(exceeded)) = bench.try_start(says("more")).await else {
            panic!("it begins");
        };
        assert_eq!(exceeded.name(), name);
        assert_eq!(
            (exceeded.limit, exceeded.spent, exceeded.held),
            (limit, 30, limit - 200)
        );
        assert!(exceeded.resets_in().as_secs() <= 24 * 3600);
        assert!(exceeded.to_string().contains(name), "{exceeded}");
        // Nothing of it was kept, and nothing is held for it.
        let page = bench.log.list(&bench.principal, 10, None).await.unwrap();
        assert_eq!(page.conversations.len(), 1);
        assert!(other.unwrap().settle(0).await.is_empty());
        assert_eq!(bench.tokens().await, (30, 0));
    }
}

#[tokio::test]
async fn a_run_that_runs_out_between_two_steps_says_so() {
    let mut limit = Bench::first_hold().await;
    // Until there is enough for the decision; a call may be much longer than that.
    let (bench, response) = loop {
        let steps = [Step::Say("python"), Step::Say("1\n")];
        let bench = Bench::with_quota(steps, tokens(Some(limit), None)).await;
        let (response, _) = bench.finish(says("hello")).await;
        assert_eq!(response.status, ResponseStatus::Failed);
        if bench.tokens().await.0 > 0 {
            break (bench, response);
        }
        limit += 100;
    };
    let error = response.error.unwrap();
    assert_eq!(error.code, INSUFFICIENT_QUOTA);
    assert!(error.message.contains("quota.tokens_per_user"), "{error:?}");
    let used = i64::from(response.usage.unwrap().total_tokens);
    assert_eq!(bench.tokens().await, (used, 0));
}

#[tokio::test]
async fn without_a_quota_it_is_counted_all_the_same() {
    let bench = Bench::new([Step::Say("none"), Step::Say("yes")]).await;
    bench.finish(says("hello")).await;
    assert_eq!(bench.tokens().await, (30, 0));
}
