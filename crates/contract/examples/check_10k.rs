//! How long a JSON body of 10 KiB takes to be held against its contract, on one core: run with `--release`.

use bytes::Bytes;
use lgsp_contract::openapi::{Checker, read};
use lgsp_schema::bundle::Bundle;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

const API: &str = r##"{"openapi":"3.1.0","info":{"title":"t","version":"1"},"paths":{"/a":{"post":{"operationId":"op",
"requestBody":{"content":{"application/json":{"schema":{"type":"array","items":{"$ref":"#/components/schemas/C"}}}}},"responses":{"204":{"description":"done"}}}}},
"components":{"schemas":{"C":{"type":"object","additionalProperties":false,"required":["id","name","born"],"properties":{
"id":{"type":"string","pattern":"^[0-9]{12}$"},"name":{"type":"string","minLength":1,"maxLength":200},"born":{"type":"string","format":"date"},
"income":{"type":"number","minimum":0,"multipleOf":0.01},"sex":{"type":"string","enum":["F","M"]},"address":{"type":"object","properties":{"street":{"type":"string"},"ward":{"type":"integer"}}}}}}}}"##;

/// Time that this process had a processor for, where Linux tells it; else the time of day, which other processes lengthen.
fn spent(begin: Instant) -> Duration {
    let told = std::fs::read_to_string("/proc/self/schedstat").ok();
    let nanos = told.and_then(|t| t.split(' ').next()?.parse().ok());
    nanos.map_or_else(|| begin.elapsed(), Duration::from_nanos)
}

fn main() {
    let files: BTreeMap<String, Bytes> = [("api.json".to_owned(), Bytes::from_static(API.as_bytes()))].into();
    let bundle = Bundle::new(files).expect("a bundle");
    let api = read(&bundle, "api.json").expect("a contract");
    let checker = Checker::compile(&api).expect("a checker");
    let mut body = String::from("[");
    while body.len() < 10 * 1024 {
        let comma = if body.len() > 1 { "," } else { "" };
        let _ = write!(
            body,
            r#"{comma}{{"id":"012345678901","name":"Nguyễn Văn {}","born":"1980-01-31","income":1234567.89,"sex":"M","address":{{"street":"Đường Ông Ích Khiêm","ward":7}}}}"#,
            body.len()
        );
    }
    body.push(']');
    for _ in 0..3 {
        let rounds = 2_000;
        let begin = Instant::now();
        let before = spent(begin);
        for _ in 0..rounds {
            let held = checker.check_request("op", &[], "", &|_| None, "application/json", body.as_bytes());
            assert_eq!(held, Ok(()));
        }
        println!("{} bytes: {:?} each", body.len(), (spent(begin) - before) / rounds);
    }
}
