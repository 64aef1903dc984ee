//! Whole validation of documents against XSD, for schemas outside the subset that the codec checks. The work is done by the `uppsala`
//! crate; here its schemas are prepared (`prepare`), and what it does not check as the standard has it is told by name (`lints`).

mod lengths;
mod lints;
mod prepare;

use crate::bundle::Bundle;
use crate::problem::Problem;
use crate::xsd::{SchemaSource, load};
use lengths::Lengths;
use uppsala::{Parser, XsdValidator};

/// A document that is validated, bytes: as a tree it takes some ten times that. Larger ones are for the codec.
pub const DOCUMENT_MAX: usize = 4 << 20;
/// A document's bytes times its tags: the library counts the lines before each thing that is wrong anew, so that its time grows with
/// this product. 32 Gi are some seconds at worst: 1 MiB with 16,000 elements, all of them wrong.
pub const WORK_MAX: usize = 32 << 30;
/// Violations that are told of one document.
pub const VIOLATIONS_MAX: usize = 100;

/// Compiled schemas.
pub struct Validator {
    compiled: XsdValidator,
    warnings: Vec<Problem>,
}

impl std::fmt::Debug for Validator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Validator").field("warnings", &self.warnings).finish_non_exhaustive()
    }
}

/// What of a document is not as the schemas have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Line, from 1.
    pub line: u32,
    /// Column in bytes, from 1.
    pub column: u32,
    /// What is wrong.
    pub message: String,
}

/// Why a document was not validated at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotValidated {
    /// Too large.
    #[error("the document has {0} bytes; at most {DOCUMENT_MAX} are validated")]
    TooLarge(usize),
    /// Too many elements for its size.
    #[error("the document has too many elements for its size to be validated as a whole")]
    TooManyElements,
    /// Not XML that the platform accepts.
    #[error("{0}")]
    Xml(String),
}

impl Validator {
    /// Compiles schemas. Writes them, prepared, to a private temporary folder for as long as that takes: the library reads files
    /// only. To be called on a thread that may block.
    pub fn compile(bundle: &Bundle, roots: &[SchemaSource]) -> Result<Self, Vec<Problem>> {
        // What is against the standard, or grows without bound, never reaches the library.
        crate::xsd::read(bundle, roots)?;
        let documents = load::load(bundle, roots);
        let warnings = lints::check(&documents)?;
        let compiled = prepare::compile(&documents).map_err(|problem| vec![problem])?;
        Ok(Self { compiled, warnings })
    }

    /// What the schemas ask for and is checked less strictly than the standard has it, by name.
    pub fn warnings(&self) -> &[Problem] {
        &self.warnings
    }

    /// What is wrong with a document, in its order; nothing where it is valid. To be called
    /// on a thread that may block.
    pub fn validate(&self, xml: &[u8]) -> Result<Vec<Violation>, NotValidated> {
        if xml.len() > DOCUMENT_MAX {
            return Err(NotValidated::TooLarge(xml.len()));
        }
        if memchr::memchr_iter(b'<', xml).count().saturating_mul(xml.len()) > WORK_MAX {
            return Err(NotValidated::TooManyElements);
        }
        lgsp_wire::xml::guard(xml).map_err(|fault| NotValidated::Xml(fault.to_string()))?;
        let text = std::str::from_utf8(xml).map_err(|e| NotValidated::Xml(e.to_string()))?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let parser = Parser::new().with_forbid_dtd(true).with_forbid_entities(true);
        let document = parser.parse(text).map_err(|e| NotValidated::Xml(e.to_string()))?;
        let number = |n: Option<usize>| n.and_then(|n| u32::try_from(n).ok()).unwrap_or(1);
        let found = self.compiled.validate(&document);
        let lengths = Lengths::of(&document, &found);
        let told = found.into_iter().filter(|e| !lengths.satisfied(e)).take(VIOLATIONS_MAX);
        Ok(told
            .map(|e| Violation { line: number(e.line), column: number(e.column), message: e.message })
            .collect())
    }
}
