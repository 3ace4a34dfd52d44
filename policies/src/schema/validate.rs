//! Whether a value fits a schema of the subset.

use std::cmp::Ordering;

use serde_json::{Number, Value};

use super::{SchemaError, child};
use crate::suggest::nearest;

/// Whether `value` fits `schema`, which [`super::check`] accepted.
///
/// # Errors
/// The first thing that does not fit, with a JSON pointer into the value, in words that a model
/// can act on.
pub fn validate(schema: &Value, value: &Value) -> Result<(), SchemaError> {
    any(schema, value, "")
}

fn any(schema: &Value, value: &Value, path: &str) -> Result<(), SchemaError> {
    let fail = |message: String| Err(SchemaError::new(path, message));
    let kind = schema["type"].as_str().unwrap_or_default();
    match (kind, value) {
        ("object", Value::Object(_)) => object(schema, value, path),
        ("array", Value::Array(items)) => array(schema, items, path),
        ("string", Value::String(text)) => string(schema, text, value, path),
        ("integer", Value::Number(number)) if is_whole(number) => {
            range(schema, number, path)?;
            choice(schema, value, path)
        }
        ("number", Value::Number(number)) => range(schema, number, path),
        ("boolean", Value::Bool(_)) => Ok(()),
        ("object" | "array" | "integer", _) => fail(format!("must be an {kind}")),
        ("string" | "number" | "boolean", _) => fail(format!("must be a {kind}")),
        // `check` lets no other type in; a value of it fits nothing.
        _ => fail("has a schema without a known type".to_owned()),
    }
}

fn object(schema: &Value, value: &Value, path: &str) -> Result<(), SchemaError> {
    let (Some(value), properties) = (value.as_object(), schema["properties"].as_object()) else {
        return Err(SchemaError::new(path, "must be an object"));
    };
    let required = schema["required"].as_array().map_or(&[][..], Vec::as_slice);
    for name in required.iter().filter_map(Value::as_str) {
        if !value.contains_key(name) {
            return Err(SchemaError::new(path, format!("needs `{name}`")));
        }
    }
    for (name, member) in value {
        let Some(schema) = properties.and_then(|properties| properties.get(name)) else {
            let known: Vec<&str> = properties
                .map(|properties| properties.keys().map(String::as_str).collect())
                .unwrap_or_default();
            let help = nearest(name, &known).map_or_else(
                || format!("known: {}", known.join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            return Err(SchemaError::new(
                &child(path, name),
                format!("is not an argument; {help}"),
            ));
        };
        any(schema, member, &child(path, name))?;
    }
    Ok(())
}

fn array(schema: &Value, items: &[Value], path: &str) -> Result<(), SchemaError> {
    count(
        schema,
        items.len(),
        path,
        ("minItems", "maxItems"),
        "values",
    )?;
    for (index, item) in items.iter().enumerate() {
        any(&schema["items"], item, &child(path, &index.to_string()))?;
    }
    Ok(())
}

fn string(schema: &Value, text: &str, value: &Value, path: &str) -> Result<(), SchemaError> {
    let length = text.chars().count();
    count(
        schema,
        length,
        path,
        ("minLength", "maxLength"),
        "characters",
    )?;
    choice(schema, value, path)
}

fn count(
    schema: &Value,
    length: usize,
    path: &str,
    (low, high): (&str, &str),
    unit: &str,
) -> Result<(), SchemaError> {
    let length = u64::try_from(length).unwrap_or(u64::MAX);
    if let Some(min) = schema[low].as_u64()
        && length < min
    {
        return Err(SchemaError::new(
            path,
            format!("has fewer than {min} {unit}"),
        ));
    }
    if let Some(max) = schema[high].as_u64()
        && length > max
    {
        return Err(SchemaError::new(
            path,
            format!("has more than {max} {unit}"),
        ));
    }
    Ok(())
}

fn choice(schema: &Value, value: &Value, path: &str) -> Result<(), SchemaError> {
    let Some(choices) = schema["enum"].as_array() else {
        return Ok(());
    };
    if choices.iter().any(|choice| same(choice, value)) {
        return Ok(());
    }
    let shown: Vec<String> = choices.iter().map(Value::to_string).collect();
    Err(SchemaError::new(
        path,
        format!("must be one of {}", shown.join(", ")),
    ))
}

fn range(schema: &Value, number: &Number, path: &str) -> Result<(), SchemaError> {
    if let Value::Number(min) = &schema["minimum"]
        && compare(number, min) == Ordering::Less
    {
        return Err(SchemaError::new(path, format!("must be at least {min}")));
    }
    if let Value::Number(max) = &schema["maximum"]
        && compare(number, max) == Ordering::Greater
    {
        return Err(SchemaError::new(path, format!("must be at most {max}")));
    }
    Ok(())
}

/// JSON Schema's integer: 5 and 5.0 both are, while a double still counts exactly.
fn is_whole(number: &Number) -> bool {
    number.is_i64()
        || number.is_u64()
        || number
            .as_f64()
            .is_some_and(|float| float.fract() == 0.0 && float.abs() <= 9_007_199_254_740_992.0)
}

fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => compare(a, b) == Ordering::Equal,
        _ => a == b,
    }
}

/// Exact for integers; by value as doubles otherwise.
fn compare(a: &Number, b: &Number) -> Ordering {
    if let (Some(a), Some(b)) = (integer(a), integer(b)) {
        return a.cmp(&b);
    }
    let (a, b) = (a.as_f64(), b.as_f64());
    a.partial_cmp(&b).unwrap_or(Ordering::Equal)
}

fn integer(number: &Number) -> Option<i128> {
    number
        .as_i64()
        .map(i128::from)
        .or_else(|| number.as_u64().map(i128::from))
}
