//! What is installed, listed and removed.

use std::fs;
use std::path::Path;

use alcove_registry::{ComponentStore, FIRST_PARTY, LOCAL};

use crate::made::plugin;

fn store() -> (tempfile::TempDir, ComponentStore) {
    let root = tempfile::tempdir().unwrap();
    let store = ComponentStore::open(root.path()).unwrap();
    (root, store)
}

fn blobs(root: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(root.join("blobs/sha256"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn an_installed_plugin_is_there_after_opening_the_store_again() {
    let (root, store) = store();
    let wasm = plugin("acme/notes", "1.0.0");
    let installed = store.install_bytes(&wasm, FIRST_PARTY).unwrap();
    assert_eq!(installed.id, "alcove/notes");
    assert_eq!(installed.size_bytes, wasm.len() as u64);
    assert_eq!(installed.imports, ["wasi:io/poll@0.2.0"]);
    assert_eq!(fs::read(store.path_of(&installed.digest)).unwrap(), wasm);

    let again = ComponentStore::open(root.path()).unwrap();
    assert_eq!(again.get("alcove/notes"), Some(installed.clone()));
    assert_eq!(again.list(), [installed]);
}

#[test]
fn where_it_comes_from_decides_whose_it_is() {
    let (root, store) = store();
    let file = root.path().join("python.wasm");
    fs::write(&file, plugin("alcove/python", "1.0.0")).unwrap();
    let local = store.install_path(&file).unwrap();
    assert_eq!(local.id, "local/python");
    assert!(local.source.ends_with("python.wasm"));
    let own = store
        .install_bytes(&plugin("alcove/python", "1.0.0"), FIRST_PARTY)
        .unwrap();
    assert_eq!(own.id, "alcove/python");
    let ids: Vec<String> = store.list().into_iter().map(|one| one.id).collect();
    assert_eq!(ids, ["alcove/python", "local/python"]);
    assert!(
        store
            .install_bytes(&plugin("a/b", "1.0.0"), "../up")
            .is_err()
    );
}

#[test]
fn installing_the_same_again_changes_nothing() {
    let (_root, store) = store();
    let first = store.install_bytes(&plugin("a/b", "1.0.0"), LOCAL).unwrap();
    let second = store.install_bytes(&plugin("a/b", "1.0.0"), LOCAL).unwrap();
    assert_eq!(first, second);
}

#[test]
fn an_upgrade_replaces_the_record_and_keeps_the_component_until_nobody_uses_it() {
    let (root, store) = store();
    let old = store.install_bytes(&plugin("a/b", "1.0.0"), LOCAL).unwrap();
    let new = store.install_bytes(&plugin("a/b", "1.1.0"), LOCAL).unwrap();
    assert_eq!(store.list(), std::slice::from_ref(&new));
    assert_eq!(blobs(root.path()).len(), 2);
    assert_eq!(store.prune(std::slice::from_ref(&old.digest)).unwrap(), 0);
    assert_eq!(blobs(root.path()).len(), 2);
    assert_eq!(store.prune(&[]).unwrap(), old.size_bytes);
    assert_eq!(blobs(root.path()), [new.digest]);
}

#[test]
fn a_component_stays_while_anything_names_it() {
    let (root, store) = store();
    let wasm = plugin("a/b", "1.0.0");
    let one = store.install_bytes(&wasm, LOCAL).unwrap();
    store.install_bytes(&wasm, FIRST_PARTY).unwrap();
    assert_eq!(blobs(root.path()).len(), 1);
    assert!(store.remove("local/b").unwrap());
    assert_eq!(blobs(root.path()), [one.digest]);
    assert!(store.remove("alcove/b").unwrap());
    assert!(blobs(root.path()).is_empty());
    assert!(!store.remove("alcove/b").unwrap());
}

#[test]
fn an_altered_component_is_written_anew() {
    let (_root, store) = store();
    let wasm = plugin("a/b", "1.0.0");
    let installed = store.install_bytes(&wasm, LOCAL).unwrap();
    fs::write(store.path_of(&installed.digest), b"altered").unwrap();
    store.install_bytes(&wasm, LOCAL).unwrap();
    assert_eq!(fs::read(store.path_of(&installed.digest)).unwrap(), wasm);
}

#[test]
fn a_damaged_record_hides_only_itself() {
    let (root, store) = store();
    store.install_bytes(&plugin("a/b", "1.0.0"), LOCAL).unwrap();
    store.install_bytes(&plugin("a/c", "1.0.0"), LOCAL).unwrap();
    let record = root.path().join("installed/local/b.json");
    for damage in ["", "{", "{\"version\":1}", "[1,2"] {
        fs::write(&record, damage).unwrap();
        let ids: Vec<String> = store.list().into_iter().map(|one| one.id).collect();
        assert_eq!(ids, ["local/c"], "{damage}");
        assert_eq!(store.get("local/b"), None);
    }
    store.install_bytes(&plugin("a/b", "1.0.0"), LOCAL).unwrap();
    assert!(store.get("local/b").is_some());
    fs::write(&record, "{").unwrap();
    assert!(store.remove("local/b").unwrap());
}

#[test]
fn names_never_lead_out_of_the_store() {
    let (root, store) = store();
    for id in [
        "",
        "a",
        "a/../../x",
        "../x",
        "a/b/c",
        "A/b",
        "a/b.json",
        "/etc/passwd",
    ] {
        assert_eq!(store.get(id), None, "{id}");
        assert!(!store.remove(id).unwrap(), "{id}");
    }
    for digest in ["../../etc/passwd", "", "ABC", "/etc/passwd"] {
        assert!(store.path_of(digest).starts_with(root.path().join("blobs")));
        assert!(!store.path_of(digest).exists());
    }
}

#[test]
fn a_folder_holds_one_component() {
    let (root, store) = store();
    let folder = root.path().join("plugin");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("README.md"), "text").unwrap();
    let check = |part: &str| {
        let error = store.install_path(&folder).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    };
    check("holds no .wasm file");
    fs::write(folder.join("one.wasm"), plugin("a/one", "1.0.0")).unwrap();
    assert_eq!(store.install_path(&folder).unwrap().id, "local/one");
    fs::write(folder.join("two.wasm"), plugin("a/two", "1.0.0")).unwrap();
    check("one.wasm, two.wasm");
}

#[test]
fn two_writers_leave_a_whole_store() {
    let (root, store) = store();
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let store = store.clone();
            scope.spawn(move || {
                for version in 0..10 {
                    let wasm = plugin("a/b", &format!("{writer}.{version}.0"));
                    store.install_bytes(&wasm, LOCAL).unwrap();
                }
            });
        }
    });
    let installed = store.get("local/b").unwrap();
    assert_eq!(blobs(root.path()).len(), 40);
    store.prune(&[]).unwrap();
    assert_eq!(blobs(root.path()), [installed.digest]);
}

/// A component with one typed export and no manifest.
fn typed(name: &str) -> Vec<u8> {
    wat::parse_str(format!(
        "(component
           (core module $m (func (export \"f\") (result i32) i32.const 1))
           (core instance $i (instantiate $m))
           (func $f (result u32) (canon lift (core func $i \"f\")))
           (export \"{name}\" (func $f)))"
    ))
    .unwrap()
}

#[test]
fn a_component_without_a_manifest_waits_to_be_accepted() {
    let root = tempfile::tempdir().unwrap();
    let store = ComponentStore::open(&root.path().join("store")).unwrap();
    let file = root.path().join("My Dice_2.wasm");
    fs::write(&file, typed("throw-dice")).unwrap();
    let error = store.install_path(&file).unwrap_err().to_string();
    assert!(
        error.contains("throw_dice") && error.contains("--accept-generated"),
        "{error}"
    );
    assert!(store.list().is_empty());

    let installed = store.install_accepted(&file, LOCAL, true).unwrap();
    assert_eq!(installed.id, "local/my-dice-2");
    assert_eq!(installed.manifest.tools[0].name, "throw_dice");
    let digest = installed.digest;
    assert_eq!(store.generated(&digest).unwrap(), installed.manifest);
    // What lies beside the component goes with it.
    fs::write(&file, typed("throw-two")).unwrap();
    let newer = store.install_accepted(&file, LOCAL, true).unwrap();
    assert!(store.generated(&digest).is_some());
    store.prune(&[]).unwrap();
    assert!(store.generated(&digest).is_none());
    assert!(store.generated(&newer.digest).is_some());
    store.remove("local/my-dice-2").unwrap();
    assert!(store.generated(&newer.digest).is_none());
    assert!(store.generated("../../etc/passwd").is_none());
}

#[test]
fn a_component_that_offers_nothing_is_refused_accepted_or_not() {
    let root = tempfile::tempdir().unwrap();
    let store = ComponentStore::open(&root.path().join("store")).unwrap();
    let file = root.path().join("empty.wasm");
    fs::write(&file, wat::parse_str("(component)").unwrap()).unwrap();
    let error = store
        .install_accepted(&file, LOCAL, true)
        .unwrap_err()
        .to_string();
    assert!(error.contains("no function"), "{error}");
    let named = plugin("a/b", "1.0.0");
    fs::write(&file, named).unwrap();
    // One that says itself what it is needs no accepting, and gets no other manifest.
    let installed = store.install_accepted(&file, LOCAL, true).unwrap();
    assert_eq!(installed.id, "local/b");
    assert!(store.generated(&installed.digest).is_none());
}
