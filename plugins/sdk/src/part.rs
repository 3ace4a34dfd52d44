//! Parts of a result.

use crate::{Audience, Content, Part};

impl Part {
    /// Text or Markdown, for model and person.
    pub fn text(text: impl Into<String>) -> Self {
        Self::both(Content::Text(text.into()))
    }

    /// A JSON value as text, for model and person.
    pub fn json(json: impl Into<String>) -> Self {
        Self::both(Content::Json(json.into()))
    }

    /// A link, for model and person.
    pub fn link(title: impl Into<String>, url: impl Into<String>) -> Self {
        Self::both(Content::Link((title.into(), url.into())))
    }

    /// The same part for somebody else.
    #[must_use]
    pub fn only_for(mut self, audience: Audience) -> Self {
        self.audience = audience;
        self
    }

    fn both(content: Content) -> Self {
        Self {
            content,
            audience: Audience::Both,
        }
    }
}
