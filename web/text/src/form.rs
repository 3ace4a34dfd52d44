//! A form from the schema of an answer, and the answer from the form.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// One field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// The property's name.
    pub name: String,
    /// What a person reads.
    pub label: String,
    /// More about it.
    pub help: Option<String>,
    /// How it is filled in.
    pub kind: Kind,
    /// Whether it may be left empty.
    pub required: bool,
}

/// How a field is filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A line of text.
    Text,
    /// A whole number.
    Whole,
    /// A number.
    Number,
    /// Yes or no.
    Yes,
    /// One of these texts.
    Choice(Vec<String>),
    /// Anything else, as JSON.
    Json,
}

/// The fields of an object's schema, required ones first.
pub fn fields(schema: &Value) -> Vec<Field> {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
        return Vec::new();
    };
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Value::as_array)
        .map(|names| names.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let mut fields: Vec<Field> = properties
        .iter()
        .map(|(name, schema)| field(name, schema, required.contains(&name.as_str())))
        .collect();
    fields.sort_by_key(|field| !field.required);
    fields
}

fn field(name: &str, schema: &Value, required: bool) -> Field {
    let text = |key: &str| schema.get(key).and_then(Value::as_str).map(str::to_owned);
    let choices: Option<Vec<String>> =
        schema
            .get("enum")
            .and_then(Value::as_array)
            .and_then(|values| {
                values
                    .iter()
                    .map(|v| v.as_str().map(str::to_owned))
                    .collect()
            });
    let kind = match (choices, schema.get("type").and_then(Value::as_str)) {
        (Some(choices), _) => Kind::Choice(choices),
        (None, Some("string")) => Kind::Text,
        (None, Some("integer")) => Kind::Whole,
        (None, Some("number")) => Kind::Number,
        (None, Some("boolean")) => Kind::Yes,
        (None, _) => Kind::Json,
    };
    Field {
        name: name.to_owned(),
        label: text("title").unwrap_or_else(|| name.replace('_', " ")),
        help: text("description"),
        kind,
        required,
    }
}

/// What stands in the fields before anybody wrote.
pub fn beginning(fields: &[Field]) -> BTreeMap<String, String> {
    fields
        .iter()
        .filter_map(|field| {
            let value = match &field.kind {
                Kind::Yes => "false".to_owned(),
                Kind::Choice(choices) if field.required => choices.first()?.clone(),
                _ => return None,
            };
            Some((field.name.clone(), value))
        })
        .collect()
}

/// The answer, or which field is missing or does not fit.
pub fn value(fields: &[Field], given: &BTreeMap<String, String>) -> Result<Value, String> {
    let mut answer = Map::new();
    for field in fields {
        let text = given.get(&field.name).map_or("", String::as_str);
        let is_text = matches!(field.kind, Kind::Text);
        let trimmed = if is_text { text } else { text.trim() };
        if trimmed.is_empty() {
            if field.required {
                return Err(format!("“{}” is missing.", field.label));
            }
            continue;
        }
        let unfit = |what: &str| format!("“{}” is to be {what}.", field.label);
        let value = match &field.kind {
            Kind::Text | Kind::Choice(_) => Value::from(trimmed),
            Kind::Yes => Value::from(trimmed == "true"),
            Kind::Whole => Value::from(
                trimmed
                    .parse::<i64>()
                    .map_err(|_| unfit("a whole number"))?,
            ),
            Kind::Number => Value::from(
                trimmed
                    .parse::<f64>()
                    .ok()
                    .filter(|number| number.is_finite())
                    .ok_or_else(|| unfit("a number"))?,
            ),
            Kind::Json => serde_json::from_str(trimmed).map_err(|_| unfit("JSON"))?,
        };
        answer.insert(field.name.clone(), value);
    }
    Ok(Value::Object(answer))
}

#[cfg(test)]
mod tests {
    use super::*;

    use serde_json::json;

    fn given(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn a_schema_becomes_a_form_and_the_form_an_answer() {
        let schema = json!({
            "type": "object",
            "properties": {
                "note": {"type": "string", "description": "Anything else"},
                "year": {"type": "integer", "title": "Which year"},
                "share": {"type": "number"},
                "sure": {"type": "boolean"},
                "size": {"enum": ["small", "large"]}
            },
            "required": ["year", "size"]
        });
        let fields = fields(&schema);
        let order: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
        assert!(
            order[..2].contains(&"year") && order[..2].contains(&"size"),
            "{order:?}"
        );
        let mut filled = beginning(&fields);
        assert_eq!(filled["size"], "small");
        assert_eq!(
            value(&fields, &filled),
            Err("“Which year” is missing.".into())
        );
        filled.extend(given(&[("year", " 2026 "), ("share", "0.5")]));
        let expected = json!({"year": 2026, "size": "small", "share": 0.5, "sure": false});
        assert_eq!(value(&fields, &filled), Ok(expected));
        filled.extend(given(&[("year", "last")]));
        assert!(
            value(&fields, &filled)
                .unwrap_err()
                .contains("whole number")
        );
    }

    #[test]
    fn what_has_no_field_of_its_own_is_json() {
        let schema = json!({"type": "object", "properties": {"list": {"type": "array"}}});
        let fields = fields(&schema);
        let answer = |text: &str| value(&fields, &given(&[("list", text)]));
        assert_eq!(answer("[1]"), Ok(json!({"list": [1]})));
        assert!(answer("[1").is_err());
        assert_eq!(answer(""), Ok(json!({})));
    }
}
