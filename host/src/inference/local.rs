//! A model that runs in this process.

use alcove_core::prompt::{CopyRule, Prompt, Speaker};
use alcove_runtime::{
    ChatMessage, ChatRole, Event, GenerateError, GenerateRequest, Grammar, Runtime, SubmitError,
};
use async_trait::async_trait;
use futures::StreamExt;
use tokio_util::sync::CancellationToken;

use super::{CallsForm, Form, Job, Model, ModelError, ModelEvent, Pieces};

/// The runtime under the turn's interface.
pub struct LocalModel {
    id: String,
    runtime: Runtime,
}

impl LocalModel {
    /// Names a loaded runtime.
    pub fn new(id: String, runtime: Runtime) -> LocalModel {
        LocalModel { id, runtime }
    }

    /// The chat template's text of the messages, then what the model's own message begins with.
    fn render(&self, prompt: &Prompt) -> Result<alcove_runtime::Prompt, ModelError> {
        let messages: Vec<ChatMessage> = prompt
            .messages
            .iter()
            .map(|message| {
                let role = match message.speaker {
                    Speaker::System => ChatRole::System,
                    Speaker::User => ChatRole::User,
                    Speaker::Assistant => ChatRole::Assistant,
                };
                ChatMessage {
                    role,
                    content: message.text.clone(),
                }
            })
            .collect();
        let mut rendered = self
            .runtime
            .render_chat(&messages, true)
            .map_err(|error| ModelError::Engine(error.to_string()))?;
        rendered.push_text(&prompt.begun);
        Ok(rendered)
    }
}

#[async_trait]
impl Model for LocalModel {
    fn id(&self) -> &str {
        &self.id
    }

    fn context_tokens(&self) -> u32 {
        self.runtime.model().context_tokens
    }

    fn count_tokens(&self, text: &str) -> u32 {
        u32::try_from(self.runtime.count_tokens(text)).unwrap_or(u32::MAX)
    }

    async fn generate(&self, job: Job, cancel: CancellationToken) -> Result<Pieces, ModelError> {
        let grammar = match job.form {
            Form::Free => None,
            Form::Choice(options) => Some(Grammar::Choice(options)),
            Form::Json(schema) => Some(Grammar::JsonSchema(schema)),
            Form::Calls(form) => Some(Grammar::Lark(calls_grammar(form))),
            Form::Copying(rule) => Some(Grammar::Lark(copying_grammar(&rule))),
        };
        let request = GenerateRequest {
            prompt: self.render(&job.prompt)?,
            sampling: job.sampling,
            stop: job.stop.into_iter().map(str::to_owned).collect(),
            max_tokens: job.max_tokens,
            grammar,
            priority: job.priority,
        };
        let generation = self
            .runtime
            .generate(request, cancel)
            .await
            .map_err(submit_error)?;
        let pieces = futures::stream::unfold(generation, |mut generation| async move {
            let event = generation.next().await?;
            Some((event.map(model_event).map_err(generate_error), generation))
        });
        Ok(pieces.boxed())
    }
}

/// An array of calls as a grammar, from the first one's arguments on.
fn calls_grammar(form: CallsForm) -> String {
    let CallsForm {
        mut schema,
        next,
        most,
    } = form;
    if let Some(object) = schema.as_object_mut() {
        // Models can write white space without end; one form is enough.
        object.insert(
            "x-guidance".to_owned(),
            serde_json::json!({ "whitespace_flexible": false }),
        );
    }
    let further = most.saturating_sub(1);
    // Strings of Lark are written like those of JSON.
    let next = serde_json::Value::from(next.trim_start_matches([',', ' ']));
    let more = match further {
        0 => String::new(),
        _ => format!("more{{0,{further}}} "),
    };
    // Between calls models begin a new line or go on in the same one: where neither may be, the
    // likeliest token that is left can be one more digit.
    format!(
        "start: \" \" arguments \"}}\" {more}END\nmore: GAP {next} arguments \"}}\"\n\
         arguments: %json {schema}\nGAP: /,[ \\n]{{0,6}}/\nEND: /\\n?\\]/\n"
    )
}

/// The rule as a grammar of one lexeme.
fn copying_grammar(rule: &CopyRule) -> String {
    format!("start: TEXT\nTEXT: /{}/\n", rule.regex())
}

fn model_event(event: Event) -> ModelEvent {
    match event {
        Event::Text(text) => ModelEvent::Text(text),
        Event::Done {
            finish,
            usage,
            timings: _,
        } => ModelEvent::Done { finish, usage },
    }
}

fn submit_error(error: SubmitError) -> ModelError {
    match error {
        SubmitError::ContextExceeded {
            prompt_tokens,
            context_tokens,
        } => ModelError::ContextExceeded {
            prompt_tokens,
            context_tokens,
        },
        SubmitError::QueueFull { .. } => ModelError::Overloaded,
        other => ModelError::Engine(other.to_string()),
    }
}

fn generate_error(error: GenerateError) -> ModelError {
    match error {
        GenerateError::QueueTimeout { .. } => ModelError::Overloaded,
        other => ModelError::Engine(other.to_string()),
    }
}
