//! Manifests made from types.

use alcove_policies::schema;
use alcove_policies::typed::{GenerateError, generate};
use serde_json::json;

fn fixture(name: &str) -> Vec<u8> {
    let dist = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins/dist/fixtures");
    std::fs::read(dist.join(name)).expect("built by `cargo xtask build`")
}

/// A component with these types and lifted functions.
fn exporting(types: &str, func: &str) -> Vec<u8> {
    let text = format!(
        "(component
           {types}
           (core module $m (memory (export \"mem\") 1)
             (func (export \"realloc\") (param i32 i32 i32 i32) (result i32) unreachable)
             (func (export \"g\") (param i32))
             (func (export \"g2\") (param i32 i32)))
           (core instance $i (instantiate $m))
           {func})"
    );
    wat::parse_str(text).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn tools_are_made_from_functions_types_and_comments() {
    let made = generate(&fixture("typed.wasm"), "shapes").unwrap();
    assert_eq!(made.left_out, []);
    let manifest = made.manifest;
    assert_eq!(manifest.id, "local/shapes");
    assert_eq!(manifest.requests, "");
    let mut names: Vec<_> = manifest
        .tools
        .iter()
        .map(|tool| tool.name.as_str())
        .collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "add",
            "count",
            "misbehave",
            "quiet",
            "shapes_area",
            "shapes_describe",
            "shapes_echo",
            "shapes_move",
            "undocumented"
        ]
    );
    let tool = |name: &str| {
        manifest
            .tools
            .iter()
            .find(|tool| tool.name == name)
            .unwrap()
    };
    let area = tool("shapes_area");
    assert_eq!(area.title, "Shapes area");
    assert_eq!(
        area.description,
        "The area of a shape.\nA foot is 0.3048 meters."
    );
    assert_eq!(area.effects, ["compute"]);
    assert_eq!(area.input["required"], json!(["shape", "unit"]));
    assert_eq!(
        area.input["properties"]["unit"],
        json!({"type": "string", "enum": ["meter", "foot"]})
    );
    let circle = &area.input["properties"]["shape"]["properties"]["circle"];
    assert_eq!(circle["required"], json!(["center", "radius"]));
    assert_eq!(circle["properties"]["label"], json!({"type": "string"}));
    assert_eq!(
        area.output,
        Some(json!({
            "type": "object", "properties": {"result": {"type": "number"}},
            "required": ["result"], "additionalProperties": false
        }))
    );
    assert_eq!(
        tool("quiet").output,
        Some(json!({"type": "object", "properties": {}, "additionalProperties": false}))
    );
    assert!(
        tool("undocumented")
            .description
            .contains("wrote no description")
    );
    assert_eq!(tool("add").description, "Adds two whole numbers.");
    let b = &tool("add").input["properties"]["b"];
    assert_eq!(
        b,
        &json!({"type": "integer", "minimum": i32::MIN, "maximum": i32::MAX})
    );
    let lowest = json!({"a": 1, "b": -2147483648_i64});
    schema::validate(&tool("add").input, &lowest).unwrap();
    schema::validate(&tool("add").input, &json!({"a": 1, "b": 2147483648_u64})).unwrap_err();
    // The same bytes, the same manifest.
    assert_eq!(
        generate(&fixture("typed.wasm"), "shapes").unwrap().manifest,
        manifest
    );
}

#[test]
fn what_it_imports_is_what_it_may_do() {
    let made = generate(&fixture("typed-fetch.wasm"), "fetch").unwrap();
    let [fetch] = made.manifest.tools.as_slice() else {
        panic!("{made:?}");
    };
    assert_eq!(fetch.name, "fetch");
    assert_eq!(fetch.description, "Gets a page, and gives back its text.");
    assert_eq!(fetch.effects, ["compute", "read-web", "write-web"]);
}

#[test]
fn what_json_cannot_say_is_left_out_by_name() {
    let deep =
        "(type $t0 (list u8)) (type $t1 (list $t0)) (type $t2 (list $t1)) (type $t3 (list $t2))
        (type $t4 (list $t3)) (type $t5 (list $t4)) (type $t6 (list $t5)) (type $t7 (list $t6))
        (type $t8 (list $t7))";
    let lift = |name: &str, ty: &str| {
        format!(
            "(func ${name} (param \"x\" {ty})
               (canon lift (core func $i \"g2\") (memory (core memory $i \"mem\")) (realloc (core func $i \"realloc\"))))
             (export \"{name}\" (func ${name}))"
        )
    };
    let func = format!(
        "(func $ok (param \"x\" u32) (canon lift (core func $i \"g\"))) (export \"fine\" (func $ok))
         {}",
        lift("deep", "$t8")
    );
    let wasm = exporting(deep, &func).to_vec();
    let made = generate(&wasm, "x").unwrap();
    assert_eq!(made.manifest.tools.len(), 1);
    assert_eq!(made.left_out.len(), 1);
    assert_eq!(made.left_out[0].0, "deep");
    assert!(
        made.left_out[0].1.contains("nested deeper"),
        "{:?}",
        made.left_out
    );
}

#[test]
fn what_offers_nothing_is_refused() {
    let empty = wat::parse_str("(component)").unwrap();
    assert!(matches!(
        generate(&empty, "x"),
        Err(GenerateError::NoTools(_))
    ));
    assert!(matches!(
        generate(&fixture("echo.wasm"), "x"),
        Err(GenerateError::HasManifest)
    ));
    for name in ["", "UPPER", "a b", "-x"] {
        let error = generate(&fixture("typed.wasm"), name).unwrap_err();
        assert!(
            matches!(error, GenerateError::Manifest(_)),
            "{name}: {error}"
        );
    }
    assert!(matches!(
        generate(b"\0asm", "x"),
        Err(GenerateError::Inspect(_))
    ));
}

#[test]
fn damaged_bytes_never_panic() {
    let whole = fixture("typed.wasm");
    for at in (0..whole.len()).step_by(97) {
        let _ = generate(&whole[..at], "x");
        let mut changed = whole.clone();
        changed[at] ^= 0x55;
        let _ = generate(&changed, "x");
    }
}
