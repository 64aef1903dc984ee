//! SOAP: what is inspected is well formed, has exactly the operation another parser sees, and every fault is an envelope.
#![no_main]

use lgsp_kernel::Refusal;
use lgsp_kernel::fault::BAD_SOAP;
use lgsp_wire::soap::{self, SoapVersion};
use lgsp_wire::xml::{self, XmlError};
use libfuzzer_sys::fuzz_target;
use quick_xml::NsReader;
use quick_xml::events::Event;

fuzz_target!(|data: &[u8]| {
    let guarded = xml::guard(data);
    match soap::inspect(data) {
        Ok(found) => {
            assert_eq!(guarded, Ok(()));
            assert!(!found.body_element.is_empty() && !found.body_element.contains(':'));
            assert_eq!(third_level(data).as_deref(), Some(&*found.body_element));
            assert!(found.expect_version(found.version).is_ok());
        }
        Err(fault) if matches!(fault.what, XmlError::NotSoap(_)) => {}
        Err(fault) => assert_eq!(guarded, Err(fault)),
    }

    let text = String::from_utf8_lossy(data);
    let _ = SoapVersion::of_content_type(&text);
    let _ = SoapVersion::of_content_type(&format!("application/soap+xml;{text}"));
    let _ = xml::check_charset(&text);
    assert!(soap::soap_action_header(&text).len() <= text.len());
    for version in [SoapVersion::V11, SoapVersion::V12] {
        let fault = soap::fault(version, &Refusal::new(&BAD_SOAP, &*text), None);
        let read = soap::inspect(&fault).expect("a fault is an envelope");
        assert_eq!((read.version, &*read.body_element), (version, "Fault"));
    }
});

/// The local name of the first element in the `Body`, as another parser finds it.
fn third_level(data: &[u8]) -> Option<String> {
    let mut reader = NsReader::from_reader(data);
    let (mut depth, mut in_body) = (0, false);
    loop {
        let event = reader.read_event().expect("the laxer parser reads it too");
        if let Event::Start(e) | Event::Empty(e) = &event {
            let local = String::from_utf8(e.local_name().as_ref().to_vec()).expect("UTF-8");
            match depth {
                1 => in_body = local == "Body",
                2 if in_body => return Some(local),
                _ => {}
            }
        }
        match event {
            Event::Start(_) => depth += 1,
            Event::End(_) => depth -= 1,
            Event::Eof => return None,
            _ => {}
        }
    }
}
