//! XML to JSON and back by a [`Model`]: one pass each way, structure and every value checked on the way, nothing built as a tree. The
//! convention is in `docs/protocol/mediation.md`. Not here: envelopes (`lgsp-mediation` walks them with [`XmlReader`]), reading schemas (`xsd`).

mod fault;
mod from_json;
mod from_xml;
mod json;
mod matcher;
mod plan;
mod reader;
pub(crate) mod text;
mod values;

pub use fault::{CodecFault, CodecFaultKind};
pub(crate) use fault::{Failed, clip, fault, pointer_step};
pub(crate) use json::Json;
pub use reader::XmlReader;

use crate::Problem;
use crate::model::{Model, QName};
use crate::value::Values;
use plan::Plan;
use std::sync::Arc;

/// Namespace of `xsi:nil` and `xsi:type`.
pub const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";
/// Namespace of XSD's own types.
const XSD: &str = "http://www.w3.org/2001/XMLSchema";
/// Namespace of the marks of hidden values.
const MASK: &str = "urn:lgsp:mask";
/// What stands in place of a hidden value (three-valued data).
const NOT_PERMITTED: &[u8] = b"{\"lgsp:notPermitted\":true}";

/// The most that a conversion writes unless told otherwise, bytes: a 50 MB document has room, one made to grow (long names for short
/// members, long defaults) has not.
pub const OUTPUT_MAX: usize = 256 << 20;

/// Limits of a conversion. Nesting is bounded by the kernel's `XML_DEPTH_MAX` and `JSON_DEPTH_MAX`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes written at most; looked at with each element, so that one value may exceed it.
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
    plan: Plan,
    values: Values,
    /// Some element is in no namespace.
    unqualified: bool,
}

impl Codec {
    /// Compiles a model: tables of names, patterns, bounds. What has no reading here is named.
    pub fn compile(model: Arc<Model>) -> Result<Self, Vec<Problem>> {
        let (plan, values) = match (plan::plan(&model), Values::compile(&model)) {
            (Ok(plan), Ok(values)) => (plan, values),
            (plan, values) => {
                let mut problems = plan.err().unwrap_or_default();
                problems.extend(values.err().unwrap_or_default());
                return Err(problems);
            }
        };
        let unqualified = plan.elements.iter().any(|e| e.ns == 0);
        Ok(Self { model, plan, values, unqualified })
    }

    /// What it was compiled from.
    pub fn model(&self) -> &Arc<Model> {
        &self.model
    }

    /// Its simple types.
    pub fn values(&self) -> &Values {
        &self.values
    }

    /// The element with this key in [`Model::elements`]. The key is usually its name; a maker of models may file an element under another
    /// key, since the same name may mean other things as a part of another message.
    pub fn element(&self, key: &QName) -> Option<ElementId> {
        self.plan.globals.get(key).and_then(|id| u32::try_from(*id).ok()).map(ElementId)
    }

    /// Converts and checks a whole document whose root is this element. JSON text of the element's content, without its name.
    pub fn xml_to_json(&self, element: ElementId, xml: &[u8], limits: Limits) -> Result<Vec<u8>, CodecFault> {
        let mut reader = XmlReader::new(xml)?;
        let planned = &self.plan.elements[element.0 as usize];
        let found = reader.child()?;
        if found != Some((&*planned.namespace, &*planned.local)) {
            let name = QName::new(&*planned.namespace, &*planned.local);
            return Err(
                fault(CodecFaultKind::Structure, 0, format!("the element {name} was expected")).locate(xml)
            );
        }
        // JSON is nearly always shorter: no end tags.
        let mut out = Vec::with_capacity(xml.len().min(limits.output_max));
        self.read(element, &mut reader, limits, &mut out)?;
        reader.finish()?;
        Ok(out)
    }

    /// Converts and checks the element that the reader just entered, to its end, and appends its JSON. Whether the element has the right
    /// name is the caller's to see. The rest of the document is not looked at: call [`XmlReader::finish`].
    pub fn read(
        &self,
        element: ElementId,
        reader: &mut XmlReader<'_>,
        limits: Limits,
        out: &mut Vec<u8>,
    ) -> Result<(), CodecFault> {
        let planned = &self.plan.elements[element.0 as usize];
        let result = from_xml::FromXml { codec: self, reader, limits, depth: 0 }.element(planned, out);
        reader.left();
        result.map_err(|f| f.under(|| format!("/{}", planned.local)).locate(reader.text.as_bytes()))
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
        let mut out = Vec::with_capacity((json.len() * 2).min(limits.output_max));
        self.write(element, json, prefixes, limits, &mut out)?;
        Ok(out)
    }

    /// As [`Codec::json_to_xml`], appended. What was appended before a fault is not whole.
    pub fn write(
        &self,
        element: ElementId,
        json: &[u8],
        prefixes: Prefixes,
        limits: Limits,
        out: &mut Vec<u8>,
    ) -> Result<(), CodecFault> {
        from_json::write(self, &self.plan.elements[element.0 as usize], json, prefixes, limits, out)
            .map_err(|f| f.locate(json))
    }
}
