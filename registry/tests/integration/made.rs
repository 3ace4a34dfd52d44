//! Components made for the tests.

use alcove_policies::manifest::{self, Manifest};

/// The text of a component with these imports and, where wanted, the handler.
pub(crate) fn wat(imports: &str, handler: bool) -> Vec<u8> {
    let handler = if handler {
        r#"(component $empty) (instance $handler (instantiate $empty))
           (export "alcove:tool/handler@0.1.0" (instance $handler))"#
    } else {
        ""
    };
    wat::parse_str(format!("(component {imports} {handler})")).unwrap()
}

pub(crate) fn manifest(id: &str, version: &str, requests: &str) -> Manifest {
    let json = serde_json::json!({
        "id": id, "version": version, "contract": "0.1.0", "requests": requests,
        "tools": [{"name": "run", "title": "Run", "description": "Runs.",
                   "input": {"type": "object", "additionalProperties": false}}],
    });
    Manifest::parse(json.to_string().as_bytes()).unwrap()
}

/// A plugin that can be installed.
pub(crate) fn plugin(id: &str, version: &str) -> Vec<u8> {
    let wasm = wat(r#"(import "wasi:io/poll@0.2.0" (instance))"#, true);
    manifest::embed(&wasm, &manifest(id, version, "")).unwrap()
}
