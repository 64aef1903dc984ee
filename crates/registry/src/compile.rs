//! From the declared state to the snapshot that calls are decided on. One function does it from nothing and after changes: it
//! compiles what was touched and what depends on that, and shares the rest with the snapshot before.

mod access;
mod services;

pub(crate) use services::compare_labels;

use crate::contracts::Workshop;
use crate::resource::Kind;
use crate::state::{Declared, Touched};
use lgsp_kernel::model::{Lifecycle, SystemSpec};
use lgsp_kernel::snapshot::{Snapshot, System};
use lgsp_kernel::{AgencyCode, NodeName, SystemId, Vault};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What could not be compiled, and why. Kept out of the snapshot; the rest goes on.
pub(crate) type KeptOut = imbl::OrdMap<(Kind, Arc<str>), String>;

/// A snapshot and what is missing from it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Compiled {
    pub snapshot: Snapshot,
    pub kept_out: KeptOut,
}

/// Compiles a state from nothing.
pub(crate) fn full(state: &Declared, vault: &Vault, shop: &Workshop) -> Compiled {
    update(&Compiled::default(), &Declared::default(), state, Touched::everything(state), vault, shop)
}

/// Compiles what was touched between two states, over the compilation of the first.
pub(crate) fn update(
    before: &Compiled,
    old: &Declared,
    new: &Declared,
    mut touched: Touched,
    vault: &Vault,
    shop: &Workshop,
) -> Compiled {
    let mut out = before.clone();
    out.snapshot.generation = u64::try_from(new.generation).unwrap_or_default();
    let codes = agencies(&mut out, old, new, &touched.agencies);
    if !codes.is_empty() {
        let affected = new.systems.iter().filter(|(_, h)| codes.contains(&h.spec.agency));
        touched.systems.extend(affected.map(|(id, _)| id.clone()));
    }
    let moved = systems(&mut out, new, &touched.systems);
    if !moved.is_empty() {
        let affected = new.services.iter().filter(|(_, h)| moved.contains(&h.spec.system));
        touched.services.extend(affected.map(|(id, _)| id.clone()));
    }
    warm(shop, new, &touched.services);
    services::services(&mut out, new, &touched.services, vault, shop);
    access::credentials(&mut out, new, &touched.credentials);
    access::grants(&mut out, old, new, &touched.grants);
    out
}

/// Contracts compiled at once at the start of a node; the memory of each is bounded by the contract's.
const WARM_THREADS: usize = 4;

/// Compiles contracts on several threads where there are several; what is compiled is remembered.
fn warm(shop: &Workshop, new: &Declared, touched: &BTreeSet<Arc<str>>) {
    if !shop.serves() {
        return;
    }
    let services = touched.iter().filter_map(|id| new.services.get(id)).map(|h| &h.spec);
    let used = services.flat_map(|s| s.versions.iter().map(move |v| (s.protocol, v)));
    let used: Vec<_> = used
        .filter(|(_, v)| v.is_mediated() && !matches!(v.lifecycle, Lifecycle::Draft | Lifecycle::Retired))
        .collect();
    if used.len() < 2 {
        return;
    }
    let next = std::sync::atomic::AtomicUsize::new(0);
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..WARM_THREADS.min(cores).min(used.len()) {
            scope.spawn(|| {
                while let Some((protocol, v)) =
                    used.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
                {
                    if let Ok(files) = shop.files(v) {
                        let _ = shop.compile(*protocol, v, &files);
                    }
                }
            });
        }
    });
}

impl Compiled {
    /// Notes that an item is, or no longer is, kept out.
    fn note(&mut self, kind: Kind, id: &Arc<str>, why: Option<String>) {
        let key = (kind, id.clone());
        match why {
            Some(why) if self.kept_out.get(&key) == Some(&why) => {}
            Some(why) => {
                tracing::error!(%kind, %id, why, "a declared item cannot be used and is kept out");
                self.kept_out.insert(key, why);
            }
            None => drop(self.kept_out.remove(&key)),
        }
    }
}

/// Compiles agencies; the codes that mean something else than before.
fn agencies(
    out: &mut Compiled,
    old: &Declared,
    new: &Declared,
    touched: &BTreeSet<Arc<str>>,
) -> BTreeSet<AgencyCode> {
    let mut codes = BTreeSet::new();
    for held in touched.iter().filter_map(|id| old.agencies.get(id)) {
        for code in std::iter::once(&held.spec.code).chain(&held.spec.aliases) {
            out.snapshot.agencies.remove(code);
            codes.insert(code.clone());
        }
    }
    for held in touched.iter().filter_map(|id| new.agencies.get(id)) {
        for code in std::iter::once(&held.spec.code).chain(&held.spec.aliases) {
            out.snapshot.agencies.insert(code.clone(), held.spec.clone());
            codes.insert(code.clone());
        }
    }
    codes
}

/// Compiles systems; those that are gone, new, or of another agency than before.
fn systems(out: &mut Compiled, new: &Declared, touched: &BTreeSet<Arc<str>>) -> BTreeSet<SystemId> {
    let mut moved = BTreeSet::new();
    let mut remotes: BTreeSet<RemoteKey> = BTreeSet::new();
    remotes.extend(touched.iter().filter_map(|id| remote_key(&out.snapshot.systems.get(&**id)?.spec)));
    for id in touched {
        let Some(held) = new.systems.get(id) else {
            if let Some((gone, _)) = out.snapshot.systems.remove_with_key(&**id) {
                moved.insert(gone);
            }
            out.note(Kind::System, id, None);
            continue;
        };
        let spec = &held.spec;
        let agency = out.snapshot.agencies.get(&spec.agency).map(|a| a.code.clone());
        let before = out.snapshot.systems.get(&spec.id);
        if before.map(|s| &s.agency) != agency.as_ref() {
            moved.insert(spec.id.clone());
        }
        let why = match agency {
            Some(agency) => {
                remotes.extend(remote_key(spec));
                let system = System { spec: (**spec).clone(), agency };
                out.snapshot.systems.insert(spec.id.clone(), Arc::new(system));
                None
            }
            None => {
                out.snapshot.systems.remove(&spec.id);
                Some(format!("its agency {} is not there", spec.agency))
            }
        };
        out.note(Kind::System, id, why);
    }
    if !remotes.is_empty() {
        index_remotes(out, remotes);
    }
    moved
}

/// A node and what a system is called there.
type RemoteKey = (NodeName, SystemId);

/// Indexes systems of other nodes anew. Where the rules were gone past and two claim to be the same one, it is the first by id,
/// whatever the order in which they came.
fn index_remotes(out: &mut Compiled, keys: BTreeSet<RemoteKey>) {
    for key in &keys {
        out.snapshot.remotes.remove(key);
    }
    let Snapshot { systems, remotes, .. } = &mut out.snapshot;
    for system in systems.values() {
        let Some(key) = remote_key(&system.spec).filter(|k| keys.contains(k)) else { continue };
        let id = &system.spec.id;
        if remotes.get(&key).is_none_or(|other| id < other) {
            remotes.insert(key, id.clone());
        }
    }
}

/// What a system of another node is called there.
fn remote_key(spec: &SystemSpec) -> Option<RemoteKey> {
    let remote = spec.remote.as_ref()?;
    Some((remote.node.clone(), remote.system.clone().unwrap_or_else(|| spec.id.clone())))
}
