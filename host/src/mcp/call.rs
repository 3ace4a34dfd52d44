//! `tools/call`: the one path that chats take too.

use alcove_api_types::{Audience, ToolOutcome, ToolPart};
use alcove_core::ids::ItemId;
use alcove_policies::schema;
use alcove_sandbox::Progress;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::elicit::{self, Line};
use super::{Context, Fault, Mcp, Request, Revision};
use crate::tools::{
    Consent, OfferedTool, ToolRequest, ToolResult, Verdict, input_question, unanswered,
};

/// How often one call may ask its person for its tool.
const MAX_QUESTIONS: usize = 4;
/// Progress that waits to be sent.
const PROGRESS_BUFFER: usize = 16;
/// Progress notifications of one call: what comes beyond is not sent.
const MAX_PROGRESS: usize = 1_000;
/// A tool's progress counts to this.
const TOTAL: u32 = 1_000;
/// By how much a note without progress moves it: each notification must be above the one before.
const STEP: f64 = 0.001;

impl Mcp {
    pub(super) async fn call(
        &self,
        request: &Request,
        revision: Revision,
        context: Context<'_>,
    ) -> Result<Value, Fault> {
        let name = request
            .params
            .get("name")
            .and_then(Value::as_str)
            .ok_or_else(|| Fault::invalid_params("`name` says which tool to call"))?;
        let arguments = match request.params.get("arguments") {
            None => json!({}),
            Some(arguments @ Value::Object(_)) => arguments.clone(),
            Some(_) => return Err(Fault::invalid_params("`arguments` must be a JSON object")),
        };
        let offered = self.offered(context.principal).await?;
        let tool = offered.iter().find(|tool| tool.manifest.name == name);
        let tool = tool.ok_or_else(|| {
            let shown: String = name.chars().take(64).collect();
            Fault::invalid_params(format!("Unknown tool: {shown}"))
        })?;
        let call = ToolRequest {
            principal: context.principal.clone(),
            place: None,
            item: ItemId::generate(),
            prior: Vec::new(),
            tool: tool.clone(),
            arguments,
            // Where nobody can be asked, what needs an approval is denied, with the reason.
            consent: Consent::default(),
        };
        let line = match (revision, &context.notify) {
            (Revision::Legacy, Some(outbox)) if context.is_asked => Some(Line {
                unanswered: self.unanswered.clone(),
                user: context.principal.user,
                outbox: outbox.clone(),
                cancel: context.cancel.clone(),
                wait: elicit::MAX_WAIT,
            }),
            _ => None,
        };
        let result = if let Some(line) = line {
            self.call_and_ask(request, call, &context, &line).await
        } else if revision == Revision::Modern && elicit::can_ask_again(request) {
            match self.call_or_ask(request, call, &context).await {
                Ok(result) => result,
                Err(instead) => return Ok(instead),
            }
        } else {
            let result = self.run(request, call, &context).await;
            match input_question(&result) {
                Some(asked) => unanswered(result, &asked, "nobody can be asked here"),
                None => result,
            }
        };
        Ok(translate(tool, &result))
    }

    /// Where the client calls again with its person's answer.
    ///
    /// # Errors
    /// The answer to the request where that is no result of the tool.
    async fn call_or_ask(
        &self,
        request: &Request,
        mut call: ToolRequest,
        context: &Context<'_>,
    ) -> Result<ToolResult, Value> {
        let answered = self.questions.take_answer(&self.tools, request, &mut call);
        if let Err(outcome) = answered.await {
            return Err(ended(Vec::new(), &outcome, describe(&outcome)));
        }
        let is_decided = call.consent.allowance.is_some() || call.consent.refusal.is_some();
        if !is_decided
            && let Verdict::Ask(question) = self.tools.verdict(&call).await
            && let Some(asking) = self.questions.ask_leave(&call, question)
        {
            return Err(asking);
        }
        let result = self.run(request, call.clone(), context).await;
        let Some(asked) = input_question(&result) else {
            return Ok(result);
        };
        // A session's instance has moved on by the time the answer is there.
        if !call.tool.session
            && let Some(asking) = self.questions.ask_input(&self.tools, &call, &asked)
        {
            return Err(asking);
        }
        Ok(unanswered(result, &asked, "nobody can be asked here"))
    }

    /// Where the call waits while its client asks the person.
    async fn call_and_ask(
        &self,
        request: &Request,
        mut call: ToolRequest,
        context: &Context<'_>,
        line: &Line,
    ) -> ToolResult {
        if let Verdict::Ask(question) = self.tools.verdict(&call).await {
            match line.ask(&elicit::leave_form(&call, &question)).await {
                Ok(answer) => {
                    elicit::take_leave(&self.tools, &mut call, &question, &answer).await;
                }
                Err(why) => call.consent.refusal = Some(why),
            }
        }
        for _ in 0..MAX_QUESTIONS {
            let result = self.run(request, call.clone(), context).await;
            let Some(asked) = input_question(&result) else {
                return result;
            };
            let form = elicit::input_form(&asked).filter(|_| !call.tool.session);
            let Some(form) = form else {
                return unanswered(result, &asked, "nobody can be asked here");
            };
            let taken = match line.ask(&form).await {
                Ok(answer) => elicit::take_input(&asked, &answer),
                Err(why) => return unanswered(result, &asked, &why),
            };
            match taken {
                Ok(value) => call.consent.answer = Some(value),
                Err(outcome) => return ToolResult { outcome, ..result },
            }
        }
        let result = self.run(request, call, context).await;
        match input_question(&result) {
            Some(asked) => unanswered(result, &asked, "it has asked too often"),
            None => result,
        }
    }

    async fn run(
        &self,
        request: &Request,
        asked: ToolRequest,
        context: &Context<'_>,
    ) -> ToolResult {
        let (sender, mut received) = mpsc::channel(PROGRESS_BUFFER);
        let calling = self.tools.call(asked, context.cancel.clone(), sender);
        let token = request.meta("progressToken");
        let (Some(token), Some(notify)) = (token.filter(|token| is_token(token)), &context.notify)
        else {
            // A channel that nobody reads fills up and then loses what comes: that is its contract.
            return calling.await;
        };
        let mut told = Told::new(token.clone(), notify.clone());
        let mut calling = std::pin::pin!(calling);
        loop {
            tokio::select! {
                biased;
                Some(progress) = received.recv() => told.tell(&progress),
                result = &mut calling => {
                    while let Ok(progress) = received.try_recv() {
                        told.tell(&progress);
                    }
                    return result;
                }
            }
        }
    }
}

fn is_token(value: &Value) -> bool {
    value.is_string() || value.is_i64() || value.is_u64()
}

/// The progress of one call as notifications.
struct Told {
    token: Value,
    notify: mpsc::Sender<Value>,
    last: f64,
    count: usize,
}

impl Told {
    fn new(token: Value, notify: mpsc::Sender<Value>) -> Told {
        Told {
            token,
            notify,
            last: 0.0,
            count: 0,
        }
    }

    fn tell(&mut self, progress: &Progress) {
        // What a tool logs is for whoever wrote it, and in the record of the call.
        if self.count == MAX_PROGRESS || progress.log.is_some() {
            return;
        }
        self.count += 1;
        let said = progress.permille.map_or(0.0, f64::from);
        self.last = said.max(self.last + STEP);
        let mut params = json!({"progressToken": self.token, "progress": self.last});
        if progress.permille.is_some() {
            params["total"] = json!(TOTAL);
        }
        if !progress.note.is_empty() {
            params["message"] = json!(progress.note);
        }
        let told = json!({
            "jsonrpc": "2.0",
            "method": "notifications/progress",
            "params": params,
        });
        // A client that does not read loses progress; it never slows a call down.
        let _ = self.notify.try_send(told);
    }
}

/// A call's end as MCP has it: five ways become two, so `_meta` keeps which of the five it was.
fn translate(tool: &OfferedTool, result: &ToolResult) -> Value {
    let content: Vec<Value> = result.output.iter().map(block).collect();
    let mut structured = None;
    let mut problem = describe(&result.outcome);
    if problem.is_none()
        && let Some(expected) = &tool.manifest.output
    {
        match promised(expected, &result.output) {
            Ok(value) => structured = Some(value),
            Err(text) => problem = Some(text),
        }
    }
    let mut answer = ended(content, &result.outcome, problem);
    if let Some(structured) = structured {
        answer["structuredContent"] = structured;
    }
    answer
}

fn ended(mut content: Vec<Value>, outcome: &ToolOutcome, problem: Option<String>) -> Value {
    let is_error = problem.is_some();
    if let Some(text) = problem {
        content.push(json!({"type": "text", "text": text}));
    }
    json!({
        "content": content,
        "isError": is_error,
        "_meta": {"ai.alcove/outcome": outcome},
    })
}

/// What a model reads of a call that did not end well.
pub(crate) fn describe(outcome: &ToolOutcome) -> Option<String> {
    match outcome {
        ToolOutcome::Ok => None,
        ToolOutcome::Failed { failure, message } => Some(format!("failed ({failure}): {message}")),
        ToolOutcome::Denied {
            capability,
            message,
        } => Some(format!("denied ({capability}): {message}")),
        ToolOutcome::Limit { limit, message } => Some(format!(
            "limit ({limit}): the tool reached what it is allowed: {message}"
        )),
        ToolOutcome::Trapped { message } => Some(format!("crashed: {message}")),
    }
}

/// The JSON that a tool with an output schema promised. A result that breaks the promise is an
/// error here, since clients check it and would drop the whole answer.
fn promised(expected: &Value, output: &[ToolPart]) -> Result<Value, String> {
    let part = output.iter().find(|part| part.kind == "json");
    let part = part.ok_or("failed (internal): the tool promised a JSON result and gave none")?;
    let value: Value = serde_json::from_str(&part.value)
        .map_err(|_| "failed (internal): the tool's JSON result is no JSON".to_owned())?;
    schema::validate(expected, &value).map_err(|error| {
        format!("failed (internal): the tool's result is not what its schema promises: {error}")
    })?;
    Ok(value)
}

fn block(part: &ToolPart) -> Value {
    let mut block = match part.kind.as_str() {
        "link" => json!({
            "type": "resource_link",
            "uri": part.value,
            "name": part.title.as_deref().unwrap_or(&part.value),
        }),
        // A JSON part is its text here; `structuredContent` holds the value.
        _ => json!({"type": "text", "text": part.value}),
    };
    match part.audience {
        Audience::Model => block["annotations"] = json!({"audience": ["assistant"]}),
        Audience::User => block["annotations"] = json!({"audience": ["user"]}),
        Audience::Both => {}
    }
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_always_rises() {
        let (sender, mut received) = mpsc::channel(8);
        let mut told = Told::new(json!("t"), sender);
        for permille in [None, Some(500), Some(500), Some(20), None, Some(1000)] {
            let note = String::new();
            told.tell(&Progress {
                permille,
                note,
                log: None,
            });
        }
        let mut last = 0.0;
        for _ in 0..6 {
            let message = received.try_recv().unwrap();
            let progress = message["params"]["progress"].as_f64().unwrap();
            assert!(progress > last, "{message}");
            last = progress;
        }
    }

    #[test]
    fn a_broken_promise_is_an_error() {
        let schema = json!({
            "type": "object",
            "properties": {"n": {"type": "integer"}},
            "required": ["n"],
            "additionalProperties": false
        });
        let part = |kind: &str, value: &str| ToolPart {
            audience: Audience::Both,
            kind: kind.into(),
            value: value.into(),
            title: None,
            passage: None,
        };
        let good = [part("text", "1"), part("json", r#"{"n":1}"#)];
        assert_eq!(promised(&schema, &good), Ok(json!({"n": 1})));
        for bad in [vec![part("text", "1")], vec![part("json", r#"{"n":"1"}"#)]] {
            assert!(promised(&schema, &bad).is_err(), "{bad:?}");
        }
    }
}
