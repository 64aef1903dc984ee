//! Whether bytes are XML the platform accepts: well-formed XML 1.0 with namespaces, in UTF-8, without DOCTYPE, within bounds.
//! Not here: documents as trees. The scanner is in `scan`, the grammar of names and references in `chars`.

mod chars;
mod declaration;
mod fault;
mod names;
mod scan;

pub use chars::{is_char, ncname_len, reference};
pub use fault::{XmlError, XmlFault};
pub use scan::{Attribute, Event, Scanner};

/// Namespace declarations that may be in scope at one element: far above any national interface; keeps the lookup of a prefix cheap.
pub const NAMESPACES_MAX: usize = 256;

/// Accepts well-formed XML 1.0 with namespaces in UTF-8 (with or without a byte order mark) that has no DOCTYPE, uses no entities but
/// the five predefined ones and character references, and stays within [`lgsp_kernel::bounds`].
///
/// Stricter than many parsers on purpose: what is ambiguous here might mean one thing to the platform and another to a provider.
pub fn guard(bytes: &[u8]) -> Result<(), XmlFault> {
    let mut scanner = Scanner::new(bytes)?;
    while scanner.next()?.is_some() {}
    Ok(())
}

/// Refuses a content type whose `charset` is not UTF-8 (or its subset US-ASCII), by name: a provider that believed the header would
/// read other characters than the platform did.
pub fn check_charset(content_type: &str) -> Result<(), XmlFault> {
    let wrong = |name: &String| !declaration::is_utf8_name(name);
    match parameters(content_type, "charset").find(wrong) {
        Some(name) => Err(XmlError::Encoding(crate::clip(&name)).at(0)),
        None => Ok(()),
    }
}

/// The values of a content type's parameters of this name, their quotes removed. Quoted strings may contain `;`; what is no
/// parameter is passed over.
pub(crate) fn parameters<'a>(content_type: &'a str, wanted: &'a str) -> impl Iterator<Item = String> + 'a {
    let mut rest = content_type.split_once(';').map(|(_, r)| r);
    std::iter::from_fn(move || {
        loop {
            let (name, after) = rest.take()?.split_once('=')?;
            let after = after.trim_start();
            let (value, tail) = match after.strip_prefix('"') {
                Some(quoted) => crate::media::unquote(quoted)?,
                None => {
                    let end = after.find(';').unwrap_or(after.len());
                    (after[..end].trim().to_owned(), &after[end..])
                }
            };
            rest = tail.split_once(';').map(|(_, r)| r);
            let name = name.rsplit(';').next().unwrap_or_default();
            if name.trim().eq_ignore_ascii_case(wanted) {
                return Some(value);
            }
        }
    })
}

/// Appends text with the five characters escaped that markup reserves; what XML cannot carry at all becomes U+FFFD.
pub fn escape_into(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            // A bare carriage return would be read back as a line feed.
            '\r' => out.push_str("&#13;"),
            c if chars::is_char(u32::from(c)) => out.push(c),
            _ => out.push('\u{fffd}'),
        }
    }
}
