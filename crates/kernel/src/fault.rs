//! Refusals: the one list of everything the platform can say no to, with whose fault it is and what to do.
//!
//! Policy. A refusal has a *kind* (code, HTTP status, step, blame, title, remedy: all public and documented), a public
//! *detail* that may name what the caller sent and may do something about, and an *internal* text that only the log
//! of the process sees. Internals (addresses, paths, library errors) never go into `detail`. The wire form is
//! `application/problem+json` (RFC 9457) or a SOAP fault; `lgsp-wire` writes both.

use serde::{Deserialize, Serialize};

/// The step of a call that decided. The order is the order of the pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// The edge read the message head.
    Receive,
    /// Who calls.
    Identify,
    /// Which service, version and operation is meant.
    Resolve,
    /// Whether a grant allows it.
    Authorize,
    /// Rate, burst, quota, concurrency.
    Limit,
    /// Whether the message is well formed and within bounds.
    Validate,
    /// Making it durable.
    Record,
    /// Reaching the provider.
    Forward,
    /// Whether the provider's answer is usable.
    Verify,
}

impl Step {
    /// The word used in answers, records and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Receive => "receive",
            Self::Identify => "identify",
            Self::Resolve => "resolve",
            Self::Authorize => "authorize",
            Self::Limit => "limit",
            Self::Validate => "validate",
            Self::Record => "record",
            Self::Forward => "forward",
            Self::Verify => "verify",
        }
    }
}

/// Whose fault it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Blame {
    /// The system that called.
    Caller,
    /// This platform.
    Platform,
    /// The system that was called.
    Provider,
}

impl Blame {
    /// The word used in answers, records and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Platform => "platform",
            Self::Provider => "provider",
        }
    }
}

/// One documented reason to refuse.
#[derive(Debug, PartialEq, Eq)]
pub struct RefusalKind {
    /// Stable, machine-readable: `step.what`. The problem's `type` is `urn:lgsp:problem:` and this.
    pub code: &'static str,
    /// HTTP status of the answer.
    pub status: u16,
    /// The step that refuses.
    pub step: Step,
    /// Whose fault it is.
    pub blame: Blame,
    /// What happened, in a few words.
    pub title: &'static str,
    /// What to do about it.
    pub remedy: &'static str,
}

/// A refusal on its way to the caller.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// Which documented reason.
    pub kind: &'static RefusalKind,
    /// What the caller may read beyond the title; no internals.
    pub detail: String,
    /// For the process's log only.
    pub internal: Option<String>,
    /// Seconds after which trying again makes sense (`Retry-After`).
    pub retry_after: Option<u32>,
}

impl Refusal {
    /// A refusal of this kind with a public detail.
    pub fn new(kind: &'static RefusalKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), internal: None, retry_after: None }
    }
    /// Adds what only the process's log may see.
    pub fn with_internal(mut self, text: impl std::fmt::Display) -> Self {
        self.internal = Some(text.to_string());
        self
    }
    /// Adds the seconds after which trying again makes sense.
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({}): {}", self.kind.code, self.kind.title, self.detail)
    }
}
impl std::error::Error for Refusal {}

macro_rules! kinds {
    ($($name:ident $code:literal $status:literal $step:ident $blame:ident $title:literal $remedy:literal;)*) => {
        $(
            #[doc = $title]
            pub static $name: RefusalKind = RefusalKind {
                code: $code, status: $status, step: Step::$step, blame: Blame::$blame, title: $title, remedy: $remedy,
            };
        )*
        /// Every kind, in the order of the pipeline.
        pub static ALL_KINDS: &[&RefusalKind] = &[$(&$name),*];
    };
}

kinds! {
    MALFORMED_REQUEST "receive.malformed" 400 Receive Caller "The request is not valid HTTP" "Send one unambiguous request: one Content-Length or chunked coding, never both; a valid Host; no control characters.";
    BAD_PATH "receive.path" 400 Receive Caller "The path is ambiguous" "Send the path without dot segments, empty segments, backslashes, encoded slashes or double encoding.";
    TARGET_TOO_LONG "receive.target_too_long" 414 Receive Caller "The request target is too long" "Shorten the path or query, or send the data in a body.";
    HEAD_TOO_LARGE "receive.head_too_large" 431 Receive Caller "The header lines are too many or too large" "Send fewer or smaller header lines.";
    REQUEST_TIMEOUT "receive.timeout" 408 Receive Caller "The request did not arrive in time" "Send the whole request without pauses longer than the stated limit.";
    METHOD_UNSUPPORTED "receive.method" 501 Receive Caller "The method is not carried" "CONNECT, TRACE and protocol upgrades are not carried; use another method.";
    OVERLOADED "receive.overloaded" 503 Receive Platform "The platform is carrying as much as it may" "Try again after the stated time.";
    DRAINING "receive.draining" 503 Receive Platform "The platform is stopping" "Try again; another process or the restarted one will answer.";
    STALE "receive.stale" 503 Receive Platform "What the platform knows of grants is too old to decide on" "Try again later; the operator has been told.";
    INTERNAL "receive.internal" 500 Receive Platform "The platform failed" "The provider may have acted on the request. Report it to the operator with the exchange id.";
    XROAD_FORM "receive.xroad" 400 Receive Caller "The request breaks X-Road's message protocol" "Send it as docs/protocol/xroad.md says; the detail names what is wrong.";

    NO_CREDENTIAL "identify.none" 401 Identify Caller "No credential was sent" "Send a bearer token from POST /token, an API key in the header apikey, an lgspaccesstoken header, or use a client certificate.";
    UNKNOWN_CREDENTIAL "identify.unknown" 401 Identify Caller "The credential is not known" "Check the client id, key or certificate with the operator of the platform.";
    BAD_TOKEN "identify.token" 401 Identify Caller "The token is not valid" "Ask for a new token at POST /token; send it unchanged.";
    EXPIRED_TOKEN "identify.token_expired" 401 Identify Caller "The token has expired" "Ask for a new token at POST /token.";
    CREDENTIAL_REVOKED "identify.revoked" 401 Identify Caller "The credential was revoked" "Ask the operator of the platform for a new credential.";
    CREDENTIAL_EXPIRED "identify.expired" 401 Identify Caller "The credential has expired" "Ask the operator of the platform to renew the credential.";
    CREDENTIAL_NOT_YET_VALID "identify.not_yet_valid" 401 Identify Caller "The credential is not valid yet" "Use it from its first day on; check the clock of the calling system.";
    CONFLICTING_CREDENTIALS "identify.conflicting" 401 Identify Caller "Two credentials name different systems" "Send one credential, or several of the same system.";
    XROAD_CLIENT "identify.xroad_client" 403 Identify Caller "The X-Road client is another system than the credential's" "Name the system whose credential is shown, or show the credential of the system that is named.";
    PEER_UNKNOWN "identify.peer_unknown" 401 Identify Caller "The sending node is not a member" "Join the directory, or wait until the new member is known here.";
    PEER_REVOKED "identify.peer_revoked" 401 Identify Caller "The sending node, its certificate or its key was revoked" "Ask the hub's operator; renew the certificate.";
    PEER_SIGNATURE "identify.peer_signature" 401 Identify Caller "The message's signature or proof does not hold" "Nothing was forwarded. Sign the message as docs/protocol/peer.md says; the detail names the check that failed.";
    PEER_AGENCY "identify.peer_agency" 401 Identify Caller "The key may not speak for the agency that the message names" "Send a delegation, certified for that agency, that is valid now.";
    PEER_SYSTEM "identify.peer_system" 403 Identify Caller "The sending system is not known here" "Ask the owner of the service to declare the system of the other node.";
    PEER_CLOCK "identify.peer_clock" 401 Identify Caller "The message was made too long ago or in the future" "Set the sending node's clock; the difference is in the detail.";
    PEER_REPLAY "identify.peer_replay" 409 Identify Caller "The message was received before" "Nothing was forwarded this time. Make a new message for a new exchange.";
    PEER_RESTARTED "identify.peer_restarted" 503 Identify Platform "The message is older than this process and could be a repetition" "Nothing was forwarded. Make the message anew and send it again.";
    DIRECTORY_STALE "identify.directory_stale" 503 Identify Platform "What the platform knows of the other members is too old to decide on" "Nothing was forwarded. Try again later; the operator has been told.";

    NO_SERVICE "resolve.service" 404 Resolve Caller "No such service" "Check the first segment of the path against the catalogue.";
    NO_VERSION "resolve.version" 404 Resolve Caller "No such version of the service" "Use a published version, or leave the version out for the default one.";
    RETIRED_VERSION "resolve.retired" 410 Resolve Caller "This version of the service is retired" "Move to the version named in the detail.";
    NO_OPERATION "resolve.operation" 404 Resolve Caller "The service has no such operation" "Check method, path or SOAP action against the service's description.";
    WRONG_METHOD "resolve.method" 405 Resolve Caller "The operation does not take this method" "Use one of the methods in the Allow header.";
    AMBIGUOUS_OPERATION "resolve.ambiguous" 400 Resolve Caller "SOAPAction and body name different operations" "Send the SOAPAction that belongs to the element in the body.";
    XROAD_MEMBER "resolve.xroad_member" 404 Resolve Caller "The X-Road identifier names nobody here" "Check instance, class, member and subsystem against listClients; the detail says which does not fit.";
    XROAD_AMBIGUOUS "resolve.xroad_ambiguous" 400 Resolve Caller "The X-Road identifier means several services" "Call the service by its own address, or ask the operator to make the services differ.";
    PROVIDER_URL "resolve.provider_url" 400 Resolve Caller "The provider's address in the request is not the registered one" "Leave providerurl out: calls go to the registered address. Nothing was sent to the one in the request.";
    PEER_ADDRESSEE "resolve.peer_addressee" 404 Resolve Caller "The message is for a node that is not reached from here" "Check the addressed node against the directory.";
    PEER_VERSION "resolve.peer_version" 400 Resolve Caller "No common version of the peer protocol" "Use one of the versions in the detail.";

    NO_GRANT "authorize.grant" 403 Authorize Caller "No grant covers this call" "Ask the owner of the service for a grant for this operation.";
    GRANT_EXPIRED "authorize.grant_expired" 403 Authorize Caller "The grant has expired" "Ask the owner of the service to renew the grant.";
    GRANT_NOT_YET_VALID "authorize.grant_not_yet_valid" 403 Authorize Caller "The grant is not valid yet" "Call from the grant's first day on.";
    GRANT_SUSPENDED "authorize.grant_suspended" 403 Authorize Caller "The grant is suspended" "Ask the owner of the service why it is suspended.";
    SOURCE_REFUSED "authorize.source" 403 Authorize Caller "Calls from this address are not granted" "Call from an address that the grant names.";
    STATEMENT_MISSING "authorize.statement" 403 Authorize Caller "The grant demands a statement that is missing" "State it in the header that the detail names.";

    RATE_EXCEEDED "limit.rate" 429 Limit Caller "Too many calls in a short time" "Wait the stated time; ask for a higher rate if the need is lasting.";
    QUOTA_EXCEEDED "limit.quota" 429 Limit Caller "The daily quota is used up" "Wait for midnight (UTC+7); ask for a higher quota if the need is lasting.";

    BODY_TOO_LARGE "validate.too_large" 413 Validate Caller "The body is too large" "Send a smaller body; the limit is in the detail.";
    MEDIA_TYPE "validate.media_type" 415 Validate Caller "The operation does not take this content type" "Send one of the content types in the detail.";
    CONTRACT "validate.contract" 422 Validate Caller "The request breaks the service's contract" "Nothing was forwarded. The detail names the place; compare it with the service's description.";
    CONVERSION "validate.conversion" 422 Validate Caller "The request cannot be converted to what the provider speaks" "Nothing was forwarded. The detail names the place; compare it with the service's description.";
    CHARSET "validate.charset" 415 Validate Caller "The request's text is in no encoding that the service takes" "Send UTF-8, or one of the encodings in the detail, and label it.";
    ATTACHMENTS "validate.attachments" 400 Validate Caller "The request's attachments cannot be taken" "Send the attachments as the service's description says; the detail names what is wrong.";
    MAPPING "validate.mapping" 422 Validate Caller "The mapping refuses the request" "Nothing was forwarded. The detail names mapping, line and field; send the field as the service's description says, or ask the operator.";
    MAPPING_LIMIT "validate.mapping_limit" 500 Validate Platform "The mapping of the request took too much time or memory" "Nothing was forwarded. Send a smaller request, or tell the operator of the platform.";
    MEDIATION_BUSY "validate.mediation_busy" 503 Validate Platform "Too many messages are being converted" "Nothing was forwarded. Try again after the stated time.";
    BAD_XML "validate.xml" 400 Validate Caller "The XML is not acceptable" "Send well-formed XML without DOCTYPE, within the bounds in the detail.";
    BAD_SOAP "validate.soap" 400 Validate Caller "The message is not a SOAP envelope" "Send a SOAP 1.1 or 1.2 envelope with one element in its body.";
    BAD_JSON "validate.json" 400 Validate Caller "The JSON is not acceptable" "Send well-formed JSON, within the bounds in the detail.";
    BODY_INCOMPLETE "validate.incomplete" 400 Validate Caller "The body ended early or could not be read" "Send the whole body with the length it announces.";
    PEER_BODY "validate.peer_digest" 400 Validate Caller "The body is not the one that was signed" "Nothing was forwarded. Send the body unchanged.";

    NOT_RECORDED "record.unavailable" 503 Record Platform "The exchange could not be recorded" "Nothing was forwarded. Try again later; the operator has been told.";
    ANSWER_NOT_RECORDED "record.answer" 503 Record Platform "The answer could not be recorded and is withheld" "The provider may have acted on the request. Ask the operator with the exchange id before sending it again.";
    OUTCOME_UNKNOWN "record.outcome_unknown" 409 Record Platform "The idempotency key was used, and no answer is on record" "The provider may have acted on the first request. Ask the operator with the exchange id in the detail; do not repeat it under another key before.";
    KEY_IN_USE "record.key_in_use" 409 Record Caller "An exchange under this idempotency key is still open" "Wait for it to end, then send the request again under the same key.";
    KEY_REUSED "record.key_reused" 422 Record Caller "The idempotency key was used for another request" "Use a new key for a new request.";

    TARGET_FORBIDDEN "forward.forbidden" 502 Forward Platform "The provider's address is not allowed" "The operator must add the address to the allow-list or correct the service's target.";
    PROVIDER_UNREACHABLE "forward.unreachable" 502 Forward Provider "The provider could not be reached" "Nothing was delivered. Try again later.";
    PROVIDER_TLS "forward.tls" 502 Forward Provider "The provider's certificate was not accepted" "The operator must check the provider's certificate. Nothing was delivered.";
    PROVIDER_CONNECT_TIMEOUT "forward.connect_timeout" 504 Forward Provider "The provider did not accept a connection in time" "Nothing was delivered. Try again later.";
    PROVIDER_TIMEOUT "forward.timeout" 504 Forward Provider "The provider did not answer in time" "The outcome is unknown: the provider may have acted on the request.";
    PROVIDER_BROKE_OFF "forward.broke_off" 502 Forward Provider "The provider broke off the connection" "The outcome is unknown: the provider may have acted on the request.";
    CIRCUIT_OPEN "forward.circuit_open" 503 Forward Provider "The provider has failed repeatedly and is being left alone" "Nothing was delivered. Try again after the stated time.";
    NO_HEALTHY_TARGET "forward.no_target" 503 Forward Provider "None of the provider's targets is healthy" "Nothing was delivered. Try again later.";
    NO_LEG "forward.no_leg" 503 Forward Platform "None of the ways to the provider is open" "Nothing was delivered. Try again later; the detail says why each way was not taken.";
    PEER_UNREACHABLE "forward.peer_unreachable" 502 Forward Provider "The other node could not be reached" "Nothing was delivered. Try again later.";

    ANSWER_MALFORMED "verify.malformed" 502 Verify Provider "The provider's answer is not valid HTTP" "The outcome is unknown. Report it to the provider with the exchange id.";
    ANSWER_TOO_LARGE "verify.too_large" 502 Verify Provider "The provider's answer is too large" "Ask for less data, or ask the operator for a higher limit.";
    ANSWER_UNPROVEN "verify.peer_signature" 502 Verify Provider "The other node's answer is not proven" "The provider may have acted on the request. The operator of the other node must be told; the exchange is on record here.";
    ANSWER_CONTRACT "verify.contract" 502 Verify Provider "The provider's answer breaks its contract" "The provider may have acted. Tell its owner; the detail names the place.";
    ANSWER_CONVERSION "verify.conversion" 502 Verify Provider "The provider's answer cannot be converted" "The provider may have acted. Tell its owner; the detail names the place.";
    ANSWER_MAPPING "verify.mapping" 502 Verify Platform "The mapping refuses the provider's answer" "The provider may have acted. Tell the operator of the platform; the detail names mapping, line and field.";
    ANSWER_MAPPING_LIMIT "verify.mapping_limit" 502 Verify Platform "The mapping of the provider's answer took too much time or memory" "The provider may have acted. Tell the operator of the platform.";
    ANSWER_UNMASKED "verify.unmasked" 502 Verify Platform "Fields that may not be seen could not be taken out of the answer" "The operator must check the grant's hidden fields against what the provider answers.";
    ANSWER_REDIRECT "verify.redirect" 502 Verify Provider "The provider answered with a redirect, which is never followed or passed on" "The operator must register the provider's real address.";
}

#[cfg(test)]
mod tests {
    use super::ALL_KINDS;

    #[test]
    fn every_kind_is_named_after_its_step_and_is_unique() {
        for (i, kind) in ALL_KINDS.iter().enumerate() {
            assert!(kind.code.starts_with(kind.step.as_str()), "{}", kind.code);
            assert!(!ALL_KINDS[..i].iter().any(|k| k.code == kind.code), "{}", kind.code);
            assert!((400..600).contains(&kind.status));
        }
    }
}
