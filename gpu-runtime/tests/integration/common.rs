//! What the tests share: model files and a way to run a request to its end.

use std::path::PathBuf;
use std::sync::OnceLock;

use alcove_runtime::catalogue::Catalogue;
use alcove_runtime::{
    ChatMessage, ChatRole, Event, Finish, GenerateRequest, LoadOptions, Prompt, Runtime, Sampling,
    TokenUsage,
};
use tokio::sync::{Mutex, MutexGuard};
use tokio_util::sync::CancellationToken;

/// The path of a catalogue model; the test fails if it is not there.
pub(crate) fn model_path(id: &str) -> PathBuf {
    let entry = Catalogue::builtin().unwrap().get(id).unwrap().clone();
    let path = models_dir().join(&entry.file);
    assert!(
        path.is_file(),
        "{} is missing: run `cargo xtask model fetch {id}`",
        path.display()
    );
    path
}

fn models_dir() -> PathBuf {
    if let Some(dir) = std::env::var_os("ALCOVE_MODELS_DIR") {
        return dir.into();
    }
    let data = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from);
    let data = data.unwrap_or_else(|| {
        let home = std::env::var_os("HOME").expect("HOME is set");
        PathBuf::from(home).join(".local/share")
    });
    data.join("alcove/models")
}

/// The small model, loaded once for all tests.
pub(crate) fn small() -> Runtime {
    static SMALL: OnceLock<Runtime> = OnceLock::new();
    let load = || Runtime::load(&model_path("smollm2-135m"), LoadOptions::default()).unwrap();
    SMALL.get_or_init(load).clone()
}

/// Holds other tests back that need the model for themselves, such as those that look at timing.
pub(crate) async fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::const_new(());
    ALONE.lock().await
}

/// What a finished generation gave.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) text: String,
    pub(crate) pieces: Vec<String>,
    pub(crate) finish: Finish,
    pub(crate) usage: TokenUsage,
}

/// A greedy request.
pub(crate) fn greedy(prompt: impl Into<Prompt>, max_tokens: u32) -> GenerateRequest {
    GenerateRequest {
        prompt: prompt.into(),
        sampling: Sampling::Greedy,
        stop: Vec::new(),
        max_tokens,
        grammar: None,
        priority: alcove_runtime::Priority::Interactive,
    }
}

/// A question as a chat prompt.
pub(crate) fn ask(runtime: &Runtime, question: &str) -> Prompt {
    runtime
        .render_chat(&[ChatMessage::new(ChatRole::User, question)], true)
        .unwrap()
}

/// Runs a request to its end.
pub(crate) async fn run(runtime: &Runtime, request: GenerateRequest) -> Answer {
    let mut generation = runtime
        .generate(request, CancellationToken::new())
        .await
        .unwrap();
    let mut pieces = Vec::new();
    while let Some(event) = generation.next().await {
        match event.unwrap() {
            Event::Text(text) => pieces.push(text),
            Event::Done { finish, usage, .. } => {
                assert!(generation.next().await.is_none());
                return Answer {
                    text: pieces.concat(),
                    pieces,
                    finish,
                    usage,
                };
            }
        }
    }
    panic!("the stream ended without a last event");
}
