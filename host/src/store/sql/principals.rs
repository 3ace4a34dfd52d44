//! Queries of [`Principals`].

use alcove_core::ids::{OrganisationId, UserId};
use async_trait::async_trait;

use super::{Backend, Connection};
use crate::store::principals::username_key;
use crate::store::{GroupRow, Principals, Seed, StoreError, Text, UserRow};

#[async_trait]
impl Principals for Backend {
    async fn seed(&self, seed: &Seed) -> Result<UserRow, StoreError> {
        let mut tx = self.begin().await?;
        if let Some(user) = local_user(&mut tx).await? {
            return Ok(user);
        }
        sqlx::query("INSERT INTO organisations (id, name, created_at_ms) VALUES ($1, $2, $3)")
            .bind(Text(seed.organisation))
            .bind(&seed.organisation_name)
            .bind(seed.now_ms)
            .execute(&mut *tx)
            .await?;
        for (id, name) in &seed.groups {
            sqlx::query(
                "INSERT INTO groups (id, organisation_id, name, created_at_ms)
                 VALUES ($1, $2, $3, $4)",
            )
            .bind(Text(*id))
            .bind(Text(seed.organisation))
            .bind(name)
            .bind(seed.now_ms)
            .execute(&mut *tx)
            .await?;
        }
        let user = UserRow {
            id: Text(seed.user),
            organisation_id: Text(seed.organisation),
            username: seed.username.clone(),
            password_hash: None,
            is_local: true,
            created_at_ms: seed.now_ms,
        };
        let groups: Vec<&str> = seed.groups.iter().map(|(_, name)| name.as_str()).collect();
        insert_user(&mut tx, &user, &groups).await?;
        tx.commit().await?;
        Ok(user)
    }

    async fn user(&self, user: UserId) -> Result<Option<UserRow>, StoreError> {
        Ok(sqlx::query_as("SELECT * FROM users WHERE id = $1")
            .bind(Text(user))
            .fetch_optional(self.read())
            .await?)
    }

    async fn user_by_name(&self, username: &str) -> Result<Option<UserRow>, StoreError> {
        Ok(
            sqlx::query_as("SELECT * FROM users WHERE username_key = $1")
                .bind(username_key(username))
                .fetch_optional(self.read())
                .await?,
        )
    }

    async fn local_user(&self) -> Result<Option<UserRow>, StoreError> {
        let mut connection = self.read().acquire().await?;
        local_user(&mut connection).await
    }

    async fn groups_of(&self, user: UserId) -> Result<Vec<String>, StoreError> {
        Ok(sqlx::query_scalar(
            "SELECT groups.name FROM groups
             JOIN memberships ON memberships.group_id = groups.id
             WHERE memberships.user_id = $1 ORDER BY groups.name",
        )
        .bind(Text(user))
        .fetch_all(self.read())
        .await?)
    }

    async fn group_by_name(
        &self,
        organisation: OrganisationId,
        name: &str,
    ) -> Result<Option<GroupRow>, StoreError> {
        Ok(
            sqlx::query_as("SELECT id, name FROM groups WHERE organisation_id = $1 AND name = $2")
                .bind(Text(organisation))
                .bind(name)
                .fetch_optional(self.read())
                .await?,
        )
    }

    async fn names(
        &self,
        organisation: OrganisationId,
        limit: u32,
    ) -> Result<(Vec<String>, Vec<String>), StoreError> {
        let users = sqlx::query_scalar(
            "SELECT username FROM users WHERE organisation_id = $1 ORDER BY username_key LIMIT $2",
        );
        let groups = sqlx::query_scalar(
            "SELECT name FROM groups WHERE organisation_id = $1 ORDER BY name LIMIT $2",
        );
        let (organisation, limit) = (Text(organisation), i64::from(limit));
        let users = users.bind(organisation).bind(limit);
        let groups = groups.bind(organisation).bind(limit);
        Ok((
            users.fetch_all(self.read()).await?,
            groups.fetch_all(self.read()).await?,
        ))
    }

    async fn insert_user(&self, user: &UserRow, groups: &[&str]) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        insert_user(&mut tx, user, groups).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn set_password(&self, user: UserId, password_hash: &str) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let changed = sqlx::query("UPDATE users SET password_hash = $2 WHERE id = $1")
            .bind(Text(user))
            .bind(password_hash)
            .execute(&mut *tx)
            .await?;
        sqlx::query("DELETE FROM web_sessions WHERE user_id = $1")
            .bind(Text(user))
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(changed.rows_affected() == 1)
    }

    async fn set_setup_token(
        &self,
        user: UserId,
        token_hash: &[u8],
        now_ms: i64,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        sqlx::query("DELETE FROM setup_tokens WHERE user_id = $1")
            .bind(Text(user))
            .execute(&mut *tx)
            .await?;
        sqlx::query(
            "INSERT INTO setup_tokens (token_hash, user_id, created_at_ms) VALUES ($1, $2, $3)",
        )
        .bind(token_hash)
        .bind(Text(user))
        .bind(now_ms)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(())
    }

    async fn claim(
        &self,
        token_hash: &[u8],
        username: &str,
        password_hash: &str,
    ) -> Result<Option<UserRow>, StoreError> {
        let mut tx = self.begin().await?;
        let user: Option<Text<UserId>> =
            sqlx::query_scalar("DELETE FROM setup_tokens WHERE token_hash = $1 RETURNING user_id")
                .bind(token_hash)
                .fetch_optional(&mut *tx)
                .await?;
        let Some(user) = user else { return Ok(None) };
        let row = sqlx::query_as(
            "UPDATE users SET username = $2, username_key = $3, password_hash = $4
             WHERE id = $1 RETURNING *",
        )
        .bind(user)
        .bind(username)
        .bind(username_key(username))
        .bind(password_hash)
        .fetch_optional(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(row)
    }
}

async fn local_user(connection: &mut Connection) -> Result<Option<UserRow>, StoreError> {
    Ok(sqlx::query_as("SELECT * FROM users WHERE is_local")
        .fetch_optional(connection)
        .await?)
}

async fn insert_user(
    connection: &mut Connection,
    user: &UserRow,
    groups: &[&str],
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO users
             (id, organisation_id, username, username_key, password_hash, is_local, created_at_ms)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(user.id)
    .bind(user.organisation_id)
    .bind(&user.username)
    .bind(username_key(&user.username))
    .bind(&user.password_hash)
    .bind(user.is_local)
    .bind(user.created_at_ms)
    .execute(&mut *connection)
    .await?;
    for group in groups {
        sqlx::query(
            "INSERT INTO memberships (group_id, user_id)
             SELECT id, $3 FROM groups WHERE organisation_id = $1 AND name = $2",
        )
        .bind(user.organisation_id)
        .bind(*group)
        .bind(user.id)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}
