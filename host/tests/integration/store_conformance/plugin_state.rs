//! What plugins keep for users.

use alcove::store::StateChanged;
use alcove::store::log::{KeptValue, NewValue, Space};

use super::Fixture;

const QUOTA: u64 = 100;

/// Keys of one plugin and user are nobody else's, and go with the user.
pub(crate) async fn a_space_is_one_plugins_and_one_users(f: Fixture) {
    let eve = f.another_user("eve").await;
    let notes = Space::new(&f.ann, "acme/notes");
    let done = f.log.state_set(notes, "a", b"1", QUOTA).await.unwrap();
    assert_eq!(done, StateChanged::Done { existed: false });
    let done = f.log.state_set(notes, "a", b"2", QUOTA).await.unwrap();
    assert_eq!(done, StateChanged::Done { existed: true });
    let kept = |value: &[u8], from_web| {
        Some(KeptValue {
            value: value.to_vec(),
            from_web,
        })
    };
    let found = f.log.state_get(notes, "a").await.unwrap();
    assert_eq!(found, kept(b"2", false));
    // What came from the network is told from what did not, until it is written again.
    let from_web = NewValue {
        value: b"2",
        from_web: true,
    };
    f.log.state_set(notes, "a", from_web, QUOTA).await.unwrap();
    let found = f.log.state_get(notes, "a").await.unwrap();
    assert_eq!(found, kept(b"2", true));
    let (old, new) = (Some(&b"2"[..]), Some(&b"4"[..]));
    let set = f.log.state_compare_and_set(notes, "a", old, new, QUOTA);
    assert_eq!(set.await.unwrap(), StateChanged::Done { existed: true });
    let found = f.log.state_get(notes, "a").await.unwrap();
    assert_eq!(found, kept(b"4", false));
    for other in [
        Space::new(&eve, "acme/notes"),
        Space::new(&f.ann, "acme/other"),
    ] {
        assert_eq!(f.log.state_get(other, "a").await.unwrap(), None);
        assert!(!f.log.state_delete(other, "a").await.unwrap());
    }
    f.log.erase_user(f.ann.user).await.unwrap();
    assert_eq!(f.log.state_get(notes, "a").await.unwrap(), None);
    assert_eq!(f.count("state_entries").await, 0);
    // The account stays, and may keep things again.
    f.log.state_set(notes, "b", b"3", QUOTA).await.unwrap();
    assert_eq!(f.log.state_keys(notes, "", None, 9).await.unwrap(), ["b"]);
}

/// The quota holds exactly, also where many write at once.
pub(crate) async fn a_quota_of_state_is_exact(f: Fixture) {
    let space = Space::new(&f.ann, "acme/notes");
    let writes = (0..20).map(|index| {
        let (log, ann) = (f.log.clone(), f.ann.clone());
        tokio::spawn(async move {
            let space = Space::new(&ann, "acme/notes");
            let key = format!("{index:02}");
            log.state_set(space, &key, b"12345678", QUOTA)
                .await
                .unwrap()
        })
    });
    let mut kept = 0;
    for write in writes.collect::<Vec<_>>() {
        match write.await.unwrap() {
            StateChanged::Done { .. } => kept += 1,
            other => assert_eq!(other, StateChanged::Full),
        }
    }
    assert_eq!(kept, 10, "ten bytes each");
    assert_eq!(
        f.log.state_keys(space, "", None, 99).await.unwrap().len(),
        10
    );
}

/// Of two that compare and set at once, one wins.
pub(crate) async fn comparing_and_setting_is_atomic(f: Fixture) {
    let rounds = (0..8).map(|_| {
        let (log, ann) = (f.log.clone(), f.ann.clone());
        tokio::spawn(async move {
            let space = Space::new(&ann, "acme/notes");
            let set = log.state_compare_and_set(space, "lock", None, Some(b"mine"), QUOTA);
            set.await.unwrap()
        })
    });
    let mut won = 0;
    for round in rounds.collect::<Vec<_>>() {
        won += i32::from(round.await.unwrap() == StateChanged::Done { existed: false });
    }
    assert_eq!(won, 1);
}

/// A value that somebody moved to another name does not open there.
pub(crate) async fn a_value_stays_with_its_name(f: Fixture) {
    let space = Space::new(&f.ann, "acme/notes");
    for (key, value) in [("a", "1"), ("b", "2")] {
        f.log
            .state_set(space, key, value.as_bytes(), QUOTA)
            .await
            .unwrap();
    }
    let moved = "UPDATE state_entries SET value = (SELECT value FROM state_entries AS other
         WHERE other.revision = 1) WHERE revision = 2";
    assert_eq!(f.sql(moved).await.unwrap(), 1);
    let error = f.log.state_get(space, "b").await.unwrap_err().to_string();
    assert!(error.contains("is not what was written"), "{error}");
    assert!(f.log.state_get(space, "a").await.unwrap().is_some());
}
