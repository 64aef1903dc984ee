//! The provider's side, going out: an answer, or a refusal, is stated and stood by before it leaves.

use crate::body::{OutBody, PeerBody};
use crate::bounds::SKEW_REPORTED;
use crate::fields::{self, value};
use crate::peers::{Peers, not_recorded};
use crate::seal::{state_body, systems_own};
use crate::statement::{Statement, Subject, digest_text};
use crate::stream::StatedStream;
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use lgsp_evidence::hash::Hash;
use lgsp_kernel::model::SignatureMode;
use lgsp_kernel::{AgencyCode, ExchangeId, Refusal, fault};

/// The request that an answer refers to.
#[derive(Debug, Clone)]
pub struct ReplyTo {
    /// The exchange.
    pub exchange: ExchangeId,
    /// The digest of the request's statement.
    pub digest: Hash,
    /// Its mode.
    pub mode: SignatureMode,
    /// Our clock minus the sender's, seconds.
    pub clock_difference: i64,
}

/// An answer to be stated.
#[derive(Debug)]
pub struct OutgoingAnswer {
    /// The agency that stands by it; with a refusal the operator's may take its place.
    pub agency: Option<AgencyCode>,
    /// The status.
    pub status: StatusCode,
    /// The provider's fields.
    pub headers: HeaderMap,
    /// The body.
    pub body: PeerBody,
    /// Where the platform answers: the refusal's code, and whether the provider may have acted.
    pub refusal: Option<(&'static str, bool)>,
    /// The exchange that had this answer before, under the same idempotency key.
    pub original: Option<ExchangeId>,
}

impl Peers {
    /// States an answer and stands by it: on return its statement is durable, and it may leave.
    pub async fn seal_answer(
        &self,
        reply: &ReplyTo,
        answer: OutgoingAnswer,
    ) -> Result<Response<OutBody>, Refusal> {
        let inner = &self.0;
        let now = inner.clock.now();
        let own =
            answer.agency.as_ref().and_then(|a| inner.keys.of(a, reply.mode, now).map(|s| (a.clone(), s)));
        let speaks = own.or_else(|| {
            let operator = inner.keys.operator().filter(|_| answer.refusal.is_some())?;
            inner.keys.of(&operator, reply.mode, now).map(|s| (operator, s))
        });
        let (agency, speaker) = speaks.ok_or_else(|| {
            Refusal::new(&fault::INTERNAL, "This node has no valid delegation to answer with.")
        })?;
        let whole = matches!(&answer.body, PeerBody::Whole(b) if b.len() as u64 <= inner.config.body_max);
        let mut headers = systems_own(&answer.headers);
        headers.insert(&fields::EXCHANGE, fields::once(value(reply.exchange.to_string())));
        headers.insert(&fields::IN_REPLY_TO, fields::once(value(digest_text(&reply.digest))));
        headers.insert(&fields::FROM, value(format!("{}/{agency}", inner.node)));
        state_body(&mut headers, &answer.body, whole);
        if let Some((code, may_have_acted)) = answer.refusal {
            headers.insert(&fields::REFUSAL, HeaderValue::from_static(code));
            let acted = if may_have_acted { "unknown" } else { "no" };
            headers.insert(&fields::ACTED, HeaderValue::from_static(acted));
        }
        if let Some(original) = answer.original {
            headers.insert(&fields::ORIGINAL_EXCHANGE, fields::once(value(original.to_string())));
        }
        let subject = Subject::Answer { status: answer.status };
        let statement = Statement::build(subject, &headers, now.seconds(), speaker.keyid());
        let statement = statement
            .map_err(|e| Refusal::new(&fault::ANSWER_MALFORMED, format!("It cannot be stated: {e}.")))?;
        let unrecorded = |e| not_recorded(&fault::ANSWER_NOT_RECORDED, e);
        let pending = inner.append_statement(&statement, &reply.exchange, reply.mode).map_err(unrecorded)?;
        inner.stand_by(&speaker, &statement, pending, &mut headers).await.map_err(unrecorded)?;
        if reply.clock_difference.abs() > SKEW_REPORTED {
            headers.insert(&fields::HOP_CLOCK, value(reply.clock_difference.to_string()));
        }
        let body = if whole {
            answer.body.into()
        } else {
            StatedStream::new(inner.clone(), speaker, reply.exchange, statement.digest, answer.body).into()
        };
        let mut response = Response::new(body);
        *response.status_mut() = answer.status;
        *response.headers_mut() = headers;
        Ok(response)
    }
}
