//! What a new database begins with, and how the first person takes it over.

use alcove_core::ids::{GroupId, OrganisationId, UserId};

use super::{ADMINS, AccountError, Accounts, EVERYONE, Principal, Via, password, secret};
use crate::store::{Seed, StoreError, UserRow};

/// The organisation of a server that knows no other.
const ORGANISATION: &str = "default";
/// The local user's name until somebody claims it.
const LOCAL: &str = "local";
/// The longest name, in characters.
const MAX_USERNAME_CHARACTERS: usize = 64;

impl Accounts {
    pub(super) async fn seed(&self) -> Result<(), AccountError> {
        let seed = Seed {
            organisation: OrganisationId::generate(),
            organisation_name: ORGANISATION.to_owned(),
            groups: [ADMINS, EVERYONE]
                .map(|name| (GroupId::generate(), name.to_owned()))
                .to_vec(),
            user: UserId::generate(),
            username: LOCAL.to_owned(),
            now_ms: self.clock.now_ms(),
        };
        match self.store.seed(&seed).await {
            // Another server made it at the same time.
            Err(StoreError::Conflict(_)) => Ok(()),
            result => Ok(result.map(drop)?),
        }
    }

    /// Makes the token of a set-up link, in place of any before it; `None` once an account exists.
    pub async fn issue_setup_token(&self) -> Result<Option<String>, AccountError> {
        let user = self.local_user().await?;
        if user.password_hash.is_some() {
            return Ok(None);
        }
        let (token, hash) = secret::generate("")?;
        self.store
            .set_setup_token(user.id.0, &hash, self.clock.now_ms())
            .await?;
        Ok(Some(token))
    }

    /// Uses up a set-up link: the local user gets the chosen name and password.
    pub async fn set_up(
        &self,
        token: &str,
        username: &str,
        password: &str,
    ) -> Result<Principal, AccountError> {
        let username = check_username(username)?;
        password::check(password)?;
        // Hashing is costly, so only after the cheap refusals above. A stranger without the token
        // can make the server hash, but no more at once than the hasher allows.
        let hash = self.passwords.hash(password.to_owned()).await?;
        let claimed = self
            .store
            .claim(&secret::hash(token), username, &hash)
            .await;
        let user = match claimed {
            Ok(Some(user)) => user,
            Ok(None) => return Err(AccountError::SetupToken),
            Err(StoreError::Conflict(_)) => return Err(AccountError::UsernameTaken),
            Err(error) => return Err(error.into()),
        };
        self.principal(user, Via::Web).await
    }

    /// Creates a user with a password.
    pub async fn create_user(
        &self,
        creator: &Principal,
        username: &str,
        password: &str,
    ) -> Result<Principal, AccountError> {
        let username = check_username(username)?;
        password::check(password)?;
        let user = UserRow {
            id: crate::store::Text(UserId::generate()),
            organisation_id: crate::store::Text(creator.organisation),
            username: username.to_owned(),
            password_hash: Some(self.passwords.hash(password.to_owned()).await?),
            is_local: false,
            created_at_ms: self.clock.now_ms(),
        };
        match self.store.insert_user(&user, &[EVERYONE]).await {
            Ok(()) => self.principal(user, Via::Web).await,
            Err(StoreError::Conflict(_)) => Err(AccountError::UsernameTaken),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) async fn local_user(&self) -> Result<UserRow, AccountError> {
        self.store
            .local_user()
            .await?
            .ok_or(AccountError::NoLocalUser)
    }
}

/// A name as it is stored.
fn check_username(username: &str) -> Result<&str, AccountError> {
    let characters = username.chars().count();
    let fits = (1..=MAX_USERNAME_CHARACTERS).contains(&characters);
    if fits && username.trim() == username && !username.chars().any(char::is_control) {
        Ok(username)
    } else {
        Err(AccountError::Username)
    }
}
