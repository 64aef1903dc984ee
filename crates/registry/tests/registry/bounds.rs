//! Every bound on what is read holds, and says so.

use lgsp_registry::manifest::{self, FOLDERS_DEEP_MAX};
use std::fmt::Write as _;

fn problems(text: String) -> Vec<String> {
    let problems = manifest::read_text("t", text).unwrap_err();
    problems.iter().map(ToString::to_string).collect()
}

#[test]
fn fields_of_one_place_are_bounded() {
    let mut text = String::from("systems:\n  - id: x\n");
    for i in 0..1_000 {
        let _ = writeln!(text, "    field{i}: 1");
    }
    assert_eq!(problems(text), ["t:1002:5 systems[0]: more than 1000 fields in one place"]);
}

#[test]
fn documents_of_one_file_are_bounded() {
    assert_eq!(
        problems("---\na\n".repeat(10_001)).first().map(String::as_str),
        Some("t:2:1: expected the lists agencies, systems, credentials, services, grants")
    );
    assert_eq!(
        problems("---\nsystems: []\n".repeat(10_001)),
        ["t:20002:1: more than 10000 documents in one file"]
    );
}

#[test]
fn problems_are_bounded() {
    let items = "  - { id: 'a b', agency: H98, name: x }\n".repeat(5_000);
    let found = problems(format!("systems:\n{items}"));
    assert_eq!(found.len(), 101);
    assert_eq!(found[100], "and 4900 more problems; the first 100 are shown");
}

#[test]
fn folders_are_followed_so_deep_and_no_deeper() {
    let folder = tempfile::tempdir().unwrap();
    let deep = |n: usize| (0..n).fold(folder.path().to_path_buf(), |path, _| path.join("d"));
    std::fs::create_dir_all(deep(FOLDERS_DEEP_MAX)).unwrap();
    std::fs::write(deep(FOLDERS_DEEP_MAX).join("a.yaml"), "systems: []\n").unwrap();
    let read = || manifest::read(&[folder.path().to_path_buf()]);
    assert!(read().is_ok());
    std::fs::create_dir_all(deep(FOLDERS_DEEP_MAX + 1)).unwrap();
    let problems = read().unwrap_err();
    assert!(problems[0].to_string().ends_with("more than 16 folders deep"), "{problems:?}");
}

#[test]
fn a_secrets_file_is_bounded() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("secret"), "x".repeat((64 << 10) + 1)).unwrap();
    let path = folder.path().join("a.yaml");
    std::fs::write(&path, "credentials:\n  - { id: a, system: s, kind: client, secret: { file: secret } }\n")
        .unwrap();
    let problems = manifest::read(&[path]).unwrap_err();
    assert!(problems[0].message.ends_with("is larger than 65536 bytes"), "{problems:?}");
}
