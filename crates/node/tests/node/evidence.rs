//! Backup while calls are carried, restore elsewhere, proofs that stand alone, tampering that is found.

use crate::http::{Provider, call, token};
use crate::world::{World, manifest};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

fn carrying() -> (World, Provider, crate::world::Serving) {
    let (world, provider) = (World::new(""), Provider::start());
    world.run(&["init"]);
    world.write("m.yaml", &manifest(provider.address));
    world.run(&["apply", "-f", "m.yaml"]);
    let serving = world.serve();
    (world, provider, serving)
}

fn copy_key(world: &World, into: &Path) {
    std::fs::create_dir_all(into).unwrap();
    std::fs::copy(world.data().join("master.key"), into.join("master.key")).unwrap();
}

#[test]
fn a_backup_made_under_load_restores_what_was_acknowledged_before_it() {
    let (world, _provider, serving) = carrying();
    let token = token(world.http);
    let before: Vec<String> =
        (0..10).map(|n| call(world.http, &token, &format!("/{n}")).unwrap().exchange()).collect();
    let stop = Arc::new(AtomicBool::new(false));
    let (port, bearer, ended) = (world.http, token.clone(), stop.clone());
    let load = std::thread::spawn(move || {
        let mut calls = 0;
        while !ended.load(Ordering::SeqCst) {
            assert_eq!(call(port, &bearer, "/load").unwrap().status, 200);
            calls += 1;
        }
        calls
    });
    let told = world.run(&["backup", "b.tar"]);
    stop.store(true, Ordering::SeqCst);
    assert!(load.join().unwrap() > 0);
    assert!(told.contains("The master key is NOT in it"), "{told}");
    assert!(world.refused(&["backup", "b.tar"]).contains("exists already"));
    let key = std::fs::read(world.data().join("master.key")).unwrap();
    let tar = std::fs::read(world.path("b.tar")).unwrap();
    assert!(!tar.windows(64).any(|w| w == &key[..64]), "the master key is in the backup");
    serving.kill();

    let into = world.path("restored");
    copy_key(&world, &into);
    let told = world.run(&["restore", "b.tar", "--into", into.to_str().unwrap()]);
    assert!(told.contains("goes on in epoch 2"), "{told}");
    let moved = std::fs::read_to_string(world.path("lgsp.toml")).unwrap().replace("/data\"", "/restored\"");
    world.write("lgsp.toml", &moved);
    for id in &before {
        assert!(world.run(&["explain", id]).contains("answered"));
    }
    let _serving = world.serve();
    let after = call(world.http, &token, "/after").unwrap();
    assert_eq!(after.status, 200, "tokens outlive a restore");
    assert!(world.run(&["explain", &after.exchange()]).contains("epoch 2"));
    assert!(world.run(&["log", "verify"]).ends_with("sound\n"));
    assert!(world.run(&["audit", "verify"]).ends_with("sound\n"));
}

#[test]
fn a_restore_refuses_a_wrong_key_an_altered_backup_and_a_folder_in_use() {
    let (world, _provider, serving) = carrying();
    let token = token(world.http);
    call(world.http, &token, "/x").unwrap();
    world.run(&["backup", "b.tar"]);
    serving.kill();
    assert!(
        world
            .refused(&["restore", "b.tar", "--into", world.data().to_str().unwrap()])
            .contains("is not empty")
    );
    let wrong = world.path("wrong");
    std::fs::create_dir(&wrong).unwrap();
    lgsp_node::master_key::create(&wrong.join("master.key")).unwrap();
    assert!(
        world
            .refused(&["restore", "b.tar", "--into", wrong.to_str().unwrap()])
            .contains("the master key is not the one")
    );
    let into = world.path("altered");
    copy_key(&world, &into);
    let mut tar = std::fs::read(world.path("b.tar")).unwrap();
    let at = tar.windows(6).rposition(|w| w == b"offers").unwrap();
    tar[at] = b'x';
    std::fs::write(world.path("altered.tar"), &tar).unwrap();
    let refused = world.refused(&["restore", "altered.tar", "--into", into.to_str().unwrap()]);
    assert!(refused.contains("does not have the digest"), "{refused}");
    let left: Vec<_> = std::fs::read_dir(&into).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left, ["master.key"], "what a failed restore made is taken away");
}

#[test]
fn a_proof_needs_only_its_file_and_the_public_key() {
    let (world, _provider, _serving) = carrying();
    let token = token(world.http);
    let id = call(world.http, &token, "/x").unwrap().exchange();
    world.run(&["log", "prove", &id, "-o", "p.json"]);
    let key = world.run(&["log", "key"]);
    world.write("key.txt", &key);
    let elsewhere = tempfile::tempdir().unwrap();
    std::fs::copy(world.path("p.json"), elsewhere.path().join("p.json")).unwrap();
    let check = |file: &str, key: &str| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_lgsp"));
        command
            .args(["log", "check-proof", file, "--key", key])
            .current_dir(elsewhere.path())
            .output()
            .unwrap()
    };
    let fine = check("p.json", key.trim());
    assert!(
        fine.status.success() && crate::world::text(&fine.stdout).contains(&format!("proven: exchange {id}"))
    );
    assert!(check("p.json", world.path("key.txt").to_str().unwrap()).status.success());
    let altered = std::fs::read_to_string(elsewhere.path().join("p.json")).unwrap().replace("echo", "ecco");
    std::fs::write(elsewhere.path().join("q.json"), altered).unwrap();
    assert_eq!(check("q.json", key.trim()).status.code(), Some(1));
    assert!(world.run(&["log", "search", "--service", "echo"]).contains(&id));
    assert!(world.run(&["log", "forecast"]).contains("disk full"));
    assert!(world.run(&["log", "retention", "--dry-run"]).starts_with("EPOCH"));
}

#[test]
fn a_record_that_was_changed_on_disk_is_named() {
    let (world, _provider, serving) = carrying();
    let token = token(world.http);
    let id = call(world.http, &token, "/nguyen-van-a").unwrap().exchange();
    let kept = world.run(&["log", "checkpoint"]);
    world.write("kept.txt", &kept);
    serving.signal("TERM");
    serving.wait();
    assert!(
        world
            .run(&["log", "verify", "--checkpoint", "kept.txt"])
            .contains("the tree is that of the kept checkpoint")
    );
    let holders = crate::world::files_that_hold(&world.data().join("log"), "nguyen-van-a");
    let mut bytes = std::fs::read(&holders[0]).unwrap();
    let at = bytes.windows(12).position(|w| w == b"nguyen-van-a").unwrap();
    bytes[at + 11] = b'b';
    std::fs::write(&holders[0], bytes).unwrap();
    let refused = world.refused(&["log", "verify"]);
    assert!(
        refused.contains("NOT sound") && (refused.contains(&id) || refused.contains("entry")),
        "{refused}"
    );
}
