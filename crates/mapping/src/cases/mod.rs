//! The tests beside a mapping, run in workers as in operation, and what is compared in them. Where two results differ, the JSON
//! pointer is named. How the files are laid out is in `files`.

mod files;

use crate::limits::PREPARE_TIME;
use crate::mapping::{CallVars, Mapping};
use crate::pool::Pool;
use crate::tables::Tables;
use bytes::Bytes;
pub use files::load;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Differences that are shown of one case.
const MAX_DIFFERENCES: usize = 20;

/// One case.
#[derive(Debug, Default, PartialEq, Eq)]
struct Case {
    name: String,
    input: Bytes,
    /// What it must come to; none: the case says neither, or both.
    wanted: Option<Wanted>,
    call: CallVars,
}

/// What a case must come to.
#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    /// This message.
    Result(Bytes),
    /// An error that has this in its text.
    Error(String),
}

/// What running tests came to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// For people, a line a case.
    pub text: String,
    /// Cases that passed.
    pub passed: usize,
    /// Cases and files that did not.
    pub failed: usize,
}

/// Runs the tests of a mapping, or of all mappings in a folder and those below it.
pub async fn run(pool: &Pool, path: &Path) -> Result<Report, String> {
    let mut report = Report::default();
    let mappings = if path.is_dir() { files::mappings_in(path)? } else { vec![path.to_owned()] };
    if mappings.is_empty() {
        return Err(format!("{}: there is no mapping (*.jq) in this folder", path.display()));
    }
    for file in mappings {
        if let Err(problem) = run_file(pool, &file, &mut report).await {
            report.failed += 1;
            let _ = writeln!(report.text, "FAIL {}\n  {}", file.display(), problem.replace('\n', "\n  "));
        }
    }
    let _ = writeln!(report.text, "{} passed, {} failed", report.passed, report.failed);
    Ok(report)
}

async fn run_file(pool: &Pool, file: &Path, report: &mut Report) -> Result<(), String> {
    let (tables, cases) = match files::cases(file) {
        Ok((tables, cases)) => (tables, Ok(cases)),
        Err(problem) => (Tables::default(), Err(problem)),
    };
    let mapping = files::compile(file, files::tables_beside(file, tables)?)?;
    for case in cases? {
        let differences = run_case(pool, &mapping, &case).await;
        let verdict = if differences.is_empty() { "ok  " } else { "FAIL" };
        let _ = writeln!(report.text, "{verdict} {}: {}", mapping.name(), case.name);
        for difference in &differences {
            let _ = writeln!(report.text, "  {difference}");
        }
        *(if differences.is_empty() { &mut report.passed } else { &mut report.failed }) += 1;
    }
    Ok(())
}

async fn run_case(pool: &Pool, mapping: &Mapping, case: &Case) -> Vec<String> {
    let deadline = tokio::time::Instant::now() + PREPARE_TIME;
    let got = pool.run(mapping, case.input.clone(), &case.call, deadline).await;
    match (got, &case.wanted) {
        (Ok(got), Some(Wanted::Result(expected))) => {
            differences(expected, &got, MAX_DIFFERENCES).unwrap_or_else(|problem| vec![problem])
        }
        (Err(error), Some(Wanted::Error(expected))) if error.to_string().contains(expected) => Vec::new(),
        (Err(error), Some(Wanted::Error(expected))) => {
            vec![format!("expected the error: {expected}"), format!("got the error: {error}")]
        }
        (Err(error), Some(Wanted::Result(_))) => vec![format!("{}: {error}", mapping.name())],
        (Ok(got), Some(Wanted::Error(expected))) => {
            vec![format!("expected the error: {expected}"), format!("got {}", beginning(&got))]
        }
        (_, None) => vec!["a case has either what is expected or an error".to_owned()],
    }
}

/// The beginning of a result.
fn beginning(bytes: &[u8]) -> String {
    const SHOWN: usize = 200;
    let text = String::from_utf8_lossy(bytes);
    let shown: String = text.chars().take(SHOWN).collect();
    if shown.len() < text.len() { format!("{shown}...") } else { shown }
}

/// Where two messages differ, at most `most` places, each as a JSON pointer and what stands there. The order of members does not count,
/// the digits of numbers do.
pub fn differences(expected: &[u8], got: &[u8], most: usize) -> Result<Vec<String>, String> {
    let parsed = |what: &str, bytes: &[u8]| {
        crate::json::read(bytes)
            .map_err(|e| format!("what is {what} is not JSON: at byte {}: {}", e.at, e.message))
    };
    let (expected, got) = (parsed("expected", expected)?, parsed("there", got)?);
    let mut found = Vec::new();
    crate::json::differences(&expected, &got, &mut String::new(), &mut found, most);
    Ok(found)
}

/// A message laid out in lines for people; nothing but the space between its words changes.
pub fn pretty(json: &[u8]) -> String {
    crate::json::pretty(json)
}

/// Where the cases of a mapping are kept, for errors.
fn places(file: &Path) -> (PathBuf, PathBuf) {
    (file.with_extension("test.yaml"), file.with_extension("tests"))
}
