//! XML to JSON and back without a schema, for mappings: names, prefixes, declarations, attributes, text and order are kept. The convention is in
//! `docs/protocol/mediation.md`. Not here: anything typed (`codec`).

mod from_json;
mod from_xml;

use crate::codec::{CodecFault, CodecFaultKind as Kind, Limits, XmlReader, fault};

/// Converts a well-formed document. Comments, processing instructions and white space between elements are not kept.
pub fn xml_to_json(xml: &[u8], limits: Limits) -> Result<Vec<u8>, CodecFault> {
    let mut reader = XmlReader::new(xml)?;
    reader.child()?;
    let mut out = Vec::with_capacity(xml.len());
    from_xml::document(&mut reader, limits, &mut out).map_err(|f| f.locate(xml))?;
    reader.finish()?;
    Ok(out)
}

/// Converts JSON of the same convention: an object with one member, the root element. The result is well-formed, without an XML declaration.
pub fn json_to_xml(json: &[u8], limits: Limits) -> Result<Vec<u8>, CodecFault> {
    let out = from_json::document(json, limits).map_err(|f| f.locate(json))?;
    // Prefixes without a declaration and attributes that two prefixes make the same are found by reading what was written.
    match lgsp_wire::xml::guard(&out) {
        Ok(()) => Ok(out),
        Err(e) => Err(fault(Kind::Structure, 0, format!("the members make no well-formed XML: {}", e.what))
            .locate(json)),
    }
}
