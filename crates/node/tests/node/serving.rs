//! A running node: what is applied takes effect, what is begun is finished, what is recorded survives.

use crate::http::{Provider, call, request, token};
use crate::world::{CLIENT_SECRET, PROVIDER_PASSWORD, Serving, World, files_that_hold, manifest};
use std::time::{Duration, Instant};

fn prepared(more: &str) -> (World, Provider) {
    let (world, provider) = (World::new(more), Provider::start());
    world.run(&["init"]);
    world.write("m.yaml", &manifest(provider.address));
    (world, provider)
}

/// Waits until something is so.
fn until(what: &str, limit: Duration, mut so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !so() {
        assert!(began.elapsed() < limit, "{what}: not within {limit:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn what_is_applied_while_the_node_runs_takes_effect_within_a_second() {
    let (world, _provider) = prepared("");
    let serving = world.serve();
    world.run(&["apply", "-f", "m.yaml"]);
    // Asking for tokens until one is given would be taken for guessing.
    until("the registry's change", Duration::from_secs(1), || serving.log().contains("the registry changed"));
    let token = token(world.http);
    assert_eq!(call(world.http, &token, "/x").unwrap().status, 200);
    world.run(&["delete", "grant", "g1"]);
    until("the grant's end", Duration::from_secs(1), || {
        call(world.http, &token, "/x").unwrap().status == 403
    });
}

#[test]
fn a_term_signal_lets_the_call_in_progress_end_and_then_ends_the_node() {
    let (world, provider) = prepared("");
    world.run(&["apply", "-f", "m.yaml"]);
    let serving = world.serve();
    let (port, token) = (world.http, token(world.http));
    let calling = std::thread::spawn(move || call(port, &token, "/slow").unwrap());
    let open = || world.run(&["health"]).contains("ready");
    until("the call to arrive", Duration::from_secs(5), || open() && serving_has_open(&world));
    serving.signal("TERM");
    until("the listener to close", Duration::from_secs(5), || {
        request(port, "GET /health/live HTTP/1.1", "").is_err()
    });
    provider.let_go();
    assert_eq!(calling.join().unwrap().status, 200);
    assert_eq!(serving.wait(), Some(0));
}

/// Whether an exchange is open, as the status of the administration API says.
fn serving_has_open(world: &World) -> bool {
    let name = format!("t{}", uuid::Uuid::new_v4().simple());
    let token =
        world.run(&["token", "create", &name, "--role", "auditor"]).lines().last().unwrap().to_owned();
    let head = format!("GET /admin/v1/status HTTP/1.1\r\nAuthorization: Bearer {token}");
    let status = request(world.admin, &head, "").unwrap();
    let json: serde_json::Value =
        serde_json::from_str(&status.body).unwrap_or_else(|_| panic!("{}", status.body));
    json["node"]["exchanges_open"].as_u64().unwrap_or(0) > 0
}

#[test]
fn a_killed_node_starts_again_unattended_and_has_what_it_acknowledged() {
    let (world, _provider) = prepared("");
    world.run(&["apply", "-f", "m.yaml"]);
    let serving = world.serve();
    let token_before = token(world.http);
    let ids: Vec<String> =
        (0..20).map(|n| call(world.http, &token_before, &format!("/{n}")).unwrap().exchange()).collect();
    serving.kill();
    let _serving = world.serve();
    for id in &ids {
        assert!(world.run(&["explain", id]).contains("answered"), "{id}");
    }
    assert_eq!(call(world.http, &token_before, "/after").unwrap().status, 200, "tokens outlive a restart");
    assert!(world.run(&["log", "verify"]).contains("sound"));
}

#[test]
fn an_exchange_is_explained_step_by_step() {
    let (world, _provider) = prepared("");
    world.run(&["apply", "-f", "m.yaml"]);
    let _serving = world.serve();
    let token = token(world.http);
    let fine = world.run(&["explain", &call(world.http, &token, "/x").unwrap().exchange()]);
    for part in ["identify", "resolve", "authorize", "calls", "echo", "g1", "200", "epoch 1"] {
        assert!(fine.contains(part), "{part} is not in:\n{fine}");
    }
    let refused =
        request(world.http, &format!("PATCH /echo/1.0/x HTTP/1.1\r\nAuthorization: Bearer {token}"), "")
            .unwrap();
    let told = world.run(&["explain", &refused.exchange()]);
    assert!(told.contains("refused") && told.contains("resolve.method"), "{told}");
    let unknown = world.refused(&["explain", "ex_00000000000000000000000000000000"]);
    assert!(unknown.contains("no record"), "{unknown}");
}

#[test]
fn no_secret_is_in_the_log_of_the_process_the_store_or_the_message_log() {
    let (world, _provider) = prepared("[telemetry]\nlevel = \"trace\"\n");
    world.run(&["apply", "-f", "m.yaml"]);
    let serving = world.serve();
    let token = token(world.http);
    assert_eq!(call(world.http, &token, "/x").unwrap().status, 200);
    let wrong = format!("grant_type=client_credentials&client_id=client&client_secret={CLIENT_SECRET}x");
    request(world.http, "POST /token HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded", &wrong)
        .unwrap();
    assert_eq!(
        request(world.http, "GET /echo/1.0/x?apikey=khoa-bi-mat-123 HTTP/1.1\r\napikey: khoa-bi-mat-123", "")
            .unwrap()
            .status,
        401
    );
    let key = std::fs::read_to_string(world.data().join("master.key")).unwrap();
    serving.signal("TERM");
    let log = serving.log();
    assert!(log.contains("ready"), "{log}");
    serving.wait();
    for secret in [CLIENT_SECRET, PROVIDER_PASSWORD, &token, "khoa-bi-mat-123"] {
        assert_eq!(
            files_that_hold(world.folder.path(), secret).iter().filter(|p| !p.ends_with("m.yaml")).count(),
            0,
            "{secret}"
        );
    }
    let holders = files_that_hold(world.folder.path(), key.trim());
    assert_eq!(holders, [world.data().join("master.key")]);
}

#[test]
fn metrics_are_for_tokens_unless_they_have_a_listener_of_their_own() {
    let (world, _provider) = prepared("");
    let _serving = world.serve();
    assert_eq!(request(world.admin, "GET /metrics HTTP/1.1", "").unwrap().status, 401);
    let token =
        world.run(&["token", "create", "prometheus", "--role", "auditor"]).lines().last().unwrap().to_owned();
    let metrics =
        request(world.admin, &format!("GET /metrics HTTP/1.1\r\nAuthorization: Bearer {token}"), "").unwrap();
    assert!(
        metrics.body.contains("lgsp_log_healthy 1") && metrics.body.contains("lgsp_ready 1"),
        "{}",
        metrics.body
    );
}

#[test]
fn a_second_node_on_the_same_data_is_refused() {
    let (world, _provider) = prepared("");
    let _serving: Serving = world.serve();
    assert!(world.refused(&["serve"]).contains("listen.http"));
    let other = [("LGSP__LISTEN__HTTP", "127.0.0.1:0"), ("LGSP__LISTEN__ADMIN", "127.0.0.1:0")];
    let out = world.command(&["serve"]).envs(other).output().unwrap();
    assert_eq!(out.status.code(), Some(1));
    assert!(crate::world::text(&out.stderr).contains("already being written by another process"));
}
