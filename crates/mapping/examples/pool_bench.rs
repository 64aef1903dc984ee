//! What the pool can do with a message of about 10 KiB: processor time a message, of this process and its workers, and messages a
//! second. Arguments: seconds, calls at the same time. Run with `mapping_worker` built beside it, both in release. The former holds on a
//! machine that does other things too.
#![allow(clippy::unwrap_used)]

use bytes::Bytes;
use lgsp_mapping::{CallVars, Limits, Mapping, Pool, PoolConfig, Tables};
use std::time::{Duration, Instant};

const TEXT: &str = r#"{ma: .so, nguoi: [.citizens[] | {
    ngaySinh: (.dob | date_from("dd/MM/yyyy")), gioiTinh: (.sex | code("gioi-tinh")), hoTen: .name, tien: .amount, diaChi: .address
}]}"#;

/// User and system time of this process and its children that live, in ticks of 10 ms; proc(5).
fn ticks() -> (u64, u64) {
    let of = |pid: &str| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
        fields.split_whitespace().skip(11).take(2).filter_map(|t| t.parse::<u64>().ok()).sum::<u64>()
    };
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let children = tasks.flat_map(|task| {
        let list = std::fs::read_to_string(task.unwrap().path().join("children")).unwrap_or_default();
        list.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    });
    (of("self"), children.map(|pid| of(&pid)).sum())
}

#[tokio::main]
async fn main() {
    let mut args = std::env::args().skip(1).map(|a| a.parse::<u64>().unwrap());
    let (seconds, at_once) = (args.next().unwrap_or(5), args.next().unwrap_or(8));
    let mut tables = Tables::default();
    tables.add_csv("gioi-tinh", "1,M\n2,F").unwrap();
    let person = r#"{"dob":"31/12/1980","sex":1,"name":"Nguyễn Thị Minh Khai","amount":123456.50,"address":"12 Lê Lợi, Huế"}"#;
    let people = vec![person; 10 * 1024 / person.len()].join(",");
    let input = Bytes::from(format!("{{\"so\":\"A1\",\"citizens\":[{people}]}}"));
    let worker = std::env::current_exe().unwrap().with_file_name("mapping_worker");
    let limits = Limits { time: Duration::from_secs(10), ..Limits::default() };
    let pool = Pool::new(PoolConfig { command: Some((worker, Vec::new())), limits, ..PoolConfig::default() });
    for (name, text) in [("identity", "."), ("restructured", TEXT)] {
        let mapping = Mapping::compile("bench.jq", text, tables.clone()).unwrap();
        let far = || tokio::time::Instant::now() + Duration::from_secs(600);
        pool.run(&mapping, input.clone(), &CallVars::default(), far()).await.unwrap();
        let (start, before) = (Instant::now(), ticks());
        let end = start + Duration::from_secs(seconds);
        let tasks: Vec<_> = (0..at_once)
            .map(|_| {
                let (pool, mapping, input) = (pool.clone(), mapping.clone(), input.clone());
                tokio::spawn(async move {
                    let mut count = 0_u64;
                    while Instant::now() < end {
                        pool.run(&mapping, input.clone(), &CallVars::default(), far()).await.unwrap();
                        count += 1;
                    }
                    count
                })
            })
            .collect();
        let mut total = 0;
        for task in tasks {
            total += task.await.unwrap();
        }
        let (rate, after) = (total as f64 / start.elapsed().as_secs_f64(), ticks());
        let each = |ticks: u64| ticks as f64 * 10_000.0 / total as f64;
        println!(
            "{name}: {} bytes in, {total} messages, {:.0} us here and {:.0} us in workers each, {rate:.0}/s with {at_once} at once, {:?}",
            input.len(),
            each(after.0 - before.0),
            each(after.1 - before.1),
            pool.counts()
        );
    }
}
