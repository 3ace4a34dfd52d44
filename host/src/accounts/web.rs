//! Signing in with a password, and the sessions that a browser's cookie names.

use std::net::IpAddr;
use std::sync::PoisonError;

use super::{AccountError, Accounts, MAX_PASSWORD_CHARACTERS, Principal, SignInError, Via, secret};
use crate::store::{SessionRow, Text};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// A session ends when it was not used for so long.
const IDLE_MS: i64 = 14 * DAY_MS;
/// A session ends so long after it began, however it is used.
const LONGEST_MS: i64 = 90 * DAY_MS;
/// A session's end is moved at most so often.
const EXTEND_EVERY_MS: i64 = 60 * 60 * 1000;
/// The most sessions of a user; one more ends the oldest.
const MAX_SESSIONS: u32 = 50;
/// The length beyond which a token is not even looked up.
const MAX_TOKEN_BYTES: usize = 256;

/// A session that has begun.
#[derive(Clone)]
pub struct SignedIn {
    /// The cookie's value: the only time that it is known.
    pub token: String,
    /// Who signed in.
    pub principal: Principal,
    /// When the session ends if it is not used.
    pub expires_at_ms: i64,
}

impl Accounts {
    /// Signs in. A wrong name takes as long as a wrong password, and both are throttled.
    pub async fn sign_in(
        &self,
        username: &str,
        password: &str,
        client: IpAddr,
    ) -> Result<SignedIn, SignInError> {
        // std's lock: it is never held across an await, and what it guards cannot be half changed.
        self.throttle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .attempt(username, client, self.clock.instant())?;
        if password.chars().count() > MAX_PASSWORD_CHARACTERS {
            return Err(SignInError::Wrong);
        }
        let user = self.store.user_by_name(username).await?;
        let hash = user.as_ref().and_then(|user| user.password_hash.clone());
        let is_right = self.passwords.verify(password.to_owned(), hash).await?;
        let Some(user) = user.filter(|_| is_right) else {
            return Err(SignInError::Wrong);
        };
        self.throttle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .succeeded(username, client);
        let principal = self.principal(user, Via::Web).await?;
        Ok(self.begin_session(principal).await?)
    }

    /// Begins a session for somebody who has just proven who they are, such as by a set-up link.
    pub async fn begin_session(&self, principal: Principal) -> Result<SignedIn, AccountError> {
        let (token, token_hash) = secret::generate("")?;
        let now = self.clock.now_ms();
        let session = SessionRow {
            token_hash,
            user_id: Text(principal.user),
            created_at_ms: now,
            expires_at_ms: now + IDLE_MS,
        };
        self.store.insert_session(&session, MAX_SESSIONS).await?;
        Ok(SignedIn {
            token,
            principal: Principal {
                via: Via::Web,
                ..principal
            },
            expires_at_ms: session.expires_at_ms,
        })
    }

    /// Whose session a cookie names; `None` where it has ended. Using it moves its end.
    pub async fn session_principal(&self, token: &str) -> Result<Option<Principal>, AccountError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Ok(None);
        }
        let now = self.clock.now_ms();
        let hash = secret::hash(token);
        let Some(session) = self.store.session(&hash, now).await? else {
            return Ok(None);
        };
        let expires_at_ms = (now + IDLE_MS).min(session.created_at_ms + LONGEST_MS);
        if expires_at_ms - session.expires_at_ms >= EXTEND_EVERY_MS {
            self.store.extend_session(&hash, expires_at_ms).await?;
        }
        match self.store.user(session.user_id.0).await? {
            Some(user) => Ok(Some(self.principal(user, Via::Web).await?)),
            None => Ok(None),
        }
    }

    /// Ends a session.
    pub async fn sign_out(&self, token: &str) -> Result<(), AccountError> {
        Ok(self.store.delete_session(&secret::hash(token)).await?)
    }
}
