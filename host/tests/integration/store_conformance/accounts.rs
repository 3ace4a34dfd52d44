//! Accounts, sessions and keys.

use std::net::IpAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use alcove::accounts::{AccountError, Accounts, Clock, SignInError, Via};

use super::Fixture;

const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
const PASSWORD: &str = "correct horse";
const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// A clock that stands until it is moved.
struct TestClock(AtomicI64);

impl TestClock {
    fn advance(&self, ms: i64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now_ms(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }

    fn instant(&self) -> Instant {
        *START + Duration::from_millis(self.now_ms().unsigned_abs())
    }
}

async fn accounts(f: &Fixture) -> (Accounts, Arc<TestClock>) {
    let clock = Arc::new(TestClock(AtomicI64::new(1000)));
    let accounts = Accounts::with_clock(f.store.clone(), clock.clone())
        .await
        .unwrap();
    (accounts, clock)
}

/// Accounts whose first user is `Ada`.
async fn claimed(f: &Fixture) -> (Accounts, Arc<TestClock>) {
    let (accounts, clock) = accounts(f).await;
    let token = accounts.issue_setup_token().await.unwrap().unwrap();
    accounts.set_up(&token, "Ada", PASSWORD).await.unwrap();
    (accounts, clock)
}

pub(crate) async fn the_first_start_makes_one_local_user(f: Fixture) {
    assert!(f.ann.admin);
    assert_eq!(f.ann.username, "local");
    assert_eq!(f.ann.groups, ["admins", "everyone"]);
    assert_eq!(f.ann.via, Via::Local);
    let again = Accounts::open(f.store.clone()).await.unwrap();
    assert_eq!(again.local_principal().await.unwrap(), f.ann);
    assert_eq!((f.count("users").await, f.count("groups").await), (1, 2));
    let refused = again.sign_in("local", "", HOME).await;
    assert!(
        matches!(refused, Err(SignInError::Wrong)),
        "nobody has its password"
    );
    let bob = f.another_user("bob").await;
    assert!(!bob.admin);
    assert_eq!(bob.groups, ["everyone"]);
}

pub(crate) async fn a_setup_link_works_once(f: Fixture) {
    let (accounts, _) = accounts(&f).await;
    let old = accounts.issue_setup_token().await.unwrap().unwrap();
    let token = accounts.issue_setup_token().await.unwrap().unwrap();
    for (token, name, password) in [
        (old.as_str(), "ada", PASSWORD),
        ("", "ada", PASSWORD),
        (&token, "ada", "short"),
        (&token, "", PASSWORD),
        (&token, " ada", PASSWORD),
        (&token, "a\nda", PASSWORD),
        (&token, &"a".repeat(65), PASSWORD),
    ] {
        let refused = accounts.set_up(token, name, password).await;
        assert!(refused.is_err(), "{name:?} {password:?}");
    }
    f.another_user("Bob").await;
    let taken = accounts.set_up(&token, "bOB", PASSWORD).await;
    assert!(
        matches!(taken, Err(AccountError::UsernameTaken)),
        "{taken:?}"
    );

    let ada = accounts.set_up(&token, "Ada", PASSWORD).await.unwrap();
    assert!(ada.admin);
    assert_eq!(ada.user, f.ann.user, "the link claims the local user");
    let again = accounts.set_up(&token, "eve", PASSWORD).await;
    assert!(matches!(again, Err(AccountError::SetupToken)), "{again:?}");
    assert_eq!(accounts.issue_setup_token().await.unwrap(), None);
    let local = accounts.local_principal().await.unwrap();
    assert_eq!((local.user, local.username.as_str()), (ada.user, "Ada"));
    assert_eq!(f.count("setup_tokens").await, 0);
}

pub(crate) async fn sessions_slide_and_end(f: Fixture) {
    let (accounts, clock) = claimed(&f).await;
    let signed_in = accounts.sign_in("ada", PASSWORD, HOME).await.unwrap();
    let token = signed_in.token;
    let who = || async { accounts.session_principal(&token).await.unwrap() };
    assert_eq!(who().await.unwrap().via, Via::Web);
    assert_eq!(accounts.session_principal("x").await.unwrap(), None);
    assert_eq!(
        accounts.session_principal(&"x".repeat(5000)).await.unwrap(),
        None
    );

    // Used each week, it lives on; at ninety days it ends all the same.
    for _ in 0..12 {
        clock.advance(7 * DAY_MS);
        assert!(who().await.is_some(), "at {}", clock.now_ms() / DAY_MS);
    }
    clock.advance(6 * DAY_MS + HOUR_MS);
    assert_eq!(who().await, None);

    let first = accounts.sign_in("ada", PASSWORD, HOME).await.unwrap();
    let second = accounts.sign_in("ada", PASSWORD, HOME).await.unwrap();
    accounts.sign_out(&first.token).await.unwrap();
    assert_eq!(
        accounts.session_principal(&first.token).await.unwrap(),
        None
    );
    assert!(
        accounts
            .session_principal(&second.token)
            .await
            .unwrap()
            .is_some()
    );
    clock.advance(14 * DAY_MS);
    assert_eq!(
        accounts.session_principal(&second.token).await.unwrap(),
        None
    );
    assert_eq!(
        f.count("web_sessions").await,
        1,
        "beginning the second deleted the expired one"
    );

    // Only so many are kept; the oldest end.
    let oldest = accounts.sign_in("ada", PASSWORD, HOME).await.unwrap();
    assert_eq!(f.count("web_sessions").await, 1);
    for _ in 0..50 {
        clock.advance(1);
        accounts
            .begin_session(oldest.principal.clone())
            .await
            .unwrap();
    }
    assert_eq!(f.count("web_sessions").await, 50);
    assert_eq!(
        accounts.session_principal(&oldest.token).await.unwrap(),
        None
    );

    let changed = accounts.sign_in("ada", PASSWORD, HOME).await.unwrap();
    let user = changed.principal.user;
    assert!(f.store.set_password(user, "$argon2id$…").await.unwrap());
    assert_eq!(
        accounts.session_principal(&changed.token).await.unwrap(),
        None
    );
}

pub(crate) async fn wrong_passwords_are_throttled(f: Fixture) {
    let (accounts, clock) = claimed(&f).await;
    let mut waits = Vec::new();
    for _ in 0..7 {
        match accounts.sign_in("ada", "wrong password", HOME).await {
            Err(SignInError::Wrong) => {}
            Err(SignInError::TooManyAttempts(wait)) => waits.push(wait.retry_after),
            Err(error) => panic!("{error:?}"),
            Ok(_) => panic!("signed in"),
        }
    }
    assert_eq!(waits, [Duration::from_secs(1); 2]);
    let right = accounts.sign_in("ADA", PASSWORD, HOME).await;
    assert!(
        matches!(right, Err(SignInError::TooManyAttempts(_))),
        "waiting holds for the right one, too"
    );
    clock.advance(1001);
    accounts.sign_in("ada", PASSWORD, HOME).await.unwrap();
    accounts.sign_in("ada", PASSWORD, HOME).await.unwrap();

    for _ in 0..5 {
        let refused = accounts.sign_in("nobody", PASSWORD, HOME).await;
        assert!(matches!(refused, Err(SignInError::Wrong)));
    }
    let refused = accounts.sign_in("nobody", PASSWORD, HOME).await;
    assert!(matches!(refused, Err(SignInError::TooManyAttempts(_))));
}

pub(crate) async fn keys_work_until_revoked(f: Fixture) {
    let (accounts, clock) = claimed(&f).await;
    let ada = accounts.local_principal().await.unwrap();
    let (key, secret) = accounts.create_key(&ada, " ci ", None, None).await.unwrap();
    let (_, brief) = accounts
        .create_key(&ada, "brief", Some(1), None)
        .await
        .unwrap();
    assert_eq!(key.name, "ci");
    assert!(secret.starts_with("alc_") && secret.len() == 68, "{secret}");
    let who = accounts.key_principal(&secret).await.unwrap().unwrap();
    assert_eq!((who.user, who.via), (ada.user, Via::ApiKey));
    for wrong in [
        "",
        "alc_",
        &secret[..67],
        &format!("{secret}0"),
        &secret.to_uppercase(),
    ] {
        assert_eq!(
            accounts.key_principal(wrong).await.unwrap(),
            None,
            "{wrong}"
        );
    }
    let listed = accounts.list_keys(&ada).await.unwrap();
    assert_eq!(listed.len(), 2);
    assert_eq!(
        listed
            .iter()
            .find(|row| row.id == key.id)
            .unwrap()
            .last_used_at_ms,
        Some(1000)
    );

    clock.advance(DAY_MS);
    assert_eq!(
        accounts.key_principal(&brief).await.unwrap(),
        None,
        "it has expired"
    );
    let id = key.id.parse().unwrap();
    let bob = f.another_user("bob").await;
    let refused = accounts.revoke_key(&bob, id).await;
    assert!(
        matches!(refused, Err(AccountError::NoSuchKey)),
        "{refused:?}"
    );
    accounts.revoke_key(&ada, id).await.unwrap();
    assert_eq!(accounts.key_principal(&secret).await.unwrap(), None);
    let again = accounts.revoke_key(&ada, id).await;
    assert!(matches!(again, Err(AccountError::NoSuchKey)), "{again:?}");
    for _ in 1..100 {
        accounts.create_key(&ada, "more", None, None).await.unwrap();
    }
    let refused = accounts.create_key(&ada, "one more", None, None).await;
    assert!(
        matches!(refused, Err(AccountError::TooManyKeys { max: 100 })),
        "{refused:?}"
    );
    for (name, days) in [("", None), ("x", Some(0)), ("x", Some(3651))] {
        assert!(
            accounts.create_key(&ada, name, days, None).await.is_err(),
            "{name} {days:?}"
        );
    }
}

pub(crate) async fn a_key_keeps_its_policies(f: Fixture) {
    let (accounts, _) = claimed(&f).await;
    let ada = accounts.local_principal().await.unwrap();
    let policy = "version = 1\nplugin = \"a/b\"\n# “quoted”\n".to_owned();
    let made = accounts.create_key(&ada, "narrow", None, Some(std::slice::from_ref(&policy)));
    let (key, secret) = made.await.unwrap();
    assert_eq!(key.within.as_deref(), Some(&["a/b".to_owned()][..]));
    // As another server reads it, which made nothing of it itself.
    let again = Accounts::open(f.store.clone()).await.unwrap();
    let who = again.key_principal(&secret).await.unwrap().unwrap();
    assert!(who.within.is_some() && !who.admin && ada.admin);
    let id = key.id.parse().unwrap();
    let shown = again.show_key(&ada, id).await.unwrap();
    assert_eq!(shown.key.within, key.within);
    assert_eq!(shown.policies[0].policy, policy);
    assert_eq!(again.principal_of_key(&ada, id).await.unwrap(), who);
    let bob = f.another_user("bob").await;
    let refused = again.show_key(&bob, id).await;
    assert!(matches!(refused, Err(AccountError::NoSuchKey)));

    let whole = accounts
        .create_key(&ada, "whole", None, None)
        .await
        .unwrap();
    let none = accounts
        .create_key(&ada, "none", None, Some(&[]))
        .await
        .unwrap();
    let listed = again.list_keys(&ada).await.unwrap();
    let within = |id: &str| {
        listed
            .iter()
            .find(|own| own.id == id)
            .unwrap()
            .within
            .clone()
    };
    assert_eq!(within(&whole.0.id), None);
    assert_eq!(within(&none.0.id), Some(Vec::new()));
    let who = again.key_principal(&whole.1).await.unwrap().unwrap();
    assert!(who.within.is_none() && who.admin);
    let wrong = ["version = 1\n".to_owned()];
    let refused = accounts.create_key(&ada, "x", None, Some(&wrong)).await;
    assert!(
        matches!(refused, Err(AccountError::KeyPolicy { number: 1, .. })),
        "{refused:?}"
    );
}

pub(crate) async fn names_are_unique_whatever_their_case(f: Fixture) {
    f.another_user("Ünal").await;
    let taken = f.accounts.create_user(&f.ann, "üNAL", PASSWORD).await;
    assert!(
        matches!(taken, Err(AccountError::UsernameTaken)),
        "{taken:?}"
    );
    let user = f.store.user_by_name("ÜNAL").await.unwrap().unwrap();
    assert_eq!(user.username, "Ünal");
}

pub(crate) async fn migrations_run_once(f: Fixture) {
    let before = f.count("_sqlx_migrations").await;
    let again = alcove::store::open(&f.url).await.unwrap();
    again.ping().await.unwrap();
    again.close().await;
    assert_eq!(f.count("_sqlx_migrations").await, before);
    assert_eq!(f.count("users").await, 1);
}
