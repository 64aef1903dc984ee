//! Mappings as their author meets them on the command line, run in workers of the program itself, with its allocator and the bounds that
//! calls have.

use crate::node::{Node, program};
use crate::provider;
use bytes::Bytes;
use http::Method;
use std::path::Path;
use std::process::{Command, Output};

fn lgsp(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(program()).args(arguments).current_dir(folder).output().expect("the program starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn write(folder: &Path, name: &str, content: &str) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    std::fs::write(path, content).expect("written");
}

#[test]
fn programs_without_end_break_the_bound_that_they_are_said_to() {
    let folder = tempfile::tempdir().expect("a folder");
    let (time, memory, large) =
        ("took longer than it may", "needed more memory than it may", "larger than it may be");
    for (program, error) in [
        ("def f: f; f", time),
        ("last(range(1e12))", time),
        ("def f: [f]; f", memory),
        ("def f: 1 + f; f", memory),
        // below what an allocator likes to hold in reserve, above the bound
        ("\"x\" * 600000000 | length", memory),
        ("reduce range(1e9) as $i (\"x\"; . + .)", memory),
        ("reduce range(1e9) as $i ([0]; . + .)", memory),
        ("\"x\" * 20000000", large),
    ] {
        write(folder.path(), "a.jq", program);
        write(folder.path(), "in.json", "1");
        let out = lgsp(folder.path(), &["mapping", "run", "a.jq", "--input", "in.json"]);
        assert_eq!(out.status.code(), Some(1), "{program}");
        assert!(text(&out.stderr).contains(error), "{program}: {}", text(&out.stderr));
    }
    write(folder.path(), "a.jq", "\"x\" * 100000000 | length");
    let out = lgsp(folder.path(), &["mapping", "run", "a.jq", "--input", "in.json"]);
    assert_eq!(
        (text(&out.stdout).trim(), out.status.code()),
        ("100000000", Some(0)),
        "{}",
        text(&out.stderr)
    );
}

#[test]
fn a_worker_without_its_pool_ends_when_nobody_speaks_to_it() {
    let out = Command::new(program()).arg("mapping-worker").output().expect("the program starts");
    assert!(out.status.success() && out.stdout.is_empty());
}

#[test]
fn tests_beside_a_mapping_tell_by_the_exit_code_whether_they_passed() {
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), "congdan.jq", "{ gioiTinh: (.sex | code(\"gioi-tinh\")), ai: $call.officer }\n");
    write(folder.path(), "congdan.tables/gioi-tinh.csv", "1,M\n2,F\n");
    write(folder.path(), "congdan.tests/nu.input.json", "{\"sex\": 2}");
    write(folder.path(), "congdan.tests/nu.expected.json", "{\"gioiTinh\": \"F\", \"ai\": null}");
    let out = lgsp(folder.path(), &["mapping", "test", "."]);
    assert_eq!(text(&out.stdout), "ok   congdan.jq: nu\n1 passed, 0 failed\n", "{}", text(&out.stderr));
    assert_eq!(out.status.code(), Some(0));
    write(folder.path(), "congdan.tests/nu.expected.json", "{\"gioiTinh\": \"M\", \"ai\": null}");
    let out = lgsp(folder.path(), &["mapping", "test", "congdan.jq"]);
    let said = "FAIL congdan.jq: nu\n  /gioiTinh: expected \"M\", got \"F\"\n0 passed, 1 failed\n";
    assert_eq!((text(&out.stdout).as_str(), out.status.code()), (said, Some(1)));
    write(folder.path(), "in.xml", "<?xml version=\"1.0\"?><a><sex>1</sex></a>");
    write(folder.path(), "congdan.jq", "{ a: (.a.sex | code(\"gioi-tinh\")), ai: $call.officer }\n");
    let run = ["mapping", "run", "congdan.jq", "-i", "in.xml", "--officer", "cb-01"];
    let out = lgsp(folder.path(), &run);
    assert_eq!(text(&out.stdout), "{\n  \"a\": \"M\",\n  \"ai\": \"cb-01\"\n}\n", "{}", text(&out.stderr));
    assert!(text(&out.stderr).contains("without its schema"));
}

#[tokio::test]
async fn a_mapping_is_tried_on_a_recorded_message() {
    let (address, _) = provider::start().await;
    let node = Node::set_up(address);
    let manifest = std::fs::read_to_string(node.folder.path().join("echo.yaml")).expect("a manifest");
    let keeping =
        manifest.replace("    protocol: rest\n", "    protocol: rest\n    evidence: { body: full }\n");
    assert_ne!(keeping, manifest);
    write(node.folder.path(), "echo.yaml", &keeping);
    node.run(&["apply", "-f", "echo.yaml", "--reason", "test"]);
    node.start(&[]).await;
    let token = node.token().await;
    let call =
        |body: &'static [u8]| node.call(Method::POST, "/echo/1.0/x", Some(&token), Bytes::from_static(body));
    let json = call(b"{\"so\": 1.10, \"ten\": \"An\"}").await.expect("an answer");
    let xml = call(b"<a xmlns=\"urn:x\"><so>1.10</so></a>").await.expect("an answer");
    assert_eq!((json.status, xml.status), (200, 200));
    write(node.folder.path(), "a.jq", "{so: .so, heThong: $call.system, hoi: $request.ten}");
    let shown = node.run(&["mapping", "try", "a.jq", "--exchange", &json.exchange, "--part", "answer"]);
    for part in [
        "answer: JSON, as it was recorded",
        "before\n{\n  \"so\": 1.10,\n  \"ten\": \"An\"\n}\n",
        "after a.jq\n{\n  \"so\": 1.10,\n  \"heThong\": \"it-consumer\",\n  \"hoi\": \"An\"\n}\n",
        "differences\n  /ten: was \"An\", is gone\n  /heThong: new: \"it-consumer\"\n  /hoi: new: \"An\"\n",
    ] {
        assert!(shown.contains(part), "{part}\n---\n{shown}");
    }
    write(node.folder.path(), "b.jq", ".a.so");
    let shown = node.run(&["mapping", "try", "b.jq", "--exchange", &xml.exchange]);
    assert!(shown.contains("request: XML, converted without its schema"), "{shown}");
    assert!(shown.contains("\"@xmlns\": \"urn:x\"") && shown.contains("after b.jq\n\"1.10\"\n"), "{shown}");
    let get = node.call(Method::GET, "/echo/1.0/x", Some(&token), Bytes::new()).await.expect("an answer");
    let none = node.command(&["mapping", "try", "b.jq", "--exchange", &get.exchange]).output().expect("ran");
    assert!(text(&none.stderr).contains("the body of the request was not kept"), "{}", text(&none.stderr));
}
