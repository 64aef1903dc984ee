//! A node whose store is PostgreSQL: it carries calls, follows changes, is backed up, and goes on while the server is away.
//! `LGSP_TEST_POSTGRES` is the address of a server on which the tests may make databases; `cargo xtask test` sets it.

use crate::http::{Provider, call, token};
use crate::world::{World, manifest};
use parking_lot::Mutex;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// A database made for one test, dropped with it.
struct Database {
    server: String,
    name: String,
}

impl Database {
    /// None where there is no server for tests, which must not be so in CI.
    fn create() -> Option<Self> {
        let Ok(server) = std::env::var("LGSP_TEST_POSTGRES") else {
            let ci = std::env::var("CI").is_ok_and(|v| v == "true");
            assert!(!ci, "LGSP_TEST_POSTGRES must name a server in CI");
            eprintln!("left out: LGSP_TEST_POSTGRES names no PostgreSQL server");
            return None;
        };
        let unique = std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos();
        let name = format!("lgsp_node_{}_{unique}", std::process::id());
        run_sql(&server, &format!("CREATE DATABASE {name}")).unwrap();
        Some(Self { server, name })
    }
    fn url(&self) -> String {
        format!("{}/{}", self.server.rsplit_once('/').unwrap().0, self.name)
    }
    /// The same database by way of another address.
    fn url_by(&self, way: SocketAddr) -> String {
        let (scheme, rest) = self.server.split_once("://").unwrap();
        let login = rest.split_once('@').map_or_else(String::new, |(login, _)| format!("{login}@"));
        format!("{scheme}://{login}{way}/{}", self.name)
    }
    fn address(&self) -> String {
        let place = self.server.split_once("://").unwrap().1.rsplit_once('/').unwrap().0;
        let place = place.rsplit_once('@').map_or(place, |(_, place)| place);
        if place.contains(':') { place.to_owned() } else { format!("{place}:5432") }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let dropped = run_sql(&self.server, &format!("DROP DATABASE {} WITH (FORCE)", self.name));
        if !std::thread::panicking() {
            dropped.unwrap();
        }
    }
}

fn run_sql(url: &str, sql: &str) -> sqlx::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut connection = PgConnection::connect(url).await?;
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await?;
        connection.close().await
    })
}

/// The way to the server, which can be cut and mended.
struct Way {
    address: SocketAddr,
    cut: Arc<AtomicBool>,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Way {
    fn to(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (cut, open) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
        let (is_cut, kept) = (cut.clone(), open.clone());
        std::thread::spawn(move || {
            for near in listener.incoming().flatten() {
                if is_cut.load(Ordering::SeqCst) {
                    continue;
                }
                let Ok(far) = TcpStream::connect(&server) else { continue };
                kept.lock().extend([near.try_clone().unwrap(), far.try_clone().unwrap()]);
                pass_on(&near, &far);
                pass_on(&far, &near);
            }
        });
        Self { address, cut, open }
    }
    fn cut(&self) {
        self.cut.store(true, Ordering::SeqCst);
        for stream in self.open.lock().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
    fn mend(&self) {
        self.cut.store(false, Ordering::SeqCst);
    }
}

fn pass_on(from: &TcpStream, to: &TcpStream) {
    let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Both);
    });
}

fn prepared(url: &str, more: &str) -> (World, Provider) {
    let world = World::new(&format!("[store]\nurl = \"{url}\"\n{more}"));
    let provider = Provider::start();
    world.run(&["init"]);
    world.write("m.yaml", &manifest(provider.address));
    world.run(&["apply", "-f", "m.yaml", "--reason", "CV 12/UBND"]);
    (world, provider)
}

fn until(what: &str, limit: Duration, mut so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !so() {
        assert!(began.elapsed() < limit, "{what}: not within {limit:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_node_on_postgresql_carries_calls_follows_changes_and_its_backup_restores_into_sqlite() {
    let Some(database) = Database::create() else { return };
    let (world, _provider) = prepared(&database.url(), "");
    let serving = world.serve();
    assert!(!world.data().join("lgsp.db").exists(), "nothing of the registry lies in SQLite");
    let token = token(world.http);
    let before = call(world.http, &token, "/before").unwrap();
    assert_eq!((before.status, before.body.as_str()), (200, "xin chao"));

    world.run(&["delete", "grant", "g1"]);
    until("the grant's end", Duration::from_secs(1), || {
        call(world.http, &token, "/x").unwrap().status == 403
    });
    world.run(&["apply", "-f", "m.yaml"]);
    until("the grant", Duration::from_secs(1), || call(world.http, &token, "/x").unwrap().status == 200);

    // What the trail's last row says has to be in the message log before it is backed up, so that the restore can compare.
    until("an anchor", Duration::from_secs(10), || {
        !world.run(&["audit", "verify"]).contains("with 0 anchors")
    });
    world.run(&["backup", "b.tar"]);
    serving.kill();
    let into = world.path("restored");
    std::fs::create_dir(&into).unwrap();
    std::fs::copy(world.data().join("master.key"), into.join("master.key")).unwrap();
    let told = world.run(&["restore", "b.tar", "--into", into.to_str().unwrap()]);
    assert!(told.contains("goes on in epoch 2"), "{told}");

    let text = std::fs::read_to_string(world.path("lgsp.toml")).unwrap();
    let moved = text.replace("/data\"", "/restored\"").replace(&database.url(), "");
    world.write("lgsp.toml", &moved);
    drop(database);
    let _serving = world.serve();
    assert_eq!(call(world.http, &token, "/after").unwrap().status, 200, "tokens outlive the move");
    assert!(world.run(&["explain", &before.exchange()]).contains("answered"));
    assert!(world.run(&["audit", "list"]).contains("CV 12/UBND"));
    assert!(world.run(&["audit", "verify"]).ends_with("sound\n"));
    assert!(world.run(&["log", "verify"]).ends_with("sound\n"));
}

#[test]
fn a_node_starts_without_its_postgresql_carries_calls_for_as_long_as_is_allowed_and_goes_on_when_it_is_back()
{
    let Some(database) = Database::create() else { return };
    let way = Way::to(database.address());
    let (world, _provider) = prepared(&database.url_by(way.address), "snapshot_max_age = \"8s\"\n");
    let serving = world.serve();
    let token_before = token(world.http);
    until("the copies", Duration::from_secs(5), || {
        world.data().join("registry.copy").exists() && world.data().join("keys.copy").exists()
    });
    serving.kill();

    way.cut();
    let serving = world.serve();
    let began = Instant::now();
    assert!(serving.log().contains("the store is away: going on from the copy on disk"), "{}", serving.log());
    let carried = call(world.http, &token_before, "/away").unwrap();
    assert_eq!(carried.status, 200, "a token of before is known: {}", carried.body);
    let bearer = token(world.http);
    assert_eq!(call(world.http, &bearer, "/away").unwrap().status, 200, "tokens are given out meanwhile");

    until("too old to go on", Duration::from_secs(12), || {
        let answer = call(world.http, &bearer, "/away").unwrap();
        assert!(answer.status == 200 || answer.body.contains("receive.stale"), "{}", answer.body);
        answer.status == 503
    });
    assert!(
        began.elapsed() < Duration::from_secs(9),
        "not counted from the start anew: {:?}",
        began.elapsed()
    );
    assert!(world.command(&["health"]).output().unwrap().status.code() == Some(1), "and is not ready");

    way.mend();
    until("calls again", Duration::from_secs(10), || {
        call(world.http, &bearer, "/back").unwrap().status == 200
    });
    world.run(&["delete", "grant", "g1"]);
    until("changes again", Duration::from_secs(1), || call(world.http, &bearer, "/x").unwrap().status == 403);
}

#[test]
fn a_node_whose_postgresql_is_nowhere_starts_from_its_copies_and_not_without_them() {
    let Some(database) = Database::create() else { return };
    let (world, _provider) = prepared(&database.url(), "");
    let serving = world.serve();
    let token = token(world.http);
    until("the copies", Duration::from_secs(5), || world.data().join("keys.copy").exists());
    serving.signal("TERM");
    assert_eq!(serving.wait(), Some(0));
    let nowhere = database.url_by(SocketAddr::from(([127, 0, 0, 1], crate::world::free_port())));
    let nowhere = [("LGSP__STORE__URL", nowhere.as_str())];
    let serving = world.serve_with(&nowhere);
    assert_eq!(call(world.http, &token, "/x").unwrap().status, 200);
    serving.kill();

    std::fs::remove_file(world.data().join("registry.copy")).unwrap();
    let out = world.command(&["serve"]).envs(nowhere).output().unwrap();
    assert_eq!(out.status.code(), Some(1));
    let told = crate::world::text(&out.stderr);
    assert!(told.contains("registry.copy") || told.contains("copy"), "{told}");
}

#[test]
fn a_daily_quota_begins_at_none_without_the_store_and_is_known_again_when_the_store_is_back() {
    let Some(database) = Database::create() else { return };
    let way = Way::to(database.address());
    let (world, provider) = prepared(&database.url_by(way.address), "");
    let text =
        manifest(provider.address).replace("legal_basis: none }", "legal_basis: none, daily_quota: 30 }");
    world.write("m.yaml", &text);
    world.run(&["apply", "-f", "m.yaml"]);
    let serving = world.serve();
    let token = token(world.http);
    let called = || call(world.http, &token, "/x").unwrap();
    assert!((0..30).all(|_| called().status == 200));
    assert_eq!(called().status, 429);
    until("the copies", Duration::from_secs(5), || world.data().join("keys.copy").exists());
    serving.signal("TERM");
    assert_eq!(serving.wait(), Some(0));

    way.cut();
    let serving = world.serve();
    assert_eq!(called().status, 200, "nobody can say what was used");
    let failing = "failing: following the store";
    until("the failure", Duration::from_secs(20), || serving.log().contains(failing));
    way.mend();
    let back = "again in order: following the store";
    until("the store", Duration::from_secs(20), || serving.log().contains(back));
    // Of the count that began anew more than twenty calls are left: only the store's count can refuse these.
    let refused = (0..20).map(|_| called()).find(|a| a.status != 200).expect("a refusal");
    assert!(refused.status == 429 && refused.body.contains("limit.quota"), "{}", refused.body);
}
