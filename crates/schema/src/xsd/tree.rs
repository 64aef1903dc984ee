//! Schema documents as trees: elements with their attributes, the namespaces in scope and the place in the file. Knows nothing of what
//! the elements mean.

use super::{Inline, SchemaSource, XS};
use crate::problem::{Place, Problem};
use lgsp_kernel::bounds::XML_DEPTH_MAX;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use std::ops::Range;
use std::sync::Arc;

/// Elements of all schema documents of a contract together: the largest published national and industry schemas have some 100,000.
pub const NODES_MAX: usize = 500_000;

/// A node of a [`Tree`], by its place in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct NodeId(pub u32);

/// A namespace declared at an element, and those around it.
#[derive(Debug)]
struct Scope {
    parent: Option<Arc<Scope>>,
    prefix: Box<str>,
    namespace: Arc<str>,
}

impl Scope {
    /// Whether it is this scope or one around it.
    fn within(&self, from: &Arc<Scope>) -> bool {
        let mut at = Some(from);
        while let Some(scope) = at {
            if std::ptr::eq(self, Arc::as_ptr(scope)) {
                return true;
            }
            at = scope.parent.as_ref();
        }
        false
    }
}

/// An element of the namespace of XML Schema.
#[derive(Debug)]
struct Node {
    local: Box<str>,
    /// Those in no namespace, the schema's own; others mean nothing here.
    attributes: Vec<(Box<str>, Arc<str>)>,
    /// Those in a namespace: only `wsdl:arrayType` and its like are asked for.
    foreign: Vec<Box<str>>,
    scope: Option<Arc<Scope>>,
    children: Vec<NodeId>,
    /// Kept of `xs:documentation` only.
    text: String,
    at: usize,
    /// Behind its end tag.
    end: usize,
}

/// One schema document.
#[derive(Debug)]
pub(crate) struct Tree {
    /// The file that it is in.
    pub file: String,
    nodes: Vec<Node>,
    starts: Vec<usize>,
    bytes: bytes::Bytes,
}

impl Tree {
    /// Reads the `xs:schema` of a source out of its file, which has passed the guard. `budget` is what is left of [`NODES_MAX`].
    pub fn read(source: &SchemaSource, bytes: &bytes::Bytes, budget: &mut usize) -> Result<Self, Problem> {
        let mut tree = Self {
            file: source.file.clone(),
            nodes: Vec::new(),
            starts: line_starts(bytes),
            bytes: bytes.clone(),
        };
        let whole = Inline { range: 0..bytes.len(), namespaces: Vec::new() };
        let inline = source.inline.as_ref().unwrap_or(&whole);
        let Some(slice) = bytes.get(inline.range.clone()) else {
            return Err(tree.problem(0, "", "the schema's place is outside its file"));
        };
        let mut scope = None;
        for (prefix, namespace) in &inline.namespaces {
            scope = Some(Arc::new(Scope {
                parent: scope,
                prefix: prefix.as_str().into(),
                namespace: namespace.as_str().into(),
            }));
        }
        let start = inline.range.start;
        tree.fill(slice, start, scope, budget)?;
        match tree.nodes.first() {
            Some(root) if &*root.local == "schema" => Ok(tree),
            _ => Err(tree.problem(start, "", "the root element is not xs:schema")),
        }
    }

    /// The nodes of the element at the start of these bytes.
    fn fill(
        &mut self,
        slice: &[u8],
        start: usize,
        outer: Option<Arc<Scope>>,
        budget: &mut usize,
    ) -> Result<(), Problem> {
        let mut reader = Reader::from_reader(slice);
        // Of each open element: its scope, and its node if it is the schema's own.
        let mut open: Vec<(Option<Arc<Scope>>, Option<NodeId>)> = Vec::new();
        loop {
            let at = start + usize::try_from(reader.buffer_position()).unwrap_or(0);
            let event = reader.read_event().map_err(|e| self.problem(at, "", &format!("not XML: {e}")))?;
            let end = start + usize::try_from(reader.buffer_position()).unwrap_or(0);
            match event {
                Event::Start(tag) => {
                    let entered = self.enter(&tag, at, open.last(), &outer, budget)?;
                    open.push(entered);
                    if open.len() > XML_DEPTH_MAX {
                        return Err(self.problem(at, "", "nested too deeply"));
                    }
                }
                Event::Empty(tag) => {
                    let (_, node) = self.enter(&tag, at, open.last(), &outer, budget)?;
                    self.ends(node, end);
                    if open.is_empty() {
                        return Ok(());
                    }
                }
                Event::End(_) => {
                    let closed = open.pop();
                    self.ends(closed.and_then(|(_, node)| node), end);
                    if open.is_empty() {
                        return Ok(());
                    }
                }
                Event::Text(text) => self.say(&open, &text),
                Event::CData(text) => self.say(&open, &text),
                Event::GeneralRef(name) => {
                    let text = match name.resolve_char_ref() {
                        Ok(Some(c)) => c.to_string(),
                        _ => std::str::from_utf8(&name)
                            .ok()
                            .and_then(quick_xml::escape::resolve_predefined_entity)
                            .unwrap_or_default()
                            .to_owned(),
                    };
                    self.say(&open, text.as_bytes());
                }
                Event::DocType(_) => return Err(self.problem(at, "DOCTYPE", "a DOCTYPE is not accepted")),
                Event::Eof => return Ok(()),
                _ => {}
            }
        }
    }

    /// A start tag: its scope, and its node.
    fn enter(
        &mut self,
        tag: &BytesStart<'_>,
        at: usize,
        around: Option<&(Option<Arc<Scope>>, Option<NodeId>)>,
        outer: &Option<Arc<Scope>>,
        budget: &mut usize,
    ) -> Result<(Option<Arc<Scope>>, Option<NodeId>), Problem> {
        *budget = budget.checked_sub(1).ok_or_else(|| {
            self.problem(at, "", &format!("the schemas have more than {NODES_MAX} elements"))
        })?;
        let mut scope = around.map_or(outer, |(scope, _)| scope).clone();
        let mut plain = Vec::new();
        let mut foreign = Vec::new();
        for attribute in tag.attributes() {
            let bad = |_| self.problem(at, "", "a malformed attribute");
            let attribute = attribute.map_err(|_| bad(()))?;
            let name = utf8(attribute.key.as_ref());
            let value = attribute.unescape_value().map_err(|_| bad(()))?;
            match name.split_once(':') {
                None if name == "xmlns" => {
                    scope = Some(Arc::new(Scope {
                        parent: scope,
                        prefix: "".into(),
                        namespace: value.as_ref().into(),
                    }));
                }
                Some(("xmlns", prefix)) => {
                    scope = Some(Arc::new(Scope {
                        parent: scope,
                        prefix: prefix.into(),
                        namespace: value.as_ref().into(),
                    }));
                }
                None => plain.push((name.into(), normalized(&value).into())),
                Some((_, local)) => foreign.push(local.into()),
            }
        }
        let name = tag.name();
        let name = utf8(name.as_ref());
        let (prefix, local) = name.split_once(':').unwrap_or(("", name));
        let parent = around.and_then(|(_, node)| *node);
        // Below what is not the schema's own (appinfo's content) nothing is.
        let ours =
            (around.is_none() || parent.is_some()) && namespace_of(&scope, prefix).as_deref() == Some(XS);
        if !ours {
            return Ok((scope, None));
        }
        let id = NodeId(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
        if let Some(parent) = parent {
            self.nodes[parent.0 as usize].children.push(id);
        }
        self.nodes.push(Node {
            local: local.into(),
            attributes: plain,
            foreign,
            scope: scope.clone(),
            children: Vec::new(),
            text: String::new(),
            at,
            end: at,
        });
        Ok((scope, Some(id)))
    }

    fn ends(&mut self, node: Option<NodeId>, end: usize) {
        if let Some(node) = node {
            self.nodes[node.0 as usize].end = end;
        }
    }

    /// A global component as text that means the same in another document: with the declarations of all namespaces in scope around it.
    /// `target` is what names without a prefix mean where no default namespace is declared.
    pub fn text(&self, id: NodeId, target: &str) -> String {
        let node = self.node(id);
        let text = utf8(&self.bytes[node.at..node.end]);
        let name = text.find(|c: char| c.is_whitespace() || matches!(c, '/' | '>')).unwrap_or(text.len());
        let mut out = text[..name].to_owned();
        let around = self.node(self.root()).scope.as_ref();
        let mut own: Vec<&str> = Vec::new();
        let mut at = node.scope.as_ref();
        while let Some(scope) = at {
            if !own.contains(&&*scope.prefix) {
                own.push(&scope.prefix);
                let outer = around.is_some_and(|a| scope.within(a));
                if outer && !(scope.prefix.is_empty() && scope.namespace.is_empty()) {
                    declare_in(&mut out, &scope.prefix, &scope.namespace);
                }
            }
            at = scope.parent.as_ref();
        }
        if !own.contains(&"") {
            declare_in(&mut out, "", target);
        }
        out.push_str(&text[name..]);
        out
    }

    /// Text inside an element.
    fn say(&mut self, open: &[(Option<Arc<Scope>>, Option<NodeId>)], text: &[u8]) {
        let Some(node) = open.iter().rev().find_map(|(_, node)| *node) else { return };
        let node = &mut self.nodes[node.0 as usize];
        if &*node.local == "documentation" {
            node.text.push_str(utf8(text));
        }
    }

    /// The `xs:schema` element.
    pub fn root(&self) -> NodeId {
        NodeId(0)
    }

    fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0 as usize]
    }

    /// The local name of an element.
    pub fn local(&self, id: NodeId) -> &str {
        &self.node(id).local
    }

    /// An attribute in no namespace, its white space collapsed.
    pub fn attribute(&self, id: NodeId, name: &str) -> Option<&Arc<str>> {
        self.node(id).attributes.iter().find(|(n, _)| &**n == name).map(|(_, v)| v)
    }

    /// Whether it has an attribute of this local name in some namespace.
    pub fn has_foreign(&self, id: NodeId, local: &str) -> bool {
        self.node(id).foreign.iter().any(|n| &**n == local)
    }

    /// The schema's own elements inside an element, annotations left out.
    pub fn children(&self, id: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        self.node(id).children.iter().copied().filter(|c| self.local(*c) != "annotation")
    }

    /// The first of the schema's own elements inside that has this name.
    pub fn child(&self, id: NodeId, local: &str) -> Option<NodeId> {
        self.children(id).find(|c| self.local(*c) == local)
    }

    /// What a prefix means at an element; none where nothing binds it.
    pub fn namespace(&self, id: NodeId, prefix: &str) -> Option<Arc<str>> {
        namespace_of(&self.node(id).scope, prefix)
    }

    /// Its documentation, as plain text with single spaces; none where there is none.
    pub fn documentation(&self, id: NodeId) -> Option<Arc<str>> {
        let annotations = self.node(id).children.iter().filter(|c| self.local(**c) == "annotation");
        let texts = annotations.flat_map(|a| self.children(*a)).filter(|d| self.local(*d) == "documentation");
        let words: Vec<&str> = texts.flat_map(|d| self.node(d).text.split_whitespace()).collect();
        (!words.is_empty()).then(|| words.join(" ").into())
    }

    /// The place of an element.
    pub fn place(&self, id: NodeId) -> Place {
        self.place_at(self.node(id).at)
    }

    /// A problem at an element.
    pub fn refuse(&self, id: NodeId, construct: &str, message: impl Into<String>) -> Problem {
        Problem { place: Some(self.place(id)), construct: construct.into(), message: message.into() }
    }

    fn problem(&self, at: usize, construct: &str, message: &str) -> Problem {
        Problem { place: Some(self.place_at(at)), construct: construct.into(), message: message.into() }
    }

    fn place_at(&self, at: usize) -> Place {
        place(&self.file, &self.bytes, &self.starts, at)
    }
}

/// The place of a byte of a file.
pub(crate) fn place_in(file: &str, bytes: &[u8], at: usize) -> Place {
    place(file, bytes, &line_starts(bytes), at)
}

fn place(file: &str, bytes: &[u8], starts: &[usize], at: usize) -> Place {
    let at = at.min(bytes.len());
    let line = starts.partition_point(|s| *s <= at).max(1);
    let start = starts.get(line - 1).copied().unwrap_or(0);
    let characters = bytes[start..at].iter().filter(|b| **b & 0xc0 != 0x80).count();
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Place { file: file.to_owned(), line: number(line), column: number(characters + 1) }
}

/// The offset of each line's first byte.
fn line_starts(bytes: &[u8]) -> Vec<usize> {
    std::iter::once(0).chain(memchr::memchr_iter(b'\n', bytes).map(|n| n + 1)).collect()
}

fn namespace_of(scope: &Option<Arc<Scope>>, prefix: &str) -> Option<Arc<str>> {
    let mut at = scope.as_ref();
    while let Some(scope) = at {
        if &*scope.prefix == prefix {
            return Some(scope.namespace.clone());
        }
        at = scope.parent.as_ref();
    }
    match prefix {
        "" => Some("".into()),
        "xml" => Some(super::XML.into()),
        _ => None,
    }
}

/// Adds a declaration of a namespace to a start tag.
fn declare_in(tag: &mut String, prefix: &str, namespace: &str) {
    tag.push_str(if prefix.is_empty() { " xmlns" } else { " xmlns:" });
    tag.push_str(prefix);
    tag.push_str("=\"");
    lgsp_wire::xml::escape_into(tag, namespace);
    tag.push('"');
}

/// What the guard has passed is UTF-8.
fn utf8(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}

/// Line ends and tabs as spaces, as XML has it of attributes. Spaces stay: of patterns, defaults and enumerated values they count.
fn normalized(value: &str) -> String {
    value.replace(['\t', '\n', '\r'], " ")
}

/// The `xs:schema` elements in a document that is well formed, outermost ones only.
pub(crate) fn schemas_inside(file: &str, bytes: &[u8]) -> Result<Vec<SchemaSource>, Problem> {
    guard(file, bytes)?;
    let mut reader = Reader::from_reader(bytes);
    let mut scopes: Vec<(String, String)> = Vec::new();
    let mut marks: Vec<usize> = Vec::new();
    let mut found = Vec::new();
    // The schema that is open: how deep it stands, and where it began.
    let mut begun: Option<(usize, Inline)> = None;
    loop {
        let at = usize::try_from(reader.buffer_position()).unwrap_or(0);
        let event = reader.read_event().map_err(|e| fault(file, bytes, at, &e.to_string()))?;
        let end = usize::try_from(reader.buffer_position()).unwrap_or(0);
        let source = |range: Range<usize>, namespaces, whole: bool| SchemaSource {
            file: file.to_owned(),
            inline: (!whole).then_some(Inline { range, namespaces }),
        };
        match event {
            Event::Start(tag) => {
                let around = scopes.len();
                if declare(&tag, &mut scopes) && begun.is_none() {
                    let namespaces = scopes[..around].to_vec();
                    begun = Some((marks.len(), Inline { range: at..at, namespaces }));
                }
                marks.push(around);
            }
            Event::Empty(tag) => {
                let around = scopes.len();
                if declare(&tag, &mut scopes) && begun.is_none() {
                    found.push(source(at..end, scopes[..around].to_vec(), marks.is_empty()));
                }
                scopes.truncate(around);
            }
            Event::End(_) => {
                scopes.truncate(marks.pop().unwrap_or(0));
                if begun.as_ref().is_some_and(|(depth, ..)| *depth == marks.len())
                    && let Some((_, Inline { range, namespaces })) = begun.take()
                {
                    found.push(source(range.start..end, namespaces, marks.is_empty()));
                }
            }
            Event::Eof => return Ok(found),
            _ => {}
        }
    }
}

/// Adds what a start tag declares; whether it is `xs:schema`.
fn declare(tag: &BytesStart<'_>, scopes: &mut Vec<(String, String)>) -> bool {
    for attribute in tag.attributes().flatten() {
        let name = utf8(attribute.key.as_ref());
        let prefix = if name == "xmlns" { Some("") } else { name.strip_prefix("xmlns:") };
        if let (Some(prefix), Ok(value)) = (prefix, attribute.unescape_value()) {
            scopes.push((prefix.to_owned(), value.into_owned()));
        }
    }
    let name = tag.name();
    let (prefix, local) = utf8(name.as_ref()).split_once(':').unwrap_or(("", utf8(name.as_ref())));
    local == "schema" && scopes.iter().rev().find(|(p, _)| p == prefix).is_some_and(|(_, n)| n == XS)
}

/// Refuses what is not strict XML: DOCTYPE, entities, other encodings, nesting.
pub(crate) fn guard(file: &str, bytes: &[u8]) -> Result<(), Problem> {
    lgsp_wire::xml::guard(bytes).map_err(|e| fault(file, bytes, e.at, &e.what.to_string()))
}

fn fault(file: &str, bytes: &[u8], at: usize, message: &str) -> Problem {
    Problem { place: Some(place_in(file, bytes, at)), construct: String::new(), message: message.to_owned() }
}
