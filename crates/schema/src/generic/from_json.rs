//! JSON to XML without a schema, member by member.

use crate::codec::{CodecFaultKind as Kind, Failed, Json, Limits, clip, fault, pointer_step, text};
use lgsp_wire::xml::ncname_len;
use std::collections::HashSet;

struct Generic<'a> {
    json: Json<'a>,
    limits: Limits,
    out: Vec<u8>,
}

pub(super) fn document(json: &[u8], limits: Limits) -> Result<Vec<u8>, Failed> {
    let out = Vec::with_capacity((json.len() * 2).min(limits.output_max));
    let mut g = Generic { json: Json::new(json)?, limits, out };
    if g.json.peek() != Some(b'{') {
        return Err(g.json.expected("an object with the root element as its member"));
    }
    g.named()?;
    g.json.end()?;
    Ok(g.out)
}

/// A name with at most one colon.
fn is_qname(name: &str) -> bool {
    let fits = |part: &str| !part.is_empty() && ncname_len(part) == part.len();
    match name.split_once(':') {
        Some((prefix, local)) => fits(prefix) && fits(local),
        None => fits(name),
    }
}

impl Generic<'_> {
    /// An object with one member: an element.
    fn named(&mut self) -> Result<(), Failed> {
        let at = self.json.position();
        let one = || fault(Kind::Structure, at, "an object with one member, an element, was expected");
        if !self.json.open(b'}')? {
            return Err(one());
        }
        let name = self.json.key()?;
        self.element(&name, at).map_err(|f| f.under(|| pointer_step(&name)))?;
        if self.json.more(b'}')? { Err(one()) } else { Ok(()) }
    }

    fn element(&mut self, name: &str, at: usize) -> Result<(), Failed> {
        if !is_qname(name) {
            return Err(fault(Kind::Structure, at, format!("{:?} is no name of an element", clip(name))));
        }
        if self.out.len() > self.limits.output_max {
            return Err(fault(Kind::Limit, at, "the message grows beyond its limit as XML"));
        }
        self.out.push(b'<');
        self.out.extend_from_slice(name.as_bytes());
        if self.json.peek() == Some(b'{') {
            self.object()?;
        } else {
            self.out.push(b'>');
            self.scalar(false)?;
        }
        self.out.extend_from_slice(b"</");
        self.out.extend_from_slice(name.as_bytes());
        self.out.push(b'>');
        Ok(())
    }

    /// A string, number or boolean as text.
    fn scalar(&mut self, attribute: bool) -> Result<(), Failed> {
        let at = self.json.position();
        let value = match self.json.peek() {
            Some(b'"') => self.json.string()?,
            Some(b'-' | b'0'..=b'9') => self.json.number()?.into(),
            _ if self.json.word("true") => "true".into(),
            _ if self.json.word("false") => "false".into(),
            _ => return Err(self.json.expected("a string, number or boolean")),
        };
        if let Some(c) = text::not_xml(&value) {
            let message = format!("the character U+{:04X} has no place in XML", u32::from(c));
            return Err(fault(Kind::Value, at, message));
        }
        text::xml_text(&mut self.out, &value, attribute);
        Ok(())
    }

    /// Attributes and content; the start tag is open.
    fn object(&mut self) -> Result<(), Failed> {
        let mut tag = (self.out.len(), Vec::new());
        self.out.push(b'>');
        let mut seen = HashSet::new();
        // What stands for all content, or for a part of it.
        let mut whole = false;
        let mut elements = false;
        let mut more = self.json.open(b'}')?;
        while more {
            let at = self.json.position();
            let key = self.json.key()?;
            let step = || pointer_step(&key);
            if !seen.insert(key.clone()) {
                return Err(fault(Kind::Structure, at, "this member stands here twice").under(step));
            }
            let is_whole = matches!(&*key, "$" | "#");
            let is_element = !is_whole && !key.starts_with('@');
            if (is_whole && (whole || elements)) || (is_element && whole) {
                return Err(fault(
                    Kind::Structure,
                    at,
                    "$ and # stand for the whole content, beside attributes only",
                )
                .under(step));
            }
            (whole, elements) = (whole || is_whole, elements || is_element);
            match &*key {
                "$" => self.scalar(false),
                "#" => self.items(|g| if g.json.peek() == Some(b'{') { g.named() } else { g.scalar(false) }),
                name if !is_element => self.attribute(&name[1..], &mut tag, at),
                name if self.json.peek() == Some(b'[') => self.items(|g| g.element(name, at)),
                name => self.element(name, at),
            }
            .map_err(|f| f.under(step))?;
            more = self.json.more(b'}')?;
        }
        if !tag.1.is_empty() {
            self.out.splice(tag.0..tag.0, tag.1);
        }
        Ok(())
    }

    fn items(&mut self, mut item: impl FnMut(&mut Self) -> Result<(), Failed>) -> Result<(), Failed> {
        if self.json.peek() != Some(b'[') {
            return Err(self.json.expected("an array"));
        }
        let mut n = 0;
        let mut more = self.json.open(b']')?;
        while more {
            item(self).map_err(|f| f.under(|| format!("/{n}")))?;
            n += 1;
            more = self.json.more(b']')?;
        }
        Ok(())
    }

    /// Writes an attribute into the start tag, whose `>` stands at `tag.0`; where content is there already, into `tag.1` for later.
    fn attribute(&mut self, name: &str, tag: &mut (usize, Vec<u8>), at: usize) -> Result<(), Failed> {
        if !is_qname(name) {
            return Err(fault(Kind::Structure, at, format!("{:?} is no name of an attribute", clip(name))));
        }
        let early = self.out.len() == tag.0 + 1;
        if early {
            self.out.pop();
        }
        let from = self.out.len();
        self.out.push(b' ');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"=\"");
        self.scalar(true)?;
        self.out.push(b'"');
        if early {
            tag.0 = self.out.len();
            self.out.push(b'>');
        } else {
            tag.1.extend(self.out.drain(from..));
        }
        Ok(())
    }
}
