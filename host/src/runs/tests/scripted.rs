//! A model and tools that do what a test says.

use std::{
    collections::{HashSet, VecDeque},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use alcove_api_types::{
    Audience, Choice, Label, Passage, PassageSource, ToolOutcome, ToolPart, ToolUsage,
};
use alcove_core::ids::{BindingId, BranchId, ConversationId};
use alcove_policies::manifest;
use alcove_runtime::{Finish, TokenUsage};
use alcove_sandbox::{HostRecord, LogLevel, Progress};
use async_trait::async_trait;
use futures::{StreamExt, stream};
use serde_json::json;
use tokio::sync::{Barrier, Notify, mpsc};
use tokio_util::sync::CancellationToken;

use super::super::{InternalError, Moments, Toolbox};
use crate::{
    accounts::Principal,
    checkpoints::{CheckpointError, Reference, Restored},
    inference::{Job, Model, ModelError, ModelEvent, Pieces},
    store::log::{Checkpoint, LogError},
    tools::{OfferedTool, Question, ToolRequest, ToolResult, Verdict},
    workspaces::Place,
};

/// What the model does when it is asked the next time.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// Writes this.
    Say(&'static str),
    /// Writes these pieces, with a pause after each.
    Slowly(Vec<&'static str>, Duration),
    /// Writes this and runs out of tokens.
    Cut(&'static str),
    /// Writes this, then nothing until it is stopped.
    Hang(&'static str),
    /// Writes this, then fails.
    Break(&'static str),
    /// Refuses to begin.
    Refuse(ModelError),
    /// Panics.
    Panic,
}

/// A model that follows a script.
pub(crate) struct ScriptedModel {
    id: &'static str,
    steps: Mutex<VecDeque<Step>>,
    asked: Mutex<Vec<Job>>,
}

/// A token is a word, and a context has so many.
pub(crate) const CONTEXT: u32 = 1000;

impl ScriptedModel {
    pub(crate) fn new(steps: impl IntoIterator<Item = Step>) -> ScriptedModel {
        ScriptedModel::named("scripted", steps)
    }

    pub(crate) fn named(id: &'static str, steps: impl IntoIterator<Item = Step>) -> ScriptedModel {
        let steps = steps.into_iter().collect();
        ScriptedModel {
            id,
            steps: Mutex::new(steps),
            asked: Mutex::default(),
        }
    }

    /// Every job so far.
    pub(crate) fn asked(&self) -> Vec<Job> {
        self.asked.lock().unwrap().clone()
    }
}

fn text(text: &str) -> Result<ModelEvent, ModelError> {
    Ok(ModelEvent::Text(text.to_owned()))
}

fn done(finish: Finish) -> Result<ModelEvent, ModelError> {
    let usage = TokenUsage {
        prompt: 10,
        cached: 4,
        generated: 5,
    };
    Ok(ModelEvent::Done { finish, usage })
}

#[async_trait]
impl Model for ScriptedModel {
    fn id(&self) -> &str {
        self.id
    }

    fn context_tokens(&self) -> u32 {
        CONTEXT
    }

    fn count_tokens(&self, text: &str) -> u32 {
        text.split_whitespace().count() as u32
    }

    async fn generate(&self, job: Job, cancel: CancellationToken) -> Result<Pieces, ModelError> {
        let step = self
            .steps
            .lock()
            .unwrap()
            .pop_front()
            .expect("the script has a step for it");
        self.asked.lock().unwrap().push(job);
        Ok(match step {
            Step::Say(said) => stream::iter([text(said), done(Finish::Stop)]).boxed(),
            Step::Cut(said) => stream::iter([text(said), done(Finish::Length)]).boxed(),
            Step::Slowly(pieces, pause) => stream::iter(pieces)
                .then(move |piece| async move {
                    tokio::time::sleep(pause).await;
                    text(piece)
                })
                .chain(stream::iter([done(Finish::Stop)]))
                .boxed(),
            Step::Hang(said) => stream::iter([text(said)])
                .chain(stream::once(async move {
                    cancel.cancelled().await;
                    done(Finish::Cancelled)
                }))
                .boxed(),
            Step::Break(said) => {
                let error = ModelError::Engine("a secret detail".to_owned());
                stream::iter([text(said), Err(error)]).boxed()
            }
            Step::Refuse(error) => return Err(error),
            Step::Panic => panic!("the model panics as the test says"),
        })
    }
}

/// Two tools: `python`, which keeps a session, and `web_fetch`.
#[derive(Default)]
pub(crate) struct ScriptedTools {
    /// What the next calls return; `Ok("4")` where nothing is said.
    pub(crate) results: Mutex<VecDeque<Scripted>>,
    pub(crate) requests: Mutex<Vec<ToolRequest>>,
    /// What a person may answer, where calls need one to.
    pub(crate) asks: Mutex<Option<Vec<Choice>>>,
    /// Whether `web_fetch` keeps a session too.
    pub(crate) all_sessions: AtomicBool,
    /// The files of every conversation.
    pub(crate) files: Mutex<Vec<&'static str>>,
    /// How many calls have begun.
    pub(crate) begun: AtomicUsize,
    /// How many have ended long after they were stopped.
    pub(crate) lingered: AtomicUsize,
    /// Told when a call begins.
    pub(crate) called: Notify,
}

/// What a call does.
pub(crate) enum Scripted {
    Ok(&'static str),
    /// Two passages of this page.
    Passages(&'static str),
    Outcome(ToolOutcome),
    /// Says so many times how far it is, then returns.
    Progress(u32),
    /// Logs so many lines, then returns.
    Log(u32),
    /// Returns when it is stopped.
    Hang,
    /// Returns long after it was stopped.
    Linger,
    /// Returns this once all calls that share the barrier run.
    Meet(Arc<Barrier>, &'static str),
}

fn tool(plugin: &str, manifest: serde_json::Value, session: bool) -> OfferedTool {
    let manifest: manifest::Tool = serde_json::from_value(manifest).unwrap();
    let binding = BindingId::generate();
    OfferedTool {
        plugin: plugin.to_owned(),
        digest: "d1".to_owned(),
        tool: manifest.name.clone(),
        manifest: Arc::new(manifest),
        badges: Arc::default(),
        session,
        has_folder: false,
        binding,
        bindings: vec![binding],
        grant: "bind_1".to_owned(),
    }
}

#[async_trait]
impl Toolbox for ScriptedTools {
    async fn offered(&self, _: &Principal) -> Result<Vec<OfferedTool>, InternalError> {
        let input = |name: &str| json!({"type": "object", "properties": {name: {"type": "string"}}, "required": [name]});
        Ok(vec![
            tool(
                "alcove/python",
                json!({
                    "name": "python", "title": "Run Python", "description": "Runs Python.",
                    "input": input("code"), "code": {"argument": "code", "language": "python"},
                }),
                true,
            ),
            tool(
                "alcove/web-fetch",
                json!({
                    "name": "web_fetch", "title": "Read a page", "description": "Reads a page.",
                    "input": input("url"),
                }),
                self.all_sessions.load(Ordering::SeqCst),
            ),
            tool(
                "alcove/documents",
                json!({
                    "name": "read_document", "title": "Read a file", "description": "Reads a file.",
                    "input": input("path"), "files": ["*.pdf"],
                    "examples": [{"title": "What does the file say?", "arguments": "{\"path\": \"a.pdf\"}"}],
                }),
                false,
            ),
        ])
    }

    async fn has_file(&self, _: Place, ends: Vec<String>) -> HashSet<String> {
        let files = self.files.lock().unwrap();
        let has = |end: &String| files.iter().any(|path| manifest::is_file_for(end, path));
        ends.into_iter().filter(has).collect()
    }

    async fn verdict(&self, request: &ToolRequest) -> Verdict {
        let asks = self.asks.lock().unwrap();
        match &*asks {
            Some(choices) if request.consent.allowance.is_none() => {
                Verdict::Ask(Box::new(Question {
                    kind: "policy",
                    reason: "alcove/python asks before every call".into(),
                    urls: Vec::new(),
                    reaches: vec!["files: /workspace".into()],
                    choices: choices.clone(),
                    grant: "bind_1".into(),
                    hash: [7; 32],
                }))
            }
            _ => Verdict::Free,
        }
    }

    async fn fork_files(&self, _: Place, _: BranchId) -> Result<(), InternalError> {
        Ok(())
    }

    async fn call(
        &self,
        request: ToolRequest,
        cancel: CancellationToken,
        progress: mpsc::Sender<Progress>,
    ) -> ToolResult {
        let arguments_canonical = request.arguments.to_string();
        let verdict = self.verdict(&request).await;
        let refusal = request.consent.refusal.clone();
        self.requests.lock().unwrap().push(request);
        self.begun.fetch_add(1, Ordering::SeqCst);
        self.called.notify_waiters();
        if let Verdict::Ask(_) = verdict {
            let outcome = ToolOutcome::Denied {
                capability: "approval".into(),
                message: refusal.unwrap_or_else(|| "nobody can be asked here".into()),
            };
            return result(outcome, "", arguments_canonical);
        }
        let scripted = self
            .results
            .lock()
            .unwrap()
            .pop_front()
            .unwrap_or(Scripted::Ok("4"));
        let outcome = match scripted {
            Scripted::Ok(value) => return result(ToolOutcome::Ok, value, arguments_canonical),
            Scripted::Passages(url) => return passages(url, arguments_canonical),
            Scripted::Outcome(outcome) => outcome,
            Scripted::Progress(count) => {
                for permille in 0..count {
                    let note = format!("step {permille}");
                    let _ = progress
                        .send(Progress {
                            permille: Some(permille),
                            note,
                            log: None,
                        })
                        .await;
                }
                ToolOutcome::Ok
            }
            Scripted::Log(count) => {
                for line in 0..count {
                    let _ = progress.try_send(Progress {
                        permille: None,
                        note: format!("line {line}"),
                        log: Some(LogLevel::Info),
                    });
                }
                ToolOutcome::Ok
            }
            Scripted::Meet(others, value) => {
                others.wait().await;
                return result(ToolOutcome::Ok, value, arguments_canonical);
            }
            Scripted::Hang => {
                cancel.cancelled().await;
                ToolOutcome::Limit {
                    limit: "stopped".into(),
                    message: "it was stopped".into(),
                }
            }
            Scripted::Linger => {
                cancel.cancelled().await;
                tokio::time::sleep(Duration::from_secs(3)).await;
                self.lingered.fetch_add(1, Ordering::SeqCst);
                ToolOutcome::Ok
            }
        };
        result(outcome, "", arguments_canonical)
    }
}

fn passages(url: &str, arguments_canonical: String) -> ToolResult {
    let part = |number: u32, text: &str| ToolPart {
        audience: Audience::Both,
        kind: "text".to_owned(),
        value: text.to_owned(),
        title: None,
        passage: Some(Box::new(Passage {
            number,
            source: PassageSource::Url {
                url: url.to_owned(),
            },
            title: "A page".to_owned(),
            retrieved_at_ms: 1,
            sha256: String::new(),
            asset: String::new(),
            start: 0,
            end: 1,
        })),
    };
    ToolResult {
        output: vec![part(1, "first"), part(2, "second")],
        ..result(ToolOutcome::Ok, "", arguments_canonical)
    }
}

fn result(outcome: ToolOutcome, value: &str, arguments_canonical: String) -> ToolResult {
    let part = |value: &str| ToolPart {
        audience: Audience::Both,
        kind: "text".to_owned(),
        value: value.to_owned(),
        title: None,
        passage: None,
    };
    ToolResult {
        outcome,
        output: if value.is_empty() {
            Vec::new()
        } else {
            vec![part(value)]
        },
        usage: ToolUsage {
            wall_us: 1000,
            cpu_us: 500,
            peak_memory_bytes: 1 << 20,
            output_bytes: 1,
        },
        label: Some(Label::Public),
        fetched: false,
        record: HostRecord::default(),
        arguments_canonical,
    }
}

/// No checkpoints: those need real tools, and are tested with them.
pub(crate) struct NoMoments;

fn no_checkpoint<T>() -> Result<T, CheckpointError> {
    Err(LogError::NotFound { what: "checkpoint" }.into())
}

#[async_trait]
impl Moments for NoMoments {
    async fn load(
        &self,
        _: &Principal,
        _: Option<ConversationId>,
        _: &Reference,
    ) -> Result<(Restored, Place), CheckpointError> {
        no_checkpoint()
    }

    async fn unload(&self, _: &Principal, _: Place) -> Result<(), CheckpointError> {
        no_checkpoint()
    }

    async fn save(
        &self,
        _: &Principal,
        _: ConversationId,
        _: &str,
    ) -> Result<Checkpoint, CheckpointError> {
        no_checkpoint()
    }
}
