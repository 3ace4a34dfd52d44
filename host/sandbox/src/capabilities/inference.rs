//! `alcove:inference`: text from the models that the host serves.

use std::sync::Arc;

use async_trait::async_trait;
use wasmtime::component::Linker;

use super::{Asked, CapabilityError, CapabilityView, View, absent};
use crate::state::GuestState;

mod generated {
    wasmtime::component::bindgen!({
        inline: "
            package alcove:host-inference;
            world host { import alcove:inference/text@0.1.0; }
        ",
        path: ["../../wit/inference"],
        world: "alcove:host-inference/host",
        imports: { default: async | trappable },
    });
}

use generated::alcove::inference::text;

/// The longest prompt, with the system's part and the schema, in bytes.
const MAX_PROMPT_BYTES: usize = 1 << 20;

/// What to write.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Generate {
    /// `default`, or a model's id.
    pub model: String,
    /// Before the prompt.
    pub system: Option<String>,
    /// What the model answers to.
    pub prompt: String,
    /// The most tokens that it writes.
    pub max_tokens: u32,
    /// A JSON Schema for the text.
    pub schema: Option<String>,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Generated {
    /// The text.
    pub text: String,
    /// The model that wrote it.
    pub model: String,
    /// Whether it ended by itself.
    pub complete: bool,
    /// Tokens of the prompt.
    pub input_tokens: u32,
    /// Tokens that were written.
    pub output_tokens: u32,
}

/// The models that a call may use, under the allowance of its grant.
#[async_trait]
pub trait Inference: Send + Sync {
    /// Writes a text. Dropping this ends it.
    async fn generate(&self, request: Generate) -> Result<Generated, CapabilityError>;
}

pub(super) fn add_to_linker(linker: &mut Linker<GuestState>) -> wasmtime::Result<()> {
    text::add_to_linker::<_, View>(linker, GuestState::capability_view)
}

impl CapabilityView<'_> {
    fn inference(&self, model: &str) -> Result<Arc<dyn Inference>, CapabilityError> {
        let allowed = self
            .policy
            .inference()
            .is_some_and(|grant| grant.covers(model));
        if !allowed {
            return Err(self.policy.inference_denial(model).into());
        }
        let inference = self.shared.capabilities().inference;
        inference.ok_or_else(|| absent("model"))
    }
}

impl text::Host for CapabilityView<'_> {
    async fn generate(
        &mut self,
        request: text::Request,
    ) -> wasmtime::Result<Result<text::Answer, text::Error>> {
        let text::Request {
            model,
            system,
            prompt,
            max_tokens,
            schema,
        } = request;
        let inference = self.inference(&model);
        let request = Generate {
            model,
            system,
            prompt,
            max_tokens,
            schema,
        };
        let asked = Asked {
            shared: Arc::clone(self.shared),
            function: "alcove:inference/text.generate",
            capability: "inference",
        };
        let work = async {
            check(&request)?;
            inference?.generate(request.clone()).await
        };
        let answer = asked.through(&request, work).await?;
        Ok(answer.map(text::Answer::from).map_err(Into::into))
    }
}

impl From<Generated> for text::Answer {
    fn from(generated: Generated) -> text::Answer {
        let Generated {
            text,
            model,
            complete,
            input_tokens,
            output_tokens,
        } = generated;
        text::Answer {
            text,
            model,
            complete,
            input_tokens,
            output_tokens,
        }
    }
}

fn check(request: &Generate) -> Result<(), CapabilityError> {
    let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    let bytes = request.prompt.len() + length(&request.system) + length(&request.schema);
    if bytes > MAX_PROMPT_BYTES {
        return Err(CapabilityError::Invalid(format!(
            "a prompt has at most {MAX_PROMPT_BYTES} bytes, not {bytes}"
        )));
    }
    if request.prompt.is_empty() || request.max_tokens == 0 {
        return Err(CapabilityError::Invalid(
            "a request has a prompt and at least one token to write".to_owned(),
        ));
    }
    Ok(())
}

impl From<CapabilityError> for text::Error {
    fn from(error: CapabilityError) -> text::Error {
        let text = error.to_string();
        match error {
            CapabilityError::Denied { .. } => text::Error::Denied(text),
            CapabilityError::Limit { .. } => text::Error::Limit(text),
            CapabilityError::NotFound(_) | CapabilityError::Invalid(_) => {
                text::Error::Invalid(text)
            }
            CapabilityError::Unavailable(_) => text::Error::Unavailable(text),
        }
    }
}
