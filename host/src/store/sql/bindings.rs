//! Queries of [`Bindings`].

use alcove_core::ids::{BindingId, OrganisationId, UserId};
use async_trait::async_trait;

use super::Backend;
use crate::store::bindings::SubjectName;
use crate::store::{BindingRow, Bindings, NewBinding, Principals, StoreError, Subject, Text};

/// A query for bindings with the names of the people in them, by this condition.
macro_rules! select {
    ($condition:literal) => {
        concat!(
            "SELECT bindings.*, authors.username AS author_username,
                 subjects.username AS subject_username,
                 revokers.username AS revoked_by_username
             FROM bindings JOIN users AS authors ON authors.id = bindings.author_id
             LEFT JOIN users AS subjects
                 ON bindings.subject_kind = 'user' AND subjects.id = bindings.subject
             LEFT JOIN users AS revokers ON revokers.id = bindings.revoked_by_id
             ",
            $condition
        )
    };
}

#[async_trait]
impl Bindings for Backend {
    async fn subject(
        &self,
        organisation: OrganisationId,
        name: &str,
    ) -> Result<Option<Subject>, StoreError> {
        match name.parse() {
            Err(_) => Ok(None),
            Ok(SubjectName::Everyone) => Ok(Some(Subject::Everyone)),
            Ok(SubjectName::Group(name)) => {
                let group = self.group_by_name(organisation, &name).await?;
                Ok(group.map(|group| Subject::Group(group.name)))
            }
            Ok(SubjectName::User(name)) => {
                let user = self.user_by_name(&name).await?;
                Ok(user
                    .filter(|user| user.organisation_id.0 == organisation)
                    .map(|user| Subject::User(user.id.0)))
            }
        }
    }

    async fn insert_binding(&self, binding: &NewBinding) -> Result<(), StoreError> {
        let (subject_kind, subject) = binding.subject.columns();
        sqlx::query(
            "INSERT INTO bindings (id, organisation_id, plugin, digest, subject_kind, subject,
                 policy, author_id, reason, created_at_ms, version, expires_at_ms)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        )
        .bind(Text(binding.id))
        .bind(Text(binding.organisation))
        .bind(&binding.plugin)
        .bind(&binding.digest)
        .bind(subject_kind)
        .bind(subject)
        .bind(&binding.policy)
        .bind(Text(binding.author))
        .bind(&binding.reason)
        .bind(binding.now_ms)
        .bind(binding.version)
        .bind(binding.expires_at_ms)
        .execute(self.write())
        .await?;
        Ok(())
    }

    async fn bindings(&self, organisation: OrganisationId) -> Result<Vec<BindingRow>, StoreError> {
        Ok(sqlx::query_as(select!(
            "WHERE bindings.organisation_id = $1 AND bindings.revoked_at_ms IS NULL
                 ORDER BY bindings.created_at_ms, bindings.id"
        ))
        .bind(Text(organisation))
        .fetch_all(self.read())
        .await?)
    }

    async fn binding_history(
        &self,
        organisation: OrganisationId,
        plugin: &str,
    ) -> Result<Vec<BindingRow>, StoreError> {
        Ok(sqlx::query_as(select!(
            "WHERE bindings.organisation_id = $1 AND bindings.plugin = $2
                 ORDER BY bindings.created_at_ms, bindings.id"
        ))
        .bind(Text(organisation))
        .bind(plugin)
        .fetch_all(self.read())
        .await?)
    }

    async fn bindings_for(
        &self,
        organisation: OrganisationId,
        user: UserId,
        groups: &[String],
    ) -> Result<Vec<BindingRow>, StoreError> {
        let user = user.to_string();
        let mut rows = self.bindings(organisation).await?;
        rows.retain(|row| match row.subject_kind.as_str() {
            "everyone" => true,
            "group" => groups.contains(&row.subject),
            "user" => row.subject == user,
            _ => false,
        });
        Ok(rows)
    }

    async fn binding(&self, binding: BindingId) -> Result<Option<BindingRow>, StoreError> {
        Ok(sqlx::query_as(select!(
            "WHERE bindings.id = $1 AND bindings.revoked_at_ms IS NULL"
        ))
        .bind(Text(binding))
        .fetch_optional(self.read())
        .await?)
    }

    async fn revoke_binding(
        &self,
        binding: BindingId,
        by: UserId,
        now_ms: i64,
    ) -> Result<bool, StoreError> {
        let revoked = sqlx::query(
            "UPDATE bindings SET revoked_at_ms = $3, revoked_by_id = $2
             WHERE id = $1 AND revoked_at_ms IS NULL",
        )
        .bind(Text(binding))
        .bind(Text(by))
        .bind(now_ms)
        .execute(self.write())
        .await?;
        Ok(revoked.rows_affected() == 1)
    }
}
