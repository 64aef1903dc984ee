//! The named definitions of all WSDL files of a contract: messages, port types, bindings, services; and how references find them.

use super::load::Loaded;
use super::tree::Tree;
use super::{HTTP, Port, SOAP11, SOAP12, Service, WSDL};
use lgsp_schema::Problem;
use lgsp_schema::model::QName;
use lgsp_wire::soap::SoapVersion;
use std::collections::HashMap;

/// A definition: its file and its element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct At<'a> {
    pub(super) tree: &'a Tree,
    pub(super) id: usize,
}

impl<'a> At<'a> {
    pub(super) fn problem(self, construct: &str, message: impl Into<String>) -> Problem {
        self.tree.problem(self.id, construct, message)
    }
    pub(super) fn attribute(self, local: &str) -> Option<&'a str> {
        self.tree.attribute(self.id, local)
    }
    pub(super) fn qname(self, attribute: &str) -> Result<Option<QName>, Problem> {
        self.tree.qname(self.id, attribute)
    }
    pub(super) fn child(self, namespace: &str, local: &str) -> Option<Self> {
        self.tree.child(self.id, namespace, local).map(|id| Self { id, ..self })
    }
    pub(super) fn children(self, namespace: &'a str, local: &'a str) -> impl Iterator<Item = Self> + 'a {
        self.tree.children(self.id, namespace, local).map(move |id| Self { id, ..self })
    }
    /// All children, whatever they are.
    pub(super) fn all(self) -> impl Iterator<Item = Self> + 'a {
        self.tree.node(self.id).children.iter().map(move |id| Self { id: *id, ..self })
    }
    /// Whether its element has this name.
    pub(super) fn is(self, namespace: &str, local: &str) -> bool {
        let node = self.tree.node(self.id);
        &*node.namespace == namespace && node.local == local
    }
}

/// Kinds of definitions that are referred to.
pub(super) const KINDS: [&str; 3] = ["message", "portType", "binding"];

/// All definitions.
#[derive(Debug)]
pub(super) struct Index<'a> {
    by_name: HashMap<(&'static str, QName), At<'a>>,
    /// By local name alone; none where it is ambiguous.
    by_local: HashMap<(&'static str, String), Option<At<'a>>>,
    /// Services, with the element of each port.
    pub(super) services: Vec<(Service, Vec<At<'a>>)>,
}

impl PartialEq for Tree {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}
impl Eq for Tree {}

impl<'a> Index<'a> {
    pub(super) fn new(loaded: &'a Loaded) -> Result<Self, Vec<Problem>> {
        let mut index = Self { by_name: HashMap::new(), by_local: HashMap::new(), services: Vec::new() };
        let mut problems = Vec::new();
        for tree in &loaded.trees {
            let root = At { tree, id: 0 };
            for kind in KINDS {
                for at in root.children(WSDL, kind) {
                    problems.extend(index.add(kind, root, at).err());
                }
            }
            for at in root.children(WSDL, "service") {
                match service(root, at) {
                    Ok(found) => index.services.push(found),
                    Err(problem) => problems.push(problem),
                }
            }
        }
        if problems.is_empty() { Ok(index) } else { Err(problems) }
    }

    fn add(&mut self, kind: &'static str, root: At<'a>, at: At<'a>) -> Result<(), Problem> {
        let name = own_name(root, at)?;
        let local = name.local.to_string();
        let twice = format!("{kind} {name} is defined twice");
        if self.by_name.insert((kind, name), at).is_some() {
            return Err(at.problem(&format!("wsdl:{kind}"), twice));
        }
        self.by_local.entry((kind, local)).and_modify(|e| *e = None).or_insert(Some(at));
        Ok(())
    }

    /// The definition that an attribute of `from` refers to. One in another namespace than stated is taken with a warning if no other
    /// has its name: namespaces of imports are often wrong and always resolved by name here.
    pub(super) fn follow(
        &self,
        kind: &'static str,
        from: At<'_>,
        attribute: &str,
        warnings: &mut Vec<Problem>,
    ) -> Result<At<'a>, Problem> {
        let construct = format!("wsdl:{kind}");
        let name = from
            .qname(attribute)?
            .ok_or_else(|| from.problem(&construct, format!("the attribute {attribute} is missing")))?;
        let local = name.local.to_string();
        if let Some(at) = self.by_name.get(&(kind, name.clone())) {
            return Ok(*at);
        }
        if let Some(Some(at)) = self.by_local.get(&(kind, local)) {
            warnings.push(from.problem(
                &construct,
                format!("{name} is not defined; the only {kind} of that local name is taken"),
            ));
            return Ok(*at);
        }
        Err(from.problem(&construct, format!("{name} is not defined in the files of the contract")))
    }
}

fn own_name(root: At<'_>, at: At<'_>) -> Result<QName, Problem> {
    let local = at.attribute("name").filter(|n| !n.is_empty());
    let local = local.ok_or_else(|| at.problem("", "the attribute name is missing"))?;
    Ok(QName::new(root.attribute("targetNamespace").unwrap_or_default(), local))
}

fn service<'a>(root: At<'a>, at: At<'a>) -> Result<(Service, Vec<At<'a>>), Problem> {
    let (mut ports, mut places) = (Vec::new(), Vec::new());
    for port in at.children(WSDL, "port") {
        let name = own_name(root, port)?;
        let binding = port
            .qname("binding")?
            .ok_or_else(|| port.problem("wsdl:port", "the attribute binding is missing"))?;
        let address = [SOAP11, SOAP12, HTTP].iter().find_map(|ns| port.child(ns, "address"));
        let address = address.and_then(|a| a.attribute("location")).map(Into::into);
        ports.push(Port { name: name.local, binding, version: None, address });
        places.push(port);
    }
    Ok((Service { name: own_name(root, at)?, ports }, places))
}

/// The version of SOAP that a binding speaks, with its `soap:binding` element; none where it is not SOAP.
pub(super) fn soap_binding(binding: At<'_>) -> Option<(SoapVersion, At<'_>)> {
    let of = |ns, version| binding.child(ns, "binding").map(|b| (version, b));
    of(SOAP11, SoapVersion::V11).or_else(|| of(SOAP12, SoapVersion::V12))
}
