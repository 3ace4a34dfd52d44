//! Chat messages and rendered prompts.

use std::fmt;

/// Who wrote a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChatRole {
    /// Instructions from the operator.
    System,
    /// The person.
    User,
    /// The model.
    Assistant,
}

impl ChatRole {
    /// The name that chat templates use.
    pub fn as_str(self) -> &'static str {
        match self {
            ChatRole::System => "system",
            ChatRole::User => "user",
            ChatRole::Assistant => "assistant",
        }
    }
}

/// One message of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatMessage {
    /// Who wrote it.
    pub role: ChatRole,
    /// Its text. Strings that look like special tokens stay text.
    pub content: String,
}

impl ChatMessage {
    /// A message with this role and text.
    pub fn new(role: ChatRole, content: impl Into<String>) -> Self {
        ChatMessage {
            role,
            content: content.into(),
        }
    }
}

/// A prompt in pieces: text, which is never parsed for special tokens, and special tokens,
/// which only a chat template (or [`Prompt::push_special`]) puts there.
///
/// A user who types `<|im_end|>` therefore cannot break out of their message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prompt {
    pub(crate) segments: Vec<Segment>,
}

/// A piece of a [`Prompt`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Segment {
    /// Ordinary text.
    Text(String),
    /// A special token by its id, with its name for display.
    Special { id: u32, name: String },
}

impl Prompt {
    /// A prompt of plain text.
    pub fn text(text: impl Into<String>) -> Self {
        let mut prompt = Prompt::default();
        prompt.push_text(&text.into());
        prompt
    }

    /// Appends text, for example the start of the answer that the model shall continue.
    pub fn push_text(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        if let Some(Segment::Text(last)) = self.segments.last_mut() {
            last.push_str(text);
        } else {
            self.segments.push(Segment::Text(text.to_owned()));
        }
    }

    /// Appends a special token by its id; `name` is only for display.
    pub fn push_special(&mut self, id: u32, name: &str) {
        self.segments.push(Segment::Special {
            id,
            name: name.to_owned(),
        });
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }
}

/// Special tokens show by name, so the text is for people and logs, not for parsing.
impl fmt::Display for Prompt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for segment in &self.segments {
            match segment {
                Segment::Text(text) => f.write_str(text)?,
                Segment::Special { name, .. } => f.write_str(name)?,
            }
        }
        Ok(())
    }
}

impl From<String> for Prompt {
    fn from(text: String) -> Self {
        Prompt::text(text)
    }
}

impl From<&str> for Prompt {
    fn from(text: &str) -> Self {
        Prompt::text(text)
    }
}
