//! What differs between two moments of a conversation: shown before anybody goes back.

use alcove_core::checkpoint::{FileChanges, State, file_changes};
use alcove_core::item::{Item, Payload, Role};

use super::{CheckpointError, Checkpoints};
use crate::accounts::Principal;
use crate::store::log::{At, Checkpoint};

/// How many characters of a message are shown.
const SHOWN: usize = 200;

/// What differs, from the first to the second.
#[derive(Debug)]
pub struct Comparison {
    /// How many items both have.
    pub common: u64,
    /// What only the first says, oldest first.
    pub only_first: Vec<Message>,
    /// What only the second says, oldest first.
    pub only_second: Vec<Message>,
    /// Files.
    pub files: FileChanges,
    /// The models, where they differ.
    pub models: Option<(String, String)>,
    /// Plugins whose grants differ, in order.
    pub grants: Vec<String>,
}

/// An item, as far as a list shows it.
#[derive(Debug)]
pub struct Message {
    /// `user`, `assistant`, `system`, or `tool` for a call.
    pub speaker: &'static str,
    /// Its beginning.
    pub text: String,
}

impl Checkpoints {
    /// Compares a checkpoint with another one of its conversation, or with what there is now.
    pub async fn compare(
        &self,
        principal: &Principal,
        from: &Checkpoint,
        to: Option<&Checkpoint>,
    ) -> Result<Comparison, CheckpointError> {
        let (first, items) = self.saved(principal, from).await?;
        let (second, others) = match to {
            Some(to) => self.saved(principal, to).await?,
            None => self.current(principal, from).await?,
        };
        let pairs = items.iter().zip(&others);
        let common = pairs.take_while(|(one, other)| one.id == other.id).count();
        let mut grants: Vec<String> = first
            .grants
            .symmetric_difference(&second.grants)
            .map(|grant| grant.plugin.clone())
            .collect();
        grants.dedup();
        Ok(Comparison {
            common: common as u64,
            only_first: items[common..].iter().map(message).collect(),
            only_second: others[common..].iter().map(message).collect(),
            files: file_changes(&first.files, &second.files),
            models: (first.model != second.model).then_some((first.model.id, second.model.id)),
            grants,
        })
    }

    async fn saved(
        &self,
        principal: &Principal,
        checkpoint: &Checkpoint,
    ) -> Result<(State, Vec<Item>), CheckpointError> {
        let manifest = self.log.manifest(principal, checkpoint.id).await??;
        let items = match &manifest.state.head {
            Some(head) => {
                let at = At::Item(head.item);
                let path = self.log.path(principal, checkpoint.conversation, at);
                path.await?
            }
            None => Vec::new(),
        };
        Ok((manifest.state, items))
    }

    async fn current(
        &self,
        principal: &Principal,
        of: &Checkpoint,
    ) -> Result<(State, Vec<Item>), CheckpointError> {
        let place = self.place(principal, of.conversation).await?;
        let files = self.files(place).await?;
        let at = At::Branch(place.branch);
        self.capture(principal, of.conversation, at, files).await
    }
}

fn message(item: &Item) -> Message {
    let (speaker, text) = match &item.payload {
        Payload::Message { role, text, .. } => {
            let speaker = match role {
                Role::User => "user",
                Role::Assistant => "assistant",
                Role::System | Role::Developer => "system",
            };
            (speaker, text.as_str())
        }
        Payload::ToolCall(call) => ("tool", call.title.as_str()),
    };
    Message {
        speaker,
        text: text.chars().take(SHOWN).collect(),
    }
}
