//! Content types: what is read, and what has two readings.

use lgsp_wire::media::{MediaFault, MediaType};
use proptest::prelude::*;

#[test]
fn a_type_and_its_parameters_are_read() {
    let read =
        MediaType::parse("Application/SOAP+XML ;charset=utf-8; Action = \"urn:a;\\\"b\\\"\";").unwrap();
    assert_eq!(read.essence, "Application/SOAP+XML");
    assert_eq!((read.parameter("charset"), read.parameter("action")), (Some("utf-8"), Some("urn:a;\"b\"")));
    assert_eq!(read.parameter("boundary"), None);
    let unquoted = MediaType::parse("application/soap+xml; action=http://tempuri.org/Look").unwrap();
    assert_eq!(unquoted.parameter("action"), Some("http://tempuri.org/Look"));
    assert_eq!(MediaType::parse("text/xml").unwrap().parameters, []);
}

#[test]
fn what_has_two_readings_is_refused() {
    for repeated in
        ["text/xml; charset=utf-8; charset=utf-16", "a/b; action=\"x\"; ACTION=\"y\"", "a/b;c=d;c=d"]
    {
        assert_eq!(MediaType::parse(repeated), Err(MediaFault::Repeated), "{repeated}");
    }
    for malformed in [
        "",
        "text",
        "text/",
        "application/json, text/plain",
        "text/xml; charset",
        "text/xml; charset=",
        "text/xml; charset=\"utf-16",
        "text/xml; charset=\"utf-8\"x",
        "text/xml; charset=utf-8, text/plain",
        "text/xml; charset=utf-8 charset=utf-16",
        "text/xml; =x",
        "text/xml charset=utf-8",
        "text/xml; a; charset=utf-16",
    ] {
        assert_eq!(MediaType::parse(malformed), Err(MediaFault::Malformed), "{malformed}");
    }
    let many: String = (0..17).map(|i| format!("; p{i}=1")).collect();
    assert_eq!(MediaType::parse(&format!("a/b{many}")), Err(MediaFault::TooMany));
}

proptest! {
    #[test]
    fn what_is_written_quoted_is_read_back(values in prop::collection::vec("[ -~]{0,12}", 0..8)) {
        let quoted = |v: &String| v.replace('\\', "\\\\").replace('"', "\\\"");
        let text: String = values.iter().enumerate().map(|(i, v)| format!("; p{i}=\"{}\"", quoted(v))).collect();
        let text = format!("a/b{text}");
        let read = MediaType::parse(&text).unwrap();
        for (i, v) in values.iter().enumerate() {
            prop_assert_eq!(read.parameter(&format!("p{i}")), Some(v.as_str()));
        }
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "(a/b)?[;=a\" \\\\,é]{0,30}") {
        let _ = MediaType::parse(&text);
    }
}
