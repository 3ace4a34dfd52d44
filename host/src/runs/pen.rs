//! Text as the model writes it: into events of a bounded rate, and into a draft once a second.

use std::time::Duration;

use alcove_runtime::{Finish, TokenUsage};
use futures::StreamExt;
use tokio::time::{Instant, sleep_until, timeout};

use super::{
    execute::{Execution, Halt},
    quota::Paid,
};
use crate::inference::{Job, ModelError, ModelEvent, Pieces};

/// Pieces that come within this time become one event.
const COALESCE: Duration = Duration::from_millis(30);
/// How often what there is of an item is saved, at most.
pub(super) const DRAFT_EVERY: Duration = Duration::from_secs(1);
/// How long a stopped model may take to say what it used.
const USAGE_GRACE: Duration = Duration::from_millis(200);

/// Where the text goes while it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Page {
    /// Nowhere: a decision.
    None,
    /// Into the arguments of the calls that are open.
    Arguments,
    /// Into the answer, which begins with its first word.
    Answer,
}

/// A text that came to its end.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) text: String,
    pub(super) whole: bool,
    pub(super) tokens: u32,
}

impl Execution {
    /// Lets the model write, on the person's account. What it wrote until it was stopped or failed
    /// is in the events.
    pub(super) async fn write(&mut self, job: Job, page: Page) -> Result<Written, Halt> {
        let Paid {
            hold,
            prompt_tokens,
        } = self.pay_for(&job).await?;
        let before = self.usage.total_tokens;
        let written = self.write_paid(job, page, prompt_tokens).await;
        let used = self.usage.total_tokens.saturating_sub(before);
        let counted = hold.settle(u64::from(used)).await;
        self.log.count_soon(counted).await?;
        written
    }

    async fn write_paid(
        &mut self,
        job: Job,
        page: Page,
        prompt_tokens: u32,
    ) -> Result<Written, Halt> {
        let stop = self.run.stop_token().clone();
        let mut pieces = tokio::select! {
            biased;
            () = stop.cancelled() => return Err(Halt::Stopped),
            pieces = self.model.generate(job, stop.child_token()) => pieces?,
        };
        let mut text = String::new();
        let mut unsent = String::new();
        let mut send_at: Option<Instant> = None;
        let end = loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => {
                    self.count_stopped(&mut pieces, prompt_tokens, &text).await;
                    break Err(Halt::Stopped);
                }
                () = sleep_until(send_at.unwrap_or_else(Instant::now)), if send_at.is_some() => {
                    send_at = None;
                    self.send(page, std::mem::take(&mut unsent));
                    self.save_draft_if_due().await;
                }
                piece = pieces.next() => match piece {
                    Some(Ok(ModelEvent::Text(piece))) => {
                        text.push_str(&piece);
                        unsent.push_str(&piece);
                        send_at.get_or_insert_with(|| Instant::now() + COALESCE);
                    }
                    Some(Ok(ModelEvent::Done { finish, usage })) => {
                        self.count(usage);
                        break match finish {
                            Finish::Cancelled => Err(Halt::Stopped),
                            Finish::Stop => Ok((true, usage.generated)),
                            Finish::Length => Ok((false, usage.generated)),
                        };
                    }
                    Some(Err(error)) => break Err(error.into()),
                    None => {
                        let error = "the model's events ended without a last one".to_owned();
                        break Err(ModelError::Engine(error).into());
                    }
                },
            }
        };
        self.send(page, unsent);
        let (whole, tokens) = end?;
        Ok(Written {
            text,
            whole,
            tokens,
        })
    }

    fn send(&mut self, page: Page, text: String) {
        // Models like to begin with an empty line.
        let text = match (page, self.message) {
            (Page::Answer, None) => text.trim_start().to_owned(),
            _ => text,
        };
        if text.is_empty() {
            return;
        }
        match page {
            Page::None => {}
            Page::Arguments => self.show_arguments(&text),
            Page::Answer => {
                let open = *self.message.get_or_insert_with(|| self.run.open_message());
                self.run.push_text(open, text);
            }
        }
    }

    /// A stopped model still says how many tokens it read and wrote, but nobody waits long for it:
    /// then it is what can be told from the texts.
    async fn count_stopped(&mut self, pieces: &mut Pieces, prompt: u32, text: &str) {
        let last = timeout(USAGE_GRACE, async {
            loop {
                match pieces.next().await {
                    Some(Ok(ModelEvent::Done { usage, .. })) => return Some(usage),
                    Some(Ok(ModelEvent::Text(_))) => {}
                    Some(Err(_)) | None => return None,
                }
            }
        });
        let used = last.await.ok().flatten();
        self.count(used.unwrap_or_else(|| TokenUsage {
            prompt,
            cached: 0,
            generated: self.model.count_tokens(text),
        }));
    }
}
