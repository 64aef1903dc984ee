//! All that differs between SQLite and PostgreSQL: how they are opened, how transactions begin, what their errors
//! mean, and three scraps of SQL. Not here: any table; the rest of the crate speaks one SQL through `sql`.

use crate::error::{Result, StoreError};
use crate::sql::{Tx, timed};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, PgPool, SqlitePool};
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

/// Longest wait for a connection: the data plane never waits for it, the command line and the admin API tell their user.
pub const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest wait for SQLite's one writer, here or in another process: longer than the largest `apply` takes.
pub const WRITER_TIMEOUT: Duration = Duration::from_secs(30);
/// Longest time of one statement; a database that accepts statements and never answers is as good as away.
pub const STATEMENT_TIMEOUT: Duration = Duration::from_secs(60);
/// Pause before a new file that another process is just making is opened again.
const BUSY_PAUSE: Duration = Duration::from_millis(20);
/// Longest wait for a connection to answer once its work is done; after that it is thrown away.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(3);
/// Connections that read in parallel on SQLite, and all connections on PostgreSQL: the data plane does not use them, so few do.
const CONNECTIONS: u32 = 4;
/// The advisory lock that migrations take on PostgreSQL: "lgsp" in ASCII.
const MIGRATION_LOCK: &str = "SELECT pg_advisory_xact_lock(1818719088)";

fn postgres(url: &str) -> Result<(PgPoolOptions, PgConnectOptions)> {
    let options = PgConnectOptions::from_str(url)
        .map_err(|_| StoreError::invalid("the postgres:// address cannot be read"))?
        .application_name("lgsp")
        .disable_statement_logging();
    let pool = PgPoolOptions::new()
        .max_connections(CONNECTIONS)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        // A connection whose server went silent would otherwise keep its place until TCP gives up, a quarter of an hour later.
        .after_release(|connection, _| {
            Box::pin(async move {
                tokio::time::timeout(RELEASE_TIMEOUT, connection.ping())
                    .await
                    .unwrap_or_else(|_| Err(sqlx::Error::PoolTimedOut))
                    .map(|()| true)
            })
        });
    Ok((pool, options))
}

/// Where the rows are.
#[derive(Debug, Clone)]
pub(crate) enum Backend {
    /// A file. SQLite has one writer at a time; a pool of one connection queues fairly instead of by busy loops.
    Sqlite { writer: SqlitePool, readers: SqlitePool },
    /// A server.
    Postgres(PgPool),
}

impl Backend {
    pub async fn open(url: &str) -> Result<Self> {
        if let Some(path) = url.strip_prefix("sqlite:") {
            return Self::open_sqlite(Path::new(path.strip_prefix("//").unwrap_or(path))).await;
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Self::open_postgres(url).await;
        }
        Err(StoreError::invalid("the address must begin with sqlite: or postgres://"))
    }

    async fn open_sqlite(path: &Path) -> Result<Self> {
        if path.as_os_str().is_empty() || path.as_os_str() == ":memory:" {
            return Err(StoreError::invalid("sqlite: needs the path of a file"));
        }
        create_private(path)?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            // FULL, not NORMAL: in WAL mode NORMAL loses the last commits at a power cut.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(WRITER_TIMEOUT)
            .disable_statement_logging();
        let pool = || SqlitePoolOptions::new().idle_timeout(None).max_lifetime(None);
        let begun = std::time::Instant::now();
        let writer = loop {
            let writer =
                pool().max_connections(1).acquire_timeout(WRITER_TIMEOUT).connect_with(options.clone()).await;
            match writer {
                // While another process switches a new file to WAL, SQLite says so at once, whatever the busy timeout.
                Err(e) if is_busy(&e) && begun.elapsed() < ACQUIRE_TIMEOUT => {
                    tokio::time::sleep(BUSY_PAUSE).await
                }
                other => break other.map_err(classify)?,
            }
        };
        let readers =
            pool().max_connections(CONNECTIONS).acquire_timeout(ACQUIRE_TIMEOUT).connect_lazy_with(options);
        Ok(Self::Sqlite { writer, readers })
    }

    async fn open_postgres(url: &str) -> Result<Self> {
        let (pool, options) = postgres(url)?;
        Ok(Self::Postgres(pool.connect_with(options).await.map_err(classify)?))
    }

    /// A server that need not answer yet: connections are made when they are needed.
    pub fn postgres_later(url: &str) -> Result<Self> {
        let (pool, options) = postgres(url)?;
        Ok(Self::Postgres(pool.connect_lazy_with(options)))
    }

    /// A transaction that sees one state of the whole store and changes nothing.
    pub async fn read(&self) -> Result<Tx> {
        Ok(match self {
            Self::Sqlite { readers, .. } => Tx::Sqlite(timed(readers.begin()).await?),
            Self::Postgres(pool) => Tx::Postgres(
                timed(pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")).await?,
            ),
        })
    }

    /// A transaction that writes. On PostgreSQL writers of the same rows wait for each other at the first row they
    /// share; READ COMMITTED then shows them what the other one left.
    pub async fn write(&self) -> Result<Tx> {
        Ok(match self {
            Self::Sqlite { writer, .. } => Tx::Sqlite(timed(writer.begin_with("BEGIN IMMEDIATE")).await?),
            Self::Postgres(pool) => Tx::Postgres(
                timed(pool.begin_with("BEGIN ISOLATION LEVEL READ COMMITTED, READ WRITE")).await?,
            ),
        })
    }

    /// A writing transaction that at most one process has at a time.
    pub async fn write_alone(&self) -> Result<Tx> {
        let mut tx = self.write().await?;
        if matches!(tx, Tx::Postgres(_)) {
            tx.run(MIGRATION_LOCK, &[]).await?;
        }
        Ok(tx)
    }

    pub async fn close(&self) {
        match self {
            Self::Sqlite { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
            Self::Postgres(pool) => pool.close().await,
        }
    }

    pub fn name(&self) -> &'static str {
        match self {
            Self::Sqlite { .. } => "sqlite",
            Self::Postgres(_) => "postgres",
        }
    }
}

impl Tx {
    /// A statement that counts the tables of the name `$1`.
    pub(crate) fn count_tables(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = $1",
            Self::Postgres(_) => {
                "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = current_schema() AND table_name = $1"
            }
        }
    }

    /// Values of one multi-row statement. SQLite allows 32,766 and looks each up in a list, so fewer are faster; PostgreSQL
    /// allows 65,535, and each statement longer than a packet costs a delayed acknowledgement, 40 ms, so more are faster.
    pub(crate) fn values_per_statement(&self) -> usize {
        match self {
            Self::Sqlite(_) => 1_000,
            Self::Postgres(_) => 30_000,
        }
    }

    /// What to put behind a TEXT column in ORDER BY so that both order by bytes.
    pub(crate) fn byte_order(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "",
            Self::Postgres(_) => " COLLATE \"C\"",
        }
    }
}

/// The store keeps sealed secrets and digests of tokens: nobody but its owner needs to read the file. SQLite gives
/// its side files the mode of the file itself.
fn create_private(path: &Path) -> Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let made = std::fs::OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path);
    made.map(drop).map_err(|e| StoreError::Unavailable(format!("{}: {e}", path.display())))
}

/// What a driver's error means to the caller.
pub(crate) fn classify(error: sqlx::Error) -> StoreError {
    use sqlx::Error as E;
    match &error {
        E::Database(db) => {
            let code = db.code().unwrap_or_default();
            let text = format!("{} ({code})", db.message());
            if db.as_error().is::<sqlx::sqlite::SqliteError>() {
                classify_sqlite(&code, text)
            } else {
                classify_postgres(&code, text)
            }
        }
        E::Io(_) | E::Tls(_) | E::PoolTimedOut | E::PoolClosed | E::WorkerCrashed | E::BeginFailed => {
            StoreError::Unavailable(error.to_string())
        }
        // A connection that breaks in the middle of a message surfaces as a protocol error.
        E::Protocol(_) => StoreError::Unavailable(error.to_string()),
        E::Configuration(_) | E::InvalidArgument(_) => StoreError::Invalid(error.to_string()),
        E::ColumnDecode { .. } | E::Decode(_) => StoreError::Corrupt(error.to_string()),
        _ => StoreError::Refused(error.to_string()),
    }
}

/// SQLITE_BUSY in any of its forms.
fn is_busy(error: &sqlx::Error) -> bool {
    let sqlx::Error::Database(db) = error else { return false };
    db.code().and_then(|c| c.parse::<i32>().ok()).is_some_and(|c| c & 0xff == 5)
}

/// Result codes of sqlite.org/rescode.html; the low byte is the primary code.
fn classify_sqlite(code: &str, text: String) -> StoreError {
    match code.parse::<i32>().unwrap_or(0) & 0xff {
        5 | 6 | 7 | 8 | 9 | 10 | 13 | 14 | 15 | 22 | 23 => StoreError::Unavailable(text),
        11 | 24 | 26 => StoreError::Corrupt(text),
        19 => StoreError::Conflict(text),
        _ => StoreError::Refused(text),
    }
}

/// Error codes of the PostgreSQL manual, appendix A; the first two characters are the class.
fn classify_postgres(code: &str, text: String) -> StoreError {
    match code.get(..2).unwrap_or_default() {
        _ if matches!(code, "XX001" | "XX002") => StoreError::Corrupt(text),
        _ if matches!(code, "40001" | "40P01") => StoreError::Conflict(text),
        "08" | "53" | "57" | "58" | "25" | "28" | "3D" => StoreError::Unavailable(text),
        "23" => StoreError::Conflict(text),
        "22" => StoreError::Invalid(text),
        _ => StoreError::Refused(text),
    }
}
