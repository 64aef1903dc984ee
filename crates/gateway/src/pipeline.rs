//! The order of a call. Every step is a small file in `steps/`; a step that refuses ends the call, and the refusal is recorded and told in the
//! caller's protocol. Nothing here or in the steps knows how the caller speaks, except where the edge is asked.

use crate::answer::AnswerBody;
use crate::body::sealed::{Bounds, Closer, End, Sealed};
use crate::edge::{describe, xroad};
use crate::exchange::{Decision, Exchange, Why};
use crate::peer;
use crate::record::json;
use crate::steps::verify::{Content, Given, Rest};
use crate::steps::{
    authorize, forward, idempotent, identify, legs, limit, mask, mediate, record, resolve, validate, verify,
};
use bytes::Bytes;
use http::Response;
use http_body::Frame;
use lgsp_kernel::record::{Outcome, Part};
use lgsp_kernel::{Refusal, fault};
use std::borrow::Cow;
use std::collections::VecDeque;

/// Carries an exchange to its answer.
pub(crate) async fn run(mut x: Box<Exchange>) -> Response<AnswerBody> {
    match steps(&mut x).await {
        Ok(given) if x.member.is_some() => Box::pin(peer::give(x, given)).await,
        Ok(given) => give(x, given),
        Err(refusal) => Box::pin(refuse(x, refusal)).await,
    }
}

/// The line.
async fn steps(x: &mut Exchange) -> Result<Given, Refusal> {
    if let Some(given) = describe::open(x) {
        // For anyone, and no exchange.
        x.progress.closed = true;
        return Ok(given);
    }
    identify::identify(x)?;
    resolve::resolve(x).await?;
    mediate::begin(x);
    if x.route.is_none() {
        return asked_of_us(x).await;
    }
    peer::speaks(x)?;
    authorize::authorize(x)?;
    limit::limit(x)?;
    validate::validate(x).await?;

    record::received(x);
    // Boxed: these are large, and most calls would carry their size about.
    let kept = if idempotent::asked(x) { Box::pin(idempotent::begin(x)).await? } else { None };
    let replayed = kept.is_some();
    if !replayed && x.mediation.is_some() {
        Box::pin(mediate::request(x)).await?;
    }
    let arrived = match kept {
        Some(kept) => kept,
        None if x.route().version.legs.is_empty() => {
            let out = forward::prepare(x);
            record::request(x, &out, None).await?;
            forward::forward(x, out).await?
        }
        // The same for each way in turn.
        None => Box::pin(legs::forward(x)).await?,
    };

    let given = verify::verify(x, arrived).await?;
    let given = match &x.mediation {
        // What is kept under a key was made for this caller.
        Some(_) if !replayed => Box::pin(mediate::answer(x, given)).await?,
        _ => given,
    };
    let given = mask::mask(x, given)?;
    let given = xroad::answer(x, given)?;
    if x.permit.is_some() {
        let kept = idempotent::kept(&given);
        Box::pin(idempotent::answered(x, kept)).await?;
    }
    if x.member.is_some() {
        // Its statement becomes durable with it, before either leaves.
        record::answer_begun(x, &given)?;
        return Ok(given);
    }
    record::answer(x, given).await
}

/// What the platform answers itself: on record like any other answer.
async fn asked_of_us(x: &mut Exchange) -> Result<Given, Refusal> {
    let described = x.asked.take().map(|asked| describe::answer(x, &asked)).transpose()?;
    let given = match described {
        Some(given) => Some(given),
        None => xroad::own_answer(x)?,
    };
    let given = given.ok_or_else(|| Refusal::new(&fault::NO_SERVICE, "Nothing is known by this name."))?;
    record::received(x);
    record::request_body(x);
    record::answer(x, given).await
}

/// Gives an answer that is on record. A large one streams; its exchange goes with it until its last byte.
fn give(x: Box<Exchange>, given: Given) -> Response<AnswerBody> {
    let Given { head, content } = given;
    let body = match content {
        Content::Whole(bytes, trailers) => {
            x.gateway.clone().finished(&x, None);
            AnswerBody::with_trailers(bytes, trailers)
        }
        Content::Large { first, rest, known } => AnswerBody::stream(streaming(x, first, rest, known)),
    };
    Response::from_parts(head, body)
}

/// The body of a large answer, which closes its record before its end is given.
pub(crate) fn streaming(
    x: Box<Exchange>,
    first: VecDeque<Frame<Bytes>>,
    rest: Rest,
    known: Option<u64>,
) -> Sealed<Rest> {
    let bounds = Bounds { known, limit: u64::MAX, over_limit: answer_too_large, broken: verify::broken };
    let digest = x.digests_bodies();
    Sealed::new(rest, first, bounds, digest, answer_closer(x))
}

fn answer_too_large(limit: u64) -> Refusal {
    Refusal::new(&fault::ANSWER_TOO_LARGE, format!("The limit is {limit} bytes."))
}

/// Closes the record of a streamed answer: whole, or broken off and by whom, then with what had been given. If the consumer went away,
/// the exchange says so itself when it is dropped.
fn answer_closer(x: Box<Exchange>) -> Closer {
    let mut x = x;
    Box::new(move |end| {
        let (outcome, refusal) = match end {
            End::Whole(digest, bytes) => {
                x.answer.body(digest, bytes);
                (Outcome::Answered, None)
            }
            End::Broken(refusal, digest, bytes) => {
                x.answer.body(digest, bytes);
                (Outcome::Incomplete, Some(refusal))
            }
            End::Left(digest, bytes) => {
                x.answer.body(digest, bytes);
                return None;
            }
        };
        x.progress.closed = true;
        let record = json(&x, Part::Answer, outcome, refusal.as_ref());
        let ticket = x.gateway.log.append(lgsp_evidence::Draft::of(Some(x.id), record.into()));
        x.gateway.clone().finished(&x, refusal.as_ref());
        Some(record::durable(ticket, &fault::ANSWER_NOT_RECORDED))
    })
}

/// Records a refusal and tells it; if even that cannot be recorded, the caller is told so instead.
pub(crate) async fn refuse(mut x: Box<Exchange>, refusal: Refusal) -> Response<AnswerBody> {
    let why = Why::Text(Cow::Owned(format!("{}: {}", refusal.kind.code, refusal.detail)));
    x.decisions.push(Decision { step: refusal.kind.step, ok: false, why });
    let refusal = match record::refusal(&mut x, &refusal).await {
        Ok(()) => refusal,
        Err(unrecorded) => unrecorded,
    };
    idempotent::refused(&mut x).await;
    x.gateway.clone().finished(&x, Some(&refusal));
    if x.member.is_some() {
        return peer::refuse(&mut x, &refusal).await;
    }
    let mut response = match &x.xroad {
        Some(call) => call.refuse(&refusal, &x.id_text),
        None => x.edge.refuse(&refusal, x.id, &x.id_text, resolve::allowed(&refusal)),
    };
    verify::life(&x, response.headers_mut());
    verify::name_leg(&x, response.headers_mut());
    response
}
