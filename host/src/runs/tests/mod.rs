//! Runs with a scripted model and scripted tools, over the real log.

mod approvals;
mod citing;
mod failures;
mod flow;
mod quota;
mod requests;
mod routing;
mod scripted;
mod stopping;
mod storing;
mod together;

use std::{sync::Arc, time::Duration};

use alcove_api_types::{CreateResponse, EventBody, Input, Item, Response, StreamEvent};
use futures::StreamExt;

use super::{IdempotencyKey, Run, RunLimits, Runs, StartError, ValidRequest};
use crate::{
    accounts::{Accounts, Principal},
    config::Quota,
    inference::{Encoder, Inference, Models},
    ledger::LedgerBook,
    store::{self, log::ItemLog},
    vault::Vault,
};
pub(super) use scripted::{NoMoments, ScriptedModel, ScriptedTools, Step};

/// Nothing here takes longer unless it hangs.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server's runs in a folder of their own.
pub(super) struct Bench {
    pub(super) runs: Runs,
    pub(super) log: ItemLog,
    pub(super) ledger: LedgerBook,
    pub(super) accounts: Accounts,
    pub(super) principal: Principal,
    pub(super) model: Arc<ScriptedModel>,
    pub(super) tools: Arc<ScriptedTools>,
    folder: Arc<tempfile::TempDir>,
}

pub(super) fn limits() -> RunLimits {
    RunLimits {
        runs: 4,
        runs_per_user: 3,
        active: 2,
        retention: Duration::from_secs(600),
        tool_calls: 4,
        turn_time: Duration::from_secs(60),
        output_tokens: 256,
        approval_wait: Duration::from_secs(60),
    }
}

impl Bench {
    pub(super) async fn new(steps: impl IntoIterator<Item = Step>) -> Bench {
        Bench::with_limits(steps, limits()).await
    }

    pub(super) async fn with_limits(
        steps: impl IntoIterator<Item = Step>,
        limits: RunLimits,
    ) -> Bench {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        Bench::in_folder(folder, steps, limits, Quota::default()).await
    }

    pub(super) async fn with_quota(steps: impl IntoIterator<Item = Step>, quota: Quota) -> Bench {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        Bench::in_folder(folder, steps, limits(), quota).await
    }

    /// What another process finds in the same folder.
    pub(super) async fn restarted(&self, steps: impl IntoIterator<Item = Step>) -> Bench {
        let folder = Arc::clone(&self.folder);
        Bench::in_folder(folder, steps, limits(), Quota::default()).await
    }

    /// With another model for programs.
    pub(super) async fn with_code_model(
        steps: impl IntoIterator<Item = Step>,
        code: Inference,
    ) -> Bench {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        Bench::with_models(folder, steps, Some(code), limits(), Quota::default()).await
    }

    async fn in_folder(
        folder: Arc<tempfile::TempDir>,
        steps: impl IntoIterator<Item = Step>,
        limits: RunLimits,
        quota: Quota,
    ) -> Bench {
        Bench::with_models(folder, steps, None, limits, quota).await
    }

    async fn with_models(
        folder: Arc<tempfile::TempDir>,
        steps: impl IntoIterator<Item = Step>,
        code: Option<Inference>,
        limits: RunLimits,
        quota: Quota,
    ) -> Bench {
        let url = format!("sqlite:{}", folder.path().join("alcove.db").display());
        let store = store::open(&url).await.unwrap();
        let vault = Vault::open(&folder.path().join("keys")).unwrap();
        let accounts = Accounts::open(Arc::clone(&store)).await.unwrap();
        let principal = accounts.local_principal().await.unwrap();
        let ledger = LedgerBook::new(Arc::clone(&store), vault.writer(), quota);
        let log = ItemLog::new(store, vault);
        let model = Arc::new(ScriptedModel::new(steps));
        let tools = Arc::new(ScriptedTools::default());
        let general = Inference::with_model(Arc::clone(&model) as _);
        let models = Models::new(general, code);
        let runs = Runs::new(
            log.clone(),
            models,
            Encoder::new(folder.path().to_owned()),
            Arc::clone(&tools) as _,
            Arc::new(NoMoments),
            ledger.clone(),
            limits,
        );
        Bench {
            runs,
            log,
            ledger,
            accounts,
            principal,
            model,
            tools,
            folder,
        }
    }

    pub(super) async fn try_start(&self, request: CreateResponse) -> Result<Run, StartError> {
        self.runs
            .start(&self.principal, ValidRequest::parse(request)?, None)
            .await
    }

    pub(super) async fn start(&self, request: CreateResponse) -> Run {
        self.try_start(request).await.unwrap()
    }

    pub(super) async fn start_with_key(
        &self,
        request: CreateResponse,
        key: &str,
    ) -> Result<Run, StartError> {
        let key = IdempotencyKey::parse(key)?;
        self.runs
            .start(&self.principal, ValidRequest::parse(request)?, Some(key))
            .await
    }

    /// Starts and waits for the end.
    pub(super) async fn finish(&self, request: CreateResponse) -> (Response, Vec<StreamEvent>) {
        let run = self.start(request).await;
        let events = all_events(&run).await;
        (run.finished().await, events)
    }

    /// Somebody else, in the same organisation.
    pub(super) async fn stranger(&self) -> Principal {
        self.accounts
            .create_user(&self.principal, "stranger", "a long password")
            .await
            .unwrap()
    }
}

pub(super) fn says(text: &str) -> CreateResponse {
    CreateResponse {
        input: Input::Text(text.into()),
        ..CreateResponse::default()
    }
}

pub(super) async fn all_events(run: &Run) -> Vec<StreamEvent> {
    tokio::time::timeout(PATIENCE, run.events_after(None).collect())
        .await
        .expect("the run ends")
}

pub(super) async fn ended(run: &Run) -> Response {
    tokio::time::timeout(PATIENCE, run.finished())
        .await
        .expect("the run ends")
}

/// Waits until such an event has come.
pub(super) async fn until(run: &Run, wanted: impl Fn(&EventBody) -> bool) {
    let mut events = Box::pin(run.events_after(None));
    tokio::time::timeout(PATIENCE, async {
        while let Some(event) = events.next().await {
            if wanted(&event.body) {
                return;
            }
        }
        panic!("the run ended without such an event");
    })
    .await
    .expect("such an event comes");
}

/// The names of events, with repeated ones once.
pub(super) fn names(events: &[StreamEvent]) -> Vec<&'static str> {
    let mut names: Vec<&'static str> = events.iter().map(|event| event.body.name()).collect();
    names.dedup();
    names
}

pub(super) fn text_of(response: &Response) -> String {
    response
        .output
        .iter()
        .filter_map(|item| match item {
            Item::Message(message) => Some(message.text()),
            Item::ToolCall(_) => None,
        })
        .collect()
}
