//! PostgreSQL: for more users than one machine serves.

use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{Connection as _, PgConnection, Postgres, Transaction};

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
type Backend = PostgresStore;
/// What their functions run on here.
type Connection = PgConnection;

/// Connections of one server.
const CONNECTIONS: u32 = 16;
/// How long a query waits for a connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(30);

/// A store in a PostgreSQL database.
#[derive(Debug, Clone)]
pub struct PostgresStore {
    pool: PgPool,
}

impl PostgresStore {
    /// Connects and brings the schema up to date.
    pub async fn open(url: &str) -> Result<PostgresStore, StoreError> {
        let unavailable = |what: &str, source| StoreError::Unavailable {
            what: what.to_owned(),
            source,
        };
        let options = PgConnectOptions::from_str(url)
            .map_err(|error| unavailable("that database_url names", error))?;
        let what = format!(
            "{} at {}:{}",
            options.get_database().unwrap_or("postgres"),
            options.get_host(),
            options.get_port(),
        );
        // A pool tries until it runs out of time; who starts a server wants to know at once.
        let first = PgConnection::connect_with(&options)
            .await
            .map_err(|error| unavailable(&what, error))?;
        first
            .close()
            .await
            .map_err(|error| unavailable(&what, error))?;
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_with(options)
            .await
            .map_err(|error| unavailable(&what, error))?;
        sqlx::migrate!("migrations/postgres")
            .run(&pool)
            .await
            .map_err(StoreError::Migration)?;
        Ok(PostgresStore { pool })
    }

    fn read(&self) -> &PgPool {
        &self.pool
    }

    fn write(&self) -> &PgPool {
        &self.pool
    }

    async fn begin(&self) -> Result<Transaction<'static, Postgres>, StoreError> {
        Ok(self.pool.begin().await?)
    }

    /// Overwriting what was deleted is the server's own vacuum, which an admin schedules.
    async fn sweep(&self) {}

    async fn close_pools(&self) {
        self.pool.close().await;
    }
}
