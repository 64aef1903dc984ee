//! XML to JSON without a schema. Children are written as they come and put into their object when it ends.

use crate::codec::{CodecFaultKind as Kind, Failed, Limits, XmlReader, clip, fault, text};
use crate::value::trim;
use lgsp_kernel::bounds::JSON_DEPTH_MAX;
use lgsp_wire::xml::Event;

/// A child, or a text between children: its JSON in the output.
#[derive(Clone, Copy)]
struct Piece<'a> {
    /// None: a text.
    name: Option<&'a str>,
    from: usize,
    to: usize,
    /// A text of white space alone.
    blank: bool,
}

struct Generic<'a, 'r, 'o> {
    reader: &'r mut XmlReader<'a>,
    limits: Limits,
    out: &'o mut Vec<u8>,
    scratch: Vec<u8>,
    /// Of all elements open, innermost last.
    pieces: Vec<Piece<'a>>,
}

/// The root element was entered.
pub(super) fn document(reader: &mut XmlReader<'_>, limits: Limits, out: &mut Vec<u8>) -> Result<(), Failed> {
    let name = reader.name();
    out.push(b'{');
    text::json_string(out, name);
    out.push(b':');
    let mut g = Generic { reader, limits, out, scratch: Vec::new(), pieces: Vec::new() };
    let depth = g.element(name).map_err(|f| f.under(|| format!("/{}", clip(name))))?;
    g.bounded(depth + 1)?;
    g.out.push(b'}');
    Ok(())
}

impl<'a> Generic<'a, '_, '_> {
    /// The element just entered, to its end; how deep its JSON is.
    fn element(&mut self, name: &'a str) -> Result<usize, Failed> {
        if self.out.len() > self.limits.output_max {
            return Err(fault(
                Kind::Limit,
                self.reader.position(),
                "the message grows beyond its limit as JSON",
            ));
        }
        let (start, base) = (self.out.len(), self.pieces.len());
        let mut attributes = Vec::new();
        for (written, value) in self.reader.written_attributes() {
            attributes.push(if attributes.is_empty() { b'{' } else { b',' });
            text::json_string(&mut attributes, &format!("@{written}"));
            attributes.push(b':');
            text::json_string(&mut attributes, &text::attribute(value));
        }
        let mut depth = 0;
        let mut from = self.reader.position();
        loop {
            match self.reader.next()? {
                Some(Event::Open { at, .. }) => {
                    self.text(from, at);
                    let name = self.reader.name();
                    let begin = self.out.len();
                    depth =
                        depth.max(self.element(name).map_err(|f| f.under(|| format!("/{}", clip(name))))?);
                    self.bounded(depth)?;
                    self.pieces.push(Piece {
                        name: Some(name),
                        from: begin,
                        to: self.out.len(),
                        blank: false,
                    });
                    from = self.reader.position();
                }
                Some(Event::Close { .. }) | None => break,
                Some(_) => {}
            }
        }
        let end = self.reader.position();
        let tail = &self.reader.text()[from..end];
        self.text(from, from + memchr::memrchr(b'<', tail.as_bytes()).unwrap_or(tail.len()));
        debug_assert!(!name.is_empty());
        Ok(self.assemble(attributes, base, start) + depth)
    }

    fn text(&mut self, from: usize, to: usize) {
        let text = text::content(&self.reader.text()[from..to]);
        if !text.is_empty() {
            let begin = self.out.len();
            text::json_string(self.out, &text);
            self.pieces.push(Piece {
                name: None,
                from: begin,
                to: self.out.len(),
                blank: trim(&text).is_empty(),
            });
        }
    }

    /// Puts an element's pieces into its value; how much deeper it is than they.
    fn assemble(&mut self, attributes: Vec<u8>, base: usize, start: usize) -> usize {
        let mut own = self.pieces.split_off(base);
        let elements = own.iter().any(|p| p.name.is_some());
        if elements && own.iter().all(|p| p.name.is_some() || p.blank) {
            own.retain(|p| p.name.is_some());
        }
        let mixed = elements && (own.iter().any(|p| p.name.is_none()) || interleaved(&own));
        self.scratch.clear();
        let bare = attributes.is_empty();
        self.scratch.extend_from_slice(&attributes);
        let open = |scratch: &mut Vec<u8>| scratch.push(if scratch.is_empty() { b'{' } else { b',' });
        let mut deeper = 1;
        if !elements {
            let value = own.first().map_or(&b"\"\""[..], |p| &self.out[p.from..p.to]);
            if bare {
                self.scratch.extend_from_slice(value);
                deeper = 0;
            } else {
                if !own.is_empty() {
                    self.scratch.extend_from_slice(b",\"$\":");
                    self.scratch.extend_from_slice(value);
                }
                self.scratch.push(b'}');
            }
        } else if mixed {
            deeper = 3;
            open(&mut self.scratch);
            self.scratch.extend_from_slice(b"\"#\":[");
            for (i, p) in own.iter().enumerate() {
                if i > 0 {
                    self.scratch.push(b',');
                }
                if let Some(name) = p.name {
                    self.scratch.push(b'{');
                    text::json_string(&mut self.scratch, name);
                    self.scratch.push(b':');
                }
                self.scratch.extend_from_slice(&self.out[p.from..p.to]);
                if p.name.is_some() {
                    self.scratch.push(b'}');
                }
            }
            self.scratch.extend_from_slice(b"]}");
        } else {
            for run in own.chunk_by(|a, b| a.name == b.name) {
                open(&mut self.scratch);
                text::json_string(&mut self.scratch, run[0].name.unwrap_or_default());
                self.scratch.extend_from_slice(if run.len() > 1 { b":[" } else { b":" });
                for (i, p) in run.iter().enumerate() {
                    if i > 0 {
                        self.scratch.push(b',');
                    }
                    self.scratch.extend_from_slice(&self.out[p.from..p.to]);
                }
                if run.len() > 1 {
                    self.scratch.push(b']');
                    deeper = 2;
                }
            }
            self.scratch.push(b'}');
        }
        self.out.truncate(start);
        self.out.extend_from_slice(&self.scratch);
        deeper
    }

    fn bounded(&self, depth: usize) -> Result<(), Failed> {
        if depth <= JSON_DEPTH_MAX {
            return Ok(());
        }
        let message = format!("nested deeper than {JSON_DEPTH_MAX} arrays and objects as JSON");
        Err(fault(Kind::Limit, self.reader.position(), message))
    }
}

/// Whether a name comes again after another one.
fn interleaved(own: &[Piece<'_>]) -> bool {
    let mut seen = std::collections::HashSet::new();
    !own.chunk_by(|a, b| a.name == b.name).all(|run| seen.insert(run[0].name))
}
