//! Canonical bytes: the one way to write a value, so that a hash over them has a meaning.
//!
//! JSON with object keys sorted by their UTF-8 bytes, no white space, and no key of a struct left
//! out. Items hold no floating-point numbers; other values keep the shortest form that reads back.

use serde::Serialize;
use serde_json::Value;

use crate::item::Item;

/// A value that JSON cannot hold.
#[derive(Debug, thiserror::Error)]
#[error("a value has no canonical form: {0}")]
pub struct CanonicalError(#[from] serde_json::Error);

/// The version that stands in front of every item's bytes. Changing what `item_bytes` writes
/// without raising it would make old hashes fail.
const ITEM_FORMAT: &[u8] = b"alcove item 1\n";

/// The canonical bytes of an item: everything but its hash and its parent's.
pub fn item_bytes(item: &Item) -> Result<Vec<u8>, CanonicalError> {
    let mut bytes = ITEM_FORMAT.to_vec();
    bytes.extend_from_slice(json(item)?.as_bytes());
    Ok(bytes)
}

/// Canonical JSON of any serialisable value.
pub fn json(value: &impl Serialize) -> Result<String, CanonicalError> {
    let mut out = String::new();
    write(&serde_json::to_value(value)?, &mut out)?;
    Ok(out)
}

fn write(value: &Value, out: &mut String) -> Result<(), CanonicalError> {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            out.push_str(&serde_json::to_string(value)?);
        }
        Value::Array(values) => {
            out.push('[');
            for (index, value) in values.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write(value, out)?;
            }
            out.push(']');
        }
        Value::Object(map) => {
            let mut entries: Vec<(&String, &Value)> = map.iter().collect();
            entries.sort_unstable_by_key(|(key, _)| *key);
            out.push('{');
            for (index, (key, value)) in entries.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                out.push_str(&serde_json::to_string(key)?);
                out.push(':');
                write(value, out)?;
            }
            out.push('}');
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_are_sorted_at_every_depth() {
        let first = json!({"b": {"z": 1, "a": [ {"y": null, "x": "é\n"} ]}, "a": true});
        let second: Value =
            serde_json::from_str(r#"{"a":true, "b":{"a":[{"x":"é\n","y":null}],"z":1}}"#).unwrap();
        let wanted = r#"{"a":true,"b":{"a":[{"x":"é\n","y":null}],"z":1}}"#;
        assert_eq!(super::json(&first).unwrap(), wanted);
        assert_eq!(super::json(&second).unwrap(), wanted);
    }

    #[test]
    fn canonical_text_is_its_own_canonical_form() {
        let text = super::json(&json!({"k": [1, -2, 18446744073709551615u64, "\u{1}"]})).unwrap();
        let again: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(super::json(&again).unwrap(), text);
    }
}
