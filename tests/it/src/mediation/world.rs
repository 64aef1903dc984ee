//! A node with everything that these tests call behind it: the sandboxes of the population database (SOAP) and of business registration
//! (REST), and providers in Python that judge what reaches them.

use super::outsiders::{CLIENTS, FIXTURES, python};
use crate::node::{API_KEY, Node};
use bytes::Bytes;
use http::Method;
use lgsp_kernel::{Clock, Secret};
use lgsp_sandbox::{BusinessCredentials, Citizen, PopulationCredentials, Sandbox, SandboxConfig};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const POPULATION_SECRET: &str = "mediation-population-secret";
const BUSINESS_TOKEN: &str = "mediation-business-token";
/// For what takes a moment.
const PATIENCE: Duration = Duration::from_secs(20);

/// The node, its providers, and the Python of its callers.
pub struct World {
    pub node: Node,
    pub sandbox: Sandbox,
    pub provider: SocketAddr,
    pub python: PathBuf,
    process: Child,
}

/// The services that are declared by nothing but a WSDL: id and fixture.
pub const BY_WSDL: [(&str, &str); 5] = [
    ("organisations", "java/organisations.wsdl"),
    ("dossiers", "dotnet/HoSoService.wsdl"),
    ("registry", "rpc/registry.wsdl"),
    ("documents", "attachments/documents.wsdl"),
    ("citizens", "population/service037.wsdl"),
];

impl World {
    /// Starts the providers and a node that has no service but `echo` yet; none where there is no Python for the providers.
    pub async fn bare() -> Option<Self> {
        let python = python()?;
        let mut command = Command::new(&python);
        command.arg(Path::new(CLIENTS).join("provider.py")).arg(FIXTURES).stdout(Stdio::piped());
        let mut process = command.spawn().expect("python starts");
        let mut line = String::new();
        BufReader::new(process.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
        let port: u16 = line.trim().parse().expect("the provider says its port");
        let provider = SocketAddr::from(([127, 0, 0, 1], port));
        let sandbox = Sandbox::start(sandbox()).await.expect("the sandbox starts");
        let node = Node::set_up(provider);
        let files = node.folder.path();
        copy(Path::new(FIXTURES), &files.join("wsdl"));
        copy(Path::new(CLIENTS), &files.join("clients"));
        Some(Self { node, sandbox, provider, python, process })
    }

    /// The same, with all services declared and the node serving.
    pub async fn new() -> Option<Self> {
        let world = Self::bare().await?;
        std::fs::write(world.node.folder.path().join("services.yaml"), world.manifest()).expect("written");
        world.node.run(&["apply", "-f", "services.yaml", "--reason", "test"]);
        world.node.start(&[]).await;
        Some(world)
    }

    /// The address of a service's version on the node.
    pub fn address(&self, service: &str) -> String {
        format!("http://127.0.0.1:{}/{service}/1.0", self.node.port)
    }

    /// What all scripts are told.
    pub fn facts(&self) -> Value {
        let services: serde_json::Map<String, Value> = BY_WSDL
            .iter()
            .map(|(id, _)| *id)
            .chain(["dancu037", "business", "papers"])
            .map(|id| (id.to_owned(), json!(self.address(id))))
            .collect();
        let company = self.sandbox.company(0);
        json!({
            "key": API_KEY,
            "services": services,
            "citizens": [told(self.sandbox.citizen(0)), told(self.sandbox.citizen(1))],
            "company": { "code": company.tax_code, "name": company.name, "capital": company.capital.to_string() },
        })
    }

    /// What the providers in Python have seen, by service path: `requests` and `wrong`.
    pub async fn seen(&self) -> Value {
        let answer =
            self.node.call(Method::GET, "/echo/1.0/seen", Some(&self.node.token().await), Bytes::new()).await;
        serde_json::from_slice(&answer.expect("an answer").body).expect("JSON")
    }

    /// Not one request that reached a provider broke its schema, and there were some.
    pub async fn nothing_wrong_was_forwarded(&self) {
        let seen = self.seen().await;
        for (name, of) in seen.as_object().expect("an object") {
            assert_eq!(of["wrong"], json!([]), "{name}");
            assert!(of["requests"].as_u64() > Some(0), "{name}");
        }
    }

    fn manifest(&self) -> String {
        let (population, business, provider) =
            (self.sandbox.population_addr, self.sandbox.business_addr, self.provider);
        let mut text = format!(
            r#"services:
  - id: dancu037
    system: it-provider
    title: Population database, 037
    protocol: soap
    listed: true
    versions:
      - version: "1.0"
        lifecycle: published
        targets: [{{ url: "http://{population}/ws" }}]
        auth: {{ type: timestamp_hash, user: sotuphap, secret: {{ value: {POPULATION_SECRET} }}, auth_url: "http://dancu/auth" }}
        contract: {{ file: wsdl/population/service037.wsdl }}
        faces: [rest, soap]
        check: {{ requests: enforce, answers: enforce }}
        operations:
          - name: TraCuuThongTinCongDan
            method: GET
            path: "/citizens/{{id}}"
            bind: {{ id: /SoDinhDanh, name: /HoVaTen, born: /NgayThangNamSinh/NgayThangNam }}
            set: {{ /MaYeuCau: "{{exchange}}", /MaDVC: "{{dossier}}", /MaTichHop: "037", /MaCanBo: "{{officer}}" }}
            result: /CongDan/0
  - id: business
    system: it-provider
    title: Business registration
    protocol: rest
    versions:
      - version: "1.0"
        lifecycle: published
        targets: [{{ url: "http://{business}/apiCSDLDKDN/1.0" }}]
        auth: {{ type: bearer, token: {{ value: {BUSINESS_TOKEN} }} }}
        contract: {{ file: clients/business.yaml }}
        faces: [rest, soap]
  - id: papers
    system: it-provider
    title: Papers
    protocol: rest
    listed: true
    versions:
      - version: "1.0"
        lifecycle: published
        targets: [{{ url: "http://{provider}" }}]
        contract: {{ file: clients/papers.yaml }}
        faces: [rest, soap]
"#
        );
        for (id, file) in BY_WSDL {
            text += &format!(
                r#"  - id: {id}
    system: it-provider
    title: {id}
    protocol: soap
    listed: true
    versions:
      - version: "1.0"
        lifecycle: published
        targets: [{{ url: "http://{provider}/{file}" }}]
        contract: {{ file: wsdl/{file} }}
        faces: [rest, soap]
"#
            );
        }
        text += "grants:\n";
        for id in BY_WSDL.iter().map(|(id, _)| *id).chain(["dancu037", "business", "papers"]) {
            text += &format!(
                "  - {{ id: it-{id}, consumer: it-consumer, service: {id}, operations: [\"*\"], purpose: test, legal_basis: none }}\n"
            );
        }
        text
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        if std::thread::panicking() {
            eprintln!("--- what the node said:\n{}", self.node.log());
        }
    }
}

/// Waits until it is so.
pub async fn until(what: &str, mut so: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !so().await {
        assert!(begun.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn told(citizen: &Citizen) -> Value {
    json!({ "id": citizen.id, "name": citizen.name.full(), "born": citizen.birth_date() })
}

fn sandbox() -> SandboxConfig {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    SandboxConfig {
        seed: 7,
        population_addr: any,
        business_addr: any,
        citizens: 50,
        companies: 50,
        population: PopulationCredentials {
            user: "sotuphap".into(),
            secret: Secret::new(POPULATION_SECRET),
            auth_url: "http://dancu/auth".into(),
        },
        business: BusinessCredentials {
            client_id: "motcua".into(),
            client_secret: Secret::new("not-used-here"),
            bearer: Some(Secret::new(BUSINESS_TOKEN)),
        },
        clock: Clock::default(),
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy(&path, &target);
        } else {
            std::fs::copy(&path, &target).expect("copied");
        }
    }
}
