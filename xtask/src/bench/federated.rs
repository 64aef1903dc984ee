//! Two nodes of the same network of nodes beside two proxies with mutual TLS: caller, node `a`, node `b`, provider. Set up by the command
//! line as their operators would: a hub, two members that ask and are approved. Not here: one node by itself (`rows`).

use super::load::{self, Load, OTHER_CORE, PROXY_CORE, Run};
use super::node::{self, Node, SECRET, lgsp, write};
use super::table::{Goal, Table};
use super::{Options, median, peer};
use crate::process::{self, Outcome, Running};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Exchanges at one time on the way to a slow provider.
const CONCURRENT: u32 = 5000;
/// Room for them: at the target, and in connections between the nodes of 256 exchanges each.
const ROOM: &str = "[provider]\nallow = [\"127.0.0.0/8\"]\nexchanges = 8192\nidle_connections = 8192\n";

/// The network: a hub that nothing is asked of while measuring, and the two nodes.
struct Network {
    hub: Node,
    a: Node,
    b: Node,
}

/// Requests a second, latency and CPU time beside two nginx hops; memory while many exchanges wait for a slow provider.
pub fn rows(options: &Options, work: &Path, table: &mut Table) -> Outcome<()> {
    let names = ["federated-1k", "federated-1k-post", "federated-1k-message", "federated-1k-message-post"];
    if names.iter().any(|n| options.wants(n)) {
        throughput(options, work, table)?;
    }
    if options.wants("federated-5000-rss-mib") {
        concurrent(options, work, table)?;
    }
    if options.wants("directory-start-ms") {
        large_directory(options, work, table)?;
    }
    Ok(())
}

fn throughput(options: &Options, work: &Path, table: &mut Table) -> Outcome<()> {
    let provider = peer::provider(work)?;
    let hops = peer::two_hops(work, provider.port)?;
    let hop_pids = [hops[0].process.pid(), hops[1].process.pid()];
    let url = |port: u16, path: &str| format!("http://127.0.0.1:{port}/{path}");
    let nginx_url = url(hops[0].port, "json");
    let body = peer::json_1k();
    let network = Network::start(work, "federated", provider.port)?.reached()?;
    let headers = [format!("Authorization: Bearer {}", network.a.token()?)];
    let pids = [network.a.process.pid(), network.b.process.pid()];
    for (post, body) in [("", None), ("-post", Some(body.as_str()))] {
        let ways = [("group", "federated-1k", 0.4), ("message", "federated-1k-message", 0.3)]
            .map(|(mode, row, least)| (url(network.a.port, &format!("bench-{mode}/1.0/json")), row, least));
        let load =
            |url, headers, seconds| Load { url, headers, body, connections: options.connections, seconds };
        measure(&hop_pids, &load(&nginx_url, &[], 2), work)?;
        for (ours, ..) in &ways {
            measure(&pids, &load(ours, &headers, 2), work)?;
        }
        let (mut peers, mut ours) = (Vec::new(), ways.each_ref().map(|_| Vec::new()));
        for _ in 0..options.rounds {
            peers.push(measure(&hop_pids, &load(&nginx_url, &[], options.seconds), work)?);
            for (runs, (url, ..)) in ours.iter_mut().zip(&ways) {
                runs.push(measure(&pids, &load(url, &headers, options.seconds), work)?);
            }
        }
        for (runs, (_, row, least)) in ours.iter().zip(&ways) {
            add(table, &format!("{row}{post}"), runs, &peers, *least);
        }
    }
    Ok(())
}

fn add(table: &mut Table, row: &str, ours: &[(Run, f64)], peers: &[(Run, f64)], least: f64) {
    let of = |runs: &[(Run, f64)], f: fn(&(Run, f64)) -> f64| median(runs.iter().map(f).collect());
    let mut add = |name: &str, f: fn(&(Run, f64)) -> f64, unit, goal: &Goal| {
        table.add(&format!("{row}{name}"), of(ours, f), Some(of(peers, f)), unit, goal);
    };
    add("", |r| r.0.rate, "requests/s", &Goal::RatioAtLeast(least));
    add("-cpu-us", |r| r.1, "CPU us/request, both", &Goal::Shown);
    add("-p99-ms", |r| r.0.p99_ms, "ms", &Goal::Shown);
}

/// One run and the CPU time of both processes per request, microseconds.
fn measure(pids: &[u32; 2], load: &Load<'_>, work: &Path) -> Outcome<(Run, f64)> {
    let used = || pids.iter().map(|p| load::cpu_seconds(*p)).sum::<f64>();
    let before = used();
    let run = load::wrk(load, work)?;
    Ok((run, (used() - before) * 1e6 / run.requests))
}

/// Many exchanges that all wait for a provider that takes 200 ms.
fn concurrent(options: &Options, work: &Path, table: &mut Table) -> Outcome<()> {
    let tools = process::free_port()?;
    let _tools = Running::start(
        Command::new("taskset")
            .args(["-c", OTHER_CORE])
            .arg(process::release("bench-provider"))
            .arg(tools.to_string())
            .stdout(Stdio::null()),
    )?;
    peer::wait_for(tools)?;
    let network = Network::start(work, "concurrent", tools)?.reached()?;
    let headers = [format!("Authorization: Bearer {}", network.a.token()?)];
    let url = format!("http://127.0.0.1:{}/bench-group/1.0/slow?ms=200", network.a.port);
    let seconds = options.seconds.max(10);
    let load = Load { url: &url, headers: &headers, body: None, connections: CONCURRENT, seconds };
    load::wrk(&load, work)?;
    let highest = |n: &Node| load::memory_mib(n.process.pid(), "VmHWM");
    for (name, node) in [("a", &network.a), ("b", &network.b)] {
        table.add(&format!("federated-5000-rss-mib-{name}"), highest(node), None, "MiB", &Goal::Below(400.0));
    }
    Ok(())
}

/// A node that starts from its copy of a large directory, its hub away.
fn large_directory(options: &Options, work: &Path, table: &mut Table) -> Outcome<()> {
    let (members, services) = ("1000", "20000");
    let Network { hub, a, b } = Network::start(work, "directory", process::free_port()?)?;
    drop(b);
    let (folder, port) = (a.folder.clone(), a.port);
    drop(a);
    let data = hub.folder.join("data").display().to_string();
    process::run(Command::new(process::release("examples/large")).args(["fill", &data, members, services]))?;
    lgsp(&folder, &["directory", "update"])?;
    drop(hub);
    let mut times = Vec::new();
    for _ in 0..options.rounds {
        let node = Node::serve(folder.clone(), port, PROXY_CORE)?;
        times.push(node.answers_ms()?);
        let memory = load::memory_mib(node.process.pid(), "VmRSS");
        eprintln!("xtask: resident memory with it: {memory:.0} MiB");
    }
    table.add("directory-start-ms", median(times), None, "ms", &Goal::Below(2000.0));
    Ok(())
}

impl Network {
    /// Sets the three up and starts them: the two nodes on the core of what is measured.
    fn start(work: &Path, name: &str, provider: u16) -> Outcome<Self> {
        let folder = work.join(name);
        let (hub, public) = prepare(&folder, "hub")?;
        let begun = lgsp(&hub.folder, &["hub", "init", "--agency", "H01=Hub", "--root-dir", "."])?;
        let root = begun.split_once("--root-sha256 ").map(|(_, rest)| rest.trim().to_owned());
        let root = root.ok_or_else(|| format!("hub init printed something else:\n{begun}"))?;
        let running = Node::serve(hub.folder.clone(), hub.port, OTHER_CORE)?;
        peer::wait_for(public)?;
        let hub_url = format!("http://127.0.0.1:{public}");
        let mut members = Vec::new();
        for (name, agency) in [("b", "H03=Provider"), ("a", "H02=Consumer")] {
            let (member, _) = prepare(&folder, name)?;
            let join = ["node", "join", &hub_url, "--root-sha256", &root, "--no-wait", "--agency", agency];
            lgsp(&member.folder, &join)?;
            lgsp(&hub.folder, &["hub", "approve", name])?;
            lgsp(&member.folder, &["node", "join", "--no-wait"])?;
            write(&member.folder.join("manifests/bench.yaml"), &manifest(name, provider))?;
            lgsp(&member.folder, &["apply", "-f", "manifests", "--reason", "bench"])?;
            members.push(Node::serve(member.folder, member.port, PROXY_CORE)?);
        }
        let mut members = members.into_iter();
        match (members.next(), members.next()) {
            (Some(b), Some(a)) => Ok(Self { hub: running, a, b }),
            _ => Err("two members were asked for".into()),
        }
    }

    /// Waits until a call reaches the provider: the nodes learn of each other from the directory.
    fn reached(self) -> Outcome<Self> {
        let header = format!("Authorization: Bearer {}", self.a.token()?);
        let url = format!("http://127.0.0.1:{}/bench-group/1.0/json", self.a.port);
        let until = std::time::Instant::now() + std::time::Duration::from_secs(30);
        loop {
            let answer = process::output(Command::new("curl").args(["-sS", "-i", "-H", &header, &url]))?;
            if answer.starts_with("HTTP/1.1 200") {
                return Ok(self);
            }
            if std::time::Instant::now() > until {
                return Err(format!("no call from node to node:\n{answer}"));
            }
            std::thread::sleep(std::time::Duration::from_millis(200));
        }
    }
}

/// A node that does not run yet.
struct Prepared {
    folder: PathBuf,
    port: u16,
}

/// Writes a node's configuration and makes its keys and store. Also gives the port of its public listener.
fn prepare(folder: &Path, name: &str) -> Outcome<(Prepared, u16)> {
    let folder = folder.join(name);
    std::fs::create_dir_all(folder.join("manifests")).map_err(|e| format!("{}: {e}", folder.display()))?;
    let [port, admin, peer, public] =
        [process::free_port()?, process::free_port()?, process::free_port()?, process::free_port()?];
    let configuration = format!(
        "[node]\nname = \"{name}\"\ndata_dir = \"{}/data\"\n[listen]\nhttp = \"127.0.0.1:{port}\"\nadmin = \"127.0.0.1:{admin}\"\n\
         [peer]\nlisten = \"127.0.0.1:{peer}\"\nconnections = 32\n[public]\nlisten = \"127.0.0.1:{public}\"\n\
         [directory]\nrefresh = \"2s\"\n{ROOM}[telemetry]\nlevel = \"warn\"\n",
        folder.display()
    );
    write(&folder.join("lgsp.toml"), &configuration)?;
    lgsp(&folder, &["init"])?;
    Ok((Prepared { folder, port }, public))
}

/// What a node declares: `a` has the consumer and a way to `b` for each mode of signature, `b` has the provider.
fn manifest(node: &str, provider: u16) -> String {
    let agencies = "agencies:\n  - { code: H02, name: Consumer, kind: province }\n  - { code: H03, name: Provider, kind: province }\n";
    let provided = "  - { id: bench-provider, agency: H03, name: Provider }\n";
    if node == "b" {
        return format!(
            "{agencies}systems:\n{provided}  - {{ id: bench-consumer, agency: H02, name: Consumer, remote: {{ node: a, system: bench-consumer }} }}\n\
             services:\n{}grants:\n{}",
            node::service_over("bench", &format!("targets: [{{ url: \"http://127.0.0.1:{provider}\" }}]")),
            node::grant("bench", "bench"),
        );
    }
    let way = |mode: &str| {
        let leg = format!("routes: [{{ kind: peer, node: b, service: bench, mode: {mode} }}]");
        node::service_over(&format!("bench-{mode}"), &leg)
    };
    format!(
        "{agencies}systems:\n{provided}  - {{ id: bench-consumer, agency: H02, name: Consumer }}\n\
         credentials:\n  - {{ id: bench-client, system: bench-consumer, kind: client, secret: {{ value: {SECRET} }} }}\n\
         services:\n{}{}grants:\n{}{}",
        way("group"),
        way("message"),
        node::grant("bench-group", "bench-group"),
        node::grant("bench-message", "bench-message"),
    )
}
