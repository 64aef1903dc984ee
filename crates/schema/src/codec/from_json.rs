//! JSON to XML: members are converted as they come, each into a fragment of the output; fragments that came in another order than the schema's
//! are put right when their object ends. No member is looked at twice.

use super::fault::{CodecFaultKind as Kind, Failed, clip, fault, pointer_step};
use super::json::Json;
use super::matcher::{Matcher, Misfit};
use super::plan::{PlanAttribute, PlanContent, PlanElement, PlanGroup, PlanType};
use super::{Codec, Limits, MASK, Prefixes, XSI, text};
use crate::model::{ComplexId, TypeId};

/// A member's output.
#[derive(Clone, Copy)]
struct Fragment {
    /// Its place: attributes first, then `$`, then the leaves.
    place: usize,
    /// Where the member is in the JSON.
    at: usize,
    /// In the output.
    from: usize,
    to: usize,
    /// How many elements.
    count: u32,
    /// Belongs into the start tag.
    in_tag: bool,
}

struct Writer<'c, 'a, 'o> {
    codec: &'c Codec,
    json: Json<'a>,
    limits: Limits,
    out: &'o mut Vec<u8>,
    /// Of all objects open, innermost last.
    fragments: Vec<Fragment>,
    scratch: Vec<u8>,
    /// Namespaces in use, by prefix; the one without a prefix is `default`.
    used: Vec<bool>,
    default: usize,
    xsi: bool,
    mask: bool,
}

/// Writes an element with all its declarations.
pub(super) fn write(
    codec: &Codec,
    e: &PlanElement,
    json: &[u8],
    prefixes: Prefixes,
    limits: Limits,
    out: &mut Vec<u8>,
) -> Result<(), Failed> {
    let default = if prefixes == Prefixes::Default && !codec.unqualified { e.ns } else { 0 };
    let start = out.len();
    let mut w = Writer {
        codec,
        json: Json::new(json)?,
        limits,
        out,
        fragments: Vec::new(),
        scratch: Vec::new(),
        used: vec![false; codec.plan.namespaces.len()],
        default,
        xsi: false,
        mask: false,
    };
    w.element(e)?;
    w.json.end()?;
    let head = start + 1 + w.tag(e).len();
    let mut declarations = Vec::new();
    let mut declare = |prefix: &str, namespace: &str| {
        declarations.extend_from_slice(if prefix.is_empty() { b" xmlns" } else { b" xmlns:" });
        declarations.extend_from_slice(prefix.as_bytes());
        declarations.extend_from_slice(b"=\"");
        text::xml_text(&mut declarations, namespace, true);
        declarations.push(b'"');
    };
    if default != 0 {
        declare("", &e.namespace);
    }
    for (ns, (name, prefix)) in codec.plan.namespaces.iter().enumerate().skip(1) {
        if w.used[ns] {
            declare(prefix, name);
        }
    }
    if w.xsi {
        declare("xsi", XSI);
    }
    if w.mask {
        declare("lgsp", MASK);
    }
    w.out.splice(head..head, declarations);
    Ok(())
}

impl<'c> Writer<'c, '_, '_> {
    fn tag<'e>(&self, e: &'e PlanElement) -> &'e str {
        if self.default != 0 && e.ns == self.default { &e.local } else { &e.tag }
    }

    fn open_tag(&mut self, e: &PlanElement) {
        if e.ns != self.default {
            self.used[e.ns] = true;
        }
        self.out.push(b'<');
        let tag = self.tag(e);
        self.out.extend_from_slice(tag.as_bytes());
    }

    fn close_tag(&mut self, e: &PlanElement) {
        self.out.extend_from_slice(b"</");
        let tag = self.tag(e);
        self.out.extend_from_slice(tag.as_bytes());
        self.out.push(b'>');
    }

    /// The value that stands next, as this element.
    fn element(&mut self, e: &PlanElement) -> Result<(), Failed> {
        let at = self.json.position();
        if self.out.len() > self.limits.output_max {
            return Err(fault(Kind::Limit, at, "the message grows beyond its limit as XML"));
        }
        self.open_tag(e);
        if self.json.word("null") {
            return self.null(e, at);
        }
        match e.ty {
            TypeId::Simple(id) if self.json.peek() != Some(b'{') => {
                let value = self.codec.value_from_json(id, e.fixed.as_deref(), &mut self.json)?;
                default_kept(e, &value, at)?;
                self.out.push(b'>');
                text::xml_text(self.out, &value, false);
                self.close_tag(e);
                Ok(())
            }
            TypeId::Simple(_) => {
                let key = if self.json.open(b'}')? { self.json.key()? } else { "".into() };
                if key != "lgsp:notPermitted" {
                    return Err(fault(Kind::Value, at, "a value, not an object, was expected"));
                }
                self.hidden()
            }
            TypeId::Complex(_) if self.json.peek() != Some(b'{') => Err(self.json.expected("an object")),
            TypeId::Complex(id) => self.object(e, id),
        }
    }

    fn null(&mut self, e: &PlanElement, at: usize) -> Result<(), Failed> {
        let nothing = |message: &str| Err(fault(Kind::Structure, at, message));
        if !e.nillable || e.fixed.is_some() {
            return nothing("a value, not null, was expected");
        }
        self.xsi = true;
        self.out.extend_from_slice(b" xsi:nil=\"true\"");
        if let TypeId::Complex(id) = e.ty {
            let codec = self.codec;
            let head = self.out.len();
            self.required(&codec.plan.types[id.0 as usize], &[], head, at)?;
        }
        self.out.extend_from_slice(b"/>");
        Ok(())
    }

    /// After `{"lgsp:notPermitted":` in place of a value.
    fn hidden(&mut self) -> Result<(), Failed> {
        if !self.json.word("true") {
            return Err(self.json.expected("true"));
        }
        if self.json.more(b'}')? {
            return Err(self.json.expected("'}'"));
        }
        (self.xsi, self.mask) = (true, true);
        self.out.extend_from_slice(b" xsi:nil=\"true\" lgsp:reason=\"notPermitted\"/>");
        Ok(())
    }

    fn object(&mut self, e: &PlanElement, id: ComplexId) -> Result<(), Failed> {
        let codec = self.codec;
        let ty = &codec.plan.types[id.0 as usize];
        let (at, head, base) = (self.json.position(), self.out.len(), self.fragments.len());
        let (mut sorted, mut open, mut nil) = (true, true, false);
        let mut more = self.json.open(b'}')?;
        while more {
            let here = self.json.position();
            let key = self.json.key()?;
            if key == "lgsp:notPermitted" && self.fragments.len() == base && self.out.len() == head {
                return self.hidden();
            }
            let last = self.fragments[base..].last().map(|f| f.place);
            let place = self.place(ty, &key, last, here)?;
            let is_nil = place == ty.attributes.len() && self.json.word("null");
            let in_tag = place < ty.attributes.len() || is_nil;
            if open && !in_tag {
                self.out.push(b'>');
                open = false;
            }
            sorted &= last.is_none_or(|l| l < place) && (open || !in_tag);
            let from = self.out.len();
            let written = if is_nil { self.nil_member(e, here) } else { self.member(e, ty, place) };
            let count = written.map_err(|f| f.under(|| pointer_step(&key)))?;
            nil |= is_nil;
            self.fragments.push(Fragment { place, at: here, from, to: self.out.len(), count, in_tag });
            more = self.json.more(b'}')?;
        }
        if !sorted {
            open = self.put_right(base, head)?;
        }
        self.finish(e, ty, base, (open, nil), head, at)
    }

    /// Puts the fragments of an object into their order; whether the start tag is still open.
    fn put_right(&mut self, base: usize, head: usize) -> Result<bool, Failed> {
        let own = &mut self.fragments[base..];
        own.sort_by_key(|f| f.place);
        if let Some(pair) = own.windows(2).find(|w| w[0].place == w[1].place) {
            return Err(fault(Kind::Structure, pair[1].at.max(pair[0].at), "this member stands here twice"));
        }
        self.scratch.clear();
        let mut open = true;
        for in_tag in [true, false] {
            for f in own.iter().filter(|f| f.in_tag == in_tag) {
                if !in_tag && std::mem::take(&mut open) {
                    self.scratch.push(b'>');
                }
                self.scratch.extend_from_slice(&self.out[f.from..f.to]);
            }
        }
        self.out.truncate(head);
        self.out.extend_from_slice(&self.scratch);
        Ok(open)
    }

    /// Checks that all members together are a content, and ends the element.
    fn finish(
        &mut self,
        e: &PlanElement,
        ty: &PlanType,
        base: usize,
        (open, nil): (bool, bool),
        head: usize,
        at: usize,
    ) -> Result<(), Failed> {
        // Lent out, so that no object needs a list of its own.
        let mut all = std::mem::take(&mut self.fragments);
        let own = &all[base..];
        let n = ty.attributes.len();
        match &ty.content {
            PlanContent::Group(g) if !nil => {
                self.check_content(g, own.iter().filter(|f| f.place > n), n + 1, at)?
            }
            PlanContent::Simple(_) if !own.iter().any(|f| f.place == n) => {
                return Err(fault(Kind::Structure, at, "the member $ was expected"));
            }
            _ if nil && own.iter().any(|f| f.place > n) => {
                return Err(fault(Kind::Structure, at, "members stand beside a value that is null"));
            }
            _ => {}
        }
        self.required(ty, own, head, at)?;
        all.truncate(base);
        self.fragments = all;
        if open {
            self.out.extend_from_slice(b"/>");
        } else {
            self.close_tag(e);
        }
        Ok(())
    }

    fn check_content<'f>(
        &self,
        g: &PlanGroup,
        own: impl Iterator<Item = &'f Fragment>,
        first: usize,
        at: usize,
    ) -> Result<(), Failed> {
        let mut matcher = Matcher::default();
        let name =
            |leaf: usize| g.leaves.get(leaf).map_or("", |l| &*self.codec.plan.elements[l.element].json);
        for f in own {
            let leaf = f.place - first;
            for _ in 0..f.count {
                matcher.step(g, leaf).map_err(|m| match m {
                    Misfit::Many => fault(Kind::Structure, f.at, "there are too many of them"),
                    Misfit::Missing(other) => {
                        fault(Kind::Structure, at, missing(g, &matcher, other, name(other)))
                    }
                    Misfit::Excluded(other) => {
                        let message = format!("{} is there, and only one of the two may be", name(other));
                        fault(Kind::Structure, f.at, message).under(|| pointer_step(name(leaf)))
                    }
                    Misfit::Late => fault(Kind::Structure, f.at, "it has no place here")
                        .under(|| pointer_step(name(leaf))),
                })?;
            }
        }
        matcher.end(g).map_err(|m| {
            let leaf = if let Misfit::Missing(leaf) = m { leaf } else { 0 };
            fault(Kind::Structure, at, missing(g, &matcher, leaf, name(leaf)))
        })
    }

    /// The place of a member; the one after the last is tried first.
    fn place(&self, ty: &PlanType, key: &str, last: Option<usize>, at: usize) -> Result<usize, Failed> {
        let n = ty.attributes.len();
        let guess = last.map_or(0, |l| l + 1);
        if let PlanContent::Group(g) = &ty.content {
            let from = guess.saturating_sub(n + 1);
            let name = |leaf: &usize| &*self.codec.plan.elements[g.leaves[*leaf].element].json == key;
            if let Some(leaf) = (from..g.leaves.len().min(from + 3)).find(name) {
                return Ok(n + 1 + leaf);
            }
            if let Some(leaf) = g.by_json.get(key) {
                return Ok(n + 1 + leaf);
            }
        }
        if key == "$" {
            return Ok(n);
        }
        if let Some(a) = ty.attributes.iter().position(|a| &*a.json == key) {
            return Ok(a);
        }
        Err(fault(Kind::Structure, at, "this member is not known here").under(|| pointer_step(key)))
    }

    fn nil_member(&mut self, e: &PlanElement, at: usize) -> Result<u32, Failed> {
        if !e.nillable || e.fixed.is_some() {
            return Err(fault(Kind::Structure, at, "a value, not null, was expected"));
        }
        self.xsi = true;
        self.out.extend_from_slice(b" xsi:nil=\"true\"");
        Ok(1)
    }

    /// Writes a member's value; how many elements it is.
    fn member(&mut self, e: &PlanElement, ty: &PlanType, place: usize) -> Result<u32, Failed> {
        let codec = self.codec;
        let at = self.json.position();
        if let Some(a) = ty.attributes.get(place) {
            let value = codec.value_from_json(a.ty, a.fixed.as_deref(), &mut self.json)?;
            self.attribute(a, &value);
            return Ok(1);
        }
        match &ty.content {
            PlanContent::Simple(id) if place == ty.attributes.len() => {
                let value = codec.value_from_json(*id, e.fixed.as_deref(), &mut self.json)?;
                default_kept(e, &value, at)?;
                text::xml_text(self.out, &value, false);
                Ok(1)
            }
            PlanContent::Group(g) if place > ty.attributes.len() => {
                let leaf = &g.leaves[place - ty.attributes.len() - 1];
                let element = &codec.plan.elements[leaf.element];
                if leaf.is_array() { self.array(element) } else { self.element(element).map(|()| 1) }
            }
            _ => Err(fault(Kind::Structure, at, "$ stands where there is no text")),
        }
    }

    fn array(&mut self, e: &PlanElement) -> Result<u32, Failed> {
        if self.json.peek() != Some(b'[') {
            return Err(self.json.expected("an array"));
        }
        let mut n = 0;
        let mut more = self.json.open(b']')?;
        while more {
            self.element(e).map_err(|f| f.under(|| format!("/{n}")))?;
            n += 1;
            more = self.json.more(b']')?;
        }
        Ok(n)
    }

    fn attribute(&mut self, a: &PlanAttribute, value: &str) {
        self.used[a.ns] = true;
        self.out.push(b' ');
        self.out.extend_from_slice(a.tag.as_bytes());
        self.out.extend_from_slice(b"=\"");
        text::xml_text(self.out, value, true);
        self.out.push(b'"');
    }

    /// Attributes that must be there: those of fixed value are written, others are missed.
    fn required(&mut self, ty: &PlanType, own: &[Fragment], head: usize, at: usize) -> Result<(), Failed> {
        for (i, a) in ty.attributes.iter().enumerate().filter(|(_, a)| a.required) {
            if own.iter().any(|f| f.place == i) {
                continue;
            }
            let Some(fixed) = &a.fixed else {
                return Err(fault(Kind::Structure, at, format!("the member {} was expected", a.json)));
            };
            let tail = self.out.split_off(head);
            self.attribute(a, fixed);
            self.out.extend_from_slice(&tail);
        }
        Ok(())
    }
}

/// An empty element would be read as its default.
fn default_kept(e: &PlanElement, value: &str, at: usize) -> Result<(), Failed> {
    match e.default.as_deref() {
        Some(default) if value.is_empty() && !default.is_empty() => {
            let message = format!(
                "an empty text cannot be said here: it would be read as the default {:?}",
                clip(default)
            );
            Err(fault(Kind::Value, at, message))
        }
        _ => Ok(()),
    }
}

fn missing(g: &PlanGroup, matcher: &Matcher, leaf: usize, name: &str) -> String {
    match (g.leaves.get(leaf), matcher.last()) {
        (Some(l), Some((at, n))) if at == leaf && n < l.min => {
            format!("at least {} of {name} were expected; there are {n}", l.min)
        }
        (Some(l), _) if l.min > 1 => format!("the member {name} was expected, at least {} of it", l.min),
        _ => format!("the member {name} was expected"),
    }
}
