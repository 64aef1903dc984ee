//! Letters from a node to its hub, and the hub's answers: JSON, signed by the key of the node's certificate, so that it matters to nobody
//! how they travel. The form is in `docs/protocol/enrolment.md`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lgsp_directory::members::{MemberKind, Profile};
use lgsp_kernel::{AgencyCode, Millis, NodeName};
use lgsp_trust::{Algorithm, KeyError, Signer};
use serde::{Deserialize, Serialize};

/// The form of letters.
pub const FORMAT: &str = "lgsp-enrolment/1";
/// The largest letter, bytes: a profile with some thousands of services.
pub const LETTER_MAX: usize = 8 << 20;
/// How far the sender's clock may be from ours, either way, seconds.
pub const SKEW_SECONDS: i64 = 600;
/// Agencies in one letter.
pub const AGENCIES_MAX: usize = 1_000;

/// A letter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Letter {
    /// [`FORMAT`].
    pub format: String,
    /// Whose it is.
    pub node: NodeName,
    /// When it was written, milliseconds since 1970: later than the letter before.
    pub at: Millis,
    /// What it asks.
    pub ask: Ask,
}

/// What a letter asks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Ask {
    /// To become a member.
    Join(Box<JoinAsk>),
    /// To list this of the node in the directory from now on.
    Profile(Box<Profile>),
    /// New certificates before the old ones end.
    Renew(RenewAsk),
    /// Checkpoints of others that this node has seen: signed notes.
    Seen {
        /// Node and note.
        checkpoints: Vec<(NodeName, String)>,
    },
}

/// To become a member.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JoinAsk {
    /// The node's name for people.
    pub title: String,
    /// What kind of platform it is.
    pub kind: MemberKind,
    /// Signing request of the node's key, DER, base64. The same key signs the letter.
    pub request: String,
    /// The agencies that it wants to speak for.
    pub agencies: Vec<AgencyAsk>,
    /// What it says of itself.
    pub profile: Profile,
}

/// An agency that a node wants to speak for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgencyAsk {
    /// Its code.
    pub code: AgencyCode,
    /// Its other codes.
    #[serde(default)]
    pub aliases: Vec<AgencyCode>,
    /// Its name.
    pub name: String,
    /// Signing request of the agency's key, DER, base64; or none with `certificate`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// A certificate that another authority issued, DER, base64: approved, the directory binds it to the code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
}

/// New certificates.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RenewAsk {
    /// Signing request of the node's next key, or of the same; DER, base64.
    pub request: Option<String>,
    /// Agency and signing request.
    #[serde(default)]
    pub agencies: Vec<(AgencyCode, String)>,
}

/// How the hub answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Enrolment {
    /// A person at the hub decides; ask again.
    Waiting {
        /// SHA-256 of the node's key, hexadecimal: what applicant and approver compare by another way.
        key_sha256: String,
    },
    /// Refused for good.
    Rejected {
        /// Why.
        reason: String,
    },
    /// Taken; certificates of the keys that were asked for, PEM.
    Approved {
        /// The node's.
        node_certificate: Option<String>,
        /// The agencies'.
        #[serde(default)]
        agencies: Vec<(AgencyCode, String)>,
    },
    /// Done; nothing to be given.
    Taken,
}

/// Why a letter is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LetterError {
    /// Too long or not of the form.
    #[error("the letter is not of the form {FORMAT}: {0}")]
    Form(String),
    /// Not signed by the key it names.
    #[error("the letter's signature does not verify")]
    Signature,
    /// Written at another time.
    #[error("the letter was written at {at}, here it is {now}: set the clocks right")]
    Time {
        /// Its own word.
        at: String,
        /// Here.
        now: String,
    },
}

/// A letter as it travels.
#[derive(Serialize, Deserialize)]
struct Envelope {
    letter: String,
    key: String,
    signature: String,
}

impl Letter {
    /// Of this node, now.
    pub fn new(node: NodeName, at: Millis, ask: Ask) -> Self {
        Self { format: FORMAT.into(), node, at, ask }
    }

    /// As it travels, signed.
    pub fn seal(&self, signer: &dyn Signer) -> Result<Vec<u8>, KeyError> {
        let letter =
            serde_json::to_vec(self).expect("letters have text keys and no other values than JSON's");
        let envelope = Envelope {
            signature: STANDARD.encode(signer.sign(&signed(&letter))?),
            key: STANDARD.encode(signer.public_key_der()),
            letter: STANDARD.encode(&letter),
        };
        Ok(serde_json::to_vec(&envelope).expect("three texts"))
    }

    /// Reads one and checks its signature and time. With it comes the key that signed: whose that is must be looked up.
    pub fn open(bytes: &[u8], now: Millis) -> Result<(Self, Vec<u8>), LetterError> {
        let form = |e: &dyn std::fmt::Display| LetterError::Form(e.to_string());
        if bytes.len() > LETTER_MAX {
            return Err(form(&format!("longer than {LETTER_MAX} bytes")));
        }
        let envelope: Envelope = serde_json::from_slice(bytes).map_err(|e| form(&e))?;
        let decode = |text: &str| STANDARD.decode(text).map_err(|e| form(&e));
        let (letter, key) = (decode(&envelope.letter)?, decode(&envelope.key)?);
        let algorithm = Algorithm::of_public_key(&key).map_err(|e| form(&e))?;
        lgsp_trust::verify(&key, algorithm, &signed(&letter), &decode(&envelope.signature)?)
            .map_err(|_| LetterError::Signature)?;
        let letter: Self = serde_json::from_slice(&letter).map_err(|e| form(&e))?;
        if letter.format != FORMAT {
            return Err(form(&format!("it says {:?}", letter.format)));
        }
        if letter.at.0.abs_diff(now.0) > SKEW_SECONDS.unsigned_abs() * 1000 {
            return Err(LetterError::Time { at: letter.at.rfc3339(), now: now.rfc3339() });
        }
        letter.bounded()?;
        Ok((letter, key))
    }

    fn bounded(&self) -> Result<(), LetterError> {
        let many = match &self.ask {
            Ask::Join(join) => join.agencies.len(),
            Ask::Renew(renew) => renew.agencies.len(),
            Ask::Seen { checkpoints } => checkpoints.len(),
            Ask::Profile(_) => 0,
        };
        if many > AGENCIES_MAX {
            return Err(LetterError::Form(format!("more than {AGENCIES_MAX} items")));
        }
        Ok(())
    }
}

/// What is signed: never the beginning of anything else that such a key signs.
fn signed(letter: &[u8]) -> Vec<u8> {
    [FORMAT.as_bytes(), b"\n", letter].concat()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{Ask, FORMAT, Letter, LetterError, RenewAsk};
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use lgsp_kernel::{Millis, NodeName};
    use lgsp_trust::{Algorithm, FileKey, Signer as _};

    const NOW: Millis = Millis(1_800_000_000_000);

    fn letter() -> Letter {
        Letter::new(NodeName::new("tinh-a").unwrap(), NOW, Ask::Renew(RenewAsk::default()))
    }

    #[test]
    fn a_letter_is_read_as_it_was_written_with_the_key_that_signed_it() {
        let key = FileKey::generate(Algorithm::EcdsaP256).unwrap();
        let sealed = letter().seal(&key).unwrap();
        assert_eq!(Letter::open(&sealed, NOW).unwrap(), (letter(), key.public_key_der()));
    }

    #[test]
    fn an_altered_late_early_or_foreign_letter_is_refused() {
        let key = FileKey::generate(Algorithm::EcdsaP256).unwrap();
        let sealed = letter().seal(&key).unwrap();
        assert!(matches!(Letter::open(&sealed, NOW.plus_seconds(601)), Err(LetterError::Time { .. })));
        assert!(matches!(Letter::open(&sealed, NOW.plus_seconds(-601)), Err(LetterError::Time { .. })));
        let mut parts: serde_json::Value = serde_json::from_slice(&sealed).unwrap();
        let other = Letter { at: NOW.plus_seconds(1), ..letter() };
        parts["letter"] = STANDARD.encode(serde_json::to_vec(&other).unwrap()).into();
        let altered = serde_json::to_vec(&parts).unwrap();
        assert_eq!(Letter::open(&altered, NOW), Err(LetterError::Signature));
        let foreign = Letter { format: "other/1".into(), ..letter() }.seal(&key).unwrap();
        assert!(matches!(Letter::open(&foreign, NOW), Err(LetterError::Form(_))));
        for bad in [&b""[..], b"{}", b"null", &[b'['; 10_000]] {
            assert!(matches!(Letter::open(bad, NOW), Err(LetterError::Form(_))), "{FORMAT}");
        }
    }
}
