//! `cargo xtask licences`: every dependency's licence is one we accept, and no dependency stands doubled without a reason.
//! Both lists are in `deny.toml`; where `cargo deny` is installed it checks the same file.

use crate::process::{self, Outcome};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Checks licences and doubled versions.
pub fn run() -> Outcome<()> {
    if process::find("cargo-deny").is_some() {
        return process::run(process::cargo().args(["deny", "--offline", "check", "licenses", "bans"]));
    }
    let text =
        std::fs::read_to_string(process::root().join("deny.toml")).map_err(|e| format!("deny.toml: {e}"))?;
    let deny: toml::Table = text.parse().map_err(|e| format!("deny.toml: {e}"))?;
    let list = |section: &str, key: &str| -> BTreeSet<String> {
        deny.get(section)
            .and_then(|s| s.get(key))
            .and_then(toml::Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|v| v.as_str().or_else(|| v.get("crate")?.as_str()).map(str::to_owned))
            .collect()
    };
    let (allowed, skipped) = (list("licenses", "allow"), list("bans", "skip"));
    let metadata = process::output(process::cargo().args([
        "metadata",
        "--format-version=1",
        "--locked",
        "--filter-platform=x86_64-unknown-linux-gnu",
    ]))?;
    let metadata: Value = serde_json::from_str(&metadata).map_err(|e| format!("cargo metadata: {e}"))?;
    let used: BTreeSet<&str> = nodes(&metadata).filter_map(|n| n["id"].as_str()).collect();
    let mut problems = Vec::new();
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let (Some(id), Some(name), Some(version)) =
            (package["id"].as_str(), package["name"].as_str(), package["version"].as_str())
        else {
            continue;
        };
        if !used.contains(id) {
            continue;
        }
        let licence = package["license"].as_str().unwrap_or("none");
        if !acceptable(licence, &allowed) {
            problems.push(format!("{name} {version}: licence {licence} is not in deny.toml"));
        }
        versions.entry(name).or_default().insert(version);
    }
    for (name, found) in versions.iter().filter(|(_, v)| v.len() > 1) {
        let known = |v: &&str| skipped.contains(&format!("{name}@{v}")) || skipped.contains(*name);
        if found.iter().filter(|v| !known(v)).count() > 1 {
            let all = found.iter().copied().collect::<Vec<_>>().join(", ");
            problems.push(format!(
                "{name} stands in several versions ({all}): unify, or skip one with its reason in deny.toml"
            ));
        }
    }
    if problems.is_empty() {
        println!("licences: {} dependencies accepted", used.len());
        return Ok(());
    }
    Err(format!("licences and versions:\n  {}", problems.join("\n  ")))
}

fn nodes(metadata: &Value) -> impl Iterator<Item = &Value> {
    metadata["resolve"]["nodes"].as_array().into_iter().flatten()
}

/// Whether an SPDX expression can be met with the allowed licences. Reads `OR`, `AND`, `WITH`, parentheses and the old `/`.
fn acceptable(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut at = 0;
    let met = either(&words, &mut at, allowed);
    met && at == words.len()
}

fn either(words: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let mut met = both(words, at, allowed);
    while words.get(*at) == Some(&"OR") {
        *at += 1;
        met |= both(words, at, allowed);
    }
    met
}

fn both(words: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let mut met = one(words, at, allowed);
    while words.get(*at) == Some(&"AND") {
        *at += 1;
        met &= one(words, at, allowed);
    }
    met
}

fn one(words: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let Some(word) = words.get(*at) else { return false };
    *at += 1;
    if *word == "(" {
        let met = either(words, at, allowed);
        *at += 1;
        return met;
    }
    if words.get(*at) == Some(&"WITH") {
        let with = format!("{word} WITH {}", words.get(*at + 1).unwrap_or(&""));
        *at += 2;
        return allowed.contains(&with) || allowed.contains(*word);
    }
    // `MPL-2.0+` offers MPL-2.0 and anything later.
    allowed.contains(word.trim_end_matches('+'))
}

#[cfg(test)]
mod tests {
    use super::acceptable;

    #[test]
    fn an_expression_is_met_only_when_every_needed_licence_is_allowed() {
        let allowed = ["MIT", "Apache-2.0", "ISC"].map(str::to_owned).into();
        for good in [
            "MIT",
            "MIT OR GPL-3.0",
            "GPL-3.0/MIT",
            "ISC AND (Apache-2.0 OR GPL-2.0)",
            "Apache-2.0 WITH LLVM-exception",
        ] {
            assert!(acceptable(good, &allowed), "{good}");
        }
        for bad in ["GPL-3.0", "MIT AND GPL-3.0", "none", "", "ISC AND (GPL-2.0 OR BSL-1.0)"] {
            assert!(!acceptable(bad, &allowed), "{bad}");
        }
    }
}
