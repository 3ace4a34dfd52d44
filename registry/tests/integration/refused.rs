//! What is not let in, and what the person is told.

use std::fs::{self, File};

use alcove_policies::manifest;
use alcove_registry::{ComponentStore, InstallError, LOCAL};

use crate::made::{manifest as made, plugin, wat};

#[track_caller]
fn refused(bytes: &[u8], part: &str) -> InstallError {
    let root = tempfile::tempdir().unwrap();
    let store = ComponentStore::open(root.path()).unwrap();
    let error = store.install_bytes(bytes, LOCAL).unwrap_err();
    assert!(error.to_string().contains(part), "{error}");
    assert!(store.list().is_empty());
    assert_eq!(
        fs::read_dir(root.path().join("blobs/sha256"))
            .unwrap()
            .count(),
        0
    );
    error
}

#[test]
fn what_is_no_component() {
    refused(b"#!/bin/sh\necho hi", "not WebAssembly");
    refused(b"", "not WebAssembly");
    refused(
        &::wat::parse_str("(module)").unwrap(),
        "a core WebAssembly module",
    );
    let whole = plugin("a/b", "1.0.0");
    refused(&whole[..whole.len() - 5], "not a valid component");
}

#[test]
fn what_is_no_plugin() {
    refused(&wat("", true), "has no manifest");
    let mute = manifest::embed(&wat("", false), &made("a/b", "1.0.0", "")).unwrap();
    refused(&mute, "does not export `alcove:tool/handler`");
}

#[test]
fn what_asks_for_more_than_it_says() {
    let http = wat(
        r#"(import "wasi:http/outgoing-handler@0.2.0" (instance))"#,
        true,
    );
    let silent = manifest::embed(&http, &made("a/b", "1.0.0", "")).unwrap();
    let error = refused(&silent, "its manifest requests no http");
    assert!(matches!(error, InstallError::NotRequested { .. }));

    let only_limits = "version = 1\nplugin = \"a/b\"\n";
    let quiet = manifest::embed(&http, &made("a/b", "1.0.0", only_limits)).unwrap();
    refused(&quiet, "its manifest requests no http");

    let requests = "version = 1\nplugin = \"a/b\"\n[[http]]\norigin = \"https://a.example\"\n";
    let honest = manifest::embed(&http, &made("a/b", "1.0.0", requests)).unwrap();
    let root = tempfile::tempdir().unwrap();
    let store = ComponentStore::open(root.path()).unwrap();
    store.install_bytes(&honest, LOCAL).unwrap();
}

#[test]
fn what_this_host_does_not_know() {
    let unknown = wat(r#"(import "wasi:keyvalue/store@0.2.0" (instance))"#, true);
    let unknown = manifest::embed(&unknown, &made("a/b", "1.0.0", "")).unwrap();
    refused(
        &unknown,
        "imports `wasi:keyvalue/store@0.2.0`, which this host does not know",
    );

    let later = wat(r#"(import "alcove:memory/search@0.1.0" (instance))"#, true);
    let later = manifest::embed(&later, &made("a/b", "1.0.0", "")).unwrap();
    refused(&later, "cannot grant");

    // Capabilities of ours are asked for like the network.
    let keeps = wat(r#"(import "alcove:state/store@0.1.0" (instance))"#, true);
    let quiet = manifest::embed(&keeps, &made("a/b", "1.0.0", "")).unwrap();
    refused(&quiet, "its manifest requests no state");

    let mut newer = made("a/b", "1.0.0", "");
    newer.contract = "0.9.0".parse().unwrap();
    let newer = manifest::embed(&wat("", true), &newer).unwrap();
    refused(
        &newer,
        "the plugin speaks alcove:tool 0.9.0, this host speaks 0.1.0",
    );
}

#[test]
fn what_is_too_large_or_not_there() {
    let root = tempfile::tempdir().unwrap();
    let store = ComponentStore::open(&root.path().join("store")).unwrap();
    let large = root.path().join("large.wasm");
    File::create(&large).unwrap().set_len(257 << 20).unwrap();
    let error = store.install_path(&large).unwrap_err();
    assert!(
        matches!(error, InstallError::TooLarge { bytes } if bytes == 257 << 20),
        "{error}"
    );
    let error = store
        .install_path(&root.path().join("nothing.wasm"))
        .unwrap_err();
    assert!(error.to_string().contains("does not exist"), "{error}");
}
