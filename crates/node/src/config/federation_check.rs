//! What the values of the federation's sections mean together: listeners without addresses that others can use, addresses that are no
//! URLs, ages that contradict each other.

use super::key_place::KeyPlace;
use super::load::{Loaded, Problem};
use lgsp_kernel::AgencyCode;

/// What is wrong with them.
pub(super) fn values(loaded: &Loaded, out: &mut Vec<Problem>) {
    addresses(loaded, out);
    ages(loaded, out);
    keys(loaded, out);
}

fn addresses(loaded: &Loaded, out: &mut Vec<Problem>) {
    let c = &loaded.config;
    for endpoint in &c.peer.endpoints {
        let host = endpoint.strip_prefix("https://").unwrap_or_default();
        let port = host.rsplit_once(':').and_then(|(_, p)| p.parse::<u16>().ok());
        if host.is_empty() || host.contains('/') || port.is_none_or(|p| p == 0) {
            let help = "write https://host:port, without a path";
            out.push(loaded.problem(
                "peer.endpoints",
                format!("{endpoint:?} is no endpoint"),
                Some(help.into()),
            ));
        }
    }
    let unreachable = |at: Option<std::net::SocketAddr>| at.is_some_and(|a| a.ip().is_unspecified());
    if c.peer.endpoints.is_empty() && unreachable(c.peer.listen.0) {
        let help = "write peer.endpoints = [\"https://<address>:<port>\"], as other nodes reach this one";
        out.push(loaded.problem(
            "peer.listen",
            "listens everywhere, which is no address to call",
            Some(help.into()),
        ));
    }
    if c.public.url.is_empty() && unreachable(c.public.listen.0) {
        let help = "write public.url = \"http://<address>:<port>\", as others reach this node";
        out.push(loaded.problem(
            "public.listen",
            "listens everywhere, which is no address to call",
            Some(help.into()),
        ));
    }
    for (key, url) in [("public.url", &c.public.url), ("membership.hub", &c.membership.hub)] {
        if !url.is_empty() && !["http://", "https://"].iter().any(|s| url.starts_with(s)) {
            out.push(loaded.problem(key, "is no URL: write http:// or https:// and host:port", None));
        }
    }
    let digest = &c.membership.root_sha256;
    if !digest.is_empty() && !hex::decode(digest).is_ok_and(|d| d.len() == 32) {
        out.push(loaded.problem("membership.root_sha256", "is not 64 hexadecimal digits", None));
    }
}

fn ages(loaded: &Loaded, out: &mut Vec<Problem>) {
    let c = &loaded.config;
    if c.directory.refresh.0.saturating_mul(2) > c.directory.revocations_max_age.0 {
        let message = format!(
            "must be at most half of directory.revocations_max_age = {}",
            c.directory.revocations_max_age
        );
        out.push(loaded.problem(
            "directory.refresh",
            message,
            Some("a single failed refresh must not stop calls".into()),
        ));
    }
    if c.directory.max_age.0 < c.directory.revocations_max_age.0 {
        let message =
            format!("is shorter than directory.revocations_max_age = {}", c.directory.revocations_max_age);
        out.push(loaded.problem("directory.max_age", message, None));
    }
    if c.hub.freshness_every.0.saturating_mul(2) > c.hub.freshness_lifetime.0 {
        let message =
            format!("must be at most half of hub.freshness_lifetime = {}", c.hub.freshness_lifetime);
        out.push(loaded.problem("hub.freshness_every", message, None));
    }
}

fn keys(loaded: &Loaded, out: &mut Vec<Problem>) {
    for entry in &loaded.config.keys.agencies {
        if let Err(why) = agency_place(entry) {
            let help = "write \"<agency>=file:/path\" or \"<agency>=pkcs11:token=...\"";
            out.push(loaded.problem("keys.agencies", format!("{entry:?}: {why}"), Some(help.into())));
        }
    }
    let log = &loaded.config.keys.log;
    if log.is_named() && log.token().is_none() {
        let help = "leave it empty, or write \"pkcs11:token=...\"";
        out.push(loaded.problem(
            "keys.log",
            "the file of the log's key is always <data_dir>/log.key",
            Some(help.into()),
        ));
    }
    let operator = &loaded.config.peer.operator;
    if !operator.is_empty() && operator.parse::<AgencyCode>().is_err() {
        out.push(loaded.problem("peer.operator", format!("{operator:?} is no agency code"), None));
    }
}

/// An entry of `keys.agencies`.
pub(crate) fn agency_place(entry: &str) -> Result<(AgencyCode, KeyPlace), String> {
    let (code, place) = entry.split_once('=').ok_or("it has no =")?;
    let code = code.trim().parse::<AgencyCode>().map_err(|e| e.to_string())?;
    Ok((code, place.trim().parse()?))
}
