//! The database goes away, is silent, is damaged: the store says which within a bounded time, and works again after.

use crate::site::{PostgresDatabase, Site, change, commit_at, postgres_server, runtime};
use lgsp_store::{CommitError, Store, StoreError};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What the way to the server does.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Way {
    Open,
    /// Connections break and new ones are refused at once.
    Broken,
    /// Connections stay and nothing passes, as behind a switched-off machine.
    Silent,
}

/// A way to a PostgreSQL server that a scenario can break.
struct Proxy {
    url: String,
    way: Arc<watch::Sender<Way>>,
    /// Connections whose bytes pass.
    passing: Arc<AtomicUsize>,
}

impl Proxy {
    async fn before(database: &PostgresDatabase) -> Self {
        let after_scheme = database.url.split_once("://").unwrap().1;
        let (authority, name) = after_scheme.split_once('/').unwrap();
        let (user, host) = authority.rsplit_once('@').unwrap();
        let server = if host.contains(':') { host.to_string() } else { format!("{host}:5432") };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (way, _) = watch::channel(Way::Open);
        let way = Arc::new(way);
        let ways = way.clone();
        let passing = Arc::new(AtomicUsize::new(0));
        let shared = passing.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(carry(client, server.clone(), ways.subscribe(), shared.clone()));
            }
        });
        Self { url: format!("postgres://{user}@127.0.0.1:{port}/{name}"), way, passing }
    }
    /// Returns once nothing passes any more, unless the way is open: what is asked afterwards meets the new way.
    async fn set(&self, way: Way) {
        self.way.send_replace(way);
        while way != Way::Open && self.passing.load(Ordering::SeqCst) > 0 {
            tokio::task::yield_now().await;
        }
    }
}

async fn carry(
    mut client: TcpStream,
    server: String,
    mut way: watch::Receiver<Way>,
    passing: Arc<AtomicUsize>,
) {
    if *way.borrow_and_update() == Way::Open {
        let mut server = TcpStream::connect(server).await.unwrap();
        passing.fetch_add(1, Ordering::SeqCst);
        let ended = tokio::select! {
            _ = tokio::io::copy_bidirectional(&mut client, &mut server) => true,
            _ = way.changed() => false,
        };
        passing.fetch_sub(1, Ordering::SeqCst);
        if ended {
            return;
        }
    }
    while *way.borrow_and_update() == Way::Silent {
        let _ = way.changed().await;
    }
}

/// A migrated store behind a way that can break, with one commit in it.
fn on_breakable_postgres<F: Future<Output = ()> + Send + 'static>(scenario: fn(Store, Proxy, Site) -> F) {
    let Some(server) = postgres_server() else { return };
    runtime().block_on(async {
        let database = PostgresDatabase::create(&server).await;
        let proxy = Proxy::before(&database).await;
        let site = Site::at(&database.url);
        let outcome = tokio::spawn(async move {
            let store = Store::open(&proxy.url).await.unwrap();
            store.migrate().await.unwrap();
            store.commit(commit_at(0, vec![change("agency", "a", None, Some("1"))])).await.unwrap();
            scenario(store, proxy, site).await;
        })
        .await;
        database.drop().await;
        if let Err(panic) = outcome {
            std::panic::resume_unwind(panic.into_panic());
        }
    });
}

#[test]
fn a_server_that_is_gone_is_told_as_unavailable_and_its_return_is_noticed() {
    on_breakable_postgres(|store, proxy, _| async move {
        proxy.set(Way::Broken).await;
        let begun = Instant::now();
        let read = store.load().await;
        let write = store.commit(commit_at(1, vec![change("agency", "b", None, Some("1"))])).await;
        assert!(read.as_ref().is_err_and(StoreError::is_unavailable), "{read:?}");
        assert!(matches!(&write, Err(CommitError::Store(e)) if e.is_unavailable()), "{write:?}");
        assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());

        proxy.set(Way::Open).await;
        assert_eq!(store.load().await.unwrap().generation, 1);
        store.commit(commit_at(1, vec![change("agency", "b", None, Some("1"))])).await.unwrap();
    });
}

#[test]
fn a_silent_server_is_told_within_the_bound_and_does_not_use_up_the_connections() {
    on_breakable_postgres(|store, proxy, _| async move {
        proxy.set(Way::Silent).await;
        let begun = Instant::now();
        let asks: Vec<_> = (0..8)
            .map(|_| {
                let store = store.clone();
                tokio::spawn(async move { store.generation().await })
            })
            .collect();
        for ask in asks {
            let answer = ask.await.unwrap();
            assert!(answer.as_ref().is_err_and(StoreError::is_unavailable), "{answer:?}");
        }
        assert!(begun.elapsed() < Duration::from_secs(12), "{:?}", begun.elapsed());

        proxy.set(Way::Open).await;
        for _ in 0..8 {
            assert_eq!(store.generation().await.unwrap(), 1);
        }
    });
}

#[test]
fn a_server_that_shuts_down_in_the_middle_of_a_commit_leaves_all_of_it_or_nothing() {
    on_breakable_postgres(|store, _, site| async move {
        let ids: Vec<String> = (0..20_000).map(|i| format!("g{i}")).collect();
        let changes: Vec<_> = ids.iter().map(|id| change("grant", id, None, Some("{}"))).collect();
        let writer = {
            let store = store.clone();
            tokio::spawn(async move { store.commit(commit_at(1, changes)).await })
        };
        // As an administrator's fast shutdown does to every session; again and again until it met the commit.
        let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                    WHERE datname = current_database() AND application_name = 'lgsp' AND query LIKE 'INSERT INTO audit%'";
        while !writer.is_finished() {
            site.meddle(kill).await;
        }
        let outcome = writer.await.unwrap();
        let loaded = store.load().await.unwrap();
        match outcome {
            Err(CommitError::Store(e)) => {
                assert!(e.is_unavailable(), "{e:?}");
                assert_eq!((loaded.generation, loaded.rows.len()), (1, 1));
            }
            other => panic!("the commit was too quick to be met: {other:?}"),
        }
        assert!(store.audit_verify(&[]).await.unwrap().is_clean());
    });
}

#[test]
fn a_server_that_is_not_there_at_the_start_is_unavailable() {
    runtime().block_on(async {
        let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
        let begun = Instant::now();
        let refused = Store::open(&format!("postgres://lgsp@127.0.0.1:{port}/lgsp")).await;
        assert!(refused.as_ref().is_err_and(StoreError::is_unavailable), "{refused:?}");
        assert!(begun.elapsed() < Duration::from_secs(8));
    });
}

#[test]
fn a_store_opened_for_later_works_once_its_server_is_back() {
    on_breakable_postgres(|_, proxy, _| async move {
        proxy.set(Way::Broken).await;
        let store = Store::open_later(&proxy.url).unwrap();
        let early = store.load().await;
        assert!(early.as_ref().is_err_and(StoreError::is_unavailable), "{early:?}");
        proxy.set(Way::Open).await;
        assert_eq!(store.load().await.unwrap().generation, 1);
    });
}

#[test]
fn an_address_that_cannot_be_meant_is_invalid_and_its_password_is_not_repeated() {
    runtime().block_on(async {
        for bad in
            ["", "mysql://u:matkhau@h/d", "sqlite:", "sqlite::memory:", "postgres://u:matkhau@h:port/d"]
        {
            let refused = Store::open(bad).await.unwrap_err();
            assert!(matches!(&refused, StoreError::Invalid(_)), "{bad}: {refused:?}");
            assert!(!refused.to_string().contains("matkhau"));
        }
    });
}

#[test]
fn a_file_that_is_no_database_is_damaged_and_a_folder_that_is_missing_is_unavailable() {
    runtime().block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("store.db");
        std::fs::write(&file, "không phải là cơ sở dữ liệu\n".repeat(500)).unwrap();
        let opened = Store::open(&format!("sqlite:{}", file.display())).await;
        assert!(opened.as_ref().is_err_and(StoreError::is_corrupt), "{opened:?}");

        let missing = folder.path().join("none/store.db");
        let opened = Store::open(&format!("sqlite:{}", missing.display())).await;
        assert!(opened.as_ref().is_err_and(StoreError::is_unavailable), "{opened:?}");
    });
}

#[test]
fn a_damaged_page_is_told_as_damage() {
    runtime().block_on(async {
        let site = Site::sqlite();
        let store = site.store().await;
        let ids: Vec<String> = (0..2_000).map(|i| format!("g{i}")).collect();
        let changes = ids.iter().map(|id| change("grant", id, None, Some(r#"{"a":1}"#))).collect();
        store.commit(commit_at(0, changes)).await.unwrap();
        store.close().await;
        let path = site.url.strip_prefix("sqlite:").unwrap();
        let mut bytes = std::fs::read(path).unwrap();
        for page in bytes.chunks_mut(4096).skip(30) {
            page[..64].fill(0xa5);
        }
        std::fs::write(path, bytes).unwrap();

        let store = Store::open(&site.url).await.unwrap();
        let outcomes = [store.load().await.err(), store.audit_verify(&[]).await.err()];
        assert!(outcomes.iter().flatten().any(StoreError::is_corrupt), "{outcomes:?}");
        assert!(!outcomes.iter().flatten().any(StoreError::is_unavailable), "{outcomes:?}");
    });
}

#[test]
fn the_file_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    runtime().block_on(async {
        let site = Site::sqlite();
        let store = site.store().await;
        store.put_state("k", "v").await.unwrap();
        let path = site.url.strip_prefix("sqlite:").unwrap();
        for suffix in ["", "-wal", "-shm"] {
            let mode = std::fs::metadata(format!("{path}{suffix}")).unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "{suffix}");
        }
    });
}
