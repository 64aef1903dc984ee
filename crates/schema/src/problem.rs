//! What is wrong with a contract, and where.

use std::fmt;

/// A place in one of a contract's files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file's name.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

/// What is wrong with a contract, or what in it has no reading here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub place: Option<Place>,
    /// The construct, as the standard names it, such as `xs:any` or `openapi.webhooks`; empty where none is meant.
    pub construct: String,
    /// What is wrong and what to do.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(Place { file, line, column }) = &self.place {
            write!(f, "{file}:{line}:{column}: ")?;
        }
        if !self.construct.is_empty() {
            write!(f, "{}: ", self.construct)?;
        }
        f.write_str(&self.message)
    }
}
