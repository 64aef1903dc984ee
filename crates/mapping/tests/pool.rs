//! Mappings in worker processes: what they give, and that none of what goes wrong in one hurts another.
#![allow(clippy::unwrap_used)]

use bytes::Bytes;
use lgsp_mapping::{CallVars, Limits, MapError, Mapping, Pool, PoolConfig, Tables};
use proptest::prelude::*;
use std::path::PathBuf;
use std::time::Duration;
use tokio::time::Instant;

/// The example program, which cargo builds beside the tests.
fn worker() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent().unwrap().parent().unwrap().join("examples/mapping_worker")
}

/// Time is generous: the tests are about what happens, on machines that may be busy.
fn pool_with(limits: Limits) -> Pool {
    Pool::new(PoolConfig {
        command: Some((worker(), Vec::new())),
        workers: 2,
        limits,
        ..PoolConfig::default()
    })
}

fn pool() -> Pool {
    pool_with(Limits { time: Duration::from_secs(5), ..Limits::default() })
}

fn mapping(text: &str) -> Mapping {
    let mut tables = Tables::default();
    tables.add_csv("gioi-tinh", "1,M\n2,F\n").unwrap();
    Mapping::compile("test.jq", text, tables).unwrap()
}

fn call() -> CallVars {
    CallVars {
        exchange: "ex_1".into(),
        system: "ho-tich".into(),
        at: "2024-05-01T07:00:00.000+07:00".into(),
        ..CallVars::default()
    }
}

async fn run(pool: &Pool, mapping: &Mapping, input: impl Into<Bytes>) -> Result<String, MapError> {
    let deadline = Instant::now() + Duration::from_secs(60);
    let result = pool.run(mapping, input.into(), &call(), deadline).await?;
    Ok(String::from_utf8(result.to_vec()).unwrap())
}

async fn map(text: &str, input: &'static str) -> Result<String, MapError> {
    run(&pool(), &mapping(text), input).await
}

fn failed(line: u32, field: &str, message: &str) -> Result<String, MapError> {
    Err(MapError::Failed { line, field: field.into(), message: message.into() })
}

#[tokio::test]
async fn a_message_gets_another_shape() {
    let text = r#"
# a citizen as the register has it
{
  ngaySinh: .dob | date_from("dd/MM/yyyy"),
  gioiTinh: .sex | code("gioi-tinh"),
  hoTen: (.name | split_name),
  tien: (.amount | decimal_mul("1.10") | decimal_round(2)),
  cmnd: (.id | mask_keep(3)),
  heThong: $call.system,
  nguoc: ("F" | code_back("gioi-tinh")),
  khac: ("9" | code_or("gioi-tinh"; "O")),
  so: .big,
}"#;
    let input = r#"{"dob":"31/12/1980","sex":1,"name":"Nguyễn Thị Minh Khai","amount":12345678901234567890.05,"id":"012345678","big":1.10}"#;
    let expected = r#"{"ngaySinh":"1980-12-31","gioiTinh":"M","hoTen":{"Ho":"Nguyễn","ChuDem":"Thị Minh","Ten":"Khai"},"tien":"13580246791358024679.06","cmnd":"******678","heThong":"ho-tich","nguoc":"2","khac":"O","so":1.10}"#;
    assert_eq!(map(text, input).await.as_deref(), Ok(expected));
}

#[tokio::test]
async fn an_error_names_line_and_field() {
    let text = "# a\n{\n  a: 1,\n  nguoi: {\n    ngaySinh: (.dob | date_from(\"yyyyMMdd\"))\n  }\n}";
    assert_eq!(
        map(text, r#"{"dob":"1980"}"#).await,
        failed(5, "nguoi.ngaySinh", "cannot read \"1980\" as yyyyMMdd")
    );
    let assigned = ".a = 1\n| .b.c |= date_from(\"yyyy\")";
    assert_eq!(map(assigned, r#"{"b":{"c":"x"}}"#).await, failed(2, "b.c", "cannot read \"x\" as yyyy"));
    let stage = ".a\n| .b\n| tonumber";
    assert_eq!(
        map(stage, r#"{"a":{"b":"x"}}"#).await.unwrap_err().to_string().split(':').next(),
        Some("line 3")
    );
    let required = "{\n ten: require(.nguoi.ten) }";
    assert_eq!(
        map(required, r#"{"nguoi":{"ten":""}}"#).await,
        failed(2, "ten", "nguoi.ten is required, and is missing or empty")
    );
    assert_eq!(
        map("{a: (\"7\" | code(\"gioi-tinh\"))}", "1").await,
        failed(1, "a", "code table \"gioi-tinh\" has no code \"7\"")
    );
}

#[tokio::test]
async fn a_mapping_that_catches_an_error_sees_it_as_it_was_raised() {
    assert_eq!(map("try {a: error({x: 1})} catch .x", "1").await.as_deref(), Ok("1"));
    assert_eq!(map("{a: (.b.c? // \"none\")}", "{\"b\":1}").await.as_deref(), Ok(r#"{"a":"none"}"#));
    assert_eq!(map("label $f | {a: (1, break $f)}", "1").await.as_deref(), Ok(r#"{"a":1}"#));
}

#[tokio::test]
async fn a_mapping_gives_one_result() {
    assert_eq!(map("empty", "1").await, failed(0, "", "the mapping gave no result (empty)"));
    assert!(map(".[]", "[1,2]").await.unwrap_err().to_string().contains("more than one result"));
    assert!(map("nan", "1").await.unwrap_err().to_string().contains("NaN"));
    assert!(map("{a: infinite}", "1").await.is_err());
}

#[tokio::test]
async fn the_request_can_be_seen_when_its_answer_is_mapped() {
    let (pool, mapping) = (pool(), mapping("{so: $request.so, at: $call.at}"));
    let vars = CallVars { request: Some(Bytes::from_static(b"{\"so\":10.00}")), ..call() };
    let deadline = Instant::now() + Duration::from_secs(60);
    let got = pool.run(&mapping, Bytes::from_static(b"{}"), &vars, deadline).await.unwrap();
    assert_eq!(got.as_ref(), br#"{"so":10.00,"at":"2024-05-01T07:00:00.000+07:00"}"#);
}

#[tokio::test]
async fn messages_that_are_not_json_are_refused_with_the_place() {
    let (pool, identity) = (pool(), mapping("."));
    for (input, what) in [
        (&b"{\"a\":1,\"a\":2}"[..], "the member \"a\" stands twice"),
        (b"\"\xff\"", "not UTF-8"),
        (b"[1,]", "a JSON value is expected"),
        (b"01", "a number that JSON does not have"),
        (b"NaN", "a JSON value is expected"),
        (b"\"\\ud800\"", "wrong escape"),
        (b"1 2", "nothing may follow"),
        (b"", "a JSON value is expected"),
    ] {
        let error = run(&pool, &identity, input.to_vec()).await.unwrap_err().to_string();
        assert!(error.contains(what), "{error}");
    }
    let deep = "[".repeat(10_000);
    assert!(run(&pool, &identity, deep).await.unwrap_err().to_string().contains("deeper than"));
    assert_eq!(pool.counts().lost, 0);
}

#[tokio::test]
async fn numbers_are_kept_digit_by_digit() {
    let input = r#"[1.10,-0,-0.0,1E400,123456789012345678901234567890,0.1e-7,9007199254740993,1e+5]"#;
    assert_eq!(map(".", input).await.as_deref(), Ok(input));
    assert_eq!(map("map(.)", input).await.as_deref(), Ok(input));
    assert_eq!(
        map("[.[4] + 1, 6 / 2, 0.1 + 0.2]", input).await.as_deref(),
        Ok("[123456789012345678901234567891,3,0.30000000000000004]")
    );
}

/// Loops, growth, deep recursion: each ends with the error that says which bound it broke, and the pool goes on.
#[tokio::test]
async fn a_mapping_without_end_is_ended() {
    let limits =
        Limits { time: Duration::from_millis(600), memory: 16 << 20, input: 1 << 20, output: 1 << 20 };
    let good = mapping(".a");
    for (text, error) in [
        ("def f: f; f", MapError::Time),
        ("last(range(1e12))", MapError::Time),
        ("[limit(1e9; repeat(empty))]", MapError::Time),
        ("def f: [f]; f", MapError::Memory),
        ("def f: 1 + f; f", MapError::Memory),
        ("[range(1e12)]", MapError::Memory),
        ("[limit(1e9; repeat(1))]", MapError::Memory),
        ("\"x\" * 1000000000 | length", MapError::Memory),
        ("reduce range(1e9) as $i (\"x\"; . + .)", MapError::Memory),
        ("reduce range(1e9) as $i ([0]; . + .)", MapError::Memory),
        ("reduce range(1e7) as $i (0; [.])", MapError::Memory),
        ("reduce range(60) as $i (1; [., .])", MapError::Output),
    ] {
        let pool = pool_with(limits);
        assert_eq!(run(&pool, &mapping(text), "1").await, Err(error), "{text}");
        assert_eq!(run(&pool, &good, "{\"a\":1}").await.as_deref(), Ok("1"), "after {text}");
    }
}

/// The bound of time is one of the processor's: workers that are held up by others, however long, refuse no good message.
#[tokio::test]
async fn time_on_the_clock_that_a_worker_does_not_have_the_processor_for_is_not_counted() {
    let limits = Limits { time: Duration::from_millis(200), ..Limits::default() };
    let (pool, good) = (pool_with(limits), mapping(".a"));
    assert_eq!(run(&pool, &good, "{\"a\":1}").await.as_deref(), Ok("1"));
    let worker = children()[0];
    stop(worker);
    let (held, mapping) = (pool.clone(), good.clone());
    let call = tokio::spawn(async move { run(&held, &mapping, "{\"a\":2}").await });
    tokio::time::sleep(3 * limits.time).await;
    signal(worker, "-CONT");
    assert_eq!(call.await.unwrap().as_deref(), Ok("2"));
    assert_eq!(pool.counts().lost, 0);
}

#[tokio::test]
async fn a_message_that_the_machine_has_no_time_for_is_refused_as_busy_and_is_no_strike() {
    let (pool, good) = (pool(), mapping(".a"));
    assert_eq!(run(&pool, &good, "{\"a\":1}").await.as_deref(), Ok("1"));
    for _ in 0..4 {
        assert_eq!(run(&pool, &good, "{\"a\":1}").await.as_deref(), Ok("1"));
        for worker in children() {
            stop(worker);
        }
        let deadline = Instant::now() + Duration::from_millis(100);
        let given_up = pool.run(&good, Bytes::from_static(b"1"), &call(), deadline).await;
        assert!(matches!(given_up, Err(MapError::Busy { resting: false, .. })), "{given_up:?}");
    }
    assert_eq!(run(&pool, &good, "{\"a\":1}").await.as_deref(), Ok("1"));
}

#[test]
fn what_an_error_says_to_logs_has_no_value_of_the_message() {
    let error = failed(3, "nguoi.ngaySinh", "cannot read \"012345678901\" as yyyy").unwrap_err();
    assert_eq!(error.without_values(), "line 3: field \"nguoi.ngaySinh\": the mapping failed");
    assert_eq!(MapError::Time.without_values(), MapError::Time.to_string());
}

#[tokio::test]
async fn large_messages_are_refused_or_mapped() {
    let limits = Limits { time: Duration::from_secs(30), memory: 1 << 30, input: 64 << 20, output: 1 << 20 };
    let big = format!("[{}0]", "\"0123456789012345678901234567890123456789\",".repeat(1_300_000));
    assert!(big.len() > 50 << 20);
    let pool = pool_with(limits);
    assert_eq!(run(&pool, &mapping("length"), big.clone()).await.as_deref(), Ok("1300001"));
    assert_eq!(run(&pool, &mapping("."), big.clone()).await, Err(MapError::Output));
    assert_eq!(run(&self::pool(), &mapping("length"), big).await, Err(MapError::Output));
    let elements = format!("[{}{{\"dob\":\"01/02/1980\"}}]", "{\"dob\":\"31/12/1980\"},".repeat(9_999));
    let mapped =
        run(&pool, &mapping("map({d: (.dob | date_from(\"dd/MM/yyyy\"))}) | length"), elements).await;
    assert_eq!(mapped.as_deref(), Ok("10000"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_bad_mapping_among_two_hundred_calls_hurts_none_of_the_others() {
    let limits = Limits { time: Duration::from_millis(200), ..Limits::default() };
    let (pool, good, bad) = (pool_with(limits), mapping("{b: .a}"), mapping("def f: f; f"));
    let calls: Vec<_> = (0..200)
        .map(|i| {
            let (pool, mapping) = (pool.clone(), if i % 10 == 0 { bad.clone() } else { good.clone() });
            tokio::spawn(async move { (i % 10 == 0, run(&pool, &mapping, "{\"a\":1}").await) })
        })
        .collect();
    let mut done = 0;
    for call in calls {
        match call.await.unwrap() {
            (true, result) => {
                assert!(matches!(result, Err(MapError::Time | MapError::Busy { .. })), "{result:?}")
            }
            (false, result) => {
                assert_eq!(result.as_deref(), Ok("{\"b\":1}"));
                done += 1;
            }
        }
    }
    assert_eq!(done, 180);
}

#[tokio::test]
async fn a_mapping_that_breaks_its_bounds_again_and_again_rests() {
    let limits = Limits { time: Duration::from_millis(100), ..Limits::default() };
    let (pool, bad) = (pool_with(limits), mapping("def f: f; f"));
    for _ in 0..3 {
        assert_eq!(run(&pool, &bad, "1").await, Err(MapError::Time));
    }
    assert!(matches!(run(&pool, &bad, "1").await, Err(MapError::Busy { resting: true, .. })));
}

#[tokio::test]
async fn beyond_the_queue_calls_are_refused_at_once() {
    let config = PoolConfig {
        command: Some((worker(), Vec::new())),
        queue: 0,
        limits: Limits { time: Duration::from_secs(2), ..Limits::default() },
        workers: 2,
        ..PoolConfig::default()
    };
    let (pool, slow) = (Pool::new(config), mapping("def f: f; f"));
    let results = futures_of(&pool, &slow, 6).await;
    let busy = results.iter().filter(|r| matches!(r, Err(MapError::Busy { resting: false, .. }))).count();
    assert!(busy >= 4, "{results:?}");
}

async fn futures_of(pool: &Pool, mapping: &Mapping, count: usize) -> Vec<Result<String, MapError>> {
    let calls: Vec<_> = (0..count)
        .map(|_| {
            let (pool, mapping) = (pool.clone(), mapping.clone());
            tokio::spawn(async move {
                let deadline = Instant::now() + Duration::from_secs(3);
                pool.run(&mapping, Bytes::from_static(b"1"), &call(), deadline)
                    .await
                    .map(|b| format!("{b:?}"))
            })
        })
        .collect();
    let mut results = Vec::new();
    for call in calls {
        results.push(call.await.unwrap());
    }
    results
}

#[tokio::test]
async fn a_worker_killed_while_it_waits_or_works_is_replaced() {
    let (pool, good) = (pool(), mapping(".a"));
    assert_eq!(run(&pool, &good, "{\"a\":1}").await.as_deref(), Ok("1"));
    kill_workers();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(run(&pool, &good, "{\"a\":2}").await.as_deref(), Ok("2"));
    let (busy, slow) = (pool.clone(), mapping("def f: f; f"));
    let call = tokio::spawn(async move { run(&busy, &slow, "1").await });
    tokio::time::sleep(Duration::from_millis(500)).await;
    kill_workers();
    assert_eq!(call.await.unwrap(), Err(MapError::Worker));
    assert_eq!(run(&pool, &good, "{\"a\":3}").await.as_deref(), Ok("3"));
}

/// Kills this process's own children: each test is a process of its own.
fn kill_workers() {
    for child in children() {
        signal(child, "-KILL");
    }
}

fn signal(process: u32, signal: &str) {
    let sent = std::process::Command::new("kill").args([signal, &process.to_string()]).status().unwrap();
    assert!(sent.success());
}

/// Stops a process and waits until all its threads stand still, or it is gone.
fn stop(process: u32) {
    signal(process, "-STOP");
    let stands = |task: std::io::Result<std::fs::DirEntry>| {
        let stat = task.and_then(|task| std::fs::read_to_string(task.path().join("stat")));
        stat.map_or(true, |stat| stat.contains(") T ") || stat.contains(") Z "))
    };
    while std::fs::read_dir(format!("/proc/{process}/task")).is_ok_and(|mut tasks| !tasks.all(stands)) {
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn children() -> Vec<u32> {
    let mut children = Vec::new();
    for task in std::fs::read_dir("/proc/self/task").unwrap() {
        let list = std::fs::read_to_string(task.unwrap().path().join("children")).unwrap_or_default();
        children.extend(list.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
    }
    children
}

#[tokio::test]
async fn a_worker_has_no_descriptor_that_the_process_opened_and_no_environment() {
    let _held = std::fs::File::open(std::env::current_exe().unwrap()).unwrap();
    let pool = pool();
    assert_eq!(run(&pool, &mapping("."), "1").await.as_deref(), Ok("1"));
    let child = children()[0];
    for entry in std::fs::read_dir(format!("/proc/{child}/fd")).unwrap() {
        let entry = entry.unwrap();
        let (number, target) =
            (entry.file_name().into_string().unwrap(), std::fs::read_link(entry.path()).unwrap());
        // what this process was started with and did not open itself may pass through it: close-on-exec is its starter's to set
        let flags = std::fs::read_to_string(format!("/proc/self/fdinfo/{number}")).unwrap_or_default();
        let inherited = !flags.lines().any(|l| l.starts_with("flags:") && l.ends_with("2100000"))
            && std::fs::read_link(format!("/proc/self/fd/{number}")).is_ok_and(|own| own == target);
        assert!(["0", "1", "2"].contains(&number.as_str()) || inherited, "{number}: {target:?}");
        assert_ne!(target, std::fs::read_link("/proc/self/exe").unwrap());
    }
    let environment = std::fs::read(format!("/proc/{child}/environ")).unwrap();
    assert_eq!(environment, b"MIMALLOC_ARENA_EAGER_COMMIT=0\0");
    let limits = std::fs::read_to_string(format!("/proc/{child}/limits")).unwrap();
    assert!(limits.lines().any(|l| l.starts_with("Max open files") && l.contains(" 16 ")), "{limits}");
}

#[tokio::test]
async fn workers_end_when_there_is_nothing_to_do() {
    let config = PoolConfig {
        command: Some((worker(), Vec::new())),
        idle: Duration::from_millis(100),
        ..PoolConfig::default()
    };
    let pool = Pool::new(config);
    assert_eq!(pool.counts().started, 0);
    assert_eq!(run(&pool, &mapping("."), "1").await.as_deref(), Ok("1"));
    for _ in 0..100 {
        if pool.counts().idle == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("a worker is still there");
}

fn problems(text: &str) -> Vec<(u32, u32, String)> {
    let problems = Mapping::compile("t.jq", text, Tables::default()).unwrap_err();
    problems.into_iter().map(|p| (p.line, p.column, p.message)).collect()
}

#[test]
fn problems_of_a_text_have_places() {
    assert_eq!(
        problems("{\n  a: (.b | date_form(\"x\"))\n}"),
        [(2, 12, "there is no function `date_form` with 1 argument(s)".into())]
    );
    assert_eq!(problems("{a: $b}"), [(1, 5, "there is no variable `$b`".into())]);
    assert_eq!(problems("{\n a: 1\n b: 2}")[0].0, 3);
    assert_eq!(problems("")[0].2, "expected term, found the end");
    assert!(problems(".a |\n code(\"none\")")[0].2.contains("no code table \"none\""));
}

#[test]
fn what_reaches_out_of_the_message_is_refused_by_name() {
    for text in [
        "input",
        "[inputs]",
        "env.PATH",
        "$ENV.PATH",
        "now",
        ".a | debug",
        "debug(\"x\")",
        "stderr",
        "halt",
        "halt_error",
        "import \"a\" as a; .",
        "include \"a\"; .",
        "localtime",
        "\"\\(now)\"",
        "{a: now}",
        "lgsp_at(1)",
        "$lgsp_tables",
        "$__loc__",
    ] {
        let problems = problems(text);
        assert!(
            problems.iter().any(|p| p.2.contains("not available") || p.2.contains("platform's own")),
            "{text}: {problems:?}"
        );
    }
    // as names of members they are what they are
    assert!(Mapping::compile("t.jq", "{now: .now, env: .a.env, input: 1}", Tables::default()).is_ok());
}

#[test]
fn texts_that_nest_too_deep_are_refused() {
    for text in [
        "(".repeat(100_000),
        "-".repeat(100_000) + "1",
        "1|".repeat(50_000) + "1",
        "[".repeat(65) + &"]".repeat(65),
        "1,".repeat(50_000) + "1",
        "if 1 then ".repeat(9_000),
        "def f: ".repeat(9_000),
        ".a".repeat(60_000),
        format!("\"{}\"", "\\(1)".repeat(50_000)),
    ] {
        let result = Mapping::compile("t.jq", &text, Tables::default());
        assert!(result.is_err() || text.starts_with('.') || text.starts_with('"'), "{}", &text[..20]);
    }
    let members: String = (0..5_000).map(|i| format!("f{i}: .f{i},\n")).collect();
    assert!(Mapping::compile("t.jq", &format!("{{{members}}}"), Tables::default()).is_ok());
}

fn json() -> impl Strategy<Value = String> {
    let number = "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?";
    let string = "[a-zA-ZăêđôÀ-ỹ0-9 ]{0,12}".prop_map(|s| format!("\"{s}\""));
    let leaf = prop_oneof![number.prop_map(|s| s), string, Just("null".into()), Just("true".into())];
    leaf.prop_recursive(4, 40, 6, |inner| {
        let members = prop::collection::btree_map("[a-z]{1,6}", inner.clone(), 0..6);
        let members = members.prop_map(|m| {
            m.into_iter().map(|(k, v)| format!("\"{k}\":{v}")).rev().collect::<Vec<_>>().join(",")
        });
        prop_oneof![
            prop::collection::vec(inner, 0..6).prop_map(|v| format!("[{}]", v.join(","))),
            members.prop_map(|m| format!("{{{m}}}")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn the_identity_keeps_any_message_digit_by_digit(messages in prop::collection::vec(json(), 20)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (pool, identity) = (pool(), mapping("."));
            for message in messages {
                let got = run(&pool, &identity, message.clone()).await;
                assert_eq!(got.as_deref(), Ok(message.as_str()));
            }
        });
    }
}
