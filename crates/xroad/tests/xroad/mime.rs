//! Messages with attachments.

use bytes::Bytes;
use lgsp_xroad::mime::{MimeError, Multipart, PART_HEAD_MAX, PARTS_MAX, is_multipart, write};
use lgsp_xroad::soap::{Message, SoapError};
use proptest::prelude::*;

const TYPE: &str = "multipart/related; type=\"text/xml\"; start=\"<rootpart>\"; boundary=\"MIME_boundary\"";

fn example() -> Bytes {
    Bytes::from(include_str!("examples/attachment.txt").replace("\r\n", "\n").replace('\n', "\r\n"))
}

fn parse(body: &str) -> Result<Multipart, MimeError> {
    Multipart::parse("multipart/related; boundary=b", &Bytes::copy_from_slice(body.as_bytes()))
}

fn refused(body: &str) -> MimeError {
    parse(body).expect_err(body)
}

#[test]
fn the_documents_example_is_read() {
    let message = Multipart::parse(TYPE, &example()).unwrap();
    // The document's own example breaks its rule (2.3) that the body's element is named as the service: the header still says exampleService.
    let envelope = Message::parse(message.soap()).unwrap();
    assert_eq!(envelope.header.unwrap().service_code(), Some("exampleService"));
    assert_eq!(envelope.body_element, "exampleServiceSwaRef");
    assert!(matches!(Message::parse_request(message.soap()), Err(SoapError::Body { .. })));
    let [attachment] = message.attachments() else { panic!() };
    assert_eq!(attachment.content_id.as_deref(), Some("data.bin"));
    assert_eq!(attachment.content_type.as_deref(), Some("application/octet-stream; name=data.bin"));
    assert_eq!(attachment.encoding.as_deref(), Some("base64"));
    assert_eq!(&attachment.content[..], b"VGhpcyBpcyBhdHRhY2htZW50Lg0K");
    assert!(attachment.head.starts_with(b"Content-Type:") && !message.mtom);
}

#[test]
fn mtom_is_read() {
    let body = "--b\r\nContent-Type: application/xop+xml; charset=UTF-8;\r\n\ttype=\"text/xml\"\r\nContent-Transfer-Encoding: 8BIT\r\nContent-ID: <r>\r\n\r\n<a/>\r\n--b--";
    let message = parse(body).unwrap();
    assert!(message.mtom);
    assert_eq!(
        message.parts[0].content_type.as_deref(),
        Some("application/xop+xml; charset=UTF-8; type=\"text/xml\"")
    );
}

#[test]
fn another_soap_part_leaves_the_attachments_as_they_are() {
    let body = example();
    let message = Multipart::parse(TYPE, &body).unwrap();
    let out = message.with_soap(b"<new/>").unwrap();
    let again = Multipart::parse(TYPE, &out).unwrap();
    assert_eq!(&again.soap()[..], b"<new/>");
    assert_eq!(again.attachments(), message.attachments());
    assert_eq!(message.with_soap(message.soap()).unwrap(), body);
    assert_eq!(message.with_soap(b"<a>--MIME_boundary</a>"), None);
}

#[test]
fn parts_without_header_lines_or_content_are_parts() {
    let message =
        parse("preamble\r\n--b\r\n\r\n<a/>\r\n--b \t\r\nContent-ID: <x>\r\n\r\n\r\n--b--  \r\n").unwrap();
    assert_eq!(&message.soap()[..], b"<a/>");
    assert!(message.attachments()[0].content.is_empty());
    // Two line ends before a boundary: one belongs to the content.
    assert_eq!(&parse("--b\r\n\r\n<a/>\r\n\r\n--b--").unwrap().soap()[..], b"<a/>\r\n");
    // A boundary inside a line is none.
    assert_eq!(&parse("--b\r\n\r\n<a>--b</a>\r\n--b--").unwrap().soap()[..], b"<a>--b</a>");
}

#[test]
fn what_readers_could_split_in_another_way_is_refused() {
    assert!(matches!(refused("--b\r\n\r\n<a/>\n--b\r\n\r\nx\r\n--b--"), MimeError::Ambiguous(_)));
    assert!(matches!(refused("--b\r\n\r\n<a/>\r--b--"), MimeError::Ambiguous(_)));
    assert!(matches!(refused("--b\r\n\r\n<a/>\r\n--bx\r\n--b--"), MimeError::Ambiguous(_)));
    assert!(matches!(refused("--b\n\n<a/>\n--b--"), MimeError::Ambiguous(_)));
    assert_eq!(refused("--b\r\n\r\n<a/>\r\n--b--\r\n--b\r\n\r\nx\r\n--b--"), MimeError::Trailing);
    for body in ["", "x", "--b", "--b\r\n\r\n<a/>", "--b\r\n\r\n<a/>\r\n--b\r\n\r\nx", "--b--"] {
        assert!(matches!(refused(body), MimeError::Truncated | MimeError::Ambiguous(_)), "{body:?}");
    }
    let same = "--b\r\nContent-ID: <x>\r\n\r\n<a/>\r\n--b\r\nContent-ID: x\r\n\r\n1\r\n--b--";
    assert_eq!(refused(same), MimeError::SameId);
}

#[test]
fn header_lines_with_two_readings_are_refused() {
    for head in [
        "Content-Type: text/xml\r\nContent-Type: text/plain",
        "Content-Type text/xml",
        "Content Type: text/xml",
        ": x",
        " folded: first",
        "A: b\nContent-Type: text/plain",
        "A: \u{0}",
    ] {
        assert_eq!(refused(&format!("--b\r\n{head}\r\n\r\n<a/>\r\n--b--")), MimeError::Head(0), "{head:?}");
    }
    let long = format!("--b\r\nA: {}\r\n\r\n<a/>\r\n--b--", "x".repeat(PART_HEAD_MAX));
    assert_eq!(refused(&long), MimeError::Head(0));
    assert_eq!(refused("--b\r\nA: b\r\n--b--"), MimeError::Head(0));
}

#[test]
fn the_first_part_must_be_the_message_itself() {
    for head in [
        "Content-Type: text/plain",
        "Content-Type: multipart/related; boundary=c",
        "Content-Transfer-Encoding: base64",
        "Content-Transfer-Encoding: quoted-printable",
    ] {
        assert!(
            matches!(refused(&format!("--b\r\n{head}\r\n\r\n<a/>\r\n--b--")), MimeError::Root(_)),
            "{head}"
        );
    }
    let other = Multipart::parse(
        "multipart/related; boundary=b; start=\"<second>\"",
        &Bytes::from_static(
            b"--b\r\nContent-ID: <first>\r\n\r\n<a/>\r\n--b\r\nContent-ID: <second>\r\n\r\n<b/>\r\n--b--",
        ),
    );
    assert!(matches!(other, Err(MimeError::Root(_))));
}

#[test]
fn content_types_and_counts_are_bounded() {
    let body = Bytes::from_static(b"--b\r\n\r\n<a/>\r\n--b--");
    for (content_type, error) in [
        ("text/xml", MimeError::NotRelated),
        ("multipart/mixed; boundary=b", MimeError::NotRelated),
        ("multipart/related; boundary=b; boundary=c", MimeError::NotRelated),
        ("multipart/related", MimeError::Boundary),
        ("multipart/related; boundary=\"\"", MimeError::Boundary),
        ("multipart/related; boundary=\"b \"", MimeError::Boundary),
    ] {
        assert_eq!(Multipart::parse(content_type, &body), Err(error), "{content_type}");
    }
    let long = format!("multipart/related; boundary={}", "b".repeat(71));
    assert_eq!(Multipart::parse(&long, &body), Err(MimeError::Boundary));
    assert!(is_multipart("Multipart/Form-Data; boundary=x") && !is_multipart("text/xml"));
    let many = |n: usize| format!("{}--b--", "--b\r\n\r\n<a/>\r\n".repeat(n));
    assert_eq!(parse(&many(PARTS_MAX)).unwrap().parts.len(), PARTS_MAX);
    assert_eq!(refused(&many(PARTS_MAX + 1)), MimeError::Parts);
}

proptest! {
    #[test]
    fn what_is_written_reads_the_same(soap in "<a>\\PC{0,40}</a>", contents in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..4)) {
        let ids: Vec<String> = (0..contents.len()).map(|i| format!("p{i}")).collect();
        let parts: Vec<(&str, &str, &[u8])> = ids.iter().zip(&contents).map(|(i, c)| (i.as_str(), "application/octet-stream", c.as_slice())).collect();
        let (content_type, body) = write("0123456789abcdef", soap.as_bytes(), &parts).unwrap();
        let read = Multipart::parse(&content_type, &body).unwrap();
        prop_assert_eq!(&read.soap()[..], soap.as_bytes());
        for (part, content) in read.attachments().iter().zip(&contents) {
            prop_assert_eq!(&part.content[..], &content[..]);
        }
        prop_assert_eq!(read.attachments().len(), contents.len());
    }

    #[test]
    fn any_body_is_read_or_refused(pieces in prop::collection::vec(prop_oneof![Just("--b"), Just("--b--"), Just("\r\n"), Just("\n"), Just("A: b"), Just("<a/>"), Just(" ")], 0..20)) {
        let body = pieces.concat();
        if let Ok(read) = parse(&body) {
            prop_assert_eq!(&read.with_soap(read.soap()).unwrap()[..], body.as_bytes());
        }
    }
}
