//! Namespaces in XML 1.0: which prefix means what where. Bindings borrow from the document unless a reference must be expanded.

use super::NAMESPACES_MAX;
use super::chars::{self, is_space};
use super::fault::{XmlError, XmlFault};
use std::borrow::Cow;

const XML: &str = "http://www.w3.org/XML/1998/namespace";
const XMLNS: &str = "http://www.w3.org/2000/xmlns/";

/// A namespace: an index into the table of bindings, always the lowest with this name, so that equal indexes are equal names.
pub(super) type Namespace = Option<usize>;

struct Binding<'a> {
    /// Empty for the default namespace.
    prefix: &'a str,
    name: Cow<'a, str>,
    /// The first binding with the same name.
    first: usize,
    /// The depth of the element that declares it.
    depth: usize,
}

/// The bindings in scope, innermost last.
pub(super) struct Bindings<'a>(Vec<Binding<'a>>);

impl<'a> Bindings<'a> {
    pub(super) fn new() -> Self {
        Self(vec![Binding { prefix: "xml", name: Cow::Borrowed(XML), first: 0, depth: 0 }])
    }

    /// Takes a declaration (`prefix` is empty for `xmlns="..."`); `at` is where its value begins.
    pub(super) fn declare(
        &mut self,
        prefix: &'a str,
        value: &'a str,
        depth: usize,
        at: usize,
    ) -> Result<(), XmlFault> {
        let name = normalized(value, at)?;
        let xml_fits = (prefix == "xml") == (name == XML);
        if prefix == "xmlns" || !xml_fits || name == XMLNS || (!prefix.is_empty() && name.is_empty()) {
            return Err(XmlError::BadBinding(crate::clip(prefix)).at(at));
        }
        if self.0.len() > NAMESPACES_MAX {
            return Err(XmlError::Namespaces.at(at));
        }
        let here = self.0.len();
        let first = self.0.iter().position(|b| b.name == name).unwrap_or(here);
        self.0.push(Binding { prefix, name, first, depth });
        Ok(())
    }

    /// Forgets what elements at this depth and below declared.
    pub(super) fn leave(&mut self, depth: usize) {
        while self.0.last().is_some_and(|b| b.depth >= depth && depth > 0) {
            self.0.pop();
        }
    }

    /// What a prefix means here; for the empty prefix, the default namespace.
    pub(super) fn resolve(&self, prefix: &str, at: usize) -> Result<Namespace, XmlFault> {
        match self.0.iter().rev().find(|b| b.prefix == prefix) {
            Some(b) if b.name.is_empty() => Ok(None),
            Some(b) => Ok(Some(b.first)),
            None if prefix.is_empty() => Ok(None),
            None => Err(XmlError::UnboundPrefix(crate::clip(prefix)).at(at)),
        }
    }

    /// The namespace's name; empty for none.
    pub(super) fn name(&self, namespace: Namespace) -> &str {
        namespace.and_then(|i| self.0.get(i)).map_or("", |b| &b.name)
    }
}

/// An attribute's value as XML 3.3.3 normalizes it: references expanded, white space as spaces.
fn normalized(value: &str, at: usize) -> Result<Cow<'_, str>, XmlFault> {
    if !value.bytes().any(|b| b == b'&' || (is_space(b) && b != b' ')) {
        return Ok(Cow::Borrowed(value));
    }
    let mut out = String::with_capacity(value.len());
    let mut i = 0;
    while let Some(c) = value[i..].chars().next() {
        i += match c {
            '&' => {
                let (c, len) = chars::reference(value, i).map_err(|f| f.what.at(at + i))?;
                out.push(c);
                len
            }
            '\t' | '\n' => {
                out.push(' ');
                1
            }
            // A line end of two characters is one space (2.11).
            '\r' => {
                out.push(' ');
                1 + usize::from(value[i + 1..].starts_with('\n'))
            }
            c => {
                out.push(c);
                c.len_utf8()
            }
        };
    }
    Ok(Cow::Owned(out))
}
