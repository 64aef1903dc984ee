//! XML Schema 1.0 documents read into a [`Model`](crate::model::Model): whole files of a bundle, and schemas that stand inside a WSDL.
//! What the standard has and the model has no reading for is kept by name, and refuses only what reaches it. Nothing is fetched.

mod attributes;
mod complex;
mod elements;
mod facets;
pub(crate) mod load;
mod particles;
mod read;
mod reading;
mod simple;
mod stated;
pub(crate) mod tree;

pub use reading::Reading;

use crate::bundle::Bundle;
use crate::problem::Problem;
use std::ops::Range;

/// The namespace of XML Schema: of its elements and of its built-in types.
pub const XS: &str = "http://www.w3.org/2001/XMLSchema";
/// The namespace of `xml:lang` and its like.
pub(crate) const XML: &str = "http://www.w3.org/XML/1998/namespace";
/// The namespace of SOAP 1.1's encoding, whose arrays and types are rpc/encoded's.
const SOAP_ENCODING: &str = "http://schemas.xmlsoap.org/soap/encoding/";

/// A schema document to start from. What it includes and imports by `schemaLocation` is found in the bundle; imports without one
/// are met by the other sources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaSource {
    /// The file of the bundle that holds it.
    pub file: String,
    /// Where in the file, if it is not the whole of it.
    pub inline: Option<Inline>,
}

/// An `xs:schema` element inside another document, such as a WSDL's `types`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inline {
    /// The bytes of the element, from the `<` of its start tag to behind the `>` of its end tag.
    pub range: Range<usize>,
    /// The namespaces that the elements around it declare, outer ones first: prefix (empty for the default one) and namespace.
    pub namespaces: Vec<(String, String)>,
}

impl SchemaSource {
    /// A whole file.
    pub fn file(name: impl Into<String>) -> Self {
        Self { file: name.into(), inline: None }
    }

    /// The `xs:schema` elements inside a document that is something else, such as a WSDL, in their order; of the file itself, if
    /// its root is one.
    pub fn inside(file: &str, bytes: &[u8]) -> Result<Vec<Self>, Problem> {
        tree::schemas_inside(file, bytes)
    }
}

/// Reads the schemas of a contract. What is against the standard is told as problems, all that were found; what the model has no
/// reading for waits in the [`Reading`] until an element that reaches it is asked for.
pub fn read(bundle: &Bundle, roots: &[SchemaSource]) -> Result<Reading, Vec<Problem>> {
    read::read(load::load(bundle, roots))
}
