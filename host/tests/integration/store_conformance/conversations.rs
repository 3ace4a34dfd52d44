//! Listing, naming, and who sees what.

use alcove::store::log::{At, Begin, Begun, Draft, LogError, MAX_TITLE_CHARACTERS, Target};
use alcove::store::{DraftRow, EndRow, Text};
use alcove_core::ids::{BranchId, ItemId, ResponseId};

use super::Fixture;
use super::fixture::{texts, user};
use super::responses::{answer, begin};

pub(crate) async fn pages_follow_each_other(f: Fixture) {
    let mut made = Vec::new();
    for n in 0..7 {
        let id = f
            .log
            .create_conversation(&f.ann, &format!("No. {n}"))
            .await
            .unwrap();
        made.push(id);
    }
    // Conversations that grew in the same millisecond have an order, too.
    f.sql("UPDATE conversations SET updated_at_ms = 1000")
        .await
        .unwrap();
    let branch = f.log.conversation(&f.ann, made[2]).await.unwrap().branch.id;
    f.say(made[2], branch, "hello").await;

    let mut seen = Vec::new();
    let mut cursor: Option<String> = None;
    let mut pages = 0;
    loop {
        let page = f.log.list(&f.ann, 3, cursor.as_deref()).await.unwrap();
        pages += 1;
        seen.extend(page.conversations.into_iter().map(|row| row.id));
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(pages, 3);
    assert_eq!(seen[0], made[2], "the one that grew last comes first");
    let mut wanted = made.clone();
    wanted.remove(2);
    wanted.reverse();
    assert_eq!(&seen[1..], wanted);
    for cursor in ["", "x", "12-conv_", "-1"] {
        let refused = f.log.list(&f.ann, 3, Some(cursor)).await;
        assert!(
            matches!(refused, Err(LogError::Cursor)),
            "{cursor}: {refused:?}"
        );
    }
}

pub(crate) async fn titles_are_changed_and_checked(f: Fixture) {
    let long = "ä".repeat(500);
    let id = f.log.create_conversation(&f.ann, &long).await.unwrap();
    let title = f.log.conversation(&f.ann, id).await.unwrap().summary.title;
    assert_eq!(title.chars().count(), MAX_TITLE_CHARACTERS);

    f.log.rename(&f.ann, id, "  Short  ").await.unwrap();
    assert_eq!(
        f.log.conversation(&f.ann, id).await.unwrap().summary.title,
        "Short"
    );
    let refused = f.log.rename(&f.ann, id, &long).await;
    assert!(
        matches!(refused, Err(LogError::TooLong { what: "title", .. })),
        "{refused:?}"
    );

    // One conversation's title does not open in another's row.
    let other = f.log.create_conversation(&f.ann, "Other").await.unwrap();
    f.sql(&format!(
        "UPDATE conversations SET title =
             (SELECT title FROM conversations WHERE id = '{id}') WHERE id = '{other}'"
    ))
    .await
    .unwrap();
    let refused = f.log.conversation(&f.ann, other).await;
    assert!(
        matches!(refused, Err(LogError::TamperedRow { .. })),
        "{refused:?}"
    );
}

pub(crate) async fn nobody_sees_anothers(f: Fixture) {
    let bob = f.another_user("bob").await;
    let (conversation, branch, said) = f.conversation(&["mine"]).await;
    let (response, _) = begin(&f, Target::Conversation(conversation), "hi").await;
    let not_found = |result: Result<(), LogError>| {
        assert!(
            matches!(result, Err(LogError::NotFound { .. })),
            "{result:?}"
        );
    };
    not_found(f.log.conversation(&bob, conversation).await.map(drop));
    for at in [
        At::Current,
        At::Branch(branch),
        At::Item(said[0].id),
        At::Response(response),
    ] {
        not_found(f.log.path(&bob, conversation, at).await.map(drop));
    }
    let bobs = f.log.create_conversation(&bob, "Bob's").await.unwrap();
    not_found(f.log.path(&bob, bobs, At::Branch(branch)).await.map(drop));
    not_found(f.log.path(&bob, bobs, At::Item(said[0].id)).await.map(drop));
    not_found(
        f.log
            .path(&bob, bobs, At::Response(response))
            .await
            .map(drop),
    );
    not_found(
        f.log
            .fork(&bob, bobs, BranchId::generate(), Some(said[0].id))
            .await
            .map(drop),
    );
    not_found(f.log.rename(&bob, conversation, "Bob's now").await);
    not_found(f.log.verify(&bob, conversation).await.map(drop));
    not_found(f.log.branches(&bob, conversation).await.map(drop));
    not_found(f.log.record(&bob, said[0].id).await.map(drop));
    not_found(f.log.response(&bob, response).await.map(drop));
    not_found(
        f.log
            .finish(&bob, response, super::responses::completed())
            .await,
    );
    for target in [
        Target::Conversation(conversation),
        Target::Previous(response),
    ] {
        let begin = Begin {
            response: ResponseId::generate(),
            target,
            fork: BranchId::generate(),
            input: vec![(ItemId::generate(), user("let me in"))],
            model: "none".into(),
            request: serde_json::Value::Null,
            title: String::new(),
            idempotency: None,
        };
        not_found(f.log.begin(&bob, begin).await.map(drop));
    }
    assert_eq!(
        f.log
            .list(&bob, 10, None)
            .await
            .unwrap()
            .conversations
            .len(),
        1
    );
    assert!(
        f.log
            .running_in(&bob, conversation)
            .await
            .unwrap()
            .is_empty()
    );
}

/// The log asks for more than one row, so one query that forgot whose they are would not show
/// above.
pub(crate) async fn each_query_keeps_users_apart(f: Fixture) {
    let bob = f.another_user("bob").await.user;
    let (conversation, branch, said) = f.conversation(&["mine"]).await;
    let (response, _) = begin(&f, Target::Conversation(conversation), "hi").await;
    let (item, store) = (said[0].id, &f.store);
    assert!(
        store
            .conversation(bob, conversation)
            .await
            .unwrap()
            .is_none()
    );
    assert!(store.conversations(bob, None, 10).await.unwrap().is_empty());
    assert!(store.branch(bob, branch).await.unwrap().is_none());
    assert!(store.branches(bob, conversation).await.unwrap().is_empty());
    assert!(store.item(bob, item).await.unwrap().is_none());
    assert!(store.path(bob, item).await.unwrap().is_empty());
    let items = store.items_of_conversation(bob, conversation).await;
    assert!(items.unwrap().is_empty());
    assert!(store.response(bob, response).await.unwrap().is_none());
    assert!(
        store
            .running_in(bob, conversation)
            .await
            .unwrap()
            .is_empty()
    );
    assert!(!store.set_title(bob, conversation, b"x").await.unwrap());
    assert!(!store.delete_conversation(bob, conversation).await.unwrap());
    assert!(!store.forget_item(bob, item).await.unwrap());
    let end = EndRow {
        status: "failed".into(),
        usage: None,
        detail: None,
        now_ms: 1,
    };
    let mine = Draft {
        id: ItemId::generate(),
        response,
        payload: user("x"),
    };
    f.log.save_draft(&f.ann, &mine).await.unwrap();
    assert!(!store.end_response(bob, response, &end).await.unwrap());
    assert_eq!(f.count("drafts").await, 1);
    let draft = DraftRow {
        item_id: Text(ItemId::generate()),
        response_id: Text(response),
        payload: Vec::new(),
        updated_at_ms: 1,
    };
    assert!(!store.save_draft(bob, &draft).await.unwrap());
    f.log.verify(&f.ann, conversation).await.unwrap();
}

pub(crate) async fn an_edit_is_a_sibling(f: Fixture) {
    let (conversation, _, _) = f.conversation(&["root"]).await;
    let (first, _) = begin(&f, Target::Conversation(conversation), "question").await;
    answer(&f, first, "answer").await;
    let (second, _) = begin(&f, Target::Previous(first), "more").await;
    answer(&f, second, "more answer").await;
    let branches = f.log.branches(&f.ann, conversation).await.unwrap();
    assert_eq!(branches.len(), 1, "the last response goes on on its branch");

    // Going on from the first again makes a branch beside the second.
    let (third, begun) = begin(&f, Target::Previous(first), "other").await;
    let Begun::Started {
        branch,
        history,
        previous,
        ..
    } = begun
    else {
        panic!("{begun:?}");
    };
    assert_ne!(branch, Some(branches[0].id));
    assert_eq!(previous, Some(first));
    assert_eq!(texts(&history), ["root", "question", "answer", "other"]);
    answer(&f, third, "other answer").await;

    let path = |at| f.log.path(&f.ann, conversation, at);
    let main = path(At::Branch(branches[0].id)).await.unwrap();
    assert_eq!(
        texts(&main),
        ["root", "question", "answer", "more", "more answer"]
    );
    let current = path(At::Current).await.unwrap();
    assert_eq!(
        texts(&current),
        ["root", "question", "answer", "other", "other answer"]
    );
    assert_eq!(path(At::Response(second)).await.unwrap(), main);
    let view = f.log.conversation(&f.ann, conversation).await.unwrap();
    assert_eq!(view.last_response, Some(third));
    let verified = f.log.verify(&f.ann, conversation).await.unwrap();
    assert_eq!(verified.items, 7);
}
