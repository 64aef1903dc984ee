//! One message from one form into another. Reading is in `multipart`, `xml` and `json`, writing in `sink`; here is what must wait for what.

use super::json::JsonScanner;
use super::multipart::{MultipartReader, PartEvent};
use super::sink::Sink;
use super::transfer::Transfer;
use super::xml::{Frame, Token, XmlScanner};
use super::{AttachFault, AttachmentPlan, Base64Encoder, Document, Form, PartHead, Step};
use super::{is_boundary, multipart_boundary};
use bytes::Bytes;
use std::mem::take;
use std::sync::Arc;

/// References and attachments of one message: parts are bounded too, and what is inside the document should not be endless either.
const ATTACHMENTS_MAX: usize = 10_000;

/// A conversion under way. Holds: the head of a part; the document, where the source has attachments behind it and the sink inside it;
/// `inline_below` bytes of an attachment. Everything else passes through.
#[derive(Debug)]
pub struct Converter {
    plan: Arc<AttachmentPlan>,
    source: Form,
    reader: Option<MultipartReader>,
    scanner: Scanner,
    sink: Sink,
    part: Part,
    document: Stage,
    document_len: usize,
    refs: Vec<Ref>,
    /// Attachments that came before the document (form-data).
    early: Vec<(String, PartHead, usize)>,
    /// The next reference whose place in the document is reached, where the sink is the document alone.
    next: usize,
    /// The document behind the last reference.
    tail: Vec<u8>,
    slot: Slot,
    ids: usize,
    out: Vec<u8>,
    steps: Vec<Step>,
}

#[derive(Debug)]
enum Scanner {
    Xml(XmlScanner),
    Json(JsonScanner),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Before,
    Inside,
    After,
}

/// A reference in the document, or an attachment that was taken out of it.
#[derive(Debug)]
struct Ref {
    /// The part's name in the source.
    name: String,
    /// In the sink.
    new: String,
    binary: Option<usize>,
    frame: Frame,
    /// The document before it, where that is held.
    before: Vec<u8>,
    seen: bool,
    /// Set aside under this number.
    spooled: Option<usize>,
}

/// The part that is being read.
#[derive(Debug)]
enum Part {
    None,
    Document,
    /// An attachment: how it is decoded, where it goes, its length.
    Binary(Transfer, Target, u64),
}

#[derive(Debug)]
enum Target {
    /// Into a part of its own.
    Part,
    /// Into the document: this reference.
    Inside(Base64Encoder, usize),
    /// Set aside.
    Spool(usize),
}

/// The attachment inside the document that is being read.
#[derive(Debug)]
enum Slot {
    None,
    /// Too short yet to be taken out.
    Held(usize, Frame, Vec<u8>),
    /// Written as base64; its length.
    Inside(Base64Encoder, Frame, u64),
    /// Taken out; its length.
    Spool(usize, u64),
}

impl Converter {
    /// A conversion of a message with this content type. `boundary` is for the output: at least 24 random characters, so that no data has it.
    pub fn new(
        plan: Arc<AttachmentPlan>,
        document: Document,
        source: Form,
        content_type: &str,
        sink: Form,
        boundary: &str,
    ) -> Result<Self, AttachFault> {
        plan.check(document, source, sink)?;
        if sink != Form::Inline && (!is_boundary(boundary) || boundary.contains(' ')) {
            return Err(AttachFault::Boundary);
        }
        let reader = match source {
            Form::Inline => None,
            Form::FormData => Some(multipart_boundary(content_type, "multipart/form-data")?),
            _ => Some(multipart_boundary(content_type, "multipart/related")?),
        };
        let paths = plan.binaries.iter().map(|b| b.path.clone());
        let scanner = match document {
            Document::Xml => Scanner::Xml(XmlScanner::new(source, paths)),
            Document::Json => Scanner::Json(JsonScanner::new(source, paths)),
        };
        let start = crate::media::MediaType::parse(content_type).ok();
        let start = start.as_ref().and_then(|m| m.parameter("start")).map(|s| super::bare_id(s).to_owned());
        Ok(Self {
            reader: reader.as_deref().map(MultipartReader::new).transpose()?,
            scanner,
            sink: Sink::new(sink, document, boundary),
            part: Part::None,
            document: Stage::Before,
            document_len: 0,
            refs: Vec::new(),
            early: start
                .filter(|_| matches!(source, Form::Xop | Form::SwaRef | Form::Href))
                .map(Self::start)
                .into_iter()
                .collect(),
            next: 0,
            tail: Vec::new(),
            slot: Slot::None,
            ids: 0,
            out: Vec::new(),
            steps: Vec::new(),
            plan,
            source,
        })
    }

    /// `start` of multipart/related: the part that must be the first. Kept where early parts are, which that form has none of.
    fn start(id: String) -> (String, PartHead, usize) {
        (id, PartHead::default(), usize::MAX)
    }

    /// The content type of the output.
    pub fn content_type(&self) -> String {
        self.sink.content_type(&self.plan)
    }

    /// Takes the next bytes; what they lead to, in order.
    pub fn push(&mut self, input: &[u8]) -> Result<Vec<Step>, AttachFault> {
        match &mut self.reader {
            None => self.document_bytes(input)?,
            Some(reader) => {
                let mut events = Vec::new();
                reader.push(input, &mut events)?;
                events.into_iter().try_for_each(|e| self.event(e))?;
            }
        }
        Ok(self.hand_over())
    }

    /// Says that there are no more bytes.
    pub fn finish(&mut self) -> Result<Vec<Step>, AttachFault> {
        match &mut self.reader {
            None => self.document_end()?,
            Some(reader) => {
                let mut events = Vec::new();
                reader.finish(&mut events)?;
                events.into_iter().try_for_each(|e| self.event(e))?;
            }
        }
        if self.document != Stage::After {
            return Err(AttachFault::Root("it is missing"));
        }
        if let Some(missing) = self.refs.iter().find(|r| !r.seen) {
            return Err(AttachFault::Missing(crate::clip(&missing.name)));
        }
        let tail = take(&mut self.tail);
        self.out.extend_from_slice(&tail);
        self.out.extend_from_slice(self.sink.end().as_bytes());
        Ok(self.hand_over())
    }

    /// Bytes held at the moment.
    pub fn held(&self) -> usize {
        let scanner = match &self.scanner {
            Scanner::Xml(s) => s.held(),
            Scanner::Json(s) => s.held(),
        };
        let slot = if let Slot::Held(_, _, data) = &self.slot { data.len() } else { 0 };
        let refs: usize = self.refs.iter().map(|r| r.before.len() + r.frame.open.len()).sum();
        self.reader.as_ref().map_or(0, MultipartReader::held) + scanner + slot + refs + self.tail.len()
    }

    fn hand_over(&mut self) -> Vec<Step> {
        self.flush();
        take(&mut self.steps)
    }

    fn flush(&mut self) {
        if !self.out.is_empty() {
            self.steps.push(Step::Bytes(Bytes::from(take(&mut self.out))));
        }
    }

    fn step(&mut self, step: Step) {
        self.flush();
        self.steps.push(step);
    }

    fn spool(&mut self, name: &str) -> usize {
        let id = self.ids;
        self.ids += 1;
        self.step(Step::NeedsSpool { id, name: name.to_owned() });
        id
    }

    fn event(&mut self, event: PartEvent) -> Result<(), AttachFault> {
        match event {
            PartEvent::Head(head) => self.part_begins(head),
            PartEvent::Data(data) if matches!(self.part, Part::Document) => self.document_bytes(&data),
            PartEvent::Data(data) => self.part_data(&data),
            PartEvent::End => self.part_ends(),
        }
    }

    fn part_begins(&mut self, head: PartHead) -> Result<(), AttachFault> {
        let related = self.source != Form::FormData;
        let field = head.field.as_deref();
        if !related && field.is_none() {
            return Err(AttachFault::ContentType("form-data"));
        }
        let is_document = if related {
            self.document == Stage::Before
        } else {
            field == Some(self.plan.document_field.as_str())
        };
        if is_document {
            if self.document != Stage::Before {
                return Err(AttachFault::Twice(self.plan.document_field.clone()));
            }
            self.check_root(&head)?;
            self.part = Part::Document;
            return Ok(());
        }
        let name = if related { head.content_id.clone() } else { head.field.clone() };
        let name = name.ok_or_else(|| AttachFault::Unused("(no Content-ID)".into()))?;
        let transfer = Transfer::of(head.encoding.as_deref())?;
        self.sink.fresh();
        let target = if self.document == Stage::After {
            self.arrive(&name, &head)?
        } else {
            if self.early.iter().any(|(n, ..)| *n == name) {
                return Err(AttachFault::Twice(crate::clip(&name)));
            }
            let id = self.spool(&name);
            self.early.push((name, head, id));
            Target::Spool(id)
        };
        self.part = Part::Binary(transfer, target, 0);
        Ok(())
    }

    /// The part with the document must be what the content type says, and its bytes the document itself.
    fn check_root(&mut self, head: &PartHead) -> Result<(), AttachFault> {
        if self.source != Form::FormData {
            let start = self.early.pop();
            if start.is_some_and(|(id, ..)| Some(id.as_str()) != head.content_id.as_deref()) {
                return Err(AttachFault::Root("start names another part"));
            }
        }
        if !matches!(head.encoding.as_deref(), None | Some("8bit" | "7bit" | "binary")) {
            return Err(AttachFault::Root("its Content-Transfer-Encoding must be 8bit or binary"));
        }
        let content_type = head.content_type.as_deref().unwrap_or_default();
        crate::xml::check_charset(content_type)
            .map_err(|_| AttachFault::Root("its charset must be UTF-8"))?;
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        let xop = essence.eq_ignore_ascii_case("application/xop+xml");
        if xop != (self.source == Form::Xop) {
            return Err(AttachFault::Root("its Content-Type is not that of the form"));
        }
        Ok(())
    }

    /// A part comes after the document: where it goes.
    fn arrive(&mut self, name: &str, head: &PartHead) -> Result<Target, AttachFault> {
        let at = self.refs.iter().position(|r| r.name == name);
        let at = at.ok_or_else(|| AttachFault::Unused(crate::clip(name)))?;
        if take_seen(&mut self.refs[at]) {
            return Err(AttachFault::Twice(crate::clip(name)));
        }
        if self.sink.packaged() {
            self.write_head(at, head);
            return Ok(Target::Part);
        }
        if at == self.next {
            self.before(at);
            return Ok(Target::Inside(Base64Encoder::default(), at));
        }
        let id = self.spool(name);
        self.refs[at].spooled = Some(id);
        Ok(Target::Spool(id))
    }

    fn write_head(&mut self, at: usize, head: &PartHead) {
        let binary = self.refs[at].binary.map(|b| &self.plan.binaries[b]);
        let stated = head.content_type.as_deref().filter(|t| crate::media::MediaType::parse(t).is_ok());
        let content_type = stated.or(binary.map(|b| b.content_type.as_str()));
        let file_name = binary.and_then(|b| b.file_name.as_deref());
        let text =
            self.sink.part(&self.refs[at].new, content_type.unwrap_or("application/octet-stream"), file_name);
        self.out.extend_from_slice(text.as_bytes());
    }

    /// Writes the document up to where a reference's content begins.
    fn before(&mut self, at: usize) {
        let before = take(&mut self.refs[at].before);
        self.out.extend_from_slice(&before);
        let lead = self.sink.lead(&self.refs[at].frame);
        self.out.extend_from_slice(&lead);
    }

    /// Writes what stands behind a reference's content, and the ones after it that were set aside.
    fn behind(&mut self, at: usize) {
        let close = self.sink.close(&self.refs[at].frame);
        self.out.extend_from_slice(&close);
        self.next = at + 1;
    }

    fn ready(&mut self) {
        while let Some(id) = self.refs.get(self.next).and_then(|r| r.spooled) {
            let at = self.next;
            self.before(at);
            self.step(Step::Insert { id, base64: true });
            self.behind(at);
        }
    }

    fn part_data(&mut self, data: &[u8]) -> Result<(), AttachFault> {
        let mut part = std::mem::replace(&mut self.part, Part::None);
        if let Part::Binary(transfer, target, len) = &mut part {
            let mut decoded = Vec::with_capacity(data.len());
            transfer.push(data, &mut decoded)?;
            *len += decoded.len() as u64;
            self.limit(*len)?;
            match target {
                Target::Part => {
                    self.sink.check(&decoded)?;
                    self.out.extend_from_slice(&decoded);
                }
                Target::Inside(encoder, _) => encoder.push(&decoded, &mut self.out),
                Target::Spool(id) => {
                    self.sink.check(&decoded)?;
                    self.step(Step::Spool { id: *id, bytes: Bytes::from(decoded) });
                }
            }
        }
        self.part = part;
        Ok(())
    }

    fn limit(&self, len: u64) -> Result<(), AttachFault> {
        let max = self.plan.binary_max;
        if len > max { Err(AttachFault::BinarySize(max)) } else { Ok(()) }
    }

    fn part_ends(&mut self) -> Result<(), AttachFault> {
        match std::mem::replace(&mut self.part, Part::None) {
            Part::None => {}
            Part::Document => self.document_end()?,
            Part::Binary(transfer, target, _) => {
                transfer.finish()?;
                match target {
                    Target::Part => self.out.extend_from_slice(b"\r\n"),
                    Target::Spool(_) => {}
                    Target::Inside(mut encoder, at) => {
                        encoder.finish(&mut self.out);
                        self.behind(at);
                        self.ready();
                    }
                }
            }
        }
        Ok(())
    }

    fn document_bytes(&mut self, bytes: &[u8]) -> Result<(), AttachFault> {
        self.document_begins();
        let tokens = match &mut self.scanner {
            Scanner::Xml(s) => s.push(bytes)?,
            Scanner::Json(s) => s.push(bytes)?,
        };
        tokens.into_iter().try_for_each(|t| self.token(t))
    }

    fn document_begins(&mut self) {
        if self.document == Stage::Before {
            self.document = Stage::Inside;
            let root = self.sink.root(&self.plan);
            self.out.extend_from_slice(root.as_bytes());
        }
    }

    fn document_end(&mut self) -> Result<(), AttachFault> {
        self.document_begins();
        match &self.scanner {
            Scanner::Xml(s) => s.finish()?,
            Scanner::Json(s) => s.finish()?,
        }
        self.document = Stage::After;
        if self.sink.packaged() {
            self.out.extend_from_slice(b"\r\n");
        }
        for at in 0..self.refs.len() {
            if let Some(id) = self.refs[at].spooled {
                self.insert_part(at, &PartHead::default(), id);
            }
        }
        for (name, head, id) in take(&mut self.early) {
            let at = self.refs.iter().position(|r| r.name == name);
            let at = at.ok_or_else(|| AttachFault::Unused(crate::clip(&name)))?;
            take_seen(&mut self.refs[at]);
            if self.sink.packaged() {
                self.insert_part(at, &head, id);
            } else {
                self.refs[at].spooled = Some(id);
            }
        }
        if !self.sink.packaged() {
            self.ready();
        }
        Ok(())
    }

    fn insert_part(&mut self, at: usize, head: &PartHead, id: usize) {
        self.write_head(at, head);
        self.step(Step::Insert { id, base64: false });
        self.out.extend_from_slice(b"\r\n");
    }

    fn token(&mut self, token: Token) -> Result<(), AttachFault> {
        match token {
            Token::Doc(bytes) => {
                self.document_len += bytes.len();
                if self.document_len > self.plan.document_max {
                    return Err(AttachFault::DocumentSize(self.plan.document_max));
                }
                if self.sink.packaged() || self.source == Form::Inline {
                    self.write(&bytes)
                } else {
                    self.tail.extend_from_slice(&bytes);
                    Ok(())
                }
            }
            Token::Slot(binary, frame) => self.slot_begins(binary, frame),
            Token::Data(data) => self.slot_data(data),
            Token::SlotEnd => self.slot_ends(),
            Token::Ref(binary, frame, name) => {
                if self.refs.iter().any(|r| r.name == name) {
                    return Err(AttachFault::Twice(crate::clip(&name)));
                }
                let at = self.reference(binary, frame, name)?;
                if self.sink.packaged() { self.write_reference(at) } else { Ok(()) }
            }
        }
    }

    /// Document bytes go out.
    fn write(&mut self, bytes: &[u8]) -> Result<(), AttachFault> {
        self.sink.check(bytes)?;
        self.out.extend_from_slice(bytes);
        Ok(())
    }

    fn write_reference(&mut self, at: usize) -> Result<(), AttachFault> {
        let text = self.sink.reference(&self.refs[at].frame, &self.refs[at].new)?;
        self.write(&text)
    }

    /// Notes a reference, under a name of the sink's.
    fn reference(&mut self, binary: Option<usize>, frame: Frame, name: String) -> Result<usize, AttachFault> {
        if self.refs.len() == ATTACHMENTS_MAX {
            return Err(AttachFault::Bound("the number of attachments"));
        }
        let at = self.refs.len();
        let new = match (self.sink.form, binary) {
            (Form::FormData, None) => return Err(AttachFault::Undeclared(crate::clip(&name))),
            (Form::FormData, Some(b)) => {
                let field = &self.plan.binaries[b].field;
                match self.refs.iter().filter(|r| r.binary == Some(b)).count() {
                    0 => field.clone(),
                    n => format!("{field}.{}", n + 1),
                }
            }
            _ => format!("part{}@lgsp", at + 1),
        };
        let before = take(&mut self.tail);
        self.refs.push(Ref { name, new, binary, frame, before, seen: false, spooled: None });
        Ok(at)
    }

    fn slot_begins(&mut self, binary: usize, frame: Frame) -> Result<(), AttachFault> {
        self.slot = if self.sink.packaged() {
            Slot::Held(binary, frame, Vec::new())
        } else {
            let lead = self.sink.lead(&frame);
            self.write(&lead)?;
            Slot::Inside(Base64Encoder::default(), frame, 0)
        };
        Ok(())
    }

    fn slot_data(&mut self, data: Vec<u8>) -> Result<(), AttachFault> {
        self.slot = match std::mem::replace(&mut self.slot, Slot::None) {
            Slot::None => Slot::None,
            Slot::Inside(mut encoder, frame, len) => {
                let len = len + data.len() as u64;
                self.limit(len)?;
                encoder.push(&data, &mut self.out);
                Slot::Inside(encoder, frame, len)
            }
            Slot::Spool(id, len) => {
                let len = len + data.len() as u64;
                self.limit(len)?;
                self.sink.check(&data)?;
                self.step(Step::Spool { id, bytes: Bytes::from(data) });
                Slot::Spool(id, len)
            }
            Slot::Held(binary, frame, mut held) => {
                held.extend_from_slice(&data);
                if held.len() < self.plan.inline_below {
                    Slot::Held(binary, frame, held)
                } else {
                    self.take_out(binary, frame, held)?
                }
            }
        };
        Ok(())
    }

    /// An attachment is long enough for a part of its own.
    fn take_out(&mut self, binary: usize, frame: Frame, held: Vec<u8>) -> Result<Slot, AttachFault> {
        let len = held.len() as u64;
        self.limit(len)?;
        let at = self.reference(Some(binary), frame, String::new())?;
        self.write_reference(at)?;
        let name = self.refs[at].new.clone();
        let id = self.spool(&name);
        let reference = &mut self.refs[at];
        (reference.spooled, reference.seen) = (Some(id), true);
        self.sink.fresh();
        self.sink.check(&held)?;
        self.step(Step::Spool { id, bytes: Bytes::from(held) });
        Ok(Slot::Spool(id, len))
    }

    fn slot_ends(&mut self) -> Result<(), AttachFault> {
        match std::mem::replace(&mut self.slot, Slot::None) {
            Slot::None => {}
            Slot::Spool(..) => self.sink.fresh(),
            Slot::Inside(mut encoder, frame, _) => {
                encoder.finish(&mut self.out);
                let close = self.sink.close(&frame);
                self.write(&close)?;
            }
            // Too short for a part; also what is empty.
            Slot::Held(_, frame, held) => {
                let mut text = self.sink.lead(&frame);
                let mut encoder = Base64Encoder::default();
                encoder.push(&held, &mut text);
                encoder.finish(&mut text);
                text.extend_from_slice(&self.sink.close(&frame));
                self.write(&text)?;
            }
        }
        Ok(())
    }
}

/// Marks a reference; whether it was marked before.
fn take_seen(reference: &mut Ref) -> bool {
    std::mem::replace(&mut reference.seen, true)
}
