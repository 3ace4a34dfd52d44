//! Speaking to the server, in the revision that it knows.

use alcove_sdk::{Failure, Outcome, Part};
use serde_json::{Value, json};

use crate::config::Config;
use crate::exchange::{Fault, Wire};
use crate::result;

/// The stateless revision.
const MODERN: &str = "2026-07-28";
/// The newest revision that begins with `initialize`.
const LEGACY: &str = "2025-11-25";
/// The error of a server that speaks another stateless revision.
const UNSUPPORTED_VERSION: i64 = -32_022;
/// Pages of a list that are read at most.
const MAX_PAGES: usize = 16;
/// Tools that are read at most; a plugin has fewer.
const MAX_TOOLS: usize = 1_000;
/// Marks the call whose progress is passed on.
const PROGRESS_TOKEN: u32 = 1;

/// A conversation of one call.
struct Talk<'a> {
    config: &'a Config,
    version: String,
    session: Option<String>,
    id: u32,
}

/// What the server offers: `{"version": …, "tools": […]}`.
pub(crate) fn discover(config: &Config) -> Outcome {
    let mut talk = Talk::open(config)?;
    let mut tools = Vec::new();
    let mut cursor = None;
    for _ in 0..MAX_PAGES {
        let mut params = json!({});
        if let Some(cursor) = cursor {
            params["cursor"] = cursor;
        }
        let mut page = talk
            .ask("tools/list", None, params)
            .map_err(Fault::failure)?;
        if let Value::Array(page) = page["tools"].take() {
            tools.extend(page);
        }
        cursor = page
            .get("nextCursor")
            .filter(|cursor| !cursor.is_null())
            .cloned();
        if cursor.is_none() || tools.len() > MAX_TOOLS {
            break;
        }
    }
    talk.close();
    tools.truncate(MAX_TOOLS);
    let found = json!({"version": talk.version, "tools": tools});
    Ok(vec![Part::json(found.to_string())])
}

/// Calls a tool.
pub(crate) fn call(config: &Config, name: &str, arguments: Value) -> Outcome {
    let mut talk = Talk::open(config)?;
    let params = json!({
        "name": name,
        "arguments": arguments,
        "_meta": {"progressToken": PROGRESS_TOKEN},
    });
    let result = talk.ask("tools/call", Some(name), params);
    talk.close();
    result::parts(&result.map_err(Fault::failure)?)
}

impl<'a> Talk<'a> {
    /// Finds out what the server speaks, where that is not known, and opens a session with an
    /// older one.
    fn open(config: &'a Config) -> Result<Talk<'a>, Failure> {
        let mut talk = Talk {
            config,
            version: config.version.clone().unwrap_or_else(|| MODERN.to_owned()),
            session: None,
            id: 0,
        };
        if config.version.is_none() && !talk.is_modern()? {
            talk.version = LEGACY.to_owned();
        }
        if talk.version != MODERN {
            talk.initialize().map_err(Fault::failure)?;
        }
        Ok(talk)
    }

    /// Whether the server answers a request of the stateless revision as one.
    fn is_modern(&mut self) -> Result<bool, Failure> {
        match self.ask("server/discover", None, json!({})) {
            Ok(found) => Ok(found["supportedVersions"]
                .as_array()
                .is_some_and(|versions| versions.iter().any(|version| version == MODERN))),
            Err(Fault::Rpc {
                code, supported, ..
            }) if code == UNSUPPORTED_VERSION => {
                Ok(supported.iter().any(|version| version == MODERN))
            }
            // Whatever else an older server says to a method that it does not know.
            Err(Fault::Rpc { .. } | Fault::Status(400 | 404 | 405 | 406)) => Ok(false),
            Err(fault) => Err(fault.failure()),
        }
    }

    fn initialize(&mut self) -> Result<(), Fault> {
        let asked = json!({
            "protocolVersion": self.version,
            "capabilities": {},
            "clientInfo": {"name": "alcove", "version": env!("CARGO_PKG_VERSION")},
        });
        self.id += 1;
        let wire = Wire {
            url: &self.config.url,
            headers: Vec::new(),
        };
        let answer = wire.ask(self.id, "initialize", asked)?;
        if let Some(version) = answer.result["protocolVersion"].as_str() {
            self.version = version.to_owned();
        }
        self.session = answer.session;
        self.wire("notifications/initialized", None)
            .tell("notifications/initialized")
    }

    fn wire<'b>(&'b self, method: &'b str, name: Option<&str>) -> Wire<'b> {
        let mut headers = vec![("mcp-protocol-version", self.version.clone())];
        if self.version == MODERN {
            headers.push(("mcp-method", method.to_owned()));
            if let Some(name) = name {
                headers.push(("mcp-name", name.to_owned()));
            }
        }
        if let Some(session) = &self.session {
            headers.push(("mcp-session-id", session.clone()));
        }
        Wire {
            url: &self.config.url,
            headers,
        }
    }

    fn ask(&mut self, method: &str, name: Option<&str>, mut params: Value) -> Result<Value, Fault> {
        if self.version == MODERN {
            params["_meta"]["io.modelcontextprotocol/protocolVersion"] = json!(MODERN);
            params["_meta"]["io.modelcontextprotocol/clientCapabilities"] = json!({});
            params["_meta"]["io.modelcontextprotocol/clientInfo"] =
                json!({"name": "alcove", "version": env!("CARGO_PKG_VERSION")});
        }
        self.id += 1;
        let answer = self.wire(method, name).ask(self.id, method, params)?;
        Ok(answer.result)
    }

    fn close(&self) {
        if self.session.is_some() {
            self.wire("", None).end();
        }
    }
}
