//! The envelope of a document: DSSE 1.0 (github.com/secure-systems-lab/dsse), signed over the exact bytes of the payload and its type.
//! Nothing of a payload is read before its signatures are counted.

use crate::bounds::SIGNATURES_MAX;
use crate::error::{Check, Defect};
use crate::key::{KeyId, PublicKey, SigningKey};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// What a signature covers: `DSSEv1 <length of type> <type> <length of payload> <payload>`.
pub fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut out = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
    out.extend_from_slice(payload);
    out
}

#[derive(Serialize, Deserialize)]
struct Wire<'a> {
    #[serde(borrow, rename = "payloadType")]
    payload_type: Cow<'a, str>,
    #[serde(borrow)]
    payload: Cow<'a, str>,
    #[serde(borrow)]
    signatures: Vec<WireSignature<'a>>,
}

#[derive(Serialize, Deserialize)]
struct WireSignature<'a> {
    #[serde(borrow, default)]
    keyid: Cow<'a, str>,
    #[serde(borrow)]
    sig: Cow<'a, str>,
}

/// An envelope that was read; its payload is not trusted yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    payload_type: String,
    payload: Vec<u8>,
    signatures: Vec<(KeyId, Vec<u8>)>,
}

impl Envelope {
    /// Signs a payload with each key.
    pub fn sign(payload_type: &str, payload: Vec<u8>, keys: &[&SigningKey]) -> Self {
        let mut envelope = Self { payload_type: payload_type.to_owned(), payload, signatures: Vec::new() };
        for key in keys {
            envelope.add_signature(key);
        }
        envelope
    }

    /// Adds one more signature, replacing an earlier one by the same key.
    pub fn add_signature(&mut self, key: &SigningKey) {
        let id = key.id();
        self.signatures.retain(|(other, _)| *other != id);
        self.signatures.push((id, key.sign(&pae(&self.payload_type, &self.payload))));
    }

    /// The file: JSON.
    pub fn to_bytes(&self) -> Vec<u8> {
        let wire = Wire {
            payload_type: Cow::Borrowed(&self.payload_type),
            payload: Cow::Owned(STANDARD.encode(&self.payload)),
            signatures: self
                .signatures
                .iter()
                .map(|(id, sig)| WireSignature {
                    keyid: Cow::Owned(id.to_string()),
                    sig: Cow::Owned(STANDARD.encode(sig)),
                })
                .collect(),
        };
        serde_json::to_vec(&wire).expect("an envelope of texts is JSON")
    }

    /// Reads a file. Signatures that name no key id of ours or are not base64 are passed over: they could never count.
    pub fn parse(bytes: &[u8]) -> Result<Self, Defect> {
        let wire: Wire<'_> = serde_json::from_slice(bytes)
            .map_err(|e| Defect::new(Check::Envelope, format!("not a signed envelope, or cut off: {e}")))?;
        if wire.signatures.len() > SIGNATURES_MAX {
            let found = format!("{} signatures; at most {SIGNATURES_MAX} are read", wire.signatures.len());
            return Err(Defect::new(Check::Envelope, found));
        }
        let payload = STANDARD
            .decode(wire.payload.as_bytes())
            .map_err(|e| Defect::new(Check::Envelope, format!("the payload is not base64: {e}")))?;
        let signatures = wire
            .signatures
            .iter()
            .filter_map(|s| Some((s.keyid.parse().ok()?, STANDARD.decode(s.sig.as_bytes()).ok()?)))
            .collect();
        Ok(Self { payload_type: wire.payload_type.into_owned(), payload, signatures })
    }

    /// The payload's type as stated, not verified.
    pub fn payload_type(&self) -> &str {
        &self.payload_type
    }

    /// The payload, not verified.
    pub fn unverified_payload(&self) -> &[u8] {
        &self.payload
    }

    /// Which of these keys signed the payload as this type: each key counts once.
    pub fn signers(&self, payload_type: &str, keys: &[PublicKey]) -> BTreeSet<KeyId> {
        let mut found = BTreeSet::new();
        if self.payload_type != payload_type {
            return found;
        }
        let message = pae(payload_type, &self.payload);
        for (id, signature) in &self.signatures {
            let Some(key) = keys.iter().find(|k| k.id() == *id) else { continue };
            if !found.contains(id) && key.verifies(&message, signature) {
                found.insert(*id);
            }
        }
        found
    }

    /// The payload, to be read now that enough keys signed it.
    pub fn into_payload(self) -> Vec<u8> {
        self.payload
    }
}
