//! `cargo xtask test`: every test of the workspace, with a private PostgreSQL that lives as long as the run.

use crate::process::{self, Outcome};
use clap::Args;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What to test.
#[derive(Args)]
pub struct Options {
    /// One package only
    #[arg(short, long)]
    package: Option<String>,
    /// Names to filter by, and options for the test runner
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

/// Programs that tests compare with or use, their Debian packages, and what is left out without them.
const TOOLS: &[(&str, &str, &str)] = &[
    ("nginx", "nginx-light", "the comparison with nginx"),
    ("haproxy", "haproxy", "the comparison with haproxy"),
    ("curl", "curl", "calls by curl"),
    ("openssl", "openssl", "the comparison with openssl"),
    ("softhsm2-util", "softhsm2", "keys on tokens"),
    ("p11-kit", "p11-kit", "tokens served by another process"),
    ("unzip", "unzip", "containers checked by the shell script"),
    ("dash", "dash", "containers checked by the shell script"),
    ("ip", "iproute2", "nodes on hosts of their own"),
    ("faketime", "faketime", "nodes whose clocks are off"),
    ("xmllint", "libxml2-utils", "messages held against their schemas by libxml2"),
    ("wsimport", "jaxws", "a Java client made from our WSDLs"),
    ("javac", "default-jdk-headless", "a Java client made from our WSDLs"),
];

/// Runs the tests.
pub fn run(options: &Options) -> Outcome<()> {
    process::run(process::cargo().args([
        "build",
        "--quiet",
        "-p",
        "lgsp-powercut-layer",
        "-p",
        "lgsp-node",
    ]))?;
    for (program, package, what) in TOOLS {
        if let Err(reason) = process::ensure(program, package) {
            if process::is_ci() {
                return Err(format!("{program} for the tests: {reason}"));
            }
            eprintln!("xtask: leaving out {what}: {reason}");
        }
    }
    let postgres = match PrivatePostgres::start() {
        Ok(server) => Some(server),
        Err(reason) if process::is_ci() => return Err(format!("PostgreSQL for the tests: {reason}")),
        Err(reason) => {
            eprintln!("xtask: leaving out the tests on PostgreSQL: {reason}");
            None
        }
    };
    let mut command = process::cargo();
    let nextest = process::find("cargo-nextest").is_some() || cargo_bin("cargo-nextest").is_some();
    command.args(if nextest { &["nextest", "run"][..] } else { &["test"][..] });
    match &options.package {
        Some(package) => command.args(["--package", package]),
        None => command.arg("--workspace"),
    };
    command.args(&options.rest);
    if let Some(server) = &postgres {
        command.env("LGSP_TEST_POSTGRES", server.url());
    }
    process::run(&mut command)
}

fn cargo_bin(name: &str) -> Option<PathBuf> {
    let home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|h| PathBuf::from(h).join(".cargo")))?;
    Some(home.join("bin").join(name)).filter(|p| p.is_file())
}

/// A PostgreSQL server of our own: its folder and port are thrown away afterwards.
struct PrivatePostgres {
    bin: PathBuf,
    folder: PathBuf,
    port: u16,
    as_root: bool,
}

impl PrivatePostgres {
    fn start() -> Outcome<Self> {
        let bin = match find_server() {
            Some(bin) => bin,
            None => {
                process::install("postgresql")?;
                find_server().ok_or("the package postgresql brought no initdb")?
            }
        };
        let folder = std::env::temp_dir().join(format!("lgsp-test-postgres-{}", std::process::id()));
        std::fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        let server = Self { bin, folder, port: process::free_port()?, as_root: process::is_root() };
        if server.as_root {
            process::run(Command::new("chown").arg("postgres").arg(&server.folder))?;
        }
        let data = server.folder.join("data");
        process::run(
            server
                .command("initdb")
                .args([
                    "--auth=trust",
                    "--username=postgres",
                    "--encoding=UTF8",
                    "--locale=C",
                    "--no-sync",
                    "-D",
                ])
                .arg(&data)
                .stdout(Stdio::null()),
        )?;
        let options = format!(
            "-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories={} -c fsync=off -c max_connections=200",
            server.port,
            server.folder.display()
        );
        let log = server.folder.join("server.log");
        process::run(
            server
                .command("pg_ctl")
                .args(["-w", "-s", "-t", "60", "-o", &options, "-D"])
                .arg(&data)
                .arg("-l")
                .arg(&log)
                .arg("start")
                .stdout(Stdio::null()),
        )?;
        Ok(server)
    }

    /// A program of the server; as its own user when we are root, which PostgreSQL refuses to run as.
    fn command(&self, program: &str) -> Command {
        let path = self.bin.join(program);
        let mut command = if self.as_root {
            let mut c = Command::new("runuser");
            c.args(["-u", "postgres", "--"]).arg(path);
            c
        } else {
            Command::new(path)
        };
        command.current_dir(&self.folder);
        command
    }

    fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }
}

impl Drop for PrivatePostgres {
    fn drop(&mut self) {
        let data = self.folder.join("data");
        let _ = self.command("pg_ctl").args(["-s", "-m", "immediate", "stop", "-D"]).arg(&data).status();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// The newest server that Debian's packages have put on this machine.
fn find_server() -> Option<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .ok()?
        .filter_map(|e| Some(e.ok()?.path().join("bin")))
        .filter(|bin: &PathBuf| Path::new(bin).join("initdb").is_file())
        .collect();
    found.sort();
    found.pop()
}
