//! What in a message breaks its contract.

use std::fmt;

/// Violations reported of one message: enough to mend it, not a flood.
pub const VIOLATIONS_MAX: usize = 20;

/// One place of a message that breaks its contract. Never holds a value of the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Where in the message: `body` with a JSON pointer, such as `body/items/0/id`, or `query.page`, `path.id`, `header.x-trace`.
    pub at: String,
    /// The schema's keyword that it breaks, as a pointer such as `/$defs/Citizen/properties/id/pattern`; empty: none.
    pub schema: String,
    /// In words.
    pub message: String,
}

/// Why a message was not found to keep its contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Violations {
    /// The contract has no such operation.
    UnknownOperation,
    /// The contract does not describe answers of this status.
    UndocumentedStatus(u16),
    /// The contract does not describe bodies of this type here.
    UndocumentedMediaType(String),
    /// The message does not look as described; at most [`VIOLATIONS_MAX`].
    Message(Vec<Violation>),
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.at, self.message)
    }
}

impl fmt::Display for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Violations::UnknownOperation => f.write_str("the contract has no such operation"),
            Violations::UndocumentedStatus(s) => {
                write!(f, "the contract does not describe answers of status {s}")
            }
            Violations::UndocumentedMediaType(m) if m.is_empty() => {
                f.write_str("the contract wants a body here, and Content-Type is missing")
            }
            Violations::UndocumentedMediaType(m) => {
                write!(f, "the contract does not describe bodies of type {m:?} here")
            }
            Violations::Message(all) => {
                for (i, violation) in all.iter().enumerate() {
                    write!(f, "{}{violation}", if i == 0 { "" } else { "; " })?;
                }
                Ok(())
            }
        }
    }
}
