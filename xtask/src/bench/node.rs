//! Our side: a node set up by the command line as an operator would, in its default evidence mode.

use super::load::PROXY_CORE;
use super::peer::wait_for;
use crate::process::{self, Outcome, Running};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The secret of the measuring system; it guards nothing.
pub const SECRET: &str = "bench-secret-0123456789";

/// A running node.
pub struct Node {
    /// Its process.
    pub process: Running,
    /// The port of its front door.
    pub port: u16,
    /// From the start of the process to its port accepting, milliseconds.
    pub start_ms: f64,
    /// Where it lives.
    pub folder: PathBuf,
    began: Instant,
}

impl Node {
    /// Sets a node up with the services of the bench, declared over `extra` more services and grants, and starts it on one core.
    /// Also gives the seconds that declaring took.
    pub fn start(work: &Path, name: &str, provider: u16, tools: u16, extra: Scale) -> Outcome<(Self, f64)> {
        let bench = manifest(provider, tools);
        if extra.services == 0 {
            return Self::declared(work, name, &[("bench.yaml", &bench)]);
        }
        let scale = scale_manifest(provider, extra);
        Self::declared(work, name, &[("bench.yaml", &bench), ("scale.yaml", &scale)])
    }

    /// Sets a node up with these files as its declarations, and starts it on one core. Also gives the seconds that declaring took.
    pub fn declared(work: &Path, name: &str, files: &[(&str, &str)]) -> Outcome<(Self, f64)> {
        let folder = work.join(name);
        std::fs::create_dir_all(folder.join("manifests"))
            .map_err(|e| format!("{}: {e}", folder.display()))?;
        let (port, admin) = (process::free_port()?, process::free_port()?);
        let configuration = format!(
            "[node]\nname = \"bench\"\ndata_dir = \"{}/data\"\n[listen]\nhttp = \"127.0.0.1:{port}\"\nadmin = \"127.0.0.1:{admin}\"\n\
             [provider]\nallow = [\"127.0.0.0/8\"]\n[telemetry]\nlevel = \"warn\"\n",
            folder.display()
        );
        write(&folder.join("lgsp.toml"), &configuration)?;
        for (file, text) in files {
            write(&folder.join("manifests").join(file), text)?;
        }
        lgsp(&folder, &["init"])?;
        let began = Instant::now();
        lgsp(&folder, &["apply", "-f", "manifests", "--reason", "bench"])?;
        let apply_seconds = began.elapsed().as_secs_f64();
        Ok((Self::serve(folder, port, PROXY_CORE)?, apply_seconds))
    }

    /// Starts a node that was prepared in this folder, on one core.
    pub fn serve(folder: PathBuf, port: u16, core: &str) -> Outcome<Self> {
        let began = Instant::now();
        let process = Running::start(
            Command::new("taskset")
                .args(["-c", core])
                .arg(program())
                .args(["serve", "-c", "lgsp.toml"])
                .current_dir(&folder)
                .stdout(Stdio::null())
                .stderr(std::fs::File::create(folder.join("log")).map_err(|e| e.to_string())?),
        )?;
        wait_for(port)?;
        Ok(Self { process, port, start_ms: began.elapsed().as_secs_f64() * 1000.0, folder, began })
    }

    /// From the start of the process to the first answer, milliseconds; to be asked at once.
    pub fn answers_ms(&self) -> Outcome<f64> {
        let url = format!("http://127.0.0.1:{}/health/live", self.port);
        process::output(Command::new("curl").args(["-sSf", "-o", "/dev/null", &url]))?;
        Ok(self.began.elapsed().as_secs_f64() * 1000.0)
    }

    /// An access token of the measuring system.
    pub fn token(&self) -> Outcome<String> {
        let url = format!("http://127.0.0.1:{}/token", self.port);
        let out = process::output(Command::new("curl").args([
            "-sSf",
            "-u",
            &format!("bench-client:{SECRET}"),
            "-d",
            "grant_type=client_credentials",
            &url,
        ]))?;
        let answer: serde_json::Value = serde_json::from_str(&out).map_err(|e| format!("/token: {e}"))?;
        answer["access_token"].as_str().map(str::to_owned).ok_or_else(|| format!("/token answered {out}"))
    }

    /// From declaring one more service and grant until a call through it succeeds, milliseconds.
    pub fn change_takes_effect_ms(&self, provider: u16, token: &str) -> Outcome<f64> {
        let file = self.folder.join("change.yaml");
        write(&file, &one_more(provider))?;
        lgsp(&self.folder, &["apply", "-f", "change.yaml", "--reason", "bench"])?;
        let began = Instant::now();
        let url = format!("http://127.0.0.1:{}/one-more/1.0/json", self.port);
        let header = format!("Authorization: Bearer {token}");
        while began.elapsed() < Duration::from_secs(20) {
            let status = process::output(Command::new("curl").args([
                "-s",
                "-o",
                "/dev/null",
                "-w",
                "%{http_code}",
                "-H",
                &header,
                &url,
            ]))?;
            if status == "200" {
                return Ok(began.elapsed().as_secs_f64() * 1000.0);
            }
        }
        Err("a change did not take effect within 20 s".into())
    }
}

/// How many services and grants beside those of the bench.
#[derive(Clone, Copy)]
pub struct Scale {
    /// Services.
    pub services: usize,
    /// Grants.
    pub grants: usize,
}

/// The release program, or the one that `LGSP_BENCH_PROGRAM` names.
fn program() -> PathBuf {
    std::env::var_os("LGSP_BENCH_PROGRAM").map_or_else(|| process::release("lgsp"), PathBuf::from)
}

/// Runs a command of the program for the node in a folder; gives what it printed.
pub fn lgsp(folder: &Path, arguments: &[&str]) -> Outcome<String> {
    let config = folder.join("lgsp.toml");
    let out = Command::new(program())
        .args(arguments)
        .arg("-c")
        .arg(config)
        .current_dir(folder)
        .output()
        .map_err(|e| format!("{}: {e}", program().display()))?;
    if out.status.success() {
        return Ok(String::from_utf8_lossy(&out.stdout).into_owned());
    }
    Err(format!("lgsp {}: {}", arguments.join(" "), String::from_utf8_lossy(&out.stderr)))
}

/// Writes a file.
pub fn write(path: &Path, text: &str) -> Outcome<()> {
    std::fs::write(path, text).map_err(|e| format!("{}: {e}", path.display()))
}

fn manifest(provider: u16, tools: u16) -> String {
    declarations(
        &[service("bench", provider), service("tools", tools)].concat(),
        &[grant("bench-json", "bench"), grant("bench-tools", "tools")].concat(),
    )
}

/// These services and grants, with the agency, systems and credential that they name.
pub fn declarations(services: &str, grants: &str) -> String {
    format!(
        "agencies:\n  - {{ code: H99, name: Bench, kind: province, aliases: [000.00.00.H99] }}\n\
         systems:\n  - {{ id: bench-provider, agency: H99, name: Provider }}\n  - {{ id: bench-consumer, agency: H99, name: Consumer }}\n\
         credentials:\n  - {{ id: bench-client, system: bench-consumer, kind: client, secret: {{ value: {SECRET} }} }}\n\
         services:\n{services}grants:\n{grants}"
    )
}

fn service(id: &str, port: u16) -> String {
    service_over(id, &format!("targets: [{{ url: \"http://127.0.0.1:{port}\" }}]"))
}

/// A service that is reached as this line of YAML says.
pub fn service_over(id: &str, way: &str) -> String {
    format!(
        "  - id: {id}\n    system: bench-provider\n    title: Bench\n    protocol: rest\n    versions:\n      - version: \"1.0\"\n        lifecycle: published\n        \
         {way}\n        operations:\n          - {{ name: get, method: GET, path: \"/{{rest*}}\" }}\n          \
         - {{ name: post, method: POST, path: \"/{{rest*}}\" }}\n          - {{ name: put, method: PUT, path: \"/{{rest*}}\" }}\n"
    )
}

/// A grant of everything in a service to the measuring system, without limits that would be met.
pub fn grant(id: &str, service: &str) -> String {
    format!(
        "  - id: {id}\n    consumer: bench-consumer\n    service: {service}\n    operations: [\"*\"]\n    purpose: measuring\n    legal_basis: none\n    \
         rate: {{ per_second: 1000000, burst: 1000000 }}\n    daily_quota: 1000000000\n"
    )
}

fn scale_manifest(provider: u16, scale: Scale) -> String {
    let mut text = String::from("systems:\n");
    let consumers = (scale.grants / scale.services).max(1);
    for c in 0..consumers {
        let _ = writeln!(text, "  - {{ id: consumer-{c}, agency: H99, name: Consumer {c} }}");
    }
    text.push_str("services:\n");
    for s in 0..scale.services {
        text.push_str(&service(&format!("service-{s}"), provider));
    }
    text.push_str("grants:\n");
    for s in 0..scale.services {
        for c in 0..consumers {
            let _ = writeln!(
                text,
                "  - {{ id: g-{s}-{c}, consumer: consumer-{c}, service: service-{s}, operations: [get], purpose: measuring, legal_basis: none }}"
            );
        }
    }
    text
}

fn one_more(provider: u16) -> String {
    format!("services:\n{}grants:\n{}", service("one-more", provider), grant("bench-one-more", "one-more"))
}
