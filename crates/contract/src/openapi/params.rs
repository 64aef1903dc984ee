//! Values of parameters and form fields, from text to typed values, by the style that the contract states (OpenAPI 3.1, section
//! 4.8.12). What a value must look like is its schema's; a value that is no number stays text, and the schema says so.

use super::doc::{Data as Doc, Node};
use super::json::{Data, Members, Tree};
use super::{In, OpenApi, Parameter, Style, number};
use percent_encoding::percent_decode_str;
use std::borrow::Cow;

/// Parameters of one request's query.
const QUERY_MAX: usize = 1_000;
/// How far into a schema its types are looked for.
const DEPTH_MAX: usize = 8;

/// What values a schema allows, as far as decoding must know.
#[derive(Debug, Clone, Default)]
pub struct Shape {
    text: bool,
    number: bool,
    boolean: bool,
    items: Option<Box<Shape>>,
    members: Option<Vec<(String, Shape)>>,
}

impl Shape {
    /// The shape of a schema.
    pub fn of(api: &OpenApi, schema: &Node) -> Self {
        let mut shape = Self::default();
        shape.add(api, schema, DEPTH_MAX);
        shape
    }

    fn add(&mut self, api: &OpenApi, schema: &Node, depth: usize) {
        if depth == 0 {
            return;
        }
        if schema.get("$ref").is_some() {
            self.add(api, api.resolve(schema), depth - 1);
        }
        for keyword in ["allOf", "anyOf", "oneOf"] {
            for alternative in schema.get(keyword).map_or(&[][..], Node::items) {
                self.add(api, alternative, depth - 1);
            }
        }
        let inside = |node: &Node| {
            let mut shape = Self::default();
            shape.add(api, node, depth - 1);
            shape
        };
        let types = schema.get("type").map_or(&[][..], |t| match t.data {
            Doc::List(ref items) => items,
            _ => std::slice::from_ref(t),
        });
        for ty in types.iter().filter_map(Node::as_str) {
            match ty {
                "string" => self.text = true,
                "number" | "integer" => self.number = true,
                "boolean" => self.boolean = true,
                "array" => self.items = Some(Box::new(schema.get("items").map(inside).unwrap_or_default())),
                "object" => {
                    let properties = schema.get("properties").map_or(&[][..], Node::members);
                    let found = properties.iter().map(|(name, node)| (name.clone(), inside(node)));
                    self.members.get_or_insert_default().extend(found);
                }
                _ => {}
            }
        }
    }

    fn member(&self, name: &str) -> Option<&Shape> {
        self.members.as_ref()?.iter().find(|(n, _)| n == name).map(|(_, s)| s)
    }

    fn scalar<'t>(&self, text: Cow<'t, str>) -> Tree<'t> {
        Tree::new(match text.as_ref() {
            "true" | "false" if self.boolean && !self.text => Data::Bool(text == "true"),
            t if self.number && !self.text && number::is_json(t.as_bytes()) => Data::Number(text),
            _ => Data::Text(text),
        })
    }

    fn list<'t>(&self, texts: impl Iterator<Item = Cow<'t, str>>) -> Tree<'t> {
        let plain = Shape::default();
        let item = self.items.as_deref().unwrap_or(&plain);
        Tree::new(Data::List(texts.map(|t| item.scalar(t)).collect()))
    }

    fn map<'t>(&self, pairs: impl Iterator<Item = (Cow<'t, str>, Cow<'t, str>)>) -> Result<Tree<'t>, String> {
        let plain = Shape::default();
        let members = pairs.map(|(name, text)| {
            let value = self.member(&name).unwrap_or(&plain).scalar(text);
            (name, value)
        });
        Members::new(members.collect())
            .map(|m| Tree::new(Data::Map(m)))
            .map_err(|_| "a member is given twice".into())
    }

    fn is_scalar(&self) -> bool {
        self.items.is_none() && self.members.is_none()
    }
}

/// Names with their values, unescaped.
pub type Pairs<'t> = [(Cow<'t, str>, Cow<'t, str>)];

/// The parameters of a query or of a form body, unescaped.
pub fn pairs(text: &str) -> Result<Box<Pairs<'_>>, String> {
    let mut pairs = Vec::new();
    for pair in text.split('&').filter(|p| !p.is_empty()) {
        if pairs.len() == QUERY_MAX {
            return Err(format!("more than {QUERY_MAX} parameters"));
        }
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        pairs.push((unescape(name)?, unescape(value)?));
    }
    Ok(pairs.into())
}

fn unescape(text: &str) -> Result<Cow<'_, str>, String> {
    let wrong = || "escaped bytes that are not UTF-8".to_owned();
    if text.contains('+') {
        let spaced = text.replace('+', " ");
        let decoded = percent_decode_str(&spaced).decode_utf8().map_err(|_| wrong())?;
        return Ok(Cow::Owned(decoded.into_owned()));
    }
    percent_decode_str(text).decode_utf8().map_err(|_| wrong())
}

/// A parameter's value in a query; none: it is not there.
pub fn from_query<'q>(
    parameter: &Parameter,
    shape: &Shape,
    query: &'q Pairs<'q>,
) -> Result<Option<Tree<'q>>, String> {
    let borrow = |t: &'q Cow<'q, str>| Cow::Borrowed(t.as_ref());
    if parameter.style == Style::DeepObject {
        let inner =
            |name: &'q str| name.strip_prefix(parameter.name.as_str())?.strip_prefix('[')?.strip_suffix(']');
        let found: Vec<_> =
            query.iter().filter_map(|(n, v)| Some((Cow::Borrowed(inner(n)?), borrow(v)))).collect();
        return if found.is_empty() { Ok(None) } else { shape.map(found.into_iter()).map(Some) };
    }
    if shape.members.is_some() && parameter.explode && !parameter.json {
        let found: Vec<_> = query.iter().filter(|(n, _)| shape.member(n).is_some()).collect();
        if found.is_empty() {
            return Ok(None);
        }
        return shape.map(found.into_iter().map(|(n, v)| (borrow(n), borrow(v)))).map(Some);
    }
    let mut values = query.iter().filter(|(n, _)| *n == parameter.name).map(|(_, v)| borrow(v)).peekable();
    if values.peek().is_none() {
        return Ok(None);
    }
    if shape.items.is_some() && parameter.explode && !parameter.json {
        return Ok(Some(shape.list(values)));
    }
    let first = values.next().unwrap_or_default();
    if values.next().is_some() {
        return Err("given more than once".into());
    }
    if parameter.json {
        return Ok(None);
    }
    separated(shape, first, parameter.explode).map(Some)
}

/// A value in one text: parts with commas between.
fn separated<'t>(shape: &Shape, text: Cow<'t, str>, explode: bool) -> Result<Tree<'t>, String> {
    if shape.is_scalar() {
        return Ok(shape.scalar(text));
    }
    let parts: Vec<Cow<'t, str>> = text.split(',').map(|p| Cow::Owned(p.to_owned())).collect();
    if shape.items.is_some() {
        return Ok(shape.list(parts.into_iter().filter(|p| !p.is_empty())));
    }
    let wrong =
        || "an object is written as name,value,name,value, or exploded as name=value,name=value".to_owned();
    let mut found = Vec::new();
    let mut parts = parts.into_iter();
    while let Some(part) = parts.next() {
        if explode {
            let (name, value) = part.split_once('=').ok_or_else(wrong)?;
            found.push((Cow::Owned(name.to_owned()), Cow::Owned(value.to_owned())));
        } else {
            found.push((part, parts.next().ok_or_else(wrong)?));
        }
    }
    shape.map(found.into_iter())
}

/// A parameter's value in a path's variable, a header or a cookie.
pub fn from_text<'t>(parameter: &Parameter, shape: &Shape, text: &'t str) -> Result<Tree<'t>, String> {
    let explode = parameter.explode;
    match (parameter.location, parameter.style) {
        (In::Path, Style::Label) => {
            let text = text.strip_prefix('.').ok_or("a label starts with a point")?;
            let text =
                if explode && !shape.is_scalar() { Cow::Owned(text.replace('.', ",")) } else { text.into() };
            separated(shape, text, explode)
        }
        (In::Path, Style::Matrix) => {
            let name = &parameter.name;
            let wrong = || format!("a matrix parameter is written ;{name}=value");
            let text = text.strip_prefix(';').ok_or_else(wrong)?;
            if explode && shape.members.is_some() {
                return separated(shape, Cow::Owned(text.replace(';', ",")), true);
            }
            let prefix = format!("{name}=");
            if explode && shape.items.is_some() {
                let parts = text.split(';').map(|p| p.strip_prefix(&prefix).map(Cow::Borrowed));
                return Ok(shape.list(parts.collect::<Option<Vec<_>>>().ok_or_else(wrong)?.into_iter()));
            }
            separated(shape, text.strip_prefix(&prefix).ok_or_else(wrong)?.into(), explode)
        }
        _ => separated(shape, Cow::Borrowed(text.trim()), explode),
    }
}

/// The fields of an `application/x-www-form-urlencoded` body, as the object that its schema describes.
pub fn form<'q>(shape: &Shape, fields: &'q Pairs<'q>) -> Result<Tree<'q>, String> {
    let plain = Shape::default();
    let mut members: Vec<(Cow<'q, str>, Tree<'q>)> = Vec::new();
    for (name, text) in fields {
        let shape = shape.member(name).unwrap_or(&plain);
        let text = Cow::Borrowed(text.as_ref());
        match (&shape.items, members.iter_mut().find(|(n, _)| n == name)) {
            (Some(item), Some((_, Tree { data: Data::List(items), .. }))) => items.push(item.scalar(text)),
            (Some(item), _) => {
                let first = Tree::new(Data::List(vec![item.scalar(text)]));
                members.push((Cow::Borrowed(name.as_ref()), first));
            }
            (None, Some(_)) => return Err(format!("the field {name:?} is given twice")),
            (None, None) => members.push((Cow::Borrowed(name.as_ref()), shape.scalar(text))),
        }
    }
    Members::new(members).map(|m| Tree::new(Data::Map(m))).map_err(|_| "a field is given twice".into())
}
