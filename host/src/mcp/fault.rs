//! Errors of the protocol itself. What a tool does wrong is a result, not one of these.

use serde_json::{Value, json};

use super::Id;

/// The codes of JSON-RPC and of MCP.
pub(crate) mod code {
    /// Not JSON.
    pub(crate) const PARSE: i64 = -32_700;
    /// JSON, and no request.
    pub(crate) const INVALID_REQUEST: i64 = -32_600;
    /// No such method.
    pub(crate) const METHOD_NOT_FOUND: i64 = -32_601;
    /// A method's parameters do not fit.
    pub(crate) const INVALID_PARAMS: i64 = -32_602;
    /// Something failed inside.
    pub(crate) const INTERNAL: i64 = -32_603;
    /// The HTTP headers say something else than the body.
    pub(crate) const HEADER_MISMATCH: i64 = -32_020;
    /// A revision that is not spoken here.
    pub(crate) const UNSUPPORTED_VERSION: i64 = -32_022;
    /// Too many requests of one connection at once. Ours, outside of what JSON-RPC reserves.
    pub(crate) const BUSY: i64 = 429;
}

/// Why a message is not answered with a result. The text is for the client.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Fault {
    /// One of [`code`].
    pub(crate) code: i64,
    /// What is wrong, and what to do.
    pub(crate) message: String,
    /// What a program can use.
    pub(crate) data: Option<Value>,
}

impl Fault {
    pub(crate) fn new(code: i64, message: impl Into<String>) -> Fault {
        Fault {
            code,
            message: message.into(),
            data: None,
        }
    }

    pub(crate) fn invalid_params(message: impl Into<String>) -> Fault {
        Fault::new(code::INVALID_PARAMS, message)
    }

    pub(crate) fn no_such_method(method: &str) -> Fault {
        let shown: String = method.chars().take(64).collect();
        Fault::new(code::METHOD_NOT_FOUND, format!("Unknown method: {shown}"))
    }

    /// The message that says so; without an id where the request's own could not be read.
    pub(crate) fn message(&self, id: Option<&Id>) -> Value {
        let mut error = json!({"code": self.code, "message": self.message});
        if let Some(data) = &self.data {
            error["data"] = data.clone();
        }
        let mut message = json!({"jsonrpc": "2.0", "error": error});
        if let Some(id) = id {
            message["id"] = json!(id);
        }
        message
    }
}
