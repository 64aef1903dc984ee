//! Becoming members by commands, and the first calls: each proved at both ends.

use super::country::Country;
use super::member::{Member, PATIENCE, eventually};
use http::Method;
use std::process::{Child, Stdio};

/// A command under way; it does not outlive the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_joined_by_commands_call_each_other_and_both_logs_prove_each_call() {
    let country = Country::new().await;
    for path in ["/echo/1.0/x", "/signed/1.0/x", "/relayed/1.0/x"] {
        for method in [Method::GET, Method::POST] {
            let reply = country.a.call(method, path, "").await;
            assert_eq!(reply.status, 200, "{path}: {}\n{}", reply.text(), country.b.said());
            assert!(reply.header("lgsp-leg").contains("proves=countersigned"), "{:?}", reply.headers);
            let exchange = reply.exchange();
            assert_eq!((country.a.stated(exchange), country.b.stated(exchange)), ((1, 1), (1, 1)));
            country.proved(exchange);
            if path.starts_with("/relayed") {
                // The relay has both messages on record, and neither is its own.
                assert_eq!(country.hub.stated(exchange), (0, 2));
                country.hub.prove(exchange);
            }
        }
    }
    let reply = country.a.post("/echo/1.0/x", "the body").await;
    assert_eq!(reply.text(), "the body");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_that_join_at_once_and_wait_for_their_approval_both_become_members() {
    let country = Country::begun(|_| {}).await;
    let join = |member: &Member| {
        let (hub, agency) =
            (country.hub.public_url(), format!("{}=Agency of {}", member.agency, member.name));
        let arguments = ["node", "join", &hub, "--root-sha256", &country.root, "--agency", &agency];
        Running(member.command(&arguments).stdout(Stdio::null()).spawn().expect("the program starts"))
    };
    let mut joining = [join(&country.a), join(&country.b)];
    eventually("both ask", PATIENCE, async || {
        let said = country.hub.run(&["hub", "requests", "--json"]);
        said.contains("\"node\": \"a\"") && said.contains("\"node\": \"b\"")
    })
    .await;
    // Both decisions at one moment, too.
    let approve = |name| {
        let mut command = country.hub.command(&["hub", "approve", name]);
        Running(command.stdout(Stdio::null()).spawn().expect("the program starts"))
    };
    let mut approving = [approve("a"), approve("b")];
    for process in approving.iter_mut().chain(&mut joining) {
        assert!(process.0.wait().expect("ends").success());
    }
    country.register();
    country.a.start().await;
    country.b.start().await;
    country.acquainted().await;
    let reply = country.a.post("/echo/1.0/x", "joined").await;
    assert_eq!(reply.text(), "joined");
    country.proved(reply.exchange());
}
