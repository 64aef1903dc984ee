//! Messages a second of the pool, for a message of about 10 KiB; arguments: seconds, calls at the same time. Run with `mapping_worker`
//! built beside it, both in release.
#![allow(clippy::unwrap_used)]

use bytes::Bytes;
use lgsp_mapping::{CallVars, Mapping, Pool, PoolConfig, Tables};
use std::time::{Duration, Instant};

const TEXT: &str = r#"{ma: .so, nguoi: [.citizens[] | {
    ngaySinh: (.dob | date_from("dd/MM/yyyy")), gioiTinh: (.sex | code("gioi-tinh")), hoTen: .name, tien: .amount, diaChi: .address
}]}"#;

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
    let pool = Pool::new(PoolConfig { command: Some((worker, Vec::new())), ..PoolConfig::default() });
    for (name, text) in [("restructured", TEXT), ("identity", ".")] {
        let mapping = Mapping::compile("bench.jq", text, tables.clone()).unwrap();
        let (start, end) = (Instant::now(), Instant::now() + Duration::from_secs(seconds));
        let tasks: Vec<_> = (0..at_once)
            .map(|_| {
                let (pool, mapping, input) = (pool.clone(), mapping.clone(), input.clone());
                tokio::spawn(async move {
                    let mut count = 0_u64;
                    while Instant::now() < end {
                        let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
                        pool.run(&mapping, input.clone(), &CallVars::default(), deadline).await.unwrap();
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
        let rate = total as f64 / start.elapsed().as_secs_f64();
        println!(
            "{name}: {} bytes in, {rate:.0} messages/s with {at_once} at once, {:?}",
            input.len(),
            pool.counts()
        );
    }
}
