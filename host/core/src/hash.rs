//! The hash chain of a conversation: each item's hash covers its canonical bytes and its
//! parent's hash, keyed with a key that is derived from the user's.
//!
//! Whoever can write to the database but lacks the key can neither change an item nor move it
//! elsewhere in the tree without its hash failing, nor the hashes of all that follow.

use std::fmt;

use crate::canonical::{CanonicalError, item_bytes};
use crate::ids::ItemId;
use crate::item::Item;

/// A keyed BLAKE3 hash.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ItemHash([u8; 32]);

impl ItemHash {
    /// A hash that was stored.
    pub const fn from_bytes(bytes: [u8; 32]) -> ItemHash {
        ItemHash(bytes)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for ItemHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for ItemHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The key of a chain.
#[derive(Clone)]
pub struct ChainKey([u8; 32]);

impl ChainKey {
    /// Derives the key of a user's item chains from the user's key.
    pub fn for_items(user_key: &[u8; 32]) -> ChainKey {
        ChainKey(blake3::derive_key("alcove 2026 item chain", user_key))
    }

    /// Derives the key of the audit chains from the master key.
    pub fn for_audit(master_key: &[u8; 32]) -> ChainKey {
        ChainKey(blake3::derive_key("alcove 2026 audit chain", master_key))
    }

    /// The hash of a link: these bytes after that parent.
    pub fn link(&self, bytes: &[u8], parent: Option<&ItemHash>) -> ItemHash {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        match parent {
            Some(parent) => hasher.update(&[1]).update(&parent.0),
            None => hasher.update(&[0]),
        };
        hasher.update(bytes);
        ItemHash(*hasher.finalize().as_bytes())
    }

    /// The hash of an item after its parent.
    pub fn item(&self, item: &Item, parent: Option<&ItemHash>) -> Result<ItemHash, CanonicalError> {
        Ok(self.link(&item_bytes(item)?, parent))
    }
}

impl fmt::Debug for ChainKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChainKey(..)")
    }
}

/// An item with its stored hash, as a chain is verified.
#[derive(Debug, Clone, Copy)]
pub enum Link<'a> {
    /// An item that can be read.
    Present(&'a Item, ItemHash),
    /// An item that was forgotten: its key is gone, its hash is all that is left of it.
    Forgotten(ItemId, ItemHash),
}

/// Where a chain breaks.
#[derive(Debug, thiserror::Error)]
pub enum ChainError {
    /// An item, or one before it, is not what was written.
    #[error("item {item} is not what was written: its hash does not match")]
    Hash {
        /// The first item that fails.
        item: ItemId,
    },
    /// The items do not follow each other.
    #[error("item {item} names another parent than the item before it")]
    Parent {
        /// The item at fault.
        item: ItemId,
    },
    /// An item has no canonical form.
    #[error(transparent)]
    Canonical(#[from] CanonicalError),
}

/// Verifies a path that begins at the root.
pub fn verify_path<'a>(
    key: &ChainKey,
    path: impl IntoIterator<Item = Link<'a>>,
) -> Result<(), ChainError> {
    let mut before: Option<(ItemId, ItemHash)> = None;
    for link in path {
        match link {
            Link::Present(item, stored) => {
                if item.parent != before.map(|(id, _)| id) {
                    return Err(ChainError::Parent { item: item.id });
                }
                let parent = before.as_ref().map(|(_, hash)| hash);
                if key.item(item, parent)? != stored {
                    return Err(ChainError::Hash { item: item.id });
                }
                before = Some((item.id, stored));
            }
            Link::Forgotten(id, stored) => before = Some((id, stored)),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::ConversationId;
    use crate::item::{ItemStatus, Payload, Role};

    fn path(texts: &[&str]) -> Vec<Item> {
        let conversation = ConversationId::generate();
        let mut parent = None;
        texts
            .iter()
            .map(|text| {
                let item = Item {
                    id: ItemId::generate(),
                    conversation,
                    parent,
                    response: None,
                    created_at_ms: 1,
                    payload: Payload::Message {
                        role: Role::User,
                        text: (*text).to_owned(),
                        status: ItemStatus::Completed,
                        citations: Vec::new(),
                    },
                };
                parent = Some(item.id);
                item
            })
            .collect()
    }

    fn hashes(key: &ChainKey, items: &[Item]) -> Vec<ItemHash> {
        let mut before = None;
        items
            .iter()
            .map(|item| {
                let hash = key.item(item, before.as_ref()).unwrap();
                before = Some(hash);
                hash
            })
            .collect()
    }

    fn links<'a>(items: &'a [Item], hashes: &'a [ItemHash]) -> impl Iterator<Item = Link<'a>> {
        items
            .iter()
            .zip(hashes)
            .map(|(item, hash)| Link::Present(item, *hash))
    }

    #[test]
    fn a_changed_item_is_named() {
        let key = ChainKey::for_items(&[7; 32]);
        let mut items = path(&["one", "two", "three"]);
        let stored = hashes(&key, &items);
        verify_path(&key, links(&items, &stored)).unwrap();

        if let Payload::Message { text, .. } = &mut items[1].payload {
            text.push('!');
        }
        match verify_path(&key, links(&items, &stored)) {
            Err(ChainError::Hash { item }) => assert_eq!(item, items[1].id),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_item_that_moved_is_named() {
        let key = ChainKey::for_items(&[7; 32]);
        let items = path(&["one", "two", "three"]);
        let stored = hashes(&key, &items);
        let without_second = [0, 2].map(|index| Link::Present(&items[index], stored[index]));
        match verify_path(&key, without_second) {
            Err(ChainError::Parent { item }) => assert_eq!(item, items[2].id),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn another_key_fails_at_the_root() {
        let items = path(&["one"]);
        let stored = hashes(&ChainKey::for_items(&[7; 32]), &items);
        let other = ChainKey::for_items(&[8; 32]);
        assert!(verify_path(&other, links(&items, &stored)).is_err());
        let audit = ChainKey::for_audit(&[7; 32]);
        assert!(verify_path(&audit, links(&items, &stored)).is_err());
    }

    #[test]
    fn a_forgotten_item_leaves_its_link() {
        let key = ChainKey::for_items(&[7; 32]);
        let items = path(&["one", "two", "three"]);
        let stored = hashes(&key, &items);
        let forgotten = [
            Link::Present(&items[0], stored[0]),
            Link::Forgotten(items[1].id, stored[1]),
            Link::Present(&items[2], stored[2]),
        ];
        verify_path(&key, forgotten).unwrap();

        let exchanged = [
            Link::Present(&items[0], stored[0]),
            Link::Forgotten(items[1].id, stored[0]),
            Link::Present(&items[2], stored[2]),
        ];
        assert!(verify_path(&key, exchanged).is_err());
    }
}
