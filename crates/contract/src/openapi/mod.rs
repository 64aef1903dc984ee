//! OpenAPI 3.0 and 3.1: documents read and checked, requests and answers checked against them. Both versions come to one form here;
//! what is kept of a document is what mediation needs. The SOAP face made from one is `faces::wsdl`'s, comparing is `compare`'s.

mod checker;
mod compile;
pub mod doc;
mod exact;
mod files;
mod json;
mod lint;
mod number;
mod operations;
mod params;
mod patterns;
mod read;
mod schema;
mod template;
mod violation;

pub use checker::{BODY_MAX, Checker};
pub use doc::Node;
pub use read::read;
pub use template::{fill, match_path};
pub use violation::{VIOLATIONS_MAX, Violation, Violations};

use indexmap::IndexMap;
use lgsp_schema::{Place, Problem};

/// Which OpenAPI a document is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// 3.0.x
    V30,
    /// 3.1.x
    V31,
}

/// A checked document.
#[derive(Debug, Clone)]
pub struct OpenApi {
    /// Its dialect.
    pub dialect: Dialect,
    /// `info.title`
    pub title: String,
    /// `info.version`
    pub version: String,
    /// Its operations, in the order of the document.
    pub operations: Vec<Operation>,
    /// The schemas that operations refer to by `#/$defs/<name>`, as JSON Schema 2020-12, members in their order.
    pub schemas: IndexMap<String, Node>,
    /// What does not hinder publishing, such as callbacks that are not mediated.
    pub warnings: Vec<Problem>,
}

impl OpenApi {
    /// The operation of this name.
    pub fn operation(&self, name: &str) -> Option<&Operation> {
        self.operations.iter().find(|o| o.name == name)
    }

    /// What a schema's `$ref` means; any other schema is itself. References are checked when read: they end.
    pub fn resolve<'a>(&'a self, schema: &'a Node) -> &'a Node {
        let mut here = schema;
        for _ in 0..schema::SCHEMAS_MAX {
            let target = here.str_of("$ref").and_then(|r| self.schemas.get(r.strip_prefix("#/$defs/")?));
            match target {
                Some(target) => here = target,
                None => break,
            }
        }
        here
    }
}

/// An operation.
#[derive(Debug, Clone)]
pub struct Operation {
    /// `operationId`, or one made of method and path; unique.
    pub name: String,
    /// The method, upper case.
    pub method: String,
    /// The path template, such as `/citizens/{id}`.
    pub path: String,
    /// `summary`, or the first line of `description`.
    pub summary: Option<String>,
    /// Parameters: those of the operation and those of its path that it does not override.
    pub parameters: Vec<Parameter>,
    /// The request's body.
    pub body: Option<Body>,
    /// Answers by status.
    pub responses: Vec<Response>,
    /// Security requirements, each as text, in the order of the document; empty: none.
    pub security: Vec<String>,
    /// Where it stands.
    pub place: Option<Place>,
}

/// Where a parameter is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "named as in OpenAPI, Parameter Object")]
pub enum In {
    Path,
    Query,
    Header,
    Cookie,
}

/// How a value is written (OpenAPI 3.1, section 4.8.12.2). `spaceDelimited` and `pipeDelimited` are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "named as in OpenAPI, Parameter Object")]
pub enum Style {
    Simple,
    Label,
    Matrix,
    Form,
    DeepObject,
}

/// A parameter.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub location: In,
    /// Must be there.
    pub required: bool,
    /// How it is written.
    pub style: Style,
    /// Whether each item or member is written as a value of its own.
    pub explode: bool,
    /// The value is JSON text (`content`), not written by a style.
    pub json: bool,
    /// Its schema.
    pub schema: Node,
    /// `description`
    pub doc: Option<String>,
}

/// A request's body.
#[derive(Debug, Clone)]
pub struct Body {
    /// Must be there.
    pub required: bool,
    /// By media type, in the order of the document.
    pub content: Vec<Media>,
}

/// A media type and what its bodies look like.
#[derive(Debug, Clone)]
pub struct Media {
    /// The media type or range, lower case, such as `application/json` or `image/*`.
    pub name: String,
    /// The schema; none: anything.
    pub schema: Option<Node>,
}

impl Media {
    /// Whether bodies are JSON: `application/json`, `+json`.
    pub fn is_json(&self) -> bool {
        is_json(&self.name)
    }
}

/// Compares two JSON numbers by value, however long.
pub(crate) fn compare_numbers(a: &str, b: &str) -> std::cmp::Ordering {
    number::compare(a, b)
}

/// Whether a text is a number in JSON's grammar.
pub(crate) fn is_number(text: &str) -> bool {
    number::is_json(text.as_bytes())
}

/// Whether a media type (lower case, without parameters) is JSON.
pub fn is_json(media: &str) -> bool {
    media == "application/json" || media == "text/json" || media.ends_with("+json")
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Response {
    /// Which statuses it stands for.
    pub status: Status,
    /// `description`
    pub doc: Option<String>,
    /// By media type, in the order of the document; empty: no body is described.
    pub content: Vec<Media>,
}

/// Which statuses an answer stands for, the nearest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// One.
    Code(u16),
    /// `2XX` and the like, by the first digit.
    Class(u8),
    /// All others.
    Default,
}

impl Status {
    /// Whether it stands for this status.
    pub fn covers(self, status: u16) -> bool {
        match self {
            Status::Code(code) => code == status,
            Status::Class(first) => u16::from(first) == status / 100,
            Status::Default => true,
        }
    }
    /// Whether it stands for success.
    pub fn is_success(self) -> bool {
        matches!(self, Status::Code(200..=299) | Status::Class(2))
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Status::Code(code) => write!(f, "{code}"),
            Status::Class(first) => write!(f, "{first}XX"),
            Status::Default => f.write_str("default"),
        }
    }
}

impl Operation {
    /// The answer that stands for this status, the nearest.
    pub fn response(&self, status: u16) -> Option<&Response> {
        self.responses.iter().filter(|r| r.status.covers(status)).min_by_key(|r| r.status)
    }
}
