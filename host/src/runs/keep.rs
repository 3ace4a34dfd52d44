//! What is kept of a run: drafts, items, and how it ended.

use alcove_api_types::{IncompleteDetails, ItemStatus, Response, ResponseError, ResponseStatus};
use alcove_core::{item::Payload, turn::TurnEnd};
use tokio::time::Instant;

use super::{
    execute::{Execution, describe},
    output::{Open, payload},
    pen::DRAFT_EVERY,
    run::Cause,
};
use crate::checkpoints::to_wire;
use crate::store::log::{Append, Draft, LogError, ResponseEnd};

impl Execution {
    /// Ends what is open, stores how the response ended, and tells the readers.
    pub(super) async fn finish(&mut self, end: TurnEnd) {
        let mut response = self.run.snapshot();
        let is_whole = matches!(end, TurnEnd::Completed | TurnEnd::OutOfCalls);
        (response.status, response.error, response.incomplete_details) = match end {
            TurnEnd::Completed => (ResponseStatus::Completed, None, None),
            TurnEnd::OutOfTokens => (
                ResponseStatus::Incomplete,
                None,
                because("max_output_tokens"),
            ),
            TurnEnd::OutOfCalls => (ResponseStatus::Incomplete, None, because("tool_calls")),
            TurnEnd::Cancelled => match self.run.halted_by() {
                Some(Cause::Shutdown) => (ResponseStatus::Incomplete, None, because("interrupted")),
                Some(Cause::Time) => (ResponseStatus::Incomplete, None, because("turn_time")),
                None => (ResponseStatus::Cancelled, None, None),
            },
            TurnEnd::Failed { code, message } => (
                ResponseStatus::Failed,
                Some(ResponseError { code, message }),
                None,
            ),
        };
        response.usage = Some(self.usage);
        if is_whole && self.message.is_none() {
            // The specification knows no response without output; an empty answer is one.
            self.message = Some(self.run.open_message());
        }
        if let Err(error) = self.close_and_store(&response, is_whole).await {
            tracing::error!(response = %self.run.id(), error = describe(&error), "a response could not be stored");
            response.status = ResponseStatus::Failed;
            response.incomplete_details = None;
            response.error = Some(ResponseError {
                code: "server_error".to_owned(),
                message: "the answer could not be stored: what there is of it is kept only until \
                          the server ends; see the server's log"
                    .to_owned(),
            });
        }
        self.save_checkpoint(&mut response).await;
        response.output = self.run.snapshot().output;
        self.run.end(response);
    }

    /// Saves the checkpoint that the request asks for, of a response that came to an end.
    async fn save_checkpoint(&mut self, response: &mut Response) {
        let (Some((moments, name)), Some(place)) = (self.save_as.take(), self.place) else {
            return;
        };
        let used = response.checkpoint.get_or_insert_default();
        let status = response.status;
        if !matches!(
            status,
            ResponseStatus::Completed | ResponseStatus::Incomplete
        ) {
            used.not_saved = Some("the response did not come to its end".to_owned());
            return;
        }
        let saved = moments.save(&self.principal, place.conversation, &name);
        match saved.await {
            Ok(saved) => used.saved = Some(to_wire(saved)),
            Err(error) => {
                tracing::warn!(response = %self.run.id(), error = describe(&error), "a checkpoint could not be saved");
                used.not_saved = Some(error.public_message());
            }
        }
    }

    /// The open item and the response's end, in one transaction where there is an open item.
    async fn close_and_store(
        &mut self,
        response: &Response,
        is_whole: bool,
    ) -> Result<(), LogError> {
        let end = ResponseEnd {
            status: response.status,
            usage: response.usage,
            error: response.error.clone(),
            incomplete: response
                .incomplete_details
                .as_ref()
                .map(|details| details.reason.clone()),
        };
        let calls = std::mem::take(&mut self.calls);
        if let Some((last, others)) = calls.split_last() {
            for call in others {
                self.cut_call(call.open, None).await?;
            }
            return self.cut_call(last.open, Some(end)).await;
        }
        let status = if is_whole {
            ItemStatus::Completed
        } else {
            ItemStatus::Incomplete
        };
        if let Some(open) = self.message.take() {
            self.run.set_message_end(open, status);
            let stored = self.append(open, None, Some(end)).await;
            self.run.close_message(open, status);
            return stored;
        }
        self.log.finish(&self.principal, self.run.id(), end).await
    }

    /// Ends a call that did not come to its end.
    async fn cut_call(&mut self, open: Open, end: Option<ResponseEnd>) -> Result<(), LogError> {
        self.run.set_outcome(open, |call| {
            call.status = ItemStatus::Incomplete;
            if call.arguments.is_empty() {
                call.arguments = "{}".to_owned();
            }
        });
        let stored = self.append(open, None, end).await;
        self.run.close_call(open);
        stored
    }

    /// Appends the item as it is in the snapshot. Without a place, only an end is stored.
    pub(super) async fn append(
        &self,
        open: Open,
        record: Option<Vec<u8>>,
        end: Option<ResponseEnd>,
    ) -> Result<(), LogError> {
        let Some(place) = self.place else {
            return match end {
                Some(end) => self.log.finish(&self.principal, self.run.id(), end).await,
                None => Ok(()),
            };
        };
        let Some(payload) = self.payload(open) else {
            return Ok(());
        };
        let append = Append {
            id: open.id,
            conversation: place.conversation,
            branch: place.branch,
            response: Some(self.run.id()),
            payload,
            record,
            end,
        };
        self.log.append(&self.principal, append).await.map(|_| ())
    }

    /// Saves what there is of the open items, at most once a second.
    pub(super) async fn save_draft_if_due(&mut self) {
        if self.drafted_at.elapsed() >= DRAFT_EVERY {
            self.save_draft().await;
        }
    }

    pub(super) async fn save_draft(&mut self) {
        self.drafted_at = Instant::now();
        if self.place.is_none() {
            return;
        }
        let calls = self.calls.iter().map(|call| call.open);
        for open in self.message.into_iter().chain(calls) {
            let Some(payload) = self.payload(open) else {
                continue;
            };
            let draft = Draft {
                id: open.id,
                response: self.run.id(),
                payload,
            };
            // A draft that could not be saved costs a second of text if the server is killed, and
            // the next one is due soon.
            if let Err(error) = self.log.save_draft(&self.principal, &draft).await {
                tracing::warn!(response = %self.run.id(), %error, "a draft could not be saved");
            }
        }
    }

    fn payload(&self, open: Open) -> Option<Payload> {
        self.run.item(open).map(|item| payload(&item))
    }
}

fn because(reason: &str) -> Option<IncompleteDetails> {
    Some(IncompleteDetails {
        reason: reason.to_owned(),
    })
}
