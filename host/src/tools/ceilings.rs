//! The organisation's ceiling, and what would be allowed.

use std::sync::Arc;

use alcove_api_types::{Ceiling as WireCeiling, Explain, Explanation, Revoked, SetCeiling};
use alcove_core::ids::OrganisationId;
use alcove_policies::{Ceiling, HttpDecision};
use serde_json::json;
use url::Url;

use crate::accounts::Principal;
use crate::store::log::AuditEntry;
use crate::store::{CeilingRow, NewCeiling, now_ms};

use super::admit::not_granted;
use super::bindings::check_reason;
use super::{Tools, ToolsError};

impl Tools {
    /// The ceiling of an organisation, where it has one.
    pub(super) async fn ceiling_in_force(
        &self,
        organisation: OrganisationId,
    ) -> Result<Option<Arc<Ceiling>>, ToolsError> {
        parse_ceiling(self.inner.store.ceiling(organisation).await?.as_ref())
    }

    /// The version of the ceiling that holds.
    pub async fn ceiling(&self) -> Result<WireCeiling, ToolsError> {
        let row = self.inner.store.ceiling(self.inner.local.organisation);
        Ok(row.await?.map_or_else(no_ceiling, ceiling_on_the_wire))
    }

    /// Sets the ceiling. Calls that run are stopped, since they run under the old one; answers
    /// how many.
    pub async fn set_ceiling(
        &self,
        set: SetCeiling,
        by: &Principal,
    ) -> Result<Revoked, ToolsError> {
        let SetCeiling { policy, reason } = set;
        if policy.trim().is_empty() {
            return Err(ToolsError::Invalid {
                param: "policy",
                message: "an empty text is no ceiling; `alcove policy ceiling clear` takes it away"
                    .to_owned(),
            });
        }
        Ceiling::parse(&policy).map_err(|error| ToolsError::Invalid {
            param: "policy",
            message: error.to_string(),
        })?;
        self.change_ceiling(policy, reason, by).await
    }

    /// Takes the ceiling away.
    pub async fn clear_ceiling(&self, by: &Principal) -> Result<Revoked, ToolsError> {
        self.change_ceiling(String::new(), "cleared".to_owned(), by)
            .await
    }

    async fn change_ceiling(
        &self,
        policy: String,
        reason: String,
        by: &Principal,
    ) -> Result<Revoked, ToolsError> {
        check_reason(&reason)?;
        let organisation = self.inner.local.organisation;
        self.inner
            .store
            .set_ceiling(&NewCeiling {
                organisation,
                policy: policy.clone(),
                author: by.user,
                reason: reason.clone(),
                now_ms: now_ms(),
            })
            .await?;
        self.inner.standing.changed();
        let stopped_calls = self.inner.leases.revoke_all().await;
        self.inner.live.clear();
        let written = self.inner.log.audit(AuditEntry {
            organisation,
            user: by.user,
            action: "ceiling",
            subject: "ceiling".to_owned(),
            outcome: "ok".to_owned(),
            conversation: None,
            item: None,
            detail: json!({"policy": policy, "reason": reason, "stopped_calls": stopped_calls}),
        });
        if let Err(error) = written.await {
            tracing::error!(%error, "a change of the ceiling is missing in the audit log");
        }
        tracing::info!(stopped_calls, by = by.username, "the ceiling is changed");
        Ok(Revoked { stopped_calls })
    }

    /// Whether a plugin may send a request for a person, and which line decides.
    pub async fn explain(
        &self,
        explain: &Explain,
        whose: &Principal,
    ) -> Result<Explanation, ToolsError> {
        let url: Url = explain.url.parse().map_err(|_| ToolsError::Invalid {
            param: "url",
            message: "is not a URL".to_owned(),
        })?;
        let (person, _) = self.standing(whose).await?;
        let Some(found) = person.of(&explain.plugin) else {
            return Ok(Explanation {
                allowed: false,
                why: format!(
                    "{}, or the ceiling denies it",
                    not_granted(whose, &explain.plugin)
                ),
                bindings: Vec::new(),
                addresses: String::new(),
                grant: String::new(),
            });
        };
        let bindings = found.bindings.iter().map(ToString::to_string).collect();
        Ok(match found.authority.http(&explain.method, &url) {
            HttpDecision::Allow {
                line,
                addresses,
                grant,
                also,
                ..
            } => Explanation {
                allowed: true,
                why: format!(
                    "line {line} of the policy of {}{} allows it",
                    grant.as_deref().unwrap_or(&explain.plugin),
                    also.iter()
                        .map(|own| format!(" and line {} of that of {}", own.line, own.by))
                        .collect::<String>()
                ),
                bindings,
                addresses: addresses.to_string(),
                grant: String::new(),
            },
            HttpDecision::Deny(denial) => Explanation {
                allowed: false,
                why: denial.detail,
                bindings,
                addresses: String::new(),
                grant: denial.grant,
            },
        })
    }
}

/// The ceiling in a row, where there is one.
pub(super) fn parse_ceiling(row: Option<&CeilingRow>) -> Result<Option<Arc<Ceiling>>, ToolsError> {
    let Some(row) = row.filter(|row| !row.policy.is_empty()) else {
        return Ok(None);
    };
    // One that this version can't read closes everything: what it denies is not known.
    let ceiling = Ceiling::parse(&row.policy).map_err(|error| ToolsError::Conflict {
        message: format!(
            "the organisation's ceiling (version {}) can't be read: {error}",
            row.version
        ),
    })?;
    Ok(Some(Arc::new(ceiling)))
}

fn no_ceiling() -> WireCeiling {
    WireCeiling {
        version: 0,
        policy: String::new(),
        author: String::new(),
        reason: String::new(),
        created_at_ms: 0,
    }
}

fn ceiling_on_the_wire(row: CeilingRow) -> WireCeiling {
    WireCeiling {
        version: row.version,
        policy: row.policy,
        author: row.author_username,
        reason: row.reason,
        created_at_ms: row.created_at_ms,
    }
}
