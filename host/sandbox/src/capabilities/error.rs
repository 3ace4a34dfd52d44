//! Why a capability did not do what was asked.

use alcove_policies::Denial;
use serde::{Deserialize, Serialize};

use crate::refusal::Refusal;
use crate::report::LimitHit;

/// Why a capability did not do what was asked. It is part of the call's record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum CapabilityError {
    /// The policy does not grant it.
    #[error("{detail}")]
    Denied {
        /// What was asked for and why it is refused, with the policy's line where one is nearest.
        detail: String,
        /// The lines that would grant it; empty where no policy can.
        grant: String,
    },
    /// A limit was reached.
    #[error("more than {allowed}")]
    Limit {
        /// Which, as the outcome names it: one of [`CapabilityError::LIMITS`].
        name: String,
        /// What is allowed, in words a person reads.
        allowed: String,
    },
    /// There is no such thing.
    #[error("{0}")]
    NotFound(String),
    /// What was asked for cannot be.
    #[error("{0}")]
    Invalid(String),
    /// The host could not do it now. The text is for the guest: nothing of the host's inside.
    #[error("{0}")]
    Unavailable(String),
}

impl CapabilityError {
    /// The limits that a capability can reach.
    pub const LIMITS: [&'static str; 10] = [
        "state",
        "assets",
        "inference-tokens",
        "inference-tokens-per-day",
        "quota.tokens_per_user",
        "quota.tokens_per_organisation",
        "tokens",
        "delegate-depth",
        "delegate-cycle",
        "delegate-calls",
    ];

    /// A limit by its name and what is allowed.
    pub fn limit(name: &'static str, allowed: impl Into<String>) -> CapabilityError {
        CapabilityError::Limit {
            name: name.to_owned(),
            allowed: allowed.into(),
        }
    }

    /// What the call's outcome is if the guest gives up for this.
    pub(super) fn refusal(&self, capability: &'static str) -> Option<Refusal> {
        match self {
            CapabilityError::Denied { detail, grant } => Some(Refusal::Denied(Denial {
                capability,
                detail: detail.clone(),
                grant: grant.clone(),
            })),
            CapabilityError::Limit { name, allowed } => {
                let known = CapabilityError::LIMITS.iter().find(|known| *known == name);
                known.map(|name| {
                    Refusal::Limit(LimitHit {
                        name,
                        allowed: allowed.clone(),
                    })
                })
            }
            _ => None,
        }
    }
}

impl From<Denial> for CapabilityError {
    fn from(denial: Denial) -> CapabilityError {
        CapabilityError::Denied {
            detail: denial.detail,
            grant: denial.grant,
        }
    }
}
