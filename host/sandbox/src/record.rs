//! What the host told a guest during a call, so that the same call can be run again and be told
//! the same.

use serde::{Deserialize, Serialize};

/// The most clock readings that a record keeps.
pub(crate) const MAX_CLOCK_READINGS: usize = 8192;
/// The most random bytes that a record keeps.
pub(crate) const MAX_RANDOM_BYTES: usize = 64 << 10;
/// The most HTTP exchanges that a record lists.
pub(crate) const MAX_HTTP_EXCHANGES: usize = 256;

/// What the host told a guest during a call. It is bounded: a call that asked for more is marked
/// `truncated`, and running it again serves fresh values from there on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostRecord {
    /// Readings of the wall clock, in nanoseconds since the Unix epoch.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wall_ns: Vec<u64>,
    /// Readings of the monotonic clock, in nanoseconds since the instance began.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub monotonic_ns: Vec<u64>,
    /// Random bytes, in the order in which they were asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "hex_bytes")]
    pub random: Vec<u8>,
    /// The seed that `insecure-seed` answers with, in hexadecimal; set when the instance began in
    /// this call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<String>,
    /// The HTTP requests that were made or refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub http: Vec<HttpExchange>,
    /// Whether something was left out for its size.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub truncated: bool,
}

/// One HTTP request of a guest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpExchange {
    /// The method.
    pub method: String,
    /// The URL as it was sent, or as it was refused.
    pub url: String,
    /// The status of the answer; absent when there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Why there was no answer, in the host's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The line of the policy that allowed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
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
        let record = HostRecord {
            wall_ns: vec![1, 2],
            monotonic_ns: vec![3],
            random: vec![0, 255],
            seed: Some("0f".into()),
            http: vec![HttpExchange {
                method: "GET".into(),
                url: "https://example.org/".into(),
                status: Some(200),
                error: None,
                line: Some(4),
            }],
            truncated: true,
        };
        let text = serde_json::to_string(&record).unwrap();
        assert_eq!(serde_json::from_str::<HostRecord>(&text).unwrap(), record);
        assert_eq!(serde_json::to_string(&HostRecord::default()).unwrap(), "{}");
    }
}
