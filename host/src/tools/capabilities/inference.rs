//! `alcove:inference`: the server's model, in the background, under an allowance of tokens.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use alcove_core::prompt::{Message, Prompt, Speaker};
use alcove_runtime::{Finish, Sampling, TokenUsage};
use alcove_sandbox::{CapabilityError, Generate, Generated, Inference};
use async_trait::async_trait;
use futures::StreamExt as _;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::HostThreads;
use crate::accounts::Principal;
use crate::inference::{
    Form, Job, Model, ModelError, ModelEvent, Models, Priority, estimated_tokens,
};
use crate::ledger::{Kind, LedgerBook, LedgerError, Owner, Wanted};
use crate::store::log::ItemLog;

/// The name that stands for whatever model answers here.
const DEFAULT: &str = "default";

/// The model, as one call may use it.
pub(super) struct ModelOfCall {
    pub(super) host: HostThreads,
    pub(super) models: Models,
    pub(super) ledger: LedgerBook,
    pub(super) log: ItemLog,
    pub(super) principal: Principal,
    pub(super) plugin: String,
    pub(super) tokens_per_call: u64,
    pub(super) tokens_per_day: u64,
    /// What this call has used and holds.
    pub(super) used: Arc<AtomicU64>,
}

#[async_trait]
impl Inference for ModelOfCall {
    async fn generate(&self, request: Generate) -> Result<Generated, CapabilityError> {
        let model = self.model(&request.model)?;
        let job = job(&request)?;
        let estimate =
            u64::from(estimated_tokens(&*model, &job.prompt).saturating_add(job.max_tokens));
        let (used, allowed) = (Arc::clone(&self.used), self.tokens_per_call);
        let allowance = Allowance::take(used, estimate, allowed)?;
        let (ledger, log) = (self.ledger.clone(), self.log.clone());
        let [user, organisation] = ledger.accounts(&self.principal, Kind::Tokens);
        let plugin = Owner::Plugin(self.principal.user, self.plugin.clone());
        let accounts = [(plugin, Some(self.tokens_per_day)), user, organisation];
        self.host
            .run(async move {
                let hold = ledger
                    .reserve(Kind::Tokens, Wanted::exactly(estimate), &accounts)
                    .await;
                let hold = hold.map_err(|error| exceeded(&error))?;
                let written = write(&*model, job).await;
                // What failed has used nothing that could be counted.
                let used = written.as_ref().map_or(0, |(_, usage)| total(*usage));
                allowance.settle(used);
                if let Err(error) = log.count_soon(hold.settle(used).await).await {
                    tracing::error!(%error, "tokens could not be counted");
                }
                written.map(|(generated, _)| generated)
            })
            .await
    }
}

impl ModelOfCall {
    fn model(&self, name: &str) -> Result<Arc<dyn Model>, CapabilityError> {
        let inference = match name {
            DEFAULT => self.models.general(),
            name => self
                .models
                .named(name)
                .map(|(_, named)| named)
                .ok_or_else(|| {
                    CapabilityError::NotFound(format!(
                        "this server does not serve the model `{name}` now"
                    ))
                })?,
        };
        inference.model().map_err(|error| {
            tracing::warn!(%error, "a tool asked a model that is not there");
            CapabilityError::Unavailable("the model is not ready; try again later".to_owned())
        })
    }
}

/// What a call holds of its allowance until it has written.
struct Allowance {
    used: Arc<AtomicU64>,
    held: u64,
}

impl Allowance {
    fn take(used: Arc<AtomicU64>, amount: u64, allowed: u64) -> Result<Allowance, CapabilityError> {
        let take = |used: u64| used.checked_add(amount).filter(|sum| *sum <= allowed);
        let taken = used.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take);
        if taken.is_err() {
            return Err(CapabilityError::limit(
                "inference-tokens",
                format!("{allowed} tokens in one call"),
            ));
        }
        Ok(Allowance { used, held: amount })
    }

    fn settle(mut self, spent: u64) {
        // A template that costs more than was thought is paid by the next request.
        self.used.fetch_add(spent, Ordering::SeqCst);
        self.give_back();
    }

    fn give_back(&mut self) {
        let held = std::mem::take(&mut self.held);
        self.used.fetch_sub(held, Ordering::SeqCst);
    }
}

impl Drop for Allowance {
    fn drop(&mut self) {
        self.give_back();
    }
}

fn job(request: &Generate) -> Result<Job, CapabilityError> {
    let message = |speaker, text: &str| Message {
        speaker,
        text: text.to_owned(),
    };
    let system = request.system.as_deref();
    let mut messages: Vec<Message> = system
        .map(|text| message(Speaker::System, text))
        .into_iter()
        .collect();
    messages.push(message(Speaker::User, &request.prompt));
    let form = match &request.schema {
        None => Form::Free,
        Some(schema) => {
            let schema: Value = serde_json::from_str(schema).map_err(|error| {
                CapabilityError::Invalid(format!("the schema is not JSON: {error}"))
            })?;
            Form::Json(schema)
        }
    };
    Ok(Job {
        prompt: Prompt {
            messages,
            begun: String::new(),
        },
        sampling: Sampling::Greedy,
        stop: None,
        max_tokens: request.max_tokens,
        form,
        priority: Priority::Background,
    })
}

async fn write(model: &dyn Model, job: Job) -> Result<(Generated, TokenUsage), CapabilityError> {
    let id = model.id().to_owned();
    let pieces = model.generate(job, CancellationToken::new()).await;
    let mut pieces = pieces.map_err(|error| refused(&error))?;
    let mut text = String::new();
    while let Some(event) = pieces.next().await {
        match event.map_err(|error| refused(&error))? {
            ModelEvent::Text(piece) => text.push_str(&piece),
            ModelEvent::Done { finish, usage } => {
                let generated = Generated {
                    text,
                    model: id,
                    complete: finish == Finish::Stop,
                    input_tokens: usage.prompt,
                    output_tokens: usage.generated,
                };
                return Ok((generated, usage));
            }
        }
    }
    Err(refused(&ModelError::Engine(
        "the model's events ended without a last one".to_owned(),
    )))
}

fn total(usage: TokenUsage) -> u64 {
    u64::from(usage.prompt) + u64::from(usage.generated)
}

fn refused(error: &ModelError) -> CapabilityError {
    match error {
        ModelError::ContextExceeded { .. } => CapabilityError::Invalid(error.to_string()),
        ModelError::Overloaded => CapabilityError::Unavailable(error.to_string()),
        ModelError::Engine(_) => {
            tracing::warn!(%error, "a model could not write for a tool");
            CapabilityError::Unavailable(
                "the model could not write this: a schema that it cannot follow, or trouble of its own"
                    .to_owned(),
            )
        }
    }
}

fn exceeded(error: &LedgerError) -> CapabilityError {
    match error {
        LedgerError::Exceeded(exceeded) => {
            CapabilityError::limit(exceeded.name(), exceeded.to_string())
        }
        LedgerError::Store(error) => {
            tracing::error!(%error, "the ledger could not be used");
            CapabilityError::Unavailable("the host's ledger could not be used".to_owned())
        }
    }
}
