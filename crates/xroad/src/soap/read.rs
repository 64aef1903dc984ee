//! Reading envelopes. The guard of `lgsp-wire` has accepted the bytes before the fields are taken out, so two parsers agree about them.

use super::{
    CentralServiceId, Field, Header, IDENTIFIERS, Message, Places, RequestHash, SoapError, VALUE_MAX, XROAD,
};
use crate::id::{ClientId, RepresentedParty, ServerId, ServiceId, check};
use lgsp_wire::soap::{self, ENVELOPE_11, SoapVersion};
use lgsp_wire::xml::{XmlError, XmlFault};
use quick_xml::NsReader;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::ResolveResult;

/// A header field as it was found: its elements and its text.
#[derive(Default)]
struct Raw {
    text: String,
    /// Local names of the elements in it, with their texts.
    children: Vec<(String, String)>,
    object_type: Option<String>,
    algorithm: Option<String>,
    /// Something the field's type does not have.
    odd: bool,
}

struct Reader<'a> {
    xml: NsReader<&'a [u8]>,
    /// Bytes before the text that is read: a byte order mark.
    skipped: usize,
    depth: usize,
    in_header: bool,
    /// The field being read, and where it begins.
    field: Option<(Field, usize)>,
    raw: Raw,
    fields: Vec<(Field, Raw)>,
    places: Places,
    /// The elements directly inside the body's element, for `getWsdl`.
    wanted: Vec<(String, String)>,
    wants: bool,
}

pub(super) fn message(envelope: &[u8]) -> Result<Message, SoapError> {
    let found = soap::inspect(envelope)?;
    if found.version != SoapVersion::V11 {
        return Err(SoapError::Version);
    }
    let bare = envelope.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(envelope);
    let mut xml = NsReader::from_reader(bare);
    xml.config_mut().expand_empty_elements = true;
    let mut reader = Reader {
        xml,
        skipped: envelope.len() - bare.len(),
        depth: 0,
        in_header: false,
        field: None,
        raw: Raw::default(),
        fields: Vec::new(),
        places: Places::default(),
        wanted: Vec::new(),
        wants: found.body_element == "getWsdl" && found.body_namespace == XROAD,
    };
    reader.run(envelope)?;
    let wanted = |name: &str| reader.wanted.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone());
    let wanted = wanted("serviceCode").map(|code| (code, wanted("serviceVersion")));
    Ok(Message {
        header: header(reader.fields)?,
        body_namespace: found.body_namespace,
        body_element: found.body_element,
        wanted,
        places: reader.places,
    })
}

impl Reader<'_> {
    fn run(&mut self, envelope: &[u8]) -> Result<(), SoapError> {
        loop {
            let before = self.position();
            let event = self.xml.read_event().map_err(|_| disagreement(before))?;
            match event {
                Event::Start(tag) => self.start(&tag, before, envelope)?,
                Event::End(_) => self.end(before),
                Event::Text(text) => {
                    let text = text.xml10_content().map_err(|_| disagreement(before))?;
                    self.text(&text);
                }
                Event::CData(text) => {
                    let text = text.xml10_content().map_err(|_| disagreement(before))?;
                    self.text(&text);
                }
                Event::GeneralRef(r) => match r.resolve_char_ref().map_err(|_| disagreement(before))? {
                    Some(c) => self.text(c.encode_utf8(&mut [0; 4])),
                    None => {
                        let name = r.decode().map_err(|_| disagreement(before))?;
                        let text = quick_xml::escape::resolve_predefined_entity(&name);
                        self.text(text.ok_or_else(|| disagreement(before))?);
                    }
                },
                Event::Eof => return Ok(()),
                _ => {}
            }
        }
    }

    fn position(&self) -> usize {
        self.skipped + usize::try_from(self.xml.buffer_position()).unwrap_or(usize::MAX)
    }

    fn start(&mut self, tag: &BytesStart<'_>, at: usize, envelope: &[u8]) -> Result<(), SoapError> {
        self.depth += 1;
        // What is in the body is not read here, and its namespaces are its own.
        if self.depth <= 2 || self.in_header {
            no_references(tag)?;
        }
        let (namespace, local) = self.xml.resolver().resolve_element(tag.name());
        let namespace = match namespace {
            ResolveResult::Bound(n) => n.into_inner(),
            _ => b"",
        };
        let local = std::str::from_utf8(local.into_inner()).unwrap_or_default();
        match self.depth {
            1 => {
                let name = String::from_utf8_lossy(tag.name().into_inner()).into_owned();
                self.places.prefix = name.strip_suffix("Envelope").unwrap_or_default().to_owned();
            }
            2 if namespace == ENVELOPE_11.as_bytes() && local == "Header" => {
                self.in_header = true;
                self.places.header_tag = Some(at..self.position());
            }
            2 => self.places.body = at,
            3 if self.in_header => {
                let ours = |f: &Field| f.name() == local && f.namespace().as_bytes() == namespace;
                self.field = Field::ALL.into_iter().find(ours).map(|f| (f, at));
                self.raw = Raw::default();
                self.attributes(tag)?;
            }
            4 if self.field.is_some() => {
                let expected = self.field.is_some_and(|(f, _)| child_namespace(f).as_bytes() == namespace);
                self.raw.odd |= !expected;
                self.raw.children.push((local.to_owned(), String::new()));
            }
            4 if self.wants && namespace == XROAD.as_bytes() => {
                self.wanted.push((local.to_owned(), String::new()));
            }
            5 => self.raw.odd = true,
            _ => {}
        }
        debug_assert!(at <= envelope.len());
        Ok(())
    }

    fn attributes(&mut self, tag: &BytesStart<'_>) -> Result<(), SoapError> {
        for attribute in tag.attributes() {
            let attribute = attribute.map_err(|_| disagreement(0))?;
            let (namespace, local) = self.xml.resolver().resolve_attribute(attribute.key);
            let value =
                || attribute.unescape_value().map(std::borrow::Cow::into_owned).map_err(|_| disagreement(0));
            match (namespace, local.into_inner()) {
                (ResolveResult::Bound(n), b"objectType") if n.into_inner() == IDENTIFIERS.as_bytes() => {
                    self.raw.object_type = Some(value()?);
                }
                (ResolveResult::Unbound, b"algorithmId") => self.raw.algorithm = Some(value()?),
                _ => {}
            }
        }
        Ok(())
    }

    fn end(&mut self, at: usize) {
        if self.depth == 3
            && let Some((field, start)) = self.field.take()
        {
            if field == Field::RequestHash {
                self.places.hashes.push(start..self.position());
            }
            self.fields.push((field, std::mem::take(&mut self.raw)));
        }
        if self.depth == 2 && self.in_header {
            self.in_header = false;
            self.places.header_end = Some(at);
        }
        self.depth -= 1;
    }

    fn text(&mut self, text: &str) {
        match self.depth {
            3 if self.field.is_some() => self.raw.text.push_str(text),
            4 if self.field.is_some() => {
                if let Some((_, value)) = self.raw.children.last_mut() {
                    value.push_str(text);
                }
            }
            4 if self.wants && !self.in_header => {
                if let Some((_, value)) = self.wanted.last_mut() {
                    value.push_str(text.trim());
                }
            }
            _ => {}
        }
    }
}

fn child_namespace(field: Field) -> &'static str {
    if field == Field::RepresentedParty { super::REPRESENTATION } else { IDENTIFIERS }
}

/// The two parsers do not agree: nothing is decided on it.
fn disagreement(at: usize) -> SoapError {
    SoapError::Xml(XmlFault { what: XmlError::Markup("this cannot be read for certain"), at })
}

fn no_references(tag: &BytesStart<'_>) -> Result<(), SoapError> {
    let refers = |a: quick_xml::events::attributes::Attribute<'_>| {
        a.key.into_inner().starts_with(b"xmlns") && a.value.iter().any(|b| b"&\t\r\n".contains(b))
    };
    if tag.attributes().flatten().any(refers) { Err(SoapError::Namespace) } else { Ok(()) }
}

fn header(fields: Vec<(Field, Raw)>) -> Result<Option<Header>, SoapError> {
    let order: Vec<Field> = fields.iter().map(|(f, _)| *f).collect();
    if order.is_empty() {
        return Ok(None);
    }
    for (i, field) in order.iter().enumerate() {
        if order[..i].contains(field) {
            return Err(SoapError::Duplicate(field.name()));
        }
    }
    let find = |wanted: Field| fields.iter().find(|(f, _)| *f == wanted).map(|(_, raw)| raw);
    let value = |field: Field| find(field).map(|raw| text(field, raw)).transpose();
    let client = find(Field::Client).ok_or(SoapError::Missing("client"))?;
    let id = value(Field::Id)?.ok_or(SoapError::Missing("id"))?;
    let protocol_version = value(Field::ProtocolVersion)?.ok_or(SoapError::Missing("protocolVersion"))?;
    // Versions with the same major number are compatible (2.2).
    if protocol_version != "4" && !protocol_version.starts_with("4.") {
        return Err(SoapError::Protocol(crate::clip(&protocol_version)));
    }
    Ok(Some(Header {
        client: client_id(client)?,
        service: find(Field::Service).map(service_id).transpose()?,
        central_service: find(Field::CentralService).map(central_id).transpose()?,
        id,
        user_id: value(Field::UserId)?,
        issue: value(Field::Issue)?,
        protocol_version,
        request_hash: find(Field::RequestHash).map(request_hash).transpose()?,
        security_server: find(Field::SecurityServer).map(server_id).transpose()?,
        represented_party: find(Field::RepresentedParty).map(party).transpose()?,
        order,
    }))
}

fn text(field: Field, raw: &Raw) -> Result<String, SoapError> {
    let value = raw.text.trim();
    if raw.odd || !raw.children.is_empty() {
        return Err(SoapError::Shape(field.name()));
    }
    if value.is_empty() || value.len() > VALUE_MAX || value.chars().any(char::is_control) {
        return Err(SoapError::Value(field.name()));
    }
    Ok(value.to_owned())
}

/// The texts of a field's elements. They must be these, in this order, each at most once; a `?` marks those that may be absent.
fn parts<const N: usize>(
    field: Field,
    raw: &Raw,
    types: &[&str],
    names: [&str; N],
) -> Result<[Option<String>; N], SoapError> {
    let name = field.name();
    let fits = raw.object_type.as_deref().is_some_and(|t| types.contains(&t)) || types.is_empty();
    if raw.odd || !fits || !raw.text.trim().is_empty() {
        return Err(SoapError::Shape(name));
    }
    let mut children = raw.children.iter().peekable();
    let mut out = [const { None }; N];
    for (slot, wanted) in out.iter_mut().zip(names) {
        let (wanted, optional) = wanted.strip_suffix('?').map_or((wanted, false), |w| (w, true));
        match children.next_if(|(n, _)| n == wanted) {
            Some((_, value)) => {
                let value = value.trim();
                check(value, "it").map_err(|why| SoapError::Id { field: name, why })?;
                *slot = Some(value.to_owned());
            }
            None if optional => {}
            None => return Err(SoapError::Shape(name)),
        }
    }
    if children.next().is_some() { Err(SoapError::Shape(name)) } else { Ok(out) }
}

fn client_id(raw: &Raw) -> Result<ClientId, SoapError> {
    let names = ["xRoadInstance", "memberClass", "memberCode", "subsystemCode?"];
    let [i, c, m, subsystem] = parts(Field::Client, raw, &["MEMBER", "SUBSYSTEM"], names)?;
    let id = client_of([i, c, m], subsystem, Field::Client)?;
    // The type says which of the two it is; what contradicts itself has two readings.
    if raw.object_type.as_deref() == Some(id.object_type()) {
        Ok(id)
    } else {
        Err(SoapError::Shape("client"))
    }
}

fn client_of(
    parts: [Option<String>; 3],
    subsystem: Option<String>,
    field: Field,
) -> Result<ClientId, SoapError> {
    let [Some(instance), Some(class), Some(member)] = parts else {
        return Err(SoapError::Shape(field.name()));
    };
    Ok(ClientId { instance, class, member, subsystem })
}

fn service_id(raw: &Raw) -> Result<ServiceId, SoapError> {
    let names =
        ["xRoadInstance", "memberClass", "memberCode", "subsystemCode?", "serviceCode", "serviceVersion?"];
    let [i, c, m, subsystem, service, version] = parts(Field::Service, raw, &["SERVICE"], names)?;
    let provider = client_of([i, c, m], subsystem, Field::Service)?;
    let service = service.ok_or(SoapError::Shape("service"))?;
    Ok(ServiceId { provider, service, version })
}

fn central_id(raw: &Raw) -> Result<CentralServiceId, SoapError> {
    let names = ["xRoadInstance", "serviceCode"];
    match parts(Field::CentralService, raw, &["CENTRALSERVICE"], names)? {
        [Some(instance), Some(service)] => Ok(CentralServiceId { instance, service }),
        _ => Err(SoapError::Shape("centralService")),
    }
}

fn server_id(raw: &Raw) -> Result<ServerId, SoapError> {
    let names = ["xRoadInstance", "memberClass", "memberCode", "serverCode"];
    match parts(Field::SecurityServer, raw, &["SERVER"], names)? {
        [Some(instance), Some(class), Some(member), Some(server)] => {
            Ok(ServerId { instance, class, member, server })
        }
        _ => Err(SoapError::Shape("securityServer")),
    }
}

fn party(raw: &Raw) -> Result<RepresentedParty, SoapError> {
    match parts(Field::RepresentedParty, raw, &[], ["partyClass?", "partyCode"])? {
        [class, Some(code)] => Ok(RepresentedParty { class, code }),
        _ => Err(SoapError::Shape("representedParty")),
    }
}

fn request_hash(raw: &Raw) -> Result<RequestHash, SoapError> {
    let algorithm = raw.algorithm.clone().ok_or(SoapError::Shape("requestHash"))?;
    let uri = algorithm.len() <= VALUE_MAX && algorithm.bytes().all(|b| b.is_ascii_graphic());
    if !uri || !raw.children.is_empty() || raw.text.len() > 1024 {
        return Err(SoapError::Shape("requestHash"));
    }
    let value: String = raw.text.split_ascii_whitespace().collect();
    if value.is_empty() || !value.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=".contains(&b)) {
        return Err(SoapError::Shape("requestHash"));
    }
    Ok(RequestHash { algorithm, value })
}
