//! What can go wrong with a store.

/// What can go wrong with a store. The texts say what to do; the source says what the database
/// said, and is for the log.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The URL names no database that this server speaks.
    #[error("database_url must begin with `sqlite:` or `postgres://`")]
    UnknownDatabase,
    /// The database cannot be opened or reached.
    #[error("cannot open the database {what}; check that it exists, runs and may be written to")]
    Unavailable {
        /// Which: a path, or an address without its password.
        what: String,
        /// What it said.
        #[source]
        source: sqlx::Error,
    },
    /// The schema cannot be brought up to date.
    #[error(
        "the database's schema does not fit this version of the server; use the version that wrote it, or a newer one"
    )]
    Migration(#[source] sqlx::migrate::MigrateError),
    /// A row with the same key is there.
    #[error("a row with the same key exists")]
    Conflict(#[source] sqlx::Error),
    /// A row refers to one that is not there.
    #[error("a row that is referred to does not exist")]
    Missing(#[source] sqlx::Error),
    /// A write that an append-only table refuses.
    #[error("items and audit rows are never changed")]
    AppendOnly(#[source] sqlx::Error),
    /// The branch has grown since its head was read.
    #[error("the branch has grown meanwhile; read it again")]
    BranchMoved,
    /// The response has ended, or is not there.
    #[error("the response has ended")]
    Ended,
    /// The conversation or branch was deleted meanwhile, or never was.
    #[error("there is no such conversation")]
    NoConversation,
    /// The idempotency key was used with another request.
    #[error("this Idempotency-Key was used with another request; use a new one")]
    IdempotencyMismatch,
    /// No room is left.
    #[error(
        "no room is left for the database: free some disk space; nothing that was stored is lost"
    )]
    Full(#[source] sqlx::Error),
    /// Somebody else holds the database.
    #[error("the database is busy; try again")]
    Busy(#[source] sqlx::Error),
    /// The database file is damaged.
    #[error("the database is damaged; restore it from a backup")]
    Corrupt(#[source] sqlx::Error),
    /// Anything else.
    #[error("the database failed")]
    Database(#[source] sqlx::Error),
}

/// What an error code of a database means here.
enum Meaning {
    Full,
    Busy,
    Corrupt,
    AppendOnly,
    Other,
}

/// SQLite's primary result codes, and PostgreSQL's SQLSTATEs. SQLite's are numbers (its extended
/// ones carry the primary one in the low byte), SQLSTATEs have five characters.
fn meaning(code: &str, message: &str) -> Meaning {
    if code.len() == 5 {
        return match code {
            "53100" | "53200" => Meaning::Full,
            "40001" | "40P01" | "55P03" | "53300" => Meaning::Busy,
            "XX001" | "XX002" => Meaning::Corrupt,
            "AL001" => Meaning::AppendOnly,
            _ => Meaning::Other,
        };
    }
    match code.parse::<u32>().map(|code| code & 0xff) {
        Ok(13) => Meaning::Full,
        Ok(5 | 6) => Meaning::Busy,
        Ok(11 | 26) => Meaning::Corrupt,
        Ok(19) if message.starts_with("append-only") => Meaning::AppendOnly,
        _ => Meaning::Other,
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> StoreError {
        let Some(database) = error.as_database_error() else {
            return match error {
                sqlx::Error::PoolTimedOut => StoreError::Busy(error),
                _ => StoreError::Database(error),
            };
        };
        let code = database.code().unwrap_or_default();
        match meaning(&code, database.message()) {
            Meaning::Full => StoreError::Full(error),
            Meaning::Busy => StoreError::Busy(error),
            Meaning::Corrupt => StoreError::Corrupt(error),
            Meaning::AppendOnly => StoreError::AppendOnly(error),
            Meaning::Other if database.is_unique_violation() => StoreError::Conflict(error),
            Meaning::Other if database.is_foreign_key_violation() => StoreError::Missing(error),
            Meaning::Other => StoreError::Database(error),
        }
    }
}
