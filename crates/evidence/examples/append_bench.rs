//! How many records a second the log makes durable, and what CPU time one costs. On the disk under the given folder.
//! `cargo run --release -p lgsp-evidence --example append_bench -- <folder> [records] [waiting] [record bytes] [gather us]`

use lgsp_evidence::{Draft, Log, LogConfig, LogKey, Ticket};
use lgsp_kernel::{Clock, ExchangeId};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

fn cpu() -> Duration {
    let t = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(t.tv_sec.unsigned_abs(), u32::try_from(t.tv_nsec).unwrap_or(0))
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |i: usize, default: u64| arguments.get(i).and_then(|a| a.parse().ok()).unwrap_or(default);
    let folder = arguments.first().map_or("append-bench", String::as_str);
    let (records, waiting) = (number(1, 200_000), number(2, 256) as usize);
    let (bytes, gather) = (number(3, 900) as usize, Duration::from_micros(number(4, 1000)));
    let cfg = LogConfig { gather, disk_reserve_bytes: 0, ..LogConfig::new(folder, "bench") };
    let clock = Clock::System;
    let log = Log::open(cfg, LogKey::for_node("bench", [1; 32]), clock.clone()).expect("the log opens");
    let record = bytes::Bytes::from(vec![b'x'; bytes]);
    let mut queue: VecDeque<(Instant, Ticket)> = VecDeque::new();
    let mut latencies = Vec::new();
    let (begun, cpu_begun) = (Instant::now(), cpu());
    for n in 0..records {
        while queue.len() >= waiting {
            let Some((at, ticket)) = queue.pop_front() else { break };
            ticket.wait().expect("recorded");
            latencies.push(at.elapsed());
        }
        let mut random = [0; 10];
        random[2..].copy_from_slice(&n.to_be_bytes());
        let id = ExchangeId::at(clock.now(), random);
        let ticket = log.append(Draft::of(Some(id), record.clone())).expect("accepted");
        queue.push_back((Instant::now(), ticket));
    }
    for (at, ticket) in queue {
        ticket.wait().expect("recorded");
        latencies.push(at.elapsed());
    }
    let (took, used) = (begun.elapsed(), cpu() - cpu_begun);
    latencies.sort();
    let at = |q: f64| latencies[((latencies.len() - 1) as f64 * q) as usize].as_secs_f64() * 1e3;
    let s = log.state();
    println!(
        "{records} records of {bytes} bytes, {waiting} waiting, gather {gather:?}: {:.0} records/s, {:.2} us CPU a record, {:.0} records a group, \
         p50 {:.2} ms, p99 {:.2} ms, last sync {:.2} ms",
        records as f64 / took.as_secs_f64(),
        used.as_secs_f64() * 1e6 / records as f64,
        s.records as f64 / s.groups as f64,
        at(0.5),
        at(0.99),
        s.last_sync_ms
    );
}
