//! The policies of an API key: what calls with it are narrowed to.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use alcove_api_types::KeyPolicy;
use alcove_core::ids::ApiKeyId;
use alcove_policies::Policy;

use super::AccountError;

/// The most policies of a key: one a plugin.
pub(super) const MAX_POLICIES: usize = 64;
/// The most bytes of all of them together.
pub(super) const MAX_BYTES: usize = 256 << 10;
/// The most keys whose policies are kept as read; with more, all are read again.
const MAX_KEPT: usize = 1024;

/// What calls with a key are narrowed to. A plugin that has no policy here can't be used with it.
#[derive(Debug)]
pub struct KeyPolicies {
    key: ApiKeyId,
    name: Arc<str>,
    policies: Vec<Arc<Policy>>,
}

/// A key's policies never change.
impl PartialEq for KeyPolicies {
    fn eq(&self, other: &KeyPolicies) -> bool {
        self.key == other.key
    }
}

impl Eq for KeyPolicies {}

impl KeyPolicies {
    /// Reads what a key is to be made with.
    pub(super) fn parse(key: ApiKeyId, texts: &[String]) -> Result<KeyPolicies, AccountError> {
        if texts.len() > MAX_POLICIES || texts.iter().map(String::len).sum::<usize>() > MAX_BYTES {
            return Err(AccountError::KeyPoliciesTooMany);
        }
        let mut policies: Vec<Arc<Policy>> = Vec::new();
        for (index, text) in texts.iter().enumerate() {
            let policy = Policy::parse(text).map_err(|error| AccountError::KeyPolicy {
                number: index + 1,
                error,
            })?;
            if policies.iter().any(|own| own.plugin() == policy.plugin()) {
                return Err(AccountError::KeyPolicyTwice {
                    plugin: policy.plugin().to_owned(),
                });
            }
            policies.push(Arc::new(policy));
        }
        Ok(KeyPolicies::of(key, policies))
    }

    /// Reads what was stored. What this version can't read grants nothing.
    fn stored(key: ApiKeyId, json: &str) -> KeyPolicies {
        let texts: Vec<String> = serde_json::from_str(json).unwrap_or_else(|error| {
            tracing::error!(%key, %error, "the policies of a key can't be read: it may use no tool");
            Vec::new()
        });
        let read = |text: &String| match Policy::parse(text) {
            Ok(policy) => Some(Arc::new(policy)),
            Err(error) => {
                tracing::error!(%key, %error, "a policy of a key can't be read: its plugin can't be used");
                None
            }
        };
        KeyPolicies::of(key, texts.iter().filter_map(read).collect())
    }

    fn of(key: ApiKeyId, policies: Vec<Arc<Policy>>) -> KeyPolicies {
        KeyPolicies {
            key,
            name: format!("the API key {key}").into(),
            policies,
        }
    }

    /// As a row has them.
    pub(super) fn json(&self) -> String {
        let texts: Vec<&str> = self.policies.iter().map(|own| own.text()).collect();
        serde_json::json!(texts).to_string()
    }

    /// As clients see them.
    pub(super) fn on_the_wire(&self) -> Vec<KeyPolicy> {
        let policies = self.policies.iter().map(|own| KeyPolicy {
            plugin: own.plugin().to_owned(),
            policy: own.text().to_owned(),
        });
        policies.collect()
    }

    /// Whose they are.
    pub(crate) fn key(&self) -> ApiKeyId {
        self.key
    }

    /// What a decision cites.
    pub(crate) fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// What a plugin's calls are narrowed to; `None` where it can't be used.
    pub(crate) fn of_plugin(&self, plugin: &str) -> Option<&Arc<Policy>> {
        self.policies.iter().find(|own| own.plugin() == plugin)
    }
}

/// Those that were read, so that a request does not read them again.
#[derive(Default)]
pub(super) struct Kept(Mutex<HashMap<ApiKeyId, Arc<KeyPolicies>>>);

impl Kept {
    pub(super) fn of(&self, key: ApiKeyId, json: &str) -> Arc<KeyPolicies> {
        let lock = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = lock().get(&key) {
            return Arc::clone(kept);
        }
        let read = Arc::new(KeyPolicies::stored(key, json));
        let mut kept = lock();
        if kept.len() >= MAX_KEPT {
            kept.clear();
        }
        kept.insert(key, Arc::clone(&read));
        read
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(plugin: &str, rest: &str) -> String {
        format!("version = 1\nplugin = \"{plugin}\"\n{rest}")
    }

    #[test]
    fn what_is_wrong_is_named() {
        let parse = |texts: &[String]| KeyPolicies::parse(ApiKeyId::generate(), texts);
        let error = |texts: &[String]| parse(texts).unwrap_err().to_string();
        let says = error(&[text("a/b", ""), text("a/c", "paths = 1\n")]);
        assert!(
            says.contains("policy 2") && says.contains("line 3"),
            "{says}"
        );
        let says = error(&[text("a/b", ""), text("a/b", "")]);
        assert!(says.contains("a/b"), "{says}");
        let plugin = |number| text(&format!("a/p{number}"), "");
        let many: Vec<String> = (0..=MAX_POLICIES).map(plugin).collect();
        assert!(error(&many).contains("64 policies"));
        let long = format!("#{}", "x".repeat(60 << 10));
        let long: Vec<String> = (0..5).map(|own| format!("{}{long}", plugin(own))).collect();
        assert!(error(&long).contains("256 KiB"));
        assert!(parse(&many[1..]).is_ok() && parse(&[]).is_ok());
    }

    #[test]
    fn what_cant_be_read_again_grants_nothing() {
        let key = ApiKeyId::generate();
        let made = KeyPolicies::parse(key, &[text("a/b", ""), text("a/c", "")]).unwrap();
        let kept = Kept::default();
        assert!(kept.of(key, &made.json()).of_plugin("a/c").is_some());
        assert!(kept.of(key, "?").of_plugin("a/c").is_some(), "kept as read");
        let newer = serde_json::json!([text("a/b", ""), text("a/c", "future = 1\n")]);
        let read = KeyPolicies::stored(key, &newer.to_string());
        assert!(read.of_plugin("a/b").is_some() && read.of_plugin("a/c").is_none());
        assert!(KeyPolicies::stored(key, "{}").of_plugin("a/b").is_none());
    }
}
