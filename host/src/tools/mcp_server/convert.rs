//! From the tools that a server lists to tools of a manifest.
//!
//! Servers use all of JSON Schema; tools here are described in a subset. What goes beyond it is
//! turned into what it means here where that loses nothing but a check that the server makes
//! itself: formats and patterns are dropped, a type or null is a value that may be left out. A tool
//! whose arguments cannot be described at all is left out, by name.

use alcove_policies::manifest::Tool;
use alcove_policies::schema;
use serde_json::{Map, Value, json};

/// As deep as the subset goes, with room for references.
const MAX_DEPTH: usize = 16;
const MAX_NAME_BYTES: usize = 64;
const MAX_TEXT_CHARS: usize = 2_000;
const MAX_TITLE_CHARS: usize = 100;
const MAX_DESCRIPTION_CHARS: usize = 4_000;

/// A tool, or why it is none.
pub(super) fn tool(listed: &Value) -> Result<Tool, String> {
    let there = listed["name"].as_str().unwrap_or_default();
    if there.is_empty() || !there.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("has a name that no header can hold".to_owned());
    }
    let name = name_of(there)?;
    let words = |text: &Value, most: usize| -> Option<String> {
        let text = text.as_str()?.trim().replace('\t', " ").replace('\r', "");
        (!text.is_empty()).then(|| text.chars().take(most).collect())
    };
    let title = words(&listed["title"], MAX_TITLE_CHARS)
        .or_else(|| words(&listed["annotations"]["title"], MAX_TITLE_CHARS))
        .unwrap_or_else(|| name.replace('_', " "));
    let description = words(&listed["description"], MAX_DESCRIPTION_CHARS).unwrap_or_else(|| {
        format!("Calls `{there}` of the server, which describes it no further.")
    });
    let root = &listed["inputSchema"];
    let input = value(root, root, 0)?;
    if input["type"] != "object" {
        return Err("takes something else than an object".to_owned());
    }
    schema::check(&input)
        .map_err(|error| format!("takes what cannot be described here: {error}"))?;
    let reads_only = listed["annotations"]["readOnlyHint"] == Value::Bool(true);
    let effects: &[&str] = match reads_only {
        true => &["read-web"],
        false => &["read-web", "write-web"],
    };
    let tool = Tool {
        name,
        title,
        description,
        input,
        output: None,
        effects: effects.iter().map(|effect| (*effect).to_owned()).collect(),
        files: Vec::new(),
        examples: Vec::new(),
        code: None,
    };
    tool.check_words().map_err(|error| error.to_string())?;
    Ok(tool)
}

/// `getUser`, `get-user` and `get.user` are called `get_user`.
fn name_of(there: &str) -> Result<String, String> {
    let mut name = String::new();
    let mut was_lower = false;
    for c in there.chars() {
        if c.is_ascii_uppercase() && was_lower {
            name.push('_');
        }
        was_lower = c.is_ascii_lowercase() || c.is_ascii_digit();
        name.push(match c.is_ascii_alphanumeric() {
            true => c.to_ascii_lowercase(),
            false => '_',
        });
    }
    if !name.starts_with(|first: char| first.is_ascii_lowercase()) {
        name = format!("tool_{name}");
    }
    match name.len() <= MAX_NAME_BYTES {
        true => Ok(name),
        false => Err(format!("has a name of more than {MAX_NAME_BYTES} letters")),
    }
}

fn value(schema: &Value, root: &Value, depth: usize) -> Result<Value, String> {
    if depth > MAX_DEPTH {
        return Err("takes what refers to itself or is nested too deeply".to_owned());
    }
    if let Some(reference) = schema["$ref"].as_str() {
        // Only within the same document: nothing is fetched for a schema.
        let target = reference
            .strip_prefix('#')
            .and_then(|pointer| root.pointer(pointer));
        let target = target.ok_or_else(|| format!("refers to `{}`", short(reference)))?;
        return value(target, root, depth + 1).map(|inner| described(inner, schema));
    }
    for key in ["anyOf", "oneOf", "allOf"] {
        if let Some(choices) = schema[key].as_array() {
            let mut choices = choices.iter().filter(|choice| choice["type"] != "null");
            return match (choices.next(), choices.next()) {
                (Some(only), None) => {
                    value(only, root, depth + 1).map(|inner| described(inner, schema))
                }
                _ => Err(format!("leaves a choice of types (`{key}`)")),
            };
        }
    }
    let kind = kind_of(schema)?;
    let made = match kind {
        "object" => object(schema, root, depth)?,
        "array" => {
            let items = schema.get("items").filter(|items| items.is_object());
            let items = items.ok_or("takes a list of anything")?;
            let mut array = json!({"type": "array", "items": value(items, root, depth + 1)?});
            copy(schema, &mut array, &["minItems", "maxItems"], |v| {
                v.as_u64().is_some_and(|n| n <= u64::from(u32::MAX))
            });
            array
        }
        "string" => {
            let mut string = json!({"type": "string"});
            copy(schema, &mut string, &["minLength", "maxLength"], |v| {
                v.as_u64().is_some_and(|n| n <= u64::from(u32::MAX))
            });
            copy(schema, &mut string, &["enum"], |v| all(v, Value::is_string));
            if let Some(only) = schema["const"].as_str() {
                string["enum"] = json!([only]);
            }
            string
        }
        "integer" => {
            let whole = |v: &Value| v.is_i64() || v.is_u64();
            let mut integer = json!({"type": "integer"});
            copy(schema, &mut integer, &["minimum", "maximum"], whole);
            copy(schema, &mut integer, &["enum"], |v| all(v, whole));
            integer
        }
        "number" => {
            let mut number = json!({"type": "number"});
            copy(
                schema,
                &mut number,
                &["minimum", "maximum"],
                Value::is_number,
            );
            number
        }
        _ => json!({"type": "boolean"}),
    };
    let mut made = described(made, schema);
    if let Some(default) = schema.get("default")
        && schema::validate(&made, default).is_ok()
    {
        made["default"] = default.clone();
    }
    Ok(made)
}

fn kind_of(schema: &Value) -> Result<&str, String> {
    const KINDS: [&str; 6] = ["object", "array", "string", "integer", "number", "boolean"];
    let said: Vec<&str> = match &schema["type"] {
        Value::String(kind) => vec![kind],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        _ if schema["properties"].is_object() => vec!["object"],
        _ if schema["const"].is_string() || all(&schema["enum"], Value::is_string) => {
            vec!["string"]
        }
        _ => vec![],
    };
    let mut said = said.into_iter().filter(|kind| *kind != "null");
    match (said.next(), said.next()) {
        (Some(kind), None) if KINDS.contains(&kind) => Ok(kind),
        _ => Err("takes a value of any type".to_owned()),
    }
}

fn object(schema: &Value, root: &Value, depth: usize) -> Result<Value, String> {
    let empty = Map::new();
    let members = schema["properties"].as_object().unwrap_or(&empty);
    let is_open = schema
        .get("additionalProperties")
        .is_some_and(|more| more != &Value::Bool(false));
    if members.is_empty() && is_open {
        return Err("takes an object of any shape".to_owned());
    }
    let needed: Vec<&str> = schema["required"]
        .as_array()
        .map(|names| names.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let (mut properties, mut required) = (Map::new(), Vec::new());
    for (name, member) in members {
        match value(member, root, depth + 1) {
            Ok(made) => {
                if needed.contains(&name.as_str()) {
                    required.push(json!(name));
                }
                properties.insert(name.clone(), made);
            }
            Err(reason) if needed.contains(&name.as_str()) => {
                return Err(format!("needs `{}`, which {reason}", short(name)));
            }
            // What need not be given is not offered.
            Err(_) => {}
        }
    }
    let mut object = json!({"type": "object", "properties": properties});
    if !required.is_empty() {
        object["required"] = Value::Array(required);
    }
    object["additionalProperties"] = json!(false);
    Ok(object)
}

/// With the words of the schema that it was made from.
fn described(mut made: Value, schema: &Value) -> Value {
    for key in ["title", "description"] {
        if let Some(text) = schema[key].as_str() {
            made[key] = json!(text.chars().take(MAX_TEXT_CHARS).collect::<String>());
        }
    }
    made
}

fn copy(from: &Value, to: &mut Value, keys: &[&str], fits: impl Fn(&Value) -> bool) {
    for key in keys {
        if let Some(value) = from.get(key).filter(|value| fits(value)) {
            to[*key] = value.clone();
        }
    }
}

fn all(list: &Value, fits: impl Fn(&Value) -> bool) -> bool {
    list.as_array()
        .is_some_and(|list| !list.is_empty() && list.iter().all(fits))
}

fn short(text: &str) -> String {
    text.chars().take(MAX_NAME_BYTES).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(schema: Value) -> Result<Value, String> {
        tool(&json!({"name": "t", "inputSchema": schema})).map(|tool| tool.input)
    }

    #[test]
    fn what_pydantic_writes_is_understood() {
        let made = input(json!({
            "$defs": {"Unit": {"enum": ["c", "f"], "title": "Unit", "type": "string"}},
            "properties": {
                "city": {"title": "City", "type": "string", "pattern": "^[A-Z]"},
                "days": {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}], "default": null},
                "unit": {"$ref": "#/$defs/Unit", "default": "c"},
                "extra": {"additionalProperties": true, "type": "object"},
                "kind": {"const": "now"}
            },
            "required": ["city"], "title": "weatherArguments", "type": "object"
        }))
        .unwrap();
        assert_eq!(
            made,
            json!({
                "type": "object",
                "properties": {
                    "city": {"type": "string", "title": "City"},
                    "days": {"type": "integer", "minimum": 1},
                    "unit": {"type": "string", "enum": ["c", "f"], "title": "Unit"},
                    "kind": {"type": "string", "enum": ["now"]}
                },
                "required": ["city"], "additionalProperties": false, "title": "weatherArguments"
            })
        );
    }

    #[test]
    fn what_cannot_be_described_is_left_out() {
        for (schema, words) in [
            (
                json!({"type": "object", "additionalProperties": true}),
                "any shape",
            ),
            (
                json!({"type": "object", "properties": {"a": {}}, "required": ["a"]}),
                "any type",
            ),
            (
                json!({"type": "object", "properties": {"a": {"anyOf": [{"type": "string"}, {"type": "integer"}]}}, "required": ["a"]}),
                "choice",
            ),
            (json!({"$ref": "https://evil.example/schema"}), "refers to"),
            (json!({"$ref": "#"}), "refers to itself"),
            (json!({"type": "string"}), "something else than an object"),
            (json!(null), "any type"),
            (
                json!({"type": "object", "properties": {"a": {"type": "array"}}, "required": ["a"]}),
                "list of anything",
            ),
        ] {
            let error = input(schema.clone()).unwrap_err();
            assert!(error.contains(words), "{schema}: {error}");
        }
        let hidden =
            json!({"name": "t", "description": "nice\u{202e}", "inputSchema": {"type": "object"}});
        assert!(tool(&hidden).unwrap_err().contains("invisible"));
    }

    #[test]
    fn names_become_ours() {
        for (there, here) in [
            ("getUser", "get_user"),
            ("admin.tools.list", "admin_tools_list"),
            ("DATA_EXPORT_v2", "data_export_v2"),
            ("2fa", "tool_2fa"),
        ] {
            assert_eq!(name_of(there).unwrap(), here);
        }
        assert!(name_of(&"x".repeat(65)).is_err());
        assert!(tool(&json!({"name": "naïve", "inputSchema": {"type": "object"}})).is_err());
    }

    #[test]
    fn what_reads_only_says_so() {
        let listed = |hint: bool| json!({"name": "t", "inputSchema": {"type": "object"}, "annotations": {"readOnlyHint": hint}});
        assert_eq!(tool(&listed(true)).unwrap().effects, ["read-web"]);
        assert_eq!(
            tool(&listed(false)).unwrap().effects,
            ["read-web", "write-web"]
        );
    }
}
