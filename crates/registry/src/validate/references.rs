//! What declared things say of each other, asked of the state as it would be. Looks at what changed and at what refers to it, not
//! at everything.

use super::{Findings, Scope, fingerprint, rules};
use crate::problem::did_you_mean;
use crate::resource::{Kind, Resource};
use crate::state::{Declared, Shelf, Touched};
use lgsp_kernel::model::{
    AgencySpec, CredentialKind, CredentialSpec, FaceSpec, GrantSpec, Protocol, ServiceSpec, SystemSpec,
    VersionSpec,
};
use lgsp_kernel::snapshot::{Digest, OperationRule};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// The state as it would be, and what of it is new.
pub(crate) struct References<'a> {
    pub next: &'a Declared,
    /// Made or changed.
    pub changed: &'a Touched,
    /// Gone.
    pub deleted: &'a Touched,
    /// Where each item stands in the manifest.
    pub listed: &'a HashMap<(Kind, &'a str), usize>,
}

/// Adds a finding for everything that does not fit together.
pub(crate) fn check(refs: &References<'_>, findings: &mut Findings) {
    let codes = agencies(refs, findings);
    systems(refs, &codes, findings);
    credentials(refs, findings);
    services(refs, findings);
    grants(refs, findings);
}

/// Agencies by all their codes.
type Codes<'a> = HashMap<&'a str, &'a AgencySpec>;

impl<'a> References<'a> {
    fn scope<'f>(&self, findings: &'f mut Findings, kind: Kind, id: &str) -> Scope<'f> {
        match self.listed.get(&(kind, id)) {
            Some(index) => findings.of(kind, *index, id),
            None => findings.existing(kind, id),
        }
    }

    /// Systems of other nodes that are new or changed.
    fn changed_remotes(&self) -> impl Iterator<Item = &'a SystemSpec> {
        let systems = self.changed.systems.iter().filter_map(|id| self.next.systems.get(id));
        systems.map(|h| &*h.spec).filter(|s| s.remote.is_some())
    }

    /// The items of a kind that have to be asked: all where `all`, otherwise those that changed.
    fn asked<T: Resource>(&self, all: bool, changed: &'a BTreeSet<Arc<str>>) -> Vec<&'a T> {
        let shelf = T::shelf(self.next);
        if all {
            shelf.values().map(|h| &*h.spec).collect()
        } else {
            changed.iter().filter_map(|id| shelf.get(id)).map(|h| &*h.spec).collect()
        }
    }
}

fn known<T: Resource>(shelf: &Shelf<T>) -> impl Iterator<Item = &str> {
    shelf.keys().map(|k| &**k)
}

fn no_system(next: &Declared, id: &str) -> Option<String> {
    (!next.systems.contains_key(id))
        .then(|| format!("there is no system {id:?}{}", did_you_mean(id, known(&next.systems))))
}

fn agencies<'a>(refs: &References<'a>, findings: &mut Findings) -> Codes<'a> {
    let touched = !refs.changed.agencies.is_empty() || !refs.deleted.agencies.is_empty();
    let mut codes: Codes<'a> = HashMap::new();
    for agency in refs.asked::<AgencySpec>(true, &refs.changed.agencies) {
        for code in std::iter::once(&agency.code).chain(&agency.aliases) {
            if let Some(other) = codes.insert(code.as_str(), agency)
                && other.code != agency.code
            {
                // The one that changed is at fault; where both did, the later one.
                let changed = |a: &AgencySpec| refs.changed.agencies.contains(a.code.as_str());
                let (fault, holder) = if changed(agency) { (agency, other) } else { (other, agency) };
                let field = match fault.aliases.iter().position(|a| a == code) {
                    Some(at) => format!("aliases[{at}]"),
                    None => "code".into(),
                };
                refs.scope(findings, Kind::Agency, fault.code.as_str()).bad(
                    field,
                    format!("{code} is a code of agency {} ({}) already", holder.code, holder.name),
                );
            }
        }
    }
    if touched {
        for agency in refs.asked::<AgencySpec>(true, &refs.changed.agencies) {
            parent(refs, agency, &codes, findings);
        }
    }
    codes
}

fn parent(refs: &References<'_>, agency: &AgencySpec, codes: &Codes<'_>, findings: &mut Findings) {
    let Some(code) = &agency.parent else { return };
    let mut scope = refs.scope(findings, Kind::Agency, agency.code.as_str());
    let Some(mut above) = codes.get(code.as_str()) else {
        scope.bad(
            "parent",
            format!("there is no agency {code}{}", did_you_mean(code.as_str(), codes.keys().copied())),
        );
        return;
    };
    let mut way = vec![agency.code.as_str()];
    // A chain longer than there are agencies goes in a circle.
    for _ in 0..=codes.len() {
        way.push(above.code.as_str());
        if above.code == agency.code {
            if way.len() > 2 {
                scope.bad("parent", format!("goes in a circle: {}", way.join(" -> ")));
            }
            return;
        }
        match above.parent.as_ref().and_then(|p| codes.get(p.as_str())) {
            Some(next) => above = next,
            None => return,
        }
    }
}

fn systems(refs: &References<'_>, codes: &Codes<'_>, findings: &mut Findings) {
    let all = !refs.changed.agencies.is_empty() || !refs.deleted.agencies.is_empty();
    for system in refs.asked::<SystemSpec>(all, &refs.changed.systems) {
        let code = system.agency.as_str();
        if !codes.contains_key(code) {
            let near = did_you_mean(code, codes.keys().copied());
            refs.scope(findings, Kind::System, system.id.as_str())
                .bad("agency", format!("there is no agency {code}{near}"));
        }
    }
    if refs.changed_remotes().next().is_some() {
        remotes(refs, findings);
    }
}

/// A system of another node is one system here: which grants a call from there has could not be told otherwise.
fn remotes(refs: &References<'_>, findings: &mut Findings) {
    let mut seen: HashMap<(&str, &str), &SystemSpec> = HashMap::new();
    for system in refs.asked::<SystemSpec>(true, &refs.changed.systems) {
        let Some(remote) = &system.remote else { continue };
        let there = remote.system.as_ref().unwrap_or(&system.id).as_str();
        if let Some(other) = seen.insert((remote.node.as_str(), there), system) {
            let changed = refs.changed.systems.contains(system.id.as_str());
            let (fault, holder) = if changed { (system, other) } else { (other, system) };
            let message = format!("is declared as system {:?} already", holder.id.as_str());
            refs.scope(findings, Kind::System, fault.id.as_str())
                .bad("remote", format!("{there:?} of node {:?} {message}", remote.node.as_str()));
        }
    }
}

fn credentials(refs: &References<'_>, findings: &mut Findings) {
    let all = !refs.deleted.systems.is_empty() || refs.changed_remotes().next().is_some();
    for spec in refs.asked::<CredentialSpec>(all, &refs.changed.credentials) {
        let mut scope = refs.scope(findings, Kind::Credential, spec.id.as_str());
        if let Some(why) = no_system(refs.next, spec.system.as_str()) {
            scope.bad("system", why);
        } else if let Some(remote) = refs.next.systems[spec.system.as_str()].spec.remote.as_ref() {
            let (system, node) = (spec.system.as_str(), remote.node.as_str());
            scope.bad(
                "system",
                format!("system {system:?} is one of node {node:?}: its calls come signed from there, without a credential"),
            );
        }
    }
    if refs.changed.credentials.is_empty() {
        return;
    }
    let mut seen: HashMap<(&str, Digest), &CredentialSpec> = HashMap::new();
    for spec in refs.asked::<CredentialSpec>(true, &refs.changed.credentials) {
        let (field, text) = match spec.kind {
            CredentialKind::Client => continue,
            CredentialKind::ApiKey => ("secret", spec.digest.as_deref()),
            CredentialKind::Certificate => ("fingerprint", spec.fingerprint.as_deref()),
        };
        let Some(digest) = text.and_then(fingerprint) else { continue };
        if let Some(other) = seen.insert((field, digest), spec) {
            let changed = refs.changed.credentials.contains(spec.id.as_str());
            let (fault, holder) = if changed { (spec, other) } else { (other, spec) };
            let message =
                format!("credential {:?} has the same: who calls could not be told", holder.id.as_str());
            refs.scope(findings, Kind::Credential, fault.id.as_str()).bad(field, message);
        }
    }
}

fn services(refs: &References<'_>, findings: &mut Findings) {
    let all = !refs.deleted.systems.is_empty();
    for spec in refs.asked::<ServiceSpec>(all, &refs.changed.services) {
        if let Some(why) = no_system(refs.next, spec.system.as_str()) {
            refs.scope(findings, Kind::Service, spec.id.as_str()).bad("system", why);
        }
    }
    if refs.changed.services.is_empty() {
        return;
    }
    let mut seen: HashMap<String, &str> = HashMap::new();
    for id in known(&refs.next.services) {
        if let Some(other) = seen.insert(id.to_ascii_lowercase(), id) {
            let (fault, holder) = if refs.changed.services.contains(id) { (id, other) } else { (other, id) };
            refs.scope(findings, Kind::Service, fault)
                .bad("id", format!("differs from service {holder:?} in the case of letters only"));
        }
    }
}

fn grants(refs: &References<'_>, findings: &mut Findings) {
    let gone = !refs.deleted.systems.is_empty() || !refs.deleted.services.is_empty();
    let services = &refs.changed.services;
    let asked: Vec<&GrantSpec> = if gone || !services.is_empty() {
        let touched = |g: &&GrantSpec| {
            gone || services.contains(g.service.as_str()) || refs.changed.grants.contains(g.id.as_str())
        };
        refs.next.grants.values().map(|h| &*h.spec).filter(touched).collect()
    } else {
        refs.asked(false, &refs.changed.grants)
    };
    for spec in asked {
        let mut scope = refs.scope(findings, Kind::Grant, spec.id.as_str());
        grant(refs.next, spec, &mut scope);
    }
}

fn grant(next: &Declared, spec: &GrantSpec, scope: &mut Scope<'_>) {
    if let Some(why) = no_system(next, spec.consumer.as_str()) {
        scope.bad("consumer", why);
    }
    let Some(service) = next.services.get(spec.service.as_str()) else {
        let near = did_you_mean(spec.service.as_str(), known(&next.services));
        scope.bad("service", format!("there is no service {:?}{near}", spec.service.as_str()));
        return;
    };
    let service = &*service.spec;
    for (i, label) in spec.versions.iter().enumerate() {
        if !service.versions.iter().any(|v| v.version == *label) {
            let near = did_you_mean(label.as_str(), service.versions.iter().map(|v| v.version.as_str()));
            scope.bad(
                format!("versions[{i}]"),
                format!("service {:?} has no version {:?}{near}", service.id.as_str(), label.as_str()),
            );
        }
    }
    let versions: Vec<&VersionSpec> = service
        .versions
        .iter()
        .filter(|v| spec.versions.is_empty() || spec.versions.contains(&v.version))
        .collect();
    if versions.is_empty() {
        return;
    }
    for (i, text) in spec.operations.iter().enumerate() {
        if let Some(why) = rules::parse(text).ok().and_then(|rule| idle(&rule, service, &versions)) {
            scope.bad(format!("operations[{i}]"), why);
        }
    }
}

/// Why a rule can never let a call through, if so: a name that nothing has is a slip of the pen.
fn idle(rule: &OperationRule, service: &ServiceSpec, versions: &[&VersionSpec]) -> Option<String> {
    let operations = || versions.iter().flat_map(|v| &v.operations);
    let id = service.id.as_str();
    match rule {
        OperationRule::Any => None,
        OperationRule::Name(name) => (!operations().any(|o| o.name == *name)).then(|| {
            format!(
                "service {id:?} has no operation {name:?}{}",
                did_you_mean(name, operations().map(|o| o.name.as_str()))
            )
        }),
        OperationRule::Action(action) => {
            let actions = || operations().filter_map(|o| o.soap_action.as_deref());
            (!actions().any(|a| a == action)).then(|| {
                format!("service {id:?} has no SOAPAction {action:?}{}", did_you_mean(action, actions()))
            })
        }
        OperationRule::MethodPath(method, _)
            if service.protocol == Protocol::Soap
                && !versions.iter().any(|v| v.has_face(FaceSpec::Rest, Protocol::Soap)) =>
        {
            let shown = method.as_deref().unwrap_or("*");
            Some(format!(
                "service {id:?} speaks SOAP: name the operation, or write action:<SOAPAction>, in place of {shown} and a path"
            ))
        }
        OperationRule::MethodPath(Some(method), _) => (!operations()
            .any(|o| o.method.as_deref() == Some(method)))
        .then(|| format!("service {id:?} has no operation with the method {method}")),
        OperationRule::MethodPath(None, _) => None,
    }
}
