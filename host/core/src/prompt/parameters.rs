//! A tool's arguments, as the model reads them and as the grammar holds it to them.

use serde_json::{Map, Value};

/// Most characters of the description of all arguments.
const LIMIT: usize = 3000;
/// Most characters of the description of one.
const DESCRIPTION_CHARS: usize = 300;
/// Most characters of a default value.
const DEFAULT_CHARS: usize = 60;
/// Objects within objects that are described.
const DEPTH: usize = 3;

/// A line per argument: its name, its type, whether it may be left out, and what it is. Empty where
/// a schema describes none.
pub(super) fn described(schema: &Value) -> String {
    let mut text = String::new();
    describe(schema, 0, &mut text);
    if text.chars().count() > LIMIT {
        text = text.chars().take(LIMIT).collect();
        text.push('…');
    }
    text
}

fn describe(schema: &Value, depth: usize, text: &mut String) {
    let Some(properties) = schema["properties"].as_object() else {
        return;
    };
    let required: Vec<&str> = schema["required"]
        .as_array()
        .map(|names| names.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    for (name, property) in properties {
        let indent = "  ".repeat(depth);
        let optional = match required.contains(&name.as_str()) {
            true => "",
            false => ", optional",
        };
        text.push_str(&format!("\n{indent}- {name} ({}{optional}", kind(property)));
        if let Some(default) = property.get("default") {
            let default: String = default.to_string().chars().take(DEFAULT_CHARS).collect();
            text.push_str(&format!(", default {default}"));
        }
        text.push(')');
        if let Some(words) = property["description"].as_str() {
            let words: String = words.trim().chars().take(DESCRIPTION_CHARS).collect();
            text.push_str(&format!(": {words}"));
        }
        if depth < DEPTH {
            describe(property, depth + 1, text);
            describe(&property["items"], depth + 1, text);
        }
    }
}

/// A type in words, such as `integer`, `array of string` or `one of "a", "b"`.
fn kind(property: &Value) -> String {
    if let Some(values) = property["enum"].as_array() {
        let values: Vec<String> = values.iter().map(ToString::to_string).collect();
        return format!("one of {}", values.join(", "));
    }
    match &property["type"] {
        Value::String(kind) if kind == "array" => match property["items"]["type"].as_str() {
            Some(items) => format!("array of {items}"),
            None => "array".to_owned(),
        },
        Value::String(kind) => kind.clone(),
        Value::Array(kinds) => {
            let kinds: Vec<&str> = kinds.iter().filter_map(Value::as_str).collect();
            kinds.join(" or ")
        }
        _ => "any".to_owned(),
    }
}

/// The schema under which a call is written: objects hold what the schema names and nothing else,
/// where it does not say otherwise. Small models make arguments up, and most authors leave
/// `additionalProperties` out.
pub(super) fn closed(schema: &Value) -> Value {
    let Value::Object(fields) = schema else {
        return schema.clone();
    };
    let mut closed: Map<String, Value> = fields
        .iter()
        .map(|(key, value)| (key.clone(), closed_at(key, value)))
        .collect();
    let leaves_open = fields.get("properties").is_some_and(Value::is_object)
        && !SAYING_MORE.iter().any(|key| fields.contains_key(*key));
    if leaves_open {
        closed.insert("additionalProperties".to_owned(), Value::Bool(false));
    }
    Value::Object(closed)
}

/// Keys under which a schema names further properties.
const SAYING_MORE: [&str; 5] = [
    "additionalProperties",
    "patternProperties",
    "allOf",
    "anyOf",
    "oneOf",
];

/// What stands under a key of a schema: schemas are closed, and values are left as they are.
fn closed_at(key: &str, value: &Value) -> Value {
    match (key, value) {
        ("properties" | "$defs" | "definitions", Value::Object(schemas)) => schemas
            .iter()
            .map(|(name, schema)| (name.clone(), closed(schema)))
            .collect(),
        ("anyOf" | "oneOf" | "allOf" | "prefixItems", Value::Array(schemas)) => {
            schemas.iter().map(closed).collect()
        }
        ("items" | "additionalProperties", schema) => closed(schema),
        (_, value) => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use serde_json::json;

    #[test]
    fn arguments_are_described_in_a_line_each() {
        let schema = json!({
            "type": "object",
            "properties": {
                "city": {"type": "string", "description": "Where. "},
                "units": {"type": "string", "enum": ["metric", "imperial"]},
                "days": {"type": ["integer", "null"], "default": 7},
                "stops": {"type": "array", "items": {
                    "type": "object",
                    "properties": {"at": {"type": "number"}}, "required": ["at"],
                }},
                "tags": {"type": "array", "items": {"type": "string"}},
                "free": {},
            },
            "required": ["city"],
        });
        assert_eq!(
            described(&schema),
            "\n- city (string): Where.\
             \n- units (one of \"metric\", \"imperial\", optional)\
             \n- days (integer or null, optional, default 7)\
             \n- stops (array of object, optional)\
             \n  - at (number)\
             \n- tags (array of string, optional)\
             \n- free (any, optional)"
        );
        assert_eq!(described(&json!({"type": "object"})), "");
        let many: Map<String, Value> = (0..1000)
            .map(|at| (format!("a{at}"), json!({"description": "x".repeat(1000)})))
            .collect();
        assert_eq!(
            described(&json!({ "properties": many })).chars().count(),
            LIMIT + 1
        );
    }

    #[test]
    fn objects_are_closed_where_the_schema_leaves_it_open() {
        let schema = json!({
            "properties": {
                "a": {"type": "object", "properties": {"properties": {"type": "string"}}},
                "b": {"type": "object", "properties": {}, "additionalProperties": true},
                "c": {"type": "object"},
                "e": {"const": {"properties": {}}},
                "d": {"anyOf": [{"type": "object", "properties": {"x": {}}}]},
            },
        });
        let closed = closed(&schema);
        assert_eq!(closed["additionalProperties"], false);
        assert_eq!(closed["properties"]["a"]["additionalProperties"], false);
        assert_eq!(closed["properties"]["b"]["additionalProperties"], true);
        assert_eq!(closed["properties"]["c"], json!({"type": "object"}));
        assert_eq!(
            closed["properties"]["d"]["anyOf"][0]["additionalProperties"],
            false
        );
        // A property may have that name, and a value may look like a schema.
        assert_eq!(
            closed["properties"]["a"]["properties"],
            json!({"properties": {"type": "string"}})
        );
        assert_eq!(
            closed["properties"]["e"]["const"],
            json!({"properties": {}})
        );
    }
}
