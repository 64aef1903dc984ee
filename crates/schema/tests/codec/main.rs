//! The codec by hand-made models: what is converted, what is refused, where a fault is said to be.
#![allow(clippy::unwrap_used)]

mod build;
mod property;
mod xsd;

use build::{Build, NS, attribute, element, group, place};
use lgsp_schema::codec::{Codec, CodecFault, CodecFaultKind, Limits, Prefixes, XmlReader};
use lgsp_schema::model::{Builtin, Content, Facets, JsonForm, QName, Term, TypeId, Variety};

/// TraCuu: HoVaTen+, SoDinhDanh?, (NgaySinh | (NamSinh, Thang?)), DiaChi? nillable with @loai and text, Ma* (list of int).
fn citizen() -> Codec {
    let mut b = Build::default();
    let s = b.string();
    let short =
        b.simple(Builtin::Token, JsonForm::String, Facets { max_length: Some(20), ..Facets::default() });
    let date = b.simple(Builtin::Date, JsonForm::String, Facets::default());
    let year = b.simple(
        Builtin::Int,
        JsonForm::Number,
        Facets { min_inclusive: Some("1900".into()), ..Facets::default() },
    );
    let long = b.simple(Builtin::Long, JsonForm::String, Facets::default());
    let ints = b.full(Builtin::String, JsonForm::String, Facets::default(), Variety::List(year));
    let address = b.complex(vec![attribute("loai", short)], Content::Simple(s));
    let mut dia_chi = element("DiaChi", TypeId::Complex(address));
    dia_chi.nillable = true;
    let born = group(
        1,
        Term::Choice(vec![
            place(1, Some(1), element("NgaySinh", TypeId::Simple(date))),
            group(
                1,
                Term::Sequence(vec![
                    place(1, Some(1), element("NamSinh", TypeId::Simple(year))),
                    place(0, Some(1), element("Thang", TypeId::Simple(year))),
                ]),
            ),
        ]),
    );
    let content = Term::Sequence(vec![
        place(1, None, element("HoVaTen", TypeId::Simple(short))),
        place(0, Some(1), element("SoDinhDanh", TypeId::Simple(long))),
        born,
        place(0, Some(1), dia_chi),
        place(0, None, element("Ma", TypeId::Simple(ints))),
    ]);
    let ty = b.complex(vec![attribute("id", long)], Content::Group(group(1, content)));
    b.root(element("TraCuu", TypeId::Complex(ty)));
    b.codec()
}

fn root(codec: &Codec) -> lgsp_schema::codec::ElementId {
    codec.element(&QName::new(NS, "TraCuu")).unwrap()
}

fn to_json(codec: &Codec, xml: &str) -> Result<String, CodecFault> {
    let out = codec.xml_to_json(root(codec), xml.as_bytes(), Limits::default())?;
    Ok(String::from_utf8(out).unwrap())
}

fn to_xml(codec: &Codec, json: &str) -> Result<String, CodecFault> {
    let out = codec.json_to_xml(root(codec), json.as_bytes(), Prefixes::Prefixed, Limits::default())?;
    Ok(String::from_utf8(out).unwrap())
}

fn inside(content: &str) -> String {
    format!(
        r#"<TraCuu xmlns="{NS}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">{content}</TraCuu>"#
    )
}

#[test]
fn xml_becomes_json_by_the_schema() {
    let codec = citizen();
    let xml = format!(
        r#"<?xml version="1.0"?><d:TraCuu xmlns:d="{NS}" id=" 7 "><!-- a --><d:HoVaTen> Nguyễn  &amp; A </d:HoVaTen><d:HoVaTen><![CDATA[B"]]></d:HoVaTen>
        <d:SoDinhDanh>001234567890</d:SoDinhDanh><d:NamSinh>+01990</d:NamSinh><d:DiaChi loai="x"> a
b</d:DiaChi><d:Ma>1990 1991</d:Ma><d:Ma/></d:TraCuu>"#
    );
    let json = r#"{"@id":"7","HoVaTen":["Nguyễn & A","B\""],"SoDinhDanh":"001234567890","NamSinh":1990,"DiaChi":{"@loai":"x","$":" a\nb"},"Ma":[[1990,1991],[]]}"#;
    assert_eq!(to_json(&codec, &xml).unwrap(), json);
}

#[test]
fn json_becomes_xml_in_the_schemas_order_whatever_its_own() {
    let codec = citizen();
    let json = r#"{"Ma":[[1990,1991],[]], "DiaChi":{"$":"<a>","@loai":"\"x\""},"NamSinh":1.99e3,"SoDinhDanh":9007199254740993,"HoVaTen":["A","B"],"@id":"7"}"#;
    let xml = format!(
        r#"<dancu:TraCuu xmlns:dancu="{NS}" id="7"><dancu:HoVaTen>A</dancu:HoVaTen><dancu:HoVaTen>B</dancu:HoVaTen><dancu:SoDinhDanh>9007199254740993</dancu:SoDinhDanh><dancu:NamSinh>1990</dancu:NamSinh><dancu:DiaChi loai="&quot;x&quot;">&lt;a&gt;</dancu:DiaChi><dancu:Ma>1990 1991</dancu:Ma><dancu:Ma></dancu:Ma></dancu:TraCuu>"#
    );
    let plain = |x: &str| x.replace("dancu:", "example:").replace("xmlns:dancu", "xmlns:example");
    assert_eq!(to_xml(&codec, json).unwrap(), plain(&xml));
    let root = root(&codec);
    let default = codec.json_to_xml(
        root,
        br#"{"HoVaTen":["A"],"NgaySinh":"2024-02-29"}"#,
        Prefixes::Default,
        Limits::default(),
    );
    let wanted =
        format!(r#"<TraCuu xmlns="{NS}"><HoVaTen>A</HoVaTen><NgaySinh>2024-02-29</NgaySinh></TraCuu>"#);
    assert_eq!(String::from_utf8(default.unwrap()).unwrap(), wanted);
}

#[test]
fn nil_is_null_also_beside_attributes_and_hidden_values_keep_their_mark() {
    let codec = citizen();
    for (xml, json) in [
        (r#"<DiaChi xsi:nil="true"/>"#, "null"),
        (r#"<DiaChi xsi:nil="true" loai="x"/>"#, r#"{"@loai":"x","$":null}"#),
        (
            r#"<DiaChi xsi:nil="true" xmlns:l="urn:lgsp:mask" l:reason="notPermitted"/>"#,
            r#"{"lgsp:notPermitted":true}"#,
        ),
    ] {
        let xml = inside(&format!("<HoVaTen>A</HoVaTen><NamSinh>2000</NamSinh>{xml}"));
        let json = format!(r#"{{"HoVaTen":["A"],"NamSinh":2000,"DiaChi":{json}}}"#);
        assert_eq!(to_json(&codec, &xml).unwrap(), json);
        let back = to_xml(&codec, &json).unwrap();
        assert_eq!(to_json(&codec, &back).unwrap(), json);
    }
}

#[test]
fn xml_that_breaks_the_schema_is_refused_with_its_place() {
    let codec = citizen();
    let start = "<HoVaTen>A</HoVaTen>";
    for (content, path, message) in [
        ("", "/TraCuu", "HoVaTen was expected"),
        ("<NamSinh>2000</NamSinh>", "/TraCuu/NamSinh", "HoVaTen was expected"),
        (start, "/TraCuu", "NgaySinh was expected"),
        (
            &format!("{start}<Khac/>"),
            "/TraCuu/Khac",
            "HoVaTen or SoDinhDanh or NgaySinh or NamSinh was expected",
        ),
        (&format!("{start}<NgaySinh>2023-02-29</NgaySinh>"), "/TraCuu/NgaySinh", "a date"),
        (
            &format!("{start}<NamSinh>2000</NamSinh><NgaySinh>2023-02-28</NgaySinh>"),
            "/TraCuu/NgaySinh",
            "may not stand here",
        ),
        (
            &format!("{start}<NgaySinh>2023-02-28</NgaySinh><NamSinh>2000</NamSinh>"),
            "/TraCuu/NamSinh",
            "only one of the two",
        ),
        (
            &format!("{start}<HoVaTen>{}</HoVaTen>", "x".repeat(21)),
            "/TraCuu/HoVaTen[2]",
            "at most 20 characters were expected",
        ),
        (&format!("{start}<NamSinh>1899</NamSinh>"), "/TraCuu/NamSinh", "of at least 1900"),
        (&format!("{start}<NamSinh>2147483648</NamSinh>"), "/TraCuu/NamSinh", "an integer from"),
        (&format!("{start}text<NamSinh>2000</NamSinh>"), "/TraCuu", "text stands"),
        (&format!("{start}<NamSinh>2000</NamSinh><DiaChi x='1'/>"), "/TraCuu/DiaChi/@x", "not known"),
        (&format!("{start}<NamSinh xsi:nil='true'/>"), "/TraCuu/NamSinh", "xsi:nil is not allowed"),
        (&format!("{start}<NamSinh xsi:type='Lạ'>2000</NamSinh>"), "/TraCuu/NamSinh/@type", "not supported"),
        (&format!("{start}<NamSinh><a/></NamSinh>"), "/TraCuu/NamSinh", "only a value may"),
        (&format!("{start}<NamSinh xmlns=''>2000</NamSinh>"), "/TraCuu/NamSinh", "it is in no namespace"),
    ] {
        let fault = to_json(&codec, &inside(content)).unwrap_err();
        assert_eq!(fault.path, path, "{content}: {fault}");
        assert!(fault.message.contains(message), "{content}: {fault}");
    }
    let fault = to_json(&codec, &inside("\n<HoVaTen>A</HoVaTen>\n  <Khac/>")).unwrap_err();
    assert_eq!((fault.line, fault.column), (3, 3));
}

#[test]
fn json_that_breaks_the_schema_is_refused_with_its_place() {
    let codec = citizen();
    for (json, path, message, kind) in [
        ("{}", "", "the member HoVaTen was expected", CodecFaultKind::Structure),
        (r#"{"HoVaTen":[]}"#, "", "HoVaTen was expected", CodecFaultKind::Structure),
        (r#"{"HoVaTen":"A"}"#, "/HoVaTen", "an array", CodecFaultKind::Value),
        (r#"{"HoVaTen":["A"]}"#, "", "NgaySinh was expected", CodecFaultKind::Structure),
        (r#"{"HoVaTen":["A"],"NamSinh":"2000"}"#, "/NamSinh", "a number", CodecFaultKind::Value),
        (r#"{"HoVaTen":["A"],"NamSinh":2000.5}"#, "/NamSinh", "an integer", CodecFaultKind::Value),
        (r#"{"HoVaTen":["A"],"NamSinh":null}"#, "/NamSinh", "not null", CodecFaultKind::Structure),
        (
            r#"{"HoVaTen":["A"],"NamSinh":2000,"NgaySinh":"2000-01-01"}"#,
            "/NamSinh",
            "only one of the two",
            CodecFaultKind::Structure,
        ),
        (r#"{"HoVaTen":["A"],"Thang":2000}"#, "", "NamSinh was expected", CodecFaultKind::Structure),
        (r#"{"HoVaTen":["A"],"NamSinh":2000,"NamSinh":2000}"#, "", "twice", CodecFaultKind::Structure),
        (r#"{"HoVaTen":["A","\u0000"]}"#, "/HoVaTen/1", "U+0000", CodecFaultKind::Value),
        (r#"{"La~/":1}"#, "/La~0~1", "not known", CodecFaultKind::Structure),
        (
            r#"{"HoVaTen":["A"],"NamSinh":2000,"Ma":[[2000,1]]}"#,
            "/Ma/0/1",
            "of at least 1900",
            CodecFaultKind::Value,
        ),
        (
            r#"{"HoVaTen":["A"],"NamSinh":2000,"DiaChi":{"@loai":"x"}}"#,
            "/DiaChi",
            "$ was expected",
            CodecFaultKind::Structure,
        ),
        (r#"{"HoVaTen":["A"],"NamSinh":2000 00}"#, "", "',' or '}'", CodecFaultKind::Syntax),
        (r#"{"HoVaTen":["A"],"NamSinh":2000} x"#, "", "the end", CodecFaultKind::Syntax),
        ("[1]", "", "an object", CodecFaultKind::Value),
        ("", "", "an object", CodecFaultKind::Syntax),
    ] {
        let fault = to_xml(&codec, json).unwrap_err();
        assert_eq!((&*fault.path, fault.kind), (path, kind), "{json}: {fault}");
        assert!(fault.message.contains(message), "{json}: {fault}");
    }
}

#[test]
fn a_body_inside_an_envelope_keeps_the_envelopes_namespaces() {
    let codec = citizen();
    let xml = format!(
        r#"<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:d="{NS}"><s:Header><x/></s:Header><s:Body><d:TraCuu><d:HoVaTen>A</d:HoVaTen><d:NamSinh>2000</d:NamSinh></d:TraCuu></s:Body></s:Envelope>"#
    );
    let mut reader = XmlReader::new(xml.as_bytes()).unwrap();
    assert_eq!(reader.child().unwrap().unwrap().1, "Envelope");
    assert_eq!(reader.child().unwrap().unwrap().1, "Header");
    reader.skip().unwrap();
    assert_eq!(reader.child().unwrap().unwrap().1, "Body");
    assert_eq!(reader.child().unwrap().unwrap(), (NS, "TraCuu"));
    let mut out = Vec::new();
    codec.read(root(&codec), &mut reader, Limits::default(), &mut out).unwrap();
    assert_eq!(out, br#"{"HoVaTen":["A"],"NamSinh":2000}"#);
    assert_eq!(reader.child().unwrap(), None, "the body ends");
    assert_eq!(reader.child().unwrap(), None, "the envelope ends");
    reader.finish().unwrap();
}

#[test]
fn all_takes_any_order_and_writes_the_declared_one() {
    let mut b = Build::default();
    let s = TypeId::Simple(b.string());
    let all = Term::All(vec![
        place(1, Some(1), element("a", s)),
        place(0, Some(1), element("b", s)),
        place(1, Some(1), element("c", s)),
    ]);
    let ty = b.complex(vec![], Content::Group(group(1, all)));
    b.root(element("TraCuu", TypeId::Complex(ty)));
    let codec = b.codec();
    assert_eq!(to_json(&codec, &inside("<c>1</c><a>2</a>")).unwrap(), r#"{"c":"1","a":"2"}"#);
    assert!(
        to_xml(&codec, r#"{"c":"1","a":"2"}"#).unwrap().find(":a>")
            < to_xml(&codec, r#"{"c":"1","a":"2"}"#).unwrap().find(":c>")
    );
    assert!(to_json(&codec, &inside("<c>1</c><b>2</b>")).unwrap_err().message.contains("a was expected"));
    assert!(to_json(&codec, &inside("<c>1</c><a/><c/>")).unwrap_err().message.contains("too many"));
}

#[test]
fn output_and_nesting_are_bounded() {
    let mut b = Build::default();
    let s = TypeId::Simple(b.string());
    let ty = b.complex(vec![], Content::Empty);
    let content = Term::Sequence(vec![
        place(0, None, element("TraCuu", TypeId::Complex(ty))),
        place(0, None, element("s", s)),
    ]);
    b.0.complex[0].content = Content::Group(group(1, content));
    b.root(element("TraCuu", TypeId::Complex(ty)));
    let codec = b.codec();
    let deep = format!("{}{}", r#"{"TraCuu":["#.repeat(200), "]}".repeat(200));
    assert_eq!(to_xml(&codec, &deep).unwrap_err().kind, CodecFaultKind::Limit);
    let deep = inside(&format!("{}{}", "<TraCuu>".repeat(80), "</TraCuu>".repeat(80)));
    assert_eq!(
        to_json(&codec, &deep).unwrap_err().kind,
        CodecFaultKind::Limit,
        "as JSON it is twice as deep"
    );
    let many = format!(r#"{{"s":[{}""]}}"#, r#""","#.repeat(10_000));
    let small = Limits { output_max: 10_000 };
    let fault = codec.json_to_xml(root(&codec), many.as_bytes(), Prefixes::Prefixed, small).unwrap_err();
    assert_eq!(fault.kind, CodecFaultKind::Limit);
    let xml = to_xml(&codec, &many).unwrap();
    assert_eq!(to_json(&codec, &xml).unwrap(), many);
}
