//! Record: makes the exchange durable before its effect. A request that can change something is on record before the provider sees
//! it; no answer and no refusal of a known caller is given that is not on record.

use crate::body::intake::RequestBody;
use crate::body::sealed::Durable;
use crate::exchange::{COUNTERSIGNED, Exchange, Waiting};
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

/// Records the request before it is forwarded, where it can have an effect or is too large to be recorded with its answer. Where it
/// goes several ways in turn, each is recorded before it is tried.
pub(crate) async fn request(x: &mut Exchange, out: &OutHead, changed: Option<&Bytes>) -> Result<(), Refusal> {
    if request_begun(x, out, changed)? { settle(x, &fault::NOT_RECORDED).await } else { Ok(()) }
}

/// The same without waiting for it: whether there is something to wait for.
pub(crate) fn request_begun(
    x: &mut Exchange,
    out: &OutHead,
    changed: Option<&Bytes>,
) -> Result<bool, Refusal> {
    let rest = crate::record::digest::masked(out.rest());
    let head = request_head(out.method().as_str(), &rest, None, out.headers());
    if x.request.sent.is_some() {
        let (body, bytes) = x.request.received.map_or((None, None), |m| (m.body, m.bytes));
        x.request.sent = Some(Message { head, body, bytes });
        mediated_body(x);
        sent_body(x, changed);
        return another_way(x);
    }
    x.request.sent = Some(Message { head, body: None, bytes: None });
    let first = x.route().service.spec.evidence.record_reads_first || !x.safe();
    let original = x.mediation.as_ref().and_then(|m| m.original.clone());
    let (part, kept) = match (&x.body, original) {
        (RequestBody::Large(_), _) => (Part::Opening, None),
        (_, Some(bytes)) => {
            x.request.body(digest_of(x, &bytes), bytes.len() as u64);
            mediated_body(x);
            (Part::Request, Some(bytes))
        }
        (RequestBody::Whole(bytes, _), None) => {
            let bytes = bytes.clone();
            x.request.body(digest_of(x, &bytes), bytes.len() as u64);
            (Part::Request, Some(bytes))
        }
        (RequestBody::None | RequestBody::Unread(_), None) => {
            x.request.body(digest_of(x, b""), 0);
            (Part::Request, None)
        }
    };
    sent_body(x, changed);
    x.kept_request = kept.filter(|_| x.keep_body() == KeepBody::Full);
    if !first && part == Part::Request {
        // Its record follows with the answer; where that is known to fail, the provider is not asked.
        return if x.gateway.log.takes_records() {
            Ok(false)
        } else {
            Err(untaken(&fault::NOT_RECORDED, "no record is taken"))
        };
    }
    append(x, json(x, part, Outcome::Pending, None), Bytes::new(), &fault::NOT_RECORDED)?;
    x.progress.requested = Some(x.decisions.len());
    Ok(true)
}

/// Notes the body of a request that is not forwarded.
pub(crate) fn request_body(x: &mut Exchange) {
    let bytes = match &x.body {
        RequestBody::Whole(bytes, _) => bytes.clone(),
        _ => Bytes::new(),
    };
    x.request.body(digest_of(x, &bytes), bytes.len() as u64);
}

/// Notes that the provider is sent another body than the consumer's because it was converted.
fn mediated_body(x: &mut Exchange) {
    let converted = x.mediation.as_ref().and_then(|m| m.sent);
    if let (Some(sent), Some((digest, bytes))) = (&mut x.request.sent, converted) {
        (sent.body, sent.bytes) = (digest, Some(bytes));
    }
}

/// Notes that a leg is sent another body than the consumer's.
fn sent_body(x: &mut Exchange, changed: Option<&Bytes>) {
    let Some(bytes) = changed else { return };
    let digest = digest_of(x, bytes);
    if let Some(sent) = &mut x.request.sent {
        (sent.body, sent.bytes) = (digest, Some(bytes.len() as u64));
    }
}

/// Records the request once more, as it is sent now: whole, because it must stand for itself.
fn another_way(x: &mut Exchange) -> Result<bool, Refusal> {
    if x.progress.requested.take().is_none() {
        return Ok(false);
    }
    let whole = x.request.received.is_some_and(|m| m.bytes.is_some());
    let part = if whole { Part::Request } else { Part::Opening };
    append(x, json(x, part, Outcome::Pending, None), Bytes::new(), &fault::NOT_RECORDED)?;
    x.progress.requested = Some(x.decisions.len());
    Ok(true)
}

/// Records the answer before it is given. A large one gets an opening record; what closes it follows with its last byte.
pub(crate) async fn answer(x: &mut Exchange, given: Given) -> Result<Given, Refusal> {
    answer_begun(x, &given)?;
    settle(x, &fault::ANSWER_NOT_RECORDED).await?;
    Ok(given)
}

/// The same without waiting for it.
pub(crate) fn answer_begun(x: &mut Exchange, given: &Given) -> Result<(), Refusal> {
    let status = given.head.status;
    x.status = Some(status.as_u16());
    let sent = answer_head(status, &given.head.headers);
    x.answer.sent = Some(Message { head: sent, body: None, bytes: None });
    let (record, kept) = match &given.content {
        Content::Whole(bytes, _) => {
            let changed = x.answer.received.filter(|m| m.bytes.is_some());
            x.answer.body(digest_of(x, bytes), bytes.len() as u64);
            if changed.is_some() {
                // What came is another body than what is given; its digest was taken then.
                x.answer.received = changed;
            }
            let part = closing_part(x);
            (json(x, part, Outcome::Answered, None), bytes.clone())
        }
        Content::Large { .. } => (json(x, Part::Opening, Outcome::Pending, None), Bytes::new()),
    };
    let appended = append(x, record, kept, &fault::ANSWER_NOT_RECORDED);
    match &given.content {
        Content::Whole(..) => x.progress.closed = true,
        Content::Large { .. } => x.progress.requested = Some(x.decisions.len()),
    }
    appended
}

/// Records a message between other nodes before it is passed on.
pub(crate) fn passed_request(x: &mut Exchange, streams: bool) -> Result<(), Refusal> {
    let part = if streams { Part::Opening } else { Part::Request };
    append(x, json(x, part, Outcome::Pending, None), Bytes::new(), &fault::NOT_RECORDED)?;
    x.progress.requested = Some(x.decisions.len());
    Ok(())
}

/// Records its answer before it is passed on.
pub(crate) fn passed_answer(x: &mut Exchange, streams: bool) -> Result<(), Refusal> {
    let (part, outcome) =
        if streams { (Part::Opening, Outcome::Pending) } else { (Part::Answer, Outcome::Answered) };
    x.progress.closed = !streams;
    append(x, json(x, part, outcome, None), Bytes::new(), &fault::ANSWER_NOT_RECORDED)
}

/// Records how an exchange without an answer ended, before the caller is told. Callers that nobody could name leave a security event instead.
pub(crate) async fn refusal(x: &mut Exchange, refusal: &Refusal) -> Result<(), Refusal> {
    x.progress.closed = true;
    if (x.caller.is_none() && x.member.is_none()) || refusal.kind.step == Step::Record {
        return Ok(());
    }
    if x.request.received.is_none() {
        received(x);
    }
    x.status = Some(x.edge.status(refusal).as_u16());
    let kind = if x.progress.may_have_acted { &fault::ANSWER_NOT_RECORDED } else { &fault::NOT_RECORDED };
    append(x, json(x, closing_part(x), outcome(x, refusal), Some(refusal)), Bytes::new(), kind)?;
    settle(x, kind).await
}

/// How it ended. What another node refused, whatever the step, is not this consumer's body breaking off.
fn outcome(x: &Exchange, refusal: &Refusal) -> Outcome {
    let theirs = x.member.is_none() && x.leg.as_ref().is_some_and(|l| l.proves == COUNTERSIGNED);
    if !x.progress.forwarded {
        Outcome::Refused
    } else if !theirs && matches!(refusal.kind.step, Step::Validate | Step::Receive) {
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

/// Hands a record to the log, with the bodies that are kept. Each body is kept once, beside the first record that can have it. It is
/// waited for by `settle`.
fn append(
    x: &mut Exchange,
    record: Vec<u8>,
    answer: Bytes,
    kind: &'static RefusalKind,
) -> Result<(), Refusal> {
    let mut draft = Draft::of(Some(x.id), record.into());
    if x.keep_body() == KeepBody::Full {
        let fits = |b: &Bytes| !b.is_empty() && b.len() <= lgsp_kernel::bounds::COLLECT_MAX;
        draft.bodies.extend(x.kept_request.take().filter(fits).map(|b| (BodyRole::Request, b)));
        draft.bodies.extend(Some(answer).filter(fits).map(|b| (BodyRole::Answer, b)));
        draft.bodies_until = bodies_until(x);
    }
    let ticket = x.gateway.log.append(draft).map_err(|e| untaken(kind, e))?;
    x.waiting.push(Waiting::Record(ticket));
    Ok(())
}

/// Waits until everything of the exchange that the log was handed is durable; `kind` is the refusal if something will not be.
pub(crate) async fn settle(x: &mut Exchange, kind: &'static RefusalKind) -> Result<(), Refusal> {
    let mut settled = Ok(());
    for waiting in std::mem::take(&mut x.waiting) {
        let durable = match waiting {
            Waiting::Record(ticket) => ticket.await.map(drop),
            Waiting::Received(ticket) => ticket.durable().await,
        };
        settled = settled.and(durable.map_err(|e| untaken(kind, e)));
    }
    settled
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

pub(crate) fn untaken(kind: &'static RefusalKind, why: impl std::fmt::Display) -> Refusal {
    let refusal = Refusal::new(kind, "The message log did not take the record.").with_internal(why);
    if std::ptr::eq(kind, &fault::NOT_RECORDED) { refusal.retry_after(5) } else { refusal }
}
