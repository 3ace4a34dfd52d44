//! `/api/policy`.

use serde::{Deserialize, Serialize};

/// `PUT /api/policy/ceiling`: sets what no grant of the organisation can exceed (admin).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetCeiling {
    /// The ceiling's text.
    pub policy: String,
    /// Why.
    #[serde(default)]
    pub reason: String,
}

/// A version of an organisation's ceiling.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ceiling {
    /// 1, 2, 3, …; 0 where none was ever set.
    pub version: i64,
    /// Its text; empty where there is none.
    pub policy: String,
    /// Who set it.
    pub author: String,
    /// Why.
    pub reason: String,
    /// When.
    pub created_at_ms: i64,
}

/// `POST /api/policy/explain`: would this be allowed, and which line decides?
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Explain {
    /// The plugin's identity.
    pub plugin: String,
    /// For whom; the caller where absent. Only an admin may ask about others.
    #[serde(default)]
    pub user: Option<String>,
    /// Under the policies of one of the caller's own API keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The request's method.
    pub method: String,
    /// Where it would go.
    pub url: String,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// Whether it may be sent, as far as can be said before the name is resolved.
    pub allowed: bool,
    /// Which line of what decides, in words.
    pub why: String,
    /// The grants in force, the most specific first.
    pub bindings: Vec<String>,
    /// Which addresses it may go to, where it is allowed.
    pub addresses: String,
    /// The lines that would grant it, where it is refused and a grant can change that.
    pub grant: String,
}

/// The answer to `POST /api/plugins/{id}/learn`: a policy to read, not a grant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Learned {
    /// The smallest policy under which the author's examples were denied nothing.
    pub policy: String,
    /// How many examples ran.
    pub examples: u32,
    /// What did not end well, an example each.
    pub notes: Vec<String>,
}

/// `POST /api/plugins/{id}/policy`: what would a policy grant the plugin?
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReadPolicy {
    /// Its text; what a grant gives that names no policy where absent.
    #[serde(default)]
    pub policy: Option<String>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyRead {
    /// The policy's text.
    pub policy: String,
    /// What it means.
    pub words: InWords,
}

/// What a policy means, a phrase each.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InWords {
    /// What it grants.
    pub grants: Vec<String>,
    /// What the author asks for and it does not grant.
    pub withheld: Vec<String>,
    /// What it grants beyond what the author asks for.
    pub beyond: Vec<String>,
    /// What to think of: that it reads what is private and may send to anybody.
    pub warning: Option<String>,
}
