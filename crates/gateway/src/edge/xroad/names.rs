//! Whom X-Road's identifiers mean here: a member is an agency by any of its codes, a subsystem is a system, and what a system offers is looked
//! up in an index of the snapshot.

use crate::exchange::Exchange;
use lgsp_kernel::model::{AgencyKind, Lifecycle};
use lgsp_kernel::snapshot::{Operation, Service, Snapshot, System, Version};
use lgsp_kernel::{Refusal, SystemId, fault};
use lgsp_xroad::id::ClientId;
use std::collections::HashMap;
use std::sync::{Arc, Weak};

/// The class of members that are agencies.
const AGENCIES: &str = "GOV";
/// The class of members that are businesses: their code is the tax code.
const BUSINESSES: &str = "COM";

/// The services of each system in one snapshot. Made when a snapshot is first asked so.
pub(crate) struct Index {
    /// Not kept alive by being indexed; while this is here, no other snapshot can lie where it did.
    of: Weak<Snapshot>,
    services: HashMap<SystemId, Vec<Arc<Service>>>,
}

impl Index {
    fn new(snapshot: &Arc<Snapshot>) -> Self {
        let mut services: HashMap<SystemId, Vec<Arc<Service>>> = HashMap::new();
        for service in snapshot.services.values() {
            services.entry(service.spec.system.clone()).or_default().push(service.clone());
        }
        services.values_mut().for_each(|s| s.sort_by(|a, b| a.spec.id.cmp(&b.spec.id)));
        Self { of: Arc::downgrade(snapshot), services }
    }
    /// What a system offers, in the order of its ids.
    pub fn services(&self, system: &str) -> &[Arc<Service>] {
        self.services.get(system).map_or(&[], Vec::as_slice)
    }
}

/// The index of the snapshot that an exchange is decided on.
pub(super) fn index(x: &Exchange) -> Arc<Index> {
    let kept = &x.gateway.xroad_index;
    let fits = |index: &Arc<Index>| std::ptr::eq(index.of.as_ptr(), Arc::as_ptr(&x.snapshot));
    if let Some(index) = kept.load_full().filter(fits) {
        return index;
    }
    let index = Arc::new(Index::new(&x.snapshot));
    kept.store(Some(index.clone()));
    index
}

/// The class of a kind of agency.
pub(super) fn class(enterprise: bool) -> &'static str {
    if enterprise { BUSINESSES } else { AGENCIES }
}

/// The system that an identifier means.
pub(super) fn system(x: &Exchange, id: &ClientId) -> Result<Arc<System>, Refusal> {
    let unknown = |why: &str| Refusal::new(&fault::XROAD_MEMBER, format!("{id}: {why}."));
    let instance = &x.gateway.config.xroad.instance;
    if id.instance != *instance {
        return Err(unknown(&format!("the instance here is {instance}")));
    }
    let subsystem = id.subsystem.as_deref().ok_or_else(|| unknown("it names no subsystem"))?;
    let agency = x.snapshot.agencies.get(id.member.as_str()).ok_or_else(|| unknown("no such member"))?;
    if id.class != class(agency.kind == AgencyKind::Enterprise) {
        return Err(unknown("the member is of another class"));
    }
    let system = x.snapshot.systems.get(subsystem).filter(|s| s.agency == agency.code);
    system.cloned().ok_or_else(|| unknown("the member has no such subsystem"))
}

/// The version that a label names, or the default one.
pub(super) fn version(service: &Service, label: Option<&str>) -> Result<Arc<Version>, Refusal> {
    let missing = |detail: String| Refusal::new(&fault::NO_VERSION, detail);
    let Some(label) = label else {
        let default = service.default_version.and_then(|i| service.versions.get(i));
        let default = default.filter(|v| v.callable()).cloned();
        return default.ok_or_else(|| missing(format!("No version of {} is published.", service.spec.id)));
    };
    match service.version(label) {
        Some(v) if v.callable() => Ok(v.clone()),
        Some(v) if v.spec.lifecycle == Lifecycle::Retired => {
            Err(Refusal::new(&fault::RETIRED_VERSION, format!("Version {} is retired.", v.spec.version)))
        }
        _ => Err(missing(format!("{} has no such version.", service.spec.id))),
    }
}

/// X-Road's code of a SOAP operation: the name of its element, or its own where it declares none.
pub(super) fn soap_code(operation: &Operation) -> &str {
    match operation.spec.element.as_deref() {
        Some(element) => element.rsplit_once('}').map_or(element, |(_, local)| local),
        None => &operation.spec.name,
    }
}
