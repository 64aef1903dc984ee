//! Fields that a consumer may not see, taken out of JSON and XML: the value goes, a mark that says "not permitted" stays, every other byte
//! is what the provider sent. The form is described in `docs/protocol/three-valued.md`. Not here: which grant hides what.

mod json;
mod rule;
mod xml;

use crate::json::JsonFault;
use crate::xml::XmlFault;
use bytes::Bytes;
use lgsp_kernel::{Refusal, fault};
use rule::{Path, Pointer};

/// What stands in JSON in place of a hidden value. Distinct from `null` and from an absent member, which mean "no value".
pub const NOT_PERMITTED_JSON: &str = r#"{"lgsp:notPermitted":true}"#;
/// The namespace of the marks in XML.
pub const NAMESPACE: &str = "urn:lgsp:mask";
/// Rules in one set: more than any grant names, few enough to try each at each place.
pub const RULES_MAX: usize = 256;
/// Steps of one rule.
pub const STEPS_MAX: usize = 64;
/// Length of one rule, bytes.
pub const RULE_MAX: usize = 1024;

/// How a body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    /// JSON.
    Json,
    /// XML, SOAP included.
    Xml,
}

impl Form {
    /// The form that a content type announces; none where it is neither.
    pub fn of_content_type(content_type: &str) -> Option<Self> {
        let media = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match &*media {
            "application/json" | "text/json" => Some(Self::Json),
            "application/xml" | "text/xml" => Some(Self::Xml),
            _ if media.ends_with("+json") => Some(Self::Json),
            _ if media.ends_with("+xml") => Some(Self::Xml),
            _ => None,
        }
    }
}

/// Why something cannot be masked. The texts may quote the answer: they are for the operator, not for the consumer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MaskError {
    /// A rule is neither a JSON pointer nor one of the XPaths that are read here.
    #[error("the rule {rule:?}: {why}")]
    Rule {
        /// The rule, its beginning.
        rule: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Too many rules.
    #[error("more than {RULES_MAX} rules")]
    Rules,
    /// Every rule is about the other form: a consumer that chose this one would see everything.
    #[error("no rule is about {0:?}")]
    NoRule(Form),
    /// Neither JSON nor XML, or one whose charset is not UTF-8.
    #[error("the content type {0:?} cannot be masked")]
    ContentType(String),
    /// Not JSON that the platform accepts.
    #[error("not JSON: {0}")]
    Json(#[from] JsonFault),
    /// Not XML that the platform accepts.
    #[error("not XML: {0}")]
    Xml(#[from] XmlFault),
    /// Values that stand elsewhere in the document (SOAP encoding): a rule that names a place does not find them.
    #[error("an element refers to its value elsewhere in the document (byte {0})")]
    Reference(usize),
}

impl MaskError {
    /// The refusal that the consumer reads; what the answer holds is in the internal text only.
    pub fn refusal(&self) -> Refusal {
        let detail = match self {
            Self::Rule { .. } | Self::Rules => "A rule of the grant cannot be read.",
            Self::NoRule(Form::Json) => "The grant hides fields of XML, and the answer is JSON.",
            Self::NoRule(Form::Xml) => "The grant hides fields of JSON, and the answer is XML.",
            Self::ContentType(_) => "The answer's content type is neither JSON nor XML in UTF-8.",
            Self::Json(_) => "The answer is not JSON that the platform can read for certain.",
            Self::Xml(_) => "The answer is not XML that the platform can read for certain.",
            Self::Reference(_) => "The answer's elements refer to values elsewhere in the document.",
        };
        Refusal::new(&fault::ANSWER_UNMASKED, detail).with_internal(self)
    }
}

/// A body after its hidden values were taken out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Masked {
    /// The body; the same memory where nothing was hidden.
    pub bytes: Bytes,
    /// Which rules hid something: their places in the list that was compiled, ascending. A value that two rules name counts for both.
    pub rules_met: Vec<usize>,
    /// How many values were taken out: members, elements, attributes. What is inside a hidden value is not counted.
    pub values: usize,
}

/// The compiled rules of a grant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MaskSet {
    pointers: Vec<Pointer>,
    paths: Vec<Path>,
}

impl MaskSet {
    /// Compiles the rules of `GrantSpec.hide`. A rule that can be read both as JSON pointer and as XPath (`/person/name`) counts as both.
    pub fn compile<R: AsRef<str>>(rules: &[R]) -> Result<Self, MaskError> {
        if rules.len() > RULES_MAX {
            return Err(MaskError::Rules);
        }
        let mut set = Self::default();
        for (index, rule) in rules.iter().enumerate() {
            let (pointer, path) = rule::read(index, rule.as_ref())?;
            set.pointers.extend(pointer);
            set.paths.extend(path);
        }
        Ok(set)
    }

    /// Whether there is nothing to hide.
    pub fn is_empty(&self) -> bool {
        self.pointers.is_empty() && self.paths.is_empty()
    }

    /// Masks a body by its content type. What is neither JSON nor XML in UTF-8 is an error, an empty body is passed. The caller must
    /// have undone or refused any content coding.
    pub fn apply(&self, content_type: Option<&str>, body: &Bytes) -> Result<Masked, MaskError> {
        if self.is_empty() || body.is_empty() {
            return Ok(unchanged(body));
        }
        let content_type = content_type.unwrap_or_default();
        let unknown = || MaskError::ContentType(crate::clip(content_type));
        // The same names of UTF-8 are taken for both forms.
        crate::xml::check_charset(content_type).map_err(|_| unknown())?;
        match Form::of_content_type(content_type).ok_or_else(unknown)? {
            Form::Json => self.apply_json(body),
            Form::Xml => self.apply_xml(body),
        }
    }

    /// Masks JSON (RFC 8259, UTF-8, with or without a byte order mark).
    pub fn apply_json(&self, body: &Bytes) -> Result<Masked, MaskError> {
        if self.is_empty() {
            return Ok(unchanged(body));
        }
        if self.pointers.is_empty() {
            return Err(MaskError::NoRule(Form::Json));
        }
        json::apply(&self.pointers, body)
    }

    /// Masks XML; a SOAP envelope is an XML document whose root is the Envelope.
    pub fn apply_xml(&self, body: &Bytes) -> Result<Masked, MaskError> {
        if self.is_empty() {
            return Ok(unchanged(body));
        }
        if self.paths.is_empty() {
            return Err(MaskError::NoRule(Form::Xml));
        }
        xml::apply(&self.paths, body)
    }
}

fn unchanged(body: &Bytes) -> Masked {
    Masked { bytes: body.clone(), rules_met: Vec::new(), values: 0 }
}

/// The output under way: what was passed, and what was put in place of what was not.
struct Rewrite<'a> {
    body: &'a Bytes,
    out: Vec<u8>,
    /// Everything before this place is in `out` or was left out.
    done: usize,
    met: Vec<bool>,
    values: usize,
}

impl<'a> Rewrite<'a> {
    fn new(body: &'a Bytes, rules: usize) -> Self {
        Self { body, out: Vec::new(), done: 0, met: vec![false; rules], values: 0 }
    }

    /// Puts `text` in place of the bytes from `start` to `end`.
    fn replace(&mut self, start: usize, end: usize, text: &str) {
        self.out.extend_from_slice(&self.body[self.done..start]);
        self.out.extend_from_slice(text.as_bytes());
        self.done = end;
    }

    fn finish(mut self) -> Masked {
        let rules_met = self.met.iter().enumerate().filter(|(_, met)| **met).map(|(i, _)| i).collect();
        let bytes = if self.done == 0 && self.out.is_empty() {
            self.body.clone()
        } else {
            self.out.extend_from_slice(&self.body[self.done..]);
            Bytes::from(self.out)
        };
        Masked { bytes, rules_met, values: self.values }
    }
}
