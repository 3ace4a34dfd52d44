//! API keys: how programs prove who they act for.

use alcove_api_types::{ApiKey, KeyPolicy, ShownApiKey};
use alcove_core::ids::ApiKeyId;

use super::{AccountError, Accounts, KeyPolicies, Principal, Via, secret};
use crate::store::{ApiKeyRow, Text};

/// What every key's secret begins with, so that leaked ones are found.
const PREFIX: &str = "alc_";
const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// That a key was used is written down at most so often.
const TOUCH_EVERY_MS: i64 = 60 * 1000;
/// The most keys of a user.
const MAX_KEYS: u32 = 100;
/// The longest name of a key, in characters.
const MAX_NAME_CHARACTERS: usize = 100;
/// The longest lifetime.
const MAX_DAYS: u32 = 3650;
/// The length beyond which a secret is not even looked up.
const MAX_SECRET_BYTES: usize = 256;

impl Accounts {
    /// Makes a key: the key, and its secret, which is not known again. Calls with it are narrowed to
    /// `within`, policy files of one plugin each, where that is there.
    pub async fn create_key(
        &self,
        principal: &Principal,
        name: &str,
        expires_in_days: Option<u32>,
        within: Option<&[String]>,
    ) -> Result<(ApiKey, String), AccountError> {
        let name = name.trim();
        if !(1..=MAX_NAME_CHARACTERS).contains(&name.chars().count()) {
            return Err(AccountError::KeyName);
        }
        if expires_in_days.is_some_and(|days| !(1..=MAX_DAYS).contains(&days)) {
            return Err(AccountError::KeyLifetime);
        }
        let id = ApiKeyId::generate();
        let within = within
            .map(|texts| KeyPolicies::parse(id, texts))
            .transpose()?;
        let (secret, secret_hash) = secret::generate(PREFIX)?;
        let now = self.clock.now_ms();
        let row = ApiKeyRow {
            id: Text(id),
            organisation_id: Text(principal.organisation),
            user_id: Text(principal.user),
            name: name.to_owned(),
            secret_hash,
            created_at_ms: now,
            expires_at_ms: expires_in_days.map(|days| now + i64::from(days) * DAY_MS),
            last_used_at_ms: None,
            within: within.map(|own| own.json()),
        };
        if !self.store.insert_api_key(&row, MAX_KEYS).await? {
            return Err(AccountError::TooManyKeys { max: MAX_KEYS });
        }
        Ok((self.shown(row).key, secret))
    }

    /// A user's keys, newest first.
    pub async fn list_keys(&self, principal: &Principal) -> Result<Vec<ApiKey>, AccountError> {
        let rows = self.store.api_keys_of(principal.user).await?;
        Ok(rows.into_iter().map(|row| self.shown(row).key).collect())
    }

    /// One of them, with its policies.
    pub async fn show_key(
        &self,
        principal: &Principal,
        key: ApiKeyId,
    ) -> Result<ShownApiKey, AccountError> {
        Ok(self.shown(self.own_key(principal, key).await?))
    }

    /// The user as one of their keys lets programs act for them.
    pub async fn principal_of_key(
        &self,
        principal: &Principal,
        key: ApiKeyId,
    ) -> Result<Principal, AccountError> {
        let row = self.own_key(principal, key).await?;
        let whole = Principal {
            via: Via::ApiKey,
            ..principal.clone()
        };
        Ok(self.narrowed(whole, &row))
    }

    async fn own_key(
        &self,
        principal: &Principal,
        key: ApiKeyId,
    ) -> Result<ApiKeyRow, AccountError> {
        let rows = self.store.api_keys_of(principal.user).await?;
        let found = rows.into_iter().find(|row| row.id.0 == key);
        found.ok_or(AccountError::NoSuchKey)
    }

    /// Revokes one of the user's keys.
    pub async fn revoke_key(
        &self,
        principal: &Principal,
        key: ApiKeyId,
    ) -> Result<(), AccountError> {
        let now = self.clock.now_ms();
        match self.store.revoke_api_key(principal.user, key, now).await? {
            true => Ok(()),
            false => Err(AccountError::NoSuchKey),
        }
    }

    /// Whom a key's secret acts for; `None` where no key in force has it.
    pub async fn key_principal(&self, secret: &str) -> Result<Option<Principal>, AccountError> {
        if !secret.starts_with(PREFIX) || secret.len() > MAX_SECRET_BYTES {
            return Ok(None);
        }
        let now = self.clock.now_ms();
        let hash = secret::hash(secret);
        let Some(key) = self.store.api_key_by_secret(&hash, now).await? else {
            return Ok(None);
        };
        if key
            .last_used_at_ms
            .is_none_or(|last| now - last >= TOUCH_EVERY_MS)
        {
            self.store.touch_api_key(key.id.0, now).await?;
        }
        match self.store.user(key.user_id.0).await? {
            Some(user) => {
                let whole = self.principal(user, Via::ApiKey).await?;
                Ok(Some(self.narrowed(whole, &key)))
            }
            None => Ok(None),
        }
    }

    fn narrowed(&self, whole: Principal, key: &ApiKeyRow) -> Principal {
        match &key.within {
            None => whole,
            Some(json) => Principal {
                admin: false,
                within: Some(self.key_policies.of(key.id.0, json)),
                ..whole
            },
        }
    }

    fn shown(&self, row: ApiKeyRow) -> ShownApiKey {
        let ApiKeyRow {
            id,
            organisation_id: _,
            user_id: _,
            name,
            secret_hash: _,
            created_at_ms,
            expires_at_ms,
            last_used_at_ms,
            within,
        } = row;
        let policies = within.map(|json| self.key_policies.of(id.0, &json).on_the_wire());
        let plugins = |own: &Vec<KeyPolicy>| own.iter().map(|own| own.plugin.clone()).collect();
        ShownApiKey {
            key: ApiKey {
                id: id.0.to_string(),
                name,
                created_at_ms,
                expires_at_ms,
                last_used_at_ms,
                within: policies.as_ref().map(plugins),
            },
            policies: policies.unwrap_or_default(),
        }
    }
}
