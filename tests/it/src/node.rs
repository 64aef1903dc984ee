//! A node as its operator runs it: set up and started through the command line, in a folder of its own, called over HTTP.

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use parking_lot::Mutex;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const SECRET: &str = "it-secret-0123456789abcdef";

/// The test system's API key.
pub const API_KEY: &str = "it-api-key-0123456789abcdef";

/// The folder, configuration and process of a node.
pub struct Node {
    pub folder: tempfile::TempDir,
    pub port: u16,
    process: Mutex<Option<Child>>,
    client: Client<HttpConnector, Full<Bytes>>,
}

/// An answer: status, exchange id, body.
pub struct Answer {
    pub status: u16,
    pub exchange: String,
    pub body: Bytes,
}

impl Node {
    /// Sets a node up with one service, `echo`, that the provider offers and the test's system may call.
    pub fn set_up(provider: SocketAddr) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (port, admin) = (free_port(), free_port());
        let configuration = format!(
            "[node]\nname = \"it\"\ndata_dir = \"{}/data\"\n[listen]\nhttp = \"127.0.0.1:{port}\"\nadmin = \"127.0.0.1:{admin}\"\n\
             [provider]\nallow = [\"127.0.0.0/8\"]\n[telemetry]\nlevel = \"warn\"\n",
            folder.path().display()
        );
        std::fs::write(folder.path().join("lgsp.toml"), configuration).expect("written");
        std::fs::write(folder.path().join("echo.yaml"), manifest(provider)).expect("written");
        let node = Self {
            folder,
            port,
            process: Mutex::new(None),
            client: Client::builder(TokioExecutor::new()).build_http(),
        };
        node.run(&["init"]);
        node.run(&["apply", "-f", "echo.yaml", "--reason", "test"]);
        node
    }

    /// Runs a command of the program; it must succeed.
    pub fn run(&self, arguments: &[&str]) -> String {
        let out = self.command(arguments).output().expect("the program starts");
        assert!(
            out.status.success(),
            "lgsp {arguments:?} ended with {}:\n{}{}",
            out.status,
            String::from_utf8_lossy(&out.stdout),
            String::from_utf8_lossy(&out.stderr)
        );
        String::from_utf8_lossy(&out.stdout).into_owned()
    }

    /// A command of the program in the node's folder.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program());
        command.args(arguments).arg("-c").arg("lgsp.toml").current_dir(self.folder.path());
        command
    }

    /// Starts serving, with more environment, and waits until it is ready.
    pub async fn start(&self, environment: &[(String, String)]) {
        if let Err(reason) = self.try_start(environment).await {
            panic!("{reason}");
        }
    }

    /// The same; fails with what the process logged.
    pub async fn try_start(&self, environment: &[(String, String)]) -> Result<(), String> {
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.folder.path().join("serve.log"))
            .expect("a log file");
        let process = self
            .command(&["serve"])
            .envs(environment.iter().map(|(k, v)| (k, v)))
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("the program starts");
        *self.process.lock() = Some(process);
        let until = Instant::now() + Duration::from_secs(30);
        loop {
            if self
                .call(Method::GET, "/health/ready", None, Bytes::new())
                .await
                .is_some_and(|a| a.status == 200)
            {
                return Ok(());
            }
            let ended = self.process.lock().as_mut().is_some_and(|p| p.try_wait().is_ok_and(|s| s.is_some()));
            if ended || Instant::now() > until {
                return Err(format!("not ready: {}", self.log()));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// What the process has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("serve.log")).unwrap_or_default()
    }

    /// SIGKILL, at once.
    pub fn kill(&self) {
        if let Some(mut process) = self.process.lock().take() {
            process.kill().expect("killed");
            process.wait().expect("reaped");
        }
    }

    /// The folder of the message log.
    pub fn log_folder(&self) -> PathBuf {
        self.folder.path().join("data/log")
    }

    /// An access token.
    pub async fn token(&self) -> String {
        let body = format!("grant_type=client_credentials&client_id=it-client&client_secret={SECRET}");
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("http://127.0.0.1:{}/token", self.port))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Full::new(Bytes::from(body)))
            .expect("a request");
        let answer = self.client.request(request).await.expect("an answer");
        let body = answer.into_body().collect().await.expect("a body").to_bytes();
        let json: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
        json["access_token"].as_str().expect("a token").to_owned()
    }

    /// A call; nothing where the connection broke before the whole answer was there.
    pub async fn call(&self, method: Method, path: &str, token: Option<&str>, body: Bytes) -> Option<Answer> {
        let mut request =
            Request::builder().method(method).uri(format!("http://127.0.0.1:{}{path}", self.port));
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let answer = self.client.request(request.body(Full::new(body)).expect("a request")).await.ok()?;
        let status = answer.status().as_u16();
        let exchange = answer
            .headers()
            .get("lgsp-exchange")
            .and_then(|v| v.to_str().ok())
            .unwrap_or_default()
            .to_owned();
        let body = answer.into_body().collect().await.ok()?.to_bytes();
        Some(Answer { status, exchange, body })
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The program that `cargo xtask test` has built beside the tests.
pub fn program() -> PathBuf {
    let test = std::env::current_exe().expect("the test's own path");
    let folder = test.parent().and_then(Path::parent).expect("target/<profile>/deps");
    let program = folder.join("lgsp");
    assert!(program.is_file(), "{} is missing: run `cargo build -p lgsp-node` first", program.display());
    program
}

/// A port of the loopback address that is free now.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port").port()
}

fn manifest(provider: SocketAddr) -> String {
    format!(
        r#"agencies:
  - {{ code: H97, name: Test, kind: province }}
systems:
  - {{ id: it-provider, agency: H97, name: Provider }}
  - {{ id: it-consumer, agency: H97, name: Consumer }}
credentials:
  - {{ id: it-client, system: it-consumer, kind: client, secret: {{ value: {SECRET} }} }}
  - {{ id: it-key, system: it-consumer, kind: api_key, secret: {{ value: {API_KEY} }} }}
services:
  - id: echo
    system: it-provider
    title: Echo
    protocol: rest
    versions:
      - version: "1.0"
        lifecycle: published
        pass_context: true
        targets: [{{ url: "http://{provider}" }}]
        operations:
          - {{ name: get, method: GET, path: "/{{rest*}}" }}
          - {{ name: post, method: POST, path: "/{{rest*}}" }}
grants:
  - {{ id: it-echo, consumer: it-consumer, service: echo, operations: ["*"], purpose: test, legal_basis: none }}
"#
    )
}
