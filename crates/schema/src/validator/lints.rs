//! What schemas ask for that is not checked as the standard has it: refused where verdicts would be wrong, told where a document is only
//! checked less strictly. The counts behind it are in docs/protocol/xsd-subset.md.

use crate::problem::Problem;
use crate::xsd::load::{At, Documents};
use std::collections::HashMap;

/// Warnings of one contract.
const WARNINGS_MAX: usize = 100;

/// Refuses, or tells.
pub(super) fn check(documents: &Documents) -> Result<Vec<Problem>, Vec<Problem>> {
    let mut refused = forms(documents);
    let mut warnings = Vec::new();
    for (_, _, at) in &documents.order {
        let mut waiting = vec![*at];
        while let Some(at) = waiting.pop() {
            node(documents, at, &mut refused, &mut warnings);
            waiting.extend(documents.children(at));
        }
    }
    warnings.truncate(WARNINGS_MAX);
    refused.truncate(WARNINGS_MAX);
    if refused.is_empty() { Ok(warnings) } else { Err(refused) }
}

/// What is told of a construct: its name, and what is checked less strictly or more strictly.
fn node(documents: &Documents, at: At, refused: &mut Vec<Problem>, warnings: &mut Vec<Problem>) {
    let local = documents.local(at).to_owned();
    let construct = format!("xs:{local}");
    let has = |name: &str| documents.attribute(at, name).is_some();
    let mut refuse = |message: &str| refused.push(documents.refuse(at, &construct, message));
    let mut warn = |message: &str| warnings.push(documents.refuse(at, &construct, message));
    match local.as_str() {
        "assert" | "assertion" | "alternative" | "openContent" | "override" | "explicitTimezone" => {
            refuse("is of XSD 1.1; only 1.0 is validated");
        }
        "group" if documents.attribute(at, "maxOccurs").is_some_and(|m| m.trim() != "1") => {
            refuse(
                "a reference to a group that may be repeated is validated wrongly; write the group's content here",
            );
        }
        "element" if has("substitutionGroup") && !has("type") && documents.children(at).is_empty() => {
            refuse("without a type of its own it is not checked by its head's; write the type");
        }
        "pattern" => {
            let value = documents.attribute(at, "value").cloned().unwrap_or_default();
            if let Err(why) = crate::pattern::Pattern::compile(&value) {
                refuse(&why);
            } else if value.contains("{L}") || value.contains("{Lo}") {
                warn("marks that count as alphabetic are taken for letters (categories L and Lo)");
            }
        }
        "restriction"
            if documents.children(at).iter().filter(|c| documents.local(**c) == "pattern").count() > 1 =>
        {
            refuse(
                "several patterns of one step must all match instead of one; write one pattern with | between",
            );
        }
        "element" if has("default") || has("fixed") => {
            warn(
                "an empty element is not taken for its default or fixed value; a fixed value is compared as text",
            );
        }
        "attribute" if has("fixed") => warn("the fixed value of an attribute is not checked"),
        "complexType" if documents.attribute(at, "abstract").is_some() => {
            warn("that a document uses the abstract type itself is not noticed");
        }
        "union" => warn("a value that is of none of the member types is not noticed"),
        "list" if !documents.children(at).is_empty() => {
            warn("of a type of the items that stands inside, the facets are not checked");
        }
        "element" if documents.attribute(at, "block").is_some_and(|b| blocks_substitution(b)) => {
            warn("that a member of its substitution group stands in its place is not noticed");
        }
        "enumeration" => warn("values are compared as text: of numbers, 1 is not 1.0"),
        "length" | "minLength" => {
            warn("a value that is too short is not noticed if it has characters outside ASCII")
        }
        "key" | "keyref" | "unique" => {
            warn("values are compared as text, and only simple paths are followed")
        }
        _ if documents.attribute(at, "type").is_some_and(|t| has_local(t, &["ID"])) => {
            warn("that an ID occurs twice is not noticed");
        }
        _ if documents.attribute(at, "type").is_some_and(|t| has_local(t, &["IDREF", "IDREFS"])) => {
            warn("that an IDREF leads nowhere is not noticed");
        }
        _ => {}
    }
}

/// Whether `block` keeps members of the substitution group out.
fn blocks_substitution(block: &str) -> bool {
    block.split_whitespace().any(|b| matches!(b, "substitution" | "#all"))
}

/// Whether a name with or without a prefix is one of these.
fn has_local(name: &str, locals: &[&str]) -> bool {
    locals.contains(&name.rsplit(':').next().unwrap_or(name))
}

/// Documents of one namespace are put together, so that their forms must be the same.
fn forms(documents: &Documents) -> Vec<Problem> {
    let mut seen = HashMap::new();
    let mut problems = Vec::new();
    for doc in &documents.docs {
        let forms = (doc.elements_qualified, doc.attributes_qualified);
        if *seen.entry(doc.target.clone()).or_insert(forms) != forms {
            let message = "schemas of one namespace differ in elementFormDefault or attributeFormDefault, which whole \
                           validation does not take; make them the same";
            problems.push(doc.tree.refuse(doc.tree.root(), "xs:schema", message));
        }
    }
    problems
}
