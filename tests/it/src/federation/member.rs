//! One node among others, as its operator runs it: a folder, a configuration, an address of its own, a process that can be killed.

use crate::node::program;
use bytes::Bytes;
use http::{HeaderMap, Method, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use lgsp_evidence::Archive;
use lgsp_kernel::ExchangeId;
use lgsp_kernel::record::{Entry, ExchangeRecord};
use parking_lot::Mutex;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// The test system's API key, at every consumer's node.
pub const KEY: &str = "it-federation-key-0123456789abcdef";
/// How long anything may take that takes a moment.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A node.
pub struct Member {
    pub name: String,
    pub agency: String,
    pub ip: IpAddr,
    pub folder: tempfile::TempDir,
    /// The network namespace that its processes run in; none: this one's.
    pub namespace: Option<String>,
    environment: Mutex<Vec<(String, String)>>,
    process: Mutex<Option<Child>>,
    client: Client<HttpConnector, Full<Bytes>>,
}

/// An answer.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Reply {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default()
    }
    pub fn exchange(&self) -> ExchangeId {
        self.header("lgsp-exchange").parse().unwrap_or_else(|_| panic!("no exchange: {self:?}"))
    }
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
    /// Code and blame of a refusal.
    pub fn refusal(&self) -> (String, String) {
        let problem = self.json();
        let text = |field: &str| problem[field].as_str().unwrap_or_default().to_owned();
        (text("type").trim_start_matches("urn:lgsp:problem:").to_owned(), text("blame"))
    }
    pub fn code(&self) -> String {
        self.refusal().0
    }
    pub fn detail(&self) -> String {
        self.json()["detail"].as_str().unwrap_or_default().to_owned()
    }
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Member {
    /// A folder with a configuration; nothing runs.
    pub fn new(name: &str, agency: &str, ip: IpAddr) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let text = format!(
            "[node]\nname = \"{name}\"\ndata_dir = \"{}/data\"\nworker_threads = 2\n[listen]\nhttp = \"{ip}:8080\"\nadmin = \"{ip}:8081\"\n\
             [peer]\nlisten = \"{ip}:8443\"\n[public]\nlisten = \"{ip}:8082\"\n[directory]\nrefresh = \"1s\"\n\
             [hub]\nfreshness_every = \"1s\"\n[witness]\nsubmit_every = \"1s\"\ncompare_every = \"1s\"\n[log]\nreserve = \"1MiB\"\n\
             [provider]\nallow = [\"127.0.0.0/8\", \"10.0.0.0/8\"]\n[telemetry]\nlevel = \"warn\"\nformat = \"text\"\n",
            folder.path().display()
        );
        std::fs::write(folder.path().join("lgsp.toml"), text).expect("written");
        Self {
            name: name.into(),
            agency: agency.into(),
            ip,
            folder,
            namespace: None,
            environment: Mutex::default(),
            process: Mutex::default(),
            client: Client::builder(TokioExecutor::new()).build_http(),
        }
    }

    /// Overrides a key of the configuration, or any other variable, for all processes from now on.
    pub fn set(&self, variable: &str, value: impl Into<String>) {
        let mut environment = self.environment.lock();
        environment.retain(|(name, _)| name != variable);
        environment.push((variable.into(), value.into()));
    }
    /// Lets the clock of later processes be off by this.
    pub fn clock_off(&self, seconds: i64) {
        let layer = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu"]
            .map(|d| PathBuf::from(d).join("faketime/libfaketimeMT.so.1"))
            .into_iter()
            .find(|p| p.is_file())
            .expect("libfaketime; see `clocks::available`");
        self.set("LD_PRELOAD", layer.display().to_string());
        self.set("FAKETIME", format!("{seconds:+}s"));
        self.set("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        self.set("DONT_FAKE_MONOTONIC", "1");
    }

    pub fn at(&self, port: u16) -> SocketAddr {
        SocketAddr::new(self.ip, port)
    }
    pub fn public_url(&self) -> String {
        format!("http://{}", self.at(8082))
    }
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }
    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).expect("written");
    }

    /// A command of the program in the node's folder, with its configuration.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = match &self.namespace {
            Some(namespace) => {
                let mut command = Command::new("ip");
                command.args(["netns", "exec", namespace]).arg(program());
                command
            }
            None => Command::new(program()),
        };
        command.args(arguments).arg("-c").arg("lgsp.toml").current_dir(self.folder.path());
        command.envs(self.environment.lock().iter().map(|(k, v)| (k, v)));
        command
    }
    /// Runs it to its end.
    pub fn try_run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("the program starts")
    }
    /// The same; it must succeed.
    pub fn run(&self, arguments: &[&str]) -> String {
        let out = self.try_run(arguments);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let said = format!("{}{}", text(&out.stdout), text(&out.stderr));
        assert!(out.status.success(), "{}: lgsp {arguments:?} ended with {}:\n{said}", self.name, out.status);
        said
    }

    /// Starts serving and waits until it is ready.
    pub async fn start(&self) {
        let log =
            std::fs::File::options().create(true).append(true).open(self.folder.path().join("serve.log"));
        let process = self.command(&["serve"]).stdout(Stdio::null()).stderr(log.expect("a file")).spawn();
        *self.process.lock() = Some(process.expect("the program starts"));
        let until = Instant::now() + PATIENCE;
        while self.ask(Method::GET, "/health/ready", &[], "").await.is_none_or(|a| a.status != 200) {
            let ended = self.process.lock().as_mut().is_some_and(|p| p.try_wait().is_ok_and(|s| s.is_some()));
            assert!(!ended && Instant::now() < until, "{} is not ready:\n{}", self.name, self.said());
            tokio::time::sleep(Duration::from_millis(15)).await;
        }
    }
    /// SIGKILL, at once.
    pub fn kill(&self) {
        if let Some(mut process) = self.process.lock().take() {
            // `ip netns exec` becomes the program: the process is the node itself.
            process.kill().expect("killed");
            process.wait().expect("reaped");
        }
    }
    pub async fn restart(&self) {
        self.kill();
        self.start().await;
    }
    /// What the process has logged.
    pub fn said(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("serve.log")).unwrap_or_default()
    }

    /// A request to the front door; nothing where the connection broke before the whole answer was there.
    pub async fn ask(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Option<Reply> {
        let mut request = Request::builder().method(method).uri(format!("http://{}{path}", self.at(8080)));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body.into())).expect("a request");
        let (head, body) = self.client.request(request).await.ok()?.into_parts();
        let body = body.collect().await.ok()?.to_bytes();
        Some(Reply { status: head.status.as_u16(), headers: head.headers, body })
    }
    /// A call of the test's system here.
    pub async fn call(&self, method: Method, path: &str, body: impl Into<Bytes>) -> Reply {
        self.ask(method, path, &[("apikey", KEY)], body)
            .await
            .unwrap_or_else(|| panic!("{} answers", self.name))
    }
    pub async fn get(&self, path: &str) -> Reply {
        self.call(Method::GET, path, "").await
    }
    pub async fn post(&self, path: &str, body: &'static str) -> Reply {
        self.call(Method::POST, path, body).await
    }

    /// All that the log has of an exchange.
    pub fn entries(&self, exchange: ExchangeId) -> Vec<Entry> {
        let found = Archive::open(self.data().join("log")).find(exchange).expect("the log is readable");
        let read = |f: &lgsp_evidence::Found| serde_json::from_slice(f.record().expect("not erased"));
        found.iter().map(|f| read(f).expect("a record")).collect()
    }
    /// The exchange's own records.
    pub fn records(&self, exchange: ExchangeId) -> Vec<ExchangeRecord> {
        let record = |entry| if let Entry::Exchange(record) = entry { Some(*record) } else { None };
        self.entries(exchange).into_iter().filter_map(record).collect()
    }
    /// How many statements of ours, and how many of others, the log has of an exchange.
    pub fn stated(&self, exchange: ExchangeId) -> (usize, usize) {
        let entries = self.entries(exchange);
        let count = |wanted: fn(&Entry) -> bool| entries.iter().filter(|e| wanted(e)).count();
        (count(|e| matches!(e, Entry::Statement(_))), count(|e| matches!(e, Entry::Received(_))))
    }
    /// The log's public key.
    pub fn log_key(&self) -> String {
        self.run(&["log", "key"]).trim().to_owned()
    }
    /// Has the exchange proved, and the proof checked with nothing but the public key; what was proven.
    pub fn prove(&self, exchange: ExchangeId) -> String {
        self.run(&["log", "prove", &exchange.to_string(), "-o", "proof.json"]);
        let key = self.log_key();
        let mut check = Command::new(program());
        check.args(["log", "check-proof", "proof.json", "--key", &key]).current_dir(self.folder.path());
        let out = check.output().expect("the program starts");
        assert!(out.status.success(), "{}: {}", self.name, String::from_utf8_lossy(&out.stderr));
        String::from_utf8_lossy(&out.stdout).into_owned()
    }
    /// The whole log is sound.
    pub fn verify(&self) {
        assert!(self.run(&["log", "verify"]).contains("sound"), "{}", self.name);
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("--- what {} said:\n{}", self.name, self.said());
        }
    }
}

/// Waits until it is so; says how long it took.
pub async fn eventually(what: &str, within: Duration, mut so: impl AsyncFnMut() -> bool) -> Duration {
    let begun = Instant::now();
    while !so().await {
        assert!(begun.elapsed() < within, "not within {within:?}: {what}");
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    begun.elapsed()
}
