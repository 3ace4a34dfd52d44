//! Which revision of the protocol a request is in.

use serde_json::{Value, json};

use super::Request;
use super::fault::{Fault, code};

/// The stateless revision: each request says its version and what its client can do.
pub(crate) const MODERN: &str = "2026-07-28";
/// The revisions that begin with `initialize`, the newest first. A server of tools does the same
/// in both.
pub(crate) const LEGACY: [&str; 2] = ["2025-11-25", "2025-06-18"];

const PREFIX: &str = "io.modelcontextprotocol/";

/// The era of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Revision {
    /// [`LEGACY`].
    Legacy,
    /// [`MODERN`].
    Modern,
}

impl Revision {
    /// Reads what the request says of itself. One that says nothing is of the older era, in which
    /// requests did not.
    pub(crate) fn of(request: &Request) -> Result<Revision, Fault> {
        let Some(version) = version_of(request) else {
            return Ok(Revision::Legacy);
        };
        let version = version
            .as_str()
            .ok_or_else(|| Fault::invalid_params("`_meta`'s protocolVersion must be text"))?;
        if version != MODERN {
            return Err(unsupported(version));
        }
        let capabilities = request.meta(&format!("{PREFIX}clientCapabilities"));
        match capabilities {
            Some(Value::Object(_)) => Ok(Revision::Modern),
            _ => Err(missing("clientCapabilities")),
        }
    }
}

/// The version that a request claims, as it stands there.
pub(crate) fn version_of(request: &Request) -> Option<&Value> {
    request.meta(&format!("{PREFIX}protocolVersion"))
}

/// Every version that is spoken, the newest first.
pub(crate) fn supported() -> Vec<&'static str> {
    [MODERN].into_iter().chain(LEGACY).collect()
}

/// A version that is not spoken.
pub(crate) fn unsupported(version: &str) -> Fault {
    let requested: String = version.chars().take(64).collect();
    Fault {
        data: Some(json!({"supported": supported(), "requested": requested})),
        ..Fault::new(code::UNSUPPORTED_VERSION, "Unsupported protocol version")
    }
}

/// A field of `_meta` that each request has to carry.
pub(crate) fn missing(field: &str) -> Fault {
    Fault::invalid_params(format!("`params._meta` lacks `{PREFIX}{field}`"))
}
