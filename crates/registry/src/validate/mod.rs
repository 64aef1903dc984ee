//! The rules of declared things: `local` is what one thing shows by itself, `references` what things say of each other,
//! `transitions` what may become of what is there. Each finding names its item and field; `manifest` locates it.

mod agency;
mod credential;
mod grant;
mod mediation;
mod references;
mod route;
pub(crate) mod rules;
mod service;
mod target;
mod text;
mod transitions;
mod upstream;

use crate::resource::{Kind, Resource};
use lgsp_kernel::model::Manifest;

pub use service::RESERVED_SEGMENTS;

pub(crate) use credential::fingerprint;
pub(crate) use references::{References, check as references};
pub(crate) use text::secret_length;
pub(crate) use transitions::{credential as credential_transition, service as service_transition};

/// Something found wrong with an item.
#[derive(Debug)]
pub(crate) struct Finding {
    pub kind: Kind,
    /// Its place in the manifest's list; none: it stands in the registry only.
    pub index: Option<usize>,
    pub id: String,
    pub field: String,
    pub message: String,
}

/// All that was found. Bounded: what is past the bound is only counted, by standing in the list without words.
#[derive(Debug, Default)]
pub(crate) struct Findings(Vec<Finding>);

/// Kept of one run: enough to sort and cut afterwards, and a stop to what a file of rubbish can take up.
const FINDINGS_MAX: usize = 10_000;

impl Findings {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    pub fn into_list(self) -> Vec<Finding> {
        self.0
    }
    /// Findings about one item of the manifest.
    pub fn of<'f>(&'f mut self, kind: Kind, index: usize, id: &str) -> Scope<'f> {
        Scope { findings: self, kind, index: Some(index), id: id.to_owned() }
    }
    /// Findings about an item that stands in the registry only.
    pub fn existing<'f>(&'f mut self, kind: Kind, id: &str) -> Scope<'f> {
        Scope { findings: self, kind, index: None, id: id.to_owned() }
    }
}

/// Where findings about one item go.
pub(crate) struct Scope<'f> {
    findings: &'f mut Findings,
    kind: Kind,
    index: Option<usize>,
    id: String,
}

impl Scope<'_> {
    /// Adds a finding about a field.
    pub fn bad(&mut self, field: impl Into<String>, message: impl Into<String>) {
        if self.findings.0.len() < FINDINGS_MAX {
            self.findings.0.push(Finding {
                kind: self.kind,
                index: self.index,
                id: self.id.clone(),
                field: field.into(),
                message: message.into(),
            });
        }
    }
}

/// What each item of a manifest shows by itself.
pub(crate) fn local(manifest: &Manifest, findings: &mut Findings) {
    fn each<T: Resource>(manifest: &Manifest, findings: &mut Findings, check: fn(&T, &mut Scope<'_>)) {
        for (i, item) in T::listed(manifest).iter().enumerate() {
            check(item, &mut findings.of(T::KIND, i, item.id()));
        }
    }
    each(manifest, findings, agency::agency);
    each(manifest, findings, agency::system);
    each(manifest, findings, credential::credential);
    each(manifest, findings, service::service);
    each(manifest, findings, grant::grant);
}
