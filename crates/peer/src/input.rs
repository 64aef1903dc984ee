//! `Signature-Input` in its canonical form (RFC 9421, section 4.1; RFC 9651, section 4.1): what a statement covers, and its parameters. Not here: what the
//! covered components say (`statement`).

use crate::bounds::COMPONENTS_MAX;
use crate::statement::StatementError;
use smallvec::SmallVec;
use std::fmt::Write;

/// One covered component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Component<'a> {
    /// A field's name in lower case, or a derived component's, which begins with `@`.
    pub name: &'a str,
    /// RFC 9421, section 2.1.3: its lines as byte sequences.
    pub bs: bool,
    /// RFC 9421, section 2.1.4: from the trailers.
    pub tr: bool,
}

/// The components of a statement.
pub type Components<'a> = SmallVec<[Component<'a>; 24]>;

/// What kind of message a statement is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tag {
    /// A request's head.
    Request,
    /// An answer's head.
    Answer,
    /// The trailers of a body that streams.
    Body,
}

impl Tag {
    /// The parameter's value.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Request => "lgsp-request",
            Self::Answer => "lgsp-answer",
            Self::Body => "lgsp-body",
        }
    }
}

/// A member `lgsp` of a `Signature-Input`, read.
#[derive(Debug, Clone)]
pub struct Input<'a> {
    /// What is covered, in the order of the statement.
    pub components: Components<'a>,
    /// When the statement was made, seconds since 1970.
    pub created: i64,
    /// The base64 SHA-256 of the delegation.
    pub keyid: &'a str,
    /// What it is of.
    pub tag: Tag,
    /// Until when it holds, seconds since 1970.
    pub expires: Option<i64>,
    /// Whether `alg` is given.
    pub alg: bool,
    /// The inner list with its parameters, as it stands in the statement's last line.
    pub list: &'a str,
}

/// Reads one `Signature-Input`.
pub fn read(text: &str) -> Result<Input<'_>, StatementError> {
    let list = text.strip_prefix("lgsp=").ok_or(StatementError::Input("its one member is lgsp"))?;
    let mut rest = Reader { rest: list };
    let components = rest.components()?;
    let mut input =
        Input { components, created: 0, keyid: "", tag: Tag::Body, expires: None, alg: false, list };
    let mut seen: SmallVec<[&str; 6]> = SmallVec::new();
    while !rest.rest.is_empty() {
        rest.take(";")?;
        let (name, after) =
            rest.rest.split_once('=').ok_or(StatementError::Input("a parameter has a value"))?;
        rest.rest = after;
        if seen.contains(&name) {
            return Err(StatementError::Input("a parameter stands twice"));
        }
        seen.push(name);
        match name {
            "created" => input.created = rest.integer()?,
            "expires" => input.expires = Some(rest.integer()?),
            "keyid" => input.keyid = rest.string()?,
            "tag" => input.tag = tag(rest.string()?)?,
            "nonce" => drop(rest.string()?),
            "alg" => match rest.string()? {
                "ed25519" => input.alg = true,
                _ => return Err(StatementError::Input("alg is ed25519")),
            },
            _ => return Err(StatementError::Input("a parameter is not known")),
        }
    }
    for needed in ["created", "keyid", "tag"] {
        if !seen.contains(&needed) {
            return Err(StatementError::Input("created, keyid and tag are needed"));
        }
    }
    Ok(input)
}

fn tag(text: &str) -> Result<Tag, StatementError> {
    [Tag::Request, Tag::Answer, Tag::Body]
        .into_iter()
        .find(|t| t.as_str() == text)
        .ok_or(StatementError::Input("the tag is not known"))
}

/// Writes the inner list with its parameters.
pub(crate) fn write(components: &[Component<'_>], created: i64, keyid: &str, tag: Tag) -> String {
    let mut text = String::with_capacity(components.len() * 24 + 128);
    text.push_str("lgsp=(");
    for (i, c) in components.iter().enumerate() {
        if i > 0 {
            text.push(' ');
        }
        write_component(&mut text, c);
    }
    let _ = write!(text, ");created={created};keyid=\"{keyid}\";tag=\"{}\"", tag.as_str());
    text
}

/// Writes a component's identifier.
pub(crate) fn write_component(text: &mut String, c: &Component<'_>) {
    text.push('"');
    text.push_str(c.name);
    text.push('"');
    if c.bs {
        text.push_str(";bs");
    }
    if c.tr {
        text.push_str(";tr");
    }
}

struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn take(&mut self, text: &'static str) -> Result<(), StatementError> {
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                Ok(())
            }
            None => Err(StatementError::Input("it is not in canonical form")),
        }
    }
    fn taken(&mut self, text: &'static str) -> bool {
        self.take(text).is_ok()
    }
    fn components(&mut self) -> Result<Components<'a>, StatementError> {
        let mut all = Components::new();
        self.take("(")?;
        if self.taken(")") {
            return Ok(all);
        }
        loop {
            let c = self.component()?;
            if all.len() == COMPONENTS_MAX {
                return Err(StatementError::Input("it covers too many components"));
            }
            if all.iter().any(|o: &Component<'_>| o.name == c.name && o.tr == c.tr) {
                return Err(StatementError::Twice(c.name.chars().take(64).collect()));
            }
            all.push(c);
            if self.taken(")") {
                return Ok(all);
            }
            self.take(" ")?;
        }
    }
    fn component(&mut self) -> Result<Component<'a>, StatementError> {
        let name = self.string()?;
        let letters = name.strip_prefix('@').unwrap_or(name);
        if letters.is_empty() || !letters.bytes().all(is_name_byte) {
            return Err(StatementError::Input("a component's name is in lower case"));
        }
        let bs = self.taken(";bs");
        let tr = self.taken(";tr");
        Ok(Component { name, bs, tr })
    }
    /// A string without escapes: none of ours needs one.
    fn string(&mut self) -> Result<&'a str, StatementError> {
        self.take("\"")?;
        let end = self.rest.find('"').ok_or(StatementError::Input("a string does not end"))?;
        let text = &self.rest[..end];
        if !text.bytes().all(|b| matches!(b, 0x20..=0x7e) && b != b'\\') {
            return Err(StatementError::Input("a string has a character that is not allowed"));
        }
        self.rest = &self.rest[end + 1..];
        Ok(text)
    }
    fn integer(&mut self) -> Result<i64, StatementError> {
        let bad = StatementError::Input("an integer has up to 15 digits and no leading zero");
        let end = self.rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(self.rest.len());
        let digits = &self.rest[..end];
        if digits.is_empty() || digits.len() > 15 || (digits.len() > 1 && digits.starts_with('0')) {
            return Err(bad);
        }
        self.rest = &self.rest[end..];
        digits.parse().map_err(|_| bad)
    }
}

/// RFC 9110, section 5.6.2, in lower case.
fn is_name_byte(b: u8) -> bool {
    b.is_ascii_lowercase() || b.is_ascii_digit() || b"!#$%&'*+-.^_`|~".contains(&b)
}

#[cfg(test)]
mod tests {
    use super::{Component, Tag, read, write};

    #[test]
    fn only_the_canonical_spelling_is_read() {
        let fine = r#"lgsp=("@method" "accept";bs);created=1;keyid="k";tag="lgsp-request""#;
        assert!(read(fine).is_ok());
        for bad in [
            "",
            "lgsp",
            "sig=()",
            r#"lgsp=( "@method");created=1;keyid="k";tag="lgsp-request""#,
            r#"lgsp=("@method"  "a");created=1;keyid="k";tag="lgsp-request""#,
            r#"lgsp=("@method" "@method");created=1;keyid="k";tag="lgsp-request""#,
            r#"lgsp=("a" "a";bs);created=1;keyid="k";tag="lgsp-request""#,
            r#"lgsp=("A");created=1;keyid="k";tag="lgsp-request""#,
            r#"lgsp=("a";sf);created=1;keyid="k";tag="lgsp-request""#,
            r#"lgsp=("a");created=01;keyid="k";tag="lgsp-request""#,
            r#"lgsp=("a");created=-1;keyid="k";tag="lgsp-request""#,
            r#"lgsp=("a");created=1; keyid="k";tag="lgsp-request""#,
            r#"lgsp=("a");created=1;created=1;keyid="k";tag="lgsp-request""#,
            r#"lgsp=("a");created=1;keyid="k""#,
            r#"lgsp=("a");created=1;keyid="k";tag="other""#,
            r#"lgsp=("a");created=1;keyid="k";tag="lgsp-request", sig=()"#,
            r#"lgsp=("a");created=1;keyid="k";tag="lgsp-request";x=1"#,
            r#"lgsp=("a");created=1;keyid="k\"";tag="lgsp-request""#,
            r#"lgsp=("a""#,
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let c = [
            Component { name: "@status", bs: false, tr: false },
            Component { name: "x", bs: true, tr: false },
            Component { name: "y", bs: false, tr: true },
        ];
        let text = write(&c, 17, "a+/=", Tag::Answer);
        let input = read(&text).unwrap();
        assert_eq!(input.components.as_slice(), c);
        assert_eq!((input.created, input.keyid, input.tag), (17, "a+/=", Tag::Answer));
    }
}
