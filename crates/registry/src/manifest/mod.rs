//! Declarations as operators write them: one YAML file or a folder of them, or JSON over the administration API. Read here,
//! with every problem of form located, and secrets fetched from where a file says they are. What the declarations mean
//! together is `plan`'s.

mod contracts;
mod decode;
mod files;
mod report;
mod secrets;
mod sourced;
pub use contracts::gather_contract;
pub(crate) use secrets::version_secrets;
mod tree;

use crate::problem::{Problem, tidy};
use crate::resource::{Kind, Resource};
use crate::validate::{Findings, local};
use files::{gather, read_bounded, whole};
use lgsp_kernel::mediation::VersionFiles;
use lgsp_kernel::model::{AgencySpec, CredentialSpec, GrantSpec, Manifest, ServiceSpec, SystemSpec};
use report::Context;
pub use sourced::Sourced;
pub(crate) use sourced::nowhere;
use sourced::{Origins, Place, SourceFile};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tree::{Data, Node};

/// The largest file read, bytes. 100,000 grants take about 40 MB.
pub const FILE_MAX: u64 = 128 << 20;
/// The most files read in one run.
pub const FILES_MAX: usize = 10_000;
/// How deep folders are followed.
pub const FOLDERS_DEEP_MAX: usize = 16;

/// Reads files and folders (`*.yaml`, `*.yml`, also in folders below, in the order of their names). Secrets named by `env` and
/// `file` are fetched now, `file` relative to the folder of the file that names it.
pub fn read(paths: &[PathBuf]) -> Result<Sourced<Manifest>, Vec<Problem>> {
    let mut files = Vec::new();
    let mut problems = Vec::new();
    for path in paths {
        if path.is_dir() {
            gather(path, 0, &mut files, &mut problems);
        } else {
            files.push(path.clone());
        }
    }
    if files.is_empty() && problems.is_empty() {
        let named: Vec<String> = paths.iter().map(|p| p.display().to_string()).collect();
        problems.push(whole(&named.join(", "), "no *.yaml or *.yml file here"));
    }
    let mut run = Run::default();
    for path in files {
        match read_bounded(&path) {
            Ok(text) => {
                run.file(Some(path.display().to_string()), text, path.parent().map(Path::to_path_buf))
            }
            Err(message) => problems.push(whole(&path.display().to_string(), message)),
        }
    }
    run.problems.extend(problems);
    run.finish()
}

/// Reads one YAML text that came from elsewhere (`name` is what problems call it). Secrets must be in it: this process's own
/// environment and files are not the sender's to name.
pub fn read_text(name: &str, text: String) -> Result<Sourced<Manifest>, Vec<Problem>> {
    let mut run = Run::default();
    if text.len() as u64 > FILE_MAX {
        return Err(vec![whole(name, format!("larger than {FILE_MAX} bytes"))]);
    }
    run.file(Some(name.to_owned()), text, None);
    run.finish()
}

/// One item of JSON as a declaration. `id` must be the item's own where the item states one, and is put in where it does not.
pub fn from_json(
    kind: Kind,
    id: &str,
    mut item: serde_json::Value,
) -> Result<Sourced<Manifest>, Vec<Problem>> {
    let field = kind.id_field();
    let problem = |field: &str, message: String| vec![nowhere("", field, message)];
    let Some(map) = item.as_object_mut() else {
        return Err(problem("", format!("expected a JSON object that describes one {kind}")));
    };
    let stated = map.entry(field).or_insert_with(|| id.into());
    let same =
        stated.as_str().is_some_and(|s| s == id || (kind == Kind::Agency && s.eq_ignore_ascii_case(id)));
    if !same {
        return Err(problem(field, format!("the address says {id:?}, the body something else")));
    }
    let mut run = Run::default();
    run.node_of(kind, &Node::from_json(item));
    run.finish()
}

/// One service as a declaration, with the files that its versions name by their digests.
pub fn of_service(
    id: &str,
    item: serde_json::Value,
    files: VersionFiles,
) -> Result<Sourced<Manifest>, Vec<Problem>> {
    let read = from_json(Kind::Service, id, item)?;
    Ok(Sourced { files: Arc::new(files), ..read })
}

/// A manifest as YAML that can be read again.
pub fn to_yaml(manifest: &Manifest) -> String {
    serde_saphyr::to_string(manifest).unwrap_or_else(|e| format!("# cannot be written as YAML: {e}\n"))
}

/// One run of reading.
#[derive(Default)]
struct Run {
    manifest: Manifest,
    origins: Origins,
    problems: Vec<Problem>,
    contract_files: VersionFiles,
}

impl Run {
    /// Reads one file. `folder`: where secrets named by `file` are sought; none: secrets must be in the text.
    fn file(&mut self, name: Option<String>, text: String, folder: Option<PathBuf>) {
        let file = u32::try_from(self.origins.files.len()).unwrap_or(u32::MAX);
        {
            let (documents, faults) = tree::parse(&text);
            let cx = Context::new(name.as_deref());
            for f in faults {
                cx.report((f.line, f.column), (!f.field.is_empty()).then_some(&*f.field), f.message);
            }
            for (d, document) in documents.iter().enumerate() {
                let place = Place { file, document: u32::try_from(d).unwrap_or(u32::MAX), index: 0 };
                self.document(&cx, document, place, folder.as_deref());
            }
            self.problems.extend(cx.into_problems());
        }
        self.origins.files.push(SourceFile { name, text });
    }

    fn document(&mut self, cx: &Context<'_>, document: &Node<'_>, place: Place, folder: Option<&Path>) {
        let entries = match &document.data {
            Data::Map(entries) => entries,
            Data::Null => return,
            _ => {
                let lists = Kind::ALL.map(Kind::plural).join(", ");
                return cx.report(
                    (document.line, document.column),
                    None,
                    format!("expected the lists {lists}"),
                );
            }
        };
        for entry in entries {
            let Some(kind) = Kind::ALL.into_iter().find(|k| k.plural() == entry.key) else {
                let lists = Kind::ALL.map(Kind::plural);
                let near = crate::problem::did_you_mean(&entry.key, lists.into_iter());
                let message = format!("unknown list {:?}; there are: {}{near}", entry.key, lists.join(", "));
                cx.report((entry.line, entry.column), None, message);
                continue;
            };
            match kind {
                Kind::Agency => self.list::<AgencySpec>(cx, &entry.value, place, folder),
                Kind::System => self.list::<SystemSpec>(cx, &entry.value, place, folder),
                Kind::Credential => self.list::<CredentialSpec>(cx, &entry.value, place, folder),
                Kind::Service => self.list::<ServiceSpec>(cx, &entry.value, place, folder),
                Kind::Grant => self.list::<GrantSpec>(cx, &entry.value, place, folder),
            }
        }
    }

    fn list<T: Resource + secrets::Secrets>(
        &mut self,
        cx: &Context<'_>,
        node: &Node<'_>,
        place: Place,
        folder: Option<&Path>,
    ) {
        let items = match &node.data {
            Data::List(items) => items,
            Data::Null => return,
            _ => {
                return cx.field(T::KIND.plural(), || {
                    cx.report((node.line, node.column), None, "expected a list")
                });
            }
        };
        for (i, item) in items.iter().enumerate() {
            let read = cx.field(T::KIND.plural(), || {
                cx.item(i, || {
                    let mut spec: T = cx.read(item)?;
                    let mut fine = true;
                    spec.each_secret(&mut |path, secret| {
                        if let Err(message) = secrets::fetch(secret, folder) {
                            let at = item.find(path);
                            cx.report((at.line, at.column), Some(path), message);
                            fine = false;
                        }
                    });
                    spec.each_file(&mut |path, named| {
                        if let Err(message) = contracts::fetch(named, folder, &mut self.contract_files) {
                            let at = item.find(path);
                            cx.report((at.line, at.column), Some(path), message);
                            fine = false;
                        }
                    });
                    fine.then_some(spec)
                })
            });
            if let Some(spec) = read {
                T::listed_mut(&mut self.manifest).push(spec);
                let index = u32::try_from(i).unwrap_or(u32::MAX);
                self.origins.places[T::KIND as usize].push(Place { index, ..place });
            }
        }
    }

    /// Reads one item that stands in no file.
    fn node_of(&mut self, kind: Kind, node: &Node<'_>) {
        fn one<T: Resource + secrets::Secrets>(run: &mut Run, cx: &Context<'_>, node: &Node<'_>) {
            let Some(mut spec) = cx.read::<T>(node) else { return };
            let mut fine = true;
            spec.each_secret(&mut |path, secret| {
                if let Err(message) = secrets::fetch(secret, None) {
                    cx.report((0, 0), Some(path), message);
                    fine = false;
                }
            });
            spec.each_file(&mut |path, named| {
                if let Err(message) = contracts::fetch(named, None, &mut run.contract_files) {
                    cx.report((0, 0), Some(path), message);
                    fine = false;
                }
            });
            if fine {
                T::listed_mut(&mut run.manifest).push(spec);
            }
        }
        let cx = Context::new(None);
        cx.field(kind.plural(), || {
            cx.item(0, || match kind {
                Kind::Agency => one::<AgencySpec>(self, &cx, node),
                Kind::System => one::<SystemSpec>(self, &cx, node),
                Kind::Credential => one::<CredentialSpec>(self, &cx, node),
                Kind::Service => one::<ServiceSpec>(self, &cx, node),
                Kind::Grant => one::<GrantSpec>(self, &cx, node),
            })
        });
        self.problems.extend(cx.into_problems());
    }

    /// The manifest, or all problems: those of form and, of the items that could be read, those that each shows by itself.
    fn finish(self) -> Result<Sourced<Manifest>, Vec<Problem>> {
        if self.problems.is_empty() {
            return Ok(Sourced {
                value: Arc::new(self.manifest),
                origins: Arc::new(self.origins),
                files: Arc::new(self.contract_files),
            });
        }
        let mut findings = Findings::default();
        local(&self.manifest, &mut findings);
        let mut problems = self.problems;
        problems.extend(self.origins.locate(findings));
        Err(tidy(problems))
    }
}
