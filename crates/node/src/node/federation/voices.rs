//! What a node speaks with in its agencies' names: delegations of the log's key, and message keys that live for a day. Each is signed by the
//! agency's key, which may be on a token: a few signatures a day.

use super::Federation;
use crate::config::Config;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lgsp_evidence::Log;
use lgsp_kernel::{AgencyCode, Millis};
use lgsp_peer::sign::{AgencyVoices, KeySet, MessageKey, Voice};
use lgsp_trust::{Delegation, DelegationTerms, Signer, Use};
use std::collections::HashMap;
use std::sync::Arc;
use zeroize::Zeroizing;

/// How long a message key lives, seconds.
const MESSAGE_SECONDS: i64 = 86_400;
/// How long a delegation of the log's key holds, seconds: it is renewed long before.
const LOG_SECONDS: i64 = 7 * 86_400;
/// How far a term begins in the past, for clocks that are behind, seconds.
const BACKDATE: i64 = 300;

/// Makes all of them anew and speaks with them from now on. An agency whose key or certificate is missing is left out, and said so: the
/// others go on.
pub(super) fn renew(federation: &Federation, config: &Config, log: &Log) -> Result<(), String> {
    let log_key = public_of(&log.verifier()).ok_or("the log's public key is not readable")?;
    let found = federation.files.certificates(&federation.membership.agencies).map_err(|e| e.to_string())?;
    let mut agencies = HashMap::new();
    for (code, certificate) in found.agencies {
        match agency(federation, &code, &certificate, log_key) {
            Ok(voices) => drop(agencies.insert(code, Arc::new(voices))),
            Err(error) => {
                tracing::error!(agency = %code, error, "nothing can be signed in this agency's name")
            }
        }
    }
    let operator = config.peer.operator.parse().ok();
    let operator = operator.or_else(|| federation.membership.agencies.first().cloned());
    federation.voices.replace(KeySet { operator, agencies });
    Ok(())
}

fn agency(
    federation: &Federation,
    code: &AgencyCode,
    certificate: &[u8],
    log_key: [u8; 32],
) -> Result<AgencyVoices, String> {
    let signer = federation.keys.agency(code).map_err(|e| e.to_string())?;
    let mut seed = Zeroizing::new([0u8; 32]);
    getrandom::fill(&mut *seed).map_err(|e| e.to_string())?;
    let message = MessageKey::from_seed(&seed);
    let issue = |usage, key, seconds| delegate(federation, code, certificate, &*signer, usage, key, seconds);
    let log = issue(Use::Log, log_key, LOG_SECONDS)?;
    let voice = issue(Use::Message, message.public(), MESSAGE_SECONDS)?;
    Ok(AgencyVoices { log: Some(log), message: Some((voice, message)) })
}

fn delegate(
    federation: &Federation,
    code: &AgencyCode,
    certificate: &[u8],
    signer: &dyn Signer,
    usage: Use,
    key: [u8; 32],
    seconds: i64,
) -> Result<Voice, String> {
    let now = federation.clock.now();
    let (from, ends) = validity(certificate)?;
    let terms = DelegationTerms {
        agency: code.clone(),
        node: federation.node.clone(),
        usage,
        key,
        not_before: now.plus_seconds(-BACKDATE).max(from),
        not_after: now.plus_seconds(seconds).min(ends),
    };
    let issued = Delegation::issue(terms, certificate, signer).map_err(|e| e.to_string())?;
    federation.files.keep_delegation(&issued).map_err(|e| e.to_string())?;
    let said = issued.terms();
    Ok(Voice::new(issued.text(), said.not_before, said.not_after))
}

fn validity(certificate: &[u8]) -> Result<(Millis, Millis), String> {
    let (_, read) = x509_parser::parse_x509_certificate(certificate).map_err(|e| e.to_string())?;
    let validity = read.validity();
    Ok((Millis(validity.not_before.timestamp() * 1000), Millis(validity.not_after.timestamp() * 1000)))
}

/// The 32 bytes of a verifier key `name+hash+base64`: after the byte of the algorithm.
fn public_of(vkey: &str) -> Option<[u8; 32]> {
    // The base64 text may hold a plus sign itself.
    let key = STANDARD.decode(vkey.splitn(3, '+').nth(2)?).ok()?;
    key.get(1..)?.try_into().ok()
}
