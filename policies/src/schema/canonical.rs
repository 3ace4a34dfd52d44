//! One spelling of a JSON value: what is approved, hashed and given to a guest.

use serde_json::{Number, Value};

/// `value` with the keys of every object in the order of RFC 8785 (UTF-16 units), without spaces,
/// and whole numbers without a fraction.
#[must_use]
pub fn canonical(value: &Value) -> String {
    let mut out = String::new();
    write(value, &mut out);
    out
}

fn write(value: &Value, out: &mut String) {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort_by(|a, b| a.encode_utf16().cmp(b.encode_utf16()));
            out.push('{');
            for (index, key) in keys.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                text(key, out);
                out.push(':');
                write(&map[key], out);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write(item, out);
            }
            out.push(']');
        }
        Value::Number(number) => out.push_str(&whole(number)),
        Value::String(string) => text(string, out),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Null => out.push_str("null"),
    }
}

fn text(text: &str, out: &mut String) {
    // serde_json escapes what RFC 8785 does, and in the same way.
    out.push_str(&Value::from(text).to_string());
}

fn whole(number: &Number) -> String {
    /// Doubles below this hold every whole number exactly.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match number.as_f64() {
        Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < EXACT => {
            // `+ 0.0` makes a negative zero a plain one.
            format!("{:.0}", float + 0.0)
        }
        _ => number.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_value_has_one_spelling() {
        let spellings = [
            r#"{"b":1.0,"a":[true,null,"x\u0041\n"]}"#,
            r#" { "a" : [ true , null , "xA\u000a" ] , "b" : 1 } "#,
        ];
        for spelling in spellings {
            let value: Value = serde_json::from_str(spelling).unwrap();
            assert_eq!(canonical(&value), r#"{"a":[true,null,"xA\n"],"b":1}"#);
        }
    }

    #[test]
    fn keys_are_in_utf16_order() {
        // U+FF5E sorts before U+1F600 as a character, after it in UTF-16.
        let value: Value = serde_json::from_str(r#"{"～":1,"😀":2}"#).unwrap();
        assert_eq!(canonical(&value), r#"{"😀":2,"～":1}"#);
    }

    #[test]
    fn numbers_keep_their_value() {
        for (text, expected) in [
            ("-0.0", "0"),
            ("18446744073709551615", "18446744073709551615"),
            ("0.5", "0.5"),
            ("5.0", "5"),
        ] {
            let value: Value = serde_json::from_str(text).unwrap();
            assert_eq!(canonical(&value), expected);
        }
    }
}
