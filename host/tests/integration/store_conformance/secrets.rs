//! Secrets.

use alcove::accounts::Principal;
use alcove::config::Secret;
use alcove::secrets::{Secrets, SecretsError};
use alcove_api_types::SecretScope::{Organisation, User};

use super::Fixture;

fn secrets(f: &Fixture) -> Secrets {
    Secrets::new(f.store.clone(), f.log.clone(), f.vault.clone())
}

/// What a call of somebody would have for these names.
async fn values(secrets: &Secrets, of: &Principal, names: &[&str]) -> Vec<(String, String)> {
    let values = secrets.values(of, names).await.unwrap();
    values
        .into_iter()
        .map(|(name, value)| (name, value.expose().to_owned()))
        .collect()
}

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

pub(crate) async fn a_users_own_secret_comes_before_the_organisations(f: Fixture) {
    let bob = f.another_user("Bob").await;
    let secrets = secrets(&f);
    let set = async |by: &Principal, scope, name: &str, value: &str| {
        secrets.set(by, scope, name, &Secret::new(value)).await
    };
    set(&f.ann, Organisation, "search", "everybody's")
        .await
        .unwrap();
    set(&f.ann, Organisation, "other", "not asked for")
        .await
        .unwrap();
    set(&bob, User, "search", "Bob's alone").await.unwrap();
    set(&bob, User, "mail", "Bob's mail").await.unwrap();
    let names = ["search", "mail", "nothing"];
    assert_eq!(
        values(&secrets, &f.ann, &names).await,
        [pair("search", "everybody's")]
    );
    assert_eq!(
        values(&secrets, &bob, &names).await,
        [pair("mail", "Bob's mail"), pair("search", "Bob's alone")]
    );
    assert_eq!(values(&secrets, &bob, &[]).await, []);

    // Setting it again replaces it, and removing it uncovers the organisation's.
    set(&bob, User, "search", "Bob's second").await.unwrap();
    assert_eq!(
        values(&secrets, &bob, &["search"]).await,
        [pair("search", "Bob's second")]
    );
    secrets.remove(&bob, User, "search").await.unwrap();
    assert_eq!(
        values(&secrets, &bob, &["search"]).await,
        [pair("search", "everybody's")]
    );
    let again = secrets.remove(&bob, User, "search").await.unwrap_err();
    assert!(matches!(again, SecretsError::NotFound { .. }), "{again}");

    let listed = |list: Vec<alcove_api_types::SecretInfo>| -> Vec<_> {
        list.into_iter()
            .map(|info| (info.name, info.scope))
            .collect()
    };
    assert_eq!(
        listed(secrets.list(&bob).await.unwrap()),
        [
            ("mail".to_owned(), User),
            ("other".to_owned(), Organisation),
            ("search".to_owned(), Organisation)
        ]
    );
    // The organisation's are its admins' to change.
    for refused in [
        set(&bob, Organisation, "search", "Bob's for all")
            .await
            .map(drop),
        secrets.remove(&bob, Organisation, "search").await,
    ] {
        let refused = refused.unwrap_err();
        assert!(matches!(refused, SecretsError::NotAdmin), "{refused}");
    }
}

pub(crate) async fn a_secret_is_sealed_and_its_changes_are_audited(f: Fixture) {
    let bob = f.another_user("Bob").await;
    let secrets = secrets(&f);
    let before = f.count("audit").await;
    for (by, scope) in [(&f.ann, Organisation), (&bob, User)] {
        let value = Secret::new("plainly-readable-value");
        secrets.set(by, scope, "key", &value).await.unwrap();
    }
    secrets.remove(&f.ann, Organisation, "key").await.unwrap();
    assert_eq!(f.count("audit").await, before + 3);
    for row in f
        .store
        .secrets_for(bob.organisation, bob.user)
        .await
        .unwrap()
    {
        let text = String::from_utf8_lossy(&row.value).into_owned();
        assert!(!text.contains("readable"), "{text}");
    }
    // What was sealed for one name or one person opens for no other.
    f.sql("UPDATE secrets SET name = 'moved'").await.unwrap();
    assert_eq!(values(&secrets, &bob, &["moved"]).await, []);
    f.sql("UPDATE secrets SET name = 'key'").await.unwrap();
    assert_eq!(values(&secrets, &bob, &["key"]).await.len(), 1);
    // An erased user's is as unreadable as all that they said.
    f.log.erase_user(bob.user).await.unwrap();
    assert_eq!(values(&secrets, &bob, &["key"]).await, []);
}

pub(crate) async fn what_cannot_be_a_secret_is_refused(f: Fixture) {
    let secrets = secrets(&f);
    for (name, value) in [
        ("", "long enough"),
        ("Upper", "long enough"),
        ("with space", "long enough"),
        ("key", "short"),
        ("key", "with\nlines in it"),
        ("key", "with ümlauts"),
    ] {
        let refused = secrets.set(&f.ann, User, name, &Secret::new(value)).await;
        let refused = refused.unwrap_err();
        assert!(
            matches!(refused, SecretsError::Name | SecretsError::Value(_)),
            "{name} {value}: {refused}"
        );
    }
    assert_eq!(f.count("secrets").await, 0);
}
