//! Programs of others: a Python with the libraries that callers use, kept in the folder that builds use, and processes run to their end.

use serde_json::Value;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The libraries, at versions whose behaviour is known.
const PACKAGES: [&str; 3] = ["zeep==4.3.1", "requests==2.34.2", "schemathesis==4.32.5"];
/// Scripts and documents of the clients.
pub const CLIENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/clients");
/// WSDLs as they are met in the field.
pub const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../crates/contract/tests/fixtures/wsdl");

/// Says that something is left out: a failure where everything is to be tested.
pub fn skipped(what: &str) {
    assert!(std::env::var_os("CI").is_none(), "{what}");
    eprintln!("\n*** SKIPPED: {what}\n");
}

/// A Python with the libraries; none if no index can be reached.
pub fn python() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mediation-clients");
    std::fs::create_dir_all(&folder).expect("a folder");
    // One process makes it, the others wait.
    let lock = std::fs::File::create(folder.join("lock")).expect("a file");
    lock.lock().expect("locked");
    let (venv, made) = (folder.join("venv"), folder.join("made"));
    let python = venv.join("bin/python");
    let wanted = PACKAGES.join(" ");
    if std::fs::read_to_string(&made).is_ok_and(|is| is == wanted) {
        return Some(python);
    }
    let created = Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv).output();
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    match created.and_then(|_| Command::new(&python).args(pip).args(PACKAGES).output()) {
        Ok(out) if out.status.success() => {
            std::fs::write(&made, wanted).expect("written");
            Some(python)
        }
        other => {
            skipped(&format!("no Python with {PACKAGES:?} could be made: {other:?}"));
            None
        }
    }
}

/// Runs one of our Python scripts with facts on its standard input; it must succeed.
pub fn script(python: &Path, name: &str, facts: &Value) {
    let mut command = Command::new(python);
    command
        .arg(Path::new(CLIENTS).join(name))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut process = command.spawn().expect("python starts");
    process.stdin.take().expect("a pipe").write_all(facts.to_string().as_bytes()).expect("written");
    let out = process.wait_with_output().expect("it ends");
    assert!(out.status.success(), "{name}:\n{}", said(&out));
}

/// What a program said.
pub fn said(out: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr))
}
