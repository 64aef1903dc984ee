//! Faults of SOAP 1.1 (section 4.4 of the Note of 8 May 2000) and 1.2 (part 1, section 5.4), read and written.

use super::open::{Opened, envelope};
use crate::wsdl::tree::Tree;
use lgsp_schema::model::QName;
use lgsp_wire::soap::SoapVersion;
use lgsp_wire::xml::escape_into;

/// Reason and names of a fault that is passed on, bytes: longer ones are cut.
const TEXT_MAX: usize = 2 << 10;

/// Whose fault it is, by its code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FaultBlame {
    /// `Client` or `Sender`: the message was wrong; the same one must not be sent again.
    Sender,
    /// `Server` or `Receiver`, and any other code: the provider could not.
    Receiver,
}

/// A fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SoapFault {
    /// Whose fault it is.
    pub blame: FaultBlame,
    /// The code's local name with what SOAP 1.1 puts behind dots, such as `Client` or `Server.Timeout`.
    pub code: String,
    /// The local name of SOAP 1.2's outermost subcode, or of an SOAP 1.1 code in a namespace of the provider's.
    pub subcode: Option<String>,
    /// Why, for people; the Vietnamese text where there is one, else the first.
    pub reason: String,
    /// Who: `faultactor`, `Node`.
    pub actor: Option<String>,
    /// What it was doing: `Role`.
    pub role: Option<String>,
    /// The entries of the detail, each as a document of its own.
    pub detail: Vec<DetailEntry>,
}

/// An entry of a fault's detail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DetailEntry {
    /// Its name.
    pub name: QName,
    /// It as XML that declares its own namespaces.
    pub xml: Vec<u8>,
}

impl SoapFault {
    /// A fault without detail.
    pub fn new(blame: FaultBlame, reason: impl Into<String>) -> Self {
        let code = match blame {
            FaultBlame::Sender => "Client",
            FaultBlame::Receiver => "Server",
        };
        Self {
            blame,
            code: code.into(),
            subcode: None,
            reason: reason.into(),
            actor: None,
            role: None,
            detail: Vec::new(),
        }
    }
}

/// Reads the fault in an opened envelope; none where its body is none, or cannot be made out as one.
pub fn read(opened: &Opened<'_>) -> Option<SoapFault> {
    if !opened.is_fault() {
        return None;
    }
    let tree = Tree::read("fault", &opened.document()?).ok()?;
    Some(match opened.version {
        SoapVersion::V11 => read_11(&tree),
        SoapVersion::V12 => read_12(&tree),
    })
}

fn text(tree: &Tree, id: usize) -> String {
    let mut text = tree.node(id).text.trim().to_owned();
    text.truncate(text.floor_char_boundary(TEXT_MAX));
    text
}

/// A code as SOAP's own or another's: namespace and local name.
fn code(tree: &Tree, id: usize) -> (String, String) {
    let value = text(tree, id);
    let (prefix, local) = value.split_once(':').unwrap_or(("", &value));
    let namespace = tree.node(id).scope.resolve(prefix).unwrap_or_default();
    (namespace.to_string(), local.to_owned())
}

fn blame(code: &str) -> FaultBlame {
    match code.split('.').next() {
        Some("Client" | "Sender") => FaultBlame::Sender,
        _ => FaultBlame::Receiver,
    }
}

fn read_11(tree: &Tree) -> SoapFault {
    // In no namespace by the standard; some stacks qualify them all the same.
    let child = |local: &str| {
        let ids = &tree.node(0).children;
        ids.iter().copied().find(|c| tree.node(*c).local == local)
    };
    let (namespace, name) = child("faultcode").map(|c| code(tree, c)).unwrap_or_default();
    // Providers often forget the prefix or bind none; SOAP's own four codes are recognized without it.
    let own = namespace == SoapVersion::V11.namespace()
        || ["Client", "Server", "VersionMismatch", "MustUnderstand"]
            .contains(&name.split('.').next().unwrap_or_default());
    let (blame, code, subcode) = match own {
        true => (blame(&name), name, None),
        false => (FaultBlame::Receiver, "Server".to_owned(), Some(name).filter(|n| !n.is_empty())),
    };
    SoapFault {
        blame,
        code,
        subcode,
        reason: child("faultstring").map(|c| text(tree, c)).unwrap_or_default(),
        actor: child("faultactor").map(|c| text(tree, c)).filter(|t| !t.is_empty()),
        role: None,
        detail: child("detail").map(|c| entries(tree, c)).unwrap_or_default(),
    }
}

fn read_12(tree: &Tree) -> SoapFault {
    let ns = SoapVersion::V12.namespace();
    let value = |id: usize| tree.child(id, ns, "Value").map(|v| code(tree, v).1);
    let outer = tree.child(0, ns, "Code");
    let name = outer.and_then(value).unwrap_or_default();
    let reasons: Vec<usize> =
        tree.child(0, ns, "Reason").map(|r| tree.children(r, ns, "Text").collect()).unwrap_or_default();
    let vietnamese = |id: &&usize| {
        let lang = tree.attribute_in(**id, "http://www.w3.org/XML/1998/namespace", "lang");
        lang.is_some_and(|l| l.eq_ignore_ascii_case("vi") || l.to_ascii_lowercase().starts_with("vi-"))
    };
    let reason = reasons.iter().find(vietnamese).or_else(|| reasons.first());
    let plain = |local: &str| tree.child(0, ns, local).map(|c| text(tree, c)).filter(|t| !t.is_empty());
    SoapFault {
        blame: blame(&name),
        code: name,
        subcode: outer.and_then(|o| tree.child(o, ns, "Subcode")).and_then(value),
        reason: reason.map(|r| text(tree, *r)).unwrap_or_default(),
        actor: plain("Node"),
        role: plain("Role"),
        detail: tree.child(0, ns, "Detail").map(|c| entries(tree, c)).unwrap_or_default(),
    }
}

/// The children of a detail, each with the namespaces in scope where it stood.
fn entries(tree: &Tree, detail: usize) -> Vec<DetailEntry> {
    let entry = |id: &usize| {
        let node = tree.node(*id);
        let source = tree.source(*id);
        let name_end = source.find([' ', '\t', '\n', '\r', '/', '>']).unwrap_or(source.len());
        let head = &source[..source.find('>').unwrap_or(source.len())];
        let mut xml = source[..name_end].to_owned();
        for (prefix, namespace) in node.scope.all() {
            let declaration = if prefix.is_empty() { "xmlns".to_owned() } else { format!("xmlns:{prefix}") };
            let again = head
                .match_indices(&declaration)
                .any(|(i, m)| head[i + m.len()..].trim_start().starts_with('='));
            if again || prefix == "xml" {
                continue;
            }
            xml.extend([" ", &declaration, "=\""]);
            escape_into(&mut xml, &namespace);
            xml.push('"');
        }
        xml.push_str(&source[name_end..]);
        DetailEntry { name: QName::new(node.namespace.clone(), node.local.as_str()), xml: xml.into_bytes() }
    };
    tree.node(detail).children.iter().map(entry).collect()
}

/// An envelope with a fault.
pub fn write(version: SoapVersion, fault: &SoapFault) -> Vec<u8> {
    let mut out = String::with_capacity(512);
    let mut element = |name: &str, attributes: &str, text: &str| {
        out.extend(["<", name, attributes, ">"]);
        escape_into(&mut out, text);
        out.extend(["</", name.split(' ').next().unwrap_or(name), ">"]);
        std::mem::take(&mut out)
    };
    let detail: Vec<u8> = fault.detail.iter().flat_map(|d| d.xml.iter().copied()).collect();
    let detail = String::from_utf8_lossy(&detail);
    let xml = match version {
        SoapVersion::V11 => {
            let own = ["Client", "Server", "VersionMismatch", "MustUnderstand"];
            let known = own.contains(&fault.code.split('.').next().unwrap_or_default());
            let code = match (known, fault.blame) {
                (true, _) => fault.code.as_str(),
                (false, FaultBlame::Sender) => "Client",
                (false, FaultBlame::Receiver) => "Server",
            };
            let mut xml = element("faultcode", "", &format!("soap:{code}"));
            xml += &element("faultstring", "", &fault.reason);
            if let Some(actor) = &fault.actor {
                xml += &element("faultactor", "", actor);
            }
            if !detail.is_empty() {
                xml += &format!("<detail>{detail}</detail>");
            }
            xml
        }
        SoapVersion::V12 => {
            let code = match fault.blame {
                FaultBlame::Sender => "soap:Sender",
                FaultBlame::Receiver => "soap:Receiver",
            };
            let mut xml = format!("<soap:Code>{}</soap:Code>", element("soap:Value", "", code));
            xml += &format!(
                "<soap:Reason>{}</soap:Reason>",
                element("soap:Text", " xml:lang=\"vi\"", &fault.reason)
            );
            if let Some(actor) = &fault.actor {
                xml += &element("soap:Node", "", actor);
            }
            if !detail.is_empty() {
                xml += &format!("<soap:Detail>{detail}</soap:Detail>");
            }
            xml
        }
    };
    envelope(version, &[], format!("<soap:Fault>{xml}</soap:Fault>").as_bytes())
}
