//! Extensions that a WSDL announces: MTOM by policy (WS-MTOMPolicy 1.0 and 1.1) or by media types in the schema, WS-Addressing.

use super::index::At;
use super::load::Loaded;
use lgsp_schema::Problem;
use lgsp_schema::bundle::Bundle;

/// Namespaces of the policy assertion `OptimizedMimeSerialization`, and in 1.1 `MTOM`.
const MTOM: [(&str, &str); 2] = [
    ("http://schemas.xmlsoap.org/ws/2004/09/policy/optimizedmimeserialization", "OptimizedMimeSerialization"),
    ("http://www.w3.org/2007/08/soap12-mtom-policy", "MTOM"),
];
/// Namespaces of WS-Policy.
const POLICY: [&str; 2] = ["http://schemas.xmlsoap.org/ws/2004/09/policy", "http://www.w3.org/ns/ws-policy"];
/// Namespaces of WS-Addressing's metadata.
const ADDRESSING: [&str; 3] = [
    "http://www.w3.org/2006/05/addressing/wsdl",
    "http://www.w3.org/2007/05/addressing/metadata",
    "http://schemas.xmlsoap.org/ws/2004/08/addressing",
];
const SECURITY_UTILITY: &str =
    "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd";

/// Whether the binding announces MTOM: by a policy in it or that it refers to, or because the schemas name media types of binary
/// elements (W3C Note "Describing Media Content of Binary Data in XML", 2005), which generators write for MTOM only.
pub(super) fn mtom(loaded: &Loaded, bundle: &Bundle, binding: At<'_>) -> bool {
    let described = bundle.files().any(|(_, bytes)| {
        let finder = b":expectedContentTypes";
        bytes.windows(finder.len()).any(|w| w == finder)
    });
    described || mtom_at(binding) || policies(loaded, binding).into_iter().any(has_assertion)
}

/// Whether there is an MTOM assertion directly in a binding or one of its operations.
pub(super) fn mtom_at(at: At<'_>) -> bool {
    let policy = |c: &At<'_>| POLICY.iter().any(|ns| c.is(ns, "Policy"));
    is_assertion(at) || at.all().any(is_assertion) || at.all().filter(policy).any(has_assertion)
}

fn is_assertion(at: At<'_>) -> bool {
    MTOM.iter().any(|(ns, local)| at.is(ns, local))
}

/// Whether an assertion is anywhere below. Trees are no deeper than XML is allowed to be.
fn has_assertion(at: At<'_>) -> bool {
    let mut waiting = vec![at];
    while let Some(at) = waiting.pop() {
        if is_assertion(at) {
            return true;
        }
        waiting.extend(at.all());
    }
    false
}

/// The policies that a binding refers to by `#id`.
fn policies<'a>(loaded: &'a Loaded, binding: At<'a>) -> Vec<At<'a>> {
    let reference = |c: At<'a>| {
        let ours = POLICY.iter().any(|ns| c.is(ns, "PolicyReference"));
        ours.then(|| c.attribute("URI").and_then(|u| u.strip_prefix('#'))).flatten()
    };
    let wanted: Vec<&str> = binding.all().filter_map(reference).collect();
    let mut found = Vec::new();
    for tree in &loaded.trees {
        for policy in POLICY.iter().flat_map(|ns| (At { tree, id: 0 }).children(ns, "Policy")) {
            let id = tree.attribute_in(policy.id, SECURITY_UTILITY, "Id");
            if id.is_some_and(|id| wanted.contains(&id)) {
                found.push(policy);
            }
        }
    }
    found
}

/// WS-Addressing is recognized and not spoken: messages go without its headers.
pub(super) fn warn_of_addressing(binding: At<'_>, port_type: At<'_>, warnings: &mut Vec<Problem>) {
    let Some(using) = ADDRESSING.iter().find_map(|ns| binding.child(ns, "UsingAddressing")) else {
        let action =
            |id: usize| ADDRESSING.iter().any(|ns| port_type.tree.attribute_in(id, ns, "Action").is_some());
        if port_type.all().flat_map(At::all).any(|c| action(c.id)) {
            warnings.push(port_type.problem(
                "wsaw:Action",
                "WS-Addressing actions are stated; requests are sent without WS-Addressing headers",
            ));
        }
        return;
    };
    let required = using.tree.attribute_in(using.id, super::WSDL, "required") == Some("true");
    let message = if required {
        "WS-Addressing is required by this binding; requests are sent without its headers, and the provider may refuse them"
    } else {
        "WS-Addressing is offered by this binding; requests are sent without its headers"
    };
    warnings.push(using.problem("wsaw:UsingAddressing", message));
}
