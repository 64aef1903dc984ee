//! YAML text to a tree that remembers where everything stands. Bounds on depth, size and aliases are here; what the fields
//! mean is `decode`'s. The events come from the parser below serde-saphyr, whose own deserializer would stop at the
//! first problem of a file.

use granit_parser::{Event, Parser, ScalarStyle, Span};
use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;

/// Nesting of a declaration: the model needs seven levels.
pub const DEPTH_MAX: usize = 32;
/// Nodes that aliases (`*name`) may add to one file. Sharing a list of targets costs a handful; a bomb costs billions.
pub const ALIAS_NODES_MAX: usize = 10_000;
/// Fields of one map: the model's largest has fifteen.
pub const FIELDS_MAX: usize = 1_000;
/// Documents in one file.
pub const DOCUMENTS_MAX: usize = 10_000;

/// A node and where it starts (from 1; 0: unknown).
#[derive(Debug, Clone)]
pub(crate) struct Node<'t> {
    pub line: u32,
    pub column: u32,
    pub data: Data<'t>,
    /// Set once a problem of this node was reported: later passes leave it out and so find the others.
    pub reported: Cell<bool>,
    /// Fields that were reported missing: later passes put something in their place and so find the next one.
    pub missing: RefCell<Vec<&'static str>>,
}

#[derive(Debug, Clone)]
pub(crate) enum Data<'t> {
    Null,
    /// Unquoted: text, number or truth value, as the field wants it.
    Plain(Cow<'t, str>),
    /// Quoted or a block: text.
    Text(Cow<'t, str>),
    /// A number or truth value of JSON: never text.
    Literal(serde_json::Value),
    List(Vec<Node<'t>>),
    Map(Vec<Entry<'t>>),
}

#[derive(Debug, Clone)]
pub(crate) struct Entry<'t> {
    pub key: Cow<'t, str>,
    pub line: u32,
    pub column: u32,
    pub value: Node<'t>,
}

/// A problem of syntax, and where.
#[derive(Debug)]
pub(crate) struct Fault {
    pub line: u32,
    pub column: u32,
    pub field: String,
    pub message: String,
}

impl<'t> Node<'t> {
    pub fn new(line: u32, column: u32, data: Data<'t>) -> Self {
        Self { line, column, data, reported: Cell::new(false), missing: RefCell::default() }
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Entry<'t>> {
        match &self.data {
            Data::Map(entries) => entries.iter().find(|e| e.key == key),
            _ => None,
        }
    }

    /// The deepest node on a path such as `versions[0].targets[1].url` that is there.
    pub fn find(&self, path: &str) -> &Self {
        let mut node = self;
        for part in path.split(['.', '[']).filter(|p| !p.is_empty()) {
            let next = match (part.strip_suffix(']'), &node.data) {
                (Some(i), Data::List(items)) => i.parse::<usize>().ok().and_then(|i| items.get(i)),
                _ => node.get(part).map(|e| &e.value),
            };
            match next {
                Some(n) => node = n,
                None => break,
            }
        }
        node
    }

    fn size(&self) -> usize {
        1 + match &self.data {
            Data::List(items) => items.iter().map(Node::size).sum(),
            Data::Map(entries) => entries.iter().map(|e| e.value.size()).sum(),
            _ => 0,
        }
    }

    /// The tree of a JSON value, which stands nowhere in a file.
    pub fn from_json(value: serde_json::Value) -> Node<'static> {
        use serde_json::Value;
        let data = match value {
            Value::Null => Data::Null,
            Value::String(s) => Data::Text(s.into()),
            Value::Array(items) => Data::List(items.into_iter().map(Node::from_json).collect()),
            Value::Object(map) => Data::Map(
                map.into_iter()
                    .map(|(k, v)| Entry { key: k.into(), line: 0, column: 0, value: Node::from_json(v) })
                    .collect(),
            ),
            literal => Data::Literal(literal),
        };
        Node::new(0, 0, data)
    }
}

/// Reads all documents of a text. Faults that leave the structure clear (a key twice) are collected; the first that does not ends
/// the reading.
pub(crate) fn parse(text: &str) -> (Vec<Node<'_>>, Vec<Fault>) {
    let mut options = granit_parser::options! {
        flow_nesting_limit: DEPTH_MAX,
        block_nesting_limit: DEPTH_MAX,
    };
    options.set_emit_comments(false);
    let mut builder = Builder {
        parser: Parser::new_from_str_with_options(text, options),
        anchors: HashMap::new(),
        alias_nodes: 0,
        faults: Vec::new(),
        path: Vec::new(),
    };
    let mut documents = Vec::new();
    if let Err(fault) = builder.documents(&mut documents) {
        builder.faults.push(fault);
    }
    (documents, builder.faults)
}

struct Builder<'t> {
    parser: Parser<'t, granit_parser::StrInput<'t>>,
    anchors: HashMap<usize, Node<'t>>,
    alias_nodes: usize,
    faults: Vec<Fault>,
    /// Where the reading stands.
    path: Vec<Step<'t>>,
}

enum Step<'t> {
    Key(Cow<'t, str>),
    Index(usize),
}

fn place(span: &Span) -> (u32, u32) {
    let at = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    (at(span.start.line()), at(span.start.col()).saturating_add(1))
}

impl<'t> Builder<'t> {
    fn fault(&self, at: (u32, u32), message: impl Into<String>) -> Fault {
        let mut field = String::new();
        for step in &self.path {
            match step {
                Step::Key(k) if field.is_empty() => field.push_str(k),
                Step::Key(k) => field.extend([".", k]),
                Step::Index(i) => field.push_str(&format!("[{i}]")),
            }
        }
        Fault { line: at.0, column: at.1, field, message: message.into() }
    }

    fn next(&mut self) -> Result<(Event<'t>, Span), Fault> {
        match self.parser.next_event() {
            Some(Ok(next)) => Ok(next),
            Some(Err(e)) => {
                let at = (
                    u32::try_from(e.marker().line()).unwrap_or(u32::MAX),
                    u32::try_from(e.marker().col() + 1).unwrap_or(u32::MAX),
                );
                Err(self.fault(at, format!("this is not YAML: {}", e.info())))
            }
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn documents(&mut self, documents: &mut Vec<Node<'t>>) -> Result<(), Fault> {
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => return Ok(()),
                Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
                event => {
                    if documents.len() == DOCUMENTS_MAX {
                        return Err(self.fault(
                            place(&span),
                            format!("more than {DOCUMENTS_MAX} documents in one file"),
                        ));
                    }
                    self.anchors.clear();
                    self.path.clear();
                    let node = self.node(event, &span)?;
                    documents.push(node);
                }
            }
        }
    }

    fn node(&mut self, event: Event<'t>, span: &Span) -> Result<Node<'t>, Fault> {
        let at = place(span);
        let (anchor, tag) = match &event {
            Event::Scalar(_, _, anchor, tag)
            | Event::SequenceStart(_, anchor, tag)
            | Event::MappingStart(_, anchor, tag) => {
                (*anchor, tag.as_ref().map(|t| t.core_suffix().map(str::to_owned)))
            }
            _ => (0, None),
        };
        if let Some(None) = tag {
            return Err(self.fault(at, "a tag (!name) has no meaning here: leave it out"));
        }
        let data = match event {
            Event::Scalar(text, ScalarStyle::Plain, ..) if tag.flatten().as_deref() != Some("str") => {
                match &*text {
                    "" | "~" | "null" | "Null" | "NULL" => Data::Null,
                    _ => Data::Plain(text),
                }
            }
            Event::Scalar(text, ..) => Data::Text(text),
            Event::SequenceStart(..) => Data::List(self.list()?),
            Event::MappingStart(..) => Data::Map(self.map()?),
            Event::Alias(id) => return self.alias(id, at),
            other => return Err(self.fault(at, format!("unexpected in a declaration: {other:?}"))),
        };
        let node = Node::new(at.0, at.1, data);
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn list(&mut self) -> Result<Vec<Node<'t>>, Fault> {
        let mut items = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::SequenceEnd {
                return Ok(items);
            }
            self.path.push(Step::Index(items.len()));
            items.push(self.node(event, &span)?);
            self.path.pop();
        }
    }

    fn map(&mut self) -> Result<Vec<Entry<'t>>, Fault> {
        let mut entries: Vec<Entry<'t>> = Vec::new();
        loop {
            let (event, span) = self.next()?;
            let (line, column) = place(&span);
            let key = match event {
                Event::MappingEnd => return Ok(entries),
                Event::Scalar(text, ..) => text,
                _ => return Err(self.fault((line, column), "a field's name must be plain text")),
            };
            if entries.len() == FIELDS_MAX {
                return Err(self.fault((line, column), format!("more than {FIELDS_MAX} fields in one place")));
            }
            self.path.push(Step::Key(key.clone()));
            let (event, span) = self.next()?;
            let value = self.node(event, &span)?;
            let twice = entries.iter().find(|e| e.key == key).map(|first| first.line);
            if let Some(first) = twice {
                let message = format!("{key:?} is given twice in the same place, first at line {first}");
                let twice = self.fault((line, column), message);
                self.faults.push(twice);
            } else {
                entries.push(Entry { key, line, column, value });
            }
            self.path.pop();
        }
    }

    fn alias(&mut self, id: usize, at: (u32, u32)) -> Result<Node<'t>, Fault> {
        let Some(node) = self.anchors.get(&id) else {
            return Err(self.fault(at, "an alias (*name) inside the node that it names"));
        };
        self.alias_nodes += node.size();
        if self.alias_nodes > ALIAS_NODES_MAX {
            return Err(self.fault(
                at,
                format!(
                    "aliases (*name) repeat more than {ALIAS_NODES_MAX} nodes in this file: write them out"
                ),
            ));
        }
        // A fresh copy: what is found wrong with one use is not yet reported of the other.
        Ok(node.clone())
    }
}
