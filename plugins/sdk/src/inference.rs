//! Text from the models of the host, through `alcove:inference`.
//!
//! The policy grants it with `[inference]`: which models, and how many tokens in one call and in a
//! day. A person who chats is served first.
//!
//! ```
//! use alcove_sdk::inference::Request;
//! use alcove_sdk::{Outcome, Part};
//!
//! fn summarise(text: &str) -> Outcome {
//!     let answer = Request::new(format!("Summarise in one sentence:\n{text}"), 80).generate()?;
//!     Ok(vec![Part::text(answer.text)])
//! }
//! ```

#[allow(
    missing_docs,
    unreachable_pub,
    unsafe_code,
    clippy::all,
    clippy::allow_attributes_without_reason,
    reason = "generated from wit/inference"
)]
mod bindings {
    wit_bindgen::generate!({
        inline: "
            package alcove:sdk-inference;
            world client { import alcove:inference/text@0.1.0; }
        ",
        path: ["../../wit/inference"],
        world: "alcove:sdk-inference/client",
        generate_all,
    });
}

use bindings::alcove::inference::text;

pub use text::{Answer, Request};

use crate::Failure;

impl Request {
    /// A prompt for whatever model the host answers with, and the most tokens that it writes.
    pub fn new(prompt: impl Into<String>, max_tokens: u32) -> Self {
        Self {
            model: "default".to_owned(),
            system: None,
            prompt: prompt.into(),
            max_tokens,
            schema: None,
        }
    }

    /// The same for one model, by its id.
    #[must_use]
    pub fn model(mut self, id: impl Into<String>) -> Self {
        self.model = id.into();
        self
    }

    /// The same, with what the model is told to be and do.
    #[must_use]
    pub fn system(mut self, text: impl Into<String>) -> Self {
        self.system = Some(text.into());
        self
    }

    /// The same, for a JSON value under this JSON Schema.
    #[must_use]
    pub fn schema(mut self, schema: impl Into<String>) -> Self {
        self.schema = Some(schema.into());
        self
    }

    /// Writes the text. The same request gives the same text.
    ///
    /// # Errors
    /// `denied` where the policy does not grant the model, `rate-limited` where no tokens are left,
    /// `invalid-input` for a prompt that is too long or a schema that is none, `unavailable` where
    /// the model is not there or has too much to do.
    pub fn generate(&self) -> Result<Answer, Failure> {
        text::generate(self).map_err(|error| match error {
            text::Error::Denied(text) => Failure::denied(text),
            text::Error::Limit(text) => Failure::rate_limited(text, None),
            text::Error::Invalid(text) => Failure::invalid_input(text),
            text::Error::Unavailable(text) => Failure::unavailable(text),
        })
    }
}
