//! What a call is told that asks for more than is in force.

use super::Authority;
use super::narrow::Narrower;
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
        self.denied("files").or_else(by_source).unwrap_or_else(|| {
            // A narrower that opens folders opens none of those that are granted.
            let has = |policy: &Policy| !policy.files().is_empty();
            let narrower = self.narrowers.first().filter(|_| self.has_source(has));
            self.ask(narrower, |_| true, Policy::files_denial)
        })
    }

    /// What a call that wants to keep something is told when it may not.
    #[must_use]
    pub fn state_denial(&self) -> Denial {
        self.denied("state").unwrap_or_else(|| {
            let withheld = self.withheld(|policy| policy.state().is_some());
            self.ask(withheld, |_| true, Policy::state_denial)
        })
    }

    /// What a call that wants assets is told when it may not have them.
    #[must_use]
    pub fn assets_denial(&self) -> Denial {
        self.denied("assets").unwrap_or_else(|| {
            let withheld = self.withheld(|policy| policy.assets().is_some());
            self.ask(withheld, |_| true, Policy::assets_denial)
        })
    }

    /// What a call that wants to ask `model` is told when it may not.
    #[must_use]
    pub fn inference_denial(&self, model: &str) -> Denial {
        self.denied("inference").unwrap_or_else(|| {
            self.ask(
                self.withheld(|policy| policy.inference().is_some_and(|own| own.covers(model))),
                |policy| policy.inference().is_some(),
                |policy| policy.inference_denial(model),
            )
        })
    }

    /// What a call that wants to call `tool` (`publisher/name:tool`) is told when it may not.
    #[must_use]
    pub fn delegate_denial(&self, tool: &str) -> Denial {
        let (plugin, name) = tool.split_once(':').unwrap_or((tool, ""));
        self.denied("delegate").unwrap_or_else(|| {
            self.ask(
                self.withheld(|policy| {
                    let grant = policy.delegate();
                    grant.is_some_and(|own| own.covers(plugin, name))
                }),
                |policy| policy.delegate().is_some(),
                |policy| policy.delegate_denial(tool),
            )
        })
    }

    fn has_source(&self, has: impl Fn(&Policy) -> bool) -> bool {
        self.sources.iter().any(|source| has(&source.policy))
    }

    /// What takes from the call what the grants have.
    fn withheld(&self, has: impl Fn(&Policy) -> bool) -> Option<&Narrower> {
        self.has_source(&has)
            .then(|| self.narrowers.iter().find(|own| !has(&own.policy)))
            .flatten()
    }

    /// A denial in the words of what withholds it, else of the source that has something to say, or
    /// of the most specific.
    fn ask(
        &self,
        withheld: Option<&Narrower>,
        speaks: impl Fn(&Policy) -> bool,
        deny: impl Fn(&Policy) -> Denial,
    ) -> Denial {
        if let Some(own) = withheld {
            return cited(deny(&own.policy), &own.name);
        }
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
