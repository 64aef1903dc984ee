//! Who does something to the platform itself, on whose behalf and why. Every change of the registry needs one.

use crate::Millis;
use serde::{Deserialize, Serialize};

/// Who acts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Actor {
    /// Someone at the machine's shell: the account's name.
    Shell {
        /// The account, as the operating system names it.
        user: String,
    },
    /// A holder of an administration token.
    Operator {
        /// The token's name.
        name: String,
        /// What it may do.
        role: Role,
    },
    /// The node itself (retention, start, recovery).
    Node,
}

impl Actor {
    /// One line for a trail: `shell:root`, `operator:lan`, `node`.
    pub fn label(&self) -> String {
        match self {
            Self::Shell { user } => format!("shell:{user}"),
            Self::Operator { name, .. } => format!("operator:{name}"),
            Self::Node => "node".into(),
        }
    }
}

/// What a holder of an administration token may do. Each role includes those before it only where said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Reads the registry, the trail and the evidence; changes nothing.
    Auditor,
    /// Reads and changes the registry.
    Operator,
    /// All that an operator may, and administration tokens.
    Admin,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 3] = [Self::Auditor, Self::Operator, Self::Admin];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auditor => "auditor",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }
    /// The role with this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|r| r.as_str() == word)
    }
    /// Whether this role may read.
    pub fn may_read(self) -> bool {
        true
    }
    /// Whether this role may change the registry.
    pub fn may_change(self) -> bool {
        matches!(self, Self::Operator | Self::Admin)
    }
    /// Whether this role may make and revoke administration tokens.
    pub fn may_administer(self) -> bool {
        matches!(self, Self::Admin)
    }
}

/// The context of an operation on the platform.
#[derive(Debug, Clone)]
pub struct OpContext {
    /// Who.
    pub actor: Actor,
    /// Why, in the actor's words; kept in the audit trail.
    pub reason: Option<String>,
    /// When it began.
    pub at: Millis,
}
