//! XML to JSON: events of the scanner go through the content model straight into JSON text.

use super::fault::{CodecFaultKind as Kind, Failed, clip, fault};
use super::matcher::{Matcher, Misfit};
use super::plan::{PlanContent, PlanElement, PlanGroup, PlanType};
use super::reader::XmlReader;
use super::{Codec, Limits, MASK, NOT_PERMITTED, XSI, text};
use crate::model::{SimpleId, TypeId};
use crate::value::trim;
use lgsp_kernel::bounds::JSON_DEPTH_MAX;
use lgsp_wire::xml::Event;

/// A conversion under way.
pub(super) struct FromXml<'c, 'a, 'r> {
    pub(super) codec: &'c Codec,
    pub(super) reader: &'r mut XmlReader<'a>,
    pub(super) limits: Limits,
    /// JSON arrays and objects open.
    pub(super) depth: usize,
}

/// What an element's attributes say about it.
#[derive(Default)]
struct Marks {
    nil: bool,
    /// Its value was hidden: see the protocol of three-valued data.
    hidden: bool,
}

impl<'a> FromXml<'_, 'a, '_> {
    /// The element entered last, to its end; its value is appended.
    pub(super) fn element(&mut self, e: &PlanElement, out: &mut Vec<u8>) -> Result<(), Failed> {
        if out.len() > self.limits.output_max {
            return Err(fault(
                Kind::Limit,
                self.reader.position(),
                "the message grows beyond its limit as JSON",
            ));
        }
        match e.ty {
            TypeId::Simple(id) => {
                let marks = self.marks(e, None)?;
                if marks.nil {
                    self.nothing()?;
                    out.extend_from_slice(if marks.hidden { NOT_PERMITTED } else { b"null" });
                    return Ok(());
                }
                self.simple(e, id, out)
            }
            TypeId::Complex(id) => {
                let codec = self.codec;
                self.complex(e, &codec.plan.types[id.0 as usize], out)
            }
        }
    }

    fn complex(&mut self, e: &PlanElement, ty: &PlanType, out: &mut Vec<u8>) -> Result<(), Failed> {
        let start = out.len();
        self.enter()?;
        out.push(b'{');
        let marks = self.marks(e, Some(ty))?;
        if !marks.hidden {
            self.attributes(ty, out)?;
        }
        if marks.nil {
            self.nothing()?;
            if out.len() == start + 1 {
                out.truncate(start);
                out.extend_from_slice(if marks.hidden { NOT_PERMITTED } else { b"null" });
            } else {
                out.extend_from_slice(b",\"$\":null}");
            }
            self.depth -= 1;
            return Ok(());
        }
        match &ty.content {
            PlanContent::Empty => self.nothing()?,
            PlanContent::Simple(id) => {
                member(out, start, "\"$\":");
                self.simple(e, *id, out)?;
            }
            PlanContent::Group(g) => self.group(e, g, start, out)?,
        }
        out.push(b'}');
        self.depth -= 1;
        Ok(())
    }

    fn group(
        &mut self,
        parent: &PlanElement,
        g: &PlanGroup,
        start: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), Failed> {
        let codec = self.codec;
        let mut matcher = Matcher::default();
        let mut array = false;
        // None for schemas of XSD: nothing is allocated.
        let mut empty = g.shown_empty.clone();
        loop {
            match self.reader.next()? {
                Some(Event::Open { local, at, .. }) => {
                    let before = matcher.last().map(|l| l.0);
                    let leaf = self.find(g, &mut matcher, local, at)?;
                    let (place, element) = (&g.leaves[leaf], &codec.plan.elements[g.leaves[leaf].element]);
                    if before == Some(leaf) {
                        out.push(b',');
                    } else {
                        if std::mem::replace(&mut array, place.is_array()) {
                            out.push(b']');
                            self.depth -= 1;
                        }
                        member(out, start, &element.key);
                        if array {
                            self.enter()?;
                            out.push(b'[');
                        }
                        empty.retain(|l| *l != leaf);
                    }
                    let n = matcher.last().map_or(1, |l| l.1);
                    self.element(element, out).map_err(|f| f.under(|| step(element, array.then_some(n))))?;
                }
                Some(Event::Text { at, .. }) => {
                    return Err(fault(Kind::Structure, at, "text stands where only elements may"));
                }
                Some(Event::Instruction { .. }) => {}
                Some(Event::Close { .. }) | None => break,
            }
        }
        if array {
            out.push(b']');
            self.depth -= 1;
        }
        for leaf in empty {
            self.enter()?;
            member(out, start, &codec.plan.elements[g.leaves[leaf].element].key);
            out.extend_from_slice(b"[]");
            self.depth -= 1;
        }
        matcher.end(g).map_err(|m| {
            let message = self.misfit(g, &matcher, &m, &format!("{} ends too early", parent.local));
            fault(Kind::Structure, self.reader.position(), message)
        })
    }

    /// The place of the element just opened; the matcher has taken the step.
    fn find(&self, g: &PlanGroup, matcher: &mut Matcher, local: &str, at: usize) -> Result<usize, Failed> {
        let namespace = self.reader.scanner.namespace();
        let elements = &self.codec.plan.elements;
        let is = |leaf: usize| {
            let e = &elements[g.leaves[leaf].element];
            &*e.local == local && &*e.namespace == namespace
        };
        // Nearly always it is the same again or one of the next.
        let from = matcher.last().map_or(0, |l| l.0);
        let near = (from..g.leaves.len().min(from + 4)).find(|l| is(*l));
        if let Some(leaf) = near
            && matcher.step(g, leaf).is_ok()
        {
            return Ok(leaf);
        }
        let candidates = g.by_local.get(local).map_or(&[][..], Vec::as_slice);
        let mut first = None;
        for leaf in candidates.iter().copied().filter(|l| is(*l)) {
            match matcher.step(g, leaf) {
                Ok(()) => return Ok(leaf),
                Err(m) => _ = first.get_or_insert(m),
            }
        }
        let name = clip(local);
        let message = match (first, candidates.first()) {
            (Some(misfit), _) => self.misfit(g, matcher, &misfit, &format!("{name} may not stand here")),
            (None, Some(leaf)) => {
                let wanted = &elements[g.leaves[*leaf].element].namespace;
                format!("{name} was expected in {}, it is in {}", space(wanted), space(&clip(namespace)))
            }
            (None, None) => self.misfit(g, matcher, &Misfit::Late, &format!("{name} is not known here")),
        };
        Err(fault(Kind::Structure, at, message).under(|| format!("/{name}")))
    }

    fn misfit(&self, g: &PlanGroup, matcher: &Matcher, misfit: &Misfit, what: &str) -> String {
        let name =
            |leaf: &usize| g.leaves.get(*leaf).map_or("", |l| &*self.codec.plan.elements[l.element].local);
        match misfit {
            Misfit::Many => format!("{what}: there are too many of them"),
            Misfit::Missing(leaf) => format!("{what}: {} was expected", name(leaf)),
            Misfit::Excluded(leaf) => {
                format!("{what}: {} is there, and only one of the two may be", name(leaf))
            }
            Misfit::Late => {
                let expected: Vec<_> = matcher.expected(g).iter().map(name).collect();
                let expected =
                    if expected.is_empty() { "nothing more".to_owned() } else { expected.join(" or ") };
                format!("{what}: {expected} was expected")
            }
        }
    }

    fn enter(&mut self) -> Result<(), Failed> {
        self.depth += 1;
        if self.depth > JSON_DEPTH_MAX {
            let message = format!("nested deeper than {JSON_DEPTH_MAX} arrays and objects as JSON");
            return Err(fault(Kind::Limit, self.reader.position(), message));
        }
        Ok(())
    }

    /// Takes the end of an element that has no content.
    fn nothing(&mut self) -> Result<(), Failed> {
        let raw = self.raw_text()?;
        if trim(&text::content(raw.1)).is_empty() {
            return Ok(());
        }
        Err(fault(Kind::Structure, raw.0, "an empty element was expected"))
    }

    /// The content of an element without elements, as written, and where it begins; takes its end.
    fn raw_text(&mut self) -> Result<(usize, &'a str), Failed> {
        let start = self.reader.scanner.position();
        loop {
            match self.reader.next()? {
                Some(Event::Close { .. }) | None => break,
                Some(Event::Open { local, at, .. }) => {
                    let message = format!("the element {} stands where only a value may", clip(local));
                    return Err(fault(Kind::Structure, at, message));
                }
                Some(_) => {}
            }
        }
        let raw = &self.reader.text[start..self.reader.scanner.position()];
        Ok((start, &raw[..memchr::memrchr(b'<', raw.as_bytes()).unwrap_or(raw.len())]))
    }

    fn simple(&mut self, e: &PlanElement, id: SimpleId, out: &mut Vec<u8>) -> Result<(), Failed> {
        let codec = self.codec;
        let (at, raw) = self.raw_text()?;
        let content = text::content(raw);
        let mut value: &str = &content;
        if value.is_empty()
            && let Some(default) = e.default.as_ref().or(e.fixed.as_ref())
        {
            value = default;
        }
        codec.value_to_json(id, value, e.fixed.as_deref(), out).map_err(|m| fault(Kind::Value, at, m))
    }

    /// What attributes of other vocabularies say, and that there are no unknown ones.
    fn marks(&self, e: &PlanElement, ty: Option<&PlanType>) -> Result<Marks, Failed> {
        let mut marks = Marks::default();
        for (a, namespace) in self.reader.scanner.attributes() {
            if a.declares() {
                continue;
            }
            let wrong =
                |kind, message: String| fault(kind, a.at, message).under(|| format!("/@{}", clip(a.local)));
            match (namespace, a.local) {
                (XSI, "nil") => {
                    marks.nil = self
                        .nil(a.value)
                        .ok_or_else(|| wrong(Kind::Value, "true or false was expected".into()))?
                }
                (XSI, "type") => {
                    self.check_type(e, &text::attribute(a.value)).map_err(|m| wrong(Kind::Unsupported, m))?
                }
                (XSI, "schemaLocation" | "noNamespaceSchemaLocation") => {}
                (MASK, "reason") => marks.hidden = a.value == "notPermitted",
                (namespace, local) => {
                    let known = ty.is_some_and(|t| {
                        t.attributes.iter().any(|b| &*b.local == local && &*b.namespace == namespace)
                    });
                    let foreign =
                        namespace != XSI && !self.codec.plan.namespaces.iter().any(|n| &*n.0 == namespace);
                    if !known && !foreign {
                        return Err(wrong(Kind::Structure, "this attribute is not known here".into()));
                    }
                }
            }
        }
        marks.hidden &= marks.nil;
        if marks.nil && !marks.hidden && !e.nillable {
            return Err(fault(
                Kind::Structure,
                self.reader.position(),
                "xsi:nil is not allowed for this element",
            ));
        }
        if marks.nil && !marks.hidden && e.fixed.is_some() {
            return Err(fault(
                Kind::Structure,
                self.reader.position(),
                "xsi:nil is not allowed for an element of fixed value",
            ));
        }
        Ok(marks)
    }

    fn nil(&self, value: &str) -> Option<bool> {
        match trim(&text::attribute(value)) {
            "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => None,
        }
    }

    /// `xsi:type` may only repeat the declared type.
    fn check_type(&self, e: &PlanElement, value: &str) -> Result<(), String> {
        let name = trim(value);
        let (prefix, local) = name.split_once(':').unwrap_or(("", name));
        let namespace = self.reader.scanner.meaning(prefix).unwrap_or_default();
        if self.codec.is_type(e.ty, namespace, local) {
            return Ok(());
        }
        Err(format!("the type {} stands in place of the declared one; this is not supported", clip(name)))
    }

    fn attributes(&self, ty: &PlanType, out: &mut Vec<u8>) -> Result<(), Failed> {
        let start = out.len() - 1;
        for declared in &ty.attributes {
            let same = |a: &(&lgsp_wire::xml::Attribute<'_>, &str)| {
                a.0.local == &*declared.local && a.1 == &*declared.namespace && !a.0.declares()
            };
            let found = self.reader.scanner.attributes().find(same);
            let (value, at) = match (found, declared.fixed.as_ref().or(declared.default.as_ref())) {
                (Some((a, _)), _) => (text::attribute(a.value), a.at),
                (None, _) if declared.required => {
                    let message = format!("the attribute {} was expected", declared.local);
                    return Err(fault(Kind::Structure, self.reader.position(), message));
                }
                (None, Some(value)) => (std::borrow::Cow::Borrowed(&**value), self.reader.position()),
                (None, None) => continue,
            };
            member(out, start, &declared.key);
            let fixed = declared.fixed.as_deref();
            let written = self.codec.value_to_json(declared.ty, &value, fixed, out);
            written.map_err(|m| fault(Kind::Value, at, m).under(|| format!("/@{}", declared.local)))?;
        }
        Ok(())
    }
}

/// Begins a member of the object that was opened at `start`.
fn member(out: &mut Vec<u8>, start: usize, key: &str) {
    if out.len() > start + 1 {
        out.push(b',');
    }
    out.extend_from_slice(key.as_bytes());
}

fn step(e: &PlanElement, n: Option<u32>) -> String {
    n.map_or_else(|| format!("/{}", e.local), |n| format!("/{}[{n}]", e.local))
}

fn space(namespace: &str) -> String {
    if namespace.is_empty() { "no namespace".into() } else { format!("the namespace {namespace:?}") }
}
