//! Active health checks: a task per target, begun with the first call of a version that declares them, ended when the version is
//! retired. A check is a GET on a connection of its own that must be answered below 500. No credential is sent.

use crate::config::{HEALTH_FALL, HEALTH_INTERVAL_MS};
use crate::connect::Dialler;
use crate::dice;
use crate::failure::{Failure, chain};
use crate::h1::Attempted;
use crate::out_body::Wired;
use crate::send::{open_h1, open_h2};
use crate::target::{Health, Target};
use crate::upstream::Upstream;
use http::Request;
use http::header::{self, HeaderValue};
use http::uri::{PathAndQuery, Uri};
use lgsp_kernel::model::UpstreamHttp;
use std::future::Future;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::task::Context;
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until};

/// Begins the checks of a version, if it declares any.
pub(crate) fn start(upstream: &Arc<Upstream>, dialler: &Arc<Dialler>) {
    let Some(spec) = &upstream.health else { return };
    let Ok(path) = spec.path.parse::<PathAndQuery>() else {
        tracing::warn!(version = %upstream.key, "the path of the health check is not a path; targets are not checked");
        return;
    };
    let interval = Duration::from_millis(u64::from(spec.interval_ms.unwrap_or(HEALTH_INTERVAL_MS).max(10)));
    for i in 0..upstream.targets.len() {
        let check = Check {
            upstream: Arc::downgrade(upstream),
            dialler: dialler.clone(),
            path: path.clone(),
            interval,
        };
        tokio::spawn(check.run(i));
    }
}

struct Check {
    upstream: Weak<Upstream>,
    dialler: Arc<Dialler>,
    path: PathAndQuery,
    interval: Duration,
}

impl Check {
    async fn run(self, i: usize) {
        let mut failures = 0u8;
        loop {
            {
                let Some(upstream) = self.upstream.upgrade() else { return };
                let Some(target) = upstream.targets.get(i) else { return };
                if upstream.retired.load(Ordering::Relaxed) {
                    return;
                }
                match self.check(&upstream, target).await {
                    Ok(()) => failures = 0,
                    Err(why) => {
                        failures = failures.saturating_add(1);
                        tracing::debug!(target_url = %target.name, %why, failures, "health check failed");
                    }
                }
                note(target, failures);
            }
            // Spread, so that the checks of many targets do not come in bursts.
            let tenth = u64::try_from(self.interval.as_millis() / 10).unwrap_or(0);
            sleep(self.interval + Duration::from_millis(dice::below(tenth + 1))).await;
        }
    }

    async fn check(&self, upstream: &Upstream, target: &Target) -> Result<(), String> {
        let end = Instant::now() + upstream.total.min(self.interval.max(upstream.connect));
        let mut timer = Box::pin(sleep_until(end));
        let late = |cx: &mut Context<'_>| timer.as_mut().poll(cx).map(|()| Failure::timed_out(0));
        let answer = match upstream.http {
            UpstreamHttp::Http1 => {
                let conn = open_h1(&self.dialler, target, upstream.connect, end).await;
                let mut conn = conn.map_err(|f| f.refusal.to_string())?;
                conn.exchange(self.request(target, false)?, late).await
            }
            UpstreamHttp::Http2 => {
                let open = || open_h2(&self.dialler, target, upstream.connect, end);
                let (lease, _) = target.h2.lease(open).await.map_err(|f| f.refusal.to_string())?;
                lease.exchange(self.request(target, true)?, late).await
            }
        };
        let status = answer.map(|a| a.status()).map_err(|attempted| match attempted {
            Attempted::Late(_) => "no answer in time".to_owned(),
            Attempted::Failed { error, .. } => error.map_or_else(|| "broke off".to_owned(), |e| chain(&e)),
        })?;
        if status.as_u16() < 500 { Ok(()) } else { Err(format!("answered {status}")) }
    }

    fn request(&self, target: &Target, h2: bool) -> Result<Request<Wired>, String> {
        let mut request = Request::new(Wired::Empty);
        let mut parts = http::uri::Parts::default();
        parts.path_and_query = Some(self.path.clone());
        if h2 {
            parts.scheme = Some(target.scheme.clone());
            parts.authority = Some(target.authority.clone());
        } else {
            request.headers_mut().insert(header::HOST, target.host_header.clone());
        }
        *request.uri_mut() = Uri::from_parts(parts).map_err(|e| e.to_string())?;
        request.headers_mut().insert(header::USER_AGENT, HeaderValue::from_static("lgsp-health"));
        Ok(request)
    }
}

/// One success brings a target back; it takes some failures in a row to lose it.
fn note(target: &Target, failures: u8) {
    let before = target.health();
    if failures == 0 {
        target.set_health(true);
    } else if failures >= HEALTH_FALL {
        target.set_health(false);
    }
    let after = target.health();
    if before != after && !(before == Health::Unknown && after == Health::Up) {
        tracing::warn!(target_url = %target.name, health = ?after, "health of a provider's target changed");
    }
}
