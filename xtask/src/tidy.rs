//! `cargo xtask tidy`: what the compiler cannot check. Each rule says what to do about it.

use crate::process::{self, Outcome};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// A file is read in one sitting.
const FILE_LINES_MAX: usize = 600;

/// Which crates a crate may use. What is not listed may not use any of ours; `*` means all.
const DIRECTION: &[(&str, &[&str])] = &[
    ("lgsp-kernel", &[]),
    ("lgsp-wire", &["lgsp-kernel"]),
    ("lgsp-evidence", &["lgsp-kernel"]),
    ("lgsp-store", &["lgsp-kernel"]),
    ("lgsp-registry", &["lgsp-kernel", "lgsp-wire", "lgsp-store"]),
    ("lgsp-identity", &["lgsp-kernel", "lgsp-wire", "lgsp-store"]),
    ("lgsp-provider", &["lgsp-kernel", "lgsp-wire"]),
    ("lgsp-trust", &["lgsp-kernel"]),
    ("lgsp-directory", &["lgsp-kernel", "lgsp-trust"]),
    ("lgsp-witness", &["lgsp-kernel", "lgsp-evidence"]),
    ("lgsp-export", &["lgsp-kernel", "lgsp-evidence", "lgsp-trust"]),
    ("lgsp-peer", &["lgsp-kernel", "lgsp-evidence", "lgsp-trust", "lgsp-directory"]),
    ("lgsp-xroad", &["lgsp-kernel", "lgsp-wire"]),
    ("lgsp-text", &["lgsp-kernel"]),
    ("lgsp-schema", &["lgsp-kernel", "lgsp-wire"]),
    ("lgsp-contract", &["lgsp-kernel", "lgsp-wire", "lgsp-schema"]),
    ("lgsp-mapping", &["lgsp-kernel"]),
    (
        "lgsp-mediation",
        &["lgsp-kernel", "lgsp-wire", "lgsp-text", "lgsp-schema", "lgsp-contract", "lgsp-mapping"],
    ),
    (
        "lgsp-gateway",
        &[
            "lgsp-kernel",
            "lgsp-wire",
            "lgsp-evidence",
            "lgsp-identity",
            "lgsp-provider",
            "lgsp-trust",
            "lgsp-peer",
            "lgsp-xroad",
        ],
    ),
    ("lgsp-sandbox", &["lgsp-kernel", "lgsp-wire"]),
    (
        "lgsp-web",
        &[
            "lgsp-kernel",
            "lgsp-wire",
            "lgsp-registry",
            "lgsp-evidence",
            "lgsp-identity",
            "lgsp-store",
            "lgsp-trust",
            "lgsp-directory",
            "lgsp-witness",
            "lgsp-export",
        ],
    ),
    ("lgsp-powercut", &[]),
    ("lgsp-powercut-layer", &["lgsp-powercut"]),
    ("xtask", &[]),
    ("lgsp-node", &["*"]),
    ("lgsp-testkit", &["*"]),
    ("lgsp-it", &["*"]),
];

/// Checks every rule and names every breach.
pub fn run() -> Outcome<()> {
    let root = process::root();
    let mut problems = directions()?;
    let files = process::output(std::process::Command::new("git").current_dir(&root).args([
        "ls-files",
        "--cached",
        "--others",
        "--exclude-standard",
    ]))?;
    let mut count = 0;
    for name in files.lines() {
        let path = root.join(name);
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        count += 1;
        match path.extension().and_then(|e| e.to_str()) {
            Some("rs") => source(name, &text, &mut problems),
            Some("md") => links(name, &path, &text, &mut problems),
            _ => {}
        }
    }
    for needed in ["LICENSE", "README.md", "README.vi.md", "ARCHITECTURE.md", "Cargo.lock"] {
        if !root.join(needed).is_file() {
            problems.push(format!("{needed} is missing"));
        }
    }
    if problems.is_empty() {
        println!("tidy: {count} files");
        return Ok(());
    }
    Err(format!("tidy:\n  {}", problems.join("\n  ")))
}

/// Who may use whom.
fn directions() -> Outcome<Vec<String>> {
    let metadata =
        process::output(process::cargo().args(["metadata", "--format-version=1", "--no-deps", "--locked"]))?;
    let metadata: Value = serde_json::from_str(&metadata).map_err(|e| format!("cargo metadata: {e}"))?;
    let mut problems = Vec::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let name = package["name"].as_str().unwrap_or_default();
        let Some((_, may)) = DIRECTION.iter().find(|(n, _)| *n == name) else {
            problems.push(format!("crate {name} has no place in xtask/src/tidy.rs DIRECTION"));
            continue;
        };
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let used = dependency["name"].as_str().unwrap_or_default();
            let ours = used.starts_with("lgsp-");
            let in_tests_only = dependency["kind"].as_str() == Some("dev");
            if ours && !in_tests_only && !may.contains(&"*") && !may.contains(&used) {
                problems.push(format!(
                    "{name} uses {used}: only {may:?} lie below it (ARCHITECTURE.md, \"Direction\")"
                ));
            }
        }
    }
    Ok(problems)
}

/// Rules of source files.
fn source(name: &str, text: &str, problems: &mut Vec<String>) {
    let lines = text.lines().count();
    if lines > FILE_LINES_MAX {
        problems.push(format!(
            "{name}: {lines} lines; split it by what a reader looks for (at most {FILE_LINES_MAX})"
        ));
    }
    if !text.starts_with("//!") && !name.ends_with("build.rs") && !text.starts_with("#!") {
        problems.push(format!("{name}: open with `//!` lines that say what lives here and what does not"));
    }
    for (i, line) in text.lines().enumerate() {
        if line.ends_with(' ') || line.ends_with('\t') {
            problems.push(format!("{name}:{}: space at the end of the line", i + 1));
        }
        let code = line.trim_start();
        if code.starts_with("use super::*") && !name.contains("tests") && !code.contains("//") {
            problems.push(format!("{name}:{}: import by name instead of `use super::*`", i + 1));
        }
    }
    for word in ["todo!(", "unimplemented!(", "dbg!(", "FIXME", "XXX"] {
        if !name.starts_with("xtask/") && text.contains(word) {
            problems.push(format!("{name}: {word} left in"));
        }
    }
}

/// Relative links of documents lead somewhere.
fn links(name: &str, path: &Path, text: &str, problems: &mut Vec<String>) {
    let folder: PathBuf = path.parent().map(Path::to_path_buf).unwrap_or_default();
    for (at, _) in text.match_indices("](") {
        let target: String = text[at + 2..].chars().take_while(|c| !matches!(c, ')' | ' ' | '\n')).collect();
        let file = target.split('#').next().unwrap_or_default();
        if file.is_empty() || target.contains("://") || target.starts_with("mailto:") {
            continue;
        }
        if !folder.join(file).exists() {
            problems.push(format!("{name}: the link to {target} leads nowhere"));
        }
    }
}
