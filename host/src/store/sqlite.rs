//! SQLite: the default. One writer, several readers, write-ahead logging.

use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{AssertSqlSafe, Sqlite, SqliteConnection, Transaction};

use super::StoreError;

#[path = "sql/api_keys.rs"]
#[expect(
    clippy::duplicate_mod,
    reason = "the same queries serve both databases"
)]
mod api_keys;
#[path = "sql/approvals.rs"]
#[expect(
    clippy::duplicate_mod,
    reason = "the same queries serve both databases"
)]
mod approvals;
#[path = "sql/assets.rs"]
#[expect(
    clippy::duplicate_mod,
    reason = "the same queries serve both databases"
)]
mod assets;
#[path = "sql/audit.rs"]
#[expect(
    clippy::duplicate_mod,
    reason = "the same queries serve both databases"
)]
mod audit;
#[path = "sql/bindings.rs"]
#[expect(
    clippy::duplicate_mod,
    reason = "the same queries serve both databases"
)]
mod bindings;
#[path = "sql/ceilings.rs"]
#[expect(
    clippy::duplicate_mod,
    reason = "the same queries serve both databases"
)]
mod ceilings;
#[path = "sql/checkpoints.rs"]
#[expect(
    clippy::duplicate_mod,
    reason = "the same queries serve both databases"
)]
mod checkpoints;
#[path = "sql/conversations.rs"]
#[expect(
    clippy::duplicate_mod,
    reason = "the same queries serve both databases"
)]
mod conversations;
#[path = "sql/items.rs"]
#[expect(
    clippy::duplicate_mod,
    reason = "the same queries serve both databases"
)]
mod items;
#[path = "sql/keys.rs"]
#[expect(
    clippy::duplicate_mod,
    reason = "the same queries serve both databases"
)]
mod keys;
#[path = "sql/ledger.rs"]
#[expect(
    clippy::duplicate_mod,
    reason = "the same queries serve both databases"
)]
mod ledger;
#[path = "sql/plugin_state.rs"]
#[expect(
    clippy::duplicate_mod,
    reason = "the same queries serve both databases"
)]
mod plugin_state;
#[path = "sql/principals.rs"]
#[expect(
    clippy::duplicate_mod,
    reason = "the same queries serve both databases"
)]
mod principals;
#[path = "sql/responses.rs"]
#[expect(
    clippy::duplicate_mod,
    reason = "the same queries serve both databases"
)]
mod responses;
#[path = "sql/secrets.rs"]
#[expect(
    clippy::duplicate_mod,
    reason = "the same queries serve both databases"
)]
mod secrets;
#[path = "sql/server.rs"]
#[expect(
    clippy::duplicate_mod,
    reason = "the same queries serve both databases"
)]
mod server;
#[path = "sql/sessions.rs"]
#[expect(
    clippy::duplicate_mod,
    reason = "the same queries serve both databases"
)]
mod sessions;

/// What the modules in `sql/` implement the store for here.
type Backend = SqliteStore;
/// What their functions run on here.
type Connection = SqliteConnection;

/// Connections that only read.
const READERS: u32 = 4;
/// How long a connection waits for a lock that another process holds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a query waits for a connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(30);
/// How often opening is tried where another process may be opening the same file.
const OPEN_ATTEMPTS: u32 = 5;
/// How long it waits before it tries again.
const OPEN_PAUSE: Duration = Duration::from_millis(100);
/// SQLite's default size of a page.
const PAGE_BYTES: u64 = 4096;

/// How a database file is opened.
#[derive(Debug, Clone, Copy, Default)]
pub struct SqliteOptions {
    /// How large the file may grow; as large as the disk allows where absent.
    pub max_bytes: Option<u64>,
}

/// A store in a SQLite file.
#[derive(Debug, Clone)]
pub struct SqliteStore {
    writer: SqlitePool,
    readers: SqlitePool,
}

impl SqliteStore {
    /// Opens a file, creates it the first time, and brings its schema up to date.
    pub async fn open(path: &Path, options: SqliteOptions) -> Result<SqliteStore, StoreError> {
        let mut attempt = 1;
        loop {
            // Two processes that meet at a new file: SQLite does not let one wait for the other's
            // change of the log's mode, and sqlx has no lock for migrations here.
            match SqliteStore::try_open(path, options).await {
                Err(StoreError::Unavailable { .. } | StoreError::Migration(_))
                    if attempt < OPEN_ATTEMPTS && path.exists() =>
                {
                    attempt += 1;
                    tokio::time::sleep(OPEN_PAUSE).await;
                }
                result => return result,
            }
        }
    }

    async fn try_open(path: &Path, options: SqliteOptions) -> Result<SqliteStore, StoreError> {
        let unavailable = |source| StoreError::Unavailable {
            what: path.display().to_string(),
            source,
        };
        let mut connect = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // A commit that was acknowledged survives a power failure, too.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT)
            // What is deleted is overwritten: a key that is gone must not be left in the file.
            .pragma("secure_delete", "ON");
        if let Some(bytes) = options.max_bytes {
            connect = connect.pragma("max_page_count", (bytes / PAGE_BYTES).max(1).to_string());
        }
        let pool = || SqlitePoolOptions::new().acquire_timeout(ACQUIRE_TIMEOUT);
        // The one writer stays open, so that closing it is what checkpoints the log.
        let writer = pool()
            .max_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(connect.clone())
            .await
            .map_err(unavailable)?;
        close_to_others(path).map_err(|error| unavailable(sqlx::Error::Io(error)))?;
        sqlx::migrate!("migrations/sqlite")
            .run(&writer)
            .await
            .map_err(StoreError::Migration)?;
        let readers = pool()
            .max_connections(READERS)
            .connect_with(connect.pragma("query_only", "ON"))
            .await
            .map_err(unavailable)?;
        Ok(SqliteStore { writer, readers })
    }

    fn read(&self) -> &SqlitePool {
        &self.readers
    }

    fn write(&self) -> &SqlitePool {
        &self.writer
    }

    /// Begins a transaction that writes. It takes the lock at once: one that began by reading
    /// could not wait for it later.
    async fn begin(&self) -> Result<Transaction<'static, Sqlite>, StoreError> {
        Ok(self.writer.begin_with("BEGIN IMMEDIATE").await?)
    }

    /// Brings deletions from the log into the file, where they overwrite, and empties the log:
    /// old keys must not be left in either. The deletion itself is done already, so a failure is
    /// only logged; the next sweep, or closing the store, makes up for it.
    async fn sweep(&self) {
        if let Err(error) = self.checkpoint().await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the write-ahead log was not emptied"
            );
        }
    }

    /// Emptying the log waits for readers, and everybody who writes waits for it: so not for long.
    async fn checkpoint(&self) -> Result<(), sqlx::Error> {
        let restore = format!("PRAGMA busy_timeout = {}", BUSY_TIMEOUT.as_millis());
        let mut writer = self.writer.acquire().await?;
        sqlx::query("PRAGMA busy_timeout = 100")
            .execute(&mut *writer)
            .await?;
        let done = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")
            .execute(&mut *writer)
            .await;
        sqlx::query(AssertSqlSafe(restore))
            .execute(&mut *writer)
            .await?;
        done.map(drop)
    }

    async fn close_pools(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// Takes the database file from other users of the machine. Its log and index get the same mode
/// from SQLite.
fn close_to_others(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
}
