//! What policies mean, in words, beside what a plugin's author asks for.

use alcove_api_types::{InWords, Plugin, PolicyRead};
use alcove_policies::Policy;
use alcove_registry::Installed;

use crate::accounts::Principal;

use super::bindings::{policy_for, reference};
use super::{Tools, ToolsError};

impl Tools {
    /// What a policy would grant an installed plugin; without a text, the one that a grant gives
    /// that names none. It grants nothing.
    pub async fn read_policy(
        &self,
        plugin: &str,
        text: Option<&str>,
    ) -> Result<PolicyRead, ToolsError> {
        let installed = self.installed(plugin).await?;
        let policy = policy_for(&installed, text)?;
        Ok(PolicyRead {
            words: words(&policy, &installed)?,
            policy: policy.text().to_owned(),
        })
    }

    /// What the policy of a grant means.
    pub(super) async fn in_words(&self, plugin: &str, text: &str) -> Result<InWords, ToolsError> {
        let installed = self.installed(plugin).await?;
        words(&policy_for(&installed, Some(text))?, &installed)
    }

    /// Every installed plugin, with what the person may do with it.
    pub async fn list_for(&self, who: &Principal) -> Result<Vec<Plugin>, ToolsError> {
        let mut plugins = self.list().await?;
        for plugin in &mut plugins {
            plugin.allowed = self.allowed(&plugin.id, who).await?;
        }
        Ok(plugins)
    }

    /// One of them.
    pub async fn inspect_for(&self, id: &str, who: &Principal) -> Result<Plugin, ToolsError> {
        let plugin = self.inspect(id).await?;
        let allowed = self.allowed(id, who).await?;
        Ok(Plugin { allowed, ..plugin })
    }

    async fn allowed(
        &self,
        plugin: &str,
        who: &Principal,
    ) -> Result<Option<Vec<String>>, ToolsError> {
        let (person, _) = self.standing(who).await?;
        let Some(found) = person.of(plugin) else {
            return Ok(None);
        };
        let mut phrases = Vec::new();
        let within = who.within.as_ref().and_then(|own| own.of_plugin(plugin));
        // With a key that has policies, its own words: it may no more than them.
        let policies: Vec<&Policy> = match within {
            Some(policy) => vec![policy],
            None => {
                let sources = found.authority.sources().iter();
                sources.map(|source| source.policy.as_ref()).collect()
            }
        };
        for policy in policies {
            for phrase in granted(policy)? {
                if !phrases.contains(&phrase) {
                    phrases.push(phrase);
                }
            }
        }
        Ok(Some(phrases))
    }
}

fn words(policy: &Policy, installed: &Installed) -> Result<InWords, ToolsError> {
    let asked = reference(installed).map_err(unreadable)?;
    Ok(InWords {
        grants: granted(policy)?,
        withheld: asked.more_than(policy),
        beyond: policy.more_than(&asked),
        warning: policy.flow_warning(),
    })
}

fn granted(policy: &Policy) -> Result<Vec<String>, ToolsError> {
    let nothing = Policy::nothing(policy.plugin()).map_err(unreadable)?;
    Ok(policy.more_than(&nothing))
}

fn unreadable(error: alcove_policies::PolicyError) -> ToolsError {
    ToolsError::Invalid {
        param: "policy",
        message: error.to_string(),
    }
}
