//! `hello`: what a node says of itself at the start of a connection. Not evidence.

use lgsp_kernel::model::SignatureMode;
use lgsp_kernel::{Millis, NodeName};
use serde::{Deserialize, Serialize};

/// The versions of the protocol that this program speaks.
pub const VERSIONS: &[u32] = &[1];

/// The answer to `GET /peer/1/hello`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The node.
    pub node: NodeName,
    /// Versions of the protocol.
    pub versions: Vec<u32>,
    /// Modes in which it takes requests.
    pub modes: Vec<Mode>,
    /// Its clock.
    pub now: Millis,
    /// Its latest checkpoint, a signed note.
    pub checkpoint: String,
    /// The largest body that it takes whole, bytes.
    pub body_max: u64,
}

/// A mode, or one that a later version knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// [`SignatureMode::Message`].
    Message,
    /// [`SignatureMode::Group`].
    Group,
    /// Not known here.
    #[serde(other)]
    Other,
}

impl From<SignatureMode> for Mode {
    fn from(mode: SignatureMode) -> Self {
        match mode {
            SignatureMode::Message => Self::Message,
            SignatureMode::Group => Self::Group,
        }
    }
}

impl Hello {
    /// Whether it can be spoken with at all.
    pub fn speaks(&self) -> bool {
        self.versions.iter().any(|v| VERSIONS.contains(v))
    }
    /// Whether it takes requests in this mode.
    pub fn takes(&self, mode: SignatureMode) -> bool {
        self.modes.contains(&mode.into())
    }
    /// The mode to use: the one demanded, or the better one that it takes.
    pub fn mode(&self, demanded: Option<SignatureMode>) -> Option<SignatureMode> {
        let wanted = match demanded {
            Some(SignatureMode::Group) => &[SignatureMode::Group][..],
            Some(SignatureMode::Message) => &[SignatureMode::Message],
            None => &[SignatureMode::Group, SignatureMode::Message],
        };
        wanted.iter().copied().find(|m| self.takes(*m))
    }
}

#[cfg(test)]
mod tests {
    use super::{Hello, SignatureMode};

    #[test]
    fn what_a_later_version_adds_does_not_disturb() {
        let text = r#"{"node":"a","versions":[1,2],"modes":["quantum","message"],"now":5,"checkpoint":"","body_max":1,"x":{}}"#;
        let hello: Hello = serde_json::from_str(text).unwrap();
        assert!(hello.speaks());
        assert_eq!(hello.mode(None), Some(SignatureMode::Message));
        assert_eq!(hello.mode(Some(SignatureMode::Group)), None);
    }
}
