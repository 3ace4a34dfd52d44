//! The card of a tool call: what ran, what it can do, how long and how big, and how it ended.

use alcove_api_types::{
    AnswerKind, Answered, Audience, Awaiting, Badge, BadgeKind, ItemStatus, Label, ToolCall,
    ToolOutcome, ToolPart,
};
use alcove_web_text::calls::{self, Arguments};
use alcove_web_text::format;
use alcove_web_text::links::safe_target;
use leptos::prelude::*;

use super::ask::{AskView, Asker};
use super::code;
use super::copy::CopyButton;
use super::transcript::Clock;
use crate::app::app;
use crate::chat::{LogLine, Progress, Tool};

/// Longer code or output is folded.
const FOLD_LINES: usize = 12;
/// So is text that long in few lines.
const FOLD_BYTES: usize = 1_600;

/// How a call stands, as one thing to draw.
#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Writing,
    /// It waits for leave to run.
    Asking,
    /// It waits for an answer to its own question.
    Waiting,
    Running,
    Ok,
    Failed,
    Denied,
    Limit(String),
    Trapped,
    /// It ended without an outcome: stopped, or lost with the server.
    Interrupted,
}

impl State {
    fn of(call: &ToolCall, is_live: bool) -> State {
        match &call.outcome {
            Some(ToolOutcome::Ok) => State::Ok,
            Some(ToolOutcome::Failed { .. }) => State::Failed,
            Some(ToolOutcome::Denied { .. }) => State::Denied,
            Some(ToolOutcome::Limit { limit, .. }) => State::Limit(limit.clone()),
            Some(ToolOutcome::Trapped { .. }) => State::Trapped,
            None if call.status != ItemStatus::InProgress || !is_live => State::Interrupted,
            None if matches!(call.awaiting, Some(Awaiting::Approval(_))) => State::Asking,
            None if call.awaiting.is_some() => State::Waiting,
            None if call.arguments.is_empty() => State::Writing,
            None => State::Running,
        }
    }

    fn class(&self) -> &'static str {
        match self {
            State::Writing | State::Running => "call running",
            State::Asking | State::Waiting => "call asking",
            State::Ok => "call ok",
            State::Failed => "call failed",
            State::Denied => "call denied",
            State::Limit(limit) if limit == "stopped" => "call interrupted",
            State::Limit(limit) if limit == "revoked" => "call denied",
            State::Limit(_) => "call limit",
            State::Trapped => "call trapped",
            State::Interrupted => "call interrupted",
        }
    }

    fn words(&self) -> &'static str {
        match self {
            State::Writing => "writing",
            State::Asking => "needs your approval",
            State::Waiting => "needs your answer",
            State::Running => "running",
            State::Ok => "done",
            State::Failed => "failed",
            State::Denied => "denied",
            State::Limit(limit) => match limit.as_str() {
                "memory" => "memory limit",
                "cpu" => "CPU limit",
                "wall" => "time limit",
                "output" => "output limit",
                "calls" => "too many calls",
                "concurrency" => "too many at once",
                "stopped" => "stopped",
                "revoked" => "grant revoked",
                _ => "limit reached",
            },
            State::Trapped => "crashed",
            State::Interrupted => "interrupted",
        }
    }

    fn is_live(&self) -> bool {
        matches!(self, State::Writing | State::Running)
    }
}

#[component]
pub(super) fn ToolCallView(tool: Tool) -> impl IntoView {
    let run = app().chat.run;
    let Tool {
        call,
        draft,
        progress,
        log,
        since_ms,
    } = tool;
    let state = {
        let call = call.clone();
        Memo::new(move |_| call.with(|call| State::of(call, run.with(Option::is_some))))
    };
    let (title, plugin) = call.with_untracked(|call| (call.title.clone(), call.plugin.clone()));
    let badges = {
        let call = call.clone();
        Memo::new(move |_| call.with(|call| call.badges.clone()))
    };
    let used = {
        let call = call.clone();
        move || call.with(used)
    };
    let arguments = {
        let call = call.clone();
        Memo::new(move |_| {
            let tool = call.with(|call| call.tool.clone());
            call.with(|call| {
                if call.arguments.is_empty() {
                    draft.with(|written| calls::draft(&tool, written))
                } else {
                    calls::arguments(&tool, fields(&call.arguments))
                }
            })
        })
    };
    let awaiting = {
        let call = call.clone();
        Memo::new(move |_| {
            let is_asked = run.with(Option::is_some);
            call.with(|call| {
                let awaiting = call.awaiting.clone().filter(|_| is_asked)?;
                Some((awaiting, Asker::of(call)))
            })
        })
    };
    let answered = {
        let call = call.clone();
        move || call.with(|call| call.answered.as_ref().and_then(receipt))
    };
    let counts_as = {
        let call = call.clone();
        move || call.with(|call| call.label.and_then(private))
    };
    let result = Memo::new(move |_| call.with(|call| (call.outcome.clone(), call.output.clone())));
    let label = format!("Tool: {title}");
    view! {
        <section class=move || state.with(State::class) aria-label=label>
            <header>
                <span class="dot" aria-hidden="true"></span>
                <strong title=plugin>{title}</strong>
                {move || main_badge(&badges.get())}
                <span class="usage">
                    {used}
                    <Show when=move || state.with(State::is_live)>
                        <span class="clock" aria-hidden="true"><Clock since=since_ms/></span>
                        " · "
                    </Show>
                    <span class="word" role="status">{move || state.with(State::words)}</span>
                </span>
            </header>
            <Show when=move || state.with(State::is_live)>
                <ProgressView progress=progress.clone()/>
            </Show>
            {move || show_arguments(arguments.get(), awaiting.with(Option::is_some))}
            {move || {
                awaiting.get().map(|(awaiting, asker)| view! { <AskView awaiting asker/> })
            }}
            <LogView log/>
            {answered}
            {move || {
                let (outcome, output) = result.get();
                show_result(outcome, output)
            }}
            {counts_as}
        </section>
    }
}

/// How long and how big.
fn used(call: &ToolCall) -> Option<AnyView> {
    let usage = call.usage?;
    let detail = format!(
        "{} of time, {} of CPU, at most {} of memory, {} of output",
        format::duration_us(usage.wall_us),
        format::duration_us(usage.cpu_us),
        format::bytes(usage.peak_memory_bytes),
        format::bytes(usage.output_bytes),
    );
    let view = view! {
        <span class="used" title=detail>
            {format::duration_us(usage.wall_us)}
            <span class="wide">{format!(" · CPU {}", format::duration_us(usage.cpu_us))}</span>
            {format!(" · {} · ", format::bytes(usage.peak_memory_bytes))}
        </span>
    };
    Some(view.into_any())
}

/// The badge that says most; the others stand in its title.
fn main_badge(badges: &[Badge]) -> Option<AnyView> {
    let main = badges
        .iter()
        .find(|badge| badge.subject == "network")
        .or(badges.first())?;
    let class = match main.kind {
        BadgeKind::CannotAsk | BadgeKind::Refused => "badge proven",
        BadgeKind::Granted => "badge",
    };
    let all: Vec<_> = badges.iter().map(|badge| badge.text.as_str()).collect();
    let all = format!("Proven from the binary: {}", all.join("; "));
    Some(view! { <span class=class title=all>{main.text.clone()}</span> }.into_any())
}

#[component]
fn ProgressView(progress: ArcRwSignal<Option<Progress>>) -> impl IntoView {
    move || {
        progress.get().map(|Progress { permille, note }| {
            let bar = permille.map(|permille| {
                view! { <progress max="1000" value=permille.min(1000).to_string()></progress> }
            });
            view! {
                <div class="progress">
                    {bar}
                    <span>{note}</span>
                </div>
            }
        })
    }
}

/// The lines that a tool logs, as they come.
#[component]
fn LogView(log: ArcRwSignal<Vec<LogLine>>) -> impl IntoView {
    let count = {
        let log = log.clone();
        Memo::new(move |_| log.with(Vec::len))
    };
    let lines = move || {
        log.with(|log| {
            log.iter()
                .map(|LogLine { level, message }| format!("{level:<5} {message}"))
                .collect::<Vec<_>>()
                .join("\n")
        })
    };
    let lines = StoredValue::new_local(lines);
    view! {
        <Show when=move || { count.get() > 0 }>
            <details class="log">
                <summary>
                    {move || match count.get() {
                        1 => "1 line of log".to_owned(),
                        count => format!("{count} lines of log"),
                    }}
                </summary>
                <pre tabindex="0" role="region" aria-label="Log">
                    <code>{move || lines.with_value(|lines| lines())}</code>
                </pre>
            </details>
        </Show>
    }
}

/// How the person's answer is remembered on the card; a no is the outcome itself.
fn receipt(answered: &Answered) -> Option<AnyView> {
    let words = match answered.answer {
        AnswerKind::Once => "You allowed this call.",
        AnswerKind::Conversation => "You allowed this tool for the chat.",
        AnswerKind::Input => "You answered its question.",
        AnswerKind::Denied
        | AnswerKind::Unanswered
        | AnswerKind::Stopped
        | AnswerKind::Interrupted => return None,
    };
    Some(view! { <p class="receipt">{words}</p> }.into_any())
}

/// Why later calls may ask: said where it begins.
fn private(label: Label) -> Option<AnyView> {
    (label == Label::Private).then(|| {
        view! {
            <p class="receipt">
                "What it returned counts as private: from here on, tools ask before they send to an address that nothing here has named."
            </p>
        }
        .into_any()
    })
}

/// The arguments' names and values; what is no object is shown as it is.
fn fields(arguments: &str) -> Vec<(String, String)> {
    match serde_json::from_str(arguments) {
        Ok(serde_json::Value::Object(fields)) => fields
            .into_iter()
            .map(|(name, value)| match value {
                serde_json::Value::String(text) => (name, text),
                other => (name, other.to_string()),
            })
            .collect(),
        _ => vec![("arguments".to_owned(), arguments.to_owned())],
    }
}

/// `whole`: nothing is folded away from somebody who decides about it.
fn show_arguments(arguments: Arguments, whole: bool) -> Option<AnyView> {
    match arguments {
        Arguments::None => None,
        Arguments::Code { language, text } => {
            let shown = code::spans(&language, &text).into_any();
            Some(view! { <Folded label="Code" class="input" text shown whole/> }.into_any())
        }
        Arguments::Address(url) => {
            let target = safe_target(&url).map(str::to_owned);
            let text = format!("GET {url}");
            let shown = match target {
                Some(target) => view! {
                    <span class="hl-keyword">"GET "</span>
                    <a href=target target="_blank" rel="noopener noreferrer nofollow">{url}</a>
                }
                .into_any(),
                None => text.clone().into_any(),
            };
            Some(view! { <Folded label="Arguments" class="input" text shown whole/> }.into_any())
        }
        Arguments::Fields(fields) => {
            let text = fields
                .iter()
                .map(|(name, value)| format!("{name}: {value}"))
                .collect::<Vec<_>>()
                .join("\n");
            let shown = code::spans("yaml", &text).into_any();
            Some(view! { <Folded label="Arguments" class="input" text shown whole/> }.into_any())
        }
    }
}

fn show_result(outcome: Option<ToolOutcome>, output: Vec<ToolPart>) -> Option<AnyView> {
    match outcome? {
        ToolOutcome::Ok => {
            let parts = output.into_iter().map(show_part).collect_view();
            Some(view! { <div class="output">{parts}</div> }.into_any())
        }
        ToolOutcome::Failed { failure, message } => {
            let shown = message.clone().into_any();
            Some(
                view! {
                    <p class="reason">"The tool gave up: "{kind_in_words(&failure)}"."</p>
                    <Folded label="What the tool said" class="output" text=message shown/>
                }
                .into_any(),
            )
        }
        ToolOutcome::Denied {
            capability,
            message,
        } => Some(denial(&capability, &message)),
        ToolOutcome::Limit { limit, message } => {
            let reason = match limit.as_str() {
                "stopped" => "You stopped it.".to_owned(),
                "revoked" => "Its grant was revoked while it ran.".to_owned(),
                _ => format!("It was ended at its limit. Allowed: {message}."),
            };
            Some(view! { <p class="reason">{reason}</p> }.into_any())
        }
        ToolOutcome::Trapped { message } => Some(
            view! {
                <p class="reason">
                    "The tool crashed inside its sandbox; nothing else was touched."
                    {(!message.is_empty()).then(|| format!(" Known of it: {message}."))}
                </p>
            }
            .into_any(),
        ),
    }
}

/// The documented kinds of failure.
fn kind_in_words(kind: &str) -> String {
    match kind {
        "internal" => "it met an error of its own".to_owned(),
        other => other.replace('-', " "),
    }
}

/// Why it was refused, and the lines of a policy that would grant it.
fn denial(capability: &str, message: &str) -> AnyView {
    let grant_at = message
        .lines()
        .scan(0, |at, line| {
            let start = *at;
            *at += line.len() + 1;
            Some((start, line))
        })
        .find(|(_, line)| line.trim_start().starts_with('['))
        .map(|(start, _)| start.min(message.len()));
    let (reason, grant) = message.split_at(grant_at.unwrap_or(message.len()));
    // The server's lead to the lines; the card has one of its own.
    let reason = reason
        .trim()
        .trim_end_matches("To grant it:")
        .trim()
        .to_owned();
    let grant = grant.trim_end().to_owned();
    let lines = (!grant.is_empty()).then(|| {
        let copied = grant.clone();
        view! {
            <div class="grant">
                <div class="grant-head">
                    <span>"These lines in its policy would allow it:"</span>
                    <CopyButton text=move |()| copied.clone() label="Copy the lines"/>
                </div>
                <pre tabindex="0" role="region" aria-label="Policy"><code>{code::spans("toml", &grant)}</code></pre>
            </div>
        }
    });
    view! {
        <p class="reason">
            <span class="badge refused">{capability.to_owned()}</span>
            {reason}
        </p>
        {lines}
    }
    .into_any()
}

/// Where the server has an asset; nothing for what is not an asset's id.
fn asset_path(id: &str) -> Option<String> {
    let digits = id.strip_prefix("asset_")?;
    let is_id = digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_id.then(|| format!("/api/assets/{id}"))
}

fn show_part(part: ToolPart) -> Option<AnyView> {
    let note = (part.audience == Audience::Model)
        .then(|| view! { <span class="for-model">"for the model"</span> });
    let shown = match part.kind.as_str() {
        "link" => {
            let title = part.title.unwrap_or_else(|| part.value.clone());
            match safe_target(&part.value).map(str::to_owned) {
                Some(target) => view! {
                    <p class="link">
                        <a href=target target="_blank" rel="noopener noreferrer nofollow">{title}</a>
                    </p>
                }
                .into_any(),
                None => view! { <p class="link">{title}</p> }.into_any(),
            }
        }
        "image" => {
            // Our own server's, never a remote one: what stands here is an id.
            let source = asset_path(&part.value)?;
            let page = source.clone();
            let title = part.title.unwrap_or_default();
            view! {
                <p class="image">
                    <a href=page target="_blank" rel="noopener">
                        <img src=source alt=title loading="lazy"/>
                    </a>
                </p>
            }
            .into_any()
        }
        "asset" => {
            let source = asset_path(&part.value)?;
            let title = part.title.unwrap_or_default();
            let name = title.clone();
            view! { <p class="link"><a href=source download=name>{title}</a></p> }.into_any()
        }
        "json" => {
            let text = serde_json::from_str::<serde_json::Value>(&part.value)
                .and_then(|value| serde_json::to_string_pretty(&value))
                .unwrap_or(part.value);
            let shown = code::spans("json", &text).into_any();
            view! { <Folded label="Result" class="result" text shown/> }.into_any()
        }
        _ => {
            let text = part.value.trim_end().to_owned();
            if text.is_empty() {
                return None;
            }
            let shown = text.clone().into_any();
            view! { <Folded label="Result" class="result" text shown/> }.into_any()
        }
    };
    Some(view! { {note}{shown} }.into_any())
}

/// A text that is cut where it is long, with a button that shows the rest.
#[component]
fn Folded(
    label: &'static str,
    class: &'static str,
    text: String,
    shown: AnyView,
    /// It is shown whole whatever its length.
    #[prop(optional)]
    whole: bool,
) -> impl IntoView {
    let lines = text.lines().count();
    let long = !whole && (lines > FOLD_LINES || text.len() > FOLD_BYTES);
    let folded = RwSignal::new(long);
    let more = if lines > FOLD_LINES {
        format!("Show all {lines} lines")
    } else {
        format!("Show all {}", format::bytes(text.len() as u64))
    };
    view! {
        <div class=class class:folded=move || folded.get()>
            <pre tabindex="0" role="region" aria-label=label><code>{shown}</code></pre>
            {long.then(|| view! {
                <div class="fold">
                    <button
                        type="button"
                        aria-expanded=move || (!folded.get()).to_string()
                        on:click=move |_| folded.update(|folded| *folded = !*folded)
                    >
                        {move || if folded.get() { more.clone() } else { "Show less".to_owned() }}
                    </button>
                    <CopyButton text=move |()| text.clone() label="Copy"/>
                </div>
            })}
        </div>
    }
}
