//! How the platform refuses: one set of members, as JSON and as SOAP faults, whatever the caller put into them.

use lgsp_kernel::fault::{ALL_KINDS, ANSWER_MALFORMED, RATE_EXCEEDED};
use lgsp_kernel::{ExchangeId, Millis, Refusal};
use lgsp_wire::soap::SoapVersion;
use lgsp_wire::{json, problem, soap, xml};
use proptest::prelude::*;

fn exchange() -> ExchangeId {
    ExchangeId::at(Millis(1_700_000_000_000), [9; 10])
}

#[test]
fn a_problem_document_has_every_member() {
    let refusal =
        Refusal::new(&RATE_EXCEEDED, "10 a second").with_internal("bucket at 10.1.2.3").retry_after(2);
    let document: serde_json::Value =
        serde_json::from_slice(&problem::body(&refusal, Some(exchange()))).unwrap();
    assert_eq!(
        document,
        serde_json::json!({
            "type": "urn:lgsp:problem:limit.rate",
            "title": RATE_EXCEEDED.title,
            "status": 429,
            "detail": "10 a second",
            "step": "limit",
            "blame": "caller",
            "remedy": RATE_EXCEEDED.remedy,
            "exchange": exchange().to_string(),
            "retry_after": 2,
        })
    );
    let bare: serde_json::Value =
        serde_json::from_slice(&problem::body(&Refusal::new(&RATE_EXCEEDED, ""), None)).unwrap();
    assert!(bare.get("exchange").is_none() && bare.get("retry_after").is_none());
}

#[test]
fn a_soap_1_1_fault_reads_as_agreed() {
    let refusal = Refusal::new(&RATE_EXCEEDED, "a<b & \"c\"").with_internal("secret").retry_after(2);
    let text = String::from_utf8(soap::fault(SoapVersion::V11, &refusal, Some(exchange())).to_vec()).unwrap();
    for part in [
        "<soap:Envelope xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\">",
        "<faultcode>soap:Client</faultcode>",
        "<faultstring>Too many calls in a short time: a&lt;b &amp; &quot;c&quot;</faultstring>",
        "<detail><p:problem xmlns:p=\"urn:lgsp:problem\"><p:type>urn:lgsp:problem:limit.rate</p:type>",
        "<p:status>429</p:status>",
        "<p:exchange>ex_",
        "<p:retry_after>2</p:retry_after></p:problem></detail>",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(!text.contains("secret"));
}

#[test]
fn a_soap_1_2_fault_reads_as_agreed() {
    let text = String::from_utf8(
        soap::fault(SoapVersion::V12, &Refusal::new(&ANSWER_MALFORMED, "x"), None).to_vec(),
    )
    .unwrap();
    for part in [
        "<soap:Envelope xmlns:soap=\"http://www.w3.org/2003/05/soap-envelope\">",
        "<soap:Code><soap:Value>soap:Receiver</soap:Value></soap:Code>",
        "<soap:Reason><soap:Text xml:lang=\"en\">",
        "<soap:Detail><p:problem",
        "<p:blame>provider</p:blame>",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(!text.contains("p:exchange"));
}

#[test]
fn every_kind_is_an_envelope_with_a_fault_in_both_versions() {
    for kind in ALL_KINDS {
        for version in [SoapVersion::V11, SoapVersion::V12] {
            let envelope =
                soap::inspect(&soap::fault(version, &Refusal::new(kind, "x"), Some(exchange()))).unwrap();
            assert_eq!((envelope.version, &*envelope.body_element), (version, "Fault"));
            assert_eq!(envelope.body_namespace, version.namespace());
        }
    }
}

/// The text of the first element with this name, by another parser.
fn text_of(document: &[u8], name: &str) -> String {
    let mut reader = quick_xml::Reader::from_reader(document);
    let (mut inside, mut text) = (false, String::new());
    loop {
        use quick_xml::events::Event;
        match reader.read_event().unwrap() {
            Event::Start(e) if e.name().as_ref() == name.as_bytes() => inside = true,
            Event::End(e) if e.name().as_ref() == name.as_bytes() => return text,
            Event::Text(t) if inside => text += &t.decode().unwrap(),
            Event::GeneralRef(r) if inside => match r.resolve_char_ref().unwrap() {
                Some(c) => text.push(c),
                None => text += quick_xml::escape::resolve_predefined_entity(&r.decode().unwrap()).unwrap(),
            },
            Event::Eof => return text,
            _ => {}
        }
    }
}

proptest! {
    #[test]
    fn whatever_the_detail_says_the_answer_is_well_formed(detail in any::<String>()) {
        let refusal = Refusal::new(&RATE_EXCEEDED, detail.clone());
        let document = problem::body(&refusal, None);
        prop_assert_eq!(json::guard(&document), Ok(()));
        let read: serde_json::Value = serde_json::from_slice(&document).unwrap();
        prop_assert_eq!(read["detail"].as_str(), Some(&*detail));
        for version in [SoapVersion::V11, SoapVersion::V12] {
            let fault = soap::fault(version, &refusal, None);
            prop_assert_eq!(xml::guard(&fault), Ok(()));
            let carried: String = detail
                .chars()
                .map(|c| if matches!(c, '\u{0}'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}') { '\u{fffd}' } else { c })
                .collect();
            prop_assert_eq!(text_of(&fault, "p:detail"), carried);
        }
    }
}
