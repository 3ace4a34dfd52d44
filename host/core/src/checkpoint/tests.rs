use serde_json::json;

use super::*;

fn file(path: &str, text: &str) -> FileState {
    FileState {
        path: path.to_owned(),
        bytes: text.len() as u64,
        hash: blake3::hash(text.as_bytes()).to_hex().to_string(),
    }
}

fn state() -> State {
    State {
        head: Some(Head {
            item: ItemId::generate(),
            hash: "ab".repeat(32),
            items: 4,
            forgotten: 0,
        }),
        response: Some(LastResponse {
            id: ResponseId::generate(),
            model: "small".into(),
            request: json!({"temperature": 0.7}),
        }),
        model: ModelState {
            id: "small".into(),
            digest: Some("sha256:00".into()),
            context_tokens: Some(2048),
        },
        components: [component("alcove/python")].into(),
        grants: [grant("alcove/python", "bind_1")].into(),
        assets: [AssetId::generate()].into(),
        files: vec![file("a.txt", "a")],
    }
}

fn component(plugin: &str) -> Component {
    Component {
        plugin: plugin.into(),
        digest: "cd".repeat(32),
    }
}

fn grant(plugin: &str, grant: &str) -> Grant {
    Grant {
        plugin: plugin.into(),
        digest: "cd".repeat(32),
        grant: grant.into(),
    }
}

#[test]
fn a_state_that_is_read_back_has_the_same_hash_and_any_change_another() {
    let state = state();
    let text = canonical::json(&state).unwrap();
    let again: State = serde_json::from_str(&text).unwrap();
    assert_eq!(again.hash().unwrap(), state.hash().unwrap());

    let changes: [fn(&mut State); 7] = [
        |state| state.head = None,
        |state| state.response = None,
        |state| state.model.digest = None,
        |state| state.components.clear(),
        |state| state.grants.clear(),
        |state| state.assets.clear(),
        |state| state.files.clear(),
    ];
    for change in changes {
        let mut changed = state.clone();
        change(&mut changed);
        assert_ne!(changed.hash().unwrap(), state.hash().unwrap());
    }
}

#[test]
fn a_newer_or_damaged_manifest_says_so() {
    let manifest = Manifest {
        format: FORMAT,
        conversation: ConversationId::generate(),
        branch: BranchId::generate(),
        state: state(),
        packed: vec![Packed {
            pack: AssetId::generate(),
            offset: 0,
        }],
    };
    let mut value = serde_json::to_value(&manifest).unwrap();
    let read = |value: &Value| Manifest::read(value.to_string().as_bytes());
    assert_eq!(read(&value).unwrap(), manifest);
    assert_eq!(manifest.packs().len(), 1);

    value["packed"] = json!([]);
    assert!(matches!(read(&value), Err(ManifestError::Damaged(_))));
    assert!(matches!(
        Manifest::read(b"{"),
        Err(ManifestError::Damaged(_))
    ));
    // Whatever a newer program writes beside it.
    let newer = read(&json!({"format": FORMAT + 1, "everything": "else"})).unwrap_err();
    assert!(newer.to_string().contains("update"), "{newer}");
}

#[test]
fn nothing_drifts_where_nothing_changed() {
    let state = state();
    assert_eq!(state.drift(&state, |_| true, |_| true), []);
}

#[test]
fn everything_that_changed_is_named() {
    let saved = state();
    let mut now = saved.clone();
    if let Some(head) = &mut now.head {
        head.forgotten = 2;
    }
    now.model.digest = Some("sha256:11".into());
    now.grants = [grant("alcove/web-fetch", "bind_2")].into();
    let drift = saved.drift(&now, |_| false, |_| false);
    let kinds: Vec<DriftKind> = drift.iter().map(|drift| drift.kind).collect();
    let expected = [
        DriftKind::Item,
        DriftKind::Model,
        DriftKind::Grant,
        DriftKind::Grant,
        DriftKind::Component,
        DriftKind::Asset,
    ];
    assert_eq!(kinds, expected);
    assert!(drift[0].message.starts_with("2 of its items"));
    assert!(drift[2].message.contains("no longer granted"), "{drift:?}");
    assert!(
        drift[3].message.contains("was not granted then"),
        "{drift:?}"
    );

    now.grants = [grant("alcove/python", "bind_3")].into();
    let drift = saved.drift(&now, |_| true, |_| true);
    assert!(
        drift.last().unwrap().message.contains("differently"),
        "{drift:?}"
    );
    // Changed files are no drift: restoring brings them back.
    now = saved.clone();
    now.files.clear();
    assert_eq!(saved.drift(&now, |_| true, |_| true), []);
}

#[test]
fn files_are_compared_by_path_and_content() {
    let from = [file("a", "1"), file("b", "1"), file("d", "1")];
    let to = [
        file("b", "2"),
        file("c", "1"),
        file("d", "1"),
        file("e", "1"),
    ];
    let changes = FileChanges {
        added: vec!["c".into(), "e".into()],
        removed: vec!["a".into()],
        changed: vec!["b".into()],
    };
    assert_eq!(file_changes(&from, &to), changes);
    assert_eq!(file_changes(&from, &from), FileChanges::default());
}
