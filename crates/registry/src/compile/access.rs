//! Credentials and grants, compiled: who calls, and what they may call.

use super::Compiled;
use crate::resource::Kind;
use crate::sealing::digest;
use crate::state::{Declared, Held};
use crate::validate::rules;
use lgsp_kernel::model::{CredentialKind, CredentialSpec, GrantSpec};
use lgsp_kernel::snapshot::{Credential, Digest, Grant};
use lgsp_kernel::{ServiceId, SystemId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The map that finds a credential by its digest, if its kind is found so.
fn by_digest(
    out: &mut Compiled,
    kind: CredentialKind,
) -> Option<&mut imbl::HashMap<Digest, Arc<Credential>>> {
    match kind {
        CredentialKind::Client => None,
        CredentialKind::ApiKey => Some(&mut out.snapshot.api_keys),
        CredentialKind::Certificate => Some(&mut out.snapshot.certificates),
    }
}

pub(super) fn credentials(out: &mut Compiled, new: &Declared, touched: &BTreeSet<Arc<str>>) {
    // All old ones out before any new one in: a key may pass from one credential to another in one change.
    for id in touched {
        if let Some(old) = out.snapshot.credentials.remove(&**id)
            && let Some(map) = by_digest(out, old.kind())
            && map.get(&old.digest).is_some_and(|c| c.spec.id == old.spec.id)
        {
            map.remove(&old.digest);
        }
    }
    for id in touched {
        let Some(held) = new.credentials.get(id) else {
            out.note(Kind::Credential, id, None);
            continue;
        };
        let why = match credential(held) {
            Ok(credential) => {
                let credential = Arc::new(credential);
                let spec = &credential.spec;
                out.snapshot.credentials.insert(spec.id.clone(), credential.clone());
                if let Some(map) = by_digest(out, credential.kind()) {
                    map.insert(credential.digest, credential.clone());
                }
                None
            }
            Err(why) => Some(why),
        };
        out.note(Kind::Credential, id, why);
    }
}

fn credential(held: &Held<CredentialSpec>) -> Result<Credential, String> {
    let spec = &*held.spec;
    let (what, text) = match spec.kind {
        CredentialKind::Certificate => ("fingerprint", &spec.fingerprint),
        CredentialKind::Client | CredentialKind::ApiKey => ("digest", &spec.digest),
    };
    let digest = digest(text.as_deref()).ok_or_else(|| format!("its {what} is not 64 hexadecimal digits"))?;
    let stamp = u64::try_from(held.generation).unwrap_or_default();
    Ok(Credential { spec: spec.clone(), digest, stamp })
}

pub(super) fn grants(out: &mut Compiled, old: &Declared, new: &Declared, touched: &BTreeSet<Arc<str>>) {
    let mut pairs: BTreeMap<(SystemId, ServiceId), Vec<Arc<Grant>>> = BTreeMap::new();
    for id in touched {
        if let Some(held) = old.grants.get(id) {
            pairs.entry(pair(&held.spec)).or_default();
        }
        let Some(held) = new.grants.get(id) else {
            out.note(Kind::Grant, id, None);
            continue;
        };
        let list = pairs.entry(pair(&held.spec)).or_default();
        let why = match grant(&held.spec) {
            Ok(grant) => {
                list.push(Arc::new(grant));
                None
            }
            Err(why) => Some(why),
        };
        out.note(Kind::Grant, id, why);
    }
    for ((consumer, service), mut fresh) in pairs {
        let kept = out.snapshot.grants_for(consumer.as_str(), service.as_str());
        fresh.extend(kept.iter().filter(|g| !touched.contains(g.spec.id.as_str())).cloned());
        fresh.sort_by(|a, b| a.spec.id.cmp(&b.spec.id));
        let mut services = out.snapshot.grants.get(&consumer).cloned().unwrap_or_default();
        if fresh.is_empty() {
            services.remove(&service);
        } else {
            services.insert(service, fresh.into());
        }
        if services.is_empty() {
            out.snapshot.grants.remove(&consumer);
        } else {
            out.snapshot.grants.insert(consumer, services);
        }
    }
}

fn pair(spec: &GrantSpec) -> (SystemId, ServiceId) {
    (spec.consumer.clone(), spec.service.clone())
}

fn grant(spec: &GrantSpec) -> Result<Grant, String> {
    let rules = spec.operations.iter().map(|text| rules::parse(text)).collect::<Result<Vec<_>, _>>()?;
    Ok(Grant { spec: spec.clone(), rules })
}
