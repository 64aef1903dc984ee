//! Record: makes the exchange durable before its effect. A request that can change something is on record before the provider sees
//! it; no answer and no refusal of a known caller is given that is not on record.

use crate::body::intake::RequestBody;
use crate::body::sealed::Durable;
use crate::exchange::Exchange;
use crate::record::digest::{answer_head, request_head, sha256};
use crate::record::view::Message;
use crate::record::{bodies_until, json};
use crate::steps::verify::{Content, Given};
use bytes::Bytes;
use lgsp_evidence::{AppendError, BodyRole, Draft, Ticket};
use lgsp_kernel::model::KeepBody;
use lgsp_kernel::record::{Outcome, Part};
use lgsp_kernel::snapshot::Digest;
use lgsp_kernel::{Refusal, RefusalKind, Step, fault};
use lgsp_provider::OutHead;

/// Digests the request as it was received. Its header lines move on after this.
pub(crate) fn received(x: &mut Exchange) {
    let authority = x.head.uri.authority().map(http::uri::Authority::as_str);
    let head = request_head(x.head.method.as_str(), &x.target, authority, &x.head.headers);
    x.request.received = Some(Message { head, body: None, bytes: None });
}

/// Records the request before it is forwarded, where it can have an effect or is too large to be recorded with its answer.
pub(crate) async fn request(x: &mut Exchange, out: &OutHead) -> Result<(), Refusal> {
    let rest = crate::record::digest::masked(out.rest());
    let head = request_head(out.method().as_str(), &rest, None, out.headers());
    x.request.sent = Some(Message { head, body: None, bytes: None });
    let first = x.route().service.spec.evidence.record_reads_first || !x.safe();
    let (part, kept) = match &x.body {
        RequestBody::Large(_) => (Part::Opening, None),
        RequestBody::Whole(bytes, _) => {
            let bytes = bytes.clone();
            x.request.body(digest_of(x, &bytes), bytes.len() as u64);
            (Part::Request, Some(bytes))
        }
        RequestBody::None | RequestBody::Unread(_) => {
            x.request.body(digest_of(x, b""), 0);
            (Part::Request, None)
        }
    };
    x.kept_request = kept.filter(|_| x.keep_body() == KeepBody::Full);
    if !first && part == Part::Request {
        // Its record follows with the answer; where that is known to fail, the provider is not asked.
        return if x.gateway.log.takes_records() {
            Ok(())
        } else {
            Err(untaken(&fault::NOT_RECORDED, "no record is taken"))
        };
    }
    let ticket = append(x, json(x, part, Outcome::Pending, None), Bytes::new());
    x.progress.requested = Some(x.decisions.len());
    wait(ticket, &fault::NOT_RECORDED).await
}

/// Records the answer before it is given. A large one gets an opening record; what closes it follows with its last byte.
pub(crate) async fn answer(x: &mut Exchange, given: Given) -> Result<Given, Refusal> {
    let status = given.head.status;
    x.status = Some(status.as_u16());
    let sent = answer_head(status, &given.head.headers);
    x.answer.sent = Some(Message { head: sent, body: None, bytes: None });
    let (record, kept) = match &given.content {
        Content::Whole(bytes, _) => {
            x.answer.body(digest_of(x, bytes), bytes.len() as u64);
            let part = closing_part(x);
            (json(x, part, Outcome::Answered, None), bytes.clone())
        }
        Content::Large { .. } => (json(x, Part::Opening, Outcome::Pending, None), Bytes::new()),
    };
    let ticket = append(x, record, kept);
    match &given.content {
        Content::Whole(..) => x.progress.closed = true,
        Content::Large { .. } => x.progress.requested = Some(x.decisions.len()),
    }
    wait(ticket, &fault::ANSWER_NOT_RECORDED).await?;
    Ok(given)
}

/// Records how an exchange without an answer ended, before the caller is told. Callers that nobody could name leave a security event instead.
pub(crate) async fn refusal(x: &mut Exchange, refusal: &Refusal) -> Result<(), Refusal> {
    x.progress.closed = true;
    if x.caller.is_none() || refusal.kind.step == Step::Record {
        return Ok(());
    }
    if x.request.received.is_none() {
        received(x);
    }
    x.status = Some(x.edge.status(refusal).as_u16());
    let ticket = append(x, json(x, closing_part(x), outcome(x, refusal), Some(refusal)), Bytes::new());
    let kind = if x.progress.may_have_acted { &fault::ANSWER_NOT_RECORDED } else { &fault::NOT_RECORDED };
    wait(ticket, kind).await
}

fn outcome(x: &Exchange, refusal: &Refusal) -> Outcome {
    if !x.progress.forwarded {
        Outcome::Refused
    } else if matches!(refusal.kind.step, Step::Validate | Step::Receive) {
        Outcome::Incomplete
    } else if x.progress.may_have_acted {
        Outcome::Unknown
    } else {
        Outcome::Failed
    }
}

/// What closes an exchange: the answer alone where the request is on record, otherwise both.
pub(crate) fn closing_part(x: &Exchange) -> Part {
    if x.progress.requested.is_some() { Part::Answer } else { Part::Whole }
}

/// The digest of a body; none where the service's evidence is off.
fn digest_of(x: &Exchange, body: &[u8]) -> Option<Digest> {
    x.digests_bodies().then(|| sha256(body))
}

/// Hands a record to the log, with the bodies that are kept. Each body is kept once, beside the first record that can have it.
fn append(x: &mut Exchange, record: Vec<u8>, answer: Bytes) -> Result<Ticket, AppendError> {
    let mut draft = Draft::of(Some(x.id), record.into());
    if x.keep_body() == KeepBody::Full {
        let fits = |b: &Bytes| !b.is_empty() && b.len() <= lgsp_kernel::bounds::COLLECT_MAX;
        draft.bodies.extend(x.kept_request.take().filter(fits).map(|b| (BodyRole::Request, b)));
        draft.bodies.extend(Some(answer).filter(fits).map(|b| (BodyRole::Answer, b)));
        draft.bodies_until = bodies_until(x);
    }
    x.gateway.log.append(draft)
}

/// Waits until a record is durable; `kind` is the refusal if it will not be.
pub(crate) fn durable(ticket: Result<Ticket, AppendError>, kind: &'static RefusalKind) -> Durable {
    Box::pin(wait(ticket, kind))
}

async fn wait(ticket: Result<Ticket, AppendError>, kind: &'static RefusalKind) -> Result<(), Refusal> {
    let result = match ticket {
        Ok(ticket) => ticket.await,
        Err(e) => Err(e),
    };
    result.map(|_| ()).map_err(|e| untaken(kind, e))
}

fn untaken(kind: &'static RefusalKind, why: impl std::fmt::Display) -> Refusal {
    let refusal = Refusal::new(kind, "The message log did not take the record.").with_internal(why);
    if std::ptr::eq(kind, &fault::NOT_RECORDED) { refusal.retry_after(5) } else { refusal }
}
