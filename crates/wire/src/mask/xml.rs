//! Hidden elements and attributes in XML. A hidden element stays, empty, with marks and without its attributes; a hidden attribute goes
//! and is named on its element.

use super::rule::{Path, Step};
use super::{MaskError, Masked, NAMESPACE, Rewrite};
use crate::xml::{Attribute, Event, Scanner, ncname_len};
use bytes::Bytes;
use std::fmt::Write;

/// The namespace of `xsi:nil`.
const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";
/// SOAP 1.2's encoding, whose `ref` is what `href` is in SOAP 1.1.
const ENCODING_12: &str = "http://www.w3.org/2003/05/soap-encoding";
/// The mark of a hidden element, and its value.
const REASON: (&str, &str) = ("reason", "notPermitted");
/// The attribute that names hidden attributes.
const ATTRIBUTES: &str = "notPermittedAttributes";

pub(super) fn apply(paths: &[Path], body: &Bytes) -> Result<Masked, MaskError> {
    let rules = paths.iter().map(|p| p.rule + 1).max().unwrap_or(0);
    let mut walk = Walk {
        paths,
        // Before the root, the first step of each path is to be found.
        awaited: vec![1; paths.len()],
        hidden: None,
        rewrite: Rewrite::new(body, rules),
    };
    let mut scanner = Scanner::new(body)?;
    while let Some(event) = scanner.next()? {
        match event {
            Event::Open { depth, local, at } => walk.open(&scanner, depth, local, at)?,
            Event::Close { depth } => walk.close(depth, scanner.position()),
            Event::Text { .. } | Event::Instruction { .. } => {}
        }
    }
    Ok(walk.rewrite.finish())
}

/// An element being left out: its depth, where it begins and what stands for it.
struct Hidden {
    depth: usize,
    start: usize,
    mark: String,
}

struct Walk<'a> {
    paths: &'a [Path],
    /// For each depth and each path, a bit for each step that the next element down may be.
    awaited: Vec<u64>,
    hidden: Option<Hidden>,
    rewrite: Rewrite<'a>,
}

impl Walk<'_> {
    fn open(&mut self, scanner: &Scanner<'_>, depth: usize, local: &str, at: usize) -> Result<(), MaskError> {
        refuse_references(scanner)?;
        if self.hidden.is_some() {
            return Ok(());
        }
        let n = self.paths.len();
        self.awaited.truncate(depth * n);
        let mut hide = false;
        for (i, path) in self.paths.iter().enumerate() {
            let above = self.awaited[(depth - 1) * n + i];
            let (below, found) = advance(path, above, scanner.namespace(), local);
            self.awaited.push(below);
            if found {
                hide = true;
                self.rewrite.met[path.rule] = true;
            }
        }
        if hide {
            self.rewrite.values += 1;
            let mark = element_mark(scanner, &self.rewrite.body[at..scanner.position()]);
            self.hidden = Some(Hidden { depth, start: at, mark });
        } else {
            self.attributes(scanner, depth);
        }
        Ok(())
    }

    fn close(&mut self, depth: usize, end: usize) {
        if let Some(hidden) = self.hidden.take_if(|h| h.depth == depth) {
            self.rewrite.replace(hidden.start, end, &hidden.mark);
        }
    }

    /// Takes hidden attributes off the element that was just opened.
    fn attributes(&mut self, scanner: &Scanner<'_>, depth: usize) {
        let n = self.paths.len();
        let mut gone: Vec<(usize, usize, String)> = Vec::new();
        let awaited = &self.awaited[depth * n..];
        let marked = scanner.attributes().any(|(a, ns)| is_reason(a, ns));
        for (attribute, namespace) in scanner.attributes().filter(|(a, _)| !a.declares()) {
            if is_mark(attribute, namespace, marked) {
                continue;
            }
            let mut hide = false;
            for (path, bits) in self.paths.iter().zip(awaited) {
                if attribute_step(path, *bits).is_some_and(|s| s.names(namespace, attribute.local)) {
                    self.rewrite.met[path.rule] = true;
                    hide = true;
                }
            }
            if hide {
                gone.push((attribute.at, attribute.end, qualified(attribute)));
            }
        }
        if gone.is_empty() {
            return;
        }
        self.rewrite.values += gone.len();
        let mut names: Vec<String> = gone.iter().map(|(_, _, name)| name.clone()).collect();
        let earlier = scanner.attributes().find(|(a, ns)| *ns == NAMESPACE && a.local == ATTRIBUTES);
        if let Some((earlier, _)) = earlier.filter(|(e, _)| gone.iter().all(|(at, _, _)| *at != e.at)) {
            names.extend(listed(earlier.value).unwrap_or_default().into_iter().map(str::to_owned));
            gone.push((earlier.at, earlier.end, String::new()));
        }
        gone.sort_unstable();
        names.sort_unstable();
        names.dedup();
        self.cut(scanner, &gone, &names.join(" "));
    }

    fn cut(&mut self, scanner: &Scanner<'_>, gone: &[(usize, usize, String)], names: &str) {
        let body = self.rewrite.body;
        for (start, end, _) in gone {
            // The white space before it goes too.
            let before = body[..*start].trim_ascii_end().len();
            self.rewrite.replace(before, *end, "");
        }
        let end = scanner.position();
        let end = end - if body[..end].ends_with(b"/>") { 2 } else { 1 };
        let mut mark = String::from(" ");
        let prefix = free_prefix(scanner);
        if scanner.meaning(&prefix).is_none() {
            let _ = write!(mark, "xmlns:{prefix}=\"{NAMESPACE}\" ");
        }
        let _ = write!(mark, "{prefix}:{ATTRIBUTES}=\"{names}\"");
        self.rewrite.replace(end, end, &mark);
    }
}

/// One element down: the steps awaited below it, and whether the path ends with it.
fn advance(path: &Path, above: u64, namespace: &str, local: &str) -> (u64, bool) {
    let (mut below, mut found, mut left) = (0, false, above);
    while left != 0 {
        let i = left.trailing_zeros() as usize;
        left &= left - 1;
        let Some(step) = path.steps.get(i) else { break };
        if step.anywhere {
            below |= 1 << i;
        }
        if !step.attribute && step.names(namespace, local) {
            match path.steps.get(i + 1) {
                Some(_) => below |= 1 << (i + 1),
                None => found = true,
            }
        }
    }
    (below, found)
}

/// The last step where it names an attribute of the element at hand.
fn attribute_step(path: &Path, awaited: u64) -> Option<&Step> {
    let last = path.steps.len() - 1;
    path.steps.last().filter(|s| s.attribute && awaited >> last & 1 == 1)
}

/// Values of SOAP's encoding may stand anywhere else: no path finds them for certain.
fn refuse_references(scanner: &Scanner<'_>) -> Result<(), MaskError> {
    for (a, namespace) in scanner.attributes() {
        let refers = match a.local {
            "href" => namespace.is_empty(),
            "ref" => namespace == ENCODING_12,
            _ => false,
        };
        // A reference of XML can hide the first character.
        let local = namespace == ENCODING_12 || a.value.trim_start().starts_with(['#', '&']);
        if refers && local {
            return Err(MaskError::Reference(a.at));
        }
    }
    Ok(())
}

/// The mark of an earlier pass on a hidden element.
fn is_reason(a: &Attribute<'_>, namespace: &str) -> bool {
    namespace == NAMESPACE && (a.local, a.value) == REASON
}

/// Marks are not hidden themselves: a second pass would lose what the first one says.
fn is_mark(a: &Attribute<'_>, namespace: &str, marked: bool) -> bool {
    match namespace {
        NAMESPACE => is_reason(a, namespace) || (a.local == ATTRIBUTES && listed(a.value).is_some()),
        XSI => marked && a.local == "nil" && a.value == "true",
        _ => false,
    }
}

/// The names in the mark of an earlier pass; none where it is no such mark but something else that a provider put there.
fn listed(value: &str) -> Option<Vec<&str>> {
    let is_name = |name: &&str| {
        let (prefix, local) = name.split_once(':').unwrap_or(("p", *name));
        [prefix, local].iter().all(|part| !part.is_empty() && ncname_len(part) == part.len())
    };
    let names: Vec<&str> = value.split(' ').collect();
    names.iter().all(is_name).then_some(names)
}

fn qualified(a: &Attribute<'_>) -> String {
    if a.prefix.is_empty() { a.local.to_owned() } else { format!("{}:{}", a.prefix, a.local) }
}

/// What stands for a hidden element: its name, the declaration of its own prefix where it brings one, the marks.
fn element_mark(scanner: &Scanner<'_>, tag: &[u8]) -> String {
    let tag = std::str::from_utf8(tag).unwrap_or("<hidden>");
    let name = tag[1..].split([' ', '\t', '\n', '\r', '/', '>']).next().unwrap_or_default();
    let prefix = name.split_once(':').map_or("", |(prefix, _)| prefix);
    let mut mark = format!("<{name}");
    for (a, _) in scanner.attributes().filter(|(a, _)| a.declares()) {
        let declared = if a.prefix.is_empty() { "" } else { a.local };
        if declared == prefix {
            let quote = if a.value.contains('"') { '\'' } else { '"' };
            let _ = write!(mark, " {}={quote}{}{quote}", qualified(a), a.value);
        }
    }
    // The element has no content: its own name is all that a declared prefix could disturb.
    let xsi = if prefix == "xsi" { "xsi1" } else { "xsi" };
    let ours = if prefix == "lgsp" { "lgsp1" } else { "lgsp" };
    let _ = write!(mark, " xmlns:{xsi}=\"{XSI}\" {xsi}:nil=\"true\" xmlns:{ours}=\"{NAMESPACE}\"");
    let _ = write!(mark, " {ours}:{}=\"{}\"/>", REASON.0, REASON.1);
    mark
}

/// A prefix that means [`NAMESPACE`] inside the element, or nothing so far: nothing in it changes its meaning.
fn free_prefix(scanner: &Scanner<'_>) -> String {
    let fits = |p: &String| scanner.meaning(p).is_none_or(|name| name == NAMESPACE);
    (0..).map(|i| if i == 0 { "lgsp".to_owned() } else { format!("lgsp{i}") }).find(fits).unwrap_or_default()
}
