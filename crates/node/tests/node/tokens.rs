//! A node whose keys are on a PKCS#11 token (SoftHSM): it serves, its log is sound, who only reads the log needs no token, and a wrong
//! PIN stops the start. A module reads its configuration from the environment of each process, so that every test has a token of its own.

use crate::http::{Provider, call, token};
use crate::world::{World, free_port, manifest, text};
use std::path::PathBuf;
use std::process::Command;

const MODULES: [&str; 3] = [
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib64/softhsm/libsofthsm2.so",
];

fn softhsm() -> Option<PathBuf> {
    let found = MODULES.iter().map(PathBuf::from).find(|p| p.exists());
    if found.is_none() {
        eprintln!(
            "SKIPPED: SoftHSM is not on this machine, so a node's keys on a token were NOT tested. apt-get install softhsm2"
        );
    }
    found
}

/// A node's folder with an empty token in it; `keys` become lines of `[keys]`, where `<name>` stands for the place of that key.
fn world(module: &std::path::Path, keys: &str) -> World {
    let public = free_port();
    let world = World::new(&format!("[public]\nlisten = \"127.0.0.1:{public}\"\n"));
    std::fs::create_dir(world.path("tokens")).unwrap();
    let conf =
        format!("directories.tokendir = {}\nobjectstore.backend = file\n", world.path("tokens").display());
    world.write("softhsm2.conf", &conf);
    world.write("pin", "1234\n");
    let made = Command::new("softhsm2-util")
        .args(["--init-token", "--free", "--label", "t", "--so-pin", "12345678", "--pin", "1234"])
        .env("SOFTHSM2_CONF", world.path("softhsm2.conf"))
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", text(&made.stderr));
    let at = |key: &str| {
        let (module, pin) = (module.display(), world.path("pin"));
        format!("pkcs11:token=t;object={key}?module-path={module}&pin-source=file:{}", pin.display())
    };
    let keys = ["log", "node", "agency", "authority"]
        .iter()
        .fold(keys.to_owned(), |keys, name| keys.replace(&format!("<{name}>"), &at(name)));
    let before = std::fs::read_to_string(world.path("lgsp.toml")).unwrap();
    world.write("lgsp.toml", &format!("{before}[keys]\n{keys}"));
    world
}

fn environment(world: &World) -> String {
    world.path("softhsm2.conf").display().to_string()
}

/// The program with the token at hand: whether it succeeded, and what it said.
fn with_token(world: &World, arguments: &[&str]) -> (bool, String) {
    let out = world.command(arguments).env("SOFTHSM2_CONF", environment(world)).output().unwrap();
    (out.status.success(), text(&out.stdout) + &text(&out.stderr))
}

fn done(world: &World, arguments: &[&str]) -> String {
    let (ok, said) = with_token(world, arguments);
    assert!(ok, "lgsp {arguments:?}: {said}");
    said
}

#[test]
fn a_node_with_its_keys_on_a_token_serves_and_whoever_reads_its_log_needs_no_token() {
    let Some(module) = softhsm() else { return };
    let keys =
        "log = \"<log>\"\nnode = \"<node>\"\nagencies = [\"G01=<agency>\"]\nauthority = \"<authority>\"\n";
    let world = world(&module, keys);
    let provider = Provider::start();
    let said = done(&world, &["init"]);
    assert!(said.contains("log key \"log\" on the token \"t\""), "{said}");
    let key = world.run(&["log", "key"]);
    done(&world, &["hub", "init", "--agency", "G01=Bộ Thử"]);
    world.write("m.yaml", &manifest(provider.address));
    world.run(&["apply", "-f", "m.yaml"]);
    let left = std::fs::read_dir(world.data().join("membership")).unwrap();
    let files: Vec<String> = left.map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
    assert!(!files.iter().any(|f| f == "node.key"), "{files:?}");

    let conf = environment(&world);
    let serving = world.serve_with(&[("SOFTHSM2_CONF", &conf)]);
    let bearer = token(world.http);
    let answer = call(world.http, &bearer, "/x").unwrap();
    assert_eq!(answer.status, 200, "{}", serving.log());
    assert!(!serving.log().to_lowercase().contains("error"), "{}", serving.log());
    let exchange = answer.exchange();
    // None of these reaches the token: the environment does not even say where it is, and its folder is moved away at the end.
    let reads_only = || {
        assert!(world.run(&["log", "verify"]).ends_with("sound\n"));
        assert_eq!(world.run(&["log", "key"]), key);
        let _ = std::fs::remove_file(world.path("p.json"));
        world.run(&["log", "prove", &exchange, "-o", "p.json"]);
        let out = Command::new(env!("CARGO_BIN_EXE_lgsp"))
            .args(["log", "check-proof", "p.json", "--key", key.trim()])
            .current_dir(world.folder.path())
            .output()
            .unwrap();
        assert!(out.status.success(), "{}", text(&out.stderr));
        let _ = std::fs::remove_file(world.path("b.tar"));
        world.run(&["backup", "b.tar"]);
    };
    reads_only();
    serving.kill();
    std::fs::rename(world.path("tokens"), world.path("away")).unwrap();
    reads_only();
    // To write the log the token is needed; it is named.
    let (ok, said) = with_token(&world, &["serve"]);
    assert!(!ok && said.contains("the message log's key \"log\" on the token \"t\""), "{said}");

    std::fs::rename(world.path("away"), world.path("tokens")).unwrap();
    let into = world.path("restored");
    std::fs::create_dir(&into).unwrap();
    std::fs::copy(world.data().join("master.key"), into.join("master.key")).unwrap();
    let said = done(&world, &["restore", "b.tar", "--into", into.to_str().unwrap()]);
    assert!(said.contains("goes on in epoch 2"), "{said}");
    let _serving = world.serve_with(&[("SOFTHSM2_CONF", &conf)]);
    assert_eq!(call(world.http, &bearer, "/again").unwrap().status, 200);
    assert!(world.run(&["log", "verify"]).ends_with("sound\n"));
}

#[test]
fn a_wrong_pin_another_token_and_a_key_that_moved_stop_the_start_with_an_error_that_names_the_key() {
    let Some(module) = softhsm() else { return };
    let world = world(&module, "log = \"<log>\"\n");
    done(&world, &["init"]);
    let code = || {
        let mut serve = world.command(&["serve"]);
        serve.env("SOFTHSM2_CONF", environment(&world)).output().unwrap().status.code()
    };
    let refused = |expected: &str| {
        let (ok, said) = with_token(&world, &["serve"]);
        assert!(!ok && said.contains(expected), "{said}");
        said
    };
    world.write("pin", "9999\n");
    let said =
        refused("the message log's key \"log\" on the token \"t\" (keys.log): the token t refused the PIN");
    assert!(!said.contains("9999"), "the PIN is printed: {said}");
    assert_eq!(code(), Some(3), "the service is not started again by itself, which would lock the token");
    std::fs::remove_file(world.path("pin")).unwrap();
    refused("(keys.log): the PIN of token t could not be read");
    world.write("pin", "1234\n");

    let text = std::fs::read_to_string(world.path("lgsp.toml")).unwrap();
    world.write("lgsp.toml", &text.replace("object=log", "object=other"));
    refused("the token t holds no key other");
    let (before, _) = text.split_once("[keys]").unwrap();
    world.write("lgsp.toml", before);
    refused("is on a token, but keys.log names none");
    world.write("lgsp.toml", &format!("{before}[keys]\nlog = \"file:/k\"\n"));
    refused("keys.log");

    // The keys of certificates too.
    let (on_token, place) = (world.data().join("log.key"), text.split("log = ").nth(1).unwrap());
    std::fs::rename(&on_token, world.path("kept")).unwrap();
    world.write("lgsp.toml", &format!("{before}[keys]\nnode = {place}"));
    world.write("pin", "9999\n");
    refused("keys.node: the token t refused the PIN");
    assert_eq!(code(), Some(3));
    world.write("pin", "1234\n");
    std::fs::rename(world.path("kept"), &on_token).unwrap();

    // A token of the same label with a key of the same label is another key.
    world.write("lgsp.toml", &text);
    let sealed = std::fs::read(world.data().join("log.key")).unwrap();
    std::fs::remove_file(world.data().join("log.key")).unwrap();
    world.write("lgsp.toml", &text.replace("object=log", "object=second"));
    done(&world, &["init"]);
    std::fs::write(world.data().join("log.key"), sealed).unwrap();
    refused("is not the one that this log was begun with");
}
