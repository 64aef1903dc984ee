//! From what is declared to what would change: every rule asked, every secret put into its stored form, the difference computed.
//! Pure: nothing is written; a dry run is a plan that nobody commits.

mod diff;
mod render;

pub use render::render;

use crate::contracts::Workshop;
use crate::contracts::publish::{self, ContractDiff, Told};
use crate::manifest::Sourced;
use crate::problem::Problem;
use crate::resource::{Kind, Resource};
use crate::sealing;
use crate::state::{Declared, Held, Touched, to_text};
use crate::validate::{self, Findings, References};
use lgsp_kernel::Vault;
use lgsp_kernel::mediation::VersionFiles;
use lgsp_kernel::model::{AgencySpec, CredentialSpec, GrantSpec, Manifest, ServiceSpec, SystemSpec};
use serde::Serialize;
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;
use utoipa::ToSchema;

/// How a declaration is taken.
#[derive(Debug, Clone, Copy, Default)]
pub struct PlanOptions {
    /// Delete what is not declared. Otherwise it is left alone.
    pub prune: bool,
    /// Take changes of contracts that break those who use a published version.
    pub accept_breaking: bool,
}

/// What happens to an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It is new.
    Create,
    /// It is there and differs.
    Update,
    /// It goes.
    Delete,
}

/// One field that differs. Secrets are never shown, only that they changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldDiff {
    /// The field: `versions[1.0].lifecycle`.
    pub path: String,
    /// What it was; none: it was not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// What it becomes; none: it goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// One item that changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Change {
    /// Its kind.
    pub kind: Kind,
    /// Its id.
    pub id: String,
    /// What happens to it.
    pub action: Action,
    /// For an update, the fields that differ.
    pub fields: Vec<FieldDiff>,
    /// The stored form before.
    #[serde(skip)]
    pub(crate) before: Option<String>,
    /// The stored form after.
    #[serde(skip)]
    pub(crate) after: Option<String>,
}

/// What would change, computed at one generation and good only there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Plan {
    /// The generation it was computed at.
    pub base: i64,
    /// What changes, in the order of dependence: deletions last, users before what they use.
    pub changes: Vec<Change>,
    /// What is worth knowing and hinders nothing: of contracts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// What changes in contracts, for those who kept to the old ones.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub contracts: Vec<ContractDiff>,
    /// The files that changed services name: kept in the same transaction.
    #[serde(skip)]
    pub(crate) files: VersionFiles,
}

impl Plan {
    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }
    /// How many items are created, updated and deleted.
    pub fn totals(&self) -> (usize, usize, usize) {
        let count = |a: Action| self.changes.iter().filter(|c| c.action == a).count();
        (count(Action::Create), count(Action::Update), count(Action::Delete))
    }
}

/// Computes what a declaration, and deletions named one by one, would change.
pub(crate) fn plan(
    existing: &Declared,
    vault: &Vault,
    shop: &Workshop,
    desired: &Sourced<Manifest>,
    options: PlanOptions,
    deletions: &[(Kind, String)],
) -> Result<Plan, Vec<Problem>> {
    let manifest = &desired.value;
    let mut findings = Findings::default();
    let listed = listed(desired, &mut findings);
    validate::local(manifest, &mut findings);
    let mut work = Work {
        existing,
        next: existing.clone(),
        changed: Touched::default(),
        deleted: Touched::default(),
        changes: Vec::new(),
    };
    for (digest, files) in desired.files.iter() {
        shop.library.put(digest.clone(), files.clone());
    }
    let told = RefCell::new(Told::default());
    work.declare::<AgencySpec>(manifest, &mut findings, |_, _, _| {}, |_, _, _| {});
    work.declare::<SystemSpec>(manifest, &mut findings, |_, _, _| {}, |_, _, _| {});
    work.declare::<CredentialSpec>(
        manifest,
        &mut findings,
        |spec, old, scope| sealing::credential(vault, spec, old, scope),
        validate::credential_transition,
    );
    work.declare::<ServiceSpec>(
        manifest,
        &mut findings,
        |spec, old, scope| {
            sealing::service(vault, spec, old, scope);
            let breaking = options.accept_breaking;
            publish::service(shop, spec, old, breaking, scope, &mut told.borrow_mut());
        },
        validate::service_transition,
    );
    work.declare::<GrantSpec>(manifest, &mut findings, |_, _, _| {}, |_, _, _| {});
    for kind in Kind::ALL.into_iter().rev() {
        for id in work.doomed(kind, &listed, options, deletions) {
            work.delete(kind, id);
        }
    }
    let references =
        References { next: &work.next, changed: &work.changed, deleted: &work.deleted, listed: &listed };
    validate::references(&references, &mut findings);
    if !findings.is_empty() {
        return Err(desired.origins.locate(findings));
    }
    let Told { warnings, diffs: contracts } = told.into_inner();
    let files = work.files(shop);
    Ok(Plan { base: existing.generation, changes: work.changes, warnings, contracts, files })
}

/// Where each declared item stands; items declared twice are findings.
fn listed<'a>(desired: &'a Sourced<Manifest>, findings: &mut Findings) -> HashMap<(Kind, &'a str), usize> {
    fn of<'a, T: Resource>(
        desired: &'a Sourced<Manifest>,
        map: &mut HashMap<(Kind, &'a str), usize>,
        findings: &mut Findings,
    ) {
        for (i, item) in T::listed(&desired.value).iter().enumerate() {
            if let Some(first) = map.get(&(T::KIND, item.id())) {
                let at = desired.origins.describe(T::KIND, *first);
                let message = format!("{} {:?} is declared twice, first as {at}", T::KIND, item.id());
                findings.of(T::KIND, i, item.id()).bad(T::KIND.id_field(), message);
            } else {
                map.insert((T::KIND, item.id()), i);
            }
        }
    }
    let mut map = HashMap::new();
    of::<AgencySpec>(desired, &mut map, findings);
    of::<SystemSpec>(desired, &mut map, findings);
    of::<CredentialSpec>(desired, &mut map, findings);
    of::<ServiceSpec>(desired, &mut map, findings);
    of::<GrantSpec>(desired, &mut map, findings);
    map
}

struct Work<'a> {
    existing: &'a Declared,
    next: Declared,
    changed: Touched,
    deleted: Touched,
    changes: Vec<Change>,
}

impl Work<'_> {
    /// The files that changed services name.
    fn files(&self, shop: &Workshop) -> VersionFiles {
        let changed = self.changed.services.iter().filter_map(|id| self.next.services.get(id));
        let versions = changed.flat_map(|h| &h.spec.versions);
        versions.filter_map(|v| shop.files(v).ok()).flatten().collect()
    }

    /// Takes over the declared items of one kind: `store` puts secrets into their stored form, `turn` asks whether what is there may
    /// become what is declared.
    fn declare<T: Resource>(
        &mut self,
        manifest: &Manifest,
        findings: &mut Findings,
        store: impl Fn(&mut T, Option<&T>, &mut validate::Scope<'_>),
        turn: impl Fn(&T, &T, &mut validate::Scope<'_>),
    ) {
        for (i, item) in T::listed(manifest).iter().enumerate() {
            let mut spec = item.clone();
            let id: Arc<str> = item.id().into();
            let old = T::shelf(self.existing).get(&id).map(|h| &h.spec);
            let mut scope = findings.of(T::KIND, i, &id);
            store(&mut spec, old.map(|o| &**o), &mut scope);
            if let Some(old) = old {
                if **old == spec {
                    continue;
                }
                turn(old, &spec, &mut scope);
            }
            let before = self.existing.text(T::KIND, &id);
            let after = to_text(&spec);
            self.changes.push(Change {
                kind: T::KIND,
                id: id.to_string(),
                action: if before.is_some() { Action::Update } else { Action::Create },
                fields: before.as_deref().map_or_else(Vec::new, |b| diff::fields(b, &after)),
                before,
                after: Some(after),
            });
            self.changed.of(T::KIND).insert(id.clone());
            self.next.unreadable.remove(&(T::KIND, id.clone()));
            T::shelf_mut(&mut self.next).insert(id, Held { spec: Arc::new(spec), generation: 0 });
        }
    }

    /// What of a kind is to go: what was named, and with `prune` all that is not declared.
    fn doomed(
        &self,
        kind: Kind,
        listed: &HashMap<(Kind, &str), usize>,
        options: PlanOptions,
        deletions: &[(Kind, String)],
    ) -> Vec<Arc<str>> {
        let mut ids: Vec<Arc<str>> =
            deletions.iter().filter(|(k, _)| *k == kind).map(|(_, id)| Arc::from(id.as_str())).collect();
        if options.prune {
            let there = self.existing.ids(kind);
            ids.extend(there.into_iter().filter(|id| !listed.contains_key(&(kind, &**id))));
        }
        ids
    }

    fn delete(&mut self, kind: Kind, id: Arc<str>) {
        let Some(before) = self.existing.text(kind, &id) else { return };
        self.changes.push(Change {
            kind,
            id: id.to_string(),
            action: Action::Delete,
            fields: Vec::new(),
            before: Some(before),
            after: None,
        });
        self.next.remove(kind, &id);
        self.deleted.of(kind).insert(id);
    }
}
