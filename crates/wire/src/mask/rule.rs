//! Rules as they are declared: JSON pointers (RFC 6901) with `*`, and a small part of XPath 1.0. Not here: finding what they name.

use super::{MaskError, RULE_MAX, STEPS_MAX};
use crate::xml::ncname_len;

/// A JSON pointer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pointer {
    /// The rule's place in the list.
    pub(super) rule: usize,
    /// From the outermost value on.
    pub(super) tokens: Vec<Token>,
}

/// A step of a JSON pointer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// Any member or element.
    Any,
    /// The member of this name, or the element of this index where the name is one.
    Name(String, Option<usize>),
}

/// A path into XML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Path {
    /// The rule's place in the list.
    pub(super) rule: usize,
    /// From the root on. At most [`STEPS_MAX`]; only the last may name an attribute.
    pub(super) steps: Vec<Step>,
}

/// A step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    /// After `//`: at any depth below.
    pub(super) anywhere: bool,
    /// An attribute of what the steps before found.
    pub(super) attribute: bool,
    /// The namespace; none for any.
    pub(super) namespace: Option<String>,
    /// The local name; none for any.
    pub(super) local: Option<String>,
}

impl Step {
    pub(super) fn names(&self, namespace: &str, local: &str) -> bool {
        self.local.as_deref().is_none_or(|l| l == local)
            && self.namespace.as_deref().is_none_or(|n| n == namespace)
    }
}

/// Reads a rule in every way it can be read.
pub(super) fn read(index: usize, rule: &str) -> Result<(Option<Pointer>, Option<Path>), MaskError> {
    let wrong = |why| MaskError::Rule { rule: crate::clip(rule), why };
    if rule.len() > RULE_MAX {
        return Err(wrong("it is too long"));
    }
    if !rule.is_empty() && !rule.starts_with('/') {
        return Err(wrong("it must begin with /"));
    }
    // An empty member name before the last step, or a namespace: only XPath can be meant.
    let pointer = if rule.contains("//") || rule.contains('{') { Err("") } else { pointer(rule) };
    let path = path(rule);
    match (pointer, path) {
        (Err(""), Err(why)) | (Err(why), Err(_)) => Err(wrong(why)),
        (pointer, path) => Ok((
            pointer.ok().map(|tokens| Pointer { rule: index, tokens }),
            path.ok().map(|steps| Path { rule: index, steps }),
        )),
    }
}

fn pointer(rule: &str) -> Result<Vec<Token>, &'static str> {
    // What only XPath has would be a member's name that nobody has, and the rule would hide nothing without a word.
    let foreign = rule.contains(['[', ']', '|']) || rule.contains("::") || rule.contains("()");
    if foreign || rule.split('/').any(|part| part == "." || part == "..") {
        return Err("predicates, functions, axes, unions and . are not read; write * for any element");
    }
    let mut tokens = Vec::new();
    for part in rule.split('/').skip(1) {
        let token = match part {
            "*" => Token::Any,
            _ => {
                let name = unescaped(part).ok_or("after ~ only 0 or 1 may stand (RFC 6901)")?;
                let index = index(&name);
                Token::Name(name, index)
            }
        };
        tokens.push(token);
    }
    if tokens.len() > STEPS_MAX { Err("it has too many steps") } else { Ok(tokens) }
}

/// RFC 6901, section 4: `~1` is a slash, `~0` a tilde.
fn unescaped(part: &str) -> Option<String> {
    let mut out = String::with_capacity(part.len());
    let mut chars = part.chars();
    while let Some(c) = chars.next() {
        out.push(match c {
            '~' => match chars.next()? {
                '0' => '~',
                '1' => '/',
                _ => return None,
            },
            c => c,
        });
    }
    Some(out)
}

/// An index without leading zeros.
fn index(name: &str) -> Option<usize> {
    let plain = name == "0" || !name.starts_with('0');
    if plain && name.bytes().all(|b| b.is_ascii_digit()) { name.parse().ok() } else { None }
}

fn path(rule: &str) -> Result<Vec<Step>, &'static str> {
    if rule.is_empty() {
        return Err("an XPath begins with /");
    }
    let mut steps: Vec<Step> = Vec::new();
    let mut rest = rule;
    while let Some(after) = rest.strip_prefix('/') {
        let (anywhere, after) = match after.strip_prefix('/') {
            Some(after) => (true, after),
            None => (false, after),
        };
        if steps.last().is_some_and(|s| s.attribute) {
            return Err("an attribute must be the last step");
        }
        let (step, after) = step(anywhere, after)?;
        steps.push(step);
        rest = after;
    }
    if !rest.is_empty() {
        return Err("a step is a name, prefix:name, {namespace}name, * or @ and one of these");
    }
    match &steps[..] {
        [only] if only.attribute && !only.anywhere => Err("an attribute needs an element before it"),
        steps if steps.len() > STEPS_MAX => Err("it has too many steps"),
        _ => Ok(steps),
    }
}

fn step(anywhere: bool, text: &str) -> Result<(Step, &str), &'static str> {
    let (attribute, text) = match text.strip_prefix('@') {
        Some(text) => (true, text),
        None => (false, text),
    };
    if let Some(text) = text.strip_prefix('{') {
        let (namespace, text) = text.split_once('}').ok_or("a namespace ends with }")?;
        let (local, rest) = local(text)?;
        return Ok((Step { anywhere, attribute, namespace: Some(namespace.to_owned()), local }, rest));
    }
    let (first, rest) = local(text)?;
    let (local, rest) = match rest.strip_prefix(':') {
        // No table says what a prefix means here, so it may mean every namespace: too much is hidden rather than too little.
        Some(after) => local(after)?,
        None => (first, rest),
    };
    Ok((Step { anywhere, attribute, namespace: None, local }, rest))
}

/// A name, or `*` for any.
fn local(text: &str) -> Result<(Option<String>, &str), &'static str> {
    if let Some(rest) = text.strip_prefix('*') {
        return Ok((None, rest));
    }
    match ncname_len(text) {
        0 => Err("a step is a name, prefix:name, {namespace}name, * or @ and one of these"),
        len => Ok((Some(text[..len].to_owned()), &text[len..])),
    }
}
