//! What an operator reads when a command fails: one block that says what was tried, what went wrong and what to do. Exit code 1;
//! wrong usage is the command line's own, with 2.

use std::fmt;

/// Why a command failed.
#[derive(Debug)]
pub struct Failure {
    what: String,
    help: Option<String>,
}

impl Failure {
    /// A failure that this text says all about.
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), help: None }
    }
    /// With what to do about it.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
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
