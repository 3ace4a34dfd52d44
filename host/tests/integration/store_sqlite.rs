//! The conformance suite on SQLite, and what is SQLite's alone.

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use alcove::accounts::Accounts;
use alcove::store::log::{At, ItemLog, LogError};
use alcove::store::{SqliteOptions, SqliteStore, Store, StoreError};
use alcove::vault::Vault;

use crate::store_conformance::{Fixture, conformance};

async fn open() -> Fixture {
    Fixture::open("sqlite:FOLDER/alcove.db").await
}

conformance!(super::open);

#[tokio::test]
async fn a_full_disk_is_a_full_disk_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("alcove.db");
    let open = async |max_bytes| {
        let options = SqliteOptions { max_bytes };
        Arc::new(SqliteStore::open(&path, options).await.unwrap()) as Arc<dyn Store>
    };
    let vault = Vault::open(&folder.path().join("keys")).unwrap();
    let store = open(Some(512 << 10)).await;
    let log = ItemLog::new(Arc::clone(&store), vault.clone());
    let ann = Accounts::open(Arc::clone(&store)).await.unwrap();
    let ann = ann.local_principal().await.unwrap();
    let conversation = log.create_conversation(&ann, "Full").await.unwrap();
    let branch = log
        .conversation(&ann, conversation)
        .await
        .unwrap()
        .branch
        .id;
    let long = "x".repeat(20_000);
    let message = || crate::store_conformance::message(conversation, branch, &long);
    let mut kept = 0;
    let error = loop {
        match log.append(&ann, message()).await {
            Ok(_) => kept += 1,
            Err(error) => break error,
        }
    };
    assert!(
        matches!(error, LogError::Store(StoreError::Full(_))),
        "{error:?}"
    );
    assert!(
        error.to_string().contains("free some disk space"),
        "{error}"
    );
    assert!(kept > 3, "{kept}");
    assert_eq!(
        log.path(&ann, conversation, At::Current)
            .await
            .unwrap()
            .len(),
        kept
    );
    store.close().await;

    // With room again, it goes on.
    let store = open(None).await;
    let log = ItemLog::new(store, vault);
    log.append(&ann, message()).await.unwrap();
    assert_eq!(
        log.verify(&ann, conversation).await.unwrap().items,
        kept as u64 + 1
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn several_processes_may_open_a_new_file_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("alcove.db");
    let opens: Vec<_> = (0..4)
        .map(|_| {
            let path = path.clone();
            tokio::spawn(async move { SqliteStore::open(&path, SqliteOptions::default()).await })
        })
        .collect();
    for open in opens {
        open.await.unwrap().unwrap().ping().await.unwrap();
    }
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("alcove.db");
    std::fs::write(&path, "not a database ".repeat(1000)).unwrap();
    let error = SqliteStore::open(&path, SqliteOptions::default())
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
    assert!(error.to_string().contains("alcove.db"), "{error}");
    assert!(
        std::fs::read_to_string(&path)
            .unwrap()
            .starts_with("not a database")
    );

    let missing = folder.path().join("no/such/folder/alcove.db");
    let error = SqliteStore::open(&missing, SqliteOptions::default())
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
    let error = alcove::store::open("mysql://host/db").await.err().unwrap();
    assert!(matches!(error, StoreError::UnknownDatabase), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_key_is_not_left_in_the_files() {
    let f = open().await;
    let (conversation, _, said) = f.conversation(&["one"]).await;
    let stored = f.store.item(f.ann.user, said[0].id).await.unwrap().unwrap();
    let wrapped = stored.wrapped.unwrap();
    f.log.delete(&f.ann, conversation).await.unwrap();
    f.store.close().await;
    let path = f.sqlite_path().unwrap();
    for suffix in ["", "-wal"] {
        let file = format!("{}{suffix}", path.display());
        let Ok(bytes) = std::fs::read(&file) else {
            continue;
        };
        let found = bytes.windows(wrapped.len()).any(|window| window == wrapped);
        assert!(!found, "{file}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_files_are_closed_to_others() {
    let f = open().await;
    f.conversation(&["one"]).await;
    let path = f.sqlite_path().unwrap();
    for suffix in ["", "-wal", "-shm"] {
        let meta = std::fs::metadata(format!("{}{suffix}", path.display())).unwrap();
        assert_eq!(meta.permissions().mode() & 0o077, 0, "{suffix}");
    }
}
