//! What a mapping is, what it is told of a call, and how it may fail. What it does to a message is decided in a worker.

use crate::check;
use crate::tables::Tables;
use bytes::Bytes;
use lgsp_kernel::mediation::CallFacts;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A checked mapping: cheap to clone, the same for every node that has the same text and tables.
#[derive(Debug, Clone)]
pub struct Mapping {
    pub(crate) name: Arc<str>,
    pub(crate) text: Arc<str>,
    pub(crate) tables: Arc<Tables>,
    pub(crate) digest: Arc<str>,
}

/// What is wrong with a mapping's text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MappingProblem {
    /// From 1; 0 where no place is known.
    pub line: u32,
    /// From 1, in characters; 0 where no place is known.
    pub column: u32,
    /// What is wrong and what to do.
    pub message: String,
}

impl std::fmt::Display for MappingProblem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.message)
    }
}

impl Mapping {
    /// Checks a mapping's text and tables. `name` is the file's name, for errors. The check parses on a thread of its own with a
    /// stack that fits the bounds of the text; it runs nothing.
    pub fn compile(name: &str, text: &str, tables: Tables) -> Result<Self, Vec<MappingProblem>> {
        if let Some(message) = tables.problem() {
            return Err(vec![MappingProblem { line: 0, column: 0, message }]);
        }
        check::check(text, &tables)?;
        let mut digest = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
        for part in [name.as_bytes(), text.as_bytes()] {
            digest.update(&(part.len() as u64).to_le_bytes());
            digest.update(part);
        }
        digest.update(&serde_json::to_vec(&tables).unwrap_or_default());
        Ok(Self {
            name: name.into(),
            text: text.into(),
            tables: Arc::new(tables),
            digest: hex::encode(digest.finish()).into(),
        })
    }
    /// The file's name.
    pub fn name(&self) -> &str {
        &self.name
    }
    /// Whether its text names `$request`.
    pub fn names_request(&self) -> bool {
        self.text.contains("$request")
    }
    /// SHA-256 over name, text and tables, hexadecimal.
    pub fn digest(&self) -> &str {
        &self.digest
    }
}

/// What a mapping may know of the call: the variable `$call`, and for answers `$request`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallVars {
    /// The exchange's id.
    pub exchange: String,
    /// The calling system.
    pub system: String,
    /// Its agency's code.
    pub agency: String,
    /// The stated officer.
    pub officer: Option<String>,
    /// The stated purpose.
    pub purpose: Option<String>,
    /// The stated dossier.
    pub dossier: Option<String>,
    /// When the call came, as xsd:dateTime in the time of Viet Nam.
    pub at: String,
    /// The request as it was before any mapping, JSON; `$request` is null without it.
    #[serde(skip)]
    pub request: Option<Bytes>,
}

impl From<CallFacts<'_>> for CallVars {
    fn from(facts: CallFacts<'_>) -> Self {
        Self {
            exchange: facts.exchange.to_owned(),
            system: facts.system.to_owned(),
            agency: facts.agency.to_owned(),
            officer: facts.officer.map(str::to_owned),
            purpose: facts.purpose.map(str::to_owned),
            dossier: facts.dossier.map(str::to_owned),
            at: crate::functions::date::moment(facts.at.0),
            request: None,
        }
    }
}

/// Why a message was not mapped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MapError {
    /// The mapping refused the message, or cannot handle it. The text may hold values of the message: it is for the caller, who may
    /// read the message itself, and never for logs; those take [`MapError::without_values`].
    #[error("{}", place(*line, field, message))]
    Failed {
        /// Line of the mapping, from 1; 0 where none is known.
        line: u32,
        /// The field whose value was being made, such as `nguoi.ngaySinh`; empty where it is none.
        field: String,
        /// What went wrong.
        message: String,
    },
    /// It had the processor for longer than it may.
    #[error("the mapping took longer than it may")]
    Time,
    /// It needed more memory or stack than it may.
    #[error("the mapping needed more memory than it may")]
    Memory,
    /// No worker is free, the machine had no time for it, or the mapping rests after it broke its bounds repeatedly.
    #[error("too many messages are being mapped")]
    Busy {
        /// The mapping itself rests, after it broke its bounds repeatedly; others run.
        resting: bool,
        /// Seconds after which trying again makes sense.
        retry_after: u32,
    },
    /// The result is larger or deeper than it may be, or the message is.
    #[error("the message or its result is larger than it may be")]
    Output,
    /// A worker could not be started or was lost; nothing is known against the message.
    #[error("the mapping's worker was lost")]
    Worker,
}

impl MapError {
    /// The same without anything that may be a value of the message: for logs and metrics, where [`MapError::Failed`]'s own message
    /// must never go.
    pub fn without_values(&self) -> String {
        match self {
            Self::Failed { line, field, .. } => place(*line, field, "the mapping failed"),
            other => other.to_string(),
        }
    }
}

/// `14: field "ngaySinh": cannot read ...`.
fn place(line: u32, field: &str, message: &str) -> String {
    let line = if line == 0 { String::new() } else { format!("line {line}: ") };
    let field = if field.is_empty() { String::new() } else { format!("field \"{field}\": ") };
    format!("{line}{field}{message}")
}
