//! What the host refused a guest last: it explains a failure that comes right after.

use alcove_policies::Denial;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::capabilities::CapabilityError;
use crate::files;
use crate::report::LimitHit;

/// A refusal. It is part of a call's record, so that a replay ends as the call did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Refusal {
    /// A rule of the policy, or the lack of one.
    Denied(#[serde(with = "denial")] Denial),
    /// The rate of a rule, of requests or of bytes.
    HttpRate(String),
    /// A limit of a capability.
    Limit(#[serde(with = "limit")] LimitHit),
    /// The requests of a call.
    HttpRequests(String),
    /// The bytes of a call.
    HttpBytes(String),
}

impl Refusal {
    /// What was allowed, or why it was refused.
    pub(crate) fn allowed(&self) -> &str {
        match self {
            Refusal::Denied(denial) => &denial.detail,
            Refusal::HttpRate(allowed)
            | Refusal::HttpRequests(allowed)
            | Refusal::HttpBytes(allowed) => allowed,
            Refusal::Limit(hit) => &hit.allowed,
        }
    }
}

/// The capabilities that can be refused: a denial names one of them.
const CAPABILITIES: [&str; 8] = [
    "http",
    "flow",
    "files",
    "state",
    "assets",
    "inference",
    "delegate",
    "secrets",
];

/// A denial as a record holds it.
mod denial {
    use super::{CAPABILITIES, Denial, Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct Written {
        capability: String,
        detail: String,
        grant: String,
    }

    pub(super) fn serialize<S: Serializer>(denial: &Denial, to: S) -> Result<S::Ok, S::Error> {
        Written {
            capability: denial.capability.to_owned(),
            detail: denial.detail.clone(),
            grant: denial.grant.clone(),
        }
        .serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Denial, D::Error> {
        let written = Written::deserialize(from)?;
        Ok(Denial {
            capability: CAPABILITIES
                .into_iter()
                .find(|name| *name == written.capability)
                .unwrap_or("capability"),
            detail: written.detail,
            grant: written.grant,
        })
    }
}

/// A limit as a record holds it.
mod limit {
    use super::{
        CapabilityError, Deserialize, Deserializer, LimitHit, Serialize, Serializer, files,
    };

    pub(super) fn serialize<S: Serializer>(hit: &LimitHit, to: S) -> Result<S::Ok, S::Error> {
        (hit.name, &hit.allowed).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<LimitHit, D::Error> {
        let (name, allowed) = <(String, String)>::deserialize(from)?;
        let known = CapabilityError::LIMITS.into_iter().chain([files::LIMIT]);
        Ok(LimitHit {
            name: known
                .into_iter()
                .find(|known| *known == name)
                .unwrap_or("limit"),
            allowed,
        })
    }
}
