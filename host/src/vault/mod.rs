//! Keys: one master key in a file, one key per user, one key per row.
//!
//! The master key wraps the users' keys, a user's key wraps the keys of that user's rows, and a
//! row's key seals the row. Only wrapped keys are in the database; so forgetting one thing is
//! deleting one wrapped key, and erasing a user is deleting another.

mod anchor;
mod key;
mod master;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use alcove_core::hash::ChainKey;
use alcove_core::ids::{UserId, WriterId};

pub use anchor::{AuditAnchor, AuditGap};
pub use key::{Key, SEAL_BYTES};

/// What can go wrong with keys.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// A key file cannot be read or written.
    #[error("cannot {doing} {path}")]
    File {
        /// What was attempted, such as `read`.
        doing: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
    /// A key file holds something else.
    #[error(
        "{path} is not a key file of this server; put back the file from your backup (its folder and the database belong together)"
    )]
    NotAKey {
        /// The file.
        path: PathBuf,
    },
    /// A key file can be read by other users of the machine.
    #[error("{path} can be read by others; run: chmod 600 {path}")]
    Exposed {
        /// The file.
        path: PathBuf,
    },
    /// The master key is not the one that the database was written with.
    #[error(
        "the master key in {path} does not open the keys in this database; put back the file from the backup that belongs to this database, or point data_dir at the folder that it belongs to. Nothing was changed"
    )]
    WrongMasterKey {
        /// The file.
        path: PathBuf,
    },
    /// Something sealed does not open: it was altered, moved, or its key is another.
    #[error("sealed bytes do not open: they were altered or moved")]
    Altered,
    /// The system gave no random numbers.
    #[error("the system gave no random numbers")]
    Random(#[source] getrandom::Error),
    /// More bytes than the cipher takes.
    #[error("too many bytes to seal")]
    TooLong,
}

/// The server's keys: a cheap handle.
#[derive(Clone)]
pub struct Vault {
    inner: Arc<Inner>,
}

struct Inner {
    master: Key,
    path: PathBuf,
    writer: WriterId,
}

impl Vault {
    /// Reads the keys in a folder; creates folder and keys the first time.
    pub fn open(folder: &Path) -> Result<Vault, VaultError> {
        let (master, writer) = master::open(folder)?;
        let path = folder.join(master::MASTER_FILE);
        Ok(Vault {
            inner: Arc::new(Inner {
                master,
                path,
                writer,
            }),
        })
    }

    /// Who this server is as a writer of audit chains: the same as long as its key folder is.
    pub fn writer(&self) -> WriterId {
        self.inner.writer
    }

    /// A key for another purpose, derived from the master key. `context` names the purpose and
    /// must be the only use of that name.
    pub fn derive(&self, context: &'static str) -> [u8; 32] {
        blake3::derive_key(context, self.inner.master.bytes())
    }

    /// Seals what belongs to an organisation and to none of its users. `row` says what it is; the
    /// bytes open only as that.
    pub fn seal_shared(&self, row: &str, plain: &[u8]) -> Result<Vec<u8>, VaultError> {
        self.shared_key().seal(&identity("shared", &row), plain)
    }

    /// Opens what [`Vault::seal_shared`] sealed.
    pub fn open_shared(&self, row: &str, sealed: &[u8]) -> Result<Vec<u8>, VaultError> {
        self.shared_key().open(&identity("shared", &row), sealed)
    }

    fn shared_key(&self) -> Key {
        Key::from_bytes(self.derive("alcove key of what organisations share v1"))
    }

    /// How far this server's audit chain went when it last wrote to it.
    pub fn audit_anchor(&self) -> Result<AuditAnchor, VaultError> {
        AuditAnchor::read(self.folder())
    }

    /// Notes how far it goes now: once the entries are on disk.
    pub fn set_audit_anchor(&self, anchor: &AuditAnchor) -> Result<(), VaultError> {
        anchor.write(self.folder())
    }

    fn folder(&self) -> &Path {
        self.inner.path.parent().unwrap_or(Path::new("."))
    }

    /// The key of this server's audit chains.
    pub fn audit_key(&self) -> ChainKey {
        ChainKey::for_audit(self.inner.master.bytes())
    }

    /// Makes a key for a user: the key, and the wrapped form to be stored.
    pub fn new_user_key(&self, user: UserId) -> Result<(UserKey, Vec<u8>), VaultError> {
        let key = Key::generate()?;
        let wrapped = self
            .inner
            .master
            .seal(&identity("user-key", &user), key.bytes())?;
        Ok((UserKey { user, key }, wrapped))
    }

    /// Opens a user's wrapped key. That fails only if the master key is not the right one, or if
    /// somebody altered the database; the first is by far the likelier.
    pub fn open_user_key(&self, user: UserId, wrapped: &[u8]) -> Result<UserKey, VaultError> {
        let key = self
            .inner
            .master
            .open_key(&identity("user-key", &user), wrapped)
            .map_err(|_| self.wrong_master_key())?;
        Ok(UserKey { user, key })
    }

    /// A sealed constant, stored in the database so that a wrong master key is noticed at start.
    pub fn new_check(&self) -> Result<Vec<u8>, VaultError> {
        self.inner.master.seal(CHECK, CHECK)
    }

    /// Whether the master key is the one that made this constant.
    pub fn check(&self, sealed: &[u8]) -> Result<(), VaultError> {
        match self.inner.master.open(CHECK, sealed) {
            Ok(_) => Ok(()),
            Err(_) => Err(self.wrong_master_key()),
        }
    }

    fn wrong_master_key(&self) -> VaultError {
        VaultError::WrongMasterKey {
            path: self.inner.path.clone(),
        }
    }
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vault")
            .field("path", &self.inner.path)
            .finish_non_exhaustive()
    }
}

const CHECK: &[u8] = b"alcove master key check";

/// What a sealed thing is: part of what the cipher authenticates, so that a row's bytes open only
/// in that row, of that user.
fn identity(kind: &str, row: &dyn std::fmt::Display) -> Vec<u8> {
    format!("alcove 1 {kind} {row}").into_bytes()
}

/// A user's key.
pub struct UserKey {
    user: UserId,
    key: Key,
}

impl UserKey {
    /// The user's key for item hashes.
    pub fn chain(&self) -> ChainKey {
        ChainKey::for_items(self.key.bytes())
    }

    /// Seals what is the user's own and is changed in place. `row` says what it is; the bytes open
    /// only as that, of this user.
    pub fn seal(&self, row: &str, plain: &[u8]) -> Result<Vec<u8>, VaultError> {
        self.key.seal(&self.row_identity("own", row), plain)
    }

    /// Opens what [`UserKey::seal`] sealed.
    pub fn open(&self, row: &str, sealed: &[u8]) -> Result<Vec<u8>, VaultError> {
        self.key.open(&self.row_identity("own", row), sealed)
    }

    /// A key for another purpose, derived from the user's. `context` names the purpose and must be
    /// the only use of that name.
    pub fn derive(&self, context: &'static str) -> [u8; 32] {
        blake3::derive_key(context, self.key.bytes())
    }

    /// Makes a key for a row: the key, and the wrapped form to be stored.
    pub fn new_row_key(&self, row: &str) -> Result<(RowKey, Vec<u8>), VaultError> {
        let key = Key::generate()?;
        let wrapped = self
            .key
            .seal(&self.row_identity("row-key", row), key.bytes())?;
        Ok((self.row_key(row, key), wrapped))
    }

    /// Opens a row's wrapped key.
    pub fn open_row_key(&self, row: &str, wrapped: &[u8]) -> Result<RowKey, VaultError> {
        let key = self
            .key
            .open_key(&self.row_identity("row-key", row), wrapped)?;
        Ok(self.row_key(row, key))
    }

    fn row_key(&self, row: &str, key: Key) -> RowKey {
        RowKey {
            row: format!("{row} {}", self.user),
            key,
        }
    }

    fn row_identity(&self, kind: &str, row: &str) -> Vec<u8> {
        identity(kind, &format_args!("{row} {}", self.user))
    }
}

/// A row's key.
pub struct RowKey {
    row: String,
    key: Key,
}

impl RowKey {
    /// Seals a field of the row.
    pub fn seal(&self, field: &'static str, plain: &[u8]) -> Result<Vec<u8>, VaultError> {
        self.key.seal(&identity(field, &self.row), plain)
    }

    /// Seals a piece of something that is too large to be sealed whole. It opens only in its place,
    /// and only where it is the last piece if it was.
    pub fn seal_chunk(
        &self,
        index: u64,
        is_last: bool,
        plain: &[u8],
    ) -> Result<Vec<u8>, VaultError> {
        self.key.seal(&self.chunk(index, is_last), plain)
    }

    /// Opens a piece.
    pub fn open_chunk(
        &self,
        index: u64,
        is_last: bool,
        sealed: &[u8],
    ) -> Result<Vec<u8>, VaultError> {
        self.key.open(&self.chunk(index, is_last), sealed)
    }

    fn chunk(&self, index: u64, is_last: bool) -> Vec<u8> {
        let kind = if is_last { "last chunk" } else { "chunk" };
        identity(kind, &format_args!("{index} {}", self.row))
    }

    /// A keyed hash of a name, by which it is looked up without standing in clear.
    pub fn lookup(&self, name: &str) -> [u8; 32] {
        let key = blake3::derive_key("alcove 1 lookup of a sealed name", self.key.bytes());
        *blake3::keyed_hash(&key, name.as_bytes()).as_bytes()
    }

    /// Opens a field of the row.
    pub fn open(&self, field: &'static str, sealed: &[u8]) -> Result<Vec<u8>, VaultError> {
        self.key.open(&identity(field, &self.row), sealed)
    }
}

#[cfg(test)]
mod tests;
