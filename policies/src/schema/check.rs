//! Whether a schema is inside the subset.

use serde_json::{Map, Value};

use super::{SchemaError, child, validate};
use crate::suggest::nearest;

const MAX_DEPTH: usize = 8;
const MAX_PROPERTIES: usize = 64;
const MAX_ENUM: usize = 256;
const MAX_KEY_BYTES: usize = 64;
const MAX_TEXT_CHARS: usize = 2_048;

const ANY: &[&str] = &["type", "title", "description", "default"];
const OBJECT: &[&str] = &["properties", "required", "additionalProperties"];
const STRING: &[&str] = &["enum", "minLength", "maxLength"];
const INTEGER: &[&str] = &["enum", "minimum", "maximum"];
const NUMBER: &[&str] = &["minimum", "maximum"];
const ARRAY: &[&str] = &["items", "minItems", "maxItems"];

/// Whether `schema` describes an object in the subset.
///
/// # Errors
/// The first thing outside of it, with a JSON pointer into the schema.
pub fn check(schema: &Value) -> Result<(), SchemaError> {
    if schema["type"] != "object" {
        return Err(SchemaError::new("/type", "must be \"object\""));
    }
    any(schema, "", 0)
}

fn any(schema: &Value, path: &str, depth: usize) -> Result<(), SchemaError> {
    let fail = |message: String| Err(SchemaError::new(path, message));
    if depth > MAX_DEPTH {
        return fail(format!("is nested deeper than {MAX_DEPTH}"));
    }
    let Some(map) = schema.as_object() else {
        return fail("must be a JSON object".to_owned());
    };
    let own = match map.get("type").and_then(Value::as_str) {
        Some("object") => OBJECT,
        Some("string") => STRING,
        Some("integer") => INTEGER,
        Some("number") => NUMBER,
        Some("boolean") => &[],
        Some("array") => ARRAY,
        _ => {
            return Err(SchemaError::new(
                &child(path, "type"),
                "must be one of object, string, integer, number, boolean, array",
            ));
        }
    };
    for key in map.keys() {
        if !ANY.contains(&key.as_str()) && !own.contains(&key.as_str()) {
            let known: Vec<&str> = ANY.iter().chain(own).copied().collect();
            let help = nearest(key, &known).map_or_else(
                || format!("here are known: {}", known.join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            let name: String = key.chars().take(MAX_KEY_BYTES).collect();
            let name = name.escape_debug();
            return fail(format!(
                "the keyword `{name}` is outside the subset; {help}"
            ));
        }
    }
    for key in ["title", "description"] {
        text(map, key, path)?;
    }
    match map["type"].as_str() {
        Some("object") => object(map, path, depth)?,
        Some("array") => array(map, path, depth)?,
        Some("string") => {
            bounds(map, path, "minLength", "maxLength", is_count)?;
            choices(map, path, Value::is_string)?;
        }
        Some("integer") => {
            bounds(map, path, "minimum", "maximum", is_integer)?;
            choices(map, path, is_integer)?;
        }
        Some("number") => bounds(map, path, "minimum", "maximum", Value::is_number)?,
        _ => {}
    }
    if let Some(default) = map.get("default") {
        validate(schema, default).map_err(|error| {
            SchemaError::new(
                &child(path, "default"),
                format!("does not fit its own schema: {}", error.message),
            )
        })?;
    }
    Ok(())
}

fn text(map: &Map<String, Value>, key: &str, path: &str) -> Result<(), SchemaError> {
    match map.get(key) {
        None => Ok(()),
        Some(Value::String(text)) if text.chars().count() <= MAX_TEXT_CHARS => Ok(()),
        Some(_) => Err(SchemaError::new(
            &child(path, key),
            format!("must be a string of at most {MAX_TEXT_CHARS} characters"),
        )),
    }
}

fn object(map: &Map<String, Value>, path: &str, depth: usize) -> Result<(), SchemaError> {
    if map.get("additionalProperties") != Some(&Value::Bool(false)) {
        return Err(SchemaError::new(
            path,
            "an object must say `\"additionalProperties\": false`",
        ));
    }
    let empty = Map::new();
    let properties = match map.get("properties") {
        None => &empty,
        Some(Value::Object(properties)) => properties,
        Some(_) => {
            return Err(SchemaError::new(
                &child(path, "properties"),
                "must be a JSON object",
            ));
        }
    };
    let at = child(path, "properties");
    if properties.len() > MAX_PROPERTIES {
        return Err(SchemaError::new(
            &at,
            format!("has more than {MAX_PROPERTIES}"),
        ));
    }
    for (name, schema) in properties {
        if name.is_empty() || name.len() > MAX_KEY_BYTES || name.chars().any(char::is_control) {
            return Err(SchemaError::new(
                &at,
                format!("a name must have from 1 to {MAX_KEY_BYTES} printable bytes"),
            ));
        }
        any(schema, &child(&at, name), depth + 1)?;
    }
    required(map, properties, path)
}

fn required(
    map: &Map<String, Value>,
    properties: &Map<String, Value>,
    path: &str,
) -> Result<(), SchemaError> {
    let Some(required) = map.get("required") else {
        return Ok(());
    };
    let at = child(path, "required");
    let names = required
        .as_array()
        .ok_or_else(|| SchemaError::new(&at, "must be a list of names"))?;
    for (index, name) in names.iter().enumerate() {
        let known = name
            .as_str()
            .is_some_and(|name| properties.contains_key(name));
        if !known || names[..index].contains(name) {
            return Err(SchemaError::new(
                &at,
                "must name properties of this object, each once",
            ));
        }
    }
    Ok(())
}

fn array(map: &Map<String, Value>, path: &str, depth: usize) -> Result<(), SchemaError> {
    let items = map
        .get("items")
        .ok_or_else(|| SchemaError::new(path, "an array needs `items`"))?;
    any(items, &child(path, "items"), depth + 1)?;
    bounds(map, path, "minItems", "maxItems", is_count)
}

fn choices(
    map: &Map<String, Value>,
    path: &str,
    fits: fn(&Value) -> bool,
) -> Result<(), SchemaError> {
    let Some(choices) = map.get("enum") else {
        return Ok(());
    };
    let good = choices
        .as_array()
        .is_some_and(|choices| (1..=MAX_ENUM).contains(&choices.len()) && choices.iter().all(fits));
    if good {
        return Ok(());
    }
    Err(SchemaError::new(
        &child(path, "enum"),
        format!("must list from 1 to {MAX_ENUM} values of the schema's type"),
    ))
}

fn bounds(
    map: &Map<String, Value>,
    path: &str,
    low: &str,
    high: &str,
    fits: fn(&Value) -> bool,
) -> Result<(), SchemaError> {
    for key in [low, high] {
        if map.get(key).is_some_and(|bound| !fits(bound)) {
            return Err(SchemaError::new(
                &child(path, key),
                "is not a number that fits the schema's type",
            ));
        }
    }
    let bound = |key| map.get(key).and_then(Value::as_f64);
    if let (Some(min), Some(max)) = (bound(low), bound(high))
        && min > max
    {
        return Err(SchemaError::new(
            &child(path, low),
            format!("is greater than `{high}`"),
        ));
    }
    Ok(())
}

fn is_count(value: &Value) -> bool {
    value
        .as_u64()
        .is_some_and(|count| count <= u64::from(u32::MAX))
}

fn is_integer(value: &Value) -> bool {
    value.is_i64() || value.is_u64()
}
