//! Attachments: each form into each other, as the bytes come, and what is refused.

use lgsp_wire::attach::{
    AttachFault, AttachmentPlan, Base64Decoder, Base64Encoder, Binary, Converter, Document, Form,
    PADDING_MAX, PARTS_MAX, PartEvent, Step, TAG_MAX, cid_of, convert_whole,
};
use proptest::prelude::*;
use std::sync::Arc;

const BOUNDARY: &str = "b0undary-of-twenty-four-characters";
const XML: &str = "<?xml version=\"1.0\"?><s:Envelope xmlns:s=\"urn:s\"><s:Body><up xmlns=\"urn:u\"><!-- a --><ten>An</ten><anh id=\"1\">/+8AAQ==</anh><tep>QUJD</tep></up></s:Body></s:Envelope>";

fn plan() -> AttachmentPlan {
    let binary = |path: &str, field: &str| Binary {
        path: path.into(),
        field: field.into(),
        content_type: "image/png".into(),
        file_name: Some(format!("{field}.png")),
    };
    AttachmentPlan::new(
        "text/xml",
        vec![binary("//{urn:u}anh", "anh"), binary("/Envelope/Body/up/tep", "tep")],
    )
}

fn json_plan() -> AttachmentPlan {
    let mut plan = plan();
    plan.document_type = "application/json".into();
    plan.binaries[0].path = "/tep/*/noiDung".into();
    plan.binaries[1].path = "/a~1b".into();
    plan
}

fn converter(
    plan: AttachmentPlan,
    document: Document,
    from: Form,
    content_type: &str,
    to: Form,
) -> Converter {
    Converter::new(Arc::new(plan), document, from, content_type, to, BOUNDARY).unwrap()
}

fn convert(from: Form, content_type: &str, body: &[u8], to: Form) -> Result<(String, Vec<u8>), AttachFault> {
    convert_whole(&mut converter(plan(), Document::Xml, from, content_type, to), body, 1 << 20)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

const FORMS: [Form; 5] = [Form::Inline, Form::Xop, Form::SwaRef, Form::Href, Form::FormData];

#[test]
fn every_form_becomes_every_other_and_again_what_it_was() {
    for first in FORMS {
        let (content_type, one) = convert(Form::Inline, "text/xml", XML.as_bytes(), first).unwrap();
        for second in FORMS {
            let (second_type, two) = convert(first, &content_type, &one, second).unwrap();
            let (_, back) = convert(second, &second_type, &two, Form::Inline).unwrap();
            assert_eq!(text(&back), XML, "{first:?} {second:?}\n{}", text(&two));
        }
    }
}

#[test]
fn mtom_is_written_as_the_specification_has_it() {
    let (content_type, body) = convert(Form::Inline, "text/xml", XML.as_bytes(), Form::Xop).unwrap();
    assert_eq!(
        content_type,
        format!(
            "multipart/related; type=\"application/xop+xml\"; start=\"<rootpart@lgsp>\"; start-info=\"text/xml\"; boundary=\"{BOUNDARY}\""
        )
    );
    let body = text(&body);
    assert!(body.contains("Content-Type: application/xop+xml; charset=UTF-8; type=\"text/xml\"\r\n"));
    assert!(body.contains("<anh id=\"1\"><xop:Include xmlns:xop=\"http://www.w3.org/2004/08/xop/include\" href=\"cid:part1@lgsp\"/></anh>"));
    assert!(body.contains("Content-Type: image/png\r\nContent-Transfer-Encoding: binary\r\nContent-ID: <part2@lgsp>\r\n\r\nABC\r\n"));
}

#[test]
fn form_data_has_the_declared_fields() {
    let (_, body) = convert(Form::Inline, "text/xml", XML.as_bytes(), Form::FormData).unwrap();
    let body = text(&body);
    assert!(body.contains(
        "Content-Disposition: form-data; name=\"document\"\r\nContent-Type: text/xml; charset=UTF-8"
    ));
    assert!(
        body.contains(
            "form-data; name=\"tep\"; filename=\"tep.png\"\r\nContent-Type: image/png\r\n\r\nABC\r\n"
        )
    );
    assert!(body.contains("<tep>cid:tep</tep>"));
}

#[test]
fn strings_of_json_become_parts_and_again_strings() {
    let json = r#"{"tep":[{"noiDung":"QU\u004aD\/w==","ten":"QUJD"},{"noiDung":"QQ=="},{"noiDung":null}],"a\/b":"Qg==","x":"\"Qg=="}"#;
    for form in [Form::SwaRef, Form::FormData] {
        let mut out = converter(json_plan(), Document::Json, Form::Inline, "application/json", form);
        let (content_type, body) = convert_whole(&mut out, json.as_bytes(), 1 << 20).unwrap();
        if form == Form::FormData {
            assert!(
                text(&body).contains("name=\"anh.2\"") && text(&body).contains("{\"noiDung\":\"cid:anh.2\"}")
            );
        }
        let mut back = converter(json_plan(), Document::Json, form, &content_type, Form::Inline);
        let (media, back) = convert_whole(&mut back, &body, 1 << 20).unwrap();
        assert_eq!(text(&back), json.replace(r"\u004a", "J").replace(r"D\/w", "D/w"), "{form:?}");
        assert_eq!(media, "application/json; charset=utf-8");
    }
}

#[test]
fn small_attachments_stay_in_the_document() {
    let plan = AttachmentPlan { inline_below: 4, ..plan() };
    let mut c = converter(plan, Document::Xml, Form::Inline, "text/xml", Form::Xop);
    let body = text(&convert_whole(&mut c, XML.as_bytes(), 1 << 20).unwrap().1);
    assert!(body.contains("<tep>QUJD</tep>") && body.contains("cid:part1") && !body.contains("cid:part2"));
}

fn related(root: &str, parts: &[(&str, &str)]) -> Vec<u8> {
    let mut out = format!("--b\r\nContent-Type: application/xop+xml\r\nContent-ID: <r>\r\n\r\n{root}\r\n");
    for (head, content) in parts {
        out.push_str(&format!("--b\r\n{head}\r\n\r\n{content}\r\n"));
    }
    out.push_str("--b--\r\n");
    out.into_bytes()
}

const INCLUDE: &str = "<a xmlns:x=\"http://www.w3.org/2004/08/xop/include\"><anh>\n <x:Include href='cid:1%40x'/></anh><b><x:Include href=\"CID:2\"></x:Include></b></a>";
const RELATED: &str = "multipart/related; boundary=b; start=\"<r>\"; type=\"application/xop+xml\"";

fn steps(body: &[u8]) -> Result<Vec<Step>, AttachFault> {
    let mut c = converter(plan(), Document::Xml, Form::Xop, RELATED, Form::Inline);
    let mut steps = c.push(body)?;
    steps.extend(c.finish()?);
    Ok(steps)
}

#[test]
fn parts_in_the_order_of_their_references_need_no_room_and_others_say_so() {
    let (one, two) = (
        ("Content-ID: <1@x>", "\x00\x01A"),
        ("Content-ID: 2\r\nContent-Transfer-Encoding: base64", "QU\r\nI="),
    );
    let expected = "<a xmlns:x=\"http://www.w3.org/2004/08/xop/include\"><anh>AAFB</anh><b>QUI=</b></a>";
    let all = steps(&related(INCLUDE, &[one, two])).unwrap();
    assert!(all.iter().all(|s| matches!(s, Step::Bytes(_))));
    let all = steps(&related(INCLUDE, &[two, one])).unwrap();
    assert!(all.contains(&Step::NeedsSpool { id: 0, name: "2".into() }));
    for parts in [[one, two], [two, one]] {
        let (_, out) = convert(Form::Xop, RELATED, &related(INCLUDE, &parts), Form::Inline).unwrap();
        assert_eq!(text(&out), expected);
    }
    let mut c = converter(plan(), Document::Xml, Form::Xop, RELATED, Form::Inline);
    assert_eq!(convert_whole(&mut c, &related(INCLUDE, &[two, one]), 1), Err(AttachFault::Spool(1)));
}

#[test]
fn quoted_printable_parts_are_decoded() {
    let include = "<a xmlns:x=\"http://www.w3.org/2004/08/xop/include\"><x:Include href=\"cid:2\"/></a>";
    let head = "Content-ID: <2>\r\nContent-Transfer-Encoding: Quoted-Printable";
    let (_, out) =
        convert(Form::Xop, RELATED, &related(include, &[(head, "A=\r\nB=3D=c3")]), Form::Inline).unwrap();
    assert!(text(&out).ends_with(">QUI9ww==</a>"));
    for bad in ["=", "=4", "=4g", "=g0"] {
        let body = related(include, &[(head, bad)]);
        assert_eq!(steps(&body).unwrap_err(), AttachFault::QuotedPrintable, "{bad}");
    }
}

#[test]
fn references_and_parts_must_belong_to_each_other() {
    let one = ("Content-ID: <1@x>", "A");
    let two = ("Content-ID: <2>", "B");
    let fault = |root: &str, parts: &[(&str, &str)]| steps(&related(root, parts)).expect_err(root);
    assert_eq!(fault(INCLUDE, &[one]), AttachFault::Missing("2".into()));
    assert_eq!(fault(INCLUDE, &[one, two, ("Content-ID: <3>", "C")]), AttachFault::Unused("3".into()));
    assert_eq!(fault(INCLUDE, &[one, two, two]), AttachFault::Twice("2".into()));
    assert!(matches!(fault(INCLUDE, &[one, two, ("X: y", "C")]), AttachFault::Unused(_)));
    let same = INCLUDE.replace("CID:2", "cid:1@x");
    assert_eq!(fault(&same, &[one, two]), AttachFault::Twice("1@x".into()));
    for url in ["http://evil/x", "file:///etc/passwd", "cid:", "cid:%4", "cid:%zz", "#x", "cid:%00"] {
        let root = INCLUDE.replace("CID:2", url);
        assert!(matches!(fault(&root, &[one]), AttachFault::Reference(_)), "{url}");
    }
    for root in [
        "<a xmlns:x=\"http://www.w3.org/2004/08/xop/include\">text<x:Include href=\"cid:2\"/></a>",
        "<a xmlns:x=\"http://www.w3.org/2004/08/xop/include\"><x:Include href=\"cid:2\"/>text</a>",
        "<a xmlns:x=\"http://www.w3.org/2004/08/xop/include\"><x:Include href=\"cid:2\"><x:Include href=\"cid:1\"/></x:Include></a>",
        "<a xmlns:x=\"http://www.w3.org/2004/08/xop/include\"><x:Include href=\"cid:2\"/><x:Include href=\"cid:1\"/></a>",
        "<x:Include xmlns:x=\"http://www.w3.org/2004/08/xop/include\" href=\"cid:2\"/>",
        "<a xmlns:x=\"http://www.w3.org/2004/08/xop/include\"><x:Include/></a>",
    ] {
        assert!(matches!(fault(root, &[]), AttachFault::Syntax(_) | AttachFault::Markup(_)), "{root}");
    }
    // Another namespace: an element like any other.
    assert!(steps(&related("<a><x:Include xmlns:x=\"urn:other\" href=\"http://x\"/></a>", &[])).is_ok());
    assert_eq!(cid_of("cid:a%40b%2e"), Some("a@b.".into()));
}

#[test]
fn the_document_part_must_be_what_the_message_says() {
    let change = |from: &str, to: &str| text(&related("<a/>", &[])).replace(from, to).into_bytes();
    for (from, to) in [
        ("Content-ID: <r>", "Content-ID: <other>"),
        ("application/xop+xml", "text/xml"),
        ("application/xop+xml", "application/xop+xml; charset=utf-16"),
        ("Content-ID: <r>", "Content-ID: <r>\r\nContent-Transfer-Encoding: base64"),
    ] {
        assert!(matches!(steps(&change(from, to)).unwrap_err(), AttachFault::Root(_)), "{to}");
    }
    let root = |r: &str| steps(&related(r, &[])).unwrap_err();
    assert_eq!(root("<!DOCTYPE a><a/>"), AttachFault::Syntax("a DOCTYPE or unknown markup"));
    assert!(matches!(root("<a>"), AttachFault::Truncated(_)));
    assert!(matches!(root("<a></b>"), AttachFault::Syntax(_)));
    assert!(matches!(root(&format!("<a b=\"{}\"/>", "x".repeat(TAG_MAX))), AttachFault::Bound(_)));
    assert!(matches!(root(&"<a>".repeat(101)), AttachFault::Bound(_)));
}

#[test]
fn boundaries_with_two_readings_are_refused() {
    let fault = |body: &str| steps(body.as_bytes()).expect_err(body);
    let head = "--b\r\nContent-Type: application/xop+xml\r\nContent-ID: <r>\r\n\r\n<a/>";
    for end in ["\n--b--", "\r--b--", "\r\n--bx\r\n--b--", "\r\n--b- \r\n--b--", "\r\n--b--x"] {
        assert!(matches!(fault(&format!("{head}{end}")), AttachFault::Ambiguous(_)), "{end:?}");
    }
    let blanks = " ".repeat(PADDING_MAX + 1);
    assert!(matches!(fault(&format!("{head}\r\n--b{blanks}\r\n--b--")), AttachFault::Ambiguous(_)));
    assert!(steps(format!("pre\r\n{head}\r\n--b-- \t\r\n\r\n").as_bytes()).is_ok());
    assert_eq!(fault(&format!("{head}\r\n--b--\r\nx")), AttachFault::Trailing);
    for body in ["", "x", "--b", "--b--", head, "--b\r\nContent-ID: <r>"] {
        assert!(matches!(fault(body), AttachFault::Truncated(_) | AttachFault::Ambiguous(_)), "{body:?}");
    }
    let long = format!("--b\r\nA: {}\r\n\r\n", "x".repeat(9000));
    assert_eq!(fault(&long), AttachFault::Head(0));
    assert_eq!(fault("--b\r\nA: b\r\n--b--\r\n\r\n"), AttachFault::Head(0));
    let many = "--b\r\nContent-ID: <r>\r\nContent-Type: application/xop+xml\r\n\r\n<a/>\r\n".to_owned();
    let mut reader = lgsp_wire::attach::MultipartReader::new("b").unwrap();
    assert_eq!(reader.push(many.repeat(PARTS_MAX + 1).as_bytes(), &mut Vec::new()), Err(AttachFault::Parts));
    for content_type in
        ["text/xml", "multipart/related", "multipart/mixed; boundary=b", "multipart/related; boundary=\"b \""]
    {
        let new = Converter::new(Arc::new(plan()), Document::Xml, Form::Xop, content_type, Form::Inline, "");
        assert!(
            matches!(new.unwrap_err(), AttachFault::ContentType(_) | AttachFault::Boundary),
            "{content_type}"
        );
    }
    let long = format!("multipart/related; boundary={}", "b".repeat(71));
    let new = Converter::new(Arc::new(plan()), Document::Xml, Form::Xop, &long, Form::Inline, "");
    assert_eq!(new.unwrap_err(), AttachFault::Boundary);
}

#[test]
fn the_output_never_holds_its_own_boundary() {
    let data =
        format!("<a xmlns=\"urn:u\"><anh>{}</anh></a>", encode(format!("x\r\n--{BOUNDARY}--").as_bytes()));
    assert_eq!(
        convert(Form::Inline, "text/xml", data.as_bytes(), Form::Xop),
        Err(AttachFault::BoundaryInData)
    );
    let data = format!("<a>--{BOUNDARY}</a>");
    assert_eq!(
        convert(Form::Inline, "text/xml", data.as_bytes(), Form::Xop),
        Err(AttachFault::BoundaryInData)
    );
}

fn encode(bytes: &[u8]) -> String {
    let mut out = Vec::new();
    let mut encoder = Base64Encoder::default();
    bytes.chunks(7).for_each(|c| encoder.push(c, &mut out));
    encoder.finish(&mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn base64_is_read_strictly_but_for_white_space() {
    let read = |t: &str| {
        let mut out = Vec::new();
        let mut decoder = Base64Decoder::default();
        t.as_bytes().chunks(3).try_for_each(|c| decoder.push(c, &mut out))?;
        decoder.finish().map(|()| out)
    };
    assert_eq!(read(" QU\r\nJ D\t").unwrap(), b"ABC");
    assert_eq!(read("").unwrap(), b"");
    for bad in ["QUI", "Q", "QQ=", "QQ==QQ==", "QQ==\nQ", "QR==", "Q-_=", "=", "====", "QU=D", "QUJD\u{a0}"] {
        assert!(read(bad).is_err(), "{bad:?}");
    }
    let inline = |content: &str| {
        convert(
            Form::Inline,
            "text/xml",
            format!("<a xmlns=\"urn:u\"><anh>{content}</anh></a>").as_bytes(),
            Form::Inline,
        )
        .map(|(_, out)| text(&out))
    };
    assert!(inline("QU&#xD;\n&#13;JD").unwrap().contains(">QUJD<"));
    for bad in ["QU<b/>JD", "QU<!-- -->JD", "<![CDATA[QUJD]]>", "QU&amp;JD", "QUJD&#10", "QUJ", "<?p ?>"] {
        assert!(inline(bad).is_err(), "{bad}");
    }
}

#[test]
fn sizes_are_bounded() {
    let plan = AttachmentPlan { binary_max: 2, ..plan() };
    for to in [Form::Inline, Form::Xop] {
        let mut c = converter(plan.clone(), Document::Xml, Form::Inline, "text/xml", to);
        assert_eq!(convert_whole(&mut c, XML.as_bytes(), 99), Err(AttachFault::BinarySize(2)));
    }
    let plan = AttachmentPlan { document_max: 20, ..plan };
    let mut c = converter(plan, Document::Xml, Form::Inline, "text/xml", Form::Xop);
    assert_eq!(convert_whole(&mut c, XML.as_bytes(), 99), Err(AttachFault::DocumentSize(20)));
}

/// A gigabyte in pieces, through each way that needs no room: what is held stays small.
#[test]
fn a_gigabyte_passes_in_constant_memory() {
    const PIECE: usize = 64 << 10;
    let pieces = if cfg!(debug_assertions) { 256 } else { (1 << 30) / PIECE };
    let raw = vec![b'-'; PIECE];
    let base64 = "QUJD".repeat(PIECE / 4).into_bytes();
    let include = "<a xmlns:x=\"http://www.w3.org/2004/08/xop/include\" xmlns=\"urn:u\"><anh><x:Include href=\"cid:2\"/></anh></a>";
    let whole = text(&related(include, &[("Content-ID: <2>", "@")]));
    let (before, after) = whole.split_once('@').unwrap();
    let inline = "<a xmlns=\"urn:u\"><anh>@</anh></a>";
    let (open, close) = inline.split_once('@').unwrap();
    for (from, to, before, piece, after) in [
        (Form::Xop, Form::Inline, before, &raw, after),
        (Form::Xop, Form::FormData, before, &raw, after),
        (Form::Inline, Form::Xop, open, &base64, close),
        (Form::Inline, Form::Inline, open, &base64, close),
    ] {
        let mut c = converter(plan(), Document::Xml, from, RELATED, to);
        let mut length = 0;
        let mut held = 0;
        let mut count = |steps: Vec<Step>| {
            for step in steps {
                length += match step {
                    Step::Bytes(b) | Step::Spool { bytes: b, .. } => b.len(),
                    _ => 0,
                };
            }
        };
        count(c.push(before.as_bytes()).unwrap());
        for _ in 0..pieces {
            count(c.push(piece).unwrap());
            held = held.max(c.held());
        }
        count(c.push(after.as_bytes()).unwrap());
        count(c.finish().unwrap());
        assert!(held < 1024, "{from:?} {to:?}: {held}");
        assert!(length > pieces * PIECE / 4 * 3);
    }
}

fn pushed(
    from: Form,
    content_type: &str,
    body: &[u8],
    to: Form,
    sizes: &[usize],
) -> Result<Vec<u8>, AttachFault> {
    let mut c = converter(plan(), Document::Xml, from, content_type, to);
    let mut steps = Vec::new();
    let (mut at, mut i) = (0, 0);
    while at < body.len() {
        let n = sizes[i % sizes.len()].clamp(1, body.len() - at);
        steps.extend(c.push(&body[at..at + n])?);
        (at, i) = (at + n, i + 1);
    }
    steps.extend(c.finish()?);
    let mut aside: Vec<Vec<u8>> = Vec::new();
    let mut out = Vec::new();
    for step in steps {
        match step {
            Step::Bytes(b) => out.extend_from_slice(&b),
            Step::NeedsSpool { .. } => aside.push(Vec::new()),
            Step::Spool { id, bytes } => aside[id].extend_from_slice(&bytes),
            Step::Insert { id, base64: true } => out.extend_from_slice(encode(&aside[id]).as_bytes()),
            Step::Insert { id, .. } => out.extend_from_slice(&aside[id]),
        }
    }
    Ok(out)
}

proptest! {
    #[test]
    fn any_split_gives_the_same(sizes in prop::collection::vec(1usize..40, 1..6), data in prop::collection::vec(any::<u8>(), 0..200),
                                from in prop::sample::select(FORMS.to_vec()), to in prop::sample::select(FORMS.to_vec())) {
        let xml = XML.replace("QUJD", &encode(&data));
        let (content_type, body) = convert(Form::Inline, "text/xml", xml.as_bytes(), from).unwrap();
        let whole = convert(from, &content_type, &body, to).unwrap().1;
        prop_assert_eq!(&pushed(from, &content_type, &body, to, &sizes).unwrap(), &whole);
        prop_assert_eq!(&pushed(from, &content_type, &body, to, &[1]).unwrap(), &whole);
    }

    #[test]
    fn any_bytes_are_converted_or_refused_however_they_come(
        pieces in prop::collection::vec(prop::sample::select(vec![
            "--b\r\n", "\r\n--b", "--", "\r\n", "\n", "\r\n\r\n", "Content-ID: <r>\r\n", "Content-ID: <2>", "Content-Type: application/xop+xml",
            "<a>", "</a>", "<a/>", "<anh>", "<x:Include xmlns:x=\"http://www.w3.org/2004/08/xop/include\" href=\"cid:2\"/>", "QUJD", "x", "=", "<!--", "-->", "'", "\"",
        ]), 0..24), sizes in prop::collection::vec(1usize..20, 1..4)) {
        let body = pieces.concat();
        let whole = convert(Form::Xop, "multipart/related; boundary=b", body.as_bytes(), Form::Inline);
        let split = pushed(Form::Xop, "multipart/related; boundary=b", body.as_bytes(), Form::Inline, &sizes);
        prop_assert_eq!(whole.ok().map(|w| w.1), split.ok());
    }

    #[test]
    fn parts_do_not_depend_on_how_bytes_come(data in "[-b\r\n x]{0,60}", sizes in prop::collection::vec(1usize..9, 1..4)) {
        let body = format!("--b\r\n\r\n{data}\r\n--b--\r\n");
        let read = |sizes: &[usize]| {
            let mut reader = lgsp_wire::attach::MultipartReader::new("b").unwrap();
            let (mut events, mut at, mut i) = (Vec::new(), 0, 0);
            while at < body.len() {
                let n = sizes[i % sizes.len()].min(body.len() - at);
                reader.push(&body.as_bytes()[at..at + n], &mut events).ok()?;
                (at, i) = (at + n, i + 1);
            }
            reader.finish(&mut events).ok()?;
            Some(events.into_iter().fold((0, Vec::new()), |(heads, mut data), e| match e {
                PartEvent::Head(_) => (heads + 1, data),
                PartEvent::Data(d) => { data.extend_from_slice(&d); (heads, data) }
                PartEvent::End => { data.push(0); (heads, data) }
            }))
        };
        prop_assert_eq!(read(&sizes), read(&[usize::MAX]));
    }
}
