//! XML to JSON and back by a [`Model`]: one pass each way, structure and every value checked on the way, nothing built as a tree. The
//! convention is in `docs/protocol/mediation.md`. Not here: envelopes (`lgsp-mediation` walks them with [`XmlReader`]), reading schemas (`xsd`).

mod fault;

pub(crate) use fault::{Failed, clip, fault, pointer_step};
pub use fault::{CodecFault, CodecFaultKind};

use crate::Problem;
use crate::model::{Model, QName};
use std::sync::Arc;

/// The most that a conversion writes unless told otherwise, bytes: a 50 MB document has room, one made to grow (long names for short
/// members, long defaults) has not.
pub const OUTPUT_MAX: usize = 256 << 20;

/// Limits of a conversion. Nesting is bounded by the kernel's `XML_DEPTH_MAX` and `JSON_DEPTH_MAX`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes written at most.
    pub output_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { output_max: OUTPUT_MAX }
    }
}

/// How namespaces are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Prefixes {
    /// Every namespace that the message uses has a prefix, declared once on the outermost element.
    #[default]
    Prefixed,
    /// The outermost element's namespace is the default one where no element of the model is without a namespace; others have prefixes.
    Default,
}

/// An element of a compiled model: a global one, or one that the maker of the model put there for a message part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ElementId(u32);

/// A model compiled for conversion. Shared by all calls; holds no state of any.
#[derive(Debug)]
pub struct Codec {
    model: Arc<Model>,
}

impl Codec {
    /// Compiles a model: tables of names, patterns, bounds. What has no reading here is named.
    pub fn compile(model: Arc<Model>) -> Result<Self, Vec<Problem>> {
        Ok(Self { model })
    }

    /// What it was compiled from.
    pub fn model(&self) -> &Arc<Model> {
        &self.model
    }

    /// The element with this key in [`Model::elements`]. The key is usually its name; a maker of models may file an element under another
    /// key, since the same name may mean other things as a part of another message.
    pub fn element(&self, key: &QName) -> Option<ElementId> {
        let _ = key;
        None
    }

    /// Converts and checks a whole document whose root is this element. JSON text of the element's content, without its name.
    pub fn xml_to_json(&self, element: ElementId, xml: &[u8], limits: Limits) -> Result<Vec<u8>, CodecFault> {
        let _ = (element, limits);
        Err(fault(CodecFaultKind::Unsupported, 0, "not yet").locate(xml))
    }

    /// Converts and checks JSON (the element's content, without its name) to the element as XML, without an XML declaration. It declares
    /// every namespace that it uses itself, so that it may stand anywhere.
    pub fn json_to_xml(
        &self,
        element: ElementId,
        json: &[u8],
        prefixes: Prefixes,
        limits: Limits,
    ) -> Result<Vec<u8>, CodecFault> {
        let _ = (element, prefixes, limits);
        Err(fault(CodecFaultKind::Unsupported, 0, "not yet").locate(json))
    }
}
