//! The hub's administration through the admin port of a running hub: a request, its approval, a member; a revocation and its end.

use crate::http::{Answer, request};
use crate::world::{Serving, World, free_port};
use serde_json::{Value, json};

/// A hub that serves, and a token of an operator there.
struct Hub {
    world: World,
    operator: String,
    root: String,
    url: String,
    _serving: Serving,
}

fn hub() -> Hub {
    let public = free_port();
    let world =
        World::new(&format!("[public]\nlisten = \"127.0.0.1:{public}\"\n[directory]\nrefresh = \"1s\"\n"));
    world.run(&["init"]);
    let said = world.run(&["hub", "init", "--agency", "G01=Bộ Thử"]);
    let root = said.split("--root-sha256 ").nth(1).unwrap().trim().to_owned();
    let made = world.run(&["token", "create", "lan", "--role", "operator", "--days", "1"]);
    let operator = made.lines().last().unwrap().trim().to_owned();
    let serving = world.serve();
    Hub { world, operator, root, url: format!("http://127.0.0.1:{public}"), _serving: serving }
}

impl Hub {
    fn ask(&self, method: &str, path: &str, body: &Value) -> Answer {
        let (kind, body) = match body {
            Value::Null => ("", String::new()),
            body => ("\r\nContent-Type: application/json", body.to_string()),
        };
        let head = format!(
            "{method} /admin/v1/{path} HTTP/1.1\r\nAuthorization: Bearer {}\r\nLgsp-Reason: Circular 13{kind}",
            self.operator
        );
        request(self.world.admin, &head, &body).unwrap()
    }
    fn done(&self, method: &str, path: &str, body: &Value) -> Value {
        let answer = self.ask(method, path, body);
        assert_eq!(answer.status, 200, "{method} {path}: {}", answer.body);
        serde_json::from_str(&answer.body).unwrap()
    }
    fn get(&self, path: &str) -> Value {
        self.done("GET", path, &Value::Null)
    }
    fn trail(&self) -> Vec<String> {
        let rows = self.get("audit");
        let hub = rows.as_array().unwrap().iter().filter(|r| r["kind"] == "hub" && r["action"] != "init");
        let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
        hub.map(|r| [&r["actor"], &r["action"], &r["id"], &r["reason"]].map(text).join(" ")).collect()
    }
}

fn province(hub: &Hub) -> World {
    let world = World::new("");
    let renamed = std::fs::read_to_string(world.path("lgsp.toml")).unwrap().replace("\"thu\"", "\"tinh-a\"");
    world.write("lgsp.toml", &renamed);
    world.run(&["init"]);
    let arguments = ["node", "join", &hub.url, "--root-sha256", &hub.root, "--no-wait"];
    world.run(&[&arguments[..], &["--agency", "H98=Tỉnh A", "--agency", "H98.02=Sở B"]].concat());
    world
}

#[test]
fn a_request_that_is_approved_over_the_api_makes_a_member_that_can_be_shut_out_and_let_in_again() {
    let hub = hub();
    let province = province(&hub);
    let waiting = hub.get("hub/requests");
    assert_eq!(waiting[0]["node"], "tinh-a");
    let id = waiting[0]["id"].as_str().unwrap();
    let member = hub.done("POST", &format!("hub/requests/{id}/approve"), &json!({"agencies": ["H98.02"]}));
    assert_eq!(member["agencies"][0]["code"], "H98.02");
    assert_eq!(member["agencies"].as_array().unwrap().len(), 1, "{member}");
    assert_eq!(hub.get("hub/requests"), json!([]));
    // The applicant learns it by the command with which it asked.
    assert!(province.run(&["node", "join", "--no-wait"]).contains("member of"));

    let standing = |what: &str| {
        let members = hub.get(what);
        let list = members.get("members").unwrap_or(&members).as_array().unwrap().clone();
        let found = list.into_iter().find(|m| m["name"] == "tinh-a");
        found.map_or(Value::Null, |m| m["standing"].clone())
    };
    assert_eq!(standing("hub/members"), "active");
    let because = json!({"what": "member", "reason": "its key was stolen"});
    hub.done("POST", "hub/members/tinh-a/revoke", &because);
    assert_eq!(standing("hub/members"), "revoked");
    assert!(hub.world.run(&["hub", "members"]).contains("revoked"), "the command sees the same");
    let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while standing("directory/members") != "revoked" {
        assert!(std::time::Instant::now() < until, "the hub's own view did not follow");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    hub.done("POST", "hub/members/tinh-a/reinstate", &Value::Null);
    assert_eq!(standing("hub/members"), "active");
    let directory = hub.get("directory");
    assert_eq!((&directory["freshness"], &directory["exchanges"]), (&json!("fresh"), &json!(true)));
    assert_eq!(hub.get("peers/forks")["reports"], json!([]));
    assert!(hub.get("peers/witness")["verifier"].as_str().unwrap().contains("witness"));

    let by = "operator:lan";
    let expected = [
        format!("{by} approve {id} Circular 13"),
        format!("{by} revoke tinh-a its key was stolen"),
        format!("{by} reinstate tinh-a Circular 13"),
    ];
    assert_eq!(hub.trail(), expected);
}

#[test]
fn what_does_not_exist_or_was_decided_already_is_refused_and_only_decisions_are_on_record() {
    let hub = hub();
    let _province = province(&hub);
    let no = json!({"reason": "not theirs"});
    assert_eq!(hub.ask("POST", "hub/requests/tinh-z/approve", &Value::Null).status, 404);
    assert_eq!(hub.ask("POST", "hub/requests/tinh-z/reject", &no).status, 404);
    assert_eq!(hub.ask("POST", "hub/members/tinh-a/reinstate", &Value::Null).status, 404);
    let revocation = json!({"what": "member", "reason": "x"});
    assert_eq!(hub.ask("POST", "hub/members/tinh-a/revoke", &revocation).status, 404);
    assert!(hub.trail().is_empty());
    // Two decide at once: one is first, and the other is told.
    let statuses = std::thread::scope(|scope| {
        let approving = scope.spawn(|| hub.ask("POST", "hub/requests/tinh-a/approve", &Value::Null).status);
        let rejecting = scope.spawn(|| hub.ask("POST", "hub/requests/tinh-a/reject", &no).status);
        [approving.join().unwrap(), rejecting.join().unwrap()]
    });
    assert!(statuses == [200, 409] || statuses == [409, 200], "{statuses:?}");
    let members = hub.get("hub/members")["members"].as_array().unwrap().len();
    let state = hub.get("hub/requests?all")[0]["state"].clone();
    let consistent = [(2, json!("approved")), (1, json!("rejected"))];
    assert!(consistent.contains(&(members, state.clone())), "{members} members, the request is {state}");
    assert_eq!(
        hub.trail().len(),
        2,
        "each decision is on record before it is made, also the one that came second"
    );
}
