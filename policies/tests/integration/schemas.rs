//! The JSON Schema subset.

use alcove_policies::schema::{check, validate};
use serde_json::{Value, json};

fn schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "url": {"type": "string", "minLength": 3, "maxLength": 10, "description": "Where."},
            "kind": {"type": "string", "enum": ["a", "b"], "default": "a"},
            "count": {"type": "integer", "minimum": 1, "maximum": 9_007_199_254_740_993_i64},
            "level": {"type": "integer", "enum": [1, 2]},
            "ratio": {"type": "number", "minimum": 0, "maximum": 1},
            "deep": {"type": "boolean"},
            "tags": {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 2},
            "more": {"type": "object", "properties": {"x/y": {"type": "integer"}},
                     "required": ["x/y"], "additionalProperties": false}
        },
        "required": ["url"],
        "additionalProperties": false
    })
}

#[test]
fn the_subset_is_let_in() {
    check(&schema()).unwrap();
    check(&json!({"type": "object", "additionalProperties": false})).unwrap();
}

#[test]
fn what_is_outside_is_refused_with_its_place() {
    let mut cases: Vec<(Value, &str)> = vec![
        (json!({"type": "string"}), "/type: "),
        (json!(true), "/type: "),
        (json!({"type": "object"}), "additionalProperties"),
    ];
    for (property, part) in [
        (
            json!({"type": "string", "pattern": "a*"}),
            "/properties/p: the keyword `pattern`",
        ),
        (
            json!({"type": "string", "minlength": 1}),
            "did you mean `minLength`?",
        ),
        (json!({"type": ["string", "null"]}), "/properties/p/type: "),
        (json!({"anyOf": []}), "/properties/p/type: "),
        (json!({"$ref": "#/x"}), "/properties/p/type: "),
        (
            json!({"type": "integer", "minLength": 1}),
            "`minLength` is outside",
        ),
        (
            json!({"type": "integer", "minimum": 0.5}),
            "/properties/p/minimum: ",
        ),
        (
            json!({"type": "integer", "minimum": 2, "maximum": 1}),
            "greater than `maximum`",
        ),
        (
            json!({"type": "string", "minLength": -1}),
            "/properties/p/minLength: ",
        ),
        (
            json!({"type": "string", "enum": []}),
            "/properties/p/enum: ",
        ),
        (
            json!({"type": "string", "enum": [1]}),
            "/properties/p/enum: ",
        ),
        (json!({"type": "array"}), "needs `items`"),
        (
            json!({"type": "integer", "default": "1"}),
            "/properties/p/default: ",
        ),
        (
            json!({"type": "string", "description": 1}),
            "/properties/p/description: ",
        ),
    ] {
        let schema = json!({"type": "object", "properties": {"p": property},
                            "additionalProperties": false});
        cases.push((schema, part));
    }
    cases.push((
        json!({"type": "object", "required": ["p"], "additionalProperties": false}),
        "/required: ",
    ));
    for (schema, part) in cases {
        let error = check(&schema).unwrap_err().to_string();
        assert!(error.contains(part), "{schema}: {error}");
    }
}

#[test]
fn depth_and_breadth_have_limits() {
    let mut deep = json!({"type": "string"});
    for _ in 0..10 {
        deep = json!({"type": "array", "items": deep});
    }
    let schema = json!({"type": "object", "properties": {"p": deep},
                        "additionalProperties": false});
    assert!(check(&schema).unwrap_err().to_string().contains("deeper"));
    let many: serde_json::Map<String, Value> = (0..65)
        .map(|index| (format!("p{index}"), json!({"type": "boolean"})))
        .collect();
    let schema = json!({"type": "object", "properties": many, "additionalProperties": false});
    assert!(
        check(&schema)
            .unwrap_err()
            .to_string()
            .contains("more than 64")
    );
}

#[test]
fn values_fit_or_say_why_not() {
    for value in [
        json!({"url": "abc"}),
        json!({"url": "äöü", "kind": "b", "count": 5.0, "ratio": 1, "deep": false}),
        json!({"url": "abc", "count": 9_007_199_254_740_993_i64, "level": 2.0}),
        json!({"url": "abc", "tags": ["x"], "more": {"x/y": -3}}),
    ] {
        validate(&schema(), &value).unwrap_or_else(|error| panic!("{value}: {error}"));
    }
    for (value, expected) in [
        (json!([]), "the value: must be an object"),
        (json!({}), "the value: needs `url`"),
        (json!({"url": 3}), "/url: must be a string"),
        (json!({"url": null}), "/url: must be a string"),
        (json!({"url": "ab"}), "/url: has fewer than 3 characters"),
        (
            json!({"url": "abcdefghijk"}),
            "/url: has more than 10 characters",
        ),
        (
            json!({"url": "abc", "ulr": 1}),
            "/ulr: is not an argument; did you mean `url`?",
        ),
        (
            json!({"url": "abc", "kind": "c"}),
            "/kind: must be one of \"a\", \"b\"",
        ),
        (
            json!({"url": "abc", "count": 0}),
            "/count: must be at least 1",
        ),
        (
            json!({"url": "abc", "count": 1.5}),
            "/count: must be an integer",
        ),
        (
            json!({"url": "abc", "count": 9_007_199_254_740_994_i64}),
            "/count: must be at most 9007199254740993",
        ),
        (
            json!({"url": "abc", "level": 3}),
            "/level: must be one of 1, 2",
        ),
        (
            json!({"url": "abc", "ratio": 1.01}),
            "/ratio: must be at most 1",
        ),
        (
            json!({"url": "abc", "deep": "true"}),
            "/deep: must be a boolean",
        ),
        (
            json!({"url": "abc", "tags": []}),
            "/tags: has fewer than 1 values",
        ),
        (
            json!({"url": "abc", "tags": ["x", 1]}),
            "/tags/1: must be a string",
        ),
        (
            json!({"url": "abc", "tags": ["x", "y", "z"]}),
            "/tags: has more than 2 values",
        ),
        (json!({"url": "abc", "more": {}}), "/more: needs `x/y`"),
        (
            json!({"url": "abc", "more": {"x/y": "1"}}),
            "/more/x~1y: must be an integer",
        ),
    ] {
        let error = validate(&schema(), &value).unwrap_err().to_string();
        assert_eq!(error, expected, "{value}");
    }
}
