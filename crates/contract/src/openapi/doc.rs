//! A contract's file, JSON or YAML, as a tree that keeps the order of members, the digits of numbers and where everything stands.
//! What the members mean is `read`'s and `schema`'s.

use super::{json, number};
use granit_parser::{Event, Parser, ScalarStyle, Span};
use lgsp_schema::{Place, Problem};
use serde_json::Value;
use std::collections::{HashMap, HashSet};

/// Nesting of a document. Schemas of real interfaces stay below 40.
pub const DEPTH_MAX: usize = 128;
/// Nodes of one document, those that aliases (`*name`) repeat included: the largest public OpenAPI documents have about 500,000.
pub const NODES_MAX: usize = 1_000_000;

/// A node and where it starts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Node {
    /// Line, from 1; 0: made, not read.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// What it is.
    pub data: Data,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Data {
    /// `null`
    #[default]
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number in JSON's grammar, as written.
    Number(String),
    /// Text.
    Text(String),
    /// An array.
    List(Vec<Node>),
    /// An object, its members in their order.
    Map(Vec<(String, Node)>),
}

impl Node {
    /// A node that stands nowhere.
    pub fn made(data: Data) -> Self {
        Self { line: 0, column: 0, data }
    }
    /// A text that stands nowhere.
    pub fn text(text: impl Into<String>) -> Self {
        Self::made(Data::Text(text.into()))
    }
    /// The member of this name.
    pub fn get(&self, name: &str) -> Option<&Node> {
        self.members().iter().find(|(n, _)| n == name).map(|(_, v)| v)
    }
    /// The members; none where it is no object.
    pub fn members(&self) -> &[(String, Node)] {
        match &self.data {
            Data::Map(members) => members,
            _ => &[],
        }
    }
    /// The items; none where it is no array.
    pub fn items(&self) -> &[Node] {
        match &self.data {
            Data::List(items) => items,
            _ => &[],
        }
    }
    /// Its text, if it is text.
    pub fn as_str(&self) -> Option<&str> {
        match &self.data {
            Data::Text(text) => Some(text),
            _ => None,
        }
    }
    /// Its truth value, if it is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self.data {
            Data::Bool(b) => Some(b),
            _ => None,
        }
    }
    /// Its number, if it is one.
    pub fn as_number(&self) -> Option<&str> {
        match &self.data {
            Data::Number(text) => Some(text),
            _ => None,
        }
    }
    /// The text of a member.
    pub fn str_of(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(Node::as_str)
    }
    /// Whether a member is `true`.
    pub fn is_true(&self, name: &str) -> bool {
        self.get(name).and_then(Node::as_bool) == Some(true)
    }
    /// The node at a JSON pointer (RFC 6901, without the `#`), or the deepest one on the way that is there.
    pub fn find(&self, pointer: &str) -> (&Node, bool) {
        let mut node = self;
        for step in pointer.split('/').skip(1) {
            let step = step.replace("~1", "/").replace("~0", "~");
            let next = match &node.data {
                Data::List(items) => step.parse::<usize>().ok().and_then(|i| items.get(i)),
                _ => node.get(&step),
            };
            match next {
                Some(n) => node = n,
                None => return (node, false),
            }
        }
        (node, true)
    }
    /// As `serde_json` has it: numbers that it cannot keep become the nearest, members lose their order.
    pub fn to_value(&self) -> Value {
        match &self.data {
            Data::Null => Value::Null,
            Data::Bool(b) => Value::Bool(*b),
            Data::Number(text) => Value::Number(json::to_number(text)),
            Data::Text(text) => Value::String(text.clone()),
            Data::List(items) => items.iter().map(Node::to_value).collect(),
            Data::Map(members) => members.iter().map(|(n, v)| (n.clone(), v.to_value())).collect(),
        }
    }
    /// Where it stands in a file.
    pub fn place(&self, file: &str) -> Option<Place> {
        (self.line > 0).then(|| Place { file: file.to_owned(), line: self.line, column: self.column })
    }
}

/// Reads a file: JSON where it starts with a brace or bracket, else YAML 1.2 with the core schema.
pub fn parse(file: &str, bytes: &[u8]) -> Result<Node, Problem> {
    let problem = |line, column, message: String| Problem {
        place: Some(Place { file: file.to_owned(), line, column }),
        construct: String::new(),
        message,
    };
    let text = std::str::from_utf8(bytes).map_err(|e| {
        let before = String::from_utf8_lossy(&bytes[..e.valid_up_to()]);
        let (line, column) = Lines::new(&before).at(before.len());
        problem(line, column, "this is not UTF-8".into())
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim_start().starts_with(['{', '[']) && text.trim_end().ends_with(['}', ']']) {
        let lines = Lines::new(text);
        return match json::parse(text.as_bytes()) {
            Ok(tree) => Ok(from_json(tree, &lines)),
            // Flow style of YAML looks like JSON; what is wrong with it is better said of JSON.
            Err(fault) => parse_yaml(text).map_err(|_| {
                let (line, column) = lines.at(fault.at);
                problem(line, column, format!("this is not JSON: {}", fault.what))
            }),
        };
    }
    parse_yaml(text).map_err(|fault| problem(fault.line, fault.column, fault.message))
}

/// The starts of a text's lines.
struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    fn new(text: &'t str) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(i, _)| i + 1)).collect();
        Self { text, starts }
    }
    fn at(&self, offset: usize) -> (u32, u32) {
        let line = self.starts.partition_point(|s| *s <= offset).max(1);
        let start = self.starts[line - 1];
        // Far along a line (a document without line ends), bytes stand for characters: counting each would take the square of its length.
        let column = if offset - start > 2_000 {
            offset - start
        } else {
            self.text.get(start..offset).map_or(0, |t| t.chars().count())
        };
        (u32::try_from(line).unwrap_or(u32::MAX), u32::try_from(column + 1).unwrap_or(u32::MAX))
    }
}

fn from_json(tree: json::Tree<'_>, lines: &Lines<'_>) -> Node {
    let (line, column) = lines.at(tree.at);
    let data = match tree.data {
        json::Data::Null => Data::Null,
        json::Data::Bool(b) => Data::Bool(b),
        json::Data::Number(n) => Data::Number(n.into_owned()),
        json::Data::Text(t) => Data::Text(t.into_owned()),
        json::Data::List(items) => Data::List(items.into_iter().map(|i| from_json(i, lines)).collect()),
        json::Data::Map(members) => Data::Map(
            members.into_vec().into_iter().map(|(n, v)| (n.into_owned(), from_json(v, lines))).collect(),
        ),
    };
    Node { line, column, data }
}

struct Fault {
    line: u32,
    column: u32,
    message: String,
}

fn parse_yaml(text: &str) -> Result<Node, Fault> {
    let mut options = granit_parser::options! {
        flow_nesting_limit: DEPTH_MAX,
        block_nesting_limit: DEPTH_MAX,
    };
    options.set_emit_comments(false);
    let parser = Parser::new_from_str_with_options(text, options);
    Builder { parser, anchors: HashMap::new(), nodes: 0 }.document()
}

struct Builder<'t> {
    parser: Parser<'t, granit_parser::StrInput<'t>>,
    /// What anchors (`&name`) stand for, with the number of nodes inside and how deep they are nested.
    anchors: HashMap<usize, (Node, usize, usize)>,
    nodes: usize,
}

fn at(span: &Span) -> (u32, u32) {
    let n = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    (n(span.start.line()), n(span.start.col()).saturating_add(1))
}

fn fault<T>((line, column): (u32, u32), message: impl Into<String>) -> Result<T, Fault> {
    Err(Fault { line, column, message: message.into() })
}

impl<'t> Builder<'t> {
    fn next(&mut self) -> Result<(Event<'t>, Span), Fault> {
        match self.parser.next_event() {
            Some(Ok(next)) => Ok(next),
            Some(Err(e)) => {
                let n = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
                let place = (n(e.marker().line()), n(e.marker().col()).saturating_add(1));
                fault(place, format!("this is not YAML: {}", e.info()))
            }
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn document(mut self) -> Result<Node, Fault> {
        let mut document = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => break,
                Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
                _ if document.is_some() => {
                    return fault(at(&span), "there is a second document in this file: one contract a file");
                }
                event => document = Some(self.node(event, &span, 0)?),
            }
        }
        document.map_or_else(|| fault((1, 1), "this file is empty"), Ok)
    }

    fn node(&mut self, event: Event<'t>, span: &Span, depth: usize) -> Result<Node, Fault> {
        let place = at(span);
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            return fault(place, format!("more than {NODES_MAX} nodes, with those that aliases repeat"));
        }
        if depth > DEPTH_MAX {
            return fault(place, format!("nested deeper than {DEPTH_MAX}"));
        }
        let before = self.nodes;
        let (anchor, tag) = match &event {
            Event::Scalar(_, _, anchor, tag)
            | Event::SequenceStart(_, anchor, tag)
            | Event::MappingStart(_, anchor, tag) => {
                (*anchor, tag.as_ref().map(|t| t.core_suffix().map(str::to_owned)))
            }
            _ => (0, None),
        };
        if let Some(None) = tag {
            return fault(place, "a tag (!name) has no meaning in a contract: leave it out");
        }
        let quoted = tag.flatten().as_deref() == Some("str");
        let data = match event {
            Event::Scalar(text, ScalarStyle::Plain, ..) if !quoted => plain(&text),
            Event::Scalar(text, ..) => Data::Text(text.into_owned()),
            Event::SequenceStart(..) => Data::List(self.list(depth)?),
            Event::MappingStart(..) => Data::Map(self.map(depth)?),
            Event::Alias(id) => return self.alias(id, place, depth),
            other => return fault(place, format!("unexpected here: {other:?}")),
        };
        let node = Node { line: place.0, column: place.1, data };
        if anchor != 0 {
            let height = height(&node);
            self.anchors.insert(anchor, (node.clone(), self.nodes - before + 1, height));
        }
        Ok(node)
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Node>, Fault> {
        let mut items = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::SequenceEnd {
                return Ok(items);
            }
            items.push(self.node(event, &span, depth + 1)?);
        }
    }

    fn map(&mut self, depth: usize) -> Result<Vec<(String, Node)>, Fault> {
        let mut members: Vec<(String, Node)> = Vec::new();
        let mut names = HashSet::new();
        loop {
            let (event, span) = self.next()?;
            let name = match event {
                Event::MappingEnd => return Ok(members),
                Event::Scalar(text, ..) => text.into_owned(),
                _ => return fault(at(&span), "a member's name must be plain text"),
            };
            if !names.insert(name.clone()) {
                return fault(at(&span), format!("{name:?} is given twice in the same place"));
            }
            let (event, next) = self.next()?;
            let value = self.node(event, &next, depth + 1)?;
            members.push((name, value));
        }
    }

    fn alias(&mut self, id: usize, place: (u32, u32), depth: usize) -> Result<Node, Fault> {
        let Some((node, size, height)) = self.anchors.get(&id) else {
            return fault(place, "an alias (*name) inside the node that it names");
        };
        if depth + height > DEPTH_MAX {
            return fault(place, format!("nested deeper than {DEPTH_MAX} by way of an alias"));
        }
        self.nodes += size;
        if self.nodes > NODES_MAX {
            return fault(place, format!("more than {NODES_MAX} nodes, with those that aliases repeat"));
        }
        Ok(node.clone())
    }
}

fn height(node: &Node) -> usize {
    let below = match &node.data {
        Data::List(items) => items.iter().map(height).max(),
        Data::Map(members) => members.iter().map(|(_, v)| height(v)).max(),
        _ => None,
    };
    below.map_or(0, |h| h + 1)
}

/// What unquoted text is by YAML's core schema (YAML 1.2.2, section 10.3.2).
fn plain(text: &str) -> Data {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Data::Null,
        "true" | "True" | "TRUE" => return Data::Bool(true),
        "false" | "False" | "FALSE" => return Data::Bool(false),
        _ => {}
    }
    if number::is_json(text.as_bytes()) {
        return Data::Number(text.to_owned());
    }
    let radix = |prefix, radix| text.strip_prefix(prefix).and_then(|t| u64::from_str_radix(t, radix).ok());
    if let Some(n) = radix("0x", 16).or_else(|| radix("0o", 8)) {
        return Data::Number(n.to_string());
    }
    // What YAML has beyond JSON: a plus sign, zeros before, a point without digits on one side.
    let (sign, rest) = match text.as_bytes()[0] {
        b'-' => ("-", &text[1..]),
        b'+' => ("", &text[1..]),
        _ => ("", text),
    };
    if rest.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        let zeros = rest.trim_start_matches('0');
        let whole = if zeros.starts_with(|c: char| c.is_ascii_digit()) { "" } else { "0" };
        let number = format!("{sign}{whole}{zeros}").replace(".e", ".0e").replace(".E", ".0E");
        let number = if number.ends_with('.') { format!("{number}0") } else { number };
        if number::is_json(number.as_bytes()) {
            return Data::Number(number);
        }
    }
    Data::Text(text.to_owned())
}
