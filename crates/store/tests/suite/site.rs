//! A place for a store: an empty SQLite file or an empty PostgreSQL database, gone when the scenario ends.

use lgsp_kernel::{Actor, Millis};
use lgsp_store::{Commit, ResourceChange, Store};
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};
use std::future::Future;
use std::sync::Arc;

/// Makes a test of each scenario on each backend.
macro_rules! on_both_backends {
    ($($scenario:ident),* $(,)?) => {
        mod sqlite {
            $(#[test] fn $scenario() { $crate::site::on_sqlite(super::$scenario) })*
        }
        mod postgres {
            $(#[test] fn $scenario() { $crate::site::on_postgres(super::$scenario) })*
        }
    };
}

/// Where a scenario's store is.
#[derive(Clone)]
pub struct Site {
    pub url: String,
    _folder: Option<Arc<tempfile::TempDir>>,
}

impl Site {
    /// An empty SQLite site.
    pub fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("store.db").display());
        Self { url, _folder: Some(Arc::new(folder)) }
    }

    /// A database that somebody else made.
    pub fn at(url: &str) -> Self {
        Self { url: url.into(), _folder: None }
    }

    /// The store, opened anew and migrated: as another process would see it.
    pub async fn store(&self) -> Store {
        let store = Store::open(&self.url).await.unwrap();
        store.migrate().await.unwrap();
        store
    }

    /// The store as the program sees it that knows the schema up to `program`; not migrated.
    pub async fn store_as(&self, program: i64) -> Store {
        Store::open_as(&self.url, program).await.unwrap()
    }

    /// What someone with the database's own tools may do behind the program's back.
    pub async fn meddle(&self, sql: &str) {
        self.try_meddle(sql).await.unwrap();
    }

    pub async fn try_meddle(&self, sql: &str) -> Result<u64, sqlx::Error> {
        let sql = sqlx::raw_sql(AssertSqlSafe(sql));
        if self.url.starts_with("sqlite:") {
            let mut c = SqliteConnection::connect(&self.url).await?;
            let done = sql.execute(&mut c).await?.rows_affected();
            c.close().await?;
            Ok(done)
        } else {
            let mut c = PgConnection::connect(&self.url).await?;
            let done = sql.execute(&mut c).await?.rows_affected();
            c.close().await?;
            Ok(done)
        }
    }
}

/// Runs a scenario on SQLite.
pub fn on_sqlite<F: Future<Output = ()> + Send + 'static>(scenario: fn(Site) -> F) {
    runtime().block_on(scenario(Site::sqlite()));
}

/// Runs a scenario on a PostgreSQL database of its own, if there is a server.
pub fn on_postgres<F: Future<Output = ()> + Send + 'static>(scenario: fn(Site) -> F) {
    let Some(server) = postgres_server() else { return };
    runtime().block_on(async {
        let database = PostgresDatabase::create(&server).await;
        let site = Site { url: database.url.clone(), _folder: None };
        // In a task of its own, so that the database is dropped also when the scenario panics.
        let outcome = tokio::spawn(scenario(site)).await;
        database.drop().await;
        if let Err(panic) = outcome {
            std::panic::resume_unwind(panic.into_panic());
        }
    });
}

/// The server for tests; none means: leave the scenario out, which CI must not.
pub fn postgres_server() -> Option<String> {
    let server = std::env::var("LGSP_TEST_POSTGRES").ok();
    if server.is_none() {
        assert!(std::env::var("CI").is_err(), "LGSP_TEST_POSTGRES must name a server in CI");
        eprintln!("left out: LGSP_TEST_POSTGRES names no PostgreSQL server");
    }
    server
}

/// A database made for one test.
pub struct PostgresDatabase {
    server: String,
    name: String,
    pub url: String,
}

impl PostgresDatabase {
    pub async fn create(server: &str) -> Self {
        let unique = std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos();
        let name = format!("lgsp_test_{}_{unique}", std::process::id());
        let mut c = PgConnection::connect(server).await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut c).await.unwrap();
        c.close().await.unwrap();
        let base = server.rsplit_once('/').unwrap().0;
        Self { server: server.into(), url: format!("{base}/{name}"), name }
    }

    pub async fn drop(self) {
        let mut c = PgConnection::connect(&self.server).await.unwrap();
        let sql = format!("DROP DATABASE {} WITH (FORCE)", self.name);
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut c).await.unwrap();
    }
}

pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

pub fn operator() -> Actor {
    Actor::Shell { user: "lan".into() }
}

/// A change of one resource.
pub fn change(kind: &str, id: &str, before: Option<&str>, after: Option<&str>) -> ResourceChange {
    ResourceChange {
        kind: kind.into(),
        id: id.into(),
        before: before.map(Into::into),
        after: after.map(Into::into),
    }
}

/// A commit of these changes, decided at that generation.
pub fn commit_at(expected_generation: i64, changes: Vec<ResourceChange>) -> Commit {
    Commit {
        expected_generation,
        at: Millis(1_770_000_000_000 + expected_generation),
        changes,
        actor: operator(),
        reason: Some("hồ sơ số 12".into()),
    }
}
