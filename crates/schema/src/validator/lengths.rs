//! Lengths of text outside ASCII: the library counts bytes where the standard counts characters (part 2, section 4.3.1), so that what it
//! says is too long is counted again here.

use std::collections::{HashMap, HashSet};
use uppsala::{Document, NodeKind, ValidationError};

/// The texts of elements of whose length something was said, by their places.
pub(super) struct Lengths(HashMap<(usize, usize), Vec<String>>);

impl Lengths {
    /// The texts outside ASCII of the elements that the errors are about.
    pub fn of(document: &Document<'_>, errors: &[ValidationError]) -> Self {
        let place = |e: &ValidationError| Some((e.line?, e.column?));
        let wanted: HashSet<_> =
            errors.iter().filter(|e| said(&e.message).is_some()).filter_map(place).collect();
        let mut texts: HashMap<_, Vec<String>> = HashMap::new();
        if wanted.is_empty() {
            return Self(texts);
        }
        for node in document.descendants(document.root()) {
            let Some(NodeKind::Element(element)) = document.node_kind(node) else { continue };
            let at = (document.node_line(node), document.node_column(node));
            if wanted.contains(&at) {
                let all = texts.entry(at).or_default();
                all.push(document.text_content_deep(node));
                all.extend(element.attributes.iter().map(|a| a.value.to_string()));
                all.retain(|t| !t.is_ascii());
            }
        }
        Self(texts)
    }

    /// Whether the value has the right length after all.
    pub fn satisfied(&self, error: &ValidationError) -> bool {
        let (Some(line), Some(column)) = (error.line, error.column) else { return false };
        let Some((bytes, wanted, exact)) = said(&error.message) else { return false };
        let texts = self.0.get(&(line, column)).into_iter().flatten();
        texts.flat_map(|t| [t.clone(), t.split_whitespace().collect::<Vec<_>>().join(" ")]).any(|text| {
            let count = text.chars().count();
            text.len() == bytes && if exact { count == wanted } else { count <= wanted }
        })
    }
}

/// What a message says: the length counted, the one wanted, and whether it must be just that.
fn said(message: &str) -> Option<(usize, usize, bool)> {
    let rest = message.split_once("Value length ")?.1;
    let (bytes, rest) = rest.split_once(' ')?;
    let (wanted, exact) =
        match (rest.strip_prefix("exceeds maxLength "), rest.strip_prefix("does not match length ")) {
            (Some(wanted), _) => (wanted, false),
            (_, Some(wanted)) => (wanted, true),
            _ => return None,
        };
    let wanted: String = wanted.chars().take_while(char::is_ascii_digit).collect();
    Some((bytes.parse().ok()?, wanted.parse().ok()?, exact))
}
