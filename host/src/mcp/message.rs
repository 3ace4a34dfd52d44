//! JSON-RPC messages, read once.

use serde::Serialize;
use serde_json::{Map, Value};

use super::fault::{Fault, code};

/// The longest id that is text.
const MAX_ID_BYTES: usize = 256;

/// What a client sends.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Message {
    /// Wants an answer.
    Request(Request),
    /// Does not.
    Notification(Notification),
    /// Is one, to a request of the server's own.
    Response(Response),
}

/// A request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Request {
    /// Its name in the answer.
    pub(crate) id: Id,
    /// What is asked.
    pub(crate) method: String,
    /// With what.
    pub(crate) params: Map<String, Value>,
}

/// A notification.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Notification {
    /// What it says.
    pub(crate) method: String,
    /// About what.
    pub(crate) params: Map<String, Value>,
}

/// What a client answers to a request of the server's own.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Response {
    /// The request's; none where the client could not read that.
    pub(crate) id: Option<Id>,
    /// The result, or what the client says went wrong.
    pub(crate) outcome: Result<Value, String>,
}

/// A request's id: text or a whole number.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(untagged)]
pub(crate) enum Id {
    /// A whole number.
    Number(i64),
    /// Text.
    Text(String),
}

impl Id {
    /// The id in a JSON value, where it is one.
    pub(crate) fn of(value: &Value) -> Option<Id> {
        match value {
            Value::Number(number) => number.as_i64().map(Id::Number),
            Value::String(text) if text.len() <= MAX_ID_BYTES => Some(Id::Text(text.clone())),
            _ => None,
        }
    }
}

/// A fault, and the id of the request that it is about where that could be read.
pub(crate) type Unreadable = (Option<Id>, Fault);

impl Message {
    /// Reads one message. Hostile bytes are expected: how deep they nest is bounded by the parser,
    /// and how many there are by whoever read them.
    ///
    /// # Errors
    /// What is no message.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Message, Box<Unreadable>> {
        let value: Value = serde_json::from_slice(bytes).map_err(|error| {
            let fault = Fault::new(code::PARSE, format!("This is not JSON: {error}"));
            Box::new((None, fault))
        })?;
        let Value::Object(mut map) = value else {
            return Err(invalid(
                None,
                "Send one message at a time, as a JSON object; batches ended with revision 2025-03-26",
            ));
        };
        let id = map.get("id").map(Id::of);
        let known = id.clone().flatten();
        if map.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
            return Err(invalid(known, "A message says \"jsonrpc\": \"2.0\""));
        }
        let method = match (map.remove("method"), id.is_some()) {
            (Some(Value::String(method)), _) => method,
            (None, true) if map.contains_key("result") || map.contains_key("error") => {
                let outcome = match map.remove("error") {
                    None => Ok(map.remove("result").unwrap_or_default()),
                    Some(error) => Err(error["message"].as_str().unwrap_or_default().to_owned()),
                };
                return Ok(Message::Response(Response { id: known, outcome }));
            }
            _ => return Err(invalid(known, "A message names its `method`")),
        };
        let params = match map.remove("params") {
            None => Map::new(),
            Some(Value::Object(params)) => params,
            Some(_) => {
                let fault = Fault::invalid_params("`params` must be a JSON object");
                return Err(Box::new((known, fault)));
            }
        };
        match id {
            None => Ok(Message::Notification(Notification { method, params })),
            Some(Some(id)) => Ok(Message::Request(Request { id, method, params })),
            Some(None) => Err(invalid(
                None,
                "An `id` is a whole number, or text of at most 256 bytes",
            )),
        }
    }
}

fn invalid(id: Option<Id>, message: &str) -> Box<Unreadable> {
    Box::new((id, Fault::new(code::INVALID_REQUEST, message)))
}

impl Request {
    /// A value of `params._meta`.
    pub(crate) fn meta(&self, key: &str) -> Option<&Value> {
        self.params.get("_meta")?.get(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> (Option<Id>, i64) {
        let (id, fault) = *Message::parse(text.as_bytes()).expect_err(text);
        (id, fault.code)
    }

    #[test]
    fn what_is_no_message_is_told_apart() {
        assert_eq!(fault("{"), (None, code::PARSE));
        assert_eq!(fault("\u{0}"), (None, code::PARSE));
        assert_eq!(fault(&"[".repeat(10_000)), (None, code::PARSE));
        assert_eq!(fault("[]"), (None, code::INVALID_REQUEST));
        assert_eq!(fault("7"), (None, code::INVALID_REQUEST));
        let seven = Some(Id::Number(7));
        for text in [
            r#"{"id":7,"method":"ping"}"#,
            r#"{"jsonrpc":"1.0","id":7,"method":"ping"}"#,
            r#"{"jsonrpc":"2.0","id":7}"#,
            r#"{"jsonrpc":"2.0","id":7,"method":null,"result":{}}"#,
            r#"{"jsonrpc":"2.0","id":7,"method":3}"#,
        ] {
            assert_eq!(
                fault(text),
                (seven.clone(), code::INVALID_REQUEST),
                "{text}"
            );
        }
        for id in ["null", "1.5", "[]", "{}", "true", "99999999999999999999"] {
            let text = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ping"}}"#);
            assert_eq!(fault(&text), (None, code::INVALID_REQUEST), "{text}");
        }
        let text = r#"{"jsonrpc":"2.0","id":"a","method":"ping","params":[1]}"#;
        assert_eq!(
            fault(text),
            (Some(Id::Text("a".into())), code::INVALID_PARAMS)
        );
    }

    #[test]
    fn an_answer_is_no_request() {
        let read = |text: &str| match Message::parse(text.as_bytes()).expect(text) {
            Message::Response(response) => response,
            other => panic!("{other:?}"),
        };
        let good = read(r#"{"jsonrpc":"2.0","id":"q","result":{"action":"accept"}}"#);
        assert_eq!(good.id, Some(Id::Text("q".into())));
        assert_eq!(good.outcome.unwrap()["action"], "accept");
        let bad = read(r#"{"jsonrpc":"2.0","id":null,"error":{"code":-1,"message":"no"}}"#);
        assert_eq!((bad.id, bad.outcome), (None, Err("no".into())));
        let both = read(r#"{"jsonrpc":"2.0","id":7,"result":{"action":"accept"},"error":7}"#);
        assert_eq!(both.outcome, Err(String::new()), "an error is no yes");
    }

    #[test]
    fn an_id_makes_a_request() {
        let read = |text: &str| Message::parse(text.as_bytes()).expect(text);
        let request = read(r#"{"jsonrpc":"2.0","id":"","method":"x","params":{"_meta":{"k":1}}}"#);
        let Message::Request(request) = request else {
            panic!("{request:?}");
        };
        assert_eq!(request.id, Id::Text(String::new()));
        assert_eq!(request.meta("k"), Some(&Value::from(1)));
        let told = read(r#"{"jsonrpc":"2.0","method":"x"}"#);
        assert!(matches!(told, Message::Notification(_)));
    }
}
