//! A version, made ready to be called: its targets with their connections, its credential, its times. Made once per stamp. Also the
//! choice among its targets.

use crate::auth::Credential;
use crate::breaker::Breaker;
use crate::config::{
    BREAKER_FAILURES, BREAKER_OPEN_MS, CONNECT_TIMEOUT_MS, ProviderConfig, RETRIES, TOTAL_TIMEOUT_MS,
};
use crate::connect::TlsSettings;
use crate::target::{Claim, Health, NotNow, Place, Target};
use crate::tls::{TlsBase, server_name};
use crate::{breaker, dice};
use http::HeaderValue;
use http::uri::{Authority, Scheme, Uri};
use lgsp_kernel::model::{HealthSpec, TargetSpec, UpstreamHttp};
use lgsp_kernel::snapshot::Version;
use lgsp_kernel::{Clock, Refusal, fault};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// A version's way to its provider.
pub(crate) struct Upstream {
    pub(crate) key: String,
    pub(crate) stamp: u64,
    pub(crate) targets: Vec<Arc<Target>>,
    pub(crate) credential: Credential,
    pub(crate) http: UpstreamHttp,
    pub(crate) connect: Duration,
    pub(crate) total: Duration,
    pub(crate) retries: u8,
    pub(crate) health: Option<HealthSpec>,
    pub(crate) retired: AtomicBool,
}

impl Upstream {
    /// Compiles a version; says what is wrong with it, for the process's log.
    pub(crate) fn compile(
        version: &Version,
        base: &TlsBase,
        config: &ProviderConfig,
    ) -> Result<Self, String> {
        let spec = &version.spec.upstream;
        let mut tls = None;
        let mut targets = Vec::with_capacity(version.spec.targets.len());
        for target in &version.spec.targets {
            let place = place(target).map_err(|why| format!("{}: {why}", target.url))?;
            let settings = if place.scheme == Scheme::HTTPS {
                let shared = match &tls {
                    Some(shared) => Arc::clone(shared),
                    None => tls.insert(base.for_version(version)?).clone(),
                };
                let name = server_name(spec.server_name.as_deref().unwrap_or(&place.host))?;
                Some(TlsSettings { config: shared, name, needs_h2: spec.http == UpstreamHttp::Http2 })
            } else {
                None
            };
            let breaker = Breaker::new(
                spec.breaker_failures.unwrap_or(BREAKER_FAILURES),
                spec.breaker_open_ms.unwrap_or(BREAKER_OPEN_MS),
            );
            targets.push(Arc::new(Target::new(place, settings, breaker, config)));
        }
        let ms =
            |declared: Option<u32>, default| Duration::from_millis(u64::from(declared.unwrap_or(default)));
        Ok(Self {
            key: version.key.clone(),
            stamp: version.stamp,
            targets,
            credential: Credential::compile(&version.auth)?,
            http: spec.http,
            connect: ms(spec.connect_timeout_ms, CONNECT_TIMEOUT_MS),
            total: ms(spec.total_timeout_ms, TOTAL_TIMEOUT_MS),
            retries: spec.retries.unwrap_or(RETRIES),
            health: spec.health.clone(),
            retired: AtomicBool::new(false),
        })
    }

    /// Closes its idle connections and lets its health checks end; exchanges in progress go on.
    pub(crate) fn retire(&self) {
        self.retired.store(true, Ordering::Relaxed);
        for target in &self.targets {
            target.retire();
        }
    }

    /// Begins an exchange at the best target: of two drawn by weight, the less busy one.
    pub(crate) fn choose(
        &self,
        tried: Tried,
        clock: &Clock,
        in_flight_max: u32,
    ) -> Result<(usize, Claim), Refusal> {
        if let [only] = &self.targets[..] {
            if tried.has(0) {
                return Err(no_target(&[]));
            }
            let claim = usable(only).and_then(|()| only.claim(clock, in_flight_max));
            return claim.map(|c| (0, c)).map_err(|why| no_target(&[why]));
        }
        let now = clock.now();
        let mut whys = Vec::new();
        let mut left: Vec<usize> = Vec::with_capacity(self.targets.len());
        for (i, target) in self.targets.iter().enumerate().filter(|(i, _)| !tried.has(*i)) {
            let admitted = usable(target).and_then(|()| match target.breaker.lock().would_admit(now) {
                breaker::Admission::Wait(ms) => Err(NotNow::Broken(ms)),
                _ => Ok(()),
            });
            match admitted {
                Ok(()) => left.push(i),
                Err(why) => whys.push(why),
            }
        }
        while !left.is_empty() {
            let place = self.better_of_two(&left);
            let i = left.swap_remove(place);
            match self.targets[i].claim(clock, in_flight_max) {
                Ok(claim) => return Ok((i, claim)),
                Err(why) => whys.push(why),
            }
        }
        Err(no_target(&whys))
    }

    /// Draws two of `left` by weight; the position of the one with less in progress for its weight.
    fn better_of_two(&self, left: &[usize]) -> usize {
        let total: u64 = left.iter().map(|i| u64::from(self.targets[*i].weight)).sum();
        let draw = || {
            let mut point = dice::below(total);
            left.iter()
                .position(|i| {
                    let weight = u64::from(self.targets[*i].weight);
                    let here = point < weight;
                    point = point.saturating_sub(weight);
                    here
                })
                .unwrap_or(0)
        };
        let (a, b) = (draw(), draw());
        let load = |place: usize, other: usize| {
            let (t, o) = (&self.targets[left[place]], &self.targets[left[other]]);
            (u64::from(t.in_flight()) + 1) * u64::from(o.weight)
        };
        if load(b, a) < load(a, b) { b } else { a }
    }
}

fn usable(target: &Target) -> Result<(), NotNow> {
    if target.health() == Health::Down { Err(NotNow::Down) } else { Ok(()) }
}

/// Which targets an exchange has tried; one bit each. Targets beyond 64 may be tried twice.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tried(u64);

impl Tried {
    pub(crate) fn has(self, i: usize) -> bool {
        u32::try_from(i).ok().and_then(|i| self.0.checked_shr(i)).is_some_and(|b| b & 1 == 1)
    }
    pub(crate) fn all(self, count: usize) -> bool {
        (0..count).all(|i| self.has(i))
    }
    pub(crate) fn add(&mut self, i: usize) {
        if let Some(bit) = u32::try_from(i).ok().and_then(|i| 1u64.checked_shl(i)) {
            self.0 |= bit;
        }
    }
}

/// The refusal where no target can be called.
fn no_target(whys: &[NotNow]) -> Refusal {
    if whys.contains(&NotNow::Full) {
        let detail = "As many calls as allowed are in progress with the provider.";
        return Refusal::new(&fault::NO_HEALTHY_TARGET, detail).retry_after(1);
    }
    let pauses = whys.iter().filter_map(|w| if let NotNow::Broken(ms) = w { Some(*ms) } else { None });
    match pauses.min() {
        Some(ms) => {
            let seconds = u32::try_from(ms.max(0).div_euclid(1000) + 1).unwrap_or(u32::MAX);
            let detail = format!("It is tried again in {seconds} s at the latest.");
            Refusal::new(&fault::CIRCUIT_OPEN, detail).retry_after(seconds)
        }
        None => {
            let detail = "None of its targets passes its health check.";
            Refusal::new(&fault::NO_HEALTHY_TARGET, detail).retry_after(1)
        }
    }
}

/// Reads a declared target.
fn place(spec: &TargetSpec) -> Result<Place, &'static str> {
    let uri: Uri = spec.url.parse().map_err(|_| "not a URL")?;
    let parts = uri.into_parts();
    let scheme =
        parts.scheme.filter(|s| *s == Scheme::HTTP || *s == Scheme::HTTPS).ok_or("not http or https")?;
    let authority: Authority = parts.authority.ok_or("no host")?;
    if authority.as_str().contains('@') {
        return Err("a user in a URL is not supported");
    }
    let path = parts.path_and_query.as_ref().map_or("", |p| p.path());
    if parts.path_and_query.as_ref().is_some_and(|p| p.query().is_some()) {
        return Err("a query in a target is not supported");
    }
    let default_port = if scheme == Scheme::HTTPS { 443 } else { 80 };
    Ok(Place {
        name: spec.url.as_str().into(),
        host: authority.host().trim_start_matches('[').trim_end_matches(']').to_owned(),
        port: authority.port_u16().unwrap_or(default_port),
        host_header: HeaderValue::from_str(authority.as_str()).map_err(|_| "not a host")?,
        base: path.strip_suffix('/').unwrap_or(path).to_owned(),
        root: if path.is_empty() { "/".to_owned() } else { path.to_owned() },
        weight: u32::from(spec.weight.unwrap_or(1)).max(1),
        scheme,
        authority,
    })
}
