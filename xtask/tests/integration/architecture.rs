//! The edges that ARCHITECTURE.md names.

use std::collections::{BTreeMap, BTreeSet};

use crate::metadata::{Package, packages, root};
use crate::tidy::tracked;

/// What each of our packages may use of our own, apart from tests.
const EDGES: &[(&str, &[&str])] = &[
    ("alcove-api-types", &[]),
    ("alcove-core", &[]),
    ("alcove-policies", &[]),
    ("alcove-runtime", &[]),
    ("alcove-egress", &[]),
    ("alcove-sandbox", &["alcove-policies", "alcove-egress"]),
    ("alcove-registry", &["alcove-policies", "alcove-egress"]),
    (
        "alcove",
        &[
            "alcove-api-types",
            "alcove-core",
            "alcove-egress",
            "alcove-policies",
            "alcove-registry",
            "alcove-runtime",
            "alcove-sandbox",
        ],
    ),
    ("xtask", &["alcove-policies"]),
    ("alcove-web", &["alcove-api-types", "alcove-web-text"]),
    ("alcove-web-text", &[]),
    ("alcove-sdk", &["alcove-sdk-macros"]),
    ("alcove-sdk-macros", &["alcove-policies"]),
    ("alcove-text", &["alcove-sdk"]),
    ("alcove-pdf", &[]),
];

/// Who may speak HTTP as a client, with the reason. URLs that a guest, a model or a user named are
/// reached through `alcove-egress` alone.
const HTTP_CLIENTS: &[(&str, &str)] = &[
    ("alcove-egress", "the one way out"),
    (
        "alcove",
        "the command line speaks to the server at an address the server itself wrote down",
    ),
];

/// Crates that can open an HTTP connection.
const HTTP_CRATES: &[&str] = &[
    "hyper",
    "hyper-util",
    "reqwest",
    "ureq",
    "isahc",
    "curl",
    "awc",
    "surf",
    "attohttpc",
    "minreq",
];

fn ours(manifest: &str) -> Vec<Package> {
    packages(manifest)
        .into_values()
        .filter(|package| package.folder.is_some())
        .collect()
}

#[test]
fn our_packages_use_only_what_the_architecture_allows() {
    let edges: BTreeMap<_, _> = EDGES.iter().copied().collect();
    let mut wrong = Vec::new();
    for manifest in ["Cargo.toml", "web/Cargo.toml", "plugins/Cargo.toml"] {
        let ours = ours(manifest);
        let names: BTreeSet<_> = ours.iter().map(|package| package.name.clone()).collect();
        for package in &ours {
            // A plugin is whatever lies below plugins/ and is not the SDK: it sees the SDK, and the
            // two libraries that plugins share.
            let is_plugin = package
                .folder
                .as_ref()
                .is_some_and(|folder| folder.starts_with("plugins/"));
            let allowed = match edges.get(package.name.as_str()) {
                Some(allowed) => *allowed,
                None if is_plugin => &["alcove-pdf", "alcove-sdk", "alcove-text"],
                None => panic!(
                    "{} is new: name its edges here and in ARCHITECTURE.md",
                    package.name
                ),
            };
            for dependency in &package.dependencies {
                if names.contains(dependency) && !allowed.contains(&dependency.as_str()) {
                    wrong.push(format!("{} uses {dependency}", package.name));
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "edges that ARCHITECTURE.md does not allow: {wrong:?}"
    );
}

#[test]
fn one_crate_alone_links_wasmtime() {
    for package in ours("Cargo.toml") {
        let linked = package
            .dependencies
            .iter()
            .any(|name| name.starts_with("wasmtime"));
        assert_eq!(
            linked,
            package.name == "alcove-sandbox",
            "{}: wasmtime is known to alcove-sandbox alone",
            package.name
        );
    }
}

#[test]
fn http_clients_are_those_on_the_list() {
    let listed: BTreeSet<_> = HTTP_CLIENTS.iter().map(|(name, _)| *name).collect();
    for package in ours("Cargo.toml") {
        for dependency in &package.dependencies {
            assert!(
                !HTTP_CRATES.contains(&dependency.as_str()) || listed.contains(package.name.as_str())
                    // The sandbox names hyper's types in wasi:http's interface; it opens no socket.
                    || (package.name == "alcove-sandbox" && dependency == "hyper"),
                "{} uses {dependency}: reach URLs through alcove-egress, or list the client with its reason",
                package.name
            );
        }
    }
}

/// What opens a connection or asks for a name.
const WAYS_OUT: &[&str] = &[
    "TcpStream::connect",
    "TcpSocket",
    "UdpSocket",
    "lookup_host",
    "ToSocketAddrs",
    "hyper::client",
    "hyper_util::client",
];

/// Opens one connection: to the running server of this data folder, at the address that the server
/// wrote down. Nobody named it.
const TO_OUR_OWN_SERVER: &str = "host/src/cli/mcp.rs";

/// Downloads of models, requests of guests and what the command line asks all go through one crate;
/// a connection that is opened by hand elsewhere would go around its checks.
#[test]
fn connections_are_opened_by_the_egress_alone() {
    let is_ours = |path: &str| {
        let folders = ["host/", "registry/", "policies/", "gpu-runtime/"];
        folders.iter().any(|folder| path.starts_with(folder))
            && path.contains("src/")
            && path.ends_with(".rs")
            && !path.contains("/tests")
            && !path.starts_with("host/egress/src/")
            && path != TO_OUR_OWN_SERVER
    };
    for path in tracked() {
        let Some(name) = path.to_str().filter(|path| is_ours(path)) else {
            continue;
        };
        let text = std::fs::read_to_string(root().join(&path)).unwrap_or_default();
        for way in WAYS_OUT {
            assert!(
                !text.contains(way),
                "{name} uses {way}: reach URLs through alcove-egress"
            );
        }
    }
}
