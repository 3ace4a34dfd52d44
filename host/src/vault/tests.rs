use std::os::unix::fs::PermissionsExt;

use super::*;

fn vault() -> (tempfile::TempDir, Vault) {
    let folder = tempfile::tempdir().unwrap();
    let vault = Vault::open(&folder.path().join("keys")).unwrap();
    (folder, vault)
}

#[test]
fn the_key_folder_is_made_once_and_closed_to_others() {
    let (folder, first) = vault();
    let keys = folder.path().join("keys");
    let second = Vault::open(&keys).unwrap();
    assert_eq!(first.derive("test"), second.derive("test"));
    assert_ne!(first.derive("test"), first.derive("other"));
    assert_eq!(first.writer(), second.writer());
    for (name, mode) in [("master.key", 0o600), ("writer", 0o600), (".", 0o700)] {
        let meta = std::fs::metadata(keys.join(name)).unwrap();
        assert_eq!(meta.permissions().mode() & 0o777, mode, "{name}");
    }
}

#[test]
fn a_key_file_that_is_exposed_or_something_else_is_refused() {
    let (folder, _) = vault();
    let keys = folder.path().join("keys");
    let file = keys.join("master.key");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let error = Vault::open(&keys).unwrap_err();
    assert!(matches!(error, VaultError::Exposed { .. }), "{error}");
    assert!(error.to_string().contains("chmod 600"), "{error}");

    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    for text in ["", "alcove master key 1\n00\n", "\u{0}\u{1}"] {
        std::fs::write(&file, text).unwrap();
        let error = Vault::open(&keys).unwrap_err();
        assert!(matches!(error, VaultError::NotAKey { .. }), "{error}");
    }
}

#[test]
fn sealed_bytes_open_only_where_they_belong() {
    let (_folder, vault) = vault();
    let (alice, bob) = (UserId::generate(), UserId::generate());
    let (key, wrapped) = vault.new_user_key(alice).unwrap();
    let opened = vault.open_user_key(alice, &wrapped).unwrap();
    assert!(vault.open_user_key(bob, &wrapped).is_err());

    let (row, wrapped_row) = key.new_row_key("item_1").unwrap();
    let sealed = row.seal("payload", b"hello").unwrap();
    let row = opened.open_row_key("item_1", &wrapped_row).unwrap();
    assert_eq!(row.open("payload", &sealed).unwrap(), b"hello");
    assert!(row.open("record", &sealed).is_err());
    assert!(opened.open_row_key("item_2", &wrapped_row).is_err());
    assert!(!sealed.windows(5).any(|window| window == b"hello"));
}

#[test]
fn every_altered_byte_is_noticed() {
    let key = Key::generate().unwrap();
    let sealed = key.seal(b"row", b"text").unwrap();
    for index in 0..sealed.len() {
        let mut altered = sealed.clone();
        altered[index] ^= 1;
        assert!(key.open(b"row", &altered).is_err(), "byte {index}");
    }
    for length in 0..sealed.len() {
        assert!(key.open(b"row", &sealed[..length]).is_err());
    }
}

#[test]
fn another_master_key_says_what_to_do() {
    let ((_a, first), (_b, second)) = (vault(), vault());
    let check = first.new_check().unwrap();
    first.check(&check).unwrap();
    let error = second.check(&check).unwrap_err();
    assert!(matches!(error, VaultError::WrongMasterKey { .. }));
    assert!(error.to_string().contains("backup"), "{error}");
}
