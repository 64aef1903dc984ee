//! What a node tells of itself in the directory, made from what its registry declares. Only what belongs to agencies that the hub
//! approved it for: the rest would be refused there, so it is left out here, and named.

use lgsp_directory::members::{
    Hints, LogEntry, Member, MemberAgency, Operation, Profile, Service, System, Witness,
};
use lgsp_kernel::model::{Lifecycle, Manifest, ServiceSpec, SignatureMode, SystemSpec, VersionSpec};
use lgsp_kernel::{AgencyCode, SystemId};
use std::collections::BTreeSet;

/// What the registry does not know.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Where the peer listener is reached.
    pub endpoints: Vec<String>,
    /// Public keys of the message log, the current one last.
    pub logs: Vec<LogEntry>,
    /// Signature modes, the preferred one first.
    pub modes: Vec<SignatureMode>,
    /// Whether messages between others are passed on.
    pub relays: bool,
    /// The witness, if it runs one.
    pub witness: Option<Witness>,
}

/// The profile, and what was left out of it.
pub fn compile(manifest: &Manifest, approved: &[MemberAgency], facts: Facts) -> (Profile, Vec<String>) {
    let mut left_out = Vec::new();
    let mut profile = Profile {
        endpoints: facts.endpoints.into_iter().map(Into::into).collect(),
        protocols: vec![1],
        logs: facts.logs,
        modes: facts.modes,
        relays: facts.relays,
        witness: facts.witness,
        systems: Vec::new(),
        services: Vec::new(),
    };
    let may = |agency: &AgencyCode| approved_as(manifest, approved, agency);
    let mut shown = BTreeSet::new();
    for system in manifest.systems.iter().filter(|s| s.remote.is_none()) {
        let offers = manifest.services.iter().any(|s| s.system == system.id && s.listed);
        if let Some(code) = may(&system.agency) {
            shown.insert(system.id.clone());
            profile.systems.push(listed_system(system, code));
        } else if offers {
            left_out.push(format!(
                "system {}: the hub did not approve this node for {}",
                system.id, system.agency
            ));
        }
    }
    for service in manifest.services.iter().filter(|s| s.listed && shown.contains(&s.system)) {
        let Some(agency) = agency_of(manifest, &service.system).and_then(may) else { continue };
        // What this node itself reaches through another is listed by that one.
        let own = service.versions.iter().filter(|v| v.routes.is_empty() && in_use(v));
        profile.services.extend(own.map(|version| listed_service(service, version, agency)));
    }
    profile.systems.sort_by(|a, b| a.id.cmp(&b.id));
    profile.services.sort_by(|a, b| (&a.id, &a.version).cmp(&(&b.id, &b.version)));
    (profile, left_out)
}

/// Whether a member's entry says this already.
pub fn is_listed(member: &Member, profile: &Profile) -> bool {
    member.profile == *profile
}

fn agency_of<'a>(manifest: &'a Manifest, system: &SystemId) -> Option<&'a AgencyCode> {
    manifest.systems.iter().find(|s| s.id == *system).map(|s| &s.agency)
}

/// The code under which the hub knows the agency that has this code here: the registry may write another of its codes.
fn approved_as<'a>(
    manifest: &Manifest,
    approved: &'a [MemberAgency],
    agency: &AgencyCode,
) -> Option<&'a AgencyCode> {
    let declared = manifest.agencies.iter().find(|a| a.code == *agency || a.aliases.contains(agency));
    let mut codes =
        declared.into_iter().flat_map(|a| std::iter::once(&a.code).chain(&a.aliases)).chain([agency]);
    codes.find_map(|code| approved.iter().find(|a| a.has_code(code))).map(|a| &a.code)
}

fn in_use(version: &VersionSpec) -> bool {
    matches!(version.lifecycle, Lifecycle::Published | Lifecycle::Deprecated)
}

fn listed_system(system: &SystemSpec, agency: &AgencyCode) -> System {
    System { id: system.id.clone(), agency: agency.clone(), name: system.name.as_str().into() }
}

fn listed_service(service: &ServiceSpec, version: &VersionSpec, agency: &AgencyCode) -> Service {
    let operations = version.operations.iter().map(|o| Operation {
        name: o.name.to_string().into(),
        method: o.method.clone().map(Into::into),
        path: o.path.as_ref().map(|p| p.to_string().into()),
        element: o.element.clone().map(Into::into),
        soap_action: o.soap_action.clone().map(Into::into),
        idempotent: o.idempotent,
        safe: o.method.as_deref().is_some_and(|m| matches!(m, "GET" | "HEAD")),
    });
    Service {
        id: service.id.clone(),
        version: version.version.clone(),
        title: service.title.as_str().into(),
        protocol: service.protocol,
        agency: agency.clone(),
        system: service.system.clone(),
        operations: operations.collect(),
        hints: Hints {
            via: None,
            timeout_ms: version.upstream.total_timeout_ms,
            request_body_max: version.request_body_max,
            answer_body_max: version.answer_body_max,
        },
    }
}
