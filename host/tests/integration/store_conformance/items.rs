//! The append-only tree.

use std::time::{Duration, Instant};

use alcove::store::StoreError;
use alcove::store::log::{Append, At, Begin, LogError, MAX_ITEM_BYTES, Target, Verified};
use alcove_core::ids::{ApprovalId, BranchId, ConversationId, ItemId, ResponseId};
use alcove_core::item::{
    AnswerKind, Answered, Audience, Badge, BadgeKind, ItemStatus, Label, Payload, ToolCall,
    ToolOutcome, ToolPart, ToolUsage,
};
use alcove_core::passage::{Passage, Source};

use super::Fixture;
use super::fixture::{message, texts, user};

/// A tool call with something in every field.
pub(super) fn tool_call() -> ToolCall {
    ToolCall {
        status: ItemStatus::Completed,
        plugin: "alcove/python".into(),
        digest: "ab".repeat(32),
        tool: "python".into(),
        title: "Python".into(),
        arguments: r#"{"code":"2**200 + 7"}"#.into(),
        badges: vec![Badge {
            subject: "network".into(),
            kind: BadgeKind::Refused,
            text: "network refused by this host".into(),
        }],
        outcome: Some(ToolOutcome::Ok),
        output: vec![ToolPart {
            audience: Audience::Both,
            kind: "text".into(),
            value: "1606938044258990275541962092341162602522202993782792835301383\0\u{1F600}"
                .into(),
            title: None,
            passage: Some(Box::new(Passage {
                number: 1,
                source: Source::File {
                    name: "Gezeiten \u{1F30A}.md".into(),
                },
                title: "Gezeiten".into(),
                retrieved_at_ms: i64::MAX,
                sha256: "cd".repeat(32),
                asset: "asset_1".into(),
                start: 0,
                end: u64::from(u32::MAX),
            })),
        }],
        usage: Some(ToolUsage {
            wall_us: 1,
            cpu_us: u64::MAX,
            peak_memory_bytes: 3,
            output_bytes: 4,
        }),
        record: None,
        answered: Some(Answered {
            id: ApprovalId::generate(),
            answer: AnswerKind::Conversation,
            at_ms: 7,
        }),
        label: Some(Label::Private),
        fetched: true,
    }
}

pub(crate) async fn what_is_appended_is_read_back(f: Fixture) {
    let (conversation, branch, said) = f.conversation(&["What is 2**200 + 7?", ""]).await;
    let id = ItemId::generate();
    let call = Append {
        payload: Payload::ToolCall(Box::new(tool_call())),
        record: Some(b"what the host answered".to_vec()),
        id,
        ..message(conversation, branch, "")
    };
    let call = f.log.append(&f.ann, call).await.unwrap();
    assert_eq!(call.id, id);
    assert_eq!(call.parent, Some(said[1].id));

    let path = f.log.path(&f.ann, conversation, At::Current).await.unwrap();
    assert_eq!(path, [said[0].clone(), said[1].clone(), call.clone()]);
    let Payload::ToolCall(read) = &path[2].payload else {
        panic!("not a tool call");
    };
    assert!(read.record.is_some());
    let record = f.log.record(&f.ann, id).await.unwrap();
    assert_eq!(record.as_deref(), Some(&b"what the host answered"[..]));
    assert_eq!(f.log.record(&f.ann, said[0].id).await.unwrap(), None);

    for (at, length) in [(At::Item(said[0].id), 1), (At::Branch(branch), 3)] {
        let path = f.log.path(&f.ann, conversation, at).await.unwrap();
        assert_eq!(path.len(), length, "{at:?}");
    }
    let verified = f.log.verify(&f.ann, conversation).await.unwrap();
    assert_eq!(
        verified,
        Verified {
            items: 3,
            forgotten: 0
        }
    );
}

pub(crate) async fn a_head_moves_only_from_its_parent(f: Fixture) {
    let (conversation, branch, said) = f.conversation(&["one"]).await;
    let (elsewhere, _, other) = f.conversation(&["other"]).await;
    let refused = f.log.append(&f.ann, message(elsewhere, branch, "x")).await;
    assert!(
        matches!(refused, Err(LogError::NotFound { what: "branch" })),
        "{refused:?}"
    );
    let unknown = message(ConversationId::generate(), branch, "x");
    let refused = f.log.append(&f.ann, unknown).await;
    assert!(
        matches!(refused, Err(LogError::NotFound { .. })),
        "{refused:?}"
    );
    let refused = f
        .log
        .path(&f.ann, conversation, At::Item(other[0].id))
        .await;
    assert!(
        matches!(refused, Err(LogError::NotFound { .. })),
        "{refused:?}"
    );
    let refused = f
        .log
        .fork(
            &f.ann,
            conversation,
            BranchId::generate(),
            Some(other[0].id),
        )
        .await;
    assert!(
        matches!(refused, Err(LogError::NotFound { .. })),
        "{refused:?}"
    );

    // An id is used once.
    let again = Append {
        id: said[0].id,
        ..message(conversation, branch, "again")
    };
    let refused = f.log.append(&f.ann, again).await;
    assert!(
        matches!(refused, Err(LogError::Store(StoreError::Conflict(_)))),
        "{refused:?}"
    );
    let path = f.log.path(&f.ann, conversation, At::Current).await.unwrap();
    assert_eq!(path, said);
}

pub(crate) async fn two_branches_grow_at_once(f: Fixture) {
    const EACH: usize = 20;
    let (conversation, main, said) = f.conversation(&["root"]).await;
    let fork = f
        .log
        .fork(&f.ann, conversation, BranchId::generate(), Some(said[0].id))
        .await
        .unwrap();
    assert_eq!(f.log.branches(&f.ann, conversation).await.unwrap().len(), 2);
    let writers = [main, fork.id].map(|branch| {
        let (log, ann) = (f.log.clone(), f.ann.clone());
        tokio::spawn(async move {
            for n in 0..EACH {
                let append = message(conversation, branch, &format!("{branch} {n}"));
                log.append(&ann, append).await.unwrap();
            }
        })
    });
    for writer in writers {
        writer.await.unwrap();
    }
    for branch in [main, fork.id] {
        let path = f
            .log
            .path(&f.ann, conversation, At::Branch(branch))
            .await
            .unwrap();
        let mut wanted = vec!["root".to_owned()];
        wanted.extend((0..EACH).map(|n| format!("{branch} {n}")));
        assert_eq!(texts(&path), wanted);
    }
    let verified = f.log.verify(&f.ann, conversation).await.unwrap();
    assert_eq!(verified.items, 1 + 2 * EACH as u64);
}

pub(crate) async fn one_branch_grows_in_one_order(f: Fixture) {
    let (conversation, branch, _) = f.conversation(&["root"]).await;
    let writers: Vec<_> = (0..8)
        .map(|n| {
            let (log, ann) = (f.log.clone(), f.ann.clone());
            let append = message(conversation, branch, &format!("from {n}"));
            tokio::spawn(async move { log.append(&ann, append).await })
        })
        .collect();
    let mut appended = 0;
    for writer in writers {
        match writer.await.unwrap() {
            Ok(_) => appended += 1,
            Err(LogError::BranchMoved) => {}
            Err(error) => panic!("{error:?}"),
        }
    }
    assert!(appended >= 1);
    let path = f.log.path(&f.ann, conversation, At::Current).await.unwrap();
    assert_eq!(path.len(), 1 + appended);
    let verified = f.log.verify(&f.ann, conversation).await.unwrap();
    assert_eq!(
        verified.items,
        path.len() as u64,
        "what was refused left nothing"
    );
}

pub(crate) async fn a_thousand_items_are_read_at_once(f: Fixture) {
    const ITEMS: usize = 1000;
    let conversation = ConversationId::generate();
    let begin = Begin {
        response: ResponseId::generate(),
        target: Target::New(conversation),
        fork: BranchId::generate(),
        input: (0..ITEMS)
            .map(|n| (ItemId::generate(), user(&format!("message {n}"))))
            .collect(),
        model: "none".into(),
        request: serde_json::Value::Null,
        title: "Long".into(),
        idempotency: None,
    };
    f.log.begin(&f.ann, begin).await.unwrap();
    let start = Instant::now();
    let path = f.log.path(&f.ann, conversation, At::Current).await.unwrap();
    let took = start.elapsed();
    assert_eq!(path.len(), ITEMS);
    assert_eq!(texts(&path)[ITEMS - 1], format!("message {}", ITEMS - 1));
    assert!(took < Duration::from_secs(10), "{took:?}");
}

pub(crate) async fn items_are_append_only(f: Fixture) {
    let (conversation, _, said) = f.conversation(&["one", "two"]).await;
    for statement in [
        "UPDATE items SET created_at_ms = 0",
        "UPDATE items SET payload = hash",
        "DELETE FROM items",
    ] {
        let refused = f.sql(statement).await;
        assert!(
            matches!(refused, Err(StoreError::AppendOnly(_))),
            "{statement}: {refused:?}"
        );
    }
    let path = f.log.path(&f.ann, conversation, At::Current).await.unwrap();
    assert_eq!(path, said);
}

pub(crate) async fn an_unfinished_item_is_refused(f: Fixture) {
    let (conversation, branch, _) = f.conversation(&[]).await;
    let append = Append {
        payload: user("half").with_status(ItemStatus::InProgress),
        ..message(conversation, branch, "")
    };
    let refused = f.log.append(&f.ann, append).await;
    assert!(matches!(refused, Err(LogError::InProgress)), "{refused:?}");
    assert!(
        f.log
            .path(&f.ann, conversation, At::Current)
            .await
            .unwrap()
            .is_empty()
    );
}

pub(crate) async fn what_is_too_large_is_refused(f: Fixture) {
    let (conversation, branch, _) = f.conversation(&[]).await;
    let append = message(conversation, branch, &"x".repeat(MAX_ITEM_BYTES));
    let refused = f.log.append(&f.ann, append).await;
    assert!(
        matches!(refused, Err(LogError::TooLong { what: "item", .. })),
        "{refused:?}"
    );
}
