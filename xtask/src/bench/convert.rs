//! A SOAP service called as REST, from its WSDL alone: messages converted and checked both ways, with token, grant and durable record. The peer is
//! nginx with a stylesheet over the answer. Not here: calls that pass through as they are (`rows`).

use super::citizens::{NAMESPACE, answer, envelope, said_as_json, same, update};
use super::load::{self, Load, OTHER_CORE, Run};
use super::node::{self, Node};
use super::rows::measure;
use super::table::{Goal, Table};
use super::{Options, median, peer};
use crate::process::{self, Outcome, Running};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Bytes of the messages that the rows are named after.
const SMALL: usize = 10 << 10;
/// Bytes of the large answers.
const LARGE: usize = 100 << 10;
/// Connections on messages of 10 KiB, and of plain calls.
const CONNECTIONS: u32 = 64;
/// Connections on answers of 100 KiB.
const MANY: u32 = 500;
/// Plain calls while others convert: each of the connections pauses this long between calls, so 2,000 a second. Not as many as the
/// node could take: on a full core latency would only say how the core is divided.
const PLAIN_PAUSE_MS: u32 = 32;
/// Connections of what goes on beside, and their pauses: 100 answers of 100 KiB a second, a third of the bytes that the goal of
/// `convert-10k` asks for.
const BESIDE: (u32, u32) = (16, 160);

/// Everything that runs while these rows are measured.
struct Stage {
    folder: PathBuf,
    provider: u16,
    node: Node,
    headers: [String; 1],
    _running: (Running, peer::Nginx),
}

/// Requests a second and CPU time in both directions; large answers on many connections; latency of plain calls beside.
pub fn rows(options: &Options, work: &Path, table: &mut Table) -> Outcome<()> {
    let (many, beside) = ("convert-100k-500", "convert-beside-plain-p99-ms");
    if !["convert-10k", "convert-10k-post", many, beside].iter().any(|r| options.wants(r)) {
        return Ok(());
    }
    let stage = Stage::set(work)?;
    let rate = if options.wants("convert-10k") || options.wants(many) {
        throughput(options, &stage, table)?
    } else {
        f64::NAN
    };
    if options.wants(many) {
        large(options, &stage, rate, table)?;
    }
    if options.wants(beside) {
        plain_beside(options, &stage, table)?;
    }
    Ok(())
}

/// Adds the rows of 10 KiB. Gives the answers' bytes of XML a second.
fn throughput(options: &Options, stage: &Stage, table: &mut Table) -> Outcome<f64> {
    let get = stage.url("congdan-10k/1.0/citizens/01");
    let nginx = match stage.xslt() {
        Ok(nginx) => Some(nginx),
        Err(e) => {
            eprintln!("xtask: no peer for convert-10k: {e}");
            None
        }
    };
    let nginx_url = nginx.as_ref().map(|n| format!("http://127.0.0.1:{}/", n.port));
    let expected = said_as_json(SMALL);
    same(&expected, &stage.curl(&get)?)?;
    if let Some(url) = &nginx_url {
        same(&expected, &stage.curl(url)?)?;
    }
    let (url, body) = (stage.url("congdan-post/1.0/citizens"), update(SMALL));
    stage.post(&url, &body)?;
    let (mut gets, mut posts, mut peers) = (Vec::new(), Vec::new(), Vec::new());
    let load = |url, headers, body, seconds| Load { url, headers, body, connections: CONNECTIONS, seconds };
    for round in 0..=options.rounds {
        // The round before the first warms both sides up and is not counted.
        let seconds = if round == 0 { 2 } else { options.seconds };
        let work = &stage.folder;
        let got = measure(&stage.node.process, &load(&get, &stage.headers, None, seconds), work)?;
        let posted = measure(&stage.node.process, &load(&url, &stage.headers, Some(&body), seconds), work)?;
        let peer = match (&nginx, &nginx_url) {
            (Some(n), Some(url)) => Some(measure(&n.process, &load(url, &[], None, seconds), work)?),
            _ => None,
        };
        if round > 0 {
            gets.push(got);
            posts.push(posted);
            peers.extend(peer);
        }
    }
    add(table, "convert-10k", &gets, &peers);
    add(table, "convert-10k-post", &posts, &[]);
    Ok(median(gets.iter().map(|r| r.0.rate).collect()) * answer(SMALL).len() as f64)
}

fn add(table: &mut Table, name: &str, ours: &[(Run, f64)], peers: &[(Run, f64)]) {
    let mut add = |row: &str, f: fn(&(Run, f64)) -> f64, unit, goal: &Goal| {
        let of = |runs: &[(Run, f64)]| median(runs.iter().map(f).collect());
        let peer = (!peers.is_empty()).then(|| of(peers));
        table.add(&format!("{name}{row}"), of(ours), peer, unit, goal);
    };
    add("", |r| r.0.rate, "requests/s", &Goal::AtLeast(3000.0));
    add("-cpu-us", |r| r.1, "CPU us/request", &Goal::Shown);
    add("-p99-ms", |r| r.0.p99_ms, "ms", &Goal::Shown);
}

/// Answers of 100 KiB on many connections, beside `small`, the bytes a second of answers of 10 KiB.
fn large(options: &Options, stage: &Stage, small: f64, table: &mut Table) -> Outcome<()> {
    let url = stage.url("congdan-100k/1.0/citizens/01");
    same(&said_as_json(LARGE), &stage.curl(&url)?)?;
    let (mut rates, mut latencies, mut errors) = (Vec::new(), Vec::new(), 0.0);
    for _ in 0..options.rounds {
        // At least ten seconds: that many connections on one core wait for each other for long.
        let seconds = options.seconds.max(10);
        let load = Load { url: &url, headers: &stage.headers, body: None, connections: MANY, seconds };
        let run = load::count(&load, 0, &stage.folder)?;
        rates.push(run.rate);
        latencies.push(run.p99_ms);
        errors += run.errors;
    }
    let bytes = median(rates) * answer(LARGE).len() as f64;
    let mib = |bytes: f64| bytes / f64::from(1 << 20);
    let unit = "MiB/s of XML (peer: convert-10k)";
    table.add("convert-100k-500", mib(bytes), Some(mib(small)), unit, &Goal::RatioAtLeast(0.9));
    table.add("convert-100k-500-errors", errors, None, "answers", &Goal::Zero);
    table.add("convert-100k-500-p99-ms", median(latencies), None, "ms", &Goal::Shown);
    Ok(())
}

/// The latency of plain calls while answers of 100 KiB are converted beside, and while the same answers pass through as they are.
fn plain_beside(options: &Options, stage: &Stage, table: &mut Table) -> Outcome<()> {
    let plain = stage.url("bench/1.0/json");
    let ways = ["congdan-100k/1.0/citizens/01", "plain/1.0/files/citizens-100k.xml"].map(|p| stage.url(p));
    let (mut latencies, mut rates) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
    for _ in 0..options.rounds {
        for (i, way) in ways.iter().enumerate() {
            let (light, heavy) = beside(stage, way, &plain, options.seconds)?;
            latencies[i].push(light.p99_ms);
            rates[i].push(heavy.rate);
        }
    }
    let ([converted, passed], unit) = (latencies.map(median), "ms (peer: passed through)");
    table.add("convert-beside-plain-p99-ms", converted, Some(passed), unit, &Goal::RatioAtMost(2.0));
    let ([converted, passed], unit) = (rates.map(median), "requests/s beside (peer: passed through)");
    table.add("convert-beside-rate", converted, Some(passed), unit, &Goal::RatioAtLeast(0.9));
    Ok(())
}

/// Plain calls while another load goes on, begun before them and two seconds longer. Gives what both saw.
fn beside(stage: &Stage, other: &str, plain: &str, seconds: u32) -> Outcome<(Run, Run)> {
    let headers = &stage.headers;
    let (connections, pause) = BESIDE;
    let heavy = Load { url: other, headers, body: None, connections, seconds: seconds + 2 };
    let light = Load { url: plain, headers, body: None, connections: CONNECTIONS, seconds };
    let (heavy, light) = std::thread::scope(|scope| {
        let heavy = scope.spawn(|| load::count(&heavy, pause, &stage.folder));
        std::thread::sleep(std::time::Duration::from_secs(1));
        let light = load::count(&light, PLAIN_PAUSE_MS, &stage.folder);
        (heavy.join(), light)
    });
    let (heavy, light) = (heavy.map_err(|_| "the load beside ended badly")??, light?);
    for (run, connections, pause) in [(&heavy, connections, pause), (&light, CONNECTIONS, PLAIN_PAUSE_MS)] {
        let meant = 1000.0 * f64::from(connections) / f64::from(pause);
        eprintln!("xtask: {:.0} of {meant:.0} requests/s, 99 % within {:.2} ms", run.rate, run.p99_ms);
        if run.errors > 0.0 {
            return Err(format!("{} errors in {} answers", run.errors, run.requests));
        }
    }
    Ok((light, heavy))
}

impl Stage {
    /// Writes the documents, starts the providers and the node.
    fn set(work: &Path) -> Outcome<Self> {
        let folder = work.join("convert");
        let files = folder.join("files");
        std::fs::create_dir_all(&files).map_err(|e| format!("{}: {e}", files.display()))?;
        node::write(&files.join("citizens-10k.xml"), &answer(SMALL))?;
        node::write(&files.join("citizens-100k.xml"), &answer(LARGE))?;
        let updated =
            format!("<CapNhatResponse xmlns=\"{NAMESPACE}\"><SoBanGhi>16</SoBanGhi></CapNhatResponse>");
        node::write(&files.join("updated.xml"), &envelope(&updated))?;
        let provider = process::free_port()?;
        let running = Running::start(
            Command::new("taskset")
                .args(["-c", OTHER_CORE])
                .arg(process::release("bench-provider"))
                .arg(provider.to_string())
                .arg(&files)
                .stdout(Stdio::null()),
        )?;
        peer::wait_for(provider)?;
        let plain = peer::provider(&folder)?;
        let wsdl = fixture("citizens.wsdl");
        let wsdl = std::fs::read_to_string(&wsdl).map_err(|e| format!("{}: {e}", wsdl.display()))?;
        let declared = manifest(provider, plain.port);
        let (node, _) =
            Node::declared(&folder, "node", &[("bench.yaml", &declared), ("citizens.wsdl", &wsdl)])?;
        let headers = [format!("Authorization: Bearer {}", node.token()?)];
        Ok(Self { folder, provider, node, headers, _running: (running, plain) })
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.node.port)
    }

    /// The peer: the same call to the same provider, the answer as the same JSON.
    fn xslt(&self) -> Outcome<peer::Nginx> {
        let asked = envelope(&format!("<TraCuu xmlns=\"{NAMESPACE}\"><MaTinh>01</MaTinh></TraCuu>"));
        peer::xslt(&self.folder, self.provider, "citizens-10k.xml", &asked, &fixture("citizens.xsl"))
    }

    /// What one call answers.
    fn curl(&self, url: &str) -> Outcome<String> {
        let out = process::output(Command::new("curl").args(["-sS", "-i", "-H", &self.headers[0], url]))?;
        match out.split_once("\r\n\r\n") {
            Some((head, body)) if head.starts_with("HTTP/1.1 200") => Ok(body.to_owned()),
            _ => Err(format!("{url} answered:\n{out}")),
        }
    }

    /// Posts JSON once.
    fn post(&self, url: &str, body: &str) -> Outcome<()> {
        let file = self.folder.join("update.json");
        node::write(&file, body)?;
        let data = format!("@{}", file.display());
        let mut command = Command::new("curl");
        command.args(["-sS", "-H", &self.headers[0], "-H", "Content-Type: application/json"]);
        let out = process::output(command.args(["--data-binary", &data, url]))?;
        same("{\"SoBanGhi\":16}", &out)
    }
}

/// A file that is kept with the bench.
fn fixture(name: &str) -> PathBuf {
    process::root().join("bench/convert").join(name)
}

/// The WSDL's service at three addresses, one a document that it answers; plain calls; the large document as it is.
fn manifest(provider: u16, plain: u16) -> String {
    let (mut services, mut grants) = (String::new(), String::new());
    for (id, file) in
        [("congdan-10k", "citizens-10k"), ("congdan-100k", "citizens-100k"), ("congdan-post", "updated")]
    {
        let _ = write!(
            services,
            "  - id: {id}\n    system: bench-provider\n    title: Bench\n    protocol: soap\n    versions:\n      - version: \"1.0\"\n        \
             lifecycle: published\n        targets: [{{ url: \"http://127.0.0.1:{provider}/files/{file}.xml\" }}]\n        \
             contract: {{ file: citizens.wsdl }}\n        faces: [soap, rest]\n        check: {{ requests: enforce, answers: enforce }}\n        operations:\n          \
             - {{ name: TraCuu, method: GET, path: \"/citizens/{{province}}\", bind: {{ province: /MaTinh }}, idempotent: true }}\n          \
             - {{ name: CapNhat, method: POST, path: /citizens }}\n"
        );
        grants.push_str(&node::grant(id, id));
    }
    for (id, port) in [("bench", plain), ("plain", provider)] {
        let way = format!("targets: [{{ url: \"http://127.0.0.1:{port}\" }}]");
        services.push_str(&node::service_over(id, &way));
        grants.push_str(&node::grant(id, id));
    }
    node::declarations(&services, &grants)
}
