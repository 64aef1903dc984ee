//! Taking over a changed `lgsp.toml` and changed certificates while calls are carried. What cannot be changed so is named.

use super::Node;
use crate::config::schema::LIVE_KEYS;
use crate::config::{Config, load};
use crate::tls;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use toml::Table;

/// What a reload came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reloaded {
    /// Keys that changed and are in effect.
    pub applied: Vec<String>,
    /// Keys that changed and need a restart.
    pub need_restart: Vec<String>,
    /// Keys whose change was refused, and why; what was in effect stays so.
    pub refused: Vec<(String, String)>,
    /// Whether the certificate was read again.
    pub certificate: bool,
}

pub(super) fn apply(node: &Node, new: &Config) -> Reloaded {
    let mut done = Reloaded::default();
    let old = node.config();
    let mut effective = (*old).clone();
    let changed = changed_keys(&old, new);
    let is_changed = |key: &str| changed.iter().any(|c| c == key);
    if let Some(logs) = &node.logs
        && is_changed("telemetry.level")
    {
        match logs.set(&new.telemetry.level) {
            Ok(()) => effective.telemetry.level.clone_from(&new.telemetry.level),
            Err(why) => done.refused.push(("telemetry.level".into(), why)),
        }
    }
    certificate(node, new, &mut effective, &mut done);
    effective.drain.announce = new.drain.announce;
    effective.log.record_days = new.log.record_days;
    effective.store.snapshot_max_age = new.store.snapshot_max_age;
    for key in changed {
        let refused = done.refused.iter().any(|(k, _)| *k == key);
        if !LIVE_KEYS.contains(&key.as_str()) {
            done.need_restart.push(key);
        } else if !refused {
            done.applied.push(key);
        }
    }
    node.shared.config.store(Arc::new(effective));
    tracing::info!(
        generation = node.registry.generation(),
        store_up = node.shared.store_up.load(Relaxed),
        "configuration read again"
    );
    done
}

/// The files may have changed though their names have not: they are always read again. Connections that exist keep what they have.
fn certificate(node: &Node, new: &Config, effective: &mut Config, done: &mut Reloaded) {
    let Some(handle) = &node.tls else { return };
    match tls::server_config(new) {
        Ok(Some(tls)) => {
            handle.replace(tls);
            effective.tls = new.tls.clone();
            done.certificate = true;
        }
        Ok(None) => {
            done.refused.push(("tls.cert".into(), "cannot be taken away while listen.https is open".into()))
        }
        Err((key, why)) => done.refused.push((key.into(), why)),
    }
}

fn changed_keys(old: &Config, new: &Config) -> Vec<String> {
    let table = |c: &Config| Table::try_from(c).unwrap_or_default();
    let (old, new) = (table(old), table(new));
    let value = |t: &Table, key: &str| key.split_once('.').and_then(|(s, k)| t.get(s)?.get(k).cloned());
    load::all_keys(&new).into_iter().filter(|k| value(&old, k) != value(&new, k)).collect()
}

#[cfg(test)]
mod tests {
    use super::changed_keys;
    use crate::config::{Config, Lasting};

    #[test]
    fn the_keys_that_differ_are_named() {
        let mut new = Config::default();
        new.drain.limit = Lasting::seconds(1);
        new.node.name = "x".into();
        assert_eq!(changed_keys(&Config::default(), &new), ["node.name", "drain.limit"]);
        assert!(changed_keys(&new, &new).is_empty());
    }
}
