//! A WSDL file as a small tree: elements, resolved names and the place of each. Schemas inside it are not read here, only found: their
//! bytes and the namespaces in scope are handed on.

use lgsp_schema::model::QName;
use lgsp_schema::{Place, Problem};
use quick_xml::events::{BytesStart, Event};
use std::collections::HashMap;
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;

/// Namespace of XSD.
pub(crate) const XSD: &str = "http://www.w3.org/2001/XMLSchema";

/// Elements of one WSDL file outside its schemas: a service of 2,000 operations has some 40,000.
pub const ELEMENTS_MAX: usize = 200_000;
/// Schemas inside one WSDL file: generators write one a namespace; the largest seen have some 60.
pub const INLINE_SCHEMAS_MAX: usize = 500;
/// Documentation of one element, bytes; what is longer is cut.
const DOC_MAX: usize = 4 << 10;

/// Namespaces in scope: the innermost declarations, and those around them.
#[derive(Debug)]
pub(crate) struct Scope {
    own: Vec<(String, Arc<str>)>,
    outer: Option<Rc<Scope>>,
}

impl Scope {
    /// What a prefix means (empty: the default namespace); none where nothing binds it.
    pub(crate) fn resolve(&self, prefix: &str) -> Option<Arc<str>> {
        let mut scope = Some(self);
        while let Some(s) = scope {
            if let Some((_, name)) = s.own.iter().rev().find(|(p, _)| p == prefix) {
                return Some(name.clone());
            }
            scope = s.outer.as_deref();
        }
        prefix.is_empty().then(|| Arc::from(""))
    }

    /// Every prefix in scope with its meaning, inner ones hiding outer ones.
    pub(crate) fn all(&self) -> Vec<(String, Arc<str>)> {
        let mut found: Vec<(String, Arc<str>)> = Vec::new();
        let mut scope = Some(self);
        while let Some(s) = scope {
            for (prefix, name) in s.own.iter().rev() {
                if !found.iter().any(|(p, _)| p == prefix) {
                    found.push((prefix.clone(), name.clone()));
                }
            }
            scope = s.outer.as_deref();
        }
        found
    }
}

/// An element.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) namespace: Arc<str>,
    pub(crate) local: String,
    /// Attributes without namespaces' declarations: namespace, local name, value.
    pub(crate) attributes: Vec<(Arc<str>, String, String)>,
    pub(crate) children: Vec<usize>,
    pub(crate) text: String,
    pub(crate) scope: Rc<Scope>,
    /// Where its tag begins.
    pub(crate) at: usize,
    /// Behind its end tag.
    pub(crate) end: usize,
}

/// A schema inside a WSDL file.
#[derive(Debug, Clone)]
pub(crate) struct InlineSchema {
    /// Its element's bytes in the file.
    pub(crate) range: Range<usize>,
    /// The namespaces in scope around it.
    pub(crate) namespaces: Vec<(String, Arc<str>)>,
}

/// A WSDL file.
#[derive(Debug)]
pub(crate) struct Tree {
    pub(crate) file: String,
    text: String,
    nodes: Vec<Node>,
    /// Places of line ends, to tell a line from a byte.
    lines: Vec<usize>,
    pub(crate) schemas: Vec<InlineSchema>,
}

impl Tree {
    /// Reads a file. The root is node 0.
    pub(crate) fn read(file: &str, bytes: &[u8]) -> Result<Self, Problem> {
        let whole = |at: usize, message: String| Problem {
            place: Some(place_in(file, bytes, at)),
            construct: String::new(),
            message,
        };
        lgsp_wire::xml::guard(bytes).map_err(|fault| whole(fault.at, fault.what.to_string()))?;
        let text = std::str::from_utf8(bytes).map_err(|e| whole(e.valid_up_to(), "not UTF-8".into()))?;
        let mut tree = Self {
            file: file.to_owned(),
            text: text.to_owned(),
            nodes: Vec::new(),
            lines: memchr_lines(bytes),
            schemas: Vec::new(),
        };
        Builder::new(&mut tree).run(text).map_err(|(at, message)| whole(at, message))?;
        Ok(tree)
    }

    /// The bytes of an element, as written.
    pub(crate) fn source(&self, id: usize) -> &str {
        &self.text[self.nodes[id].at..self.nodes[id].end]
    }

    pub(crate) fn node(&self, id: usize) -> &Node {
        &self.nodes[id]
    }

    /// Whether the root is a schema, so that nothing else is there.
    pub(crate) fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Children with this name.
    pub(crate) fn children<'t>(
        &'t self,
        id: usize,
        namespace: &'t str,
        local: &'t str,
    ) -> impl Iterator<Item = usize> + 't {
        let fits = move |c: &usize| {
            let n = &self.nodes[*c];
            n.local == local && &*n.namespace == namespace
        };
        self.nodes[id].children.iter().copied().filter(fits)
    }

    /// The first child with this name.
    pub(crate) fn child(&self, id: usize, namespace: &str, local: &str) -> Option<usize> {
        let fits = |c: &&usize| {
            let n = &self.nodes[**c];
            n.local == local && &*n.namespace == namespace
        };
        self.nodes[id].children.iter().find(fits).copied()
    }

    /// An attribute without a namespace, white space around it removed.
    pub(crate) fn attribute(&self, id: usize, local: &str) -> Option<&str> {
        self.attribute_in(id, "", local)
    }

    /// An attribute in a namespace.
    pub(crate) fn attribute_in(&self, id: usize, namespace: &str, local: &str) -> Option<&str> {
        let found = self.nodes[id].attributes.iter().find(|(n, l, _)| &**n == namespace && l == local)?;
        Some(found.2.trim())
    }

    /// An attribute that is a qualified name, resolved where it stands.
    pub(crate) fn qname(&self, id: usize, attribute: &str) -> Result<Option<QName>, Problem> {
        let Some(value) = self.attribute(id, attribute) else { return Ok(None) };
        let (prefix, local) = value.split_once(':').unwrap_or(("", value));
        let namespace = self.nodes[id].scope.resolve(prefix).ok_or_else(|| {
            self.problem(
                id,
                "",
                format!("the prefix of {value:?} in {attribute} is not bound to a namespace"),
            )
        })?;
        Ok(Some(QName { namespace, local: local.into() }))
    }

    /// The text of the documentation below an element.
    pub(crate) fn documentation(&self, id: usize) -> Option<Arc<str>> {
        let doc = self.child(id, super::WSDL, "documentation")?;
        let mut text = self.nodes[doc].text.split_whitespace().collect::<Vec<_>>().join(" ");
        if text.len() > DOC_MAX {
            text.truncate(text.floor_char_boundary(DOC_MAX));
        }
        (!text.is_empty()).then(|| text.into())
    }

    pub(crate) fn place(&self, at: usize) -> Place {
        let line = self.lines.partition_point(|end| *end < at);
        let start = if line == 0 { 0 } else { self.lines[line - 1] + 1 };
        let column = self.text.get(start..at).map_or(0, |t| t.chars().count());
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Place { file: self.file.clone(), line: number(line + 1), column: number(column + 1) }
    }

    pub(crate) fn problem(&self, id: usize, construct: &str, message: impl Into<String>) -> Problem {
        Problem {
            place: Some(self.place(self.nodes[id].at)),
            construct: construct.into(),
            message: message.into(),
        }
    }
}

fn memchr_lines(bytes: &[u8]) -> Vec<usize> {
    bytes.iter().enumerate().filter(|(_, b)| **b == b'\n').map(|(i, _)| i).collect()
}

/// The place of a byte in a file that may not be text.
fn place_in(file: &str, bytes: &[u8], at: usize) -> Place {
    let before = &bytes[..at.min(bytes.len())];
    let line = before.iter().filter(|b| **b == b'\n').count();
    let start = before.iter().rposition(|b| *b == b'\n').map_or(0, |i| i + 1);
    let column = String::from_utf8_lossy(&before[start..]).chars().count();
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Place { file: file.to_owned(), line: number(line + 1), column: number(column + 1) }
}

/// Fills a tree from events.
struct Builder<'t> {
    tree: &'t mut Tree,
    names: HashMap<String, Arc<str>>,
    open: Vec<usize>,
    /// Inside a schema: elements open in it, its start, and the scope around it.
    schema: Option<(usize, usize, Rc<Scope>)>,
    root: Rc<Scope>,
}

type Wrong = (usize, String);

impl<'t> Builder<'t> {
    fn new(tree: &'t mut Tree) -> Self {
        let xml = ("xml".to_owned(), Arc::from("http://www.w3.org/XML/1998/namespace"));
        let root = Rc::new(Scope { own: vec![xml], outer: None });
        Self { tree, names: HashMap::new(), open: Vec::new(), schema: None, root }
    }

    fn run(&mut self, text: &str) -> Result<(), Wrong> {
        let skipped = text.len() - text.trim_start_matches('\u{feff}').len();
        let mut reader = quick_xml::Reader::from_str(&text[skipped..]);
        reader.config_mut().check_comments = false;
        loop {
            let at = skipped + usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
            let event = reader.read_event().map_err(|e| (at, e.to_string()))?;
            let end = skipped + usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
            match event {
                Event::Start(e) => self.start(&e, at, false, end)?,
                Event::Empty(e) => self.start(&e, at, true, end)?,
                Event::End(_) => self.end(end),
                Event::Text(t) => self.text(&String::from_utf8_lossy(&t)),
                Event::CData(t) => self.text(&String::from_utf8_lossy(&t)),
                Event::GeneralRef(r) => {
                    let c = match r.resolve_char_ref() {
                        Ok(Some(c)) => c.to_string(),
                        _ => predefined(&r).to_owned(),
                    };
                    self.text(&c);
                }
                Event::Eof => return Ok(()),
                _ => {}
            }
        }
    }

    fn text(&mut self, text: &str) {
        if self.schema.is_none()
            && let Some(top) = self.open.last()
        {
            let node = &mut self.tree.nodes[*top];
            if node.text.len() < 2 * DOC_MAX {
                node.text.push_str(text);
            }
        }
    }

    fn name(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.names.get(name) {
            return known.clone();
        }
        let new: Arc<str> = name.into();
        self.names.insert(name.to_owned(), new.clone());
        new
    }

    fn start(&mut self, e: &BytesStart<'_>, at: usize, empty: bool, end: usize) -> Result<(), Wrong> {
        if let Some((depth, ..)) = &mut self.schema {
            *depth += usize::from(!empty);
            return Ok(());
        }
        let outer = self.open.last().map_or(&self.root, |o| &self.tree.nodes[*o].scope).clone();
        let (scope, plain) = self.scope(e, at, &outer)?;
        let tag = e.name();
        let (prefix, local) = split(std::str::from_utf8(tag.as_ref()).unwrap_or_default());
        let namespace = scope.resolve(prefix).unwrap_or_default();
        if local == "schema" && &*namespace == XSD {
            if self.tree.schemas.len() == INLINE_SCHEMAS_MAX {
                return Err((at, format!("more than {INLINE_SCHEMAS_MAX} schemas in one file")));
            }
            if empty {
                self.tree.schemas.push(InlineSchema { range: at..end, namespaces: outer.all() });
            } else {
                self.schema = Some((1, at, outer));
            }
            return Ok(());
        }
        if self.tree.nodes.len() == ELEMENTS_MAX {
            return Err((at, format!("more than {ELEMENTS_MAX} elements outside schemas")));
        }
        let attributes = plain
            .into_iter()
            .map(|(name, value)| {
                let (prefix, local) = split(&name);
                let namespace = if prefix.is_empty() { None } else { scope.resolve(prefix) };
                (namespace.unwrap_or_default(), local.to_owned(), value)
            })
            .collect();
        let id = self.tree.nodes.len();
        let local = local.to_owned();
        self.tree.nodes.push(Node {
            namespace,
            local,
            attributes,
            children: Vec::new(),
            text: String::new(),
            scope,
            at,
            end,
        });
        if let Some(parent) = self.open.last() {
            self.tree.nodes[*parent].children.push(id);
        }
        if !empty {
            self.open.push(id);
        }
        Ok(())
    }

    /// The scope inside a tag, and its attributes that declare no namespace.
    #[expect(clippy::type_complexity, reason = "a pair, used once")]
    fn scope(
        &mut self,
        e: &BytesStart<'_>,
        at: usize,
        outer: &Rc<Scope>,
    ) -> Result<(Rc<Scope>, Vec<(String, String)>), Wrong> {
        let (mut own, mut plain) = (Vec::new(), Vec::new());
        for attribute in e.attributes() {
            let attribute = attribute.map_err(|e| (at, e.to_string()))?;
            let key = String::from_utf8_lossy(attribute.key.as_ref()).into_owned();
            let value = attribute.unescape_value().map_err(|e| (at, e.to_string()))?;
            if key == "xmlns" {
                let name = self.name(&value);
                own.push((String::new(), name));
            } else if let Some(prefix) = key.strip_prefix("xmlns:") {
                let name = self.name(&value);
                own.push((prefix.to_owned(), name));
            } else {
                plain.push((key, value.into_owned()));
            }
        }
        if own.is_empty() {
            return Ok((outer.clone(), plain));
        }
        Ok((Rc::new(Scope { own, outer: Some(outer.clone()) }), plain))
    }

    fn end(&mut self, end: usize) {
        match self.schema.take() {
            Some((1, start, outer)) => {
                self.tree.schemas.push(InlineSchema { range: start..end, namespaces: outer.all() });
            }
            Some((depth, start, outer)) => self.schema = Some((depth - 1, start, outer)),
            None => {
                if let Some(closed) = self.open.pop() {
                    self.tree.nodes[closed].end = end;
                }
            }
        }
    }
}

fn split(name: &str) -> (&str, &str) {
    name.split_once(':').unwrap_or(("", name))
}

fn predefined(name: &[u8]) -> &'static str {
    match name {
        b"amp" => "&",
        b"lt" => "<",
        b"gt" => ">",
        b"quot" => "\"",
        b"apos" => "'",
        _ => "",
    }
}
