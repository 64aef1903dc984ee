//! The grammar of a provider's address. Which addresses may be reached is the node's allow-list, asked when a connection is made;
//! what can never be one is refused here already.

use super::{Scope, text};
use http::Uri;
use lgsp_kernel::model::TargetSpec;
use std::net::IpAddr;

/// Targets of a version or of a leg: a bound far above what is met.
const TARGETS_MAX: usize = 64;

/// What a list of targets shows by itself; `at` ends where their field begins.
pub(crate) fn targets(list: &[TargetSpec], at: &str, scope: &mut Scope<'_>) {
    if list.len() > TARGETS_MAX {
        scope.bad(format!("{at}targets"), format!("more than {TARGETS_MAX} targets"));
    }
    for (i, t) in list.iter().enumerate().take(TARGETS_MAX) {
        let field = format!("{at}targets[{i}].url");
        if let Some(why) = fault(&t.url) {
            scope.bad(field, why);
        } else if list[..i].iter().any(|o| o.url == t.url) {
            scope.bad(field, "the same target twice: give one of them more `weight`");
        }
        text::within(scope, format!("{at}targets[{i}].weight"), t.weight, 1, 1_000);
    }
}

/// Why a text is no address of a provider, if it is none.
pub(crate) fn fault(url: &str) -> Option<String> {
    let shown = shown(url);
    if url.contains('#') {
        return Some(format!("{shown:?} has a fragment (#...): leave it out"));
    }
    let uri: Uri = match url.parse() {
        Ok(uri) => uri,
        Err(e) => {
            return Some(format!(
                "{shown:?} is not a URL ({e}): write http://host[:port][/base] or https://..."
            ));
        }
    };
    match uri.scheme_str() {
        Some("http" | "https") => {}
        Some(other) => return Some(format!("{shown:?}: {other:?} is not carried, only http and https")),
        None => return Some(format!("{shown:?} lacks http:// or https:// before the host")),
    }
    let authority = uri.authority().map_or("", |a| a.as_str());
    if authority.contains('@') {
        return Some(format!(
            "{shown:?} has a user before the host: give the provider's credential as `auth`"
        ));
    }
    if uri.query().is_some() {
        return Some(format!("{shown:?} has a query (?...): leave it out"));
    }
    let host = uri.host().unwrap_or_default();
    if host.is_empty() || authority.ends_with(':') || uri.port_u16() == Some(0) {
        return Some(format!("{shown:?} needs a host and, where one is given, a port from 1 to 65535"));
    }
    if authority.rsplit_once(':').is_some_and(|(_, p)| !p.ends_with(']') && p.parse::<u16>().is_err()) {
        return Some(format!("{shown:?} needs a port from 1 to 65535"));
    }
    let path = uri.path();
    let odd = |s: &str| matches!(s, "." | "..") || s.contains(['%', '\\', ';']);
    if path.contains("//") || path.split('/').any(odd) {
        return Some(format!("{shown:?} has a base path with dots, escapes or empty segments"));
    }
    link_local(host).then(|| format!("{shown:?} is a link-local address: those are never called"))
}

/// The text without what may be a password in it.
fn shown(url: &str) -> String {
    let cut: String = url.chars().take(120).collect();
    match (cut.find("://"), cut.rfind('@')) {
        (Some(scheme), Some(at)) if at > scheme => format!("{}[user]{}", &cut[..scheme + 3], &cut[at..]),
        (None, Some(at)) => format!("[user]{}", &cut[at..]),
        _ => cut,
    }
}

fn link_local(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    match bare.parse::<IpAddr>() {
        Ok(IpAddr::V4(ip)) => {
            ip.is_link_local() || ip.is_unspecified() || ip.is_multicast() || ip.is_broadcast()
        }
        Ok(IpAddr::V6(ip)) => {
            ip.is_unicast_link_local()
                || ip.is_unspecified()
                || ip.is_multicast()
                || ip.to_ipv4_mapped().is_some_and(|v4| v4.is_link_local())
        }
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::fault;

    #[test]
    fn addresses_of_providers_are_accepted() {
        for good in [
            "http://10.0.3.4:8080",
            "https://dkdn.example.vn/base/path",
            "http://127.0.0.1:9001/",
            "http://[fd00::1]:80/x",
            "https://h",
        ] {
            assert_eq!(fault(good), None, "{good}");
        }
    }

    #[test]
    fn what_is_none_is_refused_and_a_password_in_it_is_not_shown() {
        for (bad, hint) in [
            ("", "not a URL"),
            ("dkdn.example.vn", "lacks http://"),
            ("/path", "lacks http://"),
            ("ftp://h/x", "only http and https"),
            ("http://u:matkhau@h/x", "has a user"),
            ("http://h/x?y=1", "has a query"),
            ("http://h/x#y", "fragment"),
            ("http://h:99999/", "port"),
            ("http://h:0/", "port"),
            ("http://h:/", "port"),
            ("http://h/a/../b", "base path"),
            ("http://h/a%2fb", "base path"),
            ("http://169.254.169.254/latest", "link-local"),
            ("http://[fe80::1]/", "link-local"),
            ("http://[::ffff:169.254.1.1]/", "link-local"),
        ] {
            let error = fault(bad).unwrap_or_else(|| panic!("{bad} was accepted"));
            assert!(error.contains(hint), "{bad}: {error}");
            assert!(!error.contains("matkhau"), "{error}");
        }
    }
}
