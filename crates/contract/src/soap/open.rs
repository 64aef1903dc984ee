//! Envelopes opened: the one element of the body as a document of its own. Building envelopes is here too. Not here: what the body means.

use lgsp_schema::model::QName;
use lgsp_wire::soap::SoapVersion;
use lgsp_wire::xml::{Event, Scanner, XmlError, XmlFault};
use std::ops::Range;

/// An opened envelope.
#[derive(Debug, Clone)]
pub struct Opened<'a> {
    /// By the envelope's namespace.
    pub version: SoapVersion,
    /// The bytes of the Header with its tags; none: no header.
    pub header: Option<Range<usize>>,
    /// The body's one element; none: the body is empty.
    pub body: Option<BodyElement>,
    text: &'a str,
}

/// The element in a body.
#[derive(Debug, Clone)]
pub struct BodyElement {
    /// Its name.
    pub name: QName,
    /// Its bytes.
    pub range: Range<usize>,
    /// Where its tag's name ends.
    name_end: usize,
    /// Declarations of Envelope and Body that it does not repeat itself: prefix and value as written, with its quotes' content escaped.
    around: Vec<(String, String)>,
}

impl Opened<'_> {
    /// The body's element as a document of its own: with the namespaces that were declared around it.
    pub fn document(&self) -> Option<Vec<u8>> {
        let body = self.body.as_ref()?;
        let mut out = String::with_capacity(body.range.len() + 64 * body.around.len());
        out.push_str(&self.text[body.range.start..body.name_end]);
        for (prefix, value) in &body.around {
            let colon = if prefix.is_empty() { "" } else { ":" };
            // As written, it may hold the other quote.
            let quote = if value.contains('"') { '\'' } else { '"' };
            out.extend([" xmlns", colon, prefix, "="]);
            out.push(quote);
            out.push_str(value);
            out.push(quote);
        }
        out.push_str(&self.text[body.name_end..body.range.end]);
        Some(out.into_bytes())
    }

    /// Whether the body is a fault.
    pub fn is_fault(&self) -> bool {
        let fault =
            |b: &BodyElement| &*b.name.local == "Fault" && &*b.name.namespace == self.version.namespace();
        self.body.as_ref().is_some_and(fault)
    }
}

/// Opens an envelope as strictly as [`lgsp_wire::soap::inspect`], but for an empty body, which answers may have.
pub fn open(bytes: &[u8]) -> Result<Opened<'_>, XmlFault> {
    let mut scanner = Scanner::new(bytes)?;
    let text = scanner.text();
    let wrong = |why: &str, at: usize| XmlFault { what: XmlError::NotSoap(why.into()), at };
    let (mut version, mut header, mut in_body, mut body) = (None, None, false, None::<BodyElement>);
    let mut around: Vec<(String, String)> = Vec::new();
    while let Some(event) = scanner.next()? {
        match event {
            Event::Open { depth: 1, local, at } => {
                let of = |v: &SoapVersion| v.namespace() == scanner.namespace();
                version =
                    [SoapVersion::V11, SoapVersion::V12].into_iter().find(of).filter(|_| local == "Envelope");
                if version.is_none() {
                    return Err(wrong("the root element is not an Envelope of SOAP 1.1 or 1.2", at));
                }
                declared(&scanner, &mut around);
            }
            Event::Open { depth: 2, local, at } => {
                if version.is_none_or(|v| v.namespace() != scanner.namespace()) {
                    return Err(wrong("the Envelope holds an element that is not SOAP's", at));
                }
                match local {
                    "Header" if header.is_none() && !in_body => header = Some(at..at),
                    "Body" if !in_body => {
                        in_body = true;
                        declared(&scanner, &mut around);
                    }
                    _ => return Err(wrong("its parts must be one optional Header, then one Body", at)),
                }
            }
            Event::Open { depth: 3, local, at } if in_body => {
                if body.is_some() {
                    return Err(wrong("its Body has more than one element", at));
                }
                body = Some(element(&scanner, local, at, std::mem::take(&mut around)));
            }
            Event::Close { depth: 3 } if in_body => {
                if let Some(body) = &mut body {
                    body.range.end = scanner.position();
                }
            }
            Event::Close { depth: 2 } if !in_body => {
                if let Some(header) = &mut header {
                    header.end = scanner.position();
                }
            }
            Event::Instruction { at } => return Err(wrong("it has a processing instruction", at)),
            Event::Text { depth: 1, at } => return Err(wrong("there is text in the Envelope", at)),
            _ => {}
        }
    }
    match version {
        Some(version) if in_body => Ok(Opened { version, header, body, text }),
        Some(_) => Err(wrong("it has no Body", bytes.len())),
        None => Err(wrong("it has no Envelope", bytes.len())),
    }
}

/// Adds the declarations of the element opened last; inner ones take the place of outer ones.
fn declared(scanner: &Scanner<'_>, around: &mut Vec<(String, String)>) {
    for (attribute, _) in scanner.attributes().filter(|(a, _)| a.declares()) {
        let prefix = if attribute.prefix.is_empty() { "" } else { attribute.local };
        around.retain(|(p, _)| p != prefix);
        around.push((prefix.to_owned(), attribute.value.to_owned()));
    }
}

fn element(scanner: &Scanner<'_>, local: &str, at: usize, mut around: Vec<(String, String)>) -> BodyElement {
    for (attribute, _) in scanner.attributes().filter(|(a, _)| a.declares()) {
        let prefix = if attribute.prefix.is_empty() { "" } else { attribute.local };
        around.retain(|(p, _)| p != prefix);
    }
    let tag = &scanner.text()[at + 1..];
    let name_len = tag.find([' ', '\t', '\n', '\r', '/', '>']).unwrap_or(tag.len());
    BodyElement {
        name: QName::new(scanner.namespace(), local),
        range: at..at,
        name_end: at + 1 + name_len,
        around,
    }
}

/// An envelope around header blocks and a body, each XML that declares its own namespaces and has no XML declaration.
pub fn envelope(version: SoapVersion, headers: &[Vec<u8>], body: &[u8]) -> Vec<u8> {
    let inner: usize = headers.iter().map(Vec::len).sum::<usize>() + body.len();
    let mut out = Vec::with_capacity(inner + 256);
    out.extend_from_slice(b"<?xml version=\"1.0\" encoding=\"utf-8\"?><soap:Envelope xmlns:soap=\"");
    out.extend_from_slice(version.namespace().as_bytes());
    out.extend_from_slice(b"\">");
    if !headers.is_empty() {
        out.extend_from_slice(b"<soap:Header>");
        headers.iter().for_each(|h| out.extend_from_slice(h));
        out.extend_from_slice(b"</soap:Header>");
    }
    out.extend_from_slice(b"<soap:Body>");
    out.extend_from_slice(body);
    out.extend_from_slice(b"</soap:Body></soap:Envelope>");
    out
}
