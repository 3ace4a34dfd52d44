//! What is read from a binary.

use alcove_policies::inspect::{BadgeKind, Class, InspectError, badges, inspect};
use alcove_policies::manifest::{self, Manifest};
use alcove_policies::{Authority, Policy};

pub(crate) fn component(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap()
}

pub(crate) fn manifest() -> Manifest {
    Manifest::parse(
        br#"{"id":"acme/notes","version":"1.2.3","contract":"0.1.0","tools":[{
            "name":"add","title":"Add a note","description":"Adds a note.",
            "input":{"type":"object","properties":{"text":{"type":"string"}},
            "required":["text"],"additionalProperties":false}}]}"#,
    )
    .unwrap()
}

#[test]
fn imports_are_classified() {
    let wasm = component(
        r#"(component
            (import "wasi:io/poll@0.2.3" (instance))
            (import "wasi:filesystem/types@0.2.3" (instance))
            (import "wasi:http/outgoing-handler@0.2.3" (instance)))"#,
    );
    let inspection = inspect(&wasm).unwrap();
    let classes: Vec<Class> = inspection
        .imports
        .iter()
        .map(|import| import.class)
        .collect();
    assert_eq!(classes, [Class::Inert, Class::Deniable, Class::Authority]);
    assert!(inspection.imports_interface("wasi:io/poll"));
    assert!(!inspection.imports_interface("wasi:io/streams"));
    assert!(inspection.manifest.is_none());
    assert_eq!(inspection.digest.len(), 64);
}

#[test]
fn what_is_not_in_the_table_is_refused() {
    for import in [
        r#"(import "wasi:keyvalue/store@0.2.0" (instance))"#,
        r#"(import "wasi:io/poll@0.3.0" (instance))"#,
        r#"(import "wasi:io/poll" (instance))"#,
        r#"(import "run" (func))"#,
        r#"(import "wasi:io/poll@0.2.0" (func))"#,
        r#"(import "evil:host/all@1.0.0" (instance))"#,
    ] {
        let error = inspect(&component(&format!("(component {import})"))).unwrap_err();
        assert!(
            matches!(error, InspectError::UnknownImport { .. }),
            "{import}: {error}"
        );
    }
}

#[test]
fn a_nested_component_asks_its_outer_one_and_not_the_host() {
    let inner = r#"(component (import "evil:host/all@1.0.0" (instance)))"#;
    let inspection = inspect(&component(&format!("(component {inner})"))).unwrap();
    assert!(inspection.imports.is_empty());
}

#[test]
fn a_nested_manifest_does_not_count() {
    let nested = format!(
        r#"(component (component (@custom "{}" "not json")))"#,
        manifest::SECTION
    );
    assert!(inspect(&component(&nested)).unwrap().manifest.is_none());
}

#[test]
fn a_core_module_is_told_from_a_component() {
    assert!(matches!(
        inspect(&component("(module)")),
        Err(InspectError::CoreModule)
    ));
    assert!(matches!(inspect(b"#!/bin/sh"), Err(InspectError::NotWasm)));
    assert!(matches!(inspect(b""), Err(InspectError::NotWasm)));
    assert!(matches!(
        inspect(b"\0asm\x0d\0"),
        Err(InspectError::Invalid { .. })
    ));
    assert!(matches!(
        inspect(b"\0asm\x63\0\x01\0"),
        Err(InspectError::Invalid { .. })
    ));
}

#[test]
fn another_contract_is_named_with_both_versions() {
    let mut newer = manifest();
    newer.contract = "0.2.0".parse().unwrap();
    let wasm = manifest::embed(
        &component(r#"(component (import "alcove:tool/session@0.2.0" (instance)))"#),
        &newer,
    )
    .unwrap();
    let error = inspect(&wasm).unwrap_err().to_string();
    assert_eq!(
        error,
        "the plugin speaks alcove:tool 0.2.0, this host speaks 0.1.0; upgrade Alcove, or use an \
         older version of the plugin"
    );
}

#[test]
fn badges_say_what_the_binary_proves_and_what_the_host_refuses() {
    let check = |imports: &str, policy: Option<&str>| -> Vec<(BadgeKind, String)> {
        let inspection = inspect(&component(&format!("(component {imports})"))).unwrap();
        let policy = policy.map(|rules| {
            let text = format!("version = 1\nplugin = \"a/b\"\n{rules}");
            Authority::from(Policy::parse(&text).unwrap())
        });
        badges(&inspection, policy.as_ref())
            .into_iter()
            .map(|badge| (badge.kind, badge.text))
            .collect()
    };
    let http = r#"(import "wasi:http/outgoing-handler@0.2.0" (instance))"#;
    let sockets = r#"(import "wasi:sockets/tcp@0.2.0" (instance))"#;
    let files = r#"(import "wasi:filesystem/types@0.2.0" (instance))"#;
    let public = "[[http]]\nnetwork = \"public\"\n";
    let workspace = "[[files]]\nmount = \"/w\"\nsource = \"conversation-workspace\"\n\
                     access = \"read-only\"\n";

    assert_eq!(
        check("", Some(public)),
        [
            (
                BadgeKind::CannotAsk,
                "cannot ask for the network".to_owned()
            ),
            (BadgeKind::CannotAsk, "cannot ask for files".to_owned()),
        ]
    );
    assert_eq!(check(http, None)[0].0, BadgeKind::Refused);
    assert_eq!(
        check(http, Some(public))[0],
        (
            BadgeKind::Granted,
            "may send requests to any public host".to_owned()
        )
    );
    // Sockets are never opened, whatever the policy grants over HTTP.
    assert_eq!(
        check(sockets, Some(public))[0],
        (
            BadgeKind::Refused,
            "network refused by this host".to_owned()
        )
    );
    assert_eq!(check(files, None)[1].0, BadgeKind::Refused);
    assert_eq!(
        check(files, Some(workspace))[1],
        (
            BadgeKind::Granted,
            "may read /w (conversation-workspace)".to_owned()
        )
    );
    let state = check(r#"(import "alcove:state/store@0.1.0" (instance))"#, None);
    assert_eq!(
        state[2],
        (BadgeKind::Refused, "state refused by this host".to_owned())
    );
}
