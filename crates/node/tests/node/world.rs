//! A node in a folder of its own, run by its command line, as its operator runs it.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

/// The folder, configuration and, while it runs, process of a node.
pub struct World {
    pub folder: tempfile::TempDir,
    pub http: u16,
    pub admin: u16,
    pub https: u16,
}

/// A secret that the manifests use and nothing may ever print.
pub const CLIENT_SECRET: &str = "mat-khau-cua-may-khach-0123456789";
/// The provider's password.
pub const PROVIDER_PASSWORD: &str = "mat-khau-cua-nha-cung-cap-9876543210";

pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).unwrap().port()
}

impl World {
    /// A folder with a configuration; `more` is appended to it.
    pub fn new(more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let world = Self { folder, http: free_port(), admin: free_port(), https: free_port() };
        let text = format!(
            "[node]\nname = \"thu\"\ndata_dir = \"{}\"\n[listen]\nhttp = \"127.0.0.1:{}\"\nadmin = \"127.0.0.1:{}\"\n\
             [log]\nreserve = \"1MiB\"\n[provider]\nallow = [\"127.0.0.0/8\"]\n{more}",
            world.data().display(),
            world.http,
            world.admin,
        );
        std::fs::write(world.path("lgsp.toml"), text).unwrap();
        world
    }
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
    pub fn data(&self) -> PathBuf {
        self.path("data")
    }
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        std::fs::write(self.path(name), text).unwrap();
        self.path(name)
    }

    /// The program with these arguments, in the node's folder.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lgsp"));
        command.args(arguments).arg("-c").arg(self.path("lgsp.toml")).current_dir(self.folder.path());
        command
    }
    /// Runs it; it must succeed. What it printed.
    pub fn run(&self, arguments: &[&str]) -> String {
        let out = self.command(arguments).output().unwrap();
        assert!(
            out.status.success(),
            "lgsp {arguments:?}: {}\n{}{}",
            out.status,
            text(&out.stdout),
            text(&out.stderr)
        );
        text(&out.stdout)
    }
    /// Runs it; it must fail with exit code 1. What it printed as the reason.
    pub fn refused(&self, arguments: &[&str]) -> String {
        let out = self.command(arguments).output().unwrap();
        assert_eq!(
            out.status.code(),
            Some(1),
            "lgsp {arguments:?}\n{}{}",
            text(&out.stdout),
            text(&out.stderr)
        );
        text(&out.stderr)
    }
    /// Runs it with a text on standard input; it must succeed.
    pub fn run_with_input(&self, arguments: &[&str], input: &str) -> String {
        use std::io::Write as _;
        let mut command = self.command(arguments);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let out: Output = child.wait_with_output().unwrap();
        assert!(
            out.status.success(),
            "lgsp {arguments:?}: {}\n{}{}",
            out.status,
            text(&out.stdout),
            text(&out.stderr)
        );
        text(&out.stdout)
    }

    /// Starts serving and waits until the node says that it is ready. Log lines go to `serve.log`.
    pub fn serve(&self) -> Serving {
        self.serve_with(&[])
    }
    pub fn serve_with(&self, environment: &[(&str, &str)]) -> Serving {
        let log = std::fs::File::options().create(true).append(true).open(self.path("serve.log")).unwrap();
        let mut command = self.command(&["serve"]);
        command.envs(environment.iter().copied()).stdout(Stdio::null()).stderr(log);
        let serving = Serving { process: Some(command.spawn().unwrap()), log: self.path("serve.log") };
        let until = std::time::Instant::now() + std::time::Duration::from_secs(30);
        while !self.command(&["health"]).output().unwrap().status.success() {
            assert!(std::time::Instant::now() < until, "not ready after 30 s:\n{}", serving.log());
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        serving
    }
}

/// A running node.
pub struct Serving {
    process: Option<Child>,
    log: PathBuf,
}

impl Serving {
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
    pub fn pid(&self) -> u32 {
        self.process.as_ref().unwrap().id()
    }
    /// Sends a signal by name.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.pid().to_string()).status().unwrap();
        assert!(sent.success());
    }
    /// Waits for its end; the exit code.
    pub fn wait(mut self) -> Option<i32> {
        self.process.take().unwrap().wait().unwrap().code()
    }
    /// SIGKILL, at once.
    pub fn kill(mut self) {
        let mut process = self.process.take().unwrap();
        process.kill().unwrap();
        process.wait().unwrap();
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// One service, `echo`, of one system, that another may call.
pub fn manifest(provider: std::net::SocketAddr) -> String {
    format!(
        r#"agencies:
  - {{ code: H97, name: "Tỉnh Thử", kind: province, aliases: ["000.00.00.H97"] }}
systems:
  - {{ id: offers, agency: H97, name: Provider }}
  - {{ id: calls, agency: 000.00.00.H97, name: Consumer }}
credentials:
  - {{ id: client, system: calls, kind: client, secret: {{ value: {CLIENT_SECRET} }} }}
services:
  - id: echo
    system: offers
    title: Echo
    protocol: rest
    versions:
      - version: "1.0"
        lifecycle: published
        targets: [{{ url: "http://{provider}" }}]
        auth: {{ type: basic, user: lgsp, password: {{ value: {PROVIDER_PASSWORD} }} }}
        operations:
          - {{ name: get, method: GET, path: "/{{rest*}}" }}
          - {{ name: post, method: POST, path: "/{{rest*}}" }}
grants:
  - {{ id: g1, consumer: calls, service: echo, operations: ["*"], purpose: test, legal_basis: none }}
"#
    )
}

/// Whether a text stands anywhere in the files below a folder.
pub fn files_that_hold(folder: &Path, needle: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_that_hold(&path, needle));
        } else {
            let bytes = std::fs::read(&path).unwrap();
            if bytes.windows(needle.len()).any(|w| w == needle.as_bytes()) {
                found.push(path);
            }
        }
    }
    found
}
