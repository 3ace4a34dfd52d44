//! Assets: rows, keys and files.

use alcove::accounts::Principal;
use alcove::assets::{AssetDetail, AssetStore};
use alcove_core::ids::{AssetId, ConversationId};

use super::Fixture;

fn store(f: &Fixture) -> AssetStore {
    AssetStore::open(&f.folder().join("assets"), f.log.clone()).unwrap()
}

fn files(f: &Fixture) -> usize {
    std::fs::read_dir(f.folder().join("assets"))
        .unwrap()
        .count()
}

async fn make(
    store: &AssetStore,
    who: &Principal,
    conversation: Option<ConversationId>,
    bytes: &[u8],
) -> AssetId {
    let mut new = store.create(who).await.unwrap();
    new.write(bytes).await.unwrap();
    let detail = AssetDetail {
        media_type: "text/plain".to_owned(),
        name: None,
    };
    let made = store.finish(who, conversation, "acme/notes", &detail, new);
    made.await.unwrap()
}

async fn read(store: &AssetStore, who: &Principal, asset: AssetId) -> Option<Vec<u8>> {
    let found = store.find(who, asset).await.unwrap()?;
    let mut bytes = store.read(found).await.unwrap();
    Some(bytes.next(1 << 20).await.unwrap())
}

/// The same bytes of one user lie there once; another user's are another's.
pub(crate) async fn the_same_bytes_are_there_once_for_a_user(f: Fixture) {
    let store = store(&f);
    let eve = f.another_user("eve").await;
    let one = make(&store, &f.ann, None, b"hello").await;
    let two = make(&store, &f.ann, None, b"hello").await;
    assert_eq!(files(&f), 1);
    let hers = make(&store, &eve, None, b"hello").await;
    assert_eq!(files(&f), 2);
    assert_eq!(read(&store, &f.ann, one).await.unwrap(), b"hello");
    assert_eq!(read(&store, &eve, one).await, None);
    // The file goes with the last asset that has it.
    store.settle(&f.ann, &[one, two], &[two]).await.unwrap();
    assert_eq!(read(&store, &f.ann, one).await, None);
    assert_eq!(read(&store, &f.ann, two).await.unwrap(), b"hello");
    store.settle(&eve, &[hers], &[]).await.unwrap();
    assert_eq!(files(&f), 1);
}

/// What a conversation holds goes with it, and what a user has goes with the user.
pub(crate) async fn assets_go_with_what_holds_them(f: Fixture) {
    let store = store(&f);
    let (conversation, ..) = f.conversation(&["hello"]).await;
    let held = make(&store, &f.ann, Some(conversation), b"held").await;
    let free = make(&store, &f.ann, None, b"free").await;
    store
        .settle(&f.ann, &[held, free], &[held, free])
        .await
        .unwrap();
    f.log.delete(&f.ann, conversation).await.unwrap();
    store.sweep().await.unwrap();
    assert_eq!(read(&store, &f.ann, held).await, None);
    assert_eq!(files(&f), 1);
    f.log.erase_user(f.ann.user).await.unwrap();
    assert_eq!(read(&store, &f.ann, free).await, None);
    store.recover_at_start().await.unwrap();
    assert_eq!(files(&f), 0);
    assert_eq!(f.count("assets").await + f.count("asset_blobs").await, 0);
}

/// A file that somebody changed is noticed, chunk by chunk.
pub(crate) async fn an_altered_file_is_noticed(f: Fixture) {
    let store = store(&f);
    let asset = make(&store, &f.ann, None, &vec![7; 200_000]).await;
    let path = std::fs::read_dir(f.folder().join("assets"))
        .unwrap()
        .next()
        .unwrap();
    let path = path.unwrap().path();
    let mut sealed = std::fs::read(&path).unwrap();
    // Two whole chunks change places.
    let chunk = (64 << 10) + 41;
    let (first, second) = (sealed[..chunk].to_vec(), sealed[chunk..2 * chunk].to_vec());
    sealed[..chunk].copy_from_slice(&second);
    sealed[chunk..2 * chunk].copy_from_slice(&first);
    std::fs::write(&path, sealed).unwrap();
    let found = store.find(&f.ann, asset).await.unwrap().unwrap();
    let error = store
        .read(found)
        .await
        .unwrap()
        .next(1000)
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("is not what was written"),
        "{error}"
    );
}
