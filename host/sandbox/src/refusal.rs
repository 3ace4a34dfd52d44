//! What the host refused a guest last: it explains a failure that comes right after.

use alcove_policies::Denial;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A refusal. It is part of a call's record, so that a replay ends as the call did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Refusal {
    /// A rule of the policy, or the lack of one.
    Denied(#[serde(with = "denial")] Denial),
    /// The rate of a rule.
    HttpRate(String),
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
