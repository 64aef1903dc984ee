//! The order of a call. Every step is a small file in `steps/`; a step that refuses ends the call, and the refusal is recorded and told in the
//! caller's protocol. Nothing here or in the steps knows how the caller speaks, except where the edge is asked.

use crate::answer::AnswerBody;
use crate::body::sealed::{Bounds, Closer, End, Sealed};
use crate::exchange::{Decision, Exchange, Why};
use crate::record::json;
use crate::steps::verify::{Content, Given};
use crate::steps::{authorize, forward, identify, limit, record, resolve, validate, verify};
use http::Response;
use lgsp_kernel::record::{Outcome, Part};
use lgsp_kernel::{Refusal, fault};
use std::borrow::Cow;

/// Carries an exchange to its answer.
pub(crate) async fn run(mut x: Box<Exchange>) -> Response<AnswerBody> {
    match steps(&mut x).await {
        Ok(given) => give(x, given),
        Err(refusal) => Box::pin(refuse(x, refusal)).await,
    }
}

/// The line.
async fn steps(x: &mut Exchange) -> Result<Given, Refusal> {
    identify::identify(x)?;
    resolve::resolve(x).await?;
    authorize::authorize(x)?;
    limit::limit(x)?;
    validate::validate(x).await?;

    record::received(x);
    let out = forward::prepare(x);
    record::request(x, &out).await?;

    let sent = forward::forward(x, out).await?;
    let given = verify::verify(x, sent).await?;
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
        Content::Large { first, rest, known } => {
            let bounds =
                Bounds { known, limit: u64::MAX, over_limit: answer_too_large, broken: verify::broken };
            let digest = x.digests_bodies();
            AnswerBody::stream(Sealed::new(rest, first, bounds, digest, answer_closer(x)))
        }
    };
    Response::from_parts(head, body)
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
async fn refuse(mut x: Box<Exchange>, refusal: Refusal) -> Response<AnswerBody> {
    let why = Why::Text(Cow::Owned(format!("{}: {}", refusal.kind.code, refusal.detail)));
    x.decisions.push(Decision { step: refusal.kind.step, ok: false, why });
    let refusal = match record::refusal(&mut x, &refusal).await {
        Ok(()) => refusal,
        Err(unrecorded) => unrecorded,
    };
    x.gateway.clone().finished(&x, Some(&refusal));
    let mut response = x.edge.refuse(&refusal, x.id, &x.id_text, resolve::allowed(&refusal));
    verify::life(&x, response.headers_mut());
    response
}
