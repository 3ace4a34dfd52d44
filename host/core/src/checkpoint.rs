//! Checkpoints: what a conversation was at a moment, as a value with a hash.
//!
//! A checkpoint is a name for a manifest, and a manifest names everything by content: the item at
//! the head by its link in the hash chain, files and components by their digests. Nothing is copied
//! that is there already, and nothing in it is a right: restoring brings back what was known, and
//! what is granted is what is granted then.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::canonical::{self, CanonicalError};
use crate::ids::{AssetId, BranchId, ConversationId, ItemId, ResponseId};

/// The version of [`Manifest`] that this program writes, and the newest that it reads.
pub const FORMAT: u32 = 1;

/// A checkpoint's content.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of this form.
    pub format: u32,
    /// The conversation.
    pub conversation: ConversationId,
    /// The branch that was saved.
    pub branch: BranchId,
    /// What was there.
    pub state: State,
    /// Where the bytes of [`State::files`] lie, one for each.
    pub packed: Vec<Packed>,
}

/// What a checkpoint holds, whatever the branch and wherever its bytes lie.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// The last item; absent in an empty conversation.
    pub head: Option<Head>,
    /// The response that ended there.
    pub response: Option<LastResponse>,
    /// The model that answers.
    pub model: ModelState,
    /// The components that ran on the path, in order.
    pub components: BTreeSet<Component>,
    /// What was granted, in order.
    pub grants: BTreeSet<Grant>,
    /// What tools gave back on the path, in order.
    pub assets: BTreeSet<AssetId>,
    /// The files, by path.
    pub files: Vec<FileState>,
}

/// The end of a path. Its hash covers every item before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The last item.
    pub item: ItemId,
    /// Its link in the hash chain, in hex.
    pub hash: String,
    /// How many items the path has.
    pub items: u64,
    /// How many of them were forgotten.
    pub forgotten: u64,
}

/// A response as it was made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LastResponse {
    /// Its id.
    pub id: ResponseId,
    /// The model.
    pub model: String,
    /// What was asked and sent: instructions, sampler, route, the plan of the window.
    pub request: Value,
}

/// A model by what it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelState {
    /// Its id.
    pub id: String,
    /// The digest of its file, such as `sha256:…`; absent where there is no file.
    pub digest: Option<String>,
    /// The model's context, in tokens.
    pub context_tokens: Option<u32>,
}

/// A component that ran.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Component {
    /// The plugin.
    pub plugin: String,
    /// sha256 of the component, in hex.
    pub digest: String,
}

/// Something that was granted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Grant {
    /// The plugin.
    pub plugin: String,
    /// sha256 of the component, in hex.
    pub digest: String,
    /// The bindings that admit its calls, as one name.
    pub grant: String,
}

/// A file of the workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileState {
    /// Its path.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// BLAKE3 of its bytes, in hex.
    pub hash: String,
}

/// Where the bytes of a file lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Packed {
    /// In which pack.
    pub pack: AssetId,
    /// From which byte on.
    pub offset: u64,
}

/// What a manifest is refused for.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// Written by a newer program.
    #[error("the checkpoint has format {0}, and this server reads up to {FORMAT}: update it")]
    Newer(u32),
    /// Not a manifest.
    #[error("the checkpoint's manifest is damaged: {0}")]
    Damaged(&'static str),
}

impl Manifest {
    /// Reads what was written. A newer one says so, whatever else is in it.
    ///
    /// # Errors
    ///
    /// Where it is newer or damaged.
    pub fn read(bytes: &[u8]) -> Result<Manifest, ManifestError> {
        #[derive(Deserialize)]
        struct Versioned {
            format: u32,
        }
        let damaged = |_| ManifestError::Damaged("it cannot be read");
        let Versioned { format } = serde_json::from_slice(bytes).map_err(damaged)?;
        if format > FORMAT {
            return Err(ManifestError::Newer(format));
        }
        let manifest: Manifest = serde_json::from_slice(bytes).map_err(damaged)?;
        if manifest.packed.len() != manifest.state.files.len() {
            return Err(ManifestError::Damaged("its files and their places differ"));
        }
        Ok(manifest)
    }

    /// The packs that hold its files.
    #[must_use]
    pub fn packs(&self) -> BTreeSet<AssetId> {
        self.packed.iter().map(|packed| packed.pack).collect()
    }
}

impl State {
    /// BLAKE3 over the canonical bytes, in hex: equal states have equal hashes.
    ///
    /// # Errors
    ///
    /// Where it has no canonical form.
    pub fn hash(&self) -> Result<String, CanonicalError> {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"alcove checkpoint 1\n");
        hasher.update(canonical::json(self)?.as_bytes());
        Ok(hasher.finalize().to_hex().to_string())
    }

    /// What differs now, for whoever goes on from here. `installed` and `kept` say of a component
    /// and of an asset whether they are there.
    #[must_use]
    pub fn drift(
        &self,
        now: &State,
        installed: impl Fn(&Component) -> bool,
        kept: impl Fn(&AssetId) -> bool,
    ) -> Vec<Drift> {
        let mut found = Vec::new();
        let mut add = |kind, subject: &str, message: String| {
            found.push(Drift {
                kind,
                subject: subject.to_owned(),
                message,
            });
        };
        let forgotten = |state: &State| state.head.as_ref().map_or(0, |head| head.forgotten);
        let lost = forgotten(now).saturating_sub(forgotten(self));
        if lost > 0 {
            let message = format!("{lost} of its items were forgotten since, and stay so");
            add(DriftKind::Item, "items", message);
        }
        let (was, is) = (&self.model, &now.model);
        if was != is {
            let message = if was.id == is.id {
                format!("`{}` has another file or context now", is.id)
            } else {
                format!("`{}` answered, now `{}` does", was.id, is.id)
            };
            add(DriftKind::Model, &was.id, message);
        }
        for grant in self.grants.difference(&now.grants) {
            let plugin = &grant.plugin;
            let again = now.grants.iter().any(|now| now.plugin == *plugin);
            let message = match again {
                true => format!("{plugin} is granted differently now"),
                false => format!("{plugin} is no longer granted, and stays so"),
            };
            add(DriftKind::Grant, plugin, message);
        }
        for grant in now.grants.difference(&self.grants) {
            let plugin = &grant.plugin;
            if !self.grants.iter().any(|was| was.plugin == *plugin) {
                add(
                    DriftKind::Grant,
                    plugin,
                    format!("{plugin} was not granted then"),
                );
            }
        }
        for gone in self.components.iter().filter(|ran| !installed(ran)) {
            let message = format!(
                "the component of {} that ran is not here any more",
                gone.plugin
            );
            add(DriftKind::Component, &gone.plugin, message);
        }
        for asset in self.assets.iter().filter(|asset| !kept(asset)) {
            let message = "a file that a tool gave back is not here any more".to_owned();
            add(DriftKind::Asset, &asset.to_string(), message);
        }
        found
    }
}

/// Something that is not as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    /// What kind of thing.
    pub kind: DriftKind,
    /// Which.
    pub subject: String,
    /// In words for people.
    pub message: String,
}

/// What can have changed since a checkpoint was saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DriftKind {
    /// Items were forgotten.
    Item,
    /// Another model answers.
    Model,
    /// A plugin is granted otherwise, or not at all.
    Grant,
    /// A component that ran is gone.
    Component,
    /// Something that a tool gave back is gone.
    Asset,
}

/// How the files of two states differ, by path.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileChanges {
    /// Only in the second.
    pub added: Vec<String>,
    /// Only in the first.
    pub removed: Vec<String>,
    /// In both, with other bytes.
    pub changed: Vec<String>,
}

/// Compares the files of two states, each sorted by path.
#[must_use]
pub fn file_changes(from: &[FileState], to: &[FileState]) -> FileChanges {
    let mut changes = FileChanges::default();
    let (mut from, mut to) = (from.iter().peekable(), to.iter().peekable());
    loop {
        let next = match (from.peek(), to.peek()) {
            (None, None) => return changes,
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (Some(one), Some(other)) => one.path.cmp(&other.path),
        };
        match next {
            std::cmp::Ordering::Less => changes.removed.extend(from.next().map(path)),
            std::cmp::Ordering::Greater => changes.added.extend(to.next().map(path)),
            std::cmp::Ordering::Equal => {
                if let (Some(one), Some(other)) = (from.next(), to.next())
                    && one.hash != other.hash
                {
                    changes.changed.push(path(other));
                }
            }
        }
    }
}

fn path(file: &FileState) -> String {
    file.path.clone()
}

#[cfg(test)]
mod tests;
