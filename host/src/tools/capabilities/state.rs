//! `alcove:state`: what a plugin keeps for a person, in the item log's store.

use std::sync::Arc;

use alcove_sandbox::{CapabilityError, State};
use async_trait::async_trait;

use super::trouble;
use super::{CallAccount, HostThreads};
use crate::accounts::Principal;
use crate::store::StateChanged;
use crate::store::log::{ItemLog, MAX_STATE_ENTRIES, NewValue, Space};

/// The state of one plugin for one person.
pub(super) struct StateOfUser {
    pub(super) host: HostThreads,
    pub(super) log: ItemLog,
    pub(super) principal: Principal,
    pub(super) plugin: String,
    pub(super) quota_bytes: u64,
    pub(super) account: Arc<CallAccount>,
}

#[async_trait]
impl State for StateOfUser {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, CapabilityError> {
        let (log, space, key) = (self.log.clone(), self.space(), key.to_owned());
        let work = async move {
            log.state_get(space.of(), &key)
                .await
                .map_err(|e| trouble(&e))
        };
        let found = self.host.run(work).await?;
        Ok(found.map(|found| {
            if found.from_web {
                self.account.read_from_web();
            }
            found.value
        }))
    }

    async fn set(&self, key: &str, value: &[u8], from_web: bool) -> Result<(), CapabilityError> {
        let from_web = from_web || self.account.is_fetched();
        let (log, space, quota) = (self.log.clone(), self.space(), self.quota_bytes);
        let (key, value) = (key.to_owned(), value.to_vec());
        let changed = self.host.run(async move {
            let new = NewValue {
                value: &value,
                from_web,
            };
            let set = log.state_set(space.of(), &key, new, quota).await;
            set.map_err(|error| trouble(&error))
        });
        self.done(changed.await?).map(drop)
    }

    async fn delete(&self, key: &str) -> Result<bool, CapabilityError> {
        let (log, space, key) = (self.log.clone(), self.space(), key.to_owned());
        let work = async move {
            let deleted = log.state_delete(space.of(), &key).await;
            deleted.map_err(|error| trouble(&error))
        };
        self.host.run(work).await
    }

    async fn list_keys(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>, CapabilityError> {
        let (log, space) = (self.log.clone(), self.space());
        let (prefix, after) = (prefix.to_owned(), after.map(str::to_owned));
        let work = async move {
            let keys = log.state_keys(space.of(), &prefix, after.as_deref(), limit);
            keys.await.map_err(|error| trouble(&error))
        };
        self.host.run(work).await
    }

    async fn compare_and_set(
        &self,
        key: &str,
        expected: Option<&[u8]>,
        new: Option<&[u8]>,
    ) -> Result<bool, CapabilityError> {
        let (log, space, quota) = (self.log.clone(), self.space(), self.quota_bytes);
        let key = key.to_owned();
        let (expected, new) = (expected.map(<[u8]>::to_vec), new.map(<[u8]>::to_vec));
        let changed = self.host.run(async move {
            let (expected, new) = (expected.as_deref(), new.as_deref());
            let set = log.state_compare_and_set(space.of(), &key, expected, new, quota);
            set.await.map_err(|error| trouble(&error))
        });
        self.done(changed.await?)
    }
}

/// Whose space, to be taken along to another thread.
struct OwnedSpace {
    principal: Principal,
    plugin: String,
}

impl OwnedSpace {
    fn of(&self) -> Space<'_> {
        Space::new(&self.principal, &self.plugin)
    }
}

impl StateOfUser {
    fn space(&self) -> OwnedSpace {
        OwnedSpace {
            principal: self.principal.clone(),
            plugin: self.plugin.clone(),
        }
    }

    /// Whether a change was made.
    fn done(&self, changed: StateChanged) -> Result<bool, CapabilityError> {
        match changed {
            StateChanged::Done { .. } => Ok(true),
            StateChanged::Other => Ok(false),
            StateChanged::Full => Err(CapabilityError::limit(
                "state",
                format!("{} bytes of keys and values", self.quota_bytes),
            )),
            StateChanged::TooMany => Err(CapabilityError::limit(
                "state",
                format!("{MAX_STATE_ENTRIES} keys"),
            )),
        }
    }
}
