//! The commands that an operator types, on a node that is not running.

use crate::world::{CLIENT_SECRET, PROVIDER_PASSWORD, World, files_that_hold, manifest};
use sqlx::Connection as _;
use std::os::unix::fs::PermissionsExt as _;

fn prepared() -> World {
    let world = World::new("");
    world.run(&["init"]);
    world.write("m.yaml", &manifest("127.0.0.1:9".parse().unwrap()));
    world
}

#[test]
fn init_prepares_once_and_shows_the_first_token_once() {
    let world = World::new("");
    let first = world.run(&["init"]);
    assert!(
        first.contains("made: master key")
            && first.contains("made: log key")
            && first.contains("shown this once"),
        "{first}"
    );
    let mode = std::fs::metadata(world.data().join("master.key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(std::fs::metadata(world.data()).unwrap().permissions().mode() & 0o777, 0o700);
    assert!(world.run(&["init"]).starts_with("nothing to do"));
    assert!(world.run(&["config", "check"]).ends_with("sound\n"));
}

#[test]
fn init_writes_the_annotated_configuration_where_it_is_missing() {
    let world = World::new("");
    let file = world.path("etc/new.toml");
    let out = std::process::Command::new(env!("CARGO_BIN_EXE_lgsp"))
        .args(["init", "-c"])
        .arg(&file)
        .env("LGSP__NODE__DATA_DIR", world.data())
        .output()
        .unwrap();
    assert!(out.status.success());
    assert_eq!(std::fs::read_to_string(&file).unwrap(), lgsp_node::config::EXAMPLE);
}

#[test]
fn wrong_usage_and_failures_have_different_exit_codes() {
    let world = World::new("");
    assert_eq!(world.command(&["fly"]).output().unwrap().status.code(), Some(2));
    let refused = world.refused(&["get", "agency"]);
    assert!(
        refused.starts_with("lgsp: there is no store at") && refused.contains("`lgsp init` makes one"),
        "{refused}"
    );
}

#[test]
fn a_declaration_is_shown_before_it_is_made_and_made_once() {
    let world = prepared();
    let shown = world.run(&["apply", "-f", "m.yaml", "--dry-run"]);
    assert!(shown.contains("+ service echo") && shown.contains("nothing was changed"), "{shown}");
    assert!(!world.run(&["get", "services"]).contains("echo"));
    let made = world.run(&["apply", "-f", "m.yaml", "--reason", "CV 12/UBND"]);
    assert!(made.contains("6 to create") && made.contains("generation 1"), "{made}");
    assert_eq!(world.run(&["apply", "-f", "m.yaml"]), "Nothing to change.\n");
    assert!(world.run(&["audit", "list"]).contains("CV 12/UBND"));
    for secret in [CLIENT_SECRET, PROVIDER_PASSWORD] {
        assert_eq!(files_that_hold(&world.data(), secret), Vec::<std::path::PathBuf>::new());
    }
}

#[test]
fn an_invalid_file_changes_nothing_and_names_line_and_field() {
    let world = prepared();
    let text = manifest("127.0.0.1:9".parse().unwrap()).replace("consumer: calls", "consumer: nobody");
    world.write("bad.yaml", &text);
    let refused = world.refused(&["apply", "-f", "bad.yaml"]);
    assert!(refused.contains("bad.yaml:") && refused.contains("grants[0].consumer"), "{refused}");
    assert!(!world.run(&["get", "agency"]).contains("H97"));
}

#[test]
fn single_items_are_declared_by_flags_and_by_files() {
    let world = prepared();
    world.run(&["apply", "-f", "m.yaml"]);
    world.run(&[
        "agency",
        "set",
        "H97.1",
        "--name",
        "Sở Tư pháp",
        "--kind",
        "department",
        "--parent",
        "000.00.00.H97",
    ]);
    world.run(&["agency", "set", "H97.1", "--alias", "000.00.01.H97", "--reason", "mã cũ"]);
    let shown = world.run(&["get", "agency", "000.00.01.H97", "-o", "json"]);
    let json: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!((json["code"].as_str(), json["name"].as_str()), (Some("H97.1"), Some("Sở Tư pháp")));
    world.run(&["service", "lifecycle", "echo", "1.0", "deprecated", "--sunset", "2027-01-01"]);
    assert!(world.run(&["get", "services"]).contains("1.0 (deprecated)"));
    let yaml = world.run(&["get", "grant", "g1", "-o", "yaml"]);
    world.run_with_input(&["put", "grant", "-f", "-"], &yaml.replace("purpose: test", "purpose: thanh tra"));
    world.run(&["grant", "set", "g1", "--rate", "5", "--burst", "9", "--source", "10.0.0.0/8"]);
    let json: serde_json::Value =
        serde_json::from_str(&world.run(&["get", "grant", "g1", "-o", "json"])).unwrap();
    assert_eq!(json["purpose"], "thanh tra");
    assert_eq!(json["rate"], serde_json::json!({"per_second": 5, "burst": 9}));
    assert!(world.refused(&["delete", "system", "calls"]).contains("nothing was changed"));
    world.run(&["delete", "grant", "g1"]);
    assert!(world.refused(&["get", "grant", "g1"]).contains("there is no grant \"g1\""));
}

#[test]
fn a_credential_is_issued_once_and_revoked() {
    let world = prepared();
    world.run(&["apply", "-f", "m.yaml"]);
    let issued =
        world.run(&["credential", "issue", "--system", "calls", "--id", "c2", "--valid-until", "2030-01-01"]);
    let secret = issued.lines().find_map(|l| l.strip_prefix("client_secret: ")).unwrap();
    assert!(secret.len() >= 40 && files_that_hold(&world.data(), secret).is_empty());
    world.run(&["credential", "revoke", "c2"]);
    let json: serde_json::Value =
        serde_json::from_str(&world.run(&["get", "credential", "c2", "-o", "json"])).unwrap();
    assert_eq!(json["revoked"], true);
    assert!(
        world
            .refused(&["credential", "issue", "--system", "calls", "--kind", "password"])
            .contains("unknown variant `password`")
    );
}

#[test]
fn administration_tokens_are_made_listed_and_revoked() {
    let world = prepared();
    let made = world.run(&["token", "create", "ha", "--role", "auditor", "--days", "1"]);
    let token = made.lines().last().unwrap();
    assert!(files_that_hold(&world.data(), token).is_empty());
    let listed = world.run(&["token", "list"]);
    assert!(listed.contains("ha") && listed.contains("auditor") && !listed.contains(token));
    world.run(&["token", "revoke", "ha"]);
    assert!(world.refused(&["token", "revoke", "ha"]).contains("no token \"ha\" that could be revoked"));
    assert!(
        world.refused(&["token", "create", "x", "--role", "king"]).contains("use auditor, operator or admin")
    );
}

#[test]
fn the_schema_and_the_signing_keys_are_the_operators_to_move() {
    let world = prepared();
    assert!(world.run(&["store", "status"]).contains("fine"));
    assert!(world.run(&["keys", "rotate"]).starts_with("rotated"));
}

#[test]
fn completions_know_the_commands() {
    let world = World::new("");
    assert!(world.run(&["completions", "bash"]).contains("check-proof"));
}

#[test]
fn a_master_key_that_others_may_read_stops_every_command_that_needs_it() {
    let world = prepared();
    let key = world.data().join("master.key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o640)).unwrap();
    assert!(world.refused(&["token", "list"]).contains(&format!("chmod 0600 {}", key.display())));
}

#[test]
fn a_configuration_check_counts_its_faults_in_words_that_fit() {
    let world = World::new("[limits]\nexchanges = 0\n");
    let sound = [("LGSP__LIMITS__EXCHANGES", "9")];
    assert!(world.command(&["init"]).envs(sound).output().unwrap().status.success());
    let one = world.refused(&["config", "check"]);
    assert!(one.contains("1 fault in"), "{one}");
    let text = std::fs::read_to_string(world.path("lgsp.toml")).unwrap();
    world.write("lgsp.toml", &format!("{text}connections = 0\n"));
    let two = world.refused(&["config", "check"]);
    assert!(two.contains("2 faults in"), "{two}");
}

#[test]
fn a_row_taken_out_of_the_audit_trail_is_told_in_words_with_what_to_do() {
    let world = prepared();
    world.run(&["apply", "-f", "m.yaml"]);
    assert!(world.run(&["audit", "verify"]).ends_with("sound\n"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let url = format!("sqlite:{}", world.data().join("lgsp.db").display());
    runtime.block_on(async {
        let mut store = sqlx::SqliteConnection::connect(&url).await.unwrap();
        sqlx::raw_sql("DELETE FROM audit WHERE seq = 3").execute(&mut store).await.unwrap();
        store.close().await.unwrap();
    });
    let told = world.refused(&["audit", "verify"]);
    assert!(told.contains("row 3: rows are missing from here up to and including 3"), "{told}");
    assert!(told.contains("what to do:") && told.contains("lgsp restore"), "{told}");
    assert!(!told.contains("Missing {"), "{told}");
}
