//! A declaration together with where each of its items was written, and problems located by that.

use super::tree;
use crate::problem::{Problem, tidy};
use crate::resource::Kind;
use crate::validate::Findings;
use lgsp_kernel::mediation::VersionFiles;
use lgsp_kernel::model::Manifest;
use std::sync::Arc;

/// A value and where each of its items was written. Cheap to clone.
pub struct Sourced<T> {
    /// What was declared.
    pub value: Arc<T>,
    pub(crate) origins: Arc<Origins>,
    /// The files that it names, by their digests.
    pub(crate) files: Arc<VersionFiles>,
}

impl<T> Clone for Sourced<T> {
    fn clone(&self) -> Self {
        Self { value: self.value.clone(), origins: self.origins.clone(), files: self.files.clone() }
    }
}

impl<T> std::fmt::Debug for Sourced<T> {
    /// Shows no content: what was read may hold secrets in clear.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sourced({} files)", self.origins.files.len())
    }
}

/// Where items were written. The texts are kept and read again only when a problem has to be located, which costs nothing
/// as long as there is none.
#[derive(Default)]
pub(crate) struct Origins {
    pub(super) files: Vec<SourceFile>,
    pub(super) places: [Vec<Place>; 5],
}

pub(super) struct SourceFile {
    /// None: not from a file.
    pub name: Option<String>,
    pub text: String,
}

#[derive(Clone, Copy)]
pub(super) struct Place {
    pub file: u32,
    pub document: u32,
    pub index: u32,
}

impl Origins {
    /// `grants[3] of a.yaml, document 2`.
    pub fn describe(&self, kind: Kind, index: usize) -> String {
        let Some(p) = self.places[kind as usize].get(index) else {
            return format!("{}[{index}]", kind.plural());
        };
        let file =
            self.files[p.file as usize].name.as_deref().map(|n| format!(" of {n}")).unwrap_or_default();
        let document = if p.document > 0 { format!(", document {}", p.document + 1) } else { String::new() };
        format!("{}[{}]{file}{document}", kind.plural(), p.index)
    }

    /// Turns findings into problems with file, line and column.
    pub fn locate(&self, findings: Findings) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut by_file: Vec<Vec<(Place, Kind, String, String)>> =
            (0..self.files.len()).map(|_| Vec::new()).collect();
        for f in findings.into_list() {
            let place = f.index.and_then(|i| self.places[f.kind as usize].get(i).copied());
            match (place, f.index) {
                (Some(p), _) => by_file[p.file as usize].push((p, f.kind, f.field, f.message)),
                (None, Some(i)) => {
                    problems.push(nowhere(&format!("{}[{i}]", f.kind.plural()), &f.field, f.message))
                }
                (None, None) => {
                    problems.push(nowhere(
                        &format!("{} {:?} (in the registry)", f.kind, f.id),
                        &f.field,
                        f.message,
                    ));
                }
            }
        }
        for (file, found) in self.files.iter().zip(by_file).filter(|(_, found)| !found.is_empty()) {
            let (documents, _) = tree::parse(&file.text);
            for (place, kind, field, message) in found {
                let item = documents
                    .get(place.document as usize)
                    .and_then(|d| d.get(kind.plural()))
                    .map(|e| e.value.find(&format!("[{}]", place.index)));
                let node = item.map(|n| n.find(&field));
                let mut problem = nowhere(&format!("{}[{}]", kind.plural(), place.index), &field, message);
                problem.file = file.name.clone();
                problem.line = node.map(|n| n.line).filter(|l| *l > 0);
                problem.column = node.map(|n| n.column).filter(|c| *c > 0);
                problems.push(problem);
            }
        }
        tidy(problems)
    }
}

/// A problem of what stands in no file.
pub(crate) fn nowhere(item: &str, field: &str, message: String) -> Problem {
    let dot = if item.is_empty() || field.is_empty() { "" } else { "." };
    Problem { file: None, line: None, column: None, field: format!("{item}{dot}{field}"), message }
}

impl Sourced<Manifest> {
    /// A declaration that was made in memory.
    pub fn from_manifest(value: Manifest) -> Self {
        Self { value: Arc::new(value), origins: Arc::default(), files: Arc::default() }
    }
}
