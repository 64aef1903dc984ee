//! The types that messages are converted and checked by: the documented subset of XSD 1.0 that has one reading as JSON. Made by `xsd`
//! from schemas, and by `lgsp-contract` from JSON Schemas; read by `codec` and by the writers of OpenAPI and WSDL. Data only.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// A name with its namespace (empty: none).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct QName {
    /// Namespace.
    pub namespace: Arc<str>,
    /// Local name.
    pub local: Arc<str>,
}

impl QName {
    /// A name in a namespace.
    pub fn new(namespace: impl Into<Arc<str>>, local: impl Into<Arc<str>>) -> Self {
        Self { namespace: namespace.into(), local: local.into() }
    }
}

impl std::fmt::Display for QName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.namespace.is_empty() {
            f.write_str(&self.local)
        } else {
            write!(f, "{{{}}}{}", self.namespace, self.local)
        }
    }
}

/// A simple type, by its place in [`Model::simple`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SimpleId(pub u32);

/// A complex type, by its place in [`Model::complex`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ComplexId(pub u32);

/// The type of an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TypeId {
    /// Text.
    Simple(SimpleId),
    /// Elements, attributes.
    Complex(ComplexId),
}

/// Types and global elements, compiled. Types may refer to each other in circles; messages are bounded in depth.
#[derive(Debug, Clone, Default)]
pub struct Model {
    /// Simple types.
    pub simple: Vec<SimpleType>,
    /// Complex types.
    pub complex: Vec<ComplexType>,
    /// Global elements.
    pub elements: HashMap<QName, Arc<Element>>,
    /// Named types, for `rpc` parts and for documents that name them.
    pub types: HashMap<QName, TypeId>,
    /// Repeated elements, by type and member, that are `[]` in JSON where there is none of them. XSD has no such thing, so `xsd` makes none;
    /// JSON Schemas that require an array do.
    pub required_arrays: HashSet<(ComplexId, Arc<str>)>,
}

impl Model {
    /// The simple type with this id.
    pub fn simple(&self, id: SimpleId) -> &SimpleType {
        &self.simple[id.0 as usize]
    }
    /// The complex type with this id.
    pub fn complex(&self, id: ComplexId) -> &ComplexType {
        &self.complex[id.0 as usize]
    }
}

/// An element, where it is declared or used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Element {
    /// Its name, as in the message: in no namespace where its form is unqualified.
    pub name: QName,
    /// Its member's name in JSON: the local name, unless that would be ambiguous or a JSON Schema says otherwise.
    pub json: Arc<str>,
    /// Its type.
    pub ty: TypeId,
    /// `xsi:nil` allowed: `null` in JSON.
    pub nillable: bool,
    /// Value of an empty element, `default`.
    pub default: Option<Arc<str>>,
    /// The only value, `fixed`.
    pub fixed: Option<Arc<str>>,
    /// Documentation, plain text.
    pub doc: Option<Arc<str>>,
}

/// A complex type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComplexType {
    /// Its name; none: anonymous.
    pub name: Option<QName>,
    /// Its attributes, inherited ones first.
    pub attributes: Vec<Attribute>,
    /// What is inside.
    pub content: Content,
    /// Documentation, plain text.
    pub doc: Option<Arc<str>>,
}

/// What is inside an element of a complex type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Nothing.
    Empty,
    /// Text: the member `$` in JSON, beside attributes.
    Simple(SimpleId),
    /// Elements. Names of JSON members are unique over the whole group, so that order and place come from the schema alone.
    Group(Particle),
}

/// How often something stands at a place, and what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Particle {
    /// At least.
    pub min: u32,
    /// At most; none: any number.
    pub max: Option<u32>,
    /// What.
    pub term: Term,
}

/// What stands at a place. Only elements may be repeated (`max` above 1): a repeated group has no reading as JSON members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Term {
    /// An element: an array in JSON where its particle's `max` is not 1.
    Element(Arc<Element>),
    /// One after the other.
    Sequence(Vec<Particle>),
    /// One of them.
    Choice(Vec<Particle>),
    /// Each in any order; written in the order declared.
    All(Vec<Particle>),
}

/// An attribute: the member `@name` in JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// Its name.
    pub name: QName,
    /// Its member's name in JSON, the `@` included.
    pub json: Arc<str>,
    /// Its type.
    pub ty: SimpleId,
    /// Must be there.
    pub required: bool,
    /// Value where it is left out.
    pub default: Option<Arc<str>>,
    /// The only value.
    pub fixed: Option<Arc<str>>,
}

/// A simple type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimpleType {
    /// Its name; none: anonymous.
    pub name: Option<QName>,
    /// The built-in type it comes from; for a list or union `string`.
    pub base: Builtin,
    /// One value, a list or a union.
    pub variety: Variety,
    /// What is allowed of the base's values.
    pub facets: Facets,
    /// How it is written in JSON.
    pub json: JsonForm,
    /// Documentation, plain text.
    pub doc: Option<Arc<str>>,
}

/// What a value is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Variety {
    /// One value.
    Atomic,
    /// Values of this type, with spaces between: in JSON an array.
    List(SimpleId),
    /// A value of one of these types, tried in order.
    Union(Vec<SimpleId>),
}

/// How a value is written in JSON. Values that a JSON number could lose (`decimal`, `integer`, `long`, `unsignedLong` and what is
/// derived from them without bounds within 2^53) are strings; a number is accepted in their place and kept digit by digit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JsonForm {
    /// A string, as it is in XML after whitespace processing.
    String,
    /// A number, digit by digit as in XML; `INF`, `-INF` and `NaN` as strings.
    Number,
    /// `true` or `false`.
    Boolean,
}

/// Limits on values. Lexical values of the bounds, compared by value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facets {
    /// Allowed values; empty: all.
    pub enumeration: Vec<Arc<str>>,
    /// Patterns: one group a step of derivation; a value must match one of each group. Compiled by `pattern`.
    pub patterns: Vec<Vec<Arc<str>>>,
    /// Length: characters, octets of binary values, or items of a list.
    pub length: Option<u64>,
    /// Shortest.
    pub min_length: Option<u64>,
    /// Longest.
    pub max_length: Option<u64>,
    /// Smallest, itself included.
    pub min_inclusive: Option<Arc<str>>,
    /// Largest, itself included.
    pub max_inclusive: Option<Arc<str>>,
    /// Smallest, itself not included.
    pub min_exclusive: Option<Arc<str>>,
    /// Largest, itself not included.
    pub max_exclusive: Option<Arc<str>>,
    /// Digits of a decimal.
    pub total_digits: Option<u32>,
    /// Digits after the point.
    pub fraction_digits: Option<u32>,
    /// What becomes of white space; none: as the base has it.
    pub white_space: Option<WhiteSpace>,
}

/// What becomes of white space before a value is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhiteSpace {
    /// Kept.
    Preserve,
    /// Each tab, line feed and carriage return becomes a space.
    Replace,
    /// Then runs become one space, and those at the ends go.
    Collapse,
}

/// Built-in types of XSD 1.0 part 2 that messages are made of. `QName`, `NOTATION` and entity types have no reading outside their
/// document and are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "named as in the standard, part 2, section 3")]
pub enum Builtin {
    AnySimpleType,
    String,
    NormalizedString,
    Token,
    Language,
    NmToken,
    NmTokens,
    Name,
    NcName,
    Id,
    IdRef,
    IdRefs,
    AnyUri,
    Boolean,
    Decimal,
    Integer,
    NonPositiveInteger,
    NegativeInteger,
    NonNegativeInteger,
    PositiveInteger,
    Long,
    Int,
    Short,
    Byte,
    UnsignedLong,
    UnsignedInt,
    UnsignedShort,
    UnsignedByte,
    Float,
    Double,
    Duration,
    DateTime,
    Time,
    Date,
    GYearMonth,
    GYear,
    GMonthDay,
    GDay,
    GMonth,
    HexBinary,
    Base64Binary,
}
