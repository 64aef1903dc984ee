//! What an operator reads when a command fails: one block that says what was tried, what went wrong and what to do. Exit code 1, or
//! [`PIN_REFUSED`]; wrong usage is the command line's own, with 2.

use std::fmt;

/// The exit code of a start that must not be repeated before somebody has corrected a token's PIN: a few wrong ones lock it.
pub const PIN_REFUSED: u8 = 3;

/// Why a command failed.
#[derive(Debug)]
pub struct Failure {
    what: String,
    help: Option<String>,
    code: u8,
}

impl Failure {
    /// A failure that this text says all about.
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), help: None, code: 1 }
    }
    /// With what to do about it.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
    /// With this exit code.
    pub fn exit_code(mut self, code: u8) -> Self {
        self.code = code;
        self
    }
    /// The exit code.
    pub fn code(&self) -> u8 {
        self.code
    }
    /// With what was being tried, put before.
    pub fn while_trying(mut self, what: impl fmt::Display) -> Self {
        self.what = format!("{what}: {}", self.what);
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "lgsp: {}", self.what)?;
        match &self.help {
            Some(help) => write!(f, "\n    {help}"),
            None => Ok(()),
        }
    }
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        let mut what = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            let text = cause.to_string();
            // Many errors repeat their cause in their own text.
            if !what.contains(&text) {
                what = format!("{what}: {text}");
            }
            source = cause.source();
        }
        Self::new(what)
    }
}

/// Says what was being tried when something failed.
pub trait Trying<T> {
    /// Puts the text before the failure's.
    fn trying(self, what: impl fmt::Display) -> Result<T, Failure>;
}

impl<T, E: Into<Failure>> Trying<T> for Result<T, E> {
    fn trying(self, what: impl fmt::Display) -> Result<T, Failure> {
        self.map_err(|e| e.into().while_trying(what))
    }
}
