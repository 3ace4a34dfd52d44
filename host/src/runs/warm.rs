//! Reading what every first prompt begins with, before anybody asks.

use alcove_core::preselect::OFFER_LIMIT;
use alcove_core::prompt::{self, Message, Prompt};
use alcove_core::turn::Choice;
use alcove_runtime::Sampling;
use futures::StreamExt as _;
use tokio_util::sync::CancellationToken;

use super::{InternalError, Runs, history};
use crate::{
    accounts::Principal,
    inference::{Form, Job, Model, Priority},
};

/// What stands where the question will.
const QUESTION: &str = "Hello";

impl Runs {
    /// Waits for the models and lets each read the instructions and this person's tools, so that the
    /// prefix cache holds them when the first question comes: on two cores that is most of the time
    /// to a first answer. The first run ends this early.
    pub async fn warm(&self, principal: &Principal) -> Result<(), InternalError> {
        let warming = &self.inner.warming;
        let tools = self.inner.toolbox.offered(principal).await?;
        // A new conversation has no files.
        let tools = self.with_files(tools, &Choice::Auto, None, &[]).await;
        if tools.len() > OFFER_LIMIT {
            // Each question brings tools of its own.
            return Ok(());
        }
        let tools: Vec<_> = tools.iter().map(history::spec).collect();
        let system = Message::system(prompt::system(None, &tools));
        let answer = prompt::answer(&[system, Message::user(QUESTION)], &[]);
        // As the first decision of a turn divides them.
        let (shown, left): (Vec<_>, Vec<_>) = tools
            .into_iter()
            .partition(|tool| !tool.questions.is_empty());
        let left: Vec<_> = left.iter().collect();
        let decision = (!shown.is_empty()).then(|| prompt::decision(&shown, &[], QUESTION, &[]));
        let choice = (!left.is_empty()).then(|| prompt::choice(&left, QUESTION));
        let prompts: Vec<_> = decision.into_iter().chain(choice).chain([answer]).collect();
        for (_, inference) in self.inner.models.all() {
            // Without a model there is nothing to warm, and requests say why.
            if let Some(Ok(model)) = warming.run_until_cancelled(inference.ready()).await {
                read(&*model, &prompts, warming).await?;
            }
        }
        Ok(())
    }
}

async fn read(
    model: &dyn Model,
    prompts: &[Prompt],
    warming: &CancellationToken,
) -> Result<(), InternalError> {
    for prompt in prompts {
        let job = Job {
            prompt: prompt.clone(),
            sampling: Sampling::Greedy,
            stop: None,
            max_tokens: 1,
            form: Form::Free,
            priority: Priority::Background,
        };
        let pieces = model.generate(job, warming.child_token()).await;
        let mut pieces = pieces.map_err(|error| std::sync::Arc::new(error) as InternalError)?;
        while pieces.next().await.is_some() {}
    }
    Ok(())
}
