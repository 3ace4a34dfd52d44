//! Checkpoints: versions, packs, who sees them.

use std::collections::BTreeSet;

use alcove::assets::{AssetDetail, AssetStore};
use alcove::store::log::{Checkpoint, CheckpointLabel, CheckpointName, LogError};
use alcove_core::checkpoint::{FORMAT, FileState, Manifest, ModelState, Packed, State};
use alcove_core::ids::{AssetId, BranchId, ConversationId, ItemId};

use super::Fixture;

fn manifest(conversation: ConversationId, packs: &[AssetId]) -> Manifest {
    let file = |place: usize| FileState {
        path: format!("{place}.txt"),
        bytes: 1,
        hash: "00".repeat(32),
    };
    Manifest {
        format: FORMAT,
        conversation,
        branch: BranchId::generate(),
        state: State {
            head: None,
            response: None,
            model: ModelState {
                id: "small".into(),
                digest: None,
                context_tokens: None,
            },
            components: BTreeSet::new(),
            grants: BTreeSet::new(),
            assets: BTreeSet::new(),
            files: (0..packs.len()).map(file).collect(),
        },
        packed: packs
            .iter()
            .map(|pack| Packed {
                pack: *pack,
                offset: 0,
            })
            .collect(),
    }
}

async fn save(f: &Fixture, name: &str, manifest: &Manifest) -> Checkpoint {
    let label = CheckpointLabel {
        name: name.into(),
        note: "a note".into(),
        hash: manifest.state.hash().unwrap(),
        items: 0,
        files: manifest.state.files.len() as u64,
    };
    let saved = f.log.save_checkpoint(&f.ann, label, manifest).await;
    saved.unwrap()
}

fn is_missing<T>(result: Result<T, LogError>) -> bool {
    matches!(result, Err(LogError::NotFound { .. }))
}

pub(crate) async fn versions_of_a_name_count_up_and_are_found(f: Fixture) {
    let (conversation, ..) = f.conversation(&["hello"]).await;
    let manifest = manifest(conversation, &[]);
    let first = save(&f, "start", &manifest).await;
    let second = save(&f, "start", &manifest).await;
    let other = save(&f, "Start", &manifest).await;
    assert_eq!((first.version, second.version, other.version), (1, 2, 1));

    let named = |version| CheckpointName {
        name: "start".into(),
        version,
    };
    let find = async |version| {
        let name = named(version);
        f.log.checkpoint_named(&f.ann, conversation, &name).await
    };
    assert_eq!(find(None).await.unwrap(), second);
    assert_eq!(find(Some(1)).await.unwrap(), first);
    assert!(is_missing(find(Some(3)).await));
    let listed = f.log.checkpoints(&f.ann, conversation).await.unwrap();
    assert_eq!(listed, [other, second, first.clone()]);
    let read = f.log.manifest(&f.ann, first.id).await.unwrap().unwrap();
    assert_eq!(read, manifest);
    // The same name elsewhere is another one.
    let (elsewhere, ..) = f.conversation(&["hi"]).await;
    let name = named(None);
    let found = f.log.checkpoint_named(&f.ann, elsewhere, &name).await;
    assert!(is_missing(found));
}

pub(crate) async fn a_deleted_checkpoint_takes_what_it_alone_held(f: Fixture) {
    let store = AssetStore::open(&f.folder().join("assets"), f.log.clone()).unwrap();
    let (conversation, ..) = f.conversation(&["hello"]).await;
    let mut packs = Vec::new();
    for bytes in [b"shared", b"single"] {
        let mut new = store.create(&f.ann).await.unwrap();
        new.write(bytes).await.unwrap();
        let detail = AssetDetail {
            media_type: "application/octet-stream".into(),
            name: None,
        };
        let pack = store.finish(&f.ann, Some(conversation), "alcove", &detail, new);
        packs.push(pack.await.unwrap());
    }
    store.settle(&f.ann, &packs, &packs).await.unwrap();
    let first = save(&f, "one", &manifest(conversation, &packs)).await;
    let second = save(&f, "two", &manifest(conversation, &packs[..1])).await;

    f.log.delete_checkpoint(&f.ann, first.id).await.unwrap();
    assert!(store.find(&f.ann, packs[0]).await.unwrap().is_some());
    assert!(store.find(&f.ann, packs[1]).await.unwrap().is_none());
    assert!(is_missing(f.log.checkpoint(&f.ann, first.id).await));
    assert!(is_missing(f.log.delete_checkpoint(&f.ann, first.id).await));
    f.log.delete(&f.ann, conversation).await.unwrap();
    assert!(is_missing(f.log.checkpoint(&f.ann, second.id).await));
    assert_eq!(f.count("checkpoints").await + f.count("assets").await, 0);

    let (conversation, ..) = f.conversation(&["hello"]).await;
    let erased = save(&f, "three", &manifest(conversation, &[])).await;
    f.log.erase_user(f.ann.user).await.unwrap();
    assert!(is_missing(f.log.checkpoint(&f.ann, erased.id).await));
    assert_eq!(f.count("checkpoints").await, 0);
}

pub(crate) async fn a_checkpoint_is_its_owners_and_altered_ones_are_noticed(f: Fixture) {
    let eve = f.another_user("eve").await;
    let (conversation, ..) = f.conversation(&["hello"]).await;
    let saved = save(&f, "mine", &manifest(conversation, &[])).await;
    assert!(is_missing(f.log.checkpoint(&eve, saved.id).await));
    assert!(is_missing(f.log.manifest(&eve, saved.id).await));
    assert!(is_missing(f.log.checkpoints(&eve, conversation).await));
    assert!(is_missing(f.log.delete_checkpoint(&eve, saved.id).await));
    let mut hers = manifest(conversation, &[]);
    hers.conversation = conversation;
    let label = saved.label.clone();
    assert!(is_missing(f.log.save_checkpoint(&eve, label, &hers).await));

    // One that stands in another's place does not open.
    let other = save(&f, "other", &manifest(conversation, &[])).await;
    let exchange = format!(
        "UPDATE checkpoints SET manifest = (SELECT manifest FROM checkpoints WHERE id = '{}')
         WHERE id = '{}'",
        other.id, saved.id
    );
    assert_eq!(f.sql(&exchange).await.unwrap(), 1);
    let read = f.log.manifest(&f.ann, saved.id).await;
    assert!(
        matches!(read, Err(LogError::TamperedRow { .. })),
        "{read:?}"
    );
}

pub(crate) async fn a_branch_is_switched_to(f: Fixture) {
    let eve = f.another_user("eve").await;
    let (conversation, main, said) = f.conversation(&["one", "two"]).await;
    let fork = BranchId::generate();
    let at: Option<ItemId> = Some(said[0].id);
    f.log.fork(&f.ann, conversation, fork, at).await.unwrap();
    let current = async || {
        let view = f.log.conversation(&f.ann, conversation).await.unwrap();
        view.branch.id
    };
    assert_eq!(current().await, main);
    f.log.switch(&f.ann, conversation, fork).await.unwrap();
    assert_eq!(current().await, fork);
    assert!(is_missing(f.log.switch(&eve, conversation, main).await));
    let (elsewhere, ..) = f.conversation(&["hi"]).await;
    assert!(is_missing(f.log.switch(&f.ann, elsewhere, fork).await));
    let unknown = BranchId::generate();
    assert!(is_missing(
        f.log.switch(&f.ann, conversation, unknown).await
    ));
    assert_eq!(current().await, fork);
}
