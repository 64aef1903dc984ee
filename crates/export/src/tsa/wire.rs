//! The messages of RFC 3161 in DER. Own structures, because the time in a token may have fractions of a second, which
//! `der::asn1::GeneralizedTime` refuses.

use super::{TOKEN_MAX, TsaError};
use crate::cms::{OID_SHA256, sha256_algorithm};
use der::asn1::{Any, BitString, GeneralizedTime, Int, ObjectIdentifier, OctetString, Utf8StringRef};
use der::{Decode, Encode, Sequence, Tag, Tagged};
use lgsp_kernel::Millis;
use x509_cert::ext::Extensions;
use x509_cert::spki::AlgorithmIdentifierOwned;

/// `id-ct-TSTInfo`: what a token's content is.
pub(crate) const TST_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");
/// The longest nonce, bytes.
pub(crate) const NONCE_MAX: usize = 32;

#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub(crate) struct MessageImprint {
    pub(crate) hash_algorithm: AlgorithmIdentifierOwned,
    pub(crate) hashed_message: OctetString,
}

#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub(crate) struct TimeStampReq {
    pub(crate) version: u8,
    pub(crate) message_imprint: MessageImprint,
    #[asn1(optional = "true")]
    pub(crate) req_policy: Option<ObjectIdentifier>,
    #[asn1(optional = "true")]
    pub(crate) nonce: Option<Int>,
    #[asn1(default = "Default::default")]
    pub(crate) cert_req: bool,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", constructed = "true", optional = "true")]
    pub(crate) extensions: Option<Extensions>,
}

#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub(crate) struct PkiStatusInfo {
    pub(crate) status: u8,
    #[asn1(optional = "true")]
    pub(crate) status_string: Option<Vec<Any>>,
    #[asn1(optional = "true")]
    pub(crate) fail_info: Option<BitString>,
}

#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub(crate) struct TimeStampResp {
    pub(crate) status: PkiStatusInfo,
    #[asn1(optional = "true")]
    pub(crate) token: Option<Any>,
}

#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub(crate) struct Accuracy {
    #[asn1(optional = "true")]
    pub(crate) seconds: Option<u32>,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", optional = "true")]
    pub(crate) millis: Option<u16>,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", optional = "true")]
    pub(crate) micros: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub(crate) struct TstInfo {
    pub(crate) version: u8,
    pub(crate) policy: ObjectIdentifier,
    pub(crate) message_imprint: MessageImprint,
    pub(crate) serial_number: Int,
    pub(crate) gen_time: Any,
    #[asn1(optional = "true")]
    pub(crate) accuracy: Option<Accuracy>,
    #[asn1(default = "Default::default")]
    pub(crate) ordering: bool,
    #[asn1(optional = "true")]
    pub(crate) nonce: Option<Int>,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    pub(crate) tsa: Option<Any>,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", constructed = "true", optional = "true")]
    pub(crate) extensions: Option<Extensions>,
}

impl MessageImprint {
    pub(crate) fn sha256(digest: &[u8; 32]) -> Result<Self, der::Error> {
        Ok(Self { hash_algorithm: sha256_algorithm(), hashed_message: OctetString::new(*digest)? })
    }
    pub(crate) fn is_sha256(&self, digest: &[u8; 32]) -> bool {
        self.hash_algorithm.oid == OID_SHA256 && self.hashed_message.as_bytes() == digest
    }
}

/// A nonce as the integer it is on the wire: positive, without leading zeroes.
pub(crate) fn nonce_integer(nonce: &[u8]) -> Result<Int, TsaError> {
    if nonce.is_empty() || nonce.len() > NONCE_MAX {
        return Err(TsaError::Format(format!("a nonce has 1 to {NONCE_MAX} bytes")));
    }
    let first = nonce.iter().position(|b| *b != 0).unwrap_or(nonce.len() - 1);
    let mut bytes = nonce[first..].to_vec();
    if bytes[0] & 0x80 != 0 {
        bytes.insert(0, 0);
    }
    Ok(Int::new(&bytes)?)
}

/// A request for a timestamp on a SHA-256 digest, in DER; the certificates are asked for. The nonce is what ties the answer to it.
pub fn request(digest: &[u8; 32], nonce: &[u8]) -> Result<Vec<u8>, TsaError> {
    let request = TimeStampReq {
        version: 1,
        message_imprint: MessageImprint::sha256(digest)?,
        req_policy: None,
        nonce: Some(nonce_integer(nonce)?),
        cert_req: true,
        extensions: None,
    };
    Ok(request.to_der()?)
}

/// The token in an authority's answer. Nothing of it is verified.
pub fn read_response(response: &[u8]) -> Result<Vec<u8>, TsaError> {
    if response.len() > TOKEN_MAX {
        return Err(TsaError::TooLarge(TOKEN_MAX));
    }
    let response = TimeStampResp::from_der(response)?;
    // 0 granted, 1 granted with modifications; all else is a refusal.
    match (response.status.status, response.token) {
        (0 | 1, Some(token)) => Ok(token.to_der()?),
        (0 | 1, None) => Err(TsaError::Format("granted, but without a token".into())),
        (status, _) => Err(TsaError::Refused(refusal(status, &response.status))),
    }
}

fn refusal(status: u8, info: &PkiStatusInfo) -> String {
    let mut text = format!("status {status}");
    let bits = info.fail_info.as_ref().map(|b| b.raw_bytes()).unwrap_or_default();
    for (i, byte) in bits.iter().enumerate() {
        for bit in (0..8).filter(|bit| byte & (0x80 >> bit) != 0) {
            text.push_str(&format!(", failure {}", i * 8 + bit));
        }
    }
    for said in info.status_string.iter().flatten().take(4) {
        if let Ok(said) = said.decode_as::<Utf8StringRef<'_>>() {
            let plain: String = said.as_str().chars().filter(|c| !c.is_control()).take(200).collect();
            text.push_str(&format!(", {plain:?}"));
        }
    }
    text
}

/// `YYYYMMDDhhmmss[.f...]Z` (RFC 3161, section 2.4.2).
pub(crate) fn read_time(value: &Any) -> Result<Millis, TsaError> {
    let bad = || TsaError::Format("the time of the token is no time in UTC".into());
    if value.tag() != Tag::GeneralizedTime {
        return Err(bad());
    }
    let text = std::str::from_utf8(value.value()).map_err(|_| bad())?;
    let text = text.strip_suffix('Z').ok_or_else(bad)?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || whole.len() != 14 || !digits(fraction) || fraction.len() > 9 {
        return Err(bad());
    }
    let encoded = Any::new(Tag::GeneralizedTime, format!("{whole}Z").as_bytes())?;
    let time: GeneralizedTime = encoded.decode_as().map_err(|_| bad())?;
    let millis: i64 = format!("{fraction:0<3}")[..3].parse().map_err(|_| bad())?;
    let seconds = i64::try_from(time.to_unix_duration().as_secs()).map_err(|_| bad())?;
    Ok(Millis(seconds * 1000 + millis))
}
