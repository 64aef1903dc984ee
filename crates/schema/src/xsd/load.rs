//! Which documents a contract's schemas are made of, and where each global component is declared. Follows includes and imports inside
//! the bundle; knows nothing of what the components mean.

use super::tree::{self, NODES_MAX, NodeId, Tree};
use super::{SchemaSource, XML, XS};
use crate::bundle::{Bundle, BundleError};
use crate::model::QName;
use crate::problem::Problem;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

/// Schema documents of a contract, one that is included under several namespaces counted each time: twice the files of a bundle.
pub const DOCUMENTS_MAX: usize = 1_000;

/// A schema document under one namespace.
#[derive(Debug)]
pub(crate) struct Doc {
    pub tree: Arc<Tree>,
    /// Target namespace: its own, or of what includes it where it has none (a chameleon).
    pub target: Arc<str>,
    chameleon: bool,
    pub elements_qualified: bool,
    pub attributes_qualified: bool,
}

/// An element of a schema document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct At {
    pub doc: u32,
    pub node: NodeId,
}

/// The symbol spaces of global components.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Type,
    Element,
    Attribute,
    Group,
    AttributeGroup,
}

impl Kind {
    fn of(local: &str) -> Option<Self> {
        Some(match local {
            "simpleType" | "complexType" => Self::Type,
            "element" => Self::Element,
            "attribute" => Self::Attribute,
            "group" => Self::Group,
            "attributeGroup" => Self::AttributeGroup,
            _ => return None,
        })
    }
}

/// All documents, and what they declare.
#[derive(Debug, Default)]
pub(crate) struct Documents {
    pub docs: Vec<Doc>,
    pub components: HashMap<(Kind, QName), At>,
    /// The same in the order of the documents: the model, and the problems, come out the same each time.
    pub order: Vec<(Kind, QName, At)>,
    pub problems: Vec<Problem>,
    pub warnings: Vec<Problem>,
    /// Imports that led nowhere, by namespace: told where something of that namespace is missed.
    failed: HashMap<Arc<str>, Problem>,
}

/// A document to be read: a source, and the namespace of what includes it.
struct Wanted {
    source: SchemaSource,
    /// Who asks: where the problem is told, and what its target namespace has to be.
    by: Option<(At, Ask)>,
}

#[derive(Clone)]
enum Ask {
    Include(Arc<str>),
    Import(Arc<str>),
}

/// Reads all documents that the roots lead to.
pub(crate) fn load(bundle: &Bundle, roots: &[SchemaSource]) -> Documents {
    let mut documents = Documents::default();
    let mut loader = Loader::default();
    let mut wanted: VecDeque<Wanted> =
        roots.iter().map(|source| Wanted { source: source.clone(), by: None }).collect();
    while let Some(next) = wanted.pop_front() {
        match loader.open(bundle, &next, &documents) {
            Ok(Some(doc)) if documents.docs.len() >= DOCUMENTS_MAX => {
                let problem = doc.tree.refuse(
                    doc.tree.root(),
                    "xs:include",
                    format!("more than {DOCUMENTS_MAX} schema documents"),
                );
                documents.problems.push(problem);
                break;
            }
            Ok(Some(doc)) => documents.add(doc, bundle, &mut wanted),
            Ok(None) => {}
            Err(problem) => documents.problems.push(problem),
        }
    }
    documents
}

/// What was opened already.
#[derive(Default)]
struct Loader {
    trees: HashMap<(String, usize), Arc<Tree>>,
    guarded: HashSet<String>,
    seen: HashSet<(String, usize, Arc<str>)>,
    nodes: usize,
}

impl Loader {
    /// The document, unless it was read already under this namespace.
    fn open(
        &mut self,
        bundle: &Bundle,
        wanted: &Wanted,
        documents: &Documents,
    ) -> Result<Option<Doc>, Problem> {
        let source = &wanted.source;
        let start = source.inline.as_ref().map_or(0, |i| i.range.start);
        let key = (source.file.clone(), start);
        let tree = match self.trees.get(&key) {
            Some(tree) => tree.clone(),
            None => {
                let missing = BundleError::Missing(source.file.clone());
                let bytes = bundle.get(&source.file).ok_or_else(|| Problem {
                    place: None,
                    construct: String::new(),
                    message: missing.to_string(),
                })?;
                if self.guarded.insert(source.file.clone()) {
                    tree::guard(&source.file, bytes)?;
                }
                let mut budget = NODES_MAX - self.nodes;
                let tree = Arc::new(Tree::read(source, bytes, &mut budget)?);
                self.nodes = NODES_MAX - budget;
                self.trees.insert(key.clone(), tree.clone());
                tree
            }
        };
        let root = tree.root();
        let own = tree.attribute(root, "targetNamespace").cloned();
        let (target, chameleon) = match (&wanted.by, own) {
            (Some((at, Ask::Include(target))), Some(own)) if own != *target => {
                let message =
                    format!("the file included has the namespace {own:?}, this one {target:?}; import it");
                return Err(documents.refuse(*at, "xs:include", message));
            }
            (Some((_, Ask::Include(target))), None) => (target.clone(), !target.is_empty()),
            (Some((at, Ask::Import(namespace))), own) if own.as_deref().unwrap_or("") != &**namespace => {
                let own = own.unwrap_or_default();
                let message = format!("the file imported has the namespace {own:?}, not {namespace:?}");
                return Err(documents.refuse(*at, "xs:import", message));
            }
            (_, own) => (own.unwrap_or_default(), false),
        };
        if !self.seen.insert((key.0, key.1, target.clone())) {
            return Ok(None);
        }
        let qualified = |name| tree.attribute(root, name).is_some_and(|v| &**v == "qualified");
        Ok(Some(Doc {
            target,
            chameleon,
            elements_qualified: qualified("elementFormDefault"),
            attributes_qualified: qualified("attributeFormDefault"),
            tree: tree.clone(),
        }))
    }
}

impl Documents {
    /// A document: its components, and what it leads to.
    fn add(&mut self, doc: Doc, bundle: &Bundle, wanted: &mut VecDeque<Wanted>) {
        let number = u32::try_from(self.docs.len()).unwrap_or(u32::MAX);
        let tree = doc.tree.clone();
        let target = doc.target.clone();
        self.docs.push(doc);
        for node in tree.children(tree.root()) {
            let at = At { doc: number, node };
            match tree.local(node) {
                "include" => self.follow(at, bundle, Ask::Include(target.clone()), wanted),
                "import" => {
                    let namespace = tree.attribute(node, "namespace").cloned().unwrap_or_default();
                    self.follow(at, bundle, Ask::Import(namespace), wanted);
                }
                "redefine" => {
                    let advice = "redefinition is not supported; write the changed types into the schema";
                    self.problems.push(tree.refuse(node, "xs:redefine", advice));
                }
                "notation" => {}
                local => match (Kind::of(local), tree.attribute(node, "name")) {
                    (Some(kind), Some(name)) => {
                        self.declare(kind, QName::new(target.clone(), name.trim()), at)
                    }
                    (Some(_), None) => {
                        self.problems.push(tree.refuse(
                            node,
                            &format!("xs:{local}"),
                            "a name is required here",
                        ));
                    }
                    _ => self.problems.push(tree.refuse(node, &format!("xs:{local}"), "not allowed here")),
                },
            }
        }
    }

    fn declare(&mut self, kind: Kind, name: QName, at: At) {
        if let Some(first) = self.components.get(&(kind, name.clone())) {
            let first = self.tree(*first).place(first.node);
            let (file, line) = (first.file, first.line);
            let construct = format!("xs:{}", self.local(at));
            let message = format!("{name} is declared a second time; first at {file}:{line}");
            self.problems.push(self.refuse(at, &construct, message));
            return;
        }
        self.components.insert((kind, name.clone()), at);
        self.order.push((kind, name, at));
    }

    /// An include or an import.
    fn follow(&mut self, at: At, bundle: &Bundle, ask: Ask, wanted: &mut VecDeque<Wanted>) {
        let tree = self.tree(at).clone();
        let location = tree.attribute(at.node, "schemaLocation").map(|l| l.trim().to_owned());
        match (&ask, location) {
            (Ask::Include(_), None) => {
                self.problems.push(tree.refuse(at.node, "xs:include", "schemaLocation is required"));
            }
            (Ask::Import(namespace), _) if matches!(&**namespace, XS | super::SOAP_ENCODING) => {}
            (Ask::Import(_), None) => {}
            (_, Some(location)) => match bundle.follow(&tree.file, &location) {
                Ok((file, _)) => {
                    wanted.push_back(Wanted { source: SchemaSource::file(file), by: Some((at, ask)) });
                }
                Err(error) => match ask {
                    Ask::Include(_) => {
                        self.problems.push(tree.refuse(at.node, "xs:include", error.to_string()));
                    }
                    // A hint only (part 1, section 4.2.3): others may bring what it names.
                    Ask::Import(namespace) if &*namespace == XML => {}
                    Ask::Import(namespace) => {
                        let problem = tree.refuse(at.node, "xs:import", error.to_string());
                        self.failed.entry(namespace).or_insert(problem);
                    }
                },
            },
        }
    }

    /// The document's tree.
    pub fn tree(&self, at: At) -> &Arc<Tree> {
        &self.docs[at.doc as usize].tree
    }

    pub fn doc(&self, at: At) -> &Doc {
        &self.docs[at.doc as usize]
    }

    pub fn local(&self, at: At) -> &str {
        self.tree(at).local(at.node)
    }

    pub fn attribute(&self, at: At, name: &str) -> Option<&Arc<str>> {
        self.tree(at).attribute(at.node, name)
    }

    /// The elements inside, annotations left out.
    pub fn children(&self, at: At) -> Vec<At> {
        self.tree(at).children(at.node).map(|node| At { doc: at.doc, node }).collect()
    }

    pub fn child(&self, at: At, local: &str) -> Option<At> {
        self.tree(at).child(at.node, local).map(|node| At { doc: at.doc, node })
    }

    pub fn refuse(&self, at: At, construct: &str, message: impl Into<String>) -> Problem {
        self.tree(at).refuse(at.node, construct, message)
    }

    /// The name that a prefixed one means at an element.
    pub fn resolve(&self, at: At, text: &str) -> Result<QName, Problem> {
        let text = text.trim();
        let (prefix, local) = text.split_once(':').unwrap_or(("", text));
        let doc = self.doc(at);
        let Some(mut namespace) = doc.tree.namespace(at.node, prefix) else {
            return Err(self.refuse(at, "", format!("the prefix of {text:?} is not bound")));
        };
        if namespace.is_empty() && doc.chameleon {
            namespace = doc.target.clone();
        }
        Ok(QName::new(namespace, local))
    }

    /// Where a component is declared.
    pub fn find(&self, kind: Kind, name: &QName, from: At) -> Result<At, Problem> {
        if let Some(at) = self.components.get(&(kind, name.clone())) {
            return Ok(*at);
        }
        let what = match kind {
            Kind::Type => "type",
            Kind::Element => "element",
            Kind::Attribute => "attribute",
            Kind::Group => "group",
            Kind::AttributeGroup => "attributeGroup",
        };
        let why = self.failed.get(&name.namespace).map(|p| format!(" ({p})")).unwrap_or_default();
        Err(self.refuse(from, &format!("xs:{}", self.local(from)), format!("there is no {what} {name}{why}")))
    }
}
