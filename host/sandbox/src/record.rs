//! What the host told a guest during a call, so that the same call can be run again and be told
//! the same.

use std::time::Duration;

use alcove_policies::{Access, Authority, Policy, PolicyError};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::http_error::HttpError;
use crate::refusal::Refusal;

/// The most clock readings that a record keeps.
pub(crate) const MAX_CLOCK_READINGS: usize = 8192;
/// The most random bytes that a record keeps.
pub(crate) const MAX_RANDOM_BYTES: usize = 64 << 10;
/// The most HTTP exchanges that a record lists.
pub(crate) const MAX_HTTP_EXCHANGES: usize = 256;
/// The most other calls of host functions that a record lists.
pub(crate) const MAX_HOST_CALLS: usize = 16_384;
/// The most bytes of everything that a record keeps of HTTP and of other host functions: inputs,
/// outputs, headers and bodies.
pub const MAX_RECORD_BYTES: usize = 12 << 20;

/// What the host told a guest during a call. It is bounded: a call that asked for more is marked
/// `truncated`, and running it again says so where the record ends.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostRecord {
    /// What it ran under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub under: Option<Under>,
    /// The language that the guest was told.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub locale: String,
    /// Readings of the wall clock, in nanoseconds since the Unix epoch.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wall_ns: Vec<u64>,
    /// Readings of the monotonic clock, in nanoseconds since the instance began.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub monotonic_ns: Vec<u64>,
    /// Answers of `remaining-ms`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remaining_ms: Vec<u64>,
    /// Random bytes, in the order in which they were asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "hex_bytes")]
    pub random: Vec<u8>,
    /// The seed that `insecure-seed` answers with, in hexadecimal; set when the instance began in
    /// this call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<String>,
    /// The HTTP requests that were made or refused, in the order in which the guest made them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub http: Vec<HttpExchange>,
    /// The calls of all other host functions with authority, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<HostCall>,
    /// Whether something was left out for its size.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub truncated: bool,
}

/// The functions by which a guest learns what is in a folder.
const READING: [&str; 5] = [
    "wasi:filesystem/types.descriptor.read",
    "wasi:filesystem/types.descriptor.read-via-stream",
    "wasi:filesystem/types.descriptor.read-directory",
    "wasi:filesystem/types.descriptor.readlink-at",
    "wasi:filesystem/types.directory-entry-stream.read-directory-entry",
];

impl HostRecord {
    /// Whether the guest read a file or listed a folder, or may have: what is not written down is
    /// not known.
    #[must_use]
    pub fn read_files(&self) -> bool {
        let may_have = || {
            self.under
                .as_ref()
                .is_some_and(|own| !own.mounts.is_empty())
        };
        let read = |call: &HostCall| {
            READING.contains(&call.function.as_str())
                && call
                    .output
                    .as_ref()
                    .is_some_and(|output| output.get("Ok").is_some())
        };
        (self.truncated && may_have()) || self.calls.iter().any(read)
    }
}

/// The limits and folders that a call ran under: it is run again under the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Under {
    /// `memory`.
    pub memory_bytes: u64,
    /// `cpu`.
    pub cpu_ms: u64,
    /// `wall`.
    pub wall_ms: u64,
    /// `output`.
    pub output_bytes: u64,
    /// `logs`.
    pub logs: u32,
    /// `handles`.
    pub handles: u32,
    /// The folders that it could use, and whether it could change them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mounts: Vec<(String, bool)>,
    /// `[env]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<(String, String)>,
}

impl Under {
    pub(crate) fn of(policy: &Authority) -> Under {
        let limits = policy.limits();
        let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        Under {
            memory_bytes: limits.memory_bytes,
            cpu_ms: ms(limits.cpu),
            wall_ms: ms(limits.wall),
            output_bytes: limits.output_bytes,
            logs: limits.logs,
            handles: limits.handles,
            mounts: policy
                .files()
                .iter()
                .map(|file| (file.mount.clone(), file.access == Access::ReadWrite))
                .collect(),
            env: policy
                .env()
                .iter()
                .map(|variable| (variable.name.clone(), variable.value.clone()))
                .collect(),
        }
    }

    /// A policy with these limits and folders: what else was granted is answered by the record, and so
    /// is every question about the folders.
    ///
    /// # Errors
    ///
    /// Limits that no policy can have.
    pub fn policy(&self, plugin: &str) -> Result<Policy, PolicyError> {
        let Under {
            memory_bytes,
            cpu_ms,
            wall_ms,
            output_bytes,
            logs,
            handles,
            mounts,
            env,
        } = self;
        let mut text = format!(
            "version = 1\nplugin = \"{plugin}\"\n[limits]\nmemory = \"{memory_bytes} B\"\n\
             cpu = \"{cpu_ms} ms\"\nwall = \"{wall_ms} ms\"\noutput = \"{output_bytes} B\"\n\
             logs = {logs}\nhandles = {handles}\n"
        );
        for (mount, writable) in mounts {
            let access = if *writable { "read-write" } else { "read-only" };
            text.push_str(&format!(
                "[[files]]\nmount = \"{mount}\"\nsource = \"conversation-workspace\"\n\
                 access = \"{access}\"\n"
            ));
        }
        if !env.is_empty() {
            text.push_str("[env]\n");
        }
        for (name, value) in env {
            // A string of JSON is one of TOML.
            text.push_str(&format!("{name} = {}\n", Value::from(value.as_str())));
        }
        Policy::parse(&text)
    }
}

/// One call of a host function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostCall {
    /// Which, such as `alcove:state/store.get`.
    pub function: String,
    /// What the guest handed over.
    pub input: Value,
    /// What it got; absent where the call of the tool ended first.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    pub output: Option<Value>,
    /// When, in microseconds since the call of the tool began.
    pub at_us: u64,
    /// How long it took, in microseconds.
    #[serde(default)]
    pub took_us: u64,
    /// What was refused, which explains a failure that comes after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) refusal: Option<Refusal>,
}

/// One HTTP request of a guest, as the guest sent it: a secret that the host puts in is not in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpExchange {
    /// The method.
    pub method: String,
    /// The URL.
    pub url: String,
    /// The headers, byte by byte as Latin-1.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Headers,
    /// The body, where it was sent whole before the answer came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent: Option<SentBody>,
    /// The status of the answer; absent when there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The headers of the answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answer_headers: Headers,
    /// The body of the answer, in the pieces in which the guest received it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pieces: Vec<Bytes>,
    /// What came after the body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trailers: Option<Headers>,
    /// How the body ended; absent where the guest did not read that far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) end: Option<BodyEnd>,
    /// What the guest was told instead of an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) told: Option<HttpError>,
    /// Why there was no answer, in the host's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What the host put into it, such as `header x-token = {secret:search-key}`; never a value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub injected: Option<String>,
    /// The line of the policy that allowed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// When, in microseconds since the call of the tool began.
    #[serde(default)]
    pub at_us: u64,
    /// How long the answer's head took, in microseconds.
    #[serde(default)]
    pub took_us: u64,
    /// What was refused, which explains a failure that comes after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) refusal: Option<Refusal>,
    /// Whether a part of it was left out for its size.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) cut: bool,
}

/// Names and values.
pub type Headers = Vec<(String, String)>;

/// The body of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentBody {
    /// Its length.
    pub bytes: u64,
    /// Its BLAKE3 hash, in hexadecimal.
    pub blake3: String,
}

/// How the body of an answer ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum BodyEnd {
    Whole,
    Failed(HttpError),
}

/// Where a call that was run again left its record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Divergence {
    /// The host function that was called otherwise than in the record.
    pub function: String,
    /// What the record has in that place.
    pub recorded: String,
    /// What was asked for now.
    pub now: String,
}

/// Bytes that a record holds: as text where they are text, and in hexadecimal otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bytes(pub bytes::Bytes);

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum WrittenBytes {
    Text(String),
    Hex { hex: String },
}

impl Serialize for Bytes {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(&self.0) {
            Ok(text) => to.serialize_str(text),
            Err(_) => WrittenBytes::Hex {
                hex: hex::encode(&self.0),
            }
            .serialize(to),
        }
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Bytes, D::Error> {
        let bytes = match WrittenBytes::deserialize(from)? {
            WrittenBytes::Text(text) => text.into_bytes(),
            WrittenBytes::Hex { hex } => hex::decode(hex).map_err(serde::de::Error::custom)?,
        };
        Ok(Bytes(bytes.into()))
    }
}

impl From<Bytes> for Vec<u8> {
    fn from(bytes: Bytes) -> Vec<u8> {
        bytes.0.into()
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Bytes {
        Bytes(bytes.into())
    }
}

/// A value that is there, also where it is `null`.
fn present<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(from).map(Some)
}

/// Bytes as hexadecimal text.
mod hex_bytes {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&hex::encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(from)?;
        hex::decode(text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_survives_json_and_an_empty_one_is_small() {
        let policy = "version = 1\nplugin = \"local/a\"\n[limits]\nlogs = 7\ncpu = \"1500 ms\"\n\
            [[files]]\nmount = \"/workspace\"\nsource = \"conversation-workspace\"\naccess = \"read-only\"\n\
            [env]\nLANG = 'a \"b\" \\ c'\n";
        let under = Under::of(&Policy::parse(policy).unwrap().into());
        assert_eq!(Under::of(&under.policy("local/a").unwrap().into()), under);
        let record = HostRecord {
            under: Some(under),
            wall_ns: vec![1, 2],
            monotonic_ns: vec![3],
            random: vec![0, 255],
            seed: Some("0f".into()),
            http: vec![HttpExchange {
                method: "GET".into(),
                url: "https://example.org/".into(),
                status: Some(200),
                pieces: vec![Bytes::from(vec![255, 0]), Bytes::from(b"text".to_vec())],
                end: Some(BodyEnd::Failed(HttpError::ResponseBodySize(Some(7)))),
                line: Some(4),
                ..HttpExchange::default()
            }],
            calls: vec![HostCall {
                function: "alcove:state/store.get".into(),
                input: serde_json::json!("key"),
                output: Some(Value::Null),
                at_us: 5,
                took_us: 1,
                refusal: Some(Refusal::HttpRate("1/min".into())),
            }],
            locale: "de".into(),
            remaining_ms: vec![20],
            truncated: true,
        };
        let text = serde_json::to_string(&record).unwrap();
        assert_eq!(serde_json::from_str::<HostRecord>(&text).unwrap(), record);
        assert_eq!(serde_json::to_string(&HostRecord::default()).unwrap(), "{}");
    }
}
