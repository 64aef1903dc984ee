//! What is measured, row by row.

use super::load::{self, Load, Run};
use super::node::{Node, Scale};
use super::table::{Goal, Table};
use super::{Options, median, peer};
use crate::process::{self, Outcome, Running};
use std::path::Path;
use std::process::{Command, Stdio};

/// The bench's declarations alone.
const SMALL: Scale = Scale { services: 0, grants: 0 };
/// A nation's.
const LARGE: Scale = Scale { services: 10_000, grants: 100_000 };

/// Requests a second, latency and CPU time beside nginx as a plain proxy.
pub fn throughput(options: &Options, work: &Path, table: &mut Table) -> Outcome<()> {
    if !options.wants("gateway-rest-1k") {
        return Ok(());
    }
    let provider = peer::provider(work)?;
    let nginx = peer::proxy(work, provider.port)?;
    let (node, _) = Node::start(work, "node", provider.port, provider.port, SMALL)?;
    let headers = [format!("Authorization: Bearer {}", node.token()?)];
    let body = peer::json_1k();
    for (suffix, body, least) in [("", None, 0.5), ("-post", Some(body.as_str()), 0.4)] {
        let (ours_url, peer_url) = (
            format!("http://127.0.0.1:{}/bench/1.0/json", node.port),
            format!("http://127.0.0.1:{}/json", nginx.port),
        );
        let load =
            |url, headers, seconds| Load { url, headers, body, connections: options.connections, seconds };
        let (mut ours, mut peers) = (Vec::new(), Vec::new());
        measure(&node.process, &load(&ours_url, &headers, 2), work)?;
        measure(&nginx.process, &load(&peer_url, &[], 2), work)?;
        for _ in 0..options.rounds {
            ours.push(measure(&node.process, &load(&ours_url, &headers, options.seconds), work)?);
            peers.push(measure(&nginx.process, &load(&peer_url, &[], options.seconds), work)?);
        }
        let of = |runs: &[(Run, f64)], f: fn(&(Run, f64)) -> f64| median(runs.iter().map(f).collect());
        let name = format!("gateway-rest-1k{suffix}");
        let rate = |r: &(Run, f64)| r.0.rate;
        table.add(&name, of(&ours, rate), Some(of(&peers, rate)), "requests/s", &Goal::RatioAtLeast(least));
        let cpu = |r: &(Run, f64)| r.1;
        let row = format!("{name}-cpu-us");
        table.add(&row, of(&ours, cpu), Some(of(&peers, cpu)), "CPU us/request", &Goal::RatioAtMost(2.0));
        let p99 = |r: &(Run, f64)| r.0.p99_ms;
        table.add(&format!("{name}-p99-ms"), of(&ours, p99), Some(of(&peers, p99)), "ms", &Goal::Below(40.0));
    }
    Ok(())
}

/// One run and the CPU time of the process per request, microseconds.
pub fn measure(process: &Running, load: &Load<'_>, work: &Path) -> Outcome<(Run, f64)> {
    let before = load::cpu_seconds(process.pid());
    let run = load::wrk(load, work)?;
    Ok((run, (load::cpu_seconds(process.pid()) - before) * 1e6 / run.requests))
}

/// Memory: idle, under a thousand connections, and while a large body passes each way. Start time.
pub fn memory(options: &Options, work: &Path, table: &mut Table) -> Outcome<()> {
    if !["idle-rss-mib", "start-ms", "busy-1000-rss-mib", "body-1gib-growth-mib"]
        .iter()
        .any(|r| options.wants(r))
    {
        return Ok(());
    }
    let tools = process::free_port()?;
    let _tools = Running::start(
        Command::new("taskset")
            .args(["-c", load::OTHER_CORE])
            .arg(process::release("bench-provider"))
            .arg(tools.to_string())
            .stdout(Stdio::null()),
    )?;
    peer::wait_for(tools)?;
    let (node, _) = Node::start(work, "memory", tools, tools, SMALL)?;
    let pid = node.process.pid();
    table.add("start-ms", node.start_ms, None, "ms", &Goal::Below(1000.0));
    std::thread::sleep(std::time::Duration::from_secs(2));
    table.add("idle-rss-mib", load::memory_mib(pid, "VmRSS"), None, "MiB", &Goal::Below(60.0));
    let token = node.token()?;
    let header = format!("Authorization: Bearer {token}");
    let url = |path: &str| format!("http://127.0.0.1:{}/tools/1.0{path}", node.port);
    let before = load::memory_mib(pid, "VmHWM");
    let curl = |arguments: &[&str]| {
        process::run(
            Command::new("curl")
                .args(["-sSf", "-o", "/dev/null", "-H", &header])
                .args(arguments)
                .stdout(Stdio::null()),
        )
    };
    let gib = work.join("gib");
    process::run(Command::new("truncate").args(["-s", "1G"]).arg(&gib))?;
    curl(&["-T", &gib.display().to_string(), "-X", "PUT", &url("/upload")])?;
    curl(&[&url("/download?bytes=1073741824")])?;
    let growth = load::memory_mib(pid, "VmHWM") - before;
    table.add("body-1gib-growth-mib", growth, None, "MiB", &Goal::Below(50.0));
    let slow = url("/slow?ms=50");
    let headers = [header.clone()];
    load::wrk(
        &Load { url: &slow, headers: &headers, body: None, connections: 1000, seconds: options.seconds },
        work,
    )?;
    table.add("busy-1000-rss-mib", load::memory_mib(pid, "VmHWM"), None, "MiB", &Goal::Below(200.0));
    Ok(())
}

/// Ten thousand services and a hundred thousand grants beside the small registry.
pub fn large_registry(options: &Options, work: &Path, table: &mut Table) -> Outcome<()> {
    if !options.wants("large-registry") {
        return Ok(());
    }
    let provider = peer::provider(work)?;
    let (small, _) = Node::start(work, "small", provider.port, provider.port, SMALL)?;
    let (large, apply_seconds) = Node::start(work, "large", provider.port, provider.port, LARGE)?;
    table.add("large-registry-apply-s", apply_seconds, None, "s", &Goal::Below(60.0));
    let tokens = [small.token()?, large.token()?];
    let mut rates = [Vec::new(), Vec::new()];
    for _ in 0..options.rounds {
        for (i, node) in [&small, &large].into_iter().enumerate() {
            let url = format!("http://127.0.0.1:{}/bench/1.0/json", node.port);
            let headers = [format!("Authorization: Bearer {}", tokens[i])];
            let load = Load {
                url: &url,
                headers: &headers,
                body: None,
                connections: options.connections,
                seconds: options.seconds,
            };
            rates[i].push(load::wrk(&load, work)?.rate);
        }
    }
    let [small_rate, large_rate] = rates.map(median);
    table.add(
        "large-registry-call-rate",
        large_rate,
        Some(small_rate),
        "requests/s (peer: ten services)",
        &Goal::RatioAtLeast(0.95),
    );
    let effect = large.change_takes_effect_ms(provider.port, &tokens[1])?;
    table.add("large-registry-change-ms", effect, None, "ms", &Goal::Below(1000.0));
    table.add(
        "large-registry-rss-mib",
        load::memory_mib(large.process.pid(), "VmRSS"),
        None,
        "MiB",
        &Goal::Below(1000.0),
    );
    Ok(())
}
