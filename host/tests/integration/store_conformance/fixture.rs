//! A store for one check, with keys and a principal.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use alcove::accounts::{Accounts, Principal};
use alcove::store::log::{Append, ItemLog};
use alcove::store::{self, Store, StoreError};
use alcove::vault::Vault;
use alcove_core::ids::{BranchId, ConversationId, ItemId};
use alcove_core::item::{Item, ItemStatus, Payload, Role};
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};
use tempfile::TempDir;

/// A store for one check.
pub(crate) struct Fixture {
    pub(crate) url: String,
    pub(crate) keys: PathBuf,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) vault: Vault,
    pub(crate) log: ItemLog,
    pub(crate) accounts: Accounts,
    pub(crate) ann: Principal,
    folder: Arc<TempDir>,
}

impl Fixture {
    /// Opens the store at a URL; a relative SQLite path is in a folder of the fixture's own.
    pub(crate) async fn open(url: &str) -> Fixture {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let url = url.replace("FOLDER", folder.path().to_str().unwrap());
        let keys = folder.path().join("keys");
        Fixture::open_in(folder, url, keys).await
    }

    async fn open_in(folder: Arc<TempDir>, url: String, keys: PathBuf) -> Fixture {
        let store = store::open(&url).await.unwrap();
        let vault = Vault::open(&keys).unwrap();
        let log = ItemLog::new(Arc::clone(&store), vault.clone());
        log.check_master_key().await.unwrap();
        let accounts = Accounts::open(Arc::clone(&store)).await.unwrap();
        let ann = accounts.local_principal().await.unwrap();
        Fixture {
            url,
            keys,
            store,
            vault,
            log,
            accounts,
            ann,
            folder,
        }
    }

    /// What a server finds that starts after this one was killed: whatever has reached the disk
    /// by now, with this one's connections still open.
    pub(crate) async fn killed(&self) -> Fixture {
        let folder = Arc::clone(&self.folder);
        let keys = self.keys.clone();
        let Some(path) = self.sqlite_path() else {
            return Fixture::open_in(folder, self.url.clone(), keys).await;
        };
        let copy = path.with_file_name("after-the-kill.db");
        for suffix in ["", "-wal"] {
            let from = format!("{}{suffix}", path.display());
            if Path::new(&from).exists() {
                std::fs::copy(&from, format!("{}{suffix}", copy.display())).unwrap();
            }
        }
        Fixture::open_in(folder, format!("sqlite:{}", copy.display()), keys).await
    }

    /// Another user of the same organisation.
    pub(crate) async fn another_user(&self, name: &str) -> Principal {
        self.accounts
            .create_user(&self.ann, name, "a long password")
            .await
            .unwrap()
    }

    /// Another process with the same data folder.
    pub(crate) fn same_server(&self) -> ItemLog {
        ItemLog::new(Arc::clone(&self.store), self.vault.clone())
    }

    /// Another server on the same database: its own key folder with the same master key.
    pub(crate) fn another_server(&self) -> ItemLog {
        let keys = self.folder.path().join("other-keys");
        let vault = Vault::open(&keys).unwrap();
        drop(vault);
        std::fs::copy(self.keys.join("master.key"), keys.join("master.key")).unwrap();
        ItemLog::new(Arc::clone(&self.store), Vault::open(&keys).unwrap())
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn sqlite_path(&self) -> Option<PathBuf> {
        self.url.strip_prefix("sqlite:").map(PathBuf::from)
    }

    /// Runs a statement behind the store's back; answers the rows that it changed.
    pub(crate) async fn sql(&self, statement: &str) -> Result<u64, StoreError> {
        let statement = AssertSqlSafe(statement.to_owned());
        Ok(if self.sqlite_path().is_some() {
            let mut connection = SqliteConnection::connect(&self.url).await?;
            let done = sqlx::query(statement).execute(&mut connection).await?;
            connection.close().await?;
            done.rows_affected()
        } else {
            let mut connection = PgConnection::connect(&self.url).await?;
            let done = sqlx::query(statement).execute(&mut connection).await?;
            connection.close().await?;
            done.rows_affected()
        })
    }

    /// How many rows a table has.
    pub(crate) async fn count(&self, table: &str) -> i64 {
        let statement = AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}"));
        if self.sqlite_path().is_some() {
            let mut connection = SqliteConnection::connect(&self.url).await.unwrap();
            sqlx::query_scalar(statement)
                .fetch_one(&mut connection)
                .await
                .unwrap()
        } else {
            let mut connection = PgConnection::connect(&self.url).await.unwrap();
            sqlx::query_scalar(statement)
                .fetch_one(&mut connection)
                .await
                .unwrap()
        }
    }

    /// Takes away what keeps items and audit rows from being changed, as somebody who owns the
    /// database could.
    pub(crate) async fn unlock(&self) {
        let sqlite = self.sqlite_path().is_some();
        for (trigger, table) in [
            ("items_are_never_changed", "items"),
            ("items_are_forgotten_first", "items"),
            ("audit_is_never_changed", "audit"),
        ] {
            let on = if sqlite {
                String::new()
            } else {
                format!("ON {table}")
            };
            self.sql(&format!("DROP TRIGGER {trigger} {on}"))
                .await
                .unwrap();
        }
        if sqlite {
            self.sql("DROP TRIGGER audit_is_never_deleted")
                .await
                .unwrap();
        }
    }

    /// A conversation with these user messages.
    pub(crate) async fn conversation(
        &self,
        texts: &[&str],
    ) -> (ConversationId, BranchId, Vec<Item>) {
        let id = self
            .log
            .create_conversation(&self.ann, "Test")
            .await
            .unwrap();
        let branch = self
            .log
            .conversation(&self.ann, id)
            .await
            .unwrap()
            .branch
            .id;
        let mut items = Vec::new();
        for text in texts {
            items.push(self.say(id, branch, text).await);
        }
        (id, branch, items)
    }

    /// Appends a user message.
    pub(crate) async fn say(
        &self,
        conversation: ConversationId,
        branch: BranchId,
        text: &str,
    ) -> Item {
        let append = message(conversation, branch, text);
        self.log.append(&self.ann, append).await.unwrap()
    }
}

/// A user message to be appended.
pub(crate) fn message(conversation: ConversationId, branch: BranchId, text: &str) -> Append {
    Append {
        id: ItemId::generate(),
        conversation,
        branch,
        response: None,
        payload: user(text),
        record: None,
        end: None,
    }
}

/// A user message.
pub(crate) fn user(text: &str) -> Payload {
    Payload::Message {
        role: Role::User,
        text: text.to_owned(),
        status: ItemStatus::Completed,
        citations: Vec::new(),
    }
}

/// A whole answer.
pub(crate) fn assistant(text: &str) -> Payload {
    Payload::Message {
        role: Role::Assistant,
        text: text.to_owned(),
        status: ItemStatus::Completed,
        citations: Vec::new(),
    }
}

/// An answer that was cut short.
pub(crate) fn incomplete(text: &str) -> Payload {
    assistant(text).with_status(ItemStatus::Incomplete)
}

/// The texts of messages.
pub(crate) fn texts(items: &[Item]) -> Vec<&str> {
    items
        .iter()
        .map(|item| match &item.payload {
            Payload::Message { text, .. } => text.as_str(),
            Payload::ToolCall(call) => call.tool.as_str(),
        })
        .collect()
}
