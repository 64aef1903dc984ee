//! The message protocol for SOAP.

use bytes::Bytes;
use lgsp_xroad::id::{ClientId, RepresentedParty, ServerId, ServiceId};
use lgsp_xroad::soap::{
    Field, Header, Message, RequestHash, SHA512_URI, SoapError, complete_answer, with_header,
};
use proptest::prelude::*;

const REQUEST: &str = include_str!("examples/request.xml");
const RESPONSE: &str = include_str!("examples/response.xml");
const WSDL: &str = include_str!("examples/getWsdl.xml");

fn refused(envelope: &str) -> SoapError {
    Message::parse_request(envelope.as_bytes()).expect_err(envelope)
}

fn request() -> Header {
    Message::parse_request(REQUEST.as_bytes()).unwrap().1
}

fn hash() -> RequestHash {
    RequestHash::of(REQUEST.as_bytes())
}

#[test]
fn the_documents_request_is_read() {
    let (message, header) = Message::parse_request(REQUEST.as_bytes()).unwrap();
    assert_eq!(header.client, ClientId::parse("EE/GOV/MEMBER1/SUBSYSTEM1").unwrap());
    let service = header.service.unwrap();
    assert_eq!(service.to_string(), "EE/GOV/MEMBER2/SUBSYSTEM2/exampleService/v1");
    assert_eq!(header.id, "4894e35d-bf0f-44a6-867a-8e51f1daa7e0");
    assert_eq!((header.user_id.as_deref(), header.issue.as_deref()), (Some("EE12345678901"), Some("12345")));
    assert_eq!(header.protocol_version, "4.0");
    assert_eq!(
        (&*message.body_namespace, &*message.body_element),
        ("http://producer.x-road.eu", "exampleService")
    );
    use Field::{Client, Id, Issue, ProtocolVersion, Service, UserId};
    assert_eq!(header.order, [Client, Service, Id, UserId, Issue, ProtocolVersion]);
}

#[test]
fn the_documents_response_is_read() {
    let message = Message::parse(RESPONSE.as_bytes()).unwrap();
    message.expect_answer("exampleService").unwrap();
    assert!(message.expect_answer("other").is_err());
    let hash = message.header.unwrap().request_hash.unwrap();
    assert_eq!(hash.algorithm, SHA512_URI);
    assert_eq!(
        hash.value,
        "29KTVbZf83XlfdYrsxjaSYMGoxvktnTUBTtA4BmSrh1egtRtvR9VY8QycYaVdsKtGJIh/8CpucYWPbWfaIgJDQ=="
    );
}

#[test]
fn the_documents_request_for_a_wsdl_is_read() {
    let (message, header) = Message::parse_request(WSDL.as_bytes()).unwrap();
    assert_eq!(message.wanted, Some(("getRandom".into(), Some("v1".into()))));
    assert_eq!((header.protocol_version.as_str(), header.order[0]), ("4.x", Field::ProtocolVersion));
}

#[test]
fn requests_that_break_the_rules_are_refused() {
    let without = |from: &str, to: &str| {
        let (head, rest) = REQUEST.split_once(from).unwrap();
        format!("{head}{}", rest.split_once(to).unwrap().1)
    };
    assert_eq!(refused(&without("<xrd:client", "</xrd:client>")), SoapError::Missing("client"));
    assert_eq!(refused(&without("<xrd:service", "</xrd:service>")), SoapError::Missing("service"));
    assert_eq!(refused(&without("<xrd:id>", "</xrd:id>")), SoapError::Missing("id"));
    assert_eq!(
        refused(&without("<xrd:prot", "</xrd:protocolVersion>")),
        SoapError::Missing("protocolVersion")
    );
    assert_eq!(refused(&without("<SOAP-ENV:Header>", "</SOAP-ENV:Header>")), SoapError::Missing("client"));
    let twice = REQUEST.replace("<xrd:issue>", "<xrd:id>x</xrd:id><xrd:issue>");
    assert_eq!(refused(&twice), SoapError::Duplicate("id"));
    assert_eq!(refused(&REQUEST.replace(">4.0<", ">3.1<")), SoapError::Protocol("3.1".into()));
    assert_eq!(refused(&REQUEST.replace(">4.0<", ">40<")), SoapError::Protocol("40".into()));
    assert!(Message::parse_request(REQUEST.replace(">4.0<", ">4.1<").as_bytes()).is_ok());
    assert_eq!(refused(&REQUEST.replace(">12345<", "><")), SoapError::Value("issue"));
    assert_eq!(refused(&REQUEST.replace(">12345<", "><b/><")), SoapError::Shape("issue"));
    assert_eq!(
        refused(&REQUEST.replace(">12345<", &format!(">{}<", "1".repeat(257)))),
        SoapError::Value("issue")
    );
    let other = REQUEST
        .replace("<ns1:exampleService>", "<ns1:other>")
        .replace("</ns1:exampleService>", "</ns1:other>");
    assert!(matches!(refused(&other), SoapError::Body { .. }));
    let central = "<xrd:centralService id:objectType=\"CENTRALSERVICE\"><id:xRoadInstance>EE</id:xRoadInstance><id:serviceCode>exampleService</id:serviceCode></xrd:centralService>";
    assert_eq!(
        refused(&REQUEST.replace("<xrd:issue>", &format!("{central}<xrd:issue>"))),
        SoapError::TwoServices
    );
    let only =
        without("<xrd:service", "</xrd:service>").replace("<xrd:issue>", &format!("{central}<xrd:issue>"));
    assert_eq!(Message::parse_request(only.as_bytes()).unwrap().1.service_code(), Some("exampleService"));
    let soap12 = REQUEST
        .replace("http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope");
    assert_eq!(refused(&soap12), SoapError::Version);
    for broken in
        ["", "<a/>", "{}", &REQUEST[..600], &REQUEST.replace("<SOAP-ENV:Body>", "<SOAP-ENV:Body>&x;")]
    {
        assert!(matches!(refused(broken), SoapError::Xml(_)), "{broken}");
    }
}

#[test]
fn identifiers_must_have_the_elements_of_their_type_in_their_order() {
    let change = |from: &str, to: &str| refused(&REQUEST.replacen(from, to, 1));
    assert_eq!(change("\"SUBSYSTEM\"", "\"MEMBER\""), SoapError::Shape("client"));
    assert_eq!(change("\"SERVICE\"", "\"SUBSYSTEM\""), SoapError::Shape("service"));
    assert_eq!(change(" id:objectType=\"SUBSYSTEM\"", ""), SoapError::Shape("client"));
    assert_eq!(
        change(" id:objectType=\"SUBSYSTEM\"", " objectType=\"SUBSYSTEM\""),
        SoapError::Shape("client")
    );
    assert_eq!(change("<id:memberClass>GOV</id:memberClass>", ""), SoapError::Shape("client"));
    let double = "<id:memberCode>A</id:memberCode><id:memberCode>MEMBER1<";
    assert_eq!(change("<id:memberCode>MEMBER1<", double), SoapError::Shape("client"));
    assert_eq!(
        change("<id:memberCode>MEMBER1<", "<id:memberCode><id:x>M</id:x><"),
        SoapError::Shape("client")
    );
    assert_eq!(
        change("<id:memberCode>MEMBER1</id:memberCode>", "<xrd:memberCode>M</xrd:memberCode>"),
        SoapError::Shape("client")
    );
    assert!(matches!(change(">MEMBER1<", "> <"), SoapError::Id { field: "client", .. }));
    assert!(matches!(change(">MEMBER1<", ">..<"), SoapError::Id { .. }));
    assert!(matches!(change(">MEMBER1<", ">A&#xA;B<"), SoapError::Id { .. }));
}

#[test]
fn a_field_cannot_hide_behind_a_namespace_written_in_another_way() {
    let hidden = REQUEST
        .replace("<xrd:issue>", "<y:client xmlns:y=\"http://x-road.eu/xsd/&#120;road.xsd\"/><xrd:issue>");
    assert_eq!(refused(&hidden), SoapError::Namespace);
    let rebound = REQUEST
        .replace("<xrd:issue>", "<q:id xmlns:q=\"http://x-road.eu/xsd/xroad.xsd\">2</q:id><xrd:issue>");
    assert_eq!(refused(&rebound), SoapError::Duplicate("id"));
}

#[test]
fn texts_read_as_xml_has_them() {
    let written = REQUEST.replace(">12345<", ">1&#50;<![CDATA[3&]]><!-- x -->&amp;45<");
    let header = Message::parse_request(written.as_bytes()).unwrap().1;
    assert_eq!(header.issue.as_deref(), Some("123&&45"));
    let marked = format!("\u{feff}{REQUEST}");
    assert_eq!(Message::parse_request(marked.as_bytes()).unwrap().1, request());
}

#[test]
fn an_answer_gets_the_requests_hash_and_stays_as_it_is_otherwise() {
    let answer = Bytes::from_static(RESPONSE.as_bytes());
    let out = complete_answer(&request(), &answer, &hash()).unwrap();
    let text = std::str::from_utf8(&out).unwrap();
    assert_eq!(text.matches("requestHash ").count(), 1);
    assert!(!text.contains("29KTVb"), "the provider's own hash is replaced");
    assert_eq!(Message::parse(&out).unwrap().header.unwrap().request_hash, Some(hash()));
    let body = RESPONSE.split_once("</SOAP-ENV:Header>").unwrap().1;
    assert!(text.ends_with(body));
    assert!(text.starts_with(RESPONSE.split_once("<xrd:requestHash").unwrap().0));
    // With a byte order mark the places are the same.
    let marked = Bytes::from(format!("\u{feff}{RESPONSE}"));
    let out = complete_answer(&request(), &marked, &hash()).unwrap();
    assert_eq!(&out[3..], text.as_bytes());
}

#[test]
fn an_answer_of_a_provider_that_does_not_know_x_road_gets_the_requests_header() {
    for answer in [
        "<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/'><s:Body><exampleServiceResponse/></s:Body></s:Envelope>",
        "<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/'><s:Header /><s:Body><exampleServiceResponse/></s:Body></s:Envelope>",
        "<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/'><s:Header k='1'><a/></s:Header><s:Body><exampleServiceResponse/></s:Body></s:Envelope>",
        "\u{feff}<Envelope xmlns='http://schemas.xmlsoap.org/soap/envelope/'><Body><exampleServiceResponse/></Body></Envelope>",
    ] {
        let out = complete_answer(&request(), &Bytes::from_static(answer.as_bytes()), &hash()).unwrap();
        let message = Message::parse(&out).unwrap();
        message.expect_answer("exampleService").unwrap();
        let mut header = message.header.unwrap();
        assert_eq!(header.request_hash.take(), Some(hash()));
        assert_eq!(header.order.pop(), Some(Field::RequestHash));
        assert_eq!(header, request(), "{answer}");
    }
}

#[test]
fn an_answer_that_belongs_to_another_request_is_refused() {
    for (from, to, field) in [
        ("MEMBER1<", "MEMBER9<", "client"),
        ("MEMBER2<", "MEMBER9<", "service"),
        (">4894e35d", ">5894e35d", "id"),
        (">EE123", ">EE923", "userId"),
        (">12345<", ">12346<", "issue"),
    ] {
        let answer = Bytes::from(RESPONSE.replace(from, to));
        assert_eq!(complete_answer(&request(), &answer, &hash()), Err(SoapError::Inconsistent(field)));
    }
    let fault = Bytes::from(lgsp_xroad::error::XRoadError::bad_request("x", "y").fault());
    assert_eq!(complete_answer(&request(), &fault, &hash()).unwrap(), fault);
    assert!(complete_answer(&request(), &Bytes::from_static(b"<html/>"), &hash()).is_err());
}

#[test]
fn headers_of_our_own_read_back() {
    let client = ClientId::new("VN", "GOV", "H01.15", Some("motcua & <co>")).unwrap();
    let provider = ClientId::new("VN", "GOV", "G22", None).unwrap();
    let service = ServiceId::new(provider, "traCuu", Some("v1")).unwrap();
    let mut header =
        Header::new(client, service, "id-1").with_user("VN1 \"x\"").with_issue("H01-261122-0001");
    header.security_server = Some(ServerId::parse("VN/GOV/G22/ss1").unwrap());
    header.represented_party = Some(RepresentedParty { class: Some("COM".into()), code: "0101".into() });
    header.order.extend([Field::SecurityServer, Field::RepresentedParty]);
    let envelope = Bytes::from_static(
        b"<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/'><s:Body><traCuu/></s:Body></s:Envelope>",
    );
    let out = with_header(&header, &envelope).unwrap();
    assert_eq!(Message::parse_request(&out).unwrap().1, header);
    assert_eq!(with_header(&header, &out), Err(SoapError::Duplicate("client")));
}

#[test]
fn the_request_hash_is_sha512_of_the_bytes() {
    // sha512sum of "abc" (FIPS 180-2).
    let abc = "3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw==";
    assert_eq!(RequestHash::of(b"abc"), RequestHash { algorithm: SHA512_URI.into(), value: abc.into() });
}

proptest! {
    #[test]
    fn any_header_reads_back(parts in prop::collection::vec("[^\\p{C}]{1,12}", 6), user in "[^\\p{C}]{1,20}") {
        let trimmed: Vec<&str> = parts.iter().map(|p| p.trim()).collect();
        let Ok(client) = ClientId::new(trimmed[0], trimmed[1], trimmed[2], Some(trimmed[3])) else { return Ok(()) };
        let Ok(service) = ServiceId::new(client.owner(), trimmed[4], None) else { return Ok(()) };
        if user.trim().is_empty() {
            return Ok(());
        }
        let header = Header::new(client, service, "1").with_user(user.trim());
        let envelope = Bytes::from_static(
            b"<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/'><s:Body><x/></s:Body></s:Envelope>",
        );
        let out = with_header(&header, &envelope).unwrap();
        prop_assert_eq!(Message::parse(&out).unwrap().header, Some(header));
    }

    #[test]
    fn a_changed_envelope_is_read_or_refused(at in 0..REQUEST.len(), with in any::<u8>()) {
        let mut bytes = REQUEST.as_bytes().to_vec();
        bytes[at] = with;
        let _ = Message::parse_request(&bytes);
        let _ = complete_answer(&request(), &Bytes::from(bytes), &hash());
    }
}
