//! What people ask to be granted, and what an admin says to it.

use alcove_api_types::{DeclineRequest, GrantRequest};
use serde_json::json;

use crate::accounts::Principal;
use crate::store::log::AuditEntry;
use crate::store::{Subject, now_ms};

use super::bindings::check_reason;
use super::{Tools, ToolsError};

/// The most requests that a person has open at once.
const MAX_OPEN_REQUESTS: usize = 32;

impl Tools {
    /// Asks an admin for a plugin.
    pub async fn request_grant(
        &self,
        plugin: &str,
        reason: &str,
        by: &Principal,
    ) -> Result<GrantRequest, ToolsError> {
        let installed = self.installed(plugin).await?;
        let reason = reason.trim();
        check_reason(reason)?;
        let store = &self.inner.store;
        let open = store.grant_requests(by.organisation).await?;
        let own = open
            .iter()
            .filter(|row| row.user_id.0 == by.user && row.declined.is_none())
            .filter(|row| row.plugin != installed.id)
            .count();
        if own >= MAX_OPEN_REQUESTS {
            return Err(ToolsError::Conflict {
                message: format!("you have {MAX_OPEN_REQUESTS} open requests already"),
            });
        }
        let now = now_ms();
        store
            .request_grant(by.organisation, by.user, &installed.id, reason, now)
            .await?;
        tracing::info!(plugin = installed.id, by = by.username, "asked for");
        Ok(GrantRequest {
            user: by.username.clone(),
            plugin: installed.id,
            reason: reason.to_owned(),
            created_at_ms: now,
            declined: None,
        })
    }

    /// What is asked for: all of it for an admin, else one's own with what was declined.
    pub async fn grant_requests(&self, by: &Principal) -> Result<Vec<GrantRequest>, ToolsError> {
        let rows = self.inner.store.grant_requests(by.organisation).await?;
        Ok(rows
            .into_iter()
            .filter(|row| row.user_id.0 == by.user || (by.admin && row.declined.is_none()))
            .map(|row| GrantRequest {
                user: row.username,
                plugin: row.plugin,
                reason: row.reason,
                created_at_ms: row.created_at_ms,
                declined: row.declined,
            })
            .collect())
    }

    /// Takes the requests off the list that a new grant answers.
    pub(super) async fn close_requests(
        &self,
        plugin: &str,
        subject: &Subject,
    ) -> Result<(), ToolsError> {
        let (store, organisation) = (&self.inner.store, self.inner.local.organisation);
        for row in store.grant_requests(organisation).await? {
            let user = row.user_id.0;
            let is_answered = row.plugin == plugin
                && match subject {
                    Subject::Everyone => true,
                    Subject::Group(name) => store.groups_of(user).await?.contains(name),
                    Subject::User(granted) => *granted == user,
                };
            if is_answered {
                store
                    .close_grant_request(organisation, user, plugin)
                    .await?;
            }
        }
        Ok(())
    }

    /// Says no to a person who asked; they read why, and may ask again.
    pub async fn decline_request(
        &self,
        plugin: &str,
        decline: DeclineRequest,
        by: &Principal,
    ) -> Result<GrantRequest, ToolsError> {
        let reason = decline.reason.trim();
        check_reason(reason)?;
        let store = &self.inner.store;
        let gone = || ToolsError::NotFound {
            what: format!("{} does not ask for {plugin} any more", decline.user),
        };
        let open = store.grant_requests(by.organisation).await?;
        let asked = open
            .into_iter()
            .find(|row| row.plugin == plugin && row.username == decline.user)
            .ok_or_else(gone)?;
        let declined = store
            .decline_grant_request(by.organisation, asked.user_id.0, plugin, reason)
            .await?;
        if !declined {
            return Err(gone());
        }
        let written = self.inner.log.audit(AuditEntry {
            organisation: by.organisation,
            user: by.user,
            action: "decline",
            subject: plugin.to_owned(),
            outcome: "ok".to_owned(),
            conversation: None,
            item: None,
            detail: json!({"principal": format!("user:{}", decline.user), "reason": reason}),
        });
        if let Err(error) = written.await {
            tracing::error!(plugin, %error, "a declined request is missing in the audit log");
        }
        Ok(GrantRequest {
            user: asked.username,
            plugin: asked.plugin,
            reason: asked.reason,
            created_at_ms: asked.created_at_ms,
            declined: Some(reason.to_owned()),
        })
    }
}
