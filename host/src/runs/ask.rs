//! Asking the person: a call waits on the server, without an instance and without a turn.
//!
//! Nothing is ever approved by a timeout: a question that nobody answers ends as a denial. The row
//! decides between two answers at once, and between an answer and Stop.

use alcove_api_types::{Answer, Answered, ApprovalQuestion, Awaiting, InputQuestion};
use alcove_core::item::AnswerKind;
use tokio::time::{Duration, sleep, timeout};

use super::{
    execute::{Execution, Halt},
    output::Open,
    run::{Cause, Reply},
};
use crate::{
    store::{log::NewApproval, now_ms, wire::answer_kind_to_wire},
    tools::{Question, ToolRequest, ToolResult, Verdict, allowed_call, input_question, unanswered},
};

/// How often one call may ask its person.
const MAX_QUESTIONS: usize = 4;
/// How long an answer that won over the timeout may take to arrive.
const REPLY_GRACE: Duration = Duration::from_secs(5);

impl Execution {
    /// Puts what the person says to a call into the request; says that nobody can be asked where
    /// that is so. What runs, and under what, is for [`super::Toolbox::call`] to decide.
    pub(super) async fn seek_consent(
        &mut self,
        open: Open,
        request: &mut ToolRequest,
    ) -> Result<(), Halt> {
        if !self.asks {
            return Ok(());
        }
        let Verdict::Ask(question) = self.toolbox.verdict(request).await else {
            return Ok(());
        };
        let awaiting = |id, until_ms| {
            let Question {
                reason,
                urls,
                reaches,
                choices,
                ..
            } = (*question).clone();
            Awaiting::Approval(ApprovalQuestion {
                id,
                reason,
                urls,
                reaches,
                choices,
                until_ms,
            })
        };
        let answer = self
            .ask(
                open,
                request,
                question.kind,
                (&question.grant, question.hash),
                awaiting,
            )
            .await?;
        match answer {
            Some(Answer::Once | Answer::Conversation) => {
                request.consent.allowance = Some(question.allow());
            }
            Some(Answer::Deny { reason }) => {
                request.consent.refusal = Some(no(reason.as_deref()));
            }
            Some(Answer::Input { .. }) | None => {
                request.consent.refusal = Some(self.nobody_answered());
            }
        }
        Ok(())
    }

    /// Runs a call again with each answer that its tool asks for.
    pub(super) async fn ask_until_done(
        &mut self,
        open: Open,
        mut request: ToolRequest,
        mut result: ToolResult,
    ) -> Result<ToolResult, Halt> {
        // A session's instance has moved on by the time the answer is there, and a restored path
        // would not know of the first attempt.
        let can_ask = self.asks && !request.tool.session;
        for _ in 0..MAX_QUESTIONS {
            let Some(asked) = input_question(&result) else {
                return Ok(result);
            };
            if !can_ask {
                return Ok(unanswered(result, &asked, "nobody can be asked here"));
            }
            let grant = request.tool.grant.clone();
            let hash = self.log.call_hash(
                &allowed_call(&request.tool, &grant),
                &result.arguments_canonical,
            );
            let awaiting = |id, until_ms| {
                Awaiting::Input(InputQuestion {
                    id,
                    prompt: asked.prompt.clone(),
                    schema: asked.schema.clone(),
                    until_ms,
                })
            };
            let bound = (grant.as_str(), hash);
            match self.ask(open, &request, "input", bound, awaiting).await? {
                Some(Answer::Input { value }) => request.consent.answer = Some(value),
                Some(Answer::Deny { reason }) => {
                    return Ok(unanswered(result, &asked, &no(reason.as_deref())));
                }
                Some(Answer::Once | Answer::Conversation) | None => {
                    let why = self.nobody_answered();
                    return Ok(unanswered(result, &asked, &why));
                }
            }
            result = self.call_tool(open, request.clone()).await;
        }
        Ok(match input_question(&result) {
            Some(asked) => unanswered(result, &asked, "it has asked too often"),
            None => result,
        })
    }

    /// Asks and waits. `None`: nobody answered in time.
    async fn ask(
        &mut self,
        open: Open,
        request: &ToolRequest,
        kind: &'static str,
        (grant, hash): (&str, [u8; 32]),
        awaiting: impl FnOnce(String, i64) -> Awaiting,
    ) -> Result<Option<Answer>, Halt> {
        let new = NewApproval {
            conversation: request.conversation(),
            response: self.run.id(),
            item: open.id,
            kind,
            call: allowed_call(&request.tool, grant),
            hash,
        };
        let id = self.log.ask(&self.principal, new).await?;
        let wait_ms = i64::try_from(self.approval_wait.as_millis()).unwrap_or(i64::MAX);
        let awaiting = awaiting(id.to_string(), now_ms().saturating_add(wait_ms));
        let mut answered = self.run.begin_question(awaiting.clone());
        self.run.set_awaiting(open, awaiting);
        self.work_time.pause();
        let stop = self.run.stop_token().clone();
        let closing = self.closing.clone();
        let reply: Result<Option<Reply>, AnswerKind> = tokio::select! {
            biased;
            () = stop.cancelled() => Err(AnswerKind::Stopped),
            () = closing.cancelled() => {
                // A shutdown does not wait for somebody who may have gone home.
                self.run.halt(Cause::Shutdown);
                Err(AnswerKind::Interrupted)
            }
            reply = &mut answered => Ok(reply.ok()),
            () = sleep(self.approval_wait) => Ok(None),
        };
        let (kind, answer, at_ms) = match reply {
            Ok(Some((answer, at_ms))) => (kind_of(&answer), Some(answer), at_ms),
            Ok(None) => {
                let kind = AnswerKind::Unanswered;
                match self
                    .log
                    .end_approval(&self.principal, id, kind, None)
                    .await?
                {
                    Some(at_ms) => (kind, None, at_ms),
                    // Somebody answered at the last moment: that is on its way.
                    None => match timeout(REPLY_GRACE, answered).await {
                        Ok(Ok((answer, at_ms))) => (kind_of(&answer), Some(answer), at_ms),
                        Ok(Err(_)) | Err(_) => (kind, None, now_ms()),
                    },
                }
            }
            Err(kind) => {
                let kind = match self.run.halted_by() {
                    Some(Cause::Shutdown) => AnswerKind::Interrupted,
                    Some(Cause::Time) | None => kind,
                };
                let ended = self
                    .log
                    .end_approval(&self.principal, id, kind, None)
                    .await?;
                (kind, None, ended.unwrap_or_else(now_ms))
            }
        };
        self.run.end_question();
        let answered = Answered {
            id: id.to_string(),
            answer: answer_kind_to_wire(kind),
            at_ms,
        };
        self.run.set_answered(open, answered);
        let is_over = matches!(kind, AnswerKind::Stopped | AnswerKind::Interrupted);
        if is_over || !self.work_time.begin(&self.run).await {
            return Err(Halt::Stopped);
        }
        Ok(answer)
    }

    fn nobody_answered(&self) -> String {
        let minutes = self.approval_wait.as_secs_f64() / 60.0;
        format!("nobody answered within {minutes:.3} min (`limits.approval_wait`), which is a no")
            .replace(".000 min", " min")
    }
}

/// How an answer ends its question.
pub(super) fn kind_of(answer: &Answer) -> AnswerKind {
    match answer {
        Answer::Once => AnswerKind::Once,
        Answer::Conversation => AnswerKind::Conversation,
        Answer::Deny { .. } => AnswerKind::Denied,
        Answer::Input { .. } => AnswerKind::Input,
    }
}

fn no(reason: Option<&str>) -> String {
    match reason.map(str::trim).filter(|reason| !reason.is_empty()) {
        Some(reason) => format!("the person said no: {reason}"),
        None => "the person said no".to_owned(),
    }
}
