//! Manifests: read, refused, put into a component and taken out of a module.

use alcove_policies::inspect::{InspectError, inspect};
use alcove_policies::manifest::{self, EmbedError, Manifest};
use serde_json::{Value, json};

use crate::inspection::{component, manifest};

fn valid() -> Value {
    serde_json::from_slice(&manifest().to_json()).unwrap()
}

/// The error of a manifest after one change.
#[track_caller]
fn refused(change: impl FnOnce(&mut Value)) -> String {
    let mut value = valid();
    change(&mut value);
    Manifest::parse(value.to_string().as_bytes())
        .unwrap_err()
        .to_string()
}

#[test]
fn a_manifest_survives_its_own_spelling() {
    assert_eq!(Manifest::parse(&manifest().to_json()).unwrap(), manifest());
}

#[test]
fn what_is_wrong_is_named() {
    let check = |message: String, part: &str| assert!(message.contains(part), "{message}");
    check(refused(|m| m["id"] = json!("notes")), "`id`");
    check(
        refused(|m| m["version"] = json!("one")),
        "\"one\" is not a version",
    );
    check(
        refused(|m| m["surprise"] = json!(1)),
        "unknown field `surprise`",
    );
    check(refused(|m| m["tools"] = json!([])), "`tools`");
    check(
        refused(|m| m["tools"][0]["name"] = json!("Add-Note")),
        "Add-Note",
    );
    check(
        refused(|m| m["tools"][0]["title"] = json!(" ")),
        "`tools.add.title` is empty",
    );
    check(
        refused(|m| m["tools"][0]["title"] = json!("a\nb")),
        "U+000A",
    );
    check(
        refused(|m| m["tools"][0]["description"] = json!("hi\u{202e}there")),
        "U+202E",
    );
    check(
        refused(|m| m["tools"][0]["effects"] = json!(["everything"])),
        "everything",
    );
    for end in ["stl", "**", "*a b", ""] {
        check(
            refused(|m| m["tools"][0]["files"] = json!([end])),
            "`tools.add.files`",
        );
    }
    check(
        refused(|m| m["tools"][0]["input"]["type"] = json!("string")),
        "tools.add.input",
    );
    check(
        refused(|m| m["tools"][0]["output"] = json!({"oneOf": []})),
        "tools.add.output",
    );
    check(
        refused(|m| m["tools"][0]["examples"] = json!([{"title": "x", "arguments": {}}])),
        "needs `text`",
    );
    check(
        refused(|m| m["tools"][0]["code"] = json!({"argument": "no", "language": "python"})),
        "required string argument",
    );
    check(
        refused(|m| {
            let tool = m["tools"][0].clone();
            m["tools"].as_array_mut().unwrap().push(tool);
        }),
        "\"add\" twice",
    );
    check(
        refused(|m| m["requests"] = json!("versoin = 1")),
        "unknown key `versoin`",
    );
    check(
        refused(|m| m["requests"] = json!("version = 1\nplugin = \"other/one\"")),
        "other/one, not for acme/notes",
    );
    let long = "x".repeat(300 << 10);
    check(
        refused(|m| m["tools"][0]["description"] = json!(long)),
        "longer",
    );
}

#[test]
fn embedding_puts_one_section_at_the_top_level() {
    let plain = component(r#"(component (import "wasi:io/poll@0.2.0" (instance)))"#);
    let with = manifest::embed(&plain, &manifest()).unwrap();
    let found = inspect(&with).unwrap();
    assert_eq!(found.manifest.as_ref(), Some(&manifest()));
    assert_eq!(found.imports.len(), 1);

    // Once more changes nothing; another manifest takes the place of the first.
    assert_eq!(manifest::embed(&with, &manifest()).unwrap(), with);
    let mut other = manifest();
    other.version = "2.0.0".parse().unwrap();
    let replaced = inspect(&manifest::embed(&with, &other).unwrap()).unwrap();
    assert_eq!(replaced.manifest, Some(other));
}

#[test]
fn two_manifests_are_refused() {
    let section = manifest::SECTION;
    let wasm = component(&format!(
        r#"(component (@custom "{section}" "{{}}") (@custom "{section}" "{{}}"))"#
    ));
    assert!(matches!(
        inspect(&wasm),
        Err(InspectError::SeveralManifests)
    ));
}

#[test]
fn an_invalid_manifest_is_never_embedded() {
    let mut bad = manifest();
    bad.tools.clear();
    let error = manifest::embed(&component("(component)"), &bad).unwrap_err();
    assert!(matches!(error, EmbedError::Manifest(_)));
    let error = manifest::embed(&component("(module)"), &manifest()).unwrap_err();
    assert!(matches!(error, EmbedError::Not("component")));
}

#[test]
fn a_module_gives_its_manifest_up() {
    let json = String::from_utf8(manifest().to_json()).unwrap();
    let escaped: String = json.bytes().map(|byte| format!("\\{byte:02x}")).collect();
    let text = format!(
        r#"(module (@custom "name-like" "kept") (@custom "{}" "{escaped}"))"#,
        manifest::SECTION
    );
    let (module, found) = manifest::split(&component(&text)).unwrap();
    assert_eq!(found, Some(manifest()));
    assert_eq!(
        module,
        component(r#"(module (@custom "name-like" "kept"))"#)
    );
    let (same, none) = manifest::split(&module).unwrap();
    assert_eq!((same, none), (module, None));

    let cut = &component(&text)[..20];
    assert!(matches!(manifest::split(cut), Err(EmbedError::CutOff(_))));
    assert!(matches!(
        manifest::split(b"text"),
        Err(EmbedError::Not("core module"))
    ));
}

#[test]
fn versions_of_the_contract_are_told_apart() {
    let speaks = |contract: &str, host: &str| {
        let mut manifest = manifest();
        manifest.contract = contract.parse().unwrap();
        manifest.speaks(&host.parse().unwrap())
    };
    assert!(speaks("0.1.0", "0.1.0"));
    assert!(speaks("0.1.0", "0.1.4"));
    assert!(!speaks("0.1.4", "0.1.0"));
    assert!(!speaks("0.1.0", "0.2.0"));
    assert!(speaks("1.2.0", "1.3.0"));
    assert!(!speaks("1.2.0", "2.0.0"));
}

#[test]
fn files_are_told_by_how_their_paths_end() {
    for (end, path, expected) in [
        ("*", "anything", true),
        ("*.stl", "parts/A.STL", true),
        ("*.stl", "stl", false),
        ("*.git/HEAD", "project/.git/HEAD", true),
        ("*.git/HEAD", "HEAD", false),
        ("*.ü", "x.ü", true),
    ] {
        assert_eq!(manifest::is_file_for(end, path), expected, "{end} {path}");
    }
}
