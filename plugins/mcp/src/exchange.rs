//! One JSON-RPC request over streamable HTTP.

use std::time::Duration;

use alcove_sdk::http::{self, Request, Response};
use alcove_sdk::{Failure, session};
use serde_json::{Value, json};
use url::Url;

use crate::events::Events;

/// A whole answer is at most this long.
const MAX_ANSWER_BYTES: usize = 8 << 20;
/// How long the server may be silent; the policy's own limits are shorter or not.
const PATIENCE: Duration = Duration::from_secs(120);
/// A server's own words about an error are cut to this.
const MAX_WORDS: usize = 500;

/// How a request did not get a result.
pub(crate) enum Fault {
    /// The server answered with a JSON-RPC error.
    Rpc {
        /// Its code.
        code: i64,
        /// Its words.
        message: String,
        /// What it supports, where it said so.
        supported: Vec<String>,
    },
    /// It answered with a status and no message.
    Status(u16),
    /// There is no answer.
    Failed(Failure),
}

impl From<Failure> for Fault {
    fn from(failure: Failure) -> Fault {
        Fault::Failed(failure)
    }
}

impl Fault {
    /// In words for whoever called the tool.
    pub(crate) fn failure(self) -> Failure {
        match self {
            Fault::Rpc { code, message, .. } => {
                let words: String = message.chars().take(MAX_WORDS).collect();
                Failure::upstream(format!("the server answered with error {code}: {words}"))
            }
            Fault::Status(401 | 403) => Failure::denied(
                "the server wants a credential: an admin puts one into the policy with `inject`",
            ),
            Fault::Status(429) => Failure::rate_limited("the server wants fewer requests", None),
            Fault::Status(status) => {
                Failure::upstream(format!("the server answered with status {status}"))
            }
            Fault::Failed(failure) => failure,
        }
    }
}

/// What goes with every request of a conversation with the server.
pub(crate) struct Wire<'a> {
    /// Where.
    pub(crate) url: &'a str,
    /// Beside those that every request has.
    pub(crate) headers: Vec<(&'a str, String)>,
}

/// A result, and the headers it came with.
pub(crate) struct Answer {
    /// The result.
    pub(crate) result: Value,
    /// The session that an older server opened.
    pub(crate) session: Option<String>,
}

impl Wire<'_> {
    /// Sends a request and waits for its result; progress is passed on as it comes.
    pub(crate) fn ask(&self, id: u32, method: &str, params: Value) -> Result<Answer, Fault> {
        let body = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        let response = self.send("POST", Some(&body))?;
        let status = response.status;
        let session = response.header("mcp-session-id").map(str::to_owned);
        let is_stream = response
            .header("content-type")
            .is_some_and(|kind| kind.starts_with("text/event-stream"));
        let message = match is_stream {
            true => follow(response, id)?,
            false => {
                let body = response.body(MAX_ANSWER_BYTES)?;
                if body.cut {
                    return Err(Failure::too_large("the server's answer is too long").into());
                }
                serde_json::from_slice(&body.bytes).unwrap_or(Value::Null)
            }
        };
        match read(message, id, status) {
            Ok(result) => Ok(Answer { result, session }),
            Err(fault) => Err(fault),
        }
    }

    /// Sends what wants no answer.
    pub(crate) fn tell(&self, method: &str) -> Result<(), Fault> {
        let body = json!({"jsonrpc": "2.0", "method": method});
        let response = self.send("POST", Some(&body))?;
        match response.status {
            200..300 => Ok(()),
            status => Err(Fault::Status(status)),
        }
    }

    /// Ends a session; a server that does not like that will forget it by itself.
    pub(crate) fn end(&self) {
        let _ = self.send("DELETE", None);
    }

    fn send(&self, method: &str, body: Option<&Value>) -> Result<Response, Failure> {
        let bad = |_| Failure::internal("the server's URL is none");
        let url = Url::parse(self.url).map_err(bad)?;
        let authority = match (url.host_str(), url.port()) {
            (Some(host), Some(port)) => format!("{host}:{port}"),
            (Some(host), None) => host.to_owned(),
            (None, _) => return Err(Failure::internal("the server's URL has no host")),
        };
        let path = match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        };
        let mut headers = vec![("accept", "application/json, text/event-stream")];
        if body.is_some() {
            headers.push(("content-type", "application/json"));
        }
        headers.extend(
            self.headers
                .iter()
                .map(|(name, value)| (*name, value.as_str())),
        );
        let body = body.map(Value::to_string).unwrap_or_default();
        http::send_body(
            &Request {
                method,
                scheme: url.scheme(),
                authority: &authority,
                path_and_query: &path,
                headers: &headers,
                timeout: PATIENCE.min(session::remaining()),
            },
            body.as_bytes(),
        )
    }
}

/// Reads events until the answer comes.
fn follow(response: Response, id: u32) -> Result<Value, Failure> {
    let mut stream = response.stream()?;
    let mut events = Events::default();
    let mut taken = 0;
    while let Some(bytes) = stream.next()? {
        taken += bytes.len();
        let ended = events.take(&bytes);
        let (Some(ended), true) = (ended, taken <= MAX_ANSWER_BYTES) else {
            return Err(Failure::too_large("the server's answer is too long"));
        };
        for data in ended {
            let message: Value = serde_json::from_str(&data).unwrap_or(Value::Null);
            if message["id"] == id {
                return Ok(message);
            }
            if message["method"] == "notifications/progress" {
                tell(&message["params"]);
            }
        }
    }
    Err(Failure::upstream(
        "the server's stream ended without an answer",
    ))
}

fn tell(params: &Value) {
    let permille = match (params["progress"].as_f64(), params["total"].as_f64()) {
        (Some(done), Some(total)) if total > 0.0 => Some((done / total * 1000.0) as u32),
        _ => None,
    };
    session::progress(permille, params["message"].as_str().unwrap_or_default());
}

fn read(mut message: Value, id: u32, status: u16) -> Result<Value, Fault> {
    let error = &message["error"];
    if let Some(code) = error["code"].as_i64() {
        let supported = error["data"]["supported"].as_array();
        return Err(Fault::Rpc {
            code,
            message: error["message"].as_str().unwrap_or_default().to_owned(),
            supported: supported
                .into_iter()
                .flatten()
                .filter_map(|version| version.as_str().map(str::to_owned))
                .collect(),
        });
    }
    if !(200..300).contains(&status) {
        return Err(Fault::Status(status));
    }
    if message["id"] != id || !message["result"].is_object() {
        return Err(Failure::upstream("the server's answer is no answer to the request").into());
    }
    Ok(message["result"].take())
}
