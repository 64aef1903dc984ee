//! The way to all providers: versions made ready on their first call, kept while the snapshot has them, swept while idle.

use crate::address::AddressPolicy;
use crate::breaker::BreakerState;
use crate::config::ProviderConfig;
use crate::connect::Dialler;
use crate::head::OutHead;
use crate::health;
use crate::out_body::{OutBody, Source};
use crate::resolve::Resolver;
use crate::send::{Call, SendError, Sent, carry};
use crate::target::Health;
use crate::tls::TlsBase;
use crate::upstream::Upstream;
use lgsp_kernel::snapshot::{Operation, Snapshot, Version};
use lgsp_kernel::{Clock, Refusal, bounds, fault};
use parking_lot::RwLock;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How often idle connections are looked at, so that what a provider closed does not stay half open.
const SWEEP_EVERY: Duration = Duration::from_secs(5);

/// The configuration cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(String);

/// The way to all providers. Cheap to share; needs a Tokio runtime when used.
pub struct Providers {
    config: ProviderConfig,
    clock: Clock,
    tls: TlsBase,
    dialler: Arc<Dialler>,
    upstreams: Arc<RwLock<Upstreams>>,
    swept: AtomicBool,
}

/// By the version's key; several while a change is under way.
type Upstreams = HashMap<String, Vec<Arc<Upstream>>>;

/// The state of one target, for metrics and explanations.
#[derive(Debug, Clone)]
pub struct TargetState {
    /// `service/version`.
    pub version: String,
    /// The target as declared.
    pub target: Arc<str>,
    /// What active health checks say.
    pub health: Health,
    /// Its circuit breaker.
    pub breaker: BreakerState,
    /// How often the breaker has opened.
    pub breaker_opened: u64,
    /// Exchanges in progress.
    pub in_flight: u32,
    /// Idle HTTP/1.1 connections, or HTTP/2 connections.
    pub connections: usize,
    /// Connections opened in all.
    pub connections_opened: u64,
}

impl Providers {
    /// Makes it ready; fails if the configured certificates cannot be read.
    pub fn new(config: ProviderConfig, clock: Clock) -> Result<Self, ConfigError> {
        let tls = TlsBase::new(&config).map_err(ConfigError)?;
        let dialler = Arc::new(Dialler {
            resolver: Resolver::new(config.name_ttl, config.names_max),
            policy: AddressPolicy::new(config.allow.clone(), config.own.clone()),
        });
        let upstreams = Arc::new(RwLock::new(HashMap::new()));
        Ok(Self { config, clock, tls, dialler, upstreams, swept: AtomicBool::new(false) })
    }

    /// Says where this platform listens, once that is known; replaces what the configuration said.
    pub fn set_own(&self, own: Vec<SocketAddr>) {
        self.dialler.policy.set_own(own);
    }

    /// Sends an exchange to the provider of a version and waits for the head of the answer. Dropping the future, or the answer's body
    /// before its end, cancels the exchange.
    pub async fn send(
        &self,
        version: &Arc<Version>,
        operation: &Operation,
        head: OutHead,
        body: OutBody,
    ) -> Result<Sent, SendError> {
        let upstream = match self.upstream(version) {
            Ok(upstream) => upstream,
            Err(error) => return Err(SendError { body: Some(Box::new(body)), ..error }),
        };
        let call = Call {
            head,
            body: Source::from(body),
            idempotent: operation.idempotent,
            answer_max: version.spec.answer_body_max.unwrap_or(bounds::BODY_MAX),
            clock: &self.clock,
            dialler: &self.dialler,
            in_flight_max: self.config.in_flight_max,
        };
        match carry(&upstream, &call).await {
            Ok(sent) => Ok(sent),
            Err(error) => Err(SendError { body: call.body.give_back().map(Box::new), ..error }),
        }
    }

    /// The state of every target that has been called.
    pub fn health_states(&self) -> Vec<TargetState> {
        let all: Vec<Arc<Upstream>> = self.upstreams.read().values().flatten().cloned().collect();
        all.iter()
            .flat_map(|u| u.targets.iter().map(move |t| (u, t)))
            .map(|(u, t)| {
                let (breaker, breaker_opened) = t.breaker_state();
                TargetState {
                    version: u.key.clone(),
                    target: t.name.clone(),
                    health: t.health(),
                    breaker,
                    breaker_opened,
                    in_flight: t.in_flight(),
                    connections: t.idle() + t.h2.len(),
                    connections_opened: t.connections_opened.load(Ordering::Relaxed),
                }
            })
            .collect()
    }

    /// Retires what this snapshot no longer has: closes idle connections, ends health checks. Called after each swap of the
    /// snapshot; costs what has been called, not what exists.
    pub fn retire_unused(&self, snapshot: &Snapshot) {
        let mut retired = Vec::new();
        self.upstreams.write().retain(|key, stamps| {
            stamps.retain(|u| {
                let used = is_used(snapshot, key, u.stamp);
                if !used {
                    retired.push(u.clone());
                }
                used
            });
            !stamps.is_empty()
        });
        for upstream in retired {
            upstream.retire();
        }
    }

    /// The version made ready, now if it was not.
    fn upstream(&self, version: &Arc<Version>) -> Result<Arc<Upstream>, SendError> {
        let fits = |u: &&Arc<Upstream>| u.stamp == version.stamp;
        if let Some(known) = self.upstreams.read().get(&version.key).and_then(|s| s.iter().find(fits)) {
            return Ok(known.clone());
        }
        let made = Upstream::compile(version, &self.tls, &self.config).map_err(|why| {
            tracing::warn!(version = %version.key, %why, "the way to a provider is not usable");
            let detail = "The service's target or credential is not usable.";
            let refusal = Refusal::new(&fault::TARGET_FORBIDDEN, detail).with_internal(why);
            SendError { refusal, may_have_acted: false, target: None, attempts: 0, body: None }
        })?;
        let made = Arc::new(made);
        {
            let mut upstreams = self.upstreams.write();
            let stamps = upstreams.entry(version.key.clone()).or_default();
            if let Some(other) = stamps.iter().find(fits) {
                return Ok(other.clone());
            }
            stamps.push(made.clone());
        }
        health::start(&made, &self.dialler);
        self.start_sweeping();
        Ok(made)
    }

    /// Starts the task that looks at idle connections; it ends with the last reference to what it looks at.
    fn start_sweeping(&self) {
        if self.swept.swap(true, Ordering::Relaxed) {
            return;
        }
        let upstreams = Arc::downgrade(&self.upstreams);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(SWEEP_EVERY).await;
                let Some(upstreams) = upstreams.upgrade() else { return };
                let all: Vec<Arc<Upstream>> = upstreams.read().values().flatten().cloned().collect();
                for target in all.iter().flat_map(|u| &u.targets) {
                    target.sweep();
                }
            }
        });
    }
}

fn is_used(snapshot: &Snapshot, key: &str, stamp: u64) -> bool {
    let Some((service, label)) = key.split_once('/') else { return false };
    // A leg of a version has the version's key and its own number.
    let (label, leg) = label.split_once('#').map_or((label, None), |(label, leg)| (label, Some(leg)));
    let Some(version) = snapshot.services.get(service).and_then(|s| s.version(label)) else { return false };
    let way = match leg {
        None => Some(version),
        Some(_) => version.legs.iter().filter_map(|l| l.version.as_ref()).find(|v| v.key == key),
    };
    way.is_some_and(|v| v.stamp == stamp) && version.callable()
}

impl Drop for Providers {
    fn drop(&mut self) {
        for upstream in self.upstreams.write().drain().flat_map(|(_, stamps)| stamps) {
            upstream.retire();
        }
    }
}
