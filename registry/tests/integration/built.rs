//! The components that come with the program, as `cargo xtask build` makes them.

use std::fs;
use std::path::Path;

use alcove_policies::inspect::{Badge, BadgeKind, Class, Inspection, badges, inspect};
use alcove_policies::{DEFAULTS, Policy};
use alcove_registry::{ComponentStore, FIRST_PARTY};

fn component(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../plugins/dist")
        .join(name);
    fs::read(&path).unwrap_or_else(|error| {
        panic!(
            "{} ({error}): build the plugins first with `cargo xtask build`",
            path.display()
        )
    })
}

fn inspected(name: &str) -> Inspection {
    inspect(&component(name)).unwrap()
}

fn default(plugin: &str) -> Policy {
    let (_, text) = DEFAULTS.iter().find(|(id, _)| *id == plugin).unwrap();
    Policy::parse(text).unwrap()
}

#[test]
fn each_installs_as_a_plugin_of_the_first_party() {
    let root = tempfile::tempdir().unwrap();
    let store = ComponentStore::open(root.path()).unwrap();
    for (file, id, tool, session) in [
        ("python.wasm", "alcove/python", "python", true),
        ("documents.wasm", "alcove/documents", "read_document", false),
        (
            "repo-browser.wasm",
            "alcove/repo-browser",
            "repo_list",
            false,
        ),
        ("javascript.wasm", "alcove/javascript", "javascript", true),
        ("mesh.wasm", "alcove/mesh", "mesh_measure", false),
        ("test-runner.wasm", "alcove/test-runner", "run_tests", false),
        ("web-fetch.wasm", "alcove/web-fetch", "web_fetch", false),
        ("web-search.wasm", "alcove/web-search", "web_search", false),
        ("fixtures/probe.wasm", "alcove/probe", "probe", false),
        ("fixtures/echo.wasm", "alcove/echo", "echo", false),
    ] {
        let installed = store.install_bytes(&component(file), FIRST_PARTY).unwrap();
        assert_eq!(installed.id, id);
        assert_eq!(installed.manifest.id, id);
        assert_eq!(installed.manifest.session, session, "{id}");
        let names: Vec<&str> = installed
            .manifest
            .tools
            .iter()
            .map(|tool| tool.name.as_str())
            .collect();
        // The fixture has further tools for further tests.
        assert_eq!(names.first(), Some(&tool), "{id}: {names:?}");
    }
    assert_eq!(store.list().len(), 10);
}

#[test]
fn python_may_give_charts_back_and_its_code_is_an_argument() {
    let bytes = component("python.wasm");
    assert!(bytes.len() < 32_000_000, "{} bytes", bytes.len());
    let inspection = inspected("python.wasm");
    let with_authority: Vec<&str> = inspection
        .imports
        .iter()
        .filter(|import| import.class == Class::Authority)
        .map(|import| import.name.as_str())
        .collect();
    assert_eq!(with_authority, ["alcove:assets/blobs@0.1.0"]);
    let badges = badges(&inspection, Some(&default("alcove/python").into()));
    // CPython imports sockets and files whatever it runs, so the binary proves nothing here.
    let is_given = |badge: &&Badge| badge.kind != BadgeKind::Refused;
    let beside: Vec<&str> = badges
        .iter()
        .filter(is_given)
        .map(|badge| badge.subject.as_str())
        .collect();
    assert_eq!(beside, ["files", "assets"]);

    let tool = &inspection.manifest.as_ref().unwrap().tools[0];
    let code = tool.code.as_ref().unwrap();
    assert_eq!(
        (code.argument.as_str(), code.language.as_str()),
        ("code", "python")
    );
}

#[test]
fn web_fetch_asks_for_http_and_assets_and_its_policy_grants_them() {
    let inspection = inspected("web-fetch.wasm");
    for import in &inspection.imports {
        let is_expected = import.class == Class::Inert
            || import.name.starts_with("wasi:http/outgoing-handler@")
            || import.name.starts_with("alcove:assets/blobs@");
        assert!(is_expected, "{}", import.name);
    }
    let manifest = inspection.manifest.as_ref().unwrap();
    let requested = manifest.requested_policy().unwrap().unwrap();
    let granted = default("alcove/web-fetch");
    for method in ["GET", "POST"] {
        for url in ["https://example.com/", "http://example.com:8080/x"] {
            let url = url.parse().unwrap();
            assert_eq!(
                std::mem::discriminant(&requested.http(method, &url)),
                std::mem::discriminant(&granted.http(method, &url)),
                "what it asks for and what it is given by default differ: {method} {url}"
            );
        }
    }
    assert!(requested.assets().is_some() && granted.assets().is_some());
    let badges = badges(&inspection, Some(&granted.into()));
    assert_eq!(badges[0].kind, BadgeKind::Granted);
    assert_eq!(badges[1].kind, BadgeKind::CannotAsk);
}

#[test]
fn the_probe_has_an_import_of_every_class() {
    let inspection = inspected("fixtures/probe.wasm");
    for interface in [
        "wasi:cli/environment",
        "wasi:clocks/wall-clock",
        "wasi:filesystem/preopens",
        "wasi:http/outgoing-handler",
        "wasi:random/random",
        "wasi:sockets/tcp-create-socket",
        "alcove:tool/session",
    ] {
        assert!(inspection.imports_interface(interface), "{interface}");
    }
}

#[test]
fn the_echo_proves_that_it_can_ask_for_nothing() {
    let inspection = inspected("fixtures/echo.wasm");
    assert!(
        inspection
            .imports
            .iter()
            .all(|import| import.class == Class::Inert)
    );
    let badges = badges(&inspection, None);
    assert!(
        badges
            .iter()
            .all(|badge| badge.kind == BadgeKind::CannotAsk)
    );
}

#[test]
fn web_search_can_ask_for_requests_and_state_alone() {
    let inspection = inspected("web-search.wasm");
    let mut authority: Vec<&str> = inspection
        .imports
        .iter()
        .filter(|import| import.class == Class::Authority)
        .map(|import| import.name.as_str())
        .collect();
    authority.sort_unstable();
    assert_eq!(authority.len(), 2, "{authority:?}");
    assert!(authority[0].starts_with("alcove:state/store@"));
    assert!(authority[1].starts_with("wasi:http/outgoing-handler@"));
    let manifest = inspection.manifest.as_ref().unwrap();
    let requested = manifest.requested_policy().unwrap().unwrap();
    let more = default("alcove/web-search").more_than(&requested);
    assert!(more.is_empty(), "{more:?}");
}

#[test]
fn javascript_can_ask_for_files_alone() {
    let inspection = inspected("javascript.wasm");
    for import in &inspection.imports {
        let is_files = import.name.starts_with("wasi:filesystem/");
        let class = if is_files {
            Class::Deniable
        } else {
            Class::Inert
        };
        assert_eq!(import.class, class, "{}", import.name);
    }
    assert!(inspection.imports_interface("wasi:filesystem/types"));
    let network = badges(&inspection, None)
        .into_iter()
        .find(|badge| badge.subject == "network");
    assert_eq!(network.unwrap().kind, BadgeKind::CannotAsk);
    let manifest = inspection.manifest.as_ref().unwrap();
    assert_eq!(
        manifest.tools[0].code.as_ref().unwrap().language,
        "javascript"
    );
}
