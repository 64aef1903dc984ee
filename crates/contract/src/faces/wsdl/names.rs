//! Names of JSON members as names of XML elements, and names that are given once.

use std::collections::HashSet;
use std::fmt::Write as _;

/// An XML name without a colon that can be read back: each character that may not stand there is `_xHHHH_`, as in SQL/XML
/// (ISO 9075-14) and as .NET writes it. Different names stay different.
pub fn xml_name(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for (i, c) in name.char_indices() {
        let is_start = c.is_alphabetic() || c == '_';
        let is_escape = c == '_' && looks_escaped(&name[i..]);
        let allowed = is_start || (i > 0 && (c.is_numeric() && c.is_ascii() || "-.".contains(c)));
        if allowed && !is_escape && in_xml_name(c) {
            out.push(c);
        } else {
            let _ = write!(out, "_x{:04X}_", u32::from(c));
        }
    }
    if out.is_empty() { "_".into() } else { out }
}

/// Letters of XML 1.0, fifth edition, as far as `char` calls them letters: no letter outside the first plane, no multiplication sign.
fn in_xml_name(c: char) -> bool {
    c.is_ascii()
        || matches!(c, '\u{c0}'..='\u{d6}' | '\u{d8}'..='\u{f6}' | '\u{f8}'..='\u{131}' | '\u{134}'..='\u{13e}' | '\u{141}'..='\u{148}' | '\u{14a}'..='\u{17e}' | '\u{180}'..='\u{1c3}' | '\u{1cd}'..='\u{1f0}' | '\u{1f4}'..='\u{1f5}' | '\u{1fa}'..='\u{217}' | '\u{1ea0}'..='\u{1ef9}')
}

fn looks_escaped(text: &str) -> bool {
    let b = text.as_bytes();
    b.len() >= 7 && b[1] == b'x' && b[2..6].iter().all(u8::is_ascii_hexdigit) && b[6] == b'_'
}

/// Gives each name once: a second one gets a number.
#[derive(Debug, Default)]
pub struct Once(HashSet<String>);

impl Once {
    /// This name, or this name with a number.
    pub fn take(&mut self, name: &str) -> String {
        let mut given = name.to_owned();
        let mut n = 2;
        while !self.0.insert(given.clone()) {
            given = format!("{name}_{n}");
            n += 1;
        }
        given
    }
}

/// Text in an XML document.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' | '\n' | '\r' => {
                let _ = write!(out, "&#{};", u32::from(c));
            }
            c if c < ' ' || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::xml_name;

    #[test]
    fn names_stay_readable_and_different() {
        for (json, xml) in [
            ("họTên", "họTên"),
            ("first-name", "first-name"),
            ("2nd", "_x0032_nd"),
            ("a b", "a_x0020_b"),
            ("@id", "_x0040_id"),
            ("a:b", "a_x003A_b"),
            ("a_x0020_b", "a_x005F_x0020_b"),
            ("", "_"),
        ] {
            assert_eq!(xml_name(json), xml, "{json}");
        }
    }
}
