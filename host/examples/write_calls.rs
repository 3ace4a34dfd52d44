//! Writes the tool calls that a model makes of questions, without running any: what
//! `cargo xtask prove eval bfcl` puts before a judge.
//!
//! `write_calls MODEL MODELS_FOLDER HOW` reads tasks as JSON lines and answers each with
//! `{"id", "calls": [{"name", "arguments"}]}`. HOW is `free` (the tools' schemas in the prompt, and
//! whatever the model writes), `constrained` (the turn of the server: a decision, then arguments
//! under the schema), or `preselected` (the same after the nearest eight were chosen from the tools
//! of the task and those in its `others`).

use std::io::{BufRead as _, Write as _};
use std::path::PathBuf;

use alcove::inference::{CallsForm, Encoder, Form, Job, LocalModel, Model, ModelEvent, Priority};
use alcove_core::{
    context::{Budget, ContextPlan, Window},
    preselect,
    prompt::{self, Message, Prompt, ToolSpec},
    turn::{Choice, PlannedCall, Turn, TurnAction, TurnEvent, TurnLimits},
};
use alcove_runtime::{Finish, LoadOptions, Runtime, Sampling, catalogue::Catalogue};
use futures::StreamExt as _;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[derive(Deserialize)]
struct Task {
    id: String,
    question: String,
    tools: Vec<Function>,
    #[serde(default)]
    others: Vec<Function>,
}

#[derive(Deserialize, Serialize)]
struct Function {
    name: String,
    description: String,
    parameters: Value,
}

impl Function {
    fn spec(&self) -> ToolSpec {
        let (name, schema) = (self.name.clone(), self.parameters.clone());
        ToolSpec::new(name, &self.description, schema, None, Vec::new())
    }
}

#[derive(Serialize, Deserialize)]
struct Call {
    name: String,
    arguments: Value,
}

const CONTEXT_TOKENS: u32 = 8192;
const OUTPUT_TOKENS: u32 = 2048;
/// Most tokens of an answer that no grammar ends.
const FREE_TOKENS: u32 = 512;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, models, how] = arguments.as_slice() else {
        return Err("write_calls MODEL MODELS_FOLDER free|constrained|preselected".into());
    };
    let options = LoadOptions {
        context_tokens: Some(CONTEXT_TOKENS),
        ..LoadOptions::default()
    };
    let catalogue = Catalogue::builtin()?;
    let entry = catalogue.get(model).ok_or("there is no such model")?;
    let models = PathBuf::from(models);
    let runtime = Runtime::load(&models.join(&entry.file), options)?;
    let model = LocalModel::new(entry.id.clone(), runtime);
    let encoder = Encoder::new(models);
    for line in std::io::stdin().lock().lines() {
        let task: Task = serde_json::from_str(&line?)?;
        let calls = match how.as_str() {
            "free" => free(&model, &task).await?,
            "constrained" => {
                let tools = task.tools.iter().map(Function::spec).collect();
                constrained(&model, &task.question, tools).await?
            }
            "preselected" => {
                let tools = nearest(&encoder, &task).await?;
                constrained(&model, &task.question, tools).await?
            }
            other => return Err(format!("there is no way called {other:?}").into()),
        };
        let mut out = std::io::stdout().lock();
        writeln!(out, "{}", json!({"id": task.id, "calls": calls}))?;
        out.flush()?;
    }
    Ok(())
}

/// The turn as the server takes it, up to where tools would run.
async fn constrained(
    model: &LocalModel,
    question: &str,
    tools: Vec<ToolSpec>,
) -> Result<Vec<Call>, Failure> {
    let limits = TurnLimits {
        calls: TurnLimits::CALLS,
        output_tokens: OUTPUT_TOKENS,
        call_tokens: TurnLimits::CALL_TOKENS,
        result_tokens: OUTPUT_TOKENS,
    };
    let mut turn = Turn::new(window(question, &tools), tools, Choice::Auto, limits);
    let mut event = TurnEvent::Started;
    loop {
        event = match turn.handle(event).into_iter().next() {
            Some(TurnAction::Decide { prompt, options }) => {
                let (name, ..) = write(model, prompt, Form::Choice(options), OUTPUT_TOKENS).await?;
                let name = name.trim().to_owned();
                TurnEvent::Decided { name }
            }
            Some(TurnAction::WriteCall {
                prompt,
                form,
                max_calls,
                max_tokens,
                ..
            }) => {
                let prompt::CallForm::Json { schema, next } = form else {
                    return Err("no tool here is code".into());
                };
                let most = max_calls;
                let form = Form::Calls(CallsForm { schema, next, most });
                let (text, whole, tokens) = write(model, prompt, form, max_tokens).await?;
                TurnEvent::CallWritten {
                    text,
                    whole,
                    tokens,
                }
            }
            Some(TurnAction::RunTools { tool, calls, .. }) => {
                let call = |planned: PlannedCall| Call {
                    name: tool.clone(),
                    arguments: planned.arguments,
                };
                let running = calls.into_iter().filter(|call| call.refusal.is_none());
                return Ok(running.map(call).collect());
            }
            _ => return Ok(Vec::new()),
        };
    }
}

fn window(question: &str, tools: &[ToolSpec]) -> Window {
    let system = Message::system(prompt::system(None, tools));
    Window {
        plan: ContextPlan {
            budget: Budget::new(CONTEXT_TOKENS, OUTPUT_TOKENS, true),
            parts: Vec::new(),
            tokens: 0,
            left_out: 0,
        },
        conversation: vec![system, Message::user(question)],
        earlier: Vec::new(),
        question: question.to_owned(),
        printed: Vec::new(),
        written: vec![question.to_owned()],
    }
}

/// The tools that a turn would offer of all of them.
async fn nearest(encoder: &Encoder, task: &Task) -> Result<Vec<ToolSpec>, Failure> {
    let all = task.tools.iter().chain(&task.others);
    let mut tools: Vec<ToolSpec> = all.map(Function::spec).collect();
    // In no order that tells which are the task's own.
    tools.sort_by(|a, b| a.name.cmp(&b.name));
    let mut vectors = Vec::new();
    for tool in &tools {
        vectors.push(embed(encoder, preselect::texts(tool)).await?);
    }
    let question = embed(encoder, vec![task.question.clone()]).await?;
    let of_tools: Vec<Vec<&[f32]>> = vectors
        .iter()
        .map(|texts| texts.iter().map(Vec::as_slice).collect())
        .collect();
    let scores = preselect::by_vectors(&question[0], &of_tools);
    let places = preselect::nearest(&scores, &[]);
    let mut place = 0;
    tools.retain(|_| {
        place += 1;
        places.contains(&(place - 1))
    });
    Ok(tools)
}

async fn embed(encoder: &Encoder, texts: Vec<String>) -> Result<Vec<Vec<f32>>, Failure> {
    let cancel = CancellationToken::new();
    let embedded = encoder.embed(texts, Priority::Interactive, cancel).await?;
    Ok(embedded.vectors)
}

/// What the model writes where it only reads what there is.
async fn free(model: &LocalModel, task: &Task) -> Result<Vec<Call>, Failure> {
    let mut system =
        "You may call functions. If some of them can do what the user asks, reply with \
                      a JSON array of calls and nothing else: [{\"name\": \"…\", \"arguments\": \
                      {…}}]. If none of them can, say so in words. The functions:"
            .to_owned();
    for function in &task.tools {
        system.push('\n');
        system.push_str(&serde_json::to_string(function)?);
    }
    let prompt = Prompt {
        messages: vec![Message::system(system), Message::user(&task.question)],
        begun: String::new(),
    };
    let (text, ..) = write(model, prompt, Form::Free, FREE_TOKENS).await?;
    Ok(found(&text))
}

/// Every call in a text, wherever the first array or object of calls begins.
fn found(text: &str) -> Vec<Call> {
    let mut calls = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['[', '{']) {
        rest = &rest[at..];
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
        match values.next() {
            Some(Ok(value)) => {
                let some = match value {
                    Value::Array(values) => values,
                    value => vec![value],
                };
                calls.extend(
                    some.into_iter()
                        .filter_map(|one| serde_json::from_value(one).ok()),
                );
                rest = &rest[values.byte_offset()..];
            }
            _ => rest = &rest[1..],
        }
    }
    calls
}

async fn write(
    model: &LocalModel,
    prompt: Prompt,
    form: Form,
    max_tokens: u32,
) -> Result<(String, bool, u32), Failure> {
    let job = Job {
        prompt,
        sampling: Sampling::Greedy,
        stop: None,
        max_tokens,
        form,
        priority: Priority::Interactive,
    };
    let mut pieces = model.generate(job, CancellationToken::new()).await?;
    let mut text = String::new();
    while let Some(event) = pieces.next().await {
        match event? {
            ModelEvent::Text(piece) => text.push_str(&piece),
            ModelEvent::Done { finish, usage } => {
                return Ok((text, finish == Finish::Stop, usage.generated));
            }
        }
    }
    Err("the model's events ended without a last one".into())
}
