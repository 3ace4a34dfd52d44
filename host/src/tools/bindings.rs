//! Grants: who may use which plugin under which policy.

use std::sync::Arc;

use alcove_api_types::{Binding, CreateBinding, Revoked};
use alcove_core::ids::BindingId;
use alcove_policies::{DEFAULTS, Policy};
use alcove_registry::Installed;

use crate::accounts::Principal;
use crate::store::{BindingRow, NewBinding, Subject, now_ms};

use super::{Tools, ToolsError};

/// The reason of the grants that come with the program.
pub(super) const FIRST_PARTY_REASON: &str = "part of Alcove";
/// Who gave these.
const FIRST_PARTY_AUTHOR: &str = "alcove";
/// A reason is at most this long.
const MAX_REASON_CHARS: usize = 500;
/// The latest that a grant may expire: ten years from now.
const MAX_EXPIRY_MS: u64 = 10 * 366 * 86_400 * 1_000;

/// A binding with its policy read.
#[derive(Debug, Clone)]
pub(super) struct Bound {
    pub(super) id: BindingId,
    pub(super) plugin: String,
    pub(super) digest: String,
    pub(super) policy: Arc<Policy>,
    /// The more specific, the higher: 0 everyone, 1 a group, 2 the user.
    pub(super) rank: u8,
    pub(super) created_at_ms: i64,
    pub(super) expires_at_ms: Option<i64>,
}

impl Bound {
    /// `None`, with a line in the log, for a policy that this version can't read: it grants
    /// nothing.
    pub(super) fn read(row: &BindingRow) -> Option<Bound> {
        let policy = match Policy::parse(&row.policy) {
            Ok(policy) => Arc::new(policy),
            Err(error) => {
                tracing::warn!(binding = %row.id.0, plugin = row.plugin, %error, "a grant's policy can't be read");
                return None;
            }
        };
        Some(Bound {
            id: row.id.0,
            rank: match row.subject_kind.as_str() {
                "user" => 2,
                "group" => 1,
                _ => 0,
            },
            plugin: row.plugin.clone(),
            digest: row.digest.clone(),
            policy,
            created_at_ms: row.created_at_ms,
            expires_at_ms: row.expires_at_ms,
        })
    }
}

impl Tools {
    /// Every binding that is in force.
    pub async fn bindings(&self) -> Result<Vec<Binding>, ToolsError> {
        let rows = self
            .inner
            .store
            .bindings(self.inner.local.organisation)
            .await?;
        let mut bindings = Vec::new();
        for row in rows {
            let upgrade = self.upgrade_of(&row).await;
            bindings.push(Binding {
                upgrade,
                words: self.in_words(&row.plugin, &row.policy).await.ok(),
                ..on_the_wire(row)
            });
        }
        Ok(bindings)
    }

    /// Every version of what is and was granted of a plugin.
    pub async fn history(&self, plugin: &str) -> Result<Vec<Binding>, ToolsError> {
        let organisation = self.inner.local.organisation;
        let rows = self.inner.store.binding_history(organisation, plugin);
        let mut versions = Vec::new();
        for row in rows.await? {
            versions.push(Binding {
                words: self.in_words(&row.plugin, &row.policy).await.ok(),
                ..on_the_wire(row)
            });
        }
        Ok(versions)
    }

    /// Grants an installed plugin. A binding of the same plugin for the same principal is
    /// replaced, which stops its running calls: so one accepts a newer version, or another policy.
    pub async fn grant(
        &self,
        create: CreateBinding,
        by: &Principal,
    ) -> Result<Binding, ToolsError> {
        let installed = self.installed(&create.plugin).await?;
        let organisation = self.inner.local.organisation;
        let subject = self
            .inner
            .store
            .subject(organisation, &create.principal)
            .await?
            .ok_or_else(|| ToolsError::Invalid {
                param: "principal",
                message: format!(
                    "`{}` is nobody here: a grant goes to `everyone`, `group:NAME` or `user:NAME`",
                    create.principal
                ),
            })?;
        let reason = create.reason.trim();
        check_reason(reason)?;
        let expires_at_ms = expiry(create.expires_in_ms)?;
        let history = self
            .inner
            .store
            .binding_history(organisation, &installed.id);
        let history: Vec<BindingRow> = history
            .await?
            .into_iter()
            .filter(|row| is_for(row, &subject))
            .collect();
        let standing = || history.iter().filter(|row| row.revoked_at_ms.is_none());
        let chosen = match (&create.policy, standing().next_back()) {
            (None, Some(row)) if create.accept_upgrade && self.was_chosen(row).await => {
                Some(row.policy.clone())
            }
            (given, _) => given.clone(),
        };
        let policy = policy_for(&installed, chosen.as_deref())?;
        if create.policy.is_some() && !create.beyond_request {
            within_request(&installed, &policy)?;
        }
        let before: Vec<BindingId> = standing().map(|row| row.id.0).collect();
        let version = history.iter().map(|row| row.version).max().unwrap_or(0) + 1;
        let id = BindingId::generate();
        self.inner
            .store
            .insert_binding(&NewBinding {
                id,
                organisation,
                plugin: installed.id.clone(),
                digest: installed.digest.clone(),
                subject: subject.clone(),
                policy: policy.text().to_owned(),
                author: by.user,
                reason: reason.to_owned(),
                now_ms: now_ms(),
                version,
                expires_at_ms,
            })
            .await?;
        self.inner.standing.changed();
        for binding in before {
            self.revoke_one(binding, by).await?;
        }
        tracing::info!(plugin = installed.id, principal = create.principal, binding = %id, by = by.username, "granted");
        let row = self.inner.store.binding(id).await?;
        let row = row.ok_or_else(|| ToolsError::Conflict {
            message: "the grant was revoked at the same moment".to_owned(),
        })?;
        self.write_down_grant("grant", &row, by, 0).await;
        self.close_requests(&installed.id, &subject).await?;
        Ok(on_the_wire(row))
    }

    /// Revokes a binding by its id, or all bindings of a plugin by its identity. Answers how many
    /// running calls that stopped, once they have ended.
    pub async fn revoke(&self, id: &str, by: &Principal) -> Result<Revoked, ToolsError> {
        let bindings: Vec<BindingId> = match id.parse::<BindingId>() {
            Ok(binding) => vec![binding],
            Err(_) => self.rows_of(id).await?.iter().map(|row| row.id.0).collect(),
        };
        let mut stopped_calls = 0;
        let mut revoked = 0;
        for binding in bindings {
            if let Some(stopped) = self.revoke_one(binding, by).await? {
                revoked += 1;
                stopped_calls += stopped;
            }
        }
        if revoked == 0 {
            return Err(ToolsError::NotFound {
                what: format!("there is no grant `{id}`: `alcove grants` lists what is granted"),
            });
        }
        // A version that only these grants held on to is not needed any more.
        self.prune().await;
        Ok(Revoked { stopped_calls })
    }

    /// Commits the row, says so, then cancels the leases: see `Leases::acquire` for why in this
    /// order.
    pub(super) async fn revoke_one(
        &self,
        binding: BindingId,
        by: &Principal,
    ) -> Result<Option<u32>, ToolsError> {
        let Some(row) = self.inner.store.binding(binding).await? else {
            return Ok(None);
        };
        let store = &self.inner.store;
        if !store.revoke_binding(binding, by.user, now_ms()).await? {
            return Ok(None);
        }
        self.inner.standing.changed();
        let stopped = self.inner.leases.revoke(binding).await;
        self.inner.live.drop_binding(binding);
        tracing::info!(%binding, stopped, by = by.username, "revoked");
        self.write_down_grant("revoke", &row, by, stopped).await;
        Ok(Some(stopped))
    }

    /// The bindings of a plugin.
    pub(super) async fn rows_of(&self, plugin: &str) -> Result<Vec<BindingRow>, ToolsError> {
        let rows = self
            .inner
            .store
            .bindings(self.inner.local.organisation)
            .await?;
        Ok(rows
            .into_iter()
            .filter(|row| row.plugin == plugin)
            .collect())
    }
}

/// The policy of a grant: what the admin wrote, or the default of a first-party plugin, or what
/// the author asks for.
pub(super) fn policy_for(installed: &Installed, given: Option<&str>) -> Result<Policy, ToolsError> {
    let unfit = |message: String| ToolsError::Invalid {
        param: "policy",
        message,
    };
    let policy = match given {
        Some(text) => Policy::parse(text),
        None => match default_policy(&installed.id) {
            Some(text) => Policy::parse(text),
            None => requested(installed),
        },
    }
    .map_err(|error| unfit(error.to_string()))?;
    if policy.plugin() == installed.id {
        Ok(policy)
    } else {
        Err(unfit(format!(
            "the policy is for {}, not for {}: write plugin = \"{}\"",
            policy.plugin(),
            installed.id,
            installed.id
        )))
    }
}

/// The policy that comes with the program.
pub(super) fn default_policy(plugin: &str) -> Option<&'static str> {
    DEFAULTS
        .iter()
        .find(|(id, _)| *id == plugin)
        .map(|(_, text)| *text)
}

/// What the author asks for, for the identity that the plugin has here: an author names the
/// plugin as they publish it, and what is installed from a folder lives under `local/`.
pub(super) fn requested(installed: &Installed) -> Result<Policy, alcove_policies::PolicyError> {
    let manifest = &installed.manifest;
    if manifest.requests.trim().is_empty() {
        return Policy::nothing(&installed.id);
    }
    let (asked, here) = (
        format!("\"{}\"", manifest.id),
        format!("\"{}\"", installed.id),
    );
    Policy::parse(&manifest.requests.replacen(&asked, &here, 1))
}

/// The policy that a grant is measured by: what comes with the program, or what the author asks
/// for.
pub(super) fn reference(installed: &Installed) -> Result<Policy, alcove_policies::PolicyError> {
    match default_policy(&installed.id) {
        Some(text) => Policy::parse(text),
        None => requested(installed),
    }
}

/// A grant gives at most what is asked for, unless its author says that it is to give more.
fn within_request(installed: &Installed, policy: &Policy) -> Result<(), ToolsError> {
    let unfit = |message: String| ToolsError::Invalid {
        param: "policy",
        message,
    };
    let asked = reference(installed).map_err(|error| unfit(error.to_string()))?;
    let more = policy.more_than(&asked);
    if more.is_empty() {
        return Ok(());
    }
    Err(unfit(format!(
        "the policy grants more than {} asks for: {}. Say `--beyond-request` (`beyond_request` in the API) where that is meant",
        installed.id,
        more.join("; ")
    )))
}

pub(super) fn check_reason(reason: &str) -> Result<(), ToolsError> {
    if reason.chars().count() <= MAX_REASON_CHARS {
        return Ok(());
    }
    Err(ToolsError::Invalid {
        param: "reason",
        message: format!("the reason is longer than {MAX_REASON_CHARS} characters"),
    })
}

/// When a grant that holds for so long ends.
fn expiry(expires_in_ms: Option<u64>) -> Result<Option<i64>, ToolsError> {
    let Some(left) = expires_in_ms else {
        return Ok(None);
    };
    if !(1..=MAX_EXPIRY_MS).contains(&left) {
        return Err(ToolsError::Invalid {
            param: "expires_in_ms",
            message: "a grant that expires does so within ten years".to_owned(),
        });
    }
    Ok(Some(
        now_ms().saturating_add(i64::try_from(left).unwrap_or(i64::MAX)),
    ))
}

fn is_for(row: &BindingRow, subject: &Subject) -> bool {
    match (row.subject_kind.as_str(), subject) {
        ("everyone", Subject::Everyone) => true,
        ("group", Subject::Group(name)) => row.subject == *name,
        ("user", Subject::User(user)) => row.subject == user.to_string(),
        _ => false,
    }
}

fn on_the_wire(row: BindingRow) -> Binding {
    let author = if row.reason == FIRST_PARTY_REASON {
        FIRST_PARTY_AUTHOR.to_owned()
    } else {
        row.author_username.clone()
    };
    Binding {
        id: row.id.0.to_string(),
        principal: row.principal(),
        plugin: row.plugin,
        digest: row.digest,
        policy: row.policy,
        author,
        reason: row.reason,
        created_at_ms: row.created_at_ms,
        version: row.version,
        expires_at_ms: row.expires_at_ms,
        upgrade: None,
        revoked_at_ms: row.revoked_at_ms,
        revoked_by: row.revoked_by_username,
        words: None,
    }
}
