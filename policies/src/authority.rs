//! What is in force for a call: the union of a person's bindings, under the organisation's ceiling,
//! narrowed by the call itself.
//!
//! How a union is made: a request or folder that one binding grants is granted, and each limit and
//! quota is the most generous of all bindings', never above the ceiling. Two things are not
//! widened by joining: of approvals, what the most specific binding says holds (of equally
//! specific ones, the strictest), and results are private where any binding says so.

mod denials;
mod join;
mod narrow;
mod requests;

use std::ops::Deref;
use std::sync::Arc;

use crate::approval::Approval;
use crate::granted::Granted;
use crate::limits::Limits;
use crate::{Ceiling, Denial, Policy};

use narrow::Narrower;

/// A policy that takes part, and where it is from.
#[derive(Debug, Clone)]
pub struct Source {
    /// What a decision cites: a binding's id or a file's name. Empty where there is only one.
    pub name: Arc<str>,
    /// The more specific, the higher: everyone, a group, a user.
    pub rank: u8,
    /// What it says.
    pub policy: Arc<Policy>,
}

/// Everything that a call may do.
#[derive(Debug, Clone)]
pub struct Authority {
    plugin: String,
    /// The most specific first.
    sources: Vec<Source>,
    ceiling: Option<Arc<Ceiling>>,
    /// What the call itself is narrowed by; all of them hold.
    narrowers: Vec<Narrower>,
    granted: Granted,
    count: Count,
}

/// What calls are counted under, and how many there may be.
#[derive(Debug, Clone)]
pub struct Count {
    /// The same for equal authorities, and for no others.
    pub identity: [u8; 32],
    /// What holds for all calls that are counted here.
    pub limits: Limits,
}

impl Deref for Authority {
    type Target = Granted;

    fn deref(&self) -> &Granted {
        &self.granted
    }
}

impl From<Policy> for Authority {
    /// One policy, under no ceiling.
    fn from(policy: Policy) -> Self {
        Self::of(Arc::new(policy))
    }
}

impl Authority {
    /// One policy, under no ceiling.
    #[must_use]
    pub fn of(policy: Arc<Policy>) -> Self {
        let source = Source {
            name: Arc::from(""),
            rank: 0,
            policy: Arc::clone(&policy),
        };
        Self::build(policy.plugin().to_owned(), vec![source], None)
    }

    /// The union of `sources`, the most specific first, under a ceiling.
    ///
    /// # Errors
    /// A denial where there is no source, or the ceiling refuses the plugin itself.
    pub fn join(
        plugin: &str,
        sources: Vec<Source>,
        ceiling: Option<Arc<Ceiling>>,
    ) -> Result<Self, Denial> {
        let refuse = |detail: String| Denial {
            capability: "plugin",
            detail,
            grant: String::new(),
        };
        if sources.is_empty() {
            return Err(refuse(format!("{plugin} is not granted")));
        }
        if let Some(rule) = ceiling.as_ref().and_then(|own| own.denies_plugin(plugin)) {
            return Err(refuse(rule.says(plugin)));
        }
        Ok(Self::build(plugin.to_owned(), sources, ceiling))
    }

    /// Which plugin it is for: `publisher/name`.
    #[must_use]
    pub fn plugin(&self) -> &str {
        &self.plugin
    }

    /// What all calls of the grants are counted under.
    #[must_use]
    pub fn identity(&self) -> [u8; 32] {
        self.count.identity
    }

    /// Where a call is counted, the narrowest first: a call that is narrowed counts among those of
    /// its narrower, and among all calls of the grants.
    pub fn counts(&self) -> impl Iterator<Item = &Count> {
        let narrower = self.narrowers.iter().rev().map(|own| &own.count);
        narrower.chain([&self.count])
    }

    /// The policies that it is made of, the most specific first.
    #[must_use]
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// The names of the secrets that its rules inject, each as often as it is named.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        self.sources
            .iter()
            .flat_map(|source| source.policy.secrets())
    }

    /// When a person is asked before `tool` runs: what the most specific source says that says
    /// something, of equally specific ones the strictest, and not less than the call's own.
    #[must_use]
    pub fn approval(&self, tool: &str) -> Approval {
        self.approval_and_narrower(tool).0
    }

    /// What narrows the call, where that is why a person is asked before `tool` runs.
    #[must_use]
    pub fn approval_narrowed_by(&self, tool: &str) -> Option<&str> {
        self.approval_and_narrower(tool).1
    }

    fn approval_and_narrower(&self, tool: &str) -> (Approval, Option<&str>) {
        let said: Vec<(u8, Approval)> = self
            .sources
            .iter()
            .map(|source| (source.rank, source.policy.approval(tool)))
            .filter(|(_, approval)| approval.line.is_some())
            .collect();
        let rank = said.iter().map(|(rank, _)| *rank).max();
        let own = self
            .narrowers
            .iter()
            .map(|own| (own.policy.approval(tool), Some(own.name.as_ref())));
        // Of equals the last one decides: the grants' own.
        own.chain(
            said.iter()
                .filter(|(own, _)| Some(*own) == rank)
                .map(|(_, approval)| (*approval, None)),
        )
        .max_by_key(|(approval, _)| (approval.mode, approval.line.is_some()))
        .unwrap_or_default()
    }

    /// What it may read that is private, in words; empty where that is nothing.
    #[must_use]
    pub fn private_sources(&self) -> Vec<&'static str> {
        let mut found: Vec<&'static str> = Vec::new();
        for own in self
            .sources
            .iter()
            .flat_map(|own| own.policy.private_sources())
        {
            if !found.contains(&own) {
                found.push(own);
            }
        }
        found
    }
}
