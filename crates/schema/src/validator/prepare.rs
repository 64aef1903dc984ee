//! Schemas as the library takes them: one document a namespace, without includes, groups before their use, in files of our own names.

use crate::problem::Problem;
use crate::xsd::load::{At, Documents, Kind};
use crate::xsd::{XML, XS};
use std::collections::{BTreeMap, HashSet};
use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;
use uppsala::XsdValidator;

/// Writes the documents to a temporary folder and compiles them.
pub(super) fn compile(documents: &Documents) -> Result<XsdValidator, Problem> {
    let failed = |what: String| Problem { place: None, construct: "xs:schema".into(), message: what };
    let folder = tempfile::tempdir().map_err(|e| failed(format!("no temporary folder: {e}")))?;
    let texts = texts(documents);
    let mut driver = format!("<xs:schema xmlns:xs=\"{XS}\" targetNamespace=\"urn:lgsp:all\">");
    driver.push_str(&imports(&texts, None));
    driver.push_str("</xs:schema>");
    for (number, text) in texts.values().enumerate() {
        write(folder.path(), &format!("{number}.xsd"), text).map_err(|e| failed(e.to_string()))?;
    }
    let document = uppsala::parse(&driver).map_err(|e| failed(e.to_string()))?;
    XsdValidator::from_schema_with_base_path(&document, Some(folder.path()))
        .map_err(|e| failed(e.to_string()))
}

fn write(folder: &Path, name: &str, text: &str) -> std::io::Result<()> {
    std::fs::write(folder.join(name), text)
}

/// The document of each namespace.
fn texts(documents: &Documents) -> BTreeMap<Arc<str>, String> {
    let mut parts: BTreeMap<Arc<str>, String> = BTreeMap::new();
    for doc in &documents.docs {
        parts.entry(doc.target.clone()).or_default();
    }
    let mut written = HashSet::new();
    for kind in [Kind::Attribute, Kind::AttributeGroup, Kind::Group, Kind::Type, Kind::Element] {
        for (_, _, at) in documents.order.iter().filter(|(k, ..)| *k == kind) {
            component(documents, kind, *at, &mut written, &mut parts);
        }
    }
    let mut texts = BTreeMap::new();
    for (namespace, body) in &parts {
        let doc = documents.docs.iter().find(|d| d.target == *namespace);
        let form = |qualified: bool| if qualified { "qualified" } else { "unqualified" };
        let mut text = format!("<xs:schema xmlns:xs=\"{XS}\"");
        if !namespace.is_empty() {
            text.push_str(" targetNamespace=\"");
            lgsp_wire::xml::escape_into(&mut text, namespace);
            text.push('"');
        }
        if let Some(doc) = doc {
            let (elements, attributes) = (form(doc.elements_qualified), form(doc.attributes_qualified));
            let _ = write!(text, " elementFormDefault=\"{elements}\" attributeFormDefault=\"{attributes}\"");
        }
        text.push('>');
        text.push_str(&imports(&parts, Some(namespace)));
        text.push_str(body);
        text.push_str("</xs:schema>");
        texts.insert(namespace.clone(), text);
    }
    texts
}

/// Imports of all other namespaces.
fn imports(texts: &BTreeMap<Arc<str>, String>, own: Option<&str>) -> String {
    let mut out = String::new();
    for (number, namespace) in texts.keys().enumerate().filter(|(_, n)| own != Some(&**n) && &***n != XML) {
        out.push_str("<xs:import");
        if !namespace.is_empty() {
            out.push_str(" namespace=\"");
            lgsp_wire::xml::escape_into(&mut out, namespace);
            out.push('"');
        }
        let _ = write!(out, " schemaLocation=\"{number}.xsd\"/>");
    }
    out
}

/// Writes a component, and before it the groups that it uses: the library reads groups in the order in which they stand.
fn component(
    documents: &Documents,
    kind: Kind,
    at: At,
    written: &mut HashSet<At>,
    parts: &mut BTreeMap<Arc<str>, String>,
) {
    if !written.insert(at) {
        return;
    }
    if matches!(kind, Kind::Group | Kind::AttributeGroup) {
        let mut waiting = documents.children(at);
        while let Some(inner) = waiting.pop() {
            let local = if kind == Kind::Group { "group" } else { "attributeGroup" };
            if documents.local(inner) == local
                && let Some(reference) = documents.attribute(inner, "ref")
                && let Ok(name) = documents.resolve(inner, reference)
                && let Ok(used) = documents.find(kind, &name, inner)
            {
                component(documents, kind, used, written, parts);
            }
            waiting.extend(documents.children(inner));
        }
    }
    let doc = documents.doc(at);
    let text = doc.tree.text(at.node, &doc.target);
    parts.entry(doc.target.clone()).or_default().push_str(&text);
}
