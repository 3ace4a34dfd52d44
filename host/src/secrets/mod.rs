//! Secrets that policies name: kept sealed, handed to the sandbox for a call, shown to nobody.
//!
//! A secret is the organisation's or a user's own. Where a rule injects `{secret:name}`, the
//! user's own of that name comes before the organisation's.

mod error;

use std::collections::BTreeMap;
use std::sync::Arc;

use alcove_api_types::{SecretInfo, SecretScope};
use alcove_policies::is_secret_name;
use serde_json::json;

use crate::accounts::Principal;
use crate::config::Secret;
use crate::store::log::{AuditEntry, ItemLog};
use crate::store::{SecretRow, Store, Text, now_ms};
use crate::vault::Vault;

pub use error::SecretsError;

/// The most secrets of an organisation, and of each user.
const MAX_SECRETS: u32 = 256;
/// The owner of what is the organisation's.
const ORGANISATION: &str = "";

/// Secrets: a cheap handle.
#[derive(Clone)]
pub struct Secrets {
    store: Arc<dyn Store>,
    log: ItemLog,
    vault: Vault,
}

impl Secrets {
    /// Secrets in a store, sealed with the keys of a vault; changes go to the audit log.
    pub fn new(store: Arc<dyn Store>, log: ItemLog, vault: Vault) -> Secrets {
        Secrets { store, log, vault }
    }

    /// Sets a secret, whether it is there or not.
    pub async fn set(
        &self,
        by: &Principal,
        scope: SecretScope,
        name: &str,
        value: &Secret,
    ) -> Result<SecretInfo, SecretsError> {
        let owner = owner(by, scope)?;
        if !is_secret_name(name) {
            return Err(SecretsError::Name);
        }
        alcove_egress::check_secret(value.expose())?;
        let now = now_ms();
        let row = SecretRow {
            organisation_id: Text(by.organisation),
            value: self.seal(by, &owner, name, value).await?,
            owner,
            name: name.to_owned(),
            author_id: Text(by.user),
            created_at_ms: now,
            updated_at_ms: now,
        };
        if !self.store.set_secret(&row, MAX_SECRETS).await? {
            return Err(SecretsError::TooMany { max: MAX_SECRETS });
        }
        self.write_down("secret_set", by, scope, name).await?;
        Ok(on_the_wire(row))
    }

    /// The names of the organisation's secrets and of one's own.
    pub async fn list(&self, by: &Principal) -> Result<Vec<SecretInfo>, SecretsError> {
        let rows = self.store.secrets_for(by.organisation, by.user).await?;
        Ok(rows.into_iter().map(on_the_wire).collect())
    }

    /// Removes a secret: the next request that needs it is refused.
    pub async fn remove(
        &self,
        by: &Principal,
        scope: SecretScope,
        name: &str,
    ) -> Result<(), SecretsError> {
        let owner = owner(by, scope)?;
        let removed = self
            .store
            .remove_secret(by.organisation, &owner, name)
            .await?;
        if !removed {
            return Err(SecretsError::NotFound {
                name: name.chars().take(64).collect(),
            });
        }
        self.write_down("secret_remove", by, scope, name).await
    }

    /// The values of these secrets for a call of a user. One that is not there, or can't be
    /// opened, is left out: the request that needs it is refused by its name.
    pub async fn values(
        &self,
        of: &Principal,
        names: &[&str],
    ) -> Result<BTreeMap<String, Secret>, SecretsError> {
        let mut values = BTreeMap::new();
        if names.is_empty() {
            return Ok(values);
        }
        for row in self.store.secrets_for(of.organisation, of.user).await? {
            // The user's own comes first.
            if !names.contains(&row.name.as_str()) || values.contains_key(&row.name) {
                continue;
            }
            match self.open(of, &row).await {
                Ok(value) => {
                    values.insert(row.name, value);
                }
                Err(error) => {
                    tracing::error!(name = row.name, %error, "a secret cannot be opened; set it again");
                }
            }
        }
        Ok(values)
    }

    async fn seal(
        &self,
        by: &Principal,
        owner: &str,
        name: &str,
        value: &Secret,
    ) -> Result<Vec<u8>, SecretsError> {
        let row = row_name(by, name);
        let plain = value.expose().as_bytes();
        Ok(match owner {
            ORGANISATION => self.vault.seal_shared(&row, plain)?,
            _ => self.log.user_key(by.user).await?.seal(&row, plain)?,
        })
    }

    async fn open(&self, of: &Principal, row: &SecretRow) -> Result<Secret, SecretsError> {
        let name = row_name(of, &row.name);
        let plain = match row.owner.as_str() {
            ORGANISATION => self.vault.open_shared(&name, &row.value)?,
            _ => self.log.user_key(of.user).await?.open(&name, &row.value)?,
        };
        let text = String::from_utf8(plain).map_err(|_| crate::vault::VaultError::Altered)?;
        Ok(Secret::new(text))
    }

    async fn write_down(
        &self,
        action: &'static str,
        by: &Principal,
        scope: SecretScope,
        name: &str,
    ) -> Result<(), SecretsError> {
        let entry = AuditEntry {
            organisation: by.organisation,
            user: by.user,
            action,
            subject: name.to_owned(),
            outcome: "ok".to_owned(),
            conversation: None,
            item: None,
            detail: json!({ "scope": scope }),
        };
        Ok(self.log.audit(entry).await?)
    }
}

/// Whose a secret of this scope is; the organisation's are its admins' to change.
fn owner(by: &Principal, scope: SecretScope) -> Result<String, SecretsError> {
    match scope {
        SecretScope::User => Ok(by.user.to_string()),
        SecretScope::Organisation if by.admin => Ok(ORGANISATION.to_owned()),
        SecretScope::Organisation => Err(SecretsError::NotAdmin),
    }
}

/// What a sealed value is: it opens in no other row.
fn row_name(of: &Principal, name: &str) -> String {
    format!("secret {} {name}", of.organisation)
}

fn on_the_wire(row: SecretRow) -> SecretInfo {
    let SecretRow {
        organisation_id: _,
        owner,
        name,
        value: _,
        author_id: _,
        created_at_ms: _,
        updated_at_ms,
    } = row;
    SecretInfo {
        name,
        scope: match owner.as_str() {
            ORGANISATION => SecretScope::Organisation,
            _ => SecretScope::User,
        },
        updated_at_ms,
    }
}
