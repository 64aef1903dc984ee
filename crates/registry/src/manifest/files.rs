//! Finding and reading the files of a declaration, within bounds.

use super::{FILE_MAX, FILES_MAX, FOLDERS_DEEP_MAX};
use crate::problem::Problem;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// A problem of a whole file.
pub(super) fn whole(file: &str, message: impl Into<String>) -> Problem {
    Problem {
        file: Some(file.into()),
        line: None,
        column: None,
        field: String::new(),
        message: message.into(),
    }
}

/// The files of a folder and of those below it, in the order of their names.
pub(super) fn gather(folder: &Path, deep: usize, files: &mut Vec<PathBuf>, problems: &mut Vec<Problem>) {
    let name = folder.display().to_string();
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) => return problems.push(whole(&name, format!("cannot be read: {e}"))),
    };
    let mut paths: Vec<PathBuf> = entries.filter_map(|e| e.ok().map(|e| e.path())).collect();
    paths.sort();
    for path in paths {
        let hidden = path.file_name().is_some_and(|n| n.to_string_lossy().starts_with('.'));
        if hidden {
            continue;
        }
        if path.is_dir() {
            if deep == FOLDERS_DEEP_MAX {
                problems.push(whole(
                    &path.display().to_string(),
                    format!("more than {FOLDERS_DEEP_MAX} folders deep"),
                ));
            } else {
                gather(&path, deep + 1, files, problems);
            }
        } else if path.extension().is_some_and(|e| e == "yaml" || e == "yml") {
            if files.len() == FILES_MAX {
                problems.push(whole(&name, format!("more than {FILES_MAX} files")));
                return;
            }
            files.push(path);
        }
    }
}

/// The text of a file.
pub(super) fn read_bounded(path: &Path) -> Result<String, String> {
    let file = std::fs::File::open(path).map_err(|e| format!("cannot be read: {e}"))?;
    let mut bytes = Vec::new();
    file.take(FILE_MAX + 1).read_to_end(&mut bytes).map_err(|e| format!("cannot be read: {e}"))?;
    if bytes.len() as u64 > FILE_MAX {
        return Err(format!("larger than {FILE_MAX} bytes: split it"));
    }
    let text = String::from_utf8(bytes).map_err(|e| {
        let good = &e.as_bytes()[..e.utf8_error().valid_up_to()];
        let line = good.iter().filter(|b| **b == b'\n').count() + 1;
        format!("not UTF-8 text (line {line}): save it as UTF-8")
    })?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}
