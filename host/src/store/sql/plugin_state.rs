//! Queries of [`PluginState`].

use alcove_core::ids::UserId;
use async_trait::async_trait;

use super::{Backend, Connection};
use crate::store::{
    Expected, NewState, PluginState, StateChange, StateChanged, StateRow, StoreError, Text,
    WrappedRowKey,
};

#[async_trait]
impl PluginState for Backend {
    async fn set_state_space_once(
        &self,
        plugin: &str,
        key: &WrappedRowKey,
    ) -> Result<Vec<u8>, StoreError> {
        let mut tx = self.begin().await?;
        sqlx::query(
            "INSERT INTO row_keys (row_id, user_id, wrapped) VALUES ($1, $2, $3)
             ON CONFLICT DO NOTHING",
        )
        .bind(&key.row)
        .bind(Text(key.user))
        .bind(&key.wrapped)
        .execute(&mut *tx)
        .await?;
        sqlx::query(
            "INSERT INTO state_spaces (user_id, plugin, used_bytes, entries, revision)
             VALUES ($1, $2, 0, 0, 0) ON CONFLICT DO NOTHING",
        )
        .bind(Text(key.user))
        .bind(plugin)
        .execute(&mut *tx)
        .await?;
        let stored = sqlx::query_scalar("SELECT wrapped FROM row_keys WHERE row_id = $1")
            .bind(&key.row)
            .fetch_one(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(stored)
    }

    async fn state_entry(
        &self,
        user: UserId,
        plugin: &str,
        name_hash: &[u8],
    ) -> Result<Option<StateRow>, StoreError> {
        Ok(sqlx::query_as(
            "SELECT name, value, revision FROM state_entries
             WHERE user_id = $1 AND plugin = $2 AND name_hash = $3",
        )
        .bind(Text(user))
        .bind(plugin)
        .bind(name_hash)
        .fetch_optional(self.read())
        .await?)
    }

    async fn state_names(&self, user: UserId, plugin: &str) -> Result<Vec<Vec<u8>>, StoreError> {
        Ok(
            sqlx::query_scalar("SELECT name FROM state_entries WHERE user_id = $1 AND plugin = $2")
                .bind(Text(user))
                .bind(plugin)
                .fetch_all(self.read())
                .await?,
        )
    }

    async fn change_state(&self, change: StateChange<'_>) -> Result<StateChanged, StoreError> {
        let mut tx = self.begin().await?;
        // The space's row is locked first: changes of it come one after the other.
        let space: Option<(i64, i64, i64)> = sqlx::query_as(
            "UPDATE state_spaces SET revision = revision + 1 WHERE user_id = $1 AND plugin = $2
             RETURNING used_bytes, entries, revision",
        )
        .bind(Text(change.user))
        .bind(change.plugin)
        .fetch_optional(&mut *tx)
        .await?;
        // Erased since its key was read.
        let Some((used, entries, revision)) = space else {
            return Ok(StateChanged::Other);
        };
        let before: Option<(i64, i64)> = sqlx::query_as(
            "SELECT size_bytes, revision FROM state_entries
             WHERE user_id = $1 AND plugin = $2 AND name_hash = $3",
        )
        .bind(Text(change.user))
        .bind(change.plugin)
        .bind(change.name_hash)
        .fetch_optional(&mut *tx)
        .await?;
        let is_expected = match change.expected {
            Expected::Any => true,
            Expected::Absent => before.is_none(),
            Expected::Revision(wanted) => before.is_some_and(|(_, found)| found == wanted),
        };
        if !is_expected {
            return Ok(StateChanged::Other);
        }
        let existed = before.is_some();
        let old_bytes = before.map_or(0, |(bytes, _)| bytes);
        let new_bytes = change.new.as_ref().map_or(0, |new| new.size_bytes);
        let used = used - old_bytes + new_bytes;
        let entries = entries - i64::from(existed) + i64::from(change.new.is_some());
        // What makes it smaller is always allowed: the quota may have been lowered since.
        if new_bytes > old_bytes && used > change.quota_bytes {
            return Ok(StateChanged::Full);
        }
        if !existed && entries > change.max_entries {
            return Ok(StateChanged::TooMany);
        }
        match &change.new {
            Some(new) => write(&mut tx, &change, new, revision).await?,
            None => remove(&mut tx, &change).await?,
        }
        sqlx::query(
            "UPDATE state_spaces SET used_bytes = $3, entries = $4
             WHERE user_id = $1 AND plugin = $2",
        )
        .bind(Text(change.user))
        .bind(change.plugin)
        .bind(used)
        .bind(entries)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(StateChanged::Done { existed })
    }
}

async fn write(
    connection: &mut Connection,
    change: &StateChange<'_>,
    new: &NewState,
    revision: i64,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO state_entries (user_id, plugin, name_hash, name, value, size_bytes, revision)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (user_id, plugin, name_hash) DO UPDATE SET
             name = excluded.name, value = excluded.value, size_bytes = excluded.size_bytes,
             revision = excluded.revision",
    )
    .bind(Text(change.user))
    .bind(change.plugin)
    .bind(change.name_hash)
    .bind(&new.name)
    .bind(&new.value)
    .bind(new.size_bytes)
    .bind(revision)
    .execute(connection)
    .await?;
    Ok(())
}

async fn remove(connection: &mut Connection, change: &StateChange<'_>) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM state_entries WHERE user_id = $1 AND plugin = $2 AND name_hash = $3")
        .bind(Text(change.user))
        .bind(change.plugin)
        .bind(change.name_hash)
        .execute(connection)
        .await?;
    Ok(())
}
