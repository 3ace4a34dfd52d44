//! Granted tools as a server of the Model Context Protocol (MCP).
//!
//! One core answers messages; `/mcp` (HTTP) and `alcove mcp --stdio` carry them. It is written here
//! and not taken from a crate: what a server of tools needs is six methods, every message goes
//! through limits of ours, and a call must take the one path of [`Tools::call`], which no
//! framework's handler traits would make shorter.
//!
//! Both eras are spoken: the stateless revision, in which each request says its version, and the
//! two before it, which begin with `initialize`. Nothing is kept from one message to the next in
//! either but the calls in flight, so that they can be stopped, and the questions that wait.

mod call;
mod elicit;
mod fault;
mod list;
mod message;
mod revision;
mod sessions;
pub(crate) mod stdio;

use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::accounts::Principal;
use crate::tools::Tools;

pub(crate) use call::describe;
pub(crate) use fault::{Fault, code};
pub(crate) use message::{Id, Message, Notification, Request, Response};
pub(crate) use revision::{LEGACY, MODERN, Revision, unsupported, version_of};
pub(crate) use sessions::{InFlight, Place, Sessions};

/// What the server says about itself, for a model that is about to use it.
const INSTRUCTIONS: &str = "Tools that run in a sandbox of WebAssembly. Each may do what an \
    administrator granted and nothing else: a result that begins with \"denied\" says what would \
    have to be granted, and calling again does not help.";
/// How long a client may keep a list: a grant that was taken is refused at the call all the same.
const LIST_TTL_MS: u64 = 30_000;
/// How long it may keep what the server is.
const DISCOVER_TTL_MS: u64 = 3_600_000;

/// The server's core. Cheap to clone.
#[derive(Clone)]
pub struct Mcp {
    tools: Tools,
    questions: elicit::Questions,
    unanswered: elicit::Unanswered,
}

/// What a request is answered with besides its answer.
pub(crate) struct Context<'a> {
    /// Who asks.
    pub(crate) principal: &'a Principal,
    /// Ends a call.
    pub(crate) cancel: CancellationToken,
    /// Where notifications about the request go; a full channel loses them.
    pub(crate) notify: Option<mpsc::Sender<Value>>,
    /// Whether the client, of an older revision, answers requests that come the same way.
    pub(crate) is_asked: bool,
}

impl Notification {
    /// The request that a `notifications/cancelled` names.
    pub(crate) fn cancelled(&self) -> Option<Id> {
        let is_one = self.method == "notifications/cancelled";
        self.params
            .get("requestId")
            .filter(|_| is_one)
            .and_then(Id::of)
    }
}

impl Mcp {
    /// Serves what `tools` offers to whoever asks.
    pub fn new(tools: Tools) -> Mcp {
        Mcp {
            tools,
            questions: elicit::Questions::default(),
            unanswered: elicit::Unanswered::default(),
        }
    }

    /// Takes what a client answers to a request of the server's own.
    pub(crate) fn answered(&self, by: &Principal, response: Response) {
        self.unanswered.take(by.user, response);
    }

    /// Answers a request with the whole JSON-RPC message.
    pub(crate) async fn answer(
        &self,
        request: &Request,
        context: Context<'_>,
    ) -> Result<Value, Fault> {
        let revision = Revision::of(request)?;
        let mut result = match (request.method.as_str(), revision) {
            ("initialize", Revision::Legacy) => initialize(request),
            ("ping", Revision::Legacy) => json!({}),
            ("server/discover", Revision::Modern) => discover(),
            ("server/discover", Revision::Legacy) => {
                return Err(revision::missing("protocolVersion"));
            }
            ("tools/list", _) => self.list(request, context.principal, revision).await?,
            ("tools/call", _) => self.call(request, revision, context).await?,
            (other, _) => return Err(Fault::no_such_method(other)),
        };
        if revision == Revision::Modern {
            if result.get("resultType").is_none() {
                result["resultType"] = json!("complete");
            }
            result["_meta"]["io.modelcontextprotocol/serverInfo"] = server_info();
        }
        Ok(result)
    }
}

/// Whether an `initialize` says that its client's person can be asked.
pub(crate) fn can_be_asked(request: &Request) -> bool {
    let capabilities = request.params.get("capabilities");
    request.method == "initialize" && capabilities.is_some_and(elicit::asks)
}

/// The message that carries a result or a fault.
pub(crate) fn reply(id: &Id, outcome: Result<Value, Fault>) -> Value {
    match outcome {
        Ok(result) => json!({"jsonrpc": "2.0", "id": id, "result": result}),
        Err(fault) => fault.message(Some(id)),
    }
}

fn initialize(request: &Request) -> Value {
    let asked = request
        .params
        .get("protocolVersion")
        .and_then(Value::as_str);
    // A client that asks for a version that this server lacks is told the newest that it has.
    let version = LEGACY
        .into_iter()
        .find(|version| Some(*version) == asked)
        .unwrap_or(LEGACY[0]);
    json!({
        "protocolVersion": version,
        "capabilities": capabilities(),
        "serverInfo": server_info(),
        "instructions": INSTRUCTIONS,
    })
}

fn discover() -> Value {
    json!({
        "supportedVersions": revision::supported(),
        "capabilities": capabilities(),
        "instructions": INSTRUCTIONS,
        "ttlMs": DISCOVER_TTL_MS,
        "cacheScope": "public",
    })
}

fn capabilities() -> Value {
    json!({"tools": {"listChanged": false}})
}

fn server_info() -> Value {
    json!({"name": "alcove", "title": "Alcove", "version": env!("CARGO_PKG_VERSION")})
}
