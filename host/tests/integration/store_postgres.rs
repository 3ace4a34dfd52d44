//! The conformance suite on a real PostgreSQL server, which the tests start and stop.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};
use tokio::sync::OnceCell;

use crate::store_conformance::{Fixture, conformance};

/// How long the server may take to start.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// What runs the server: it makes a folder, serves until its input ends, and cleans up. The input
/// is a pipe from this process, so the server goes with it however it ends.
const SCRIPT: &str = r#"
    set -eu
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    "$BIN/initdb" -D "$folder/data" -U alcove -A trust -E UTF8 --locale=C --no-sync >"$folder/log" 2>&1 \
        || { cat "$folder/log" >&2; exit 1; }
    "$BIN/postgres" -D "$folder/data" -p "$PORT" -c listen_addresses=127.0.0.1 \
        -c unix_socket_directories="$folder" -c max_connections=400 -c fsync=off >"$folder/log" 2>&1 &
    server=$!
    cat >/dev/null
    kill -INT "$server" || cat "$folder/log" >&2
    wait "$server" || true
"#;

struct Server {
    port: u16,
    /// Holds the pipe that keeps the server alive.
    _child: Child,
}

static SERVER: OnceCell<Server> = OnceCell::const_new();
static DATABASES: AtomicU32 = AtomicU32::new(0);

/// The folder with `initdb`, of the newest version.
fn programs() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten();
    versions
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .filter(|bin| bin.join("initdb").exists())
        .max()
        .expect("PostgreSQL is not installed; run: apt-get install -y postgresql")
}

async fn start() -> Server {
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    // initdb refuses to run as root.
    let id = Command::new("id").arg("-u").output().unwrap();
    let mut command = if id.stdout.trim_ascii() == b"0" {
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--", "sh", "-c", SCRIPT]);
        command
    } else {
        let mut command = Command::new("sh");
        command.args(["-c", SCRIPT]);
        command
    };
    let mut child = command
        .env("BIN", programs())
        .env("PORT", port.to_string())
        .env("TMPDIR", "/tmp")
        .current_dir("/")
        .stdin(Stdio::piped())
        .spawn()
        .expect("the server starts");
    let start = Instant::now();
    let url = format!("postgres://alcove@127.0.0.1:{port}/postgres");
    loop {
        match PgConnection::connect(&url).await {
            Ok(connection) => {
                connection.close().await.unwrap();
                return Server {
                    port,
                    _child: child,
                };
            }
            Err(error) => {
                assert!(
                    start.elapsed() < START_TIMEOUT,
                    "PostgreSQL did not start: {error}"
                );
                assert!(
                    child.try_wait().unwrap().is_none(),
                    "PostgreSQL ended: {error}"
                );
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

/// A database of its own.
async fn open() -> Fixture {
    let port = SERVER.get_or_init(start).await.port;
    let number = DATABASES.fetch_add(1, Ordering::Relaxed);
    let base = format!("postgres://alcove@127.0.0.1:{port}");
    let mut admin = PgConnection::connect(&format!("{base}/postgres"))
        .await
        .unwrap();
    sqlx::query(AssertSqlSafe(format!("CREATE DATABASE test_{number}")))
        .execute(&mut admin)
        .await
        .unwrap();
    admin.close().await.unwrap();
    Fixture::open(&format!("{base}/test_{number}")).await
}

conformance!(super::open);

#[tokio::test(flavor = "multi_thread")]
async fn both_schemas_have_the_same_columns() {
    const MIGRATIONS: &str = "_sqlx_migrations";
    let postgres = open().await;
    let sqlite = Fixture::open("sqlite:FOLDER/alcove.db").await;
    let mut connection = PgConnection::connect(&postgres.url).await.unwrap();
    let of_postgres: Vec<(String, String, bool)> = sqlx::query_as(
        "SELECT table_name::text, column_name::text, is_nullable = 'NO'
         FROM information_schema.columns WHERE table_schema = 'public'",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    let mut connection = SqliteConnection::connect(&sqlite.url).await.unwrap();
    // A primary key of SQLite's is not marked as NOT NULL, though it is one here.
    let of_sqlite: Vec<(String, String, bool)> = sqlx::query_as(
        "SELECT tables.name, columns.name, columns.\"notnull\" OR columns.pk > 0
         FROM sqlite_master AS tables JOIN pragma_table_info(tables.name) AS columns
         WHERE tables.type = 'table' AND tables.name NOT LIKE 'sqlite_%'",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    let set = |columns: Vec<(String, String, bool)>| -> BTreeSet<(String, String, bool)> {
        columns
            .into_iter()
            .filter(|(table, ..)| table != MIGRATIONS)
            .collect()
    };
    let (of_postgres, of_sqlite) = (set(of_postgres), set(of_sqlite));
    assert!(of_postgres.len() > 100);
    let differing: Vec<_> = of_postgres.symmetric_difference(&of_sqlite).collect();
    assert!(differing.is_empty(), "{differing:?}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named_without_its_password() {
    let error = alcove::store::open("postgres://ann:secret@127.0.0.1:1/alcove")
        .await
        .err()
        .unwrap();
    let text = error.to_string();
    assert!(text.contains("alcove at 127.0.0.1:1"), "{text}");
    assert!(!format!("{error:?}{text}").contains("secret"), "{error:?}");
}
