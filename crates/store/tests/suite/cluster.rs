//! A PostgreSQL server of the test's own, which it stops in the middle and starts again, and which speaks TLS only.

use crate::site::{change, commit_at, postgres_server, runtime};
use lgsp_store::{CommitError, Store, StoreError};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A private server; stopped and removed when dropped.
struct Cluster {
    bin: PathBuf,
    folder: tempfile::TempDir,
    port: u16,
}

impl Cluster {
    /// Makes and starts a server with a certificate for `localhost`, if there is one installed. Left out like all tests on
    /// PostgreSQL.
    fn start() -> Option<Self> {
        postgres_server()?;
        let mut found: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
            .into_iter()
            .flatten()
            .flatten()
            .map(|e| e.path().join("bin"))
            .filter(|bin| bin.join("initdb").is_file())
            .collect();
        found.sort();
        let Some(bin) = found.pop() else {
            assert!(std::env::var("CI").is_err(), "the server's programs must be installed in CI");
            eprintln!("left out: no initdb in /usr/lib/postgresql");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let cluster = Self { bin, folder, port };
        if is_root() {
            run(Command::new("chown").arg("postgres").arg(cluster.folder.path()));
        }
        let made =
            ["--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "--no-sync", "-D"];
        run(cluster.command("initdb").args(made).arg(cluster.data()));
        cluster.give_certificate();
        cluster.control(&["start"]);
        Some(cluster)
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn give_certificate(&self) {
        let made = rcgen::generate_simple_self_signed(["localhost".to_string()]).unwrap();
        let key = self.data().join("server.key");
        std::fs::write(self.data().join("server.crt"), made.cert.pem()).unwrap();
        std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        std::fs::write(self.data().join("pg_hba.conf"), "hostssl all all 127.0.0.1/32 trust\n").unwrap();
        run(Command::new("chmod").arg("600").arg(&key));
        if is_root() {
            run(Command::new("chown").arg("postgres").arg(&key));
        }
        std::fs::copy(self.data().join("server.crt"), self.folder.path().join("ca.pem")).unwrap();
    }

    /// `pg_ctl`, waiting until it is done.
    fn control(&self, arguments: &[&str]) {
        let options = format!(
            "-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories={} -c fsync=off -c ssl=on",
            self.port,
            self.folder.path().display()
        );
        let mut command = self.command("pg_ctl");
        command.args(["-w", "-s", "-t", "60", "-o", &options, "-D"]).arg(self.data());
        run(command.arg("-l").arg(self.folder.path().join("server.log")).args(arguments));
    }

    /// A program of the server, which refuses to run as root.
    fn command(&self, program: &str) -> Command {
        let path = self.bin.join(program);
        let mut command = if is_root() { Command::new("runuser") } else { Command::new(&path) };
        if is_root() {
            command.args(["-u", "postgres", "--"]).arg(&path);
        }
        command.current_dir(self.folder.path()).stdout(Stdio::null());
        command
    }

    fn url(&self, query: &str) -> String {
        format!("postgres://postgres@localhost:{}/postgres?{query}", self.port)
    }

    fn ca(&self) -> String {
        self.folder.path().join("ca.pem").display().to_string()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let _ =
            self.command("pg_ctl").args(["-s", "-m", "immediate", "stop", "-D"]).arg(self.data()).status();
    }
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(Path::new("/proc/self")).unwrap().uid() == 0
}

fn run(command: &mut Command) {
    let status = command.status().unwrap();
    assert!(status.success(), "{command:?}: {status}");
}

#[test]
fn a_server_stopped_in_the_middle_of_commits_loses_none_that_was_acknowledged() {
    let Some(cluster) = Cluster::start() else { return };
    runtime().block_on(async {
        let store = Store::open(&cluster.url("sslmode=require")).await.unwrap();
        store.migrate().await.unwrap();
        let mut acknowledged = 0;
        for mode in ["immediate", "fast"] {
            let writer = {
                let store = store.clone();
                tokio::spawn(async move {
                    let mut generation = store.generation().await.unwrap();
                    loop {
                        let ids: Vec<String> = (0..50).map(|i| format!("g{generation}-{i}")).collect();
                        let changes = ids.iter().map(|id| change("grant", id, None, Some("{}"))).collect();
                        match store.commit(commit_at(generation, changes)).await {
                            Ok(next) => generation = next,
                            Err(e) => return (generation, e),
                        }
                    }
                })
            };
            while store.generation().await.unwrap() < acknowledged + 20 {}
            cluster.control(&["stop", "-m", mode]);
            let (last, error) = writer.await.unwrap();
            assert!(matches!(&error, CommitError::Store(e) if e.is_unavailable()), "{mode}: {error:?}");
            assert!(store.load().await.is_err_and(|e| e.is_unavailable()), "{mode}");

            cluster.control(&["start"]);
            let loaded = store.load().await.unwrap();
            // The last one may have been made without our hearing of it.
            assert!(
                loaded.generation == last || loaded.generation == last + 1,
                "{} {last}",
                loaded.generation
            );
            assert_eq!(loaded.rows.len() as i64, loaded.generation * 50);
            let report = store.audit_verify(&[]).await.unwrap();
            assert!(report.is_clean() && report.rows == loaded.generation * 50, "{report:?}");
            acknowledged = loaded.generation;
        }
    });
}

#[test]
fn the_way_to_the_server_is_encrypted_and_its_certificate_checked_where_the_address_asks() {
    let Some(cluster) = Cluster::start() else { return };
    runtime().block_on(async {
        let checked = cluster.url(&format!("sslmode=verify-full&sslrootcert={}", cluster.ca()));
        Store::open(&checked).await.unwrap().migrate().await.unwrap();

        // This server takes no connection in clear.
        let clear = Store::open(&cluster.url("sslmode=disable")).await;
        assert!(clear.is_err());
        // Without that authority the certificate is nobody's.
        let unknown = Store::open(&cluster.url("sslmode=verify-full")).await;
        assert!(unknown.as_ref().is_err_and(StoreError::is_unavailable), "{unknown:?}");
    });
}
