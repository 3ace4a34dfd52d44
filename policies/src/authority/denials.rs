//! What a call is told that asks for more than is in force.

use super::Authority;
use crate::{Denial, Policy};

impl Authority {
    pub(super) fn denied(&self, capability: &'static str) -> Option<Denial> {
        let rule = self.ceiling.as_ref()?.denies_capability(capability)?;
        Some(Denial {
            capability,
            detail: rule.says(capability),
            grant: String::new(),
        })
    }

    /// What a call that wants files is told when there are none.
    #[must_use]
    pub fn files_denial(&self) -> Denial {
        let by_source = || {
            let ceiling = self.ceiling.as_ref()?;
            let mut grants = self.sources.iter().flat_map(|own| own.policy.files());
            let (grant, rule) =
                grants.find_map(|grant| Some((grant, ceiling.denies_source(&grant.source)?)))?;
            Some(Denial {
                capability: "files",
                detail: rule.says(&grant.source.to_string()),
                grant: String::new(),
            })
        };
        self.denied("files")
            .or_else(by_source)
            .unwrap_or_else(|| self.ask(|_| true, Policy::files_denial))
    }

    /// What a call that wants to keep something is told when it may not.
    #[must_use]
    pub fn state_denial(&self) -> Denial {
        self.denied("state")
            .unwrap_or_else(|| self.ask(|_| true, Policy::state_denial))
    }

    /// What a call that wants assets is told when it may not have them.
    #[must_use]
    pub fn assets_denial(&self) -> Denial {
        self.denied("assets")
            .unwrap_or_else(|| self.ask(|_| true, Policy::assets_denial))
    }

    /// What a call that wants to ask `model` is told when it may not.
    #[must_use]
    pub fn inference_denial(&self, model: &str) -> Denial {
        self.denied("inference").unwrap_or_else(|| {
            self.ask(
                |policy| policy.inference().is_some(),
                |policy| policy.inference_denial(model),
            )
        })
    }

    /// What a call that wants to call `tool` (`publisher/name:tool`) is told when it may not.
    #[must_use]
    pub fn delegate_denial(&self, tool: &str) -> Denial {
        self.denied("delegate").unwrap_or_else(|| {
            self.ask(
                |policy| policy.delegate().is_some(),
                |policy| policy.delegate_denial(tool),
            )
        })
    }

    /// A denial in the words of the source that has something to say, or of the most specific.
    fn ask(&self, speaks: impl Fn(&Policy) -> bool, deny: impl Fn(&Policy) -> Denial) -> Denial {
        let speaker = self
            .sources
            .iter()
            .find(|source| speaks(&source.policy))
            .or_else(|| self.sources.first());
        match speaker {
            Some(source) => cited(deny(&source.policy), &source.name),
            None => http_denial("nothing is granted".to_owned()),
        }
    }
}

pub(super) fn cited(mut denial: Denial, name: &str) -> Denial {
    if !name.is_empty() {
        denial.detail = format!("{} ({name})", denial.detail);
    }
    denial
}

pub(super) fn http_denial(detail: String) -> Denial {
    Denial {
        capability: "http",
        detail,
        grant: String::new(),
    }
}
