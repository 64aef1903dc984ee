//! Receive: whether this is one request that the platform carries at all, and whether it may take on one more.

use crate::gateway::Gateway;
use http::header::{HOST, UPGRADE};
use http::request::Parts;
use http::{HeaderMap, Method, Version};
use lgsp_kernel::{Refusal, fault};
use lgsp_wire::framing::Fault;

/// Checks a head; `refused` is what the connection's guard has to say of it, `more_lines` how many may stand beside the caller's own.
pub(crate) fn receive(
    gateway: &Gateway,
    head: &Parts,
    refused: Option<Fault>,
    more_lines: usize,
) -> Result<(), Refusal> {
    if let Some(refused) = refused {
        return Err(refusal(gateway, refused));
    }
    if matches!(head.method, Method::CONNECT | Method::TRACE) {
        return Err(Refusal::new(&fault::METHOD_UNSUPPORTED, format!("{} is not carried.", head.method)));
    }
    if asks_for_upgrade(&head.headers) {
        return Err(Refusal::new(&fault::METHOD_UNSUPPORTED, "Protocol upgrades are not carried."));
    }
    if head.version == Version::HTTP_2 {
        http2_bounds(gateway, head, more_lines)?;
    }
    same_host(head)
}

/// Whether the platform takes on one more exchange.
pub(crate) fn admit(gateway: &Gateway) -> Result<(), Refusal> {
    let again = gateway.config.retry_after_seconds;
    if gateway.draining() {
        return Err(Refusal::new(&fault::DRAINING, "No new exchanges are begun.").retry_after(again));
    }
    if !gateway.fresh() {
        return Err(Refusal::new(&fault::STALE, "The store has been away for too long.").retry_after(again));
    }
    if gateway.in_flight() > gateway.config.in_flight_max {
        let detail = format!("{} exchanges are open.", gateway.config.in_flight_max);
        return Err(Refusal::new(&fault::OVERLOADED, detail).retry_after(again));
    }
    Ok(())
}

fn refusal(gateway: &Gateway, refused: Fault) -> Refusal {
    let config = &gateway.config;
    match refused {
        Fault::Malformed(why) => Refusal::new(&fault::MALFORMED_REQUEST, format!("Not accepted: {why}.")),
        Fault::HeadTooLarge => head_too_large(gateway),
        Fault::TargetTooLong => {
            Refusal::new(&fault::TARGET_TOO_LONG, format!("The limit is {} bytes.", config.target_max))
        }
        Fault::Timeout => Refusal::new(
            &fault::REQUEST_TIMEOUT,
            format!("The head did not arrive within {} s.", config.head_timeout.as_secs()),
        ),
    }
}

fn head_too_large(gateway: &Gateway) -> Refusal {
    let detail =
        format!("The limits are {} lines and {} bytes.", gateway.config.headers_max, gateway.config.head_max);
    Refusal::new(&fault::HEAD_TOO_LARGE, detail)
}

/// What the guard checks of HTTP/1 and the HTTP/2 library leaves to us.
fn http2_bounds(gateway: &Gateway, head: &Parts, more_lines: usize) -> Result<(), Refusal> {
    if head.headers.len() > gateway.config.headers_max + more_lines {
        return Err(head_too_large(gateway));
    }
    if head.uri.path_and_query().is_some_and(|p| p.as_str().len() > gateway.config.target_max) {
        return Err(refusal(gateway, Fault::TargetTooLong));
    }
    if head.uri.authority().is_none() && !head.headers.contains_key(HOST) {
        return Err(Refusal::new(&fault::MALFORMED_REQUEST, "There is neither :authority nor Host."));
    }
    Ok(())
}

/// `h2c` is an offer that may be passed over, and Java's client makes it with every call; any other upgrade is a demand.
fn asks_for_upgrade(headers: &HeaderMap) -> bool {
    headers
        .get_all(UPGRADE)
        .iter()
        .any(|v| !v.to_str().is_ok_and(|t| t.split(',').all(|p| p.trim().eq_ignore_ascii_case("h2c"))))
}

/// A target with a host of its own must name the same one as `Host`, or two readers could disagree whose request this is.
fn same_host(head: &Parts) -> Result<(), Refusal> {
    let (Some(authority), Some(host)) = (head.uri.authority(), head.headers.get(HOST)) else { return Ok(()) };
    if authority.as_str().as_bytes().eq_ignore_ascii_case(host.as_bytes()) {
        return Ok(());
    }
    Err(Refusal::new(&fault::MALFORMED_REQUEST, "The target and the Host name different hosts."))
}
