//! What plugins keep for users, in clear: this seals and opens it.

use alcove_core::ids::UserId;

use super::{ItemLog, LogError};
use crate::accounts::Principal;
use crate::store::{Expected, NewState, StateChange, StateChanged, WrappedRowKey};
use crate::vault::{RowKey, VaultError};

/// The most entries that one plugin keeps for one user.
pub const MAX_STATE_ENTRIES: i64 = 10_000;
/// How often a change that compares is tried when others change the same entry.
const COMPARE_ATTEMPTS: u32 = 8;

/// The field that a value is sealed as. One that came from the network is sealed as another, so
/// that nobody without the key can make the one out of the other.
const VALUE: &str = "value";
const VALUE_FROM_WEB: &str = "value from web";

/// A value that was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptValue {
    /// The bytes.
    pub value: Vec<u8>,
    /// Whether the call that kept it had been answered over the network.
    pub from_web: bool,
}

/// A value to be kept, as [`KeptValue`].
#[derive(Debug, Clone, Copy)]
pub struct NewValue<'a> {
    /// The bytes.
    pub value: &'a [u8],
    /// Whether the call has been answered over the network.
    pub from_web: bool,
}

impl<'a, V: AsRef<[u8]> + ?Sized> From<&'a V> for NewValue<'a> {
    fn from(value: &'a V) -> NewValue<'a> {
        NewValue {
            value: value.as_ref(),
            from_web: false,
        }
    }
}

/// Whose entries: a plugin's, for a user.
#[derive(Debug, Clone, Copy)]
pub struct Space<'a> {
    user: UserId,
    plugin: &'a str,
}

impl<'a> Space<'a> {
    /// What `plugin` keeps for a person.
    pub fn new(principal: &Principal, plugin: &'a str) -> Space<'a> {
        Space {
            user: principal.user,
            plugin,
        }
    }

    fn row(&self) -> String {
        format!("state:{}:{}", self.user, self.plugin)
    }
}

impl ItemLog {
    /// The value of a key.
    pub async fn state_get(
        &self,
        space: Space<'_>,
        key: &str,
    ) -> Result<Option<KeptValue>, LogError> {
        let Some(row_key) = self.state_key(space).await? else {
            return Ok(None);
        };
        Ok(self.state_read(space, &row_key, key).await?.0)
    }

    /// Sets a key.
    pub async fn state_set(
        &self,
        space: Space<'_>,
        key: &str,
        value: impl Into<NewValue<'_>>,
        quota_bytes: u64,
    ) -> Result<StateChanged, LogError> {
        let value = value.into();
        let row_key = self.new_state_key(space).await?;
        self.state_change(
            space,
            &row_key,
            key,
            Expected::Any,
            Some(value),
            quota_bytes,
        )
        .await
    }

    /// Removes a key; answers whether it was there.
    pub async fn state_delete(&self, space: Space<'_>, key: &str) -> Result<bool, LogError> {
        let Some(row_key) = self.state_key(space).await? else {
            return Ok(false);
        };
        let changed = self
            .state_change(space, &row_key, key, Expected::Any, None, 0)
            .await?;
        Ok(changed == StateChanged::Done { existed: true })
    }

    /// Keys with a prefix, in the order of their bytes, behind `after`.
    pub async fn state_keys(
        &self,
        space: Space<'_>,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>, LogError> {
        let Some(row_key) = self.state_key(space).await? else {
            return Ok(Vec::new());
        };
        let mut keys = Vec::new();
        for sealed in self.store.state_names(space.user, space.plugin).await? {
            let name = open(&row_key, "name", &sealed, space)?;
            let name = String::from_utf8(name).map_err(|_| tampered(space))?;
            if name.starts_with(prefix) && after.is_none_or(|after| name.as_str() > after) {
                keys.push(name);
            }
        }
        keys.sort_unstable();
        keys.truncate(limit);
        Ok(keys)
    }

    /// Sets a key, or removes it, if its value is `expected`. [`StateChanged::Other`] where it is
    /// not.
    pub async fn state_compare_and_set(
        &self,
        space: Space<'_>,
        key: &str,
        expected: Option<&[u8]>,
        new: Option<&[u8]>,
        quota_bytes: u64,
    ) -> Result<StateChanged, LogError> {
        let row_key = self.new_state_key(space).await?;
        for _ in 0..COMPARE_ATTEMPTS {
            let (found, revision) = self.state_read(space, &row_key, key).await?;
            if found.as_ref().map(|found| &found.value[..]) != expected {
                return Ok(StateChanged::Other);
            }
            let changed = self
                .state_change(
                    space,
                    &row_key,
                    key,
                    revision,
                    new.map(NewValue::from),
                    quota_bytes,
                )
                .await?;
            // Changed since it was read: perhaps to the same value.
            if changed != StateChanged::Other {
                return Ok(changed);
            }
        }
        Ok(StateChanged::Other)
    }

    async fn state_read(
        &self,
        space: Space<'_>,
        row_key: &RowKey,
        key: &str,
    ) -> Result<(Option<KeptValue>, Expected), LogError> {
        let hash = row_key.lookup(key);
        let row = self
            .store
            .state_entry(space.user, space.plugin, &hash)
            .await?;
        let Some(row) = row else {
            return Ok((None, Expected::Absent));
        };
        // The value's seal does not say whose it is; the name beside it must be the one asked for.
        if open(row_key, "name", &row.name, space)? != key.as_bytes() {
            return Err(tampered(space));
        }
        let (value, from_web) = match row_key.open(VALUE, &row.value) {
            Err(VaultError::Altered) => (open(row_key, VALUE_FROM_WEB, &row.value, space)?, true),
            opened => (opened?, false),
        };
        let value = value
            .strip_prefix(hash.as_slice())
            .ok_or_else(|| tampered(space))?
            .to_vec();
        let kept = KeptValue { value, from_web };
        Ok((Some(kept), Expected::Revision(row.revision)))
    }

    async fn state_change(
        &self,
        space: Space<'_>,
        row_key: &RowKey,
        key: &str,
        expected: Expected,
        value: Option<NewValue<'_>>,
        quota_bytes: u64,
    ) -> Result<StateChanged, LogError> {
        let name_hash = row_key.lookup(key);
        let new = match value {
            Some(NewValue { value, from_web }) => Some(NewState {
                name: row_key.seal("name", key.as_bytes())?,
                // With its name's hash: a value that was moved to another name does not open there.
                value: row_key.seal(
                    if from_web { VALUE_FROM_WEB } else { VALUE },
                    &[&name_hash[..], value].concat(),
                )?,
                size_bytes: i64::try_from(key.len() + value.len()).unwrap_or(i64::MAX),
            }),
            None => None,
        };
        let change = StateChange {
            user: space.user,
            plugin: space.plugin,
            name_hash: &name_hash,
            expected,
            new,
            quota_bytes: i64::try_from(quota_bytes).unwrap_or(i64::MAX),
            max_entries: MAX_STATE_ENTRIES,
        };
        Ok(self.store.change_state(change).await?)
    }

    /// The space's key, where it has one.
    async fn state_key(&self, space: Space<'_>) -> Result<Option<RowKey>, LogError> {
        let row = space.row();
        let (Some(user), Some(wrapped)) = (
            self.existing_user_key(space.user).await?,
            self.store.row_key(&row).await?,
        ) else {
            return Ok(None);
        };
        Ok(Some(user.open_row_key(&row, &wrapped)?))
    }

    /// The space's key; made the first time.
    async fn new_state_key(&self, space: Space<'_>) -> Result<RowKey, LogError> {
        if let Some(key) = self.state_key(space).await? {
            return Ok(key);
        }
        let row = space.row();
        let user = self.user_key(space.user).await?;
        let (_, wrapped) = user.new_row_key(&row)?;
        let key = WrappedRowKey {
            row: row.clone(),
            user: space.user,
            wrapped,
        };
        let stored = self.store.set_state_space_once(space.plugin, &key).await?;
        Ok(user.open_row_key(&row, &stored)?)
    }
}

fn open(
    key: &RowKey,
    field: &'static str,
    sealed: &[u8],
    space: Space<'_>,
) -> Result<Vec<u8>, LogError> {
    key.open(field, sealed).map_err(|error| match error {
        VaultError::Altered => tampered(space),
        other => other.into(),
    })
}

fn tampered(space: Space<'_>) -> LogError {
    LogError::TamperedRow { row: space.row() }
}
