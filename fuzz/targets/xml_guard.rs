//! XML: what passes the guard passes a laxer parser with the same elements, and escaped text is always well formed.
#![no_main]

use lgsp_wire::xml;
use libfuzzer_sys::fuzz_target;
use quick_xml::events::Event;

fuzz_target!(|data: &[u8]| {
    if xml::guard(data).is_ok() {
        read_by_oracle(data);
        // A second root is never accepted.
        assert!(xml::guard(&[data, b"<a/>"].concat()).is_err());
    }
    let text = String::from_utf8_lossy(data);
    let mut document = String::from("<a b=\"");
    xml::escape_into(&mut document, &text);
    document.push_str("\">");
    xml::escape_into(&mut document, &text);
    document.push_str("</a>");
    assert_eq!(xml::guard(document.as_bytes()), Ok(()));
});

fn read_by_oracle(data: &[u8]) {
    let mut reader = quick_xml::Reader::from_reader(data);
    reader.config_mut().enable_all_checks(true);
    loop {
        match reader.read_event().expect("the laxer parser reads it too") {
            Event::Start(e) | Event::Empty(e) => {
                for attribute in e.attributes() {
                    attribute.expect("its attributes are well formed");
                }
            }
            Event::DocType(_) => panic!("a DOCTYPE passed"),
            Event::Eof => return,
            _ => {}
        }
    }
}
