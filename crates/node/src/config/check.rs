//! What the values mean together: ports that collide, files that cannot be read, a certificate that does not fit its key,
//! times that make no sense. Reading the file is `load`'s concern.

use super::load::{Loaded, Problem};
use super::schema::Config;
use super::units::Lasting;
use crate::master_key::{self, MasterKeyError};
use crate::{telemetry, tls};
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

/// Everything that is wrong with a configuration that was read; warnings come with it.
pub fn check(loaded: &Loaded, credentials: Option<&Path>) -> Vec<Problem> {
    let mut out = values(loaded);
    files(loaded, credentials, &mut out);
    out
}

/// What is wrong with the values alone, whatever is on disk.
pub fn values(loaded: &Loaded) -> Vec<Problem> {
    let mut out = Vec::new();
    names(loaded, &mut out);
    listeners(loaded, &mut out);
    ranges(loaded, &mut out);
    telemetry_values(loaded, &mut out);
    super::federation_check::values(loaded, &mut out);
    out
}

fn names(loaded: &Loaded, out: &mut Vec<Problem>) {
    let config = &loaded.config;
    if let Err(e) = lgsp_kernel::ids::check_name(&config.node.name) {
        out.push(loaded.problem("node.name", e.to_string(), None));
    }
    if !config.node.data_dir.is_absolute() {
        let mut p = loaded.problem(
            "node.data_dir",
            "is relative: it depends on where the program is started",
            Some("write an absolute path".into()),
        );
        p.warning = true;
        out.push(p);
    }
    let url = &config.store.url;
    if !url.is_empty() && !["sqlite:", "postgres://", "postgresql://"].iter().any(|s| url.starts_with(s)) {
        let help = "write \"sqlite:<path>\" or \"postgres://user:password@host/database\"";
        out.push(loaded.problem("store.url", "names no store that lgsp knows", Some(help.into())));
    }
    if let Err(e) = lgsp_kernel::ids::check_name(&config.xroad.instance) {
        out.push(loaded.problem("xroad.instance", e.to_string(), None));
    }
    let path = &config.xroad.soap_path;
    if !path.is_empty() && lgsp_wire::path::clean(path).is_err() {
        out.push(loaded.problem(
            "xroad.soap_path",
            "is not a path such as \"/cgi-bin/consumer_proxy\"",
            None,
        ));
    }
    if config.provider.allow.is_empty() {
        let mut p = loaded.problem("provider.allow", "is empty: no provider can be reached", None);
        p.warning = true;
        out.push(p);
    }
}

fn listeners(loaded: &Loaded, out: &mut Vec<Problem>) {
    let l = &loaded.config.listen;
    if l.http.0.is_none() && l.https.0.is_none() {
        let help = "set listen.http, or listen.https with tls.cert and tls.key";
        out.push(loaded.problem(
            "listen.http",
            "and listen.https are both empty: no call can come in",
            Some(help.into()),
        ));
    }
    let all = [
        ("listen.http", l.http.0),
        ("listen.https", l.https.0),
        ("listen.admin", l.admin.0),
        ("listen.metrics", l.metrics.0),
        ("peer.listen", loaded.config.peer.listen.0),
        ("public.listen", loaded.config.public.listen.0),
    ];
    let set: Vec<(&str, SocketAddr)> = all.iter().filter_map(|(k, a)| a.map(|a| (*k, a))).collect();
    for (i, (key, address)) in set.iter().enumerate() {
        let clash = set[..i].iter().find(|(_, other)| collide(*address, *other));
        if let Some((other, other_address)) = clash {
            let message = format!("{address} is taken by {other} = {other_address}");
            out.push(loaded.problem(key, message, Some("give each listener a port of its own".into())));
        }
    }
    if l.https.0.is_some() {
        for (key, path) in [("tls.cert", &loaded.config.tls.cert), ("tls.key", &loaded.config.tls.key)] {
            if path.as_os_str().is_empty() {
                out.push(loaded.problem(key, "is not set, but listen.https is", None));
            }
        }
    }
}

fn collide(a: SocketAddr, b: SocketAddr) -> bool {
    let same_ip = a.ip() == b.ip() || a.ip().is_unspecified() || b.ip().is_unspecified();
    a.port() != 0 && a.port() == b.port() && same_ip
}

/// Durations and numbers that must lie within bounds: key, value, least, most.
fn ranges(loaded: &Loaded, out: &mut Vec<Problem>) {
    let c = &loaded.config;
    let (ms, s, day) = (Duration::from_millis(1), Duration::from_secs(1), Duration::from_secs(86_400));
    let times = [
        ("store.refresh", c.store.refresh, 10 * ms, 60 * s),
        ("store.snapshot_max_age", c.store.snapshot_max_age, s, 30 * day),
        ("log.gather", c.log.gather, Duration::ZERO, s),
        ("identity.token_lifetime", c.identity.token_lifetime, 60 * s, day),
        ("identity.key_rotation", c.identity.key_rotation, day, 3650 * day),
        ("limits.handshake_timeout", c.limits.handshake_timeout, 100 * ms, 300 * s),
        ("limits.head_timeout", c.limits.head_timeout, 100 * ms, 300 * s),
        ("limits.keep_alive", c.limits.keep_alive, s, 3600 * s),
        ("limits.body_idle", c.limits.body_idle, 100 * ms, 3600 * s),
        ("limits.write_timeout", c.limits.write_timeout, 100 * ms, 3600 * s),
        ("limits.body_grace", c.limits.body_grace, 100 * ms, 3600 * s),
        ("limits.answer_gather", c.limits.answer_gather, Duration::ZERO, s),
        ("limits.retry_after", c.limits.retry_after, s, 3600 * s),
        ("provider.idle_timeout", c.provider.idle_timeout, s, 3600 * s),
        ("provider.name_ttl", c.provider.name_ttl, s, day),
        ("telemetry.otlp_timeout", c.telemetry.otlp_timeout, 100 * ms, 60 * s),
        ("hub.certificate_lifetime", c.hub.certificate_lifetime, 3600 * s, 397 * day),
        ("hub.freshness_lifetime", c.hub.freshness_lifetime, 60 * s, 30 * day),
        ("hub.freshness_every", c.hub.freshness_every, s, day),
        ("directory.refresh", c.directory.refresh, s, 3600 * s),
        ("directory.revocations_max_age", c.directory.revocations_max_age, 10 * s, 30 * day),
        ("directory.max_age", c.directory.max_age, 10 * s, 90 * day),
        ("witness.submit_every", c.witness.submit_every, s, day),
        ("witness.compare_every", c.witness.compare_every, s, 300 * s),
        ("timestamps.every", c.timestamps.every, Duration::ZERO, 7 * day),
        ("timestamps.timeout", c.timestamps.timeout, 100 * ms, 60 * s),
        ("drain.announce", c.drain.announce, Duration::ZERO, 300 * s),
        ("drain.limit", c.drain.limit, Duration::ZERO, 3600 * s),
    ];
    for (key, value, least, most) in times {
        if value.0 < least || value.0 > most {
            let message =
                format!("{value} is not sensible: between {} and {}", Lasting(least), Lasting(most));
            out.push(loaded.problem(key, message, None));
        }
    }
    numbers(loaded, out);
}

fn numbers(loaded: &Loaded, out: &mut Vec<Problem>) {
    let c = &loaded.config;
    let numbers = [
        ("node.worker_threads", c.node.worker_threads as u64, 0, 1024),
        ("log.segment", c.log.segment.0, 1 << 20, 4 << 30),
        ("log.queue", c.log.queue as u64, 16, 1 << 20),
        ("log.reserve", c.log.reserve.0, 1 << 20, 1 << 40),
        ("identity.remembered_tokens", c.identity.remembered_tokens as u64, 0, 10_000_000),
        ("limits.connections", c.limits.connections as u64, 1, 1_000_000),
        ("limits.exchanges", c.limits.exchanges as u64, 1, 1_000_000),
        ("limits.body_rate_min", c.limits.body_rate_min.0, 0, 1 << 30),
        ("limits.body", c.limits.body.0, 1, 1 << 44),
        ("limits.collect", c.limits.collect.0, 1 << 10, 64 << 20),
        ("limits.answer_whole", c.limits.answer_whole.0, 1 << 10, 64 << 20),
        ("limits.head", c.limits.head.0, 1 << 10, 1 << 20),
        ("limits.header_lines", c.limits.header_lines as u64, 10, 1_000),
        ("limits.target", c.limits.target.0, 256, 64 << 10),
        ("limits.http2_streams", u64::from(c.limits.http2_streams), 1, 10_000),
        ("limits.http2_resets", c.limits.http2_resets as u64, 1, 10_000),
        ("provider.exchanges", u64::from(c.provider.exchanges), 1, 1_000_000),
        ("provider.idle_connections", c.provider.idle_connections as u64, 0, 100_000),
        ("provider.http2_connections", c.provider.http2_connections as u64, 1, 1_000),
        ("provider.http2_streams", u64::from(c.provider.http2_streams), 1, 10_000),
        ("provider.names", c.provider.names as u64, 1, 1_000_000),
        ("peer.connections", c.peer.connections as u64, 1, 1_000),
        ("hub.requests", c.hub.requests as u64, 1, 100_000),
    ];
    for (key, value, least, most) in numbers {
        if value < least || value > most {
            out.push(loaded.problem(key, format!("must be between {least} and {most}, is {value}"), None));
        }
    }
}

fn telemetry_values(loaded: &Loaded, out: &mut Vec<Problem>) {
    let t = &loaded.config.telemetry;
    if let Err(message) = telemetry::logs::parse(&t.level) {
        out.push(loaded.problem("telemetry.level", message, None));
    }
    if !(0.0..=1.0).contains(&t.otlp_sample) {
        out.push(loaded.problem("telemetry.otlp_sample", "must be between 0.0 and 1.0", None));
    }
    if !t.otlp_endpoint.is_empty()
        && let Err(message) = telemetry::otlp_http::Endpoint::parse(&t.otlp_endpoint)
    {
        out.push(loaded.problem("telemetry.otlp_endpoint", message, None));
    }
}

fn files(loaded: &Loaded, credentials: Option<&Path>, out: &mut Vec<Problem>) {
    let config = &loaded.config;
    data_dir(loaded, out);
    match master_key::read(config, credentials) {
        Ok(_) => {}
        Err(MasterKeyError::Missing(_)) if config.node.create_master_key => {}
        Err(e) => out.push(loaded.problem("node.master_key", e.to_string(), None)),
    }
    for (key, error) in tls::problems(config) {
        out.push(loaded.problem(key, error, None));
    }
    for (key, warning) in tls::warnings(config) {
        let mut p = loaded.problem(key, warning, None);
        p.warning = true;
        out.push(p);
    }
}

fn data_dir(loaded: &Loaded, out: &mut Vec<Problem>) {
    let dir = &loaded.config.node.data_dir;
    let message = match std::fs::metadata(dir) {
        Err(e) => format!("{}: {e}", dir.display()),
        Ok(m) if !m.is_dir() => format!("{} is not a folder", dir.display()),
        Ok(_) => match writable(dir) {
            Ok(()) => return,
            Err(e) => format!("{} cannot be written to: {e}", dir.display()),
        },
    };
    out.push(loaded.problem("node.data_dir", message, Some("`lgsp init` makes and checks it".into())));
}

/// Tries, since permission bits do not tell everything (read-only mounts, access lists).
fn writable(dir: &Path) -> std::io::Result<()> {
    let probe = dir.join(format!(".lgsp-probe-{}", std::process::id()));
    std::fs::File::create(&probe)?;
    std::fs::remove_file(&probe)
}

/// A configuration whose values are sound, or everything that is wrong with it.
pub fn sound(loaded: Loaded) -> Result<Config, Vec<Problem>> {
    let faults: Vec<Problem> = values(&loaded).into_iter().filter(|p| !p.warning).collect();
    if faults.is_empty() { Ok(loaded.config) } else { Err(faults) }
}
