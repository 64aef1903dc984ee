//! X-Road's SOAP headers: what is read is written and read back the same; an answer is completed into a well-formed one with one hash.
#![no_main]

use bytes::Bytes;
use lgsp_wire::xml;
use lgsp_xroad::id::{ClientId, ServiceId};
use lgsp_xroad::meta::without_endpoints;
use lgsp_xroad::soap::{Field, Header, Message, RequestHash, complete_answer, with_header};
use libfuzzer_sys::fuzz_target;

const ENVELOPE: &[u8] =
    b"<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/'><s:Body><a/></s:Body></s:Envelope>";

fuzz_target!(|data: &[u8]| {
    if let Ok(wsdl) = without_endpoints(data) {
        assert_eq!(xml::guard(&wsdl), Ok(()));
    }
    let text = String::from_utf8_lossy(data);
    if let Ok(id) = ClientId::parse(&text) {
        assert_eq!(ClientId::parse(&id.to_string()), Ok(id));
    }
    let body = Bytes::copy_from_slice(data);
    let Ok(message) = Message::parse(data) else { return };
    assert_eq!(xml::guard(data), Ok(()));
    let hash = RequestHash::of(data);
    let header = message.header.clone().unwrap_or_else(|| {
        let client = ClientId::parse("VN/GOV/H01").expect("an identifier");
        Header::new(client.clone(), ServiceId::new(client, "a", None).expect("an identifier"), "1")
    });
    let written = with_header(&header, &Bytes::from_static(ENVELOPE)).expect("an envelope without a header");
    assert_eq!(Message::parse(&written).expect("what was written").header.as_ref(), Some(&header));
    if let Ok(out) = complete_answer(&header, &body, &hash) {
        let read = Message::parse(&out).expect("a completed answer");
        if !message.is_fault() {
            let read = read.header.expect("it has a header");
            assert_eq!(read.request_hash, Some(hash));
            assert_eq!(read.order.iter().filter(|f| **f == Field::RequestHash).count(), 1);
        }
    }
});
