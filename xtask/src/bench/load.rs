//! The load generator (wrk, on the second core) and what the kernel says a process has used.

use crate::process::{self, Outcome};
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

/// The core of the proxy under test.
pub const PROXY_CORE: &str = "0";
/// The core of the load generator and the provider.
pub const OTHER_CORE: &str = "1";

/// What one run of the load generator saw.
#[derive(Debug, Clone, Copy)]
pub struct Run {
    /// Requests a second.
    pub rate: f64,
    /// 99th percentile of latency, milliseconds.
    pub p99_ms: f64,
    /// Requests answered.
    pub requests: f64,
    /// Answers other than 2xx and 3xx, and connections that failed or waited longer than [`TIMEOUT_S`].
    pub errors: f64,
}

/// How long an answer may take before it counts as an error, seconds.
const TIMEOUT_S: u32 = 10;

/// One request, repeated.
pub struct Load<'a> {
    /// `http://...`.
    pub url: &'a str,
    /// Header lines.
    pub headers: &'a [String],
    /// A body makes it a POST.
    pub body: Option<&'a str>,
    /// Connections.
    pub connections: u32,
    /// Seconds.
    pub seconds: u32,
}

/// Runs the load; answers other than 2xx or 3xx, and broken connections, are an error.
pub fn wrk(load: &Load<'_>, work: &Path) -> Outcome<Run> {
    let run = count(load, 0, work)?;
    if run.errors > 0.0 {
        return Err(format!("{} under load: {} errors in {} answers", load.url, run.errors, run.requests));
    }
    Ok(run)
}

/// Runs the load and counts errors. Each connection pauses before a request, this long on average, so that the rate is `connections / pause`
/// as long as answers are fast beside it; pauses vary, or all connections would ask at the same moment.
pub fn count(load: &Load<'_>, pause_ms: u32, work: &Path) -> Outcome<Run> {
    let mut command = Command::new("taskset");
    command.args(["-c", OTHER_CORE, "wrk", "-t1", "--latency"]).arg(format!("--timeout={TIMEOUT_S}s"));
    command.arg(format!("-c{}", load.connections)).arg(format!("-d{}s", load.seconds));
    for header in load.headers {
        command.args(["-H", header]);
    }
    let mut text = String::new();
    if let Some(body) = load.body {
        text = format!(
            "wrk.method = 'POST'\nwrk.body = [==[{body}]==]\nwrk.headers['Content-Type'] = 'application/json'\n"
        );
    }
    if pause_ms > 0 {
        let _ = writeln!(text, "function delay() return math.random(0, {}) end", 2 * pause_ms);
    }
    if !text.is_empty() {
        let script = work.join(format!("wrk-{}-{pause_ms}.lua", load.connections));
        std::fs::write(&script, text).map_err(|e| format!("{}: {e}", script.display()))?;
        command.arg("-s").arg(script);
    }
    read(&process::output(command.arg(load.url))?)
}

/// What wrk printed.
fn read(out: &str) -> Outcome<Run> {
    let after = |label: &str| out.lines().find_map(|l| l.trim().strip_prefix(label)).map(str::trim);
    let rate = after("Requests/sec:").and_then(|v| v.parse().ok());
    let p99 = after("99%").and_then(milliseconds);
    let requests =
        out.lines().find_map(|l| l.trim().split_once(" requests in ")).and_then(|(n, _)| n.parse().ok());
    // "Socket errors: connect 0, read 3, write 0, timeout 12" and "Non-2xx or 3xx responses: 5".
    let numbers = |text: &str| text.split([' ', ',']).filter_map(|w| w.parse::<f64>().ok()).sum::<f64>();
    let errors = after("Socket errors:").map_or(0.0, numbers)
        + after("Non-2xx or 3xx responses:").map_or(0.0, numbers);
    match (rate, p99, requests) {
        (Some(rate), Some(p99_ms), Some(requests)) => Ok(Run { rate, p99_ms, requests, errors }),
        _ => Err(format!("wrk printed something else:\n{out}")),
    }
}

fn milliseconds(text: &str) -> Option<f64> {
    for (unit, factor) in [("us", 0.001), ("ms", 1.0), ("s", 1000.0), ("m", 60_000.0)] {
        if let Some(number) = text.strip_suffix(unit).and_then(|n| n.parse::<f64>().ok()) {
            return Some(number * factor);
        }
    }
    None
}

/// CPU time of a process and its children that are alive, seconds.
pub fn cpu_seconds(pid: u32) -> f64 {
    let own = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok().and_then(|stat| {
        let rest: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let ticks: f64 = rest.get(11)?.parse::<f64>().ok()? + rest.get(12)?.parse::<f64>().ok()?;
        Some(ticks / 100.0)
    });
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    own.unwrap_or(0.0)
        + children.split_whitespace().filter_map(|c| c.parse().ok()).map(cpu_seconds).sum::<f64>()
}

/// Resident memory of a process, MiB: `VmRSS` now, or `VmHWM`, its highest.
pub fn memory_mib(pid: u32, field: &str) -> f64 {
    std::fs::read_to_string(format!("/proc/{pid}/status"))
        .ok()
        .and_then(|s| {
            let line = s.lines().find(|l| l.starts_with(field))?.to_owned();
            line.split_whitespace().nth(1)?.parse::<f64>().ok()
        })
        .map_or(f64::NAN, |kib| kib / 1024.0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    #[test]
    fn errors_of_all_kinds_are_added() {
        let run = super::read(
            "    99%    1.25s \n  5027 requests in 10.06s, 50.00MB read\n  Socket errors: connect 1, read 2, write 0, timeout 30\n  \
             Non-2xx or 3xx responses: 400\nRequests/sec:    499.70\nTransfer/sec:      5.00MB\n",
        )
        .unwrap();
        assert_eq!((run.errors, run.p99_ms, run.requests, run.rate), (433.0, 1250.0, 5027.0, 499.7));
    }
}
