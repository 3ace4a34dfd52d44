//! Bindings.

use alcove::accounts::Principal;
use alcove::store::{NewBinding, NewCeiling, StoreError, Subject};
use alcove_core::ids::{BindingId, UserId};

use super::Fixture;

async fn bind(f: &Fixture, plugin: &str, principal: &str) -> BindingId {
    let subject = f
        .store
        .subject(f.ann.organisation, principal)
        .await
        .unwrap();
    let id = BindingId::generate();
    let binding = NewBinding {
        id,
        organisation: f.ann.organisation,
        plugin: plugin.into(),
        digest: "00".repeat(32),
        subject: subject.unwrap_or_else(|| panic!("{principal}")),
        policy: "version = 1\n".into(),
        author: f.ann.user,
        reason: "a test".into(),
        now_ms: 1,
        version: 1,
        expires_at_ms: None,
    };
    f.store.insert_binding(&binding).await.unwrap();
    id
}

async fn plugins_of(f: &Fixture, principal: &Principal) -> Vec<String> {
    let Principal {
        organisation,
        user,
        groups,
        ..
    } = principal;
    let rows = f
        .store
        .bindings_for(*organisation, *user, groups)
        .await
        .unwrap();
    rows.into_iter().map(|row| row.plugin).collect()
}

pub(crate) async fn a_binding_reaches_whom_it_names(f: Fixture) {
    let bob = f.another_user("Bob").await;
    for (plugin, principal) in [
        ("for/everyone", "everyone"),
        ("for/admins", "group:admins"),
        ("for/bob", "user:bob"),
    ] {
        bind(&f, plugin, principal).await;
    }
    assert_eq!(plugins_of(&f, &f.ann).await, ["for/everyone", "for/admins"]);
    assert_eq!(plugins_of(&f, &bob).await, ["for/everyone", "for/bob"]);
    let all = f.store.bindings(f.ann.organisation).await.unwrap();
    let principals: Vec<String> = all.iter().map(|row| row.principal()).collect();
    assert_eq!(principals, ["everyone", "group:admins", "user:Bob"]);
    assert_eq!(all[0].author_username, f.ann.username);

    for unknown in [
        "",
        "Everyone",
        "group:",
        "group:nobody",
        "user:eve",
        "role:x",
        "bob",
    ] {
        let subject = f.store.subject(f.ann.organisation, unknown).await.unwrap();
        assert_eq!(subject, None, "{unknown}");
    }
}

pub(crate) async fn a_binding_is_revoked_once(f: Fixture) {
    let id = bind(&f, "alcove/python", "everyone").await;
    assert!(f.store.revoke_binding(id, f.ann.user, 2).await.unwrap());
    assert!(!f.store.revoke_binding(id, f.ann.user, 3).await.unwrap());
    assert_eq!(f.store.binding(id).await.unwrap(), None);
    assert!(plugins_of(&f, &f.ann).await.is_empty());
    assert_eq!(
        f.count("bindings").await,
        1,
        "the row stays, for the record"
    );
    let history = f
        .store
        .binding_history(f.ann.organisation, "alcove/python")
        .await
        .unwrap();
    assert_eq!(history.len(), 1);
    assert_eq!(history[0].revoked_at_ms, Some(2));
    assert_eq!(
        history[0].revoked_by_username.as_deref(),
        Some(f.ann.username.as_str())
    );

    let nobody = NewBinding {
        id: BindingId::generate(),
        organisation: f.ann.organisation,
        plugin: "p".into(),
        digest: "d".into(),
        subject: Subject::Everyone,
        policy: String::new(),
        author: UserId::generate(),
        reason: String::new(),
        now_ms: 1,
        version: 1,
        expires_at_ms: None,
    };
    let refused = f.store.insert_binding(&nobody).await;
    assert!(
        matches!(refused, Err(StoreError::Missing(_))),
        "{refused:?}"
    );
}

pub(crate) async fn a_ceiling_has_versions_and_requests_are_closed(f: Fixture) {
    let organisation = f.ann.organisation;
    assert_eq!(f.store.ceiling(organisation).await.unwrap(), None);
    for policy in ["version = 1\n", ""] {
        let ceiling = NewCeiling {
            organisation,
            policy: policy.into(),
            author: f.ann.user,
            reason: "a test".into(),
            now_ms: 5,
        };
        f.store.set_ceiling(&ceiling).await.unwrap();
    }
    let last = f.store.ceiling(organisation).await.unwrap().unwrap();
    assert_eq!((last.version, last.policy.as_str()), (2, ""));
    assert_eq!(last.author_username, f.ann.username);
    let all = f.store.ceilings(organisation).await.unwrap();
    assert_eq!(
        all.iter().map(|row| row.version).collect::<Vec<_>>(),
        [1, 2]
    );

    let bob = f.another_user("Bob").await;
    for (reason, at) in [("please", 1), ("really", 2)] {
        f.store
            .request_grant(organisation, bob.user, "a/b", reason, at)
            .await
            .unwrap();
    }
    let open = f.store.grant_requests(organisation).await.unwrap();
    assert_eq!(open.len(), 1);
    assert_eq!(
        (open[0].reason.as_str(), open[0].created_at_ms),
        ("really", 1)
    );
    // A no is said once, and asking again opens it.
    let decline = || {
        f.store
            .decline_grant_request(organisation, bob.user, "a/b", "not now")
    };
    assert!(decline().await.unwrap());
    assert!(!decline().await.unwrap());
    let declined = f.store.grant_requests(organisation).await.unwrap();
    assert_eq!(declined[0].declined.as_deref(), Some("not now"));
    f.store
        .request_grant(organisation, bob.user, "a/b", "again", 3)
        .await
        .unwrap();
    let again = f.store.grant_requests(organisation).await.unwrap();
    assert_eq!(
        (again[0].reason.as_str(), &again[0].declined),
        ("again", &None)
    );
    let (users, groups) = f.store.names(organisation, 10).await.unwrap();
    assert!(users.contains(&"Bob".to_owned()), "{users:?}");
    assert!(groups.contains(&"everyone".to_owned()), "{groups:?}");
    let (one, _) = f.store.names(organisation, 1).await.unwrap();
    assert_eq!(one.len(), 1);

    let close = || f.store.close_grant_request(organisation, bob.user, "a/b");
    assert!(close().await.unwrap());
    assert!(!close().await.unwrap());
}
