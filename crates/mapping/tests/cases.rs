//! The tests beside a mapping, as an author runs them.
#![allow(clippy::unwrap_used)]

use lgsp_mapping::{Pool, PoolConfig, cases};
use std::path::Path;

fn pool() -> Pool {
    let test = std::env::current_exe().unwrap();
    let worker = test.parent().unwrap().parent().unwrap().join("examples/mapping_worker");
    Pool::new(PoolConfig { command: Some((worker, Vec::new())), ..PoolConfig::default() })
}

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

#[tokio::test]
async fn passed_and_failed_cases_are_told_apart_and_differences_named() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "a.jq", "{sex: (.s | code(\"sex\")), b: [.n, 2], who: $call.system}");
    write(folder.path(), "a.tables/sex.csv", "1,M\n2,F\n");
    let tests = r#"
cases:
  - name: good
    input: '{"s":1,"n":1.10}'
    call: {system: ho-tich}
    expected: '{ "who": "ho-tich", "sex": "M", "b": [1.10, 2] }'
  - name: differs
    input: '{"s":2,"n":1.10}'
    expected: '{"sex":"M","b":[1.1,2],"more":"x","who":""}'
  - name: refused
    input: '{"s":9}'
    error: has no code "9"
  - name: not refused
    input: '{"s":1}'
    error: has no code "9"
"#;
    write(folder.path(), "a.test.yaml", tests);
    let report = cases::run(&pool(), folder.path()).await.unwrap();
    assert_eq!((report.passed, report.failed), (2, 2), "{}", report.text);
    for line in [
        "ok   a.jq: good",
        "FAIL a.jq: differs",
        "  /sex: expected \"M\", got \"F\"",
        "  /b/0: expected 1.1, got 1.10",
        "  /more: expected \"x\", got nothing",
        "FAIL a.jq: not refused",
        "2 passed, 2 failed",
    ] {
        assert!(report.text.lines().any(|l| l == line), "{line}\n{}", report.text);
    }
}

#[tokio::test]
async fn cases_may_lie_in_a_folder_a_file_each() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| write(folder.path(), name, text);
    write("sub/a.jq", "{n: .n, who: $call.system, asked: $request.so}");
    write("sub/a.tests/good.input.json", "{\"n\": 1.10}");
    write("sub/a.tests/good.call.json", "{\"system\": \"ho-tich\"}");
    write("sub/a.tests/good.request.json", "{\"so\": 7}");
    write("sub/a.tests/good.expected.json", "{\n \"n\": 1.10,\n \"who\": \"ho-tich\", \"asked\": 7\n}\n");
    write("sub/a.tests/wrong.input.json", "1");
    write("sub/a.tests/wrong.error.txt", "cannot index\n");
    write("sub/a.tests/neither.input.json", "{}");
    let report = cases::run(&pool(), folder.path()).await.unwrap();
    assert_eq!((report.passed, report.failed), (2, 1), "{}", report.text);
    for line in ["ok   a.jq: good", "ok   a.jq: wrong", "FAIL a.jq: neither"] {
        assert!(report.text.lines().any(|l| l == line), "{line}\n{}", report.text);
    }
    write("sub/a.tests/god.expected.json", "1");
    let report = cases::run(&pool(), folder.path()).await.unwrap();
    assert!(report.text.contains("god.expected.json: it belongs to no NAME.input.json"), "{}", report.text);
}

#[tokio::test]
async fn a_mapping_that_does_not_compile_or_has_no_tests_fails_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "a.jq", "{a:\n nowhere}");
    write(folder.path(), "a.test.yaml", "cases: []");
    write(folder.path(), "b.jq", ".");
    let report = cases::run(&pool(), folder.path()).await.unwrap();
    assert_eq!((report.passed, report.failed), (0, 2));
    assert!(report.text.contains("a.jq:2:2: there is no function `nowhere`"), "{}", report.text);
    assert!(report.text.contains("there are no tests beside it"), "{}", report.text);
}
