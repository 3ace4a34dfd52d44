//! What keeping secrets can fail with.

use alcove_egress::NeedleError;

use crate::store::StoreError;
use crate::store::log::LogError;
use crate::vault::VaultError;

/// A secret that can't be set, listed or removed.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    /// The name does not fit.
    #[error("a secret's name has 1 to 64 lower-case letters, digits, `-` and `_`")]
    Name,
    /// The value does not fit.
    #[error(transparent)]
    Value(#[from] NeedleError),
    /// There are enough.
    #[error("there are {max} secrets already; remove one that is not needed")]
    TooMany {
        /// The most.
        max: u32,
    },
    /// No such secret.
    #[error("there is no secret `{name}` of that scope: `alcove secret list` shows all")]
    NotFound {
        /// Its name.
        name: String,
    },
    /// The organisation's are not everybody's to change.
    #[error("only an admin changes the organisation's secrets; one of your own needs `--user`")]
    NotAdmin,
    /// The keys.
    #[error("the keys could not be used")]
    Vault(#[from] VaultError),
    /// The database.
    #[error("the database could not be used")]
    Store(#[from] StoreError),
    /// The audit log.
    #[error("the log could not be used")]
    Log(#[from] LogError),
}
