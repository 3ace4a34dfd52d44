//! From stored items to what the turn reads: entries of the context, and earlier calls.

use alcove_api_types as api;
use alcove_core::{
    context::{Entry, EntryContent},
    ids::ItemId,
    item::{Item, Payload, Role},
    prompt::{CodeForm, Exchange, ResultText, ToolSpec, call_text},
};
use jiff::{Timestamp, tz::TimeZone};

use super::ValidRequest;
use crate::{
    accounts::Principal,
    store::{
        log::{ItemLog, LogError},
        wire,
    },
    tools::{Flow, OfferedTool, PriorCall},
};

/// Most characters of an earlier result in the window: by then it was answered, and long numbers
/// in it still fit.
const EARLIER_RESULT_CHARS: usize = 2000;

/// What the person or application says, before it is stored.
pub(super) struct Said<'a> {
    pub(super) item: Option<ItemId>,
    pub(super) role: api::Role,
    pub(super) text: &'a str,
    pub(super) at_ms: i64,
}

/// The entries of a conversation, with the instructions that it begins with, if it does.
///
/// A message of the system at the very beginning is instructions rather than history: there it is
/// part of what is stable and never slides out of the window.
pub(super) fn entries(
    items: &[Item],
    said: &[Said<'_>],
    tools: &[OfferedTool],
) -> (Option<String>, Vec<Entry>) {
    let stored = items.iter().filter_map(|item| {
        let content = match &item.payload {
            Payload::Message { role, text, .. } => message(*role, text, item.created_at_ms)?,
            Payload::ToolCall(_) => EntryContent::Exchange(exchange(&tool_call(item)?, tools)),
        };
        Some(Entry {
            item: Some(item.id),
            content,
        })
    });
    let new = said.iter().filter_map(|said| {
        let role = match said.role {
            api::Role::User => Role::User,
            api::Role::Assistant => Role::Assistant,
            api::Role::System | api::Role::Developer => Role::System,
        };
        Some(Entry {
            item: said.item,
            content: message(role, said.text, said.at_ms)?,
        })
    });
    let mut instructions: Vec<String> = Vec::new();
    let mut entries: Vec<Entry> = Vec::new();
    for entry in stored.chain(new) {
        match entry.content {
            EntryContent::System(text) if entries.is_empty() => instructions.push(text),
            _ => entries.push(entry),
        }
    }
    let instructions = (!instructions.is_empty()).then(|| instructions.join("\n\n"));
    (instructions, entries)
}

fn message(role: Role, text: &str, at_ms: i64) -> Option<EntryContent> {
    // An answer that was stopped before its first word says nothing.
    if text.trim().is_empty() {
        return None;
    }
    let text = text.to_owned();
    Some(match role {
        Role::User => EntryContent::User {
            text,
            day: day(at_ms),
        },
        Role::Assistant => EntryContent::Assistant(text),
        Role::System | Role::Developer => EntryContent::System(text),
    })
}

/// A day as people write it, on this machine's calendar.
pub(super) fn day(at_ms: i64) -> String {
    let at = Timestamp::from_millisecond(at_ms).unwrap_or(Timestamp::UNIX_EPOCH);
    at.to_zoned(TimeZone::system())
        .strftime("%A, %-d %B %Y")
        .to_string()
}

fn exchange(call: &api::ToolCall, tools: &[OfferedTool]) -> Exchange {
    let known = tools
        .iter()
        .find(|tool| tool.plugin == call.plugin && tool.tool == call.tool);
    let code = known.and_then(code_form);
    let arguments = serde_json::from_str(&call.arguments).unwrap_or_default();
    let mut result = result_text(call.outcome.as_ref(), &call.output, Numbers::Hidden);
    result.text = beginning(&result.text, EARLIER_RESULT_CHARS);
    Exchange {
        tool: call.tool.clone(),
        call: call_text(&call.tool, &arguments, code.as_ref()),
        result,
    }
}

/// What a conversation holds before a run, with what the request says.
pub(super) fn flow(items: &[Item], request: &ValidRequest) -> Flow {
    let mut flow = Flow::default();
    for item in items {
        match &item.payload {
            // What the model says was made of all that it read: nobody brought it.
            Payload::Message {
                role: Role::Assistant,
                ..
            } => {}
            Payload::Message { text, .. } => flow.said(text),
            Payload::ToolCall(_) => {
                if let Some(call) = tool_call(item) {
                    flow.returned(&call);
                }
            }
        }
    }
    let said = request.messages.iter();
    for message in said.filter(|message| message.role != api::Role::Assistant) {
        flow.said(&message.text);
    }
    if let Some(instructions) = &request.instructions {
        flow.said(instructions);
    }
    flow
}

/// The calls of tools that keep an instance, for the calls that follow them on this path.
pub(super) async fn prior_calls(
    log: &ItemLog,
    principal: &Principal,
    items: &[Item],
    tools: &[OfferedTool],
) -> Result<Vec<PriorCall>, LogError> {
    let mut prior = Vec::new();
    for item in items {
        let Some(call) = tool_call(item) else {
            continue;
        };
        let is_session = |tool: &&OfferedTool| tool.session && tool.plugin == call.plugin;
        let (Some(_), Some(outcome)) = (tools.iter().find(is_session), call.outcome) else {
            continue;
        };
        let record = log.record(principal, item.id).await?;
        // A record that can't be read is like one that is empty: the tool sees that a restored
        // call differs and says so.
        let record = record.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        prior.push(PriorCall {
            item: item.id,
            plugin: call.plugin,
            digest: call.digest,
            tool: call.tool,
            arguments: call.arguments,
            outcome,
            output: call.output,
            record: record.unwrap_or_default(),
        });
    }
    Ok(prior)
}

fn tool_call(item: &Item) -> Option<api::ToolCall> {
    match wire::payload(item.id, &item.payload) {
        api::Item::ToolCall(call) => Some(call),
        api::Item::Message(_) => None,
    }
}

fn beginning(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        Some((end, _)) => format!("{}\n[…]", &text[..end]),
        None => text.to_owned(),
    }
}

/// Whether the model sees the numbers of passages: it may cite those of its own turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Numbers {
    Shown,
    Hidden,
}

/// What the model reads of a result.
pub(super) fn result_text(
    outcome: Option<&api::ToolOutcome>,
    output: &[api::ToolPart],
    numbers: Numbers,
) -> ResultText {
    let mut lines: Vec<String> = output
        .iter()
        .filter(|part| part.audience != api::Audience::User)
        .map(|part| {
            let value = part.value.trim_end_matches('\n');
            match (&part.title, part.kind.as_str(), &part.passage) {
                (Some(title), "link", _) => format!("[{title}]({value})"),
                (_, _, Some(passage)) if numbers == Numbers::Shown => {
                    format!("[{}] {value}", passage.number)
                }
                _ => value.to_owned(),
            }
        })
        .collect();
    let first = output.iter().find_map(|part| part.passage.as_deref());
    let cite = first
        .filter(|_| numbers == Numbers::Shown)
        .map(|first| first.number);
    let failure = match outcome {
        Some(api::ToolOutcome::Ok) => None,
        Some(api::ToolOutcome::Failed { message, .. }) => Some(message.clone()),
        Some(api::ToolOutcome::Denied { message, .. }) => Some(format!("denied: {message}")),
        Some(api::ToolOutcome::Limit { limit, message }) => {
            Some(format!("the limit `{limit}` was reached: {message}"))
        }
        Some(api::ToolOutcome::Trapped { message }) => Some(format!("it crashed: {message}")),
        None => Some("the call was interrupted".to_owned()),
    };
    let ok = failure.is_none();
    lines.extend(failure);
    ResultText {
        ok,
        text: lines.join("\n"),
        cite,
    }
}

/// A tool as the model sees it.
pub(super) fn spec(tool: &OfferedTool) -> ToolSpec {
    let manifest = &tool.manifest;
    ToolSpec::new(
        manifest.name.clone(),
        &manifest.description,
        manifest.input.clone(),
        code_form(tool),
        manifest
            .examples
            .iter()
            .map(|example| example.title.clone())
            .collect(),
    )
}

fn code_form(tool: &OfferedTool) -> Option<CodeForm> {
    let code = tool.manifest.code.as_ref()?;
    Some(CodeForm {
        argument: code.argument.clone(),
        language: code.language.clone(),
    })
}
