//! How a mapping's tests and code tables lie beside it: `x.test.yaml` or the folder `x.tests/` beside `x.jq`, and `x.tables/NAME.csv`.

use super::{Case, Wanted, places};
use crate::mapping::{CallVars, Mapping};
use crate::tables::Tables;
use bytes::Bytes;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Bytes of a file of tests or a table.
const MAX_FILE: u64 = 16 * 1024 * 1024;
/// Folders within each other that are searched for mappings.
const MAX_FOLDERS: usize = 8;
/// How the name of a case's message ends.
const INPUT: &str = ".input.json";

/// `x.test.yaml`. Messages are JSON in a string, so that their numbers stay as they are written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseFile {
    #[serde(default)]
    tables: BTreeMap<String, BTreeMap<String, String>>,
    cases: Vec<YamlCase>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct YamlCase {
    name: String,
    input: String,
    expected: Option<String>,
    error: Option<String>,
    #[serde(default)]
    call: BTreeMap<String, String>,
    request: Option<String>,
}

/// Reads a mapping and the code tables beside it.
pub fn load(file: &Path) -> Result<Mapping, String> {
    compile(file, tables_beside(file, Tables::default())?)
}

pub(super) fn compile(file: &Path, tables: Tables) -> Result<Mapping, String> {
    let name = file.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    Mapping::compile(&name, &read(file)?, tables).map_err(|problems| {
        problems.iter().map(|p| format!("{}:{p}", file.display())).collect::<Vec<_>>().join("\n")
    })
}

/// The mappings of a folder and of those below it, in the order of their paths.
pub(super) fn mappings_in(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let mut found = Vec::new();
    gather(folder, MAX_FOLDERS, &mut found)?;
    found.sort();
    Ok(found)
}

fn gather(folder: &Path, levels: usize, found: &mut Vec<PathBuf>) -> Result<(), String> {
    for path in entries(folder)? {
        if path.is_dir() && !path.is_symlink() && levels > 0 {
            gather(&path, levels - 1, found)?;
        } else if path.extension().is_some_and(|e| e == "jq") && path.is_file() {
            found.push(path);
        }
    }
    Ok(())
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = std::fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let mut paths: Vec<PathBuf> = entries.filter_map(|e| Some(e.ok()?.path())).collect();
    paths.sort();
    Ok(paths)
}

/// The cases beside a mapping, and the tables that they state themselves.
pub(super) fn cases(file: &Path) -> Result<(Tables, Vec<Case>), String> {
    let (yaml, folder) = places(file);
    let (mut tables, mut cases) = (Tables::default(), Vec::new());
    if yaml.exists() {
        let said: CaseFile =
            serde_saphyr::from_str(&read(&yaml)?).map_err(|e| format!("{}: {e}", yaml.display()))?;
        tables = Tables(said.tables.into_iter().map(|(n, rows)| (n, rows.into_iter().collect())).collect());
        for case in said.cases {
            let name = case.name.clone();
            cases.push(of_yaml(case).map_err(|why| format!("{}: {name}: {why}", yaml.display()))?);
        }
    }
    if folder.is_dir() {
        in_folder(&folder, &mut cases)?;
    }
    if cases.is_empty() {
        return Err(format!("there are no tests beside it: {} or {}/", yaml.display(), folder.display()));
    }
    Ok((tables, cases))
}

fn of_yaml(case: YamlCase) -> Result<Case, String> {
    let wanted = match (case.expected, case.error) {
        (Some(expected), None) => Some(Wanted::Result(expected.into())),
        (None, Some(error)) => Some(Wanted::Error(error)),
        _ => None,
    };
    let call = call_vars(case.call, case.request.map(Bytes::from))?;
    Ok(Case { name: case.name, input: case.input.into(), wanted, call })
}

/// `NAME.input.json` with `NAME.expected.json` or `NAME.error.txt`, and `NAME.call.json` and `NAME.request.json` where it has them.
fn in_folder(folder: &Path, cases: &mut Vec<Case>) -> Result<(), String> {
    let mut names = Vec::new();
    let mut others = Vec::new();
    for path in entries(folder)? {
        let file = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        match file.strip_suffix(INPUT) {
            Some(name) => names.push(name.to_owned()),
            None => others.push(file),
        }
    }
    let kinds = [".expected.json", ".error.txt", ".call.json", ".request.json"];
    let known = |file: &String| {
        kinds.iter().any(|kind| file.strip_suffix(kind).is_some_and(|n| names.iter().any(|name| name == n)))
    };
    if let Some(stray) = others.iter().find(|file| !known(file)) {
        return Err(format!("{}/{stray}: it belongs to no NAME{INPUT}", folder.display()));
    }
    for name in names {
        let part = |kind: &str| {
            let path = folder.join(format!("{name}{kind}"));
            path.exists().then(|| read(&path)).transpose()
        };
        let wanted = match (part(".expected.json")?, part(".error.txt")?) {
            (Some(expected), None) => Some(Wanted::Result(expected.into())),
            (None, Some(error)) => Some(Wanted::Error(error.trim().to_owned())),
            _ => None,
        };
        let at = |why: String| format!("{}/{name}.call.json: {why}", folder.display());
        let call: BTreeMap<String, String> = match part(".call.json")? {
            Some(text) => serde_json::from_str(&text).map_err(|e| at(e.to_string()))?,
            None => BTreeMap::new(),
        };
        let call = call_vars(call, part(".request.json")?.map(Bytes::from)).map_err(at)?;
        let input = part(INPUT)?.unwrap_or_default().into();
        cases.push(Case { name, input, wanted, call });
    }
    Ok(())
}

fn call_vars(said: BTreeMap<String, String>, request: Option<Bytes>) -> Result<CallVars, String> {
    let mut vars = CallVars { request, ..CallVars::default() };
    for (name, value) in said {
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

/// Adds `x.tables/*.csv` beside `x.jq`.
pub(super) fn tables_beside(file: &Path, mut tables: Tables) -> Result<Tables, String> {
    let folder = file.with_extension("tables");
    if !folder.is_dir() {
        return Ok(tables);
    }
    for path in entries(&folder)? {
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
