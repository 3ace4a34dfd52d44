//! What can go wrong with accounts.

use super::key_policies::{MAX_BYTES, MAX_POLICIES};
use super::{MAX_PASSWORD_CHARACTERS, MIN_PASSWORD_CHARACTERS, TooManyAttempts};
use crate::store::StoreError;

/// What can go wrong with accounts.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// A one-time token that is not known, or was used.
    #[error(
        "this set-up link is not valid or was used; restart the server to get a new one while no account exists"
    )]
    SetupToken,
    /// Somebody has this name.
    #[error("this username is taken")]
    UsernameTaken,
    /// A name that cannot be one.
    #[error("a username has 1 to 64 characters, without control characters or spaces at its ends")]
    Username,
    /// A password that is too short or too long.
    #[error("a password has {MIN_PASSWORD_CHARACTERS} to {MAX_PASSWORD_CHARACTERS} characters")]
    Password,
    /// A key's name that cannot be one.
    #[error("a key's name has 1 to 100 characters")]
    KeyName,
    /// A key's lifetime that cannot be one.
    #[error("a key's lifetime is 1 to 3650 days")]
    KeyLifetime,
    /// One of the policies of a key is wrong.
    #[error("policy {number} of the key: {error}")]
    KeyPolicy {
        /// Which of them, from 1.
        number: usize,
        /// What is wrong, and in which line.
        error: alcove_policies::PolicyError,
    },
    /// A key has two policies for one plugin.
    #[error("the key has two policies for {plugin}: a call runs under one of them, so write one")]
    KeyPolicyTwice {
        /// Which plugin.
        plugin: String,
    },
    /// A key has too many policies.
    #[error("a key has at most {MAX_POLICIES} policies, of {} KiB together", MAX_BYTES >> 10)]
    KeyPoliciesTooMany,
    /// Too many keys.
    #[error("there are {max} keys already; revoke one first")]
    TooManyKeys {
        /// The limit.
        max: u32,
    },
    /// No such key.
    #[error("there is no such key")]
    NoSuchKey,
    /// There is no local user: the database was never set up, or was altered.
    #[error("the database has no local user; restore it from a backup")]
    NoLocalUser,
    /// A password could not be hashed.
    #[error("a password could not be hashed")]
    Hash,
    /// The system gave no random numbers.
    #[error("the system gave no random numbers")]
    Random(#[source] getrandom::Error),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why nobody was signed in.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// Name or password are wrong; which of them is not said.
    #[error("the username or the password is wrong")]
    Wrong,
    /// Too many wrong passwords.
    #[error(transparent)]
    TooManyAttempts(#[from] TooManyAttempts),
    /// Anything else.
    #[error(transparent)]
    Account(#[from] AccountError),
}

impl From<StoreError> for SignInError {
    fn from(error: StoreError) -> SignInError {
        SignInError::Account(error.into())
    }
}
