//! Running commands.

use std::path::Path;
use std::process::Command;

/// Exit code and all that was said.
pub fn run(dir: &Path, script: &str) -> (i32, String) {
    let out = Command::new("sh").arg("-c").arg(script).current_dir(dir).output().unwrap();
    let text = [out.stdout, out.stderr].concat();
    (out.status.code().unwrap_or(-1), String::from_utf8_lossy(&text).into_owned())
}

/// Runs what must succeed, stopping at the first command that does not.
pub fn ok(dir: &Path, script: &str) -> String {
    let (code, text) = run(dir, &format!("set -e\n{script}"));
    assert_eq!(code, 0, "{script}\n{text}");
    text
}
