//! The tests beside a mapping: `x.test.yaml` beside `x.jq` holds cases, and `x.tables/NAME.csv` or the cases' own `tables` the code
//! tables. Run in workers as in operation. Where two results differ, the JSON pointer is named.

use crate::limits::PREPARE_TIME;
use crate::mapping::{CallVars, Mapping};
use crate::pool::Pool;
use crate::tables::Tables;
use bytes::Bytes;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Bytes of a file of tests or a table.
const MAX_FILE: u64 = 16 * 1024 * 1024;
/// Differences that are shown of one case.
const MAX_DIFFERENCES: usize = 20;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseFile {
    #[serde(default)]
    tables: BTreeMap<String, BTreeMap<String, String>>,
    cases: Vec<Case>,
}

/// One case. Messages are JSON in a string, so that their numbers stay as they are written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    input: String,
    expected: Option<String>,
    error: Option<String>,
    #[serde(default)]
    call: BTreeMap<String, String>,
    request: Option<String>,
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

/// Reads a mapping and the code tables beside it.
pub fn load(file: &Path) -> Result<Mapping, String> {
    let tables = tables_beside(file, Tables::default())?;
    compile(file, tables)
}

fn compile(file: &Path, tables: Tables) -> Result<Mapping, String> {
    let name = file.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    Mapping::compile(&name, &read(file)?, tables).map_err(|problems| {
        problems.iter().map(|p| format!("{}:{p}", file.display())).collect::<Vec<_>>().join("\n")
    })
}

/// Runs the tests of a mapping, or of all mappings in a folder.
pub async fn run(pool: &Pool, path: &Path) -> Result<Report, String> {
    let mut report = Report::default();
    let files = if path.is_dir() { mappings_in(path)? } else { vec![path.to_owned()] };
    if files.is_empty() {
        return Err(format!("{}: there is no mapping (*.jq) in this folder", path.display()));
    }
    for file in files {
        if let Err(problem) = run_file(pool, &file, &mut report).await {
            report.failed += 1;
            let _ = writeln!(report.text, "FAIL {}\n  {}", file.display(), problem.replace('\n', "\n  "));
        }
    }
    let _ = writeln!(report.text, "{} passed, {} failed", report.passed, report.failed);
    Ok(report)
}

fn mappings_in(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = std::fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let mut files: Vec<PathBuf> = entries
        .filter_map(|e| Some(e.ok()?.path()))
        .filter(|p| p.extension().is_some_and(|e| e == "jq"))
        .collect();
    files.sort();
    Ok(files)
}

async fn run_file(pool: &Pool, file: &Path, report: &mut Report) -> Result<(), String> {
    let beside = file.with_extension("test.yaml");
    let cases: CaseFile =
        serde_saphyr::from_str(&read(&beside)?).map_err(|e| format!("{}: {e}", beside.display()))?;
    let own = cases.tables.into_iter().map(|(name, rows)| (name, rows.into_iter().collect())).collect();
    let mapping = compile(file, tables_beside(file, Tables(own))?)?;
    for case in cases.cases {
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
    let vars = match call_vars(case) {
        Ok(vars) => vars,
        Err(problem) => return vec![problem],
    };
    let deadline = tokio::time::Instant::now() + PREPARE_TIME;
    let got = pool.run(mapping, Bytes::from(case.input.clone()), &vars, deadline).await;
    match (got, &case.expected, &case.error) {
        (Ok(got), Some(expected), None) => compare_texts(expected, &got),
        (Err(error), None, Some(expected)) if error.to_string().contains(expected) => Vec::new(),
        (Err(error), None, Some(expected)) => {
            vec![format!("expected the error: {expected}"), format!("got the error: {error}")]
        }
        (Err(error), Some(_), None) => vec![format!("{}: {error}", mapping.name())],
        (Ok(_), None, Some(expected)) => {
            vec![format!("expected the error: {expected}"), "got a result".to_owned()]
        }
        _ => vec!["a case has either `expected` or `error`".to_owned()],
    }
}

fn call_vars(case: &Case) -> Result<CallVars, String> {
    let mut vars = CallVars { request: case.request.clone().map(Bytes::from), ..CallVars::default() };
    for (name, value) in &case.call {
        let value = value.clone();
        match name.as_str() {
            "exchange" => vars.exchange = value,
            "system" => vars.system = value,
            "agency" => vars.agency = value,
            "officer" => vars.officer = Some(value),
            "purpose" => vars.purpose = Some(value),
            "dossier" => vars.dossier = Some(value),
            "at" => vars.at = value,
            other => return Err(format!("$call has no `{other}`")),
        }
    }
    Ok(vars)
}

fn compare_texts(expected: &str, got: &[u8]) -> Vec<String> {
    // where the texts agree but for spaces, the digits of their numbers do too
    let parsed =
        |bytes: &[u8]| crate::json::read(bytes).map_err(|e| format!("at byte {}: {}", e.at, e.message));
    match (parsed(expected.as_bytes()), parsed(got)) {
        (Ok(expected), Ok(got)) => {
            let mut found = Vec::new();
            crate::json::differences(&expected, &got, &mut String::new(), &mut found, MAX_DIFFERENCES);
            found
        }
        (Err(problem), _) => vec![format!("`expected` is not JSON: {problem}")],
        (_, Err(problem)) => vec![format!("the result is not JSON: {problem}")],
    }
}

/// Adds `x.tables/*.csv` beside `x.jq`.
fn tables_beside(file: &Path, mut tables: Tables) -> Result<Tables, String> {
    let folder = file.with_extension("tables");
    let Ok(entries) = std::fs::read_dir(&folder) else { return Ok(tables) };
    for entry in entries.filter_map(Result::ok) {
        let path = entry.path();
        if path.extension().is_some_and(|e| e == "csv") {
            let name = path.file_stem().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            tables.add_csv(&name, &read(&path)?)?;
        }
    }
    Ok(tables)
}

fn read(path: &Path) -> Result<String, String> {
    let size = std::fs::metadata(path).map_err(|e| format!("{}: {e}", path.display()))?.len();
    if size > MAX_FILE {
        return Err(format!("{}: larger than {MAX_FILE} bytes", path.display()));
    }
    std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))
}
