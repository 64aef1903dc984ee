//! What a declaration with contracts becomes before it is compared and stored: contracts compiled, their operations written out, and what
//! changed in a contract of a version in use named. Pure over what the library holds.

use super::Workshop;
use crate::validate::Scope;
use lgsp_kernel::mediation::{Compiled, ContractChange, ContractProblem};
use lgsp_kernel::model::{Lifecycle, Protocol, ServiceSpec, VersionSpec};
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// What a new contract changes for those who kept to the old one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ContractDiff {
    /// The service.
    pub service: String,
    /// The version as declared now.
    pub version: String,
    /// The version that it is compared with: the same one, as it is published, or the one before it.
    pub against: String,
    /// Each difference.
    pub changes: Vec<ContractChange>,
}

impl ContractDiff {
    /// Those that callers or the provider may stumble over.
    pub fn breaking(&self) -> impl Iterator<Item = &ContractChange> {
        self.changes.iter().filter(|c| c.breaking)
    }
}

/// What publishing tells besides problems.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub warnings: Vec<String>,
    pub diffs: Vec<ContractDiff>,
}

/// Puts a service's versions into their stored form.
pub(crate) fn service(
    shop: &Workshop,
    spec: &mut ServiceSpec,
    old: Option<&ServiceSpec>,
    accept_breaking: bool,
    scope: &mut Scope<'_>,
    told: &mut Told,
) {
    let (id, protocol) = (spec.id.to_string(), spec.protocol);
    for i in 0..spec.versions.len() {
        let at = format!("versions[{i}].");
        let before = old.and_then(|o| o.versions.iter().find(|v| v.version == spec.versions[i].version));
        if !spec.versions[i].is_mediated() && before.is_none_or(|b| b.contract.is_none()) {
            continue;
        }
        if !spec.versions[i].is_mediated()
            || compiled(shop, protocol, &mut spec.versions[i], &at, &id, scope, told)
        {
            let diff = compare(shop, spec, i, before, old);
            let Some(diff) = diff else { continue };
            let in_use =
                before.is_some_and(|b| b.lifecycle != Lifecycle::Draft && b.lifecycle != Lifecycle::Retired);
            let same = diff.against == diff.version;
            if in_use && same && !accept_breaking && diff.breaking().next().is_some() {
                for change in diff.breaking() {
                    scope.bad(format!("{at}contract"), refused(change));
                }
            }
            if !diff.changes.is_empty() {
                told.diffs.push(diff);
            }
        }
    }
}

fn refused(change: &ContractChange) -> String {
    format!(
        "breaks those who use the published version: {}: {}; declare a new version, or accept it (--accept-breaking)",
        change.place, change.what
    )
}

/// Compiles one version and writes its operations out; whether that went well.
fn compiled(
    shop: &Workshop,
    protocol: Protocol,
    version: &mut VersionSpec,
    at: &str,
    service: &str,
    scope: &mut Scope<'_>,
    told: &mut Told,
) -> bool {
    let files = match shop.files(version) {
        Ok(files) => files,
        Err(digest) => {
            scope.bad(
                format!("{at}contract"),
                format!("there are no files with the digest {digest}: upload them first"),
            );
            return false;
        }
    };
    match shop.compile(protocol, version, &files) {
        Ok(done) => {
            let label = version.version.as_str();
            let said = done.warnings.iter().map(|w| format!("service {service} {label}: {}", shown(w)));
            told.warnings.extend(said);
            write_out(shop, protocol, version, &done);
            true
        }
        Err(problems) => {
            for problem in problems.iter().filter(|p| !p.warning) {
                let field = if problem.field.is_empty() { "contract" } else { &problem.field };
                scope.bad(format!("{at}{field}"), shown(problem));
            }
            false
        }
    }
}

/// The stored form names all operations, so that grants, directory and copies see them without the contract.
fn write_out(shop: &Workshop, protocol: Protocol, version: &mut VersionSpec, done: &Arc<Compiled>) {
    version.operations.clone_from(&done.operations);
    shop.alias(protocol, version, done);
}

/// The place in the contract and what is wrong there.
fn shown(problem: &ContractProblem) -> String {
    match &problem.place {
        Some((file, line, column)) => format!("{file}:{line}:{column}: {}", problem.message),
        None => problem.message.clone(),
    }
}

/// What changes against the version as it is, or, for a new one, against the highest other one.
fn compare(
    shop: &Workshop,
    spec: &ServiceSpec,
    i: usize,
    before: Option<&VersionSpec>,
    old: Option<&ServiceSpec>,
) -> Option<ContractDiff> {
    let new = &spec.versions[i];
    let before = match before {
        Some(before) => before,
        None => old?
            .versions
            .iter()
            .filter(|v| v.contract.is_some() && v.lifecycle != Lifecycle::Retired)
            .max_by(|a, b| crate::compile::compare_labels(a.version.as_str(), b.version.as_str()))?,
    };
    let (Some(was), compiler) = (&before.contract, shop.compiler()?) else { return None };
    let changes = match &new.contract {
        Some(is) if is == was && new.operations == before.operations => return None,
        Some(_) => {
            let (old_files, new_files) = (shop.files(before).ok()?, shop.files(new).ok()?);
            compiler.compare(spec.protocol, (before, &old_files), (new, &new_files))
        }
        None => {
            vec![ContractChange { breaking: true, place: "contract".into(), what: "it is taken away".into() }]
        }
    };
    let (version, against) = (new.version.to_string(), before.version.to_string());
    Some(ContractDiff { service: spec.id.to_string(), version, against, changes })
}
