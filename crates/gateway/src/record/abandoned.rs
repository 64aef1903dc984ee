//! The end of an exchange that nobody waits for any more: the consumer went away, or the platform failed. The record is handed to the
//! log without waiting, because nothing is given that would have to wait for it.

use super::json;
use crate::exchange::Exchange;
use crate::steps::record::{closing_part, received};
use lgsp_evidence::Draft;
use lgsp_kernel::record::Outcome;

/// Closes an exchange that is dropped before it was closed. Callers that were not identified leave no exchange.
pub(crate) fn close(x: &mut Exchange) {
    if x.progress.closed || (x.caller.is_none() && x.member.is_none()) {
        return;
    }
    x.progress.closed = true;
    if x.request.received.is_none() {
        received(x);
    }
    let outcome = match (std::thread::panicking(), x.progress.may_have_acted) {
        (false, _) => Outcome::ConsumerGone,
        (true, true) => Outcome::Unknown,
        (true, false) => Outcome::Failed,
    };
    let draft = Draft::of(Some(x.id), json(x, closing_part(x), outcome, None).into());
    if let Err(e) = x.gateway.log.append(draft) {
        x.gateway.meters.unrecorded();
        tracing::error!(exchange = %x.id, error = %e, "how an abandoned exchange ended is not on record");
    }
}
