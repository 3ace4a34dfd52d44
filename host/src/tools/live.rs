//! Live instances of session tools: a bounded table, the least recently used goes first.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use alcove_core::ids::{ApiKeyId, BindingId, ItemId};
use alcove_sandbox::Session;

/// Which instance: a call takes the one that the call before it on its path left.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    /// The grants that it runs under.
    pub(super) bindings: Vec<BindingId>,
    /// The API key that narrows them: an instance keeps the authority that it was made with.
    pub(super) key: Option<ApiKeyId>,
    /// The component.
    pub(super) digest: String,
    /// The last call on the path that it served. A fork from an older call looks for another key,
    /// so it never finds this instance.
    pub(super) item: ItemId,
}

/// The table.
pub(super) struct LiveSessions<S = Session> {
    most: usize,
    inner: Mutex<Inner<S>>,
}

struct Inner<S> {
    entries: HashMap<Key, (u64, S)>,
    uses: u64,
}

impl<S> LiveSessions<S> {
    pub(super) fn new(most: usize) -> LiveSessions<S> {
        LiveSessions {
            most,
            inner: Mutex::new(Inner {
                entries: HashMap::new(),
                uses: 0,
            }),
        }
    }

    /// Takes an instance out; of two calls after the same call, one gets it.
    pub(super) fn take(&self, key: &Key) -> Option<S> {
        self.lock().entries.remove(key).map(|(_, session)| session)
    }

    /// Puts an instance in, under the call that it served last.
    pub(super) fn put(&self, key: Key, session: S) {
        let mut inner = self.lock();
        inner.uses += 1;
        let uses = inner.uses;
        let replaced = inner.entries.insert(key, (uses, session));
        let evicted = if inner.entries.len() > self.most {
            let oldest = inner
                .entries
                .iter()
                .min_by_key(|(_, (used, _))| *used)
                .map(|(key, _)| key.clone());
            oldest.and_then(|key| inner.entries.remove(&key))
        } else {
            None
        };
        // Dropping an instance gives its memory back, which is no work to do under a lock.
        drop(inner);
        drop((replaced, evicted));
    }

    /// Drops what runs under a binding.
    pub(super) fn drop_binding(&self, binding: BindingId) {
        let mut inner = self.lock();
        let keys: Vec<Key> = inner
            .entries
            .keys()
            .filter(|key| key.bindings.contains(&binding))
            .cloned()
            .collect();
        let dropped: Vec<_> = keys
            .iter()
            .filter_map(|key| inner.entries.remove(key))
            .collect();
        drop(inner);
        drop(dropped);
    }

    /// Drops all.
    pub(super) fn clear(&self) {
        let entries = std::mem::take(&mut self.lock().entries);
        drop(entries);
    }

    fn lock(&self) -> MutexGuard<'_, Inner<S>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(binding: BindingId, item: ItemId) -> Key {
        Key {
            bindings: vec![binding],
            key: None,
            digest: "00".to_owned(),
            item,
        }
    }

    #[test]
    fn a_fork_does_not_find_the_instance() {
        let live = LiveSessions::new(2);
        let binding = BindingId::generate();
        let (first, second) = (ItemId::generate(), ItemId::generate());
        live.put(key(binding, first), "s");
        assert_eq!(live.take(&key(binding, first)), Some("s"));
        live.put(key(binding, second), "s");
        assert_eq!(live.take(&key(binding, first)), None);
        assert_eq!(live.take(&key(BindingId::generate(), second)), None);
        let narrowed = Key {
            key: Some(ApiKeyId::generate()),
            ..key(binding, second)
        };
        assert_eq!(live.take(&narrowed), None, "made under another authority");
        assert_eq!(live.take(&key(binding, second)), Some("s"));
    }

    #[test]
    fn the_least_recently_used_goes_first() {
        let live = LiveSessions::new(2);
        let binding = BindingId::generate();
        let items = [ItemId::generate(), ItemId::generate(), ItemId::generate()];
        for (index, item) in items.iter().enumerate() {
            live.put(key(binding, *item), index);
        }
        let left: Vec<_> = items
            .iter()
            .map(|item| live.take(&key(binding, *item)))
            .collect();
        assert_eq!(left, [None, Some(1), Some(2)]);
    }

    #[test]
    fn a_revoked_binding_leaves_nothing() {
        let live = LiveSessions::new(4);
        let (one, other) = (BindingId::generate(), BindingId::generate());
        let item = ItemId::generate();
        live.put(key(one, item), 1);
        live.put(key(other, item), 2);
        live.drop_binding(one);
        assert_eq!(live.take(&key(one, item)), None);
        assert_eq!(live.take(&key(other, item)), Some(2));
    }
}
