//! Accounts: who may sign in, and how they prove who they are.

mod api_keys;
mod error;
mod key_policies;
mod password;
mod principal;
mod secret;
mod setup;
mod throttle;
mod web;

use std::sync::{Arc, Mutex};
use std::time::Instant;

use alcove_api_types::Principals;

use crate::store::{Store, UserRow};

pub use error::{AccountError, SignInError};
pub use key_policies::KeyPolicies;
pub use password::{MAX_PASSWORD_CHARACTERS, MIN_PASSWORD_CHARACTERS};
pub use principal::{ADMINS, EVERYONE, Principal, Via};
pub use throttle::TooManyAttempts;
pub use web::SignedIn;

use password::Passwords;
use throttle::Throttle;

/// What time it is: milliseconds since the Unix epoch for what is stored, and a clock that never
/// goes back for the throttle. Tests bring their own.
pub trait Clock: Send + Sync {
    /// Milliseconds since the Unix epoch.
    fn now_ms(&self) -> i64;
    /// The clock that never goes back.
    fn instant(&self) -> Instant;
}

/// The machine's clocks.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now_ms(&self) -> i64 {
        crate::store::now_ms()
    }

    fn instant(&self) -> Instant {
        Instant::now()
    }
}

/// The most accounts, and the most groups, that are listed.
const MAX_NAMES: u32 = 1000;

/// Accounts: a cheap handle.
#[derive(Clone)]
pub struct Accounts {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    passwords: Passwords,
    throttle: Arc<Mutex<Throttle>>,
    key_policies: Arc<key_policies::Kept>,
}

impl Accounts {
    /// Accounts in a store. The first time, the organisation `default`, its groups and the user
    /// `local` are made.
    pub async fn open(store: Arc<dyn Store>) -> Result<Accounts, AccountError> {
        Accounts::with_clock(store, Arc::new(SystemClock)).await
    }

    /// Accounts with another clock.
    pub async fn with_clock(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
    ) -> Result<Accounts, AccountError> {
        let accounts = Accounts {
            store,
            clock,
            passwords: Passwords::new(),
            throttle: Arc::new(Mutex::new(Throttle::default())),
            key_policies: Arc::default(),
        };
        accounts.seed().await?;
        Ok(accounts)
    }

    /// The user that the key in the data folder acts as.
    pub async fn local_principal(&self) -> Result<Principal, AccountError> {
        let user = self.local_user().await?;
        self.principal(user, Via::Local).await
    }

    /// A user of the local user's organisation by name: for asking what they may do, never for
    /// acting as them.
    pub async fn principal_named(&self, name: &str) -> Result<Option<Principal>, AccountError> {
        let local = self.local_user().await?;
        match self.store.user_by_name(name).await? {
            Some(user) if user.organisation_id == local.organisation_id => {
                self.principal(user, Via::Local).await.map(Some)
            }
            _ => Ok(None),
        }
    }

    /// Who there is in somebody's organisation.
    pub async fn principals(&self, asking: &Principal) -> Result<Principals, AccountError> {
        let names = self.store.names(asking.organisation, MAX_NAMES).await?;
        let (users, groups) = names;
        Ok(Principals { users, groups })
    }

    async fn principal(&self, user: UserRow, via: Via) -> Result<Principal, AccountError> {
        let groups = self.store.groups_of(user.id.0).await?;
        Ok(Principal {
            user: user.id.0,
            organisation: user.organisation_id.0,
            admin: groups.iter().any(|group| group == ADMINS),
            groups,
            username: user.username,
            via,
            within: None,
        })
    }
}
