//! Service metadata.

use lgsp_xroad::id::{ClientId, ServiceId};
use lgsp_xroad::meta::{
    self, Catalogue, Client, ENDPOINT, MetaService, Plain, Service, ServiceKind, without_endpoints,
};
use lgsp_xroad::mime::Multipart;
use lgsp_xroad::soap::{Message, RequestHash};

fn client(id: &str, name: &str, subsystem_name: Option<&str>) -> Client {
    Client {
        id: ClientId::parse(id).unwrap(),
        name: Some(name.into()),
        subsystem_name: subsystem_name.map(str::to_owned),
    }
}

fn service(id: &str, version: Option<&str>, kind: ServiceKind, endpoints: &[(&str, &str)]) -> Service {
    let parsed = ServiceId::parse(id).unwrap();
    Service {
        id: ServiceId { version: version.map(str::to_owned), ..parsed },
        kind,
        endpoints: endpoints.iter().map(|(m, p)| ((*m).into(), (*p).into())).collect(),
    }
}

fn catalogue() -> Catalogue {
    Catalogue {
        clients: vec![
            client("AA/GOV/TS1OWNER", "TS1 Owner", None),
            client("AA/ENT/CLIENT1/sub", "Client One", Some("Client One Sub")),
            client("BB/GOV/X", "Tên <b>", None),
        ],
        services: vec![
            service(
                "INSTANCE/CLASS2/MEMBER2/SUBSYSTEM2/payloadgen",
                None,
                ServiceKind::OpenApi,
                &[("PUT", "/pet"), ("GET", "/pet/*")],
            ),
            service("INSTANCE/CLASS2/MEMBER2/SUBSYSTEM2/kore", None, ServiceKind::Rest, &[]),
            service("INSTANCE/CLASS2/MEMBER2/SUBSYSTEM2/listMethods", None, ServiceKind::Rest, &[]),
            service("INSTANCE/CLASS2/MEMBER2/OTHER/kore", None, ServiceKind::Rest, &[]),
            service("FI/COM/111/SUB/getRandom", Some("v1"), ServiceKind::Soap, &[]),
            service("FI/COM/111/SUB/rest", None, ServiceKind::Rest, &[]),
        ],
    }
}

#[test]
fn clients_are_listed_as_in_the_documents_example() {
    let (content_type, body) = catalogue().list_clients(Some("AA"), Some("application/json"));
    assert!(content_type.starts_with("application/json"));
    let found: serde_json::Value = serde_json::from_slice(&body).unwrap();
    let expected = serde_json::json!({"member": [
        {"id": {"member_class": "GOV", "member_code": "TS1OWNER", "object_type": "MEMBER", "xroad_instance": "AA"}, "name": "TS1 Owner"},
        {"id": {"member_class": "ENT", "member_code": "CLIENT1", "subsystem_code": "sub", "object_type": "SUBSYSTEM", "xroad_instance": "AA"},
         "name": "Client One", "subsystem_name": "Client One Sub"}
    ]});
    assert_eq!(found, expected);
    let (content_type, body) = catalogue().list_clients(None, Some("*/*"));
    assert!(content_type.starts_with("text/xml"));
    lgsp_wire::xml::guard(&body).unwrap();
    let text = String::from_utf8(body.to_vec()).unwrap();
    assert!(text.contains("<xrd:name>Tên &lt;b&gt;</xrd:name>") && text.contains("id:objectType=\"MEMBER\""));
    assert!(text.contains("<xrd:subsystemName>Client One Sub</xrd:subsystemName>"));
    assert_eq!(text.matches("<xrd:member>").count(), 3);
}

#[test]
fn rest_services_are_listed_without_those_of_the_protocol_itself() {
    let provider = ClientId::parse("INSTANCE/CLASS2/MEMBER2/SUBSYSTEM2").unwrap();
    let (_, body) = catalogue().rest_methods(&provider);
    let found: serde_json::Value = serde_json::from_slice(&body).unwrap();
    let expected = serde_json::json!({"service": [
        {"member_class": "CLASS2", "member_code": "MEMBER2", "object_type": "SERVICE", "service_code": "payloadgen", "service_type": "OPENAPI",
         "subsystem_code": "SUBSYSTEM2", "xroad_instance": "INSTANCE",
         "endpoint_list": [{"method": "PUT", "path": "/pet"}, {"method": "GET", "path": "/pet/*"}]},
        {"member_class": "CLASS2", "member_code": "MEMBER2", "object_type": "SERVICE", "service_code": "kore", "service_type": "REST",
         "subsystem_code": "SUBSYSTEM2", "xroad_instance": "INSTANCE", "endpoint_list": []}
    ]});
    assert_eq!(found, expected);
}

#[test]
fn soap_services_are_listed_in_an_answer_to_the_request() {
    let envelope = include_str!("examples/getWsdl.xml").replace("getWsdl", "listMethods");
    let (_, header) = Message::parse_request(envelope.as_bytes()).unwrap();
    let hash = RequestHash::of(envelope.as_bytes());
    let answer = catalogue().soap_methods(MetaService::ListMethods, &header, &hash).unwrap();
    let message = Message::parse(&answer).unwrap();
    message.expect_answer("listMethods").unwrap();
    assert_eq!(message.header.unwrap().request_hash, Some(hash));
    let text = String::from_utf8(answer.to_vec()).unwrap();
    assert_eq!(
        text.matches("<id:serviceCode>getRandom</id:serviceCode><id:serviceVersion>v1</id:serviceVersion>")
            .count(),
        1
    );
    assert!(!text.contains(">rest<"));
}

#[test]
fn a_wsdl_is_answered_as_an_attachment_without_its_addresses() {
    let wsdl = br#"<?xml version="1.0"?><w:definitions xmlns:w="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/">
 <w:service name="s"><w:port binding="b" name="p"><soap:address location="http://some-server.company.com:8080/testService/Endpoint"/></w:port>
 <w:port><x:address xmlns:x='http://schemas.xmlsoap.org/wsdl/soap12/' k='"' location = 'https://10.0.0.1/'></x:address></w:port>
 <address location="kept"/></w:service></w:definitions>"#;
    let (message, header) = Message::parse_request(include_bytes!("examples/getWsdl.xml")).unwrap();
    let hash = RequestHash::of(b"x");
    let wanted = message.wanted.unwrap();
    let (content_type, body) = meta::wsdl_answer(&header, &hash, &wanted, wsdl, "b1").unwrap().unwrap();
    let read = Multipart::parse(&content_type, &body).unwrap();
    let answer = Message::parse(read.soap()).unwrap();
    answer.expect_answer("getWsdl").unwrap();
    assert!(
        String::from_utf8(read.soap().to_vec()).unwrap().contains(
            "<xrd:serviceCode>getRandom</xrd:serviceCode><xrd:serviceVersion>v1</xrd:serviceVersion>"
        )
    );
    let attachment = String::from_utf8(read.attachments()[0].content.to_vec()).unwrap();
    assert!(!attachment.contains("company.com") && !attachment.contains("10.0.0.1"), "{attachment}");
    assert_eq!(attachment.matches(ENDPOINT).count(), 2);
    assert!(
        attachment.contains("<address location=\"kept\"/>")
            && attachment.starts_with("<?xml version=\"1.0\"?><w:def")
    );
    lgsp_wire::xml::guard(attachment.as_bytes()).unwrap();
    assert!(without_endpoints(b"<a").is_err());
    assert!(meta::wsdl_answer(&header, &hash, &wanted, b"<a>--b1</a>", "b1").unwrap().is_none());
}

#[test]
fn plain_requests_are_read() {
    assert_eq!(Plain::parse("/listClients", None), Some(Ok(Plain::ListClients { instance: None })));
    assert_eq!(
        Plain::parse("/listClients", Some("xRoadInstance=AA")),
        Some(Ok(Plain::ListClients { instance: Some("AA".into()) }))
    );
    let query =
        "xRoadInstance=FI&memberClass=COM&memberCode=111&subsystemCode=SUB&serviceCode=getRandom&version=v1";
    let Some(Ok(Plain::Wsdl(service))) = Plain::parse("/wsdl", Some(query)) else { panic!() };
    assert_eq!(service.to_string(), "FI/COM/111/SUB/getRandom/v1");
    assert_eq!(Plain::parse("/other", None), None);
    for bad in [
        "",
        "xRoadInstance=FI",
        "xRoadInstance=FI&memberClass=..&memberCode=1&serviceCode=x",
        "xRoadInstance=a&xRoadInstance=b",
    ] {
        assert!(matches!(Plain::parse("/wsdl", Some(bad)), Some(Err(_))), "{bad}");
    }
    assert_eq!(meta::open_api_wanted(Some("serviceCode=listFirms")).unwrap(), "listFirms");
    for bad in
        [None, Some(""), Some("serviceCode="), Some("serviceCode=a&serviceCode=b"), Some("serviceCode=%00")]
    {
        assert!(meta::open_api_wanted(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn the_protocols_own_services_are_known_by_their_codes() {
    for code in ["listMethods", "allowedMethods", "getOpenAPI", "getWsdl"] {
        assert_eq!(MetaService::of(code).unwrap().code(), code);
    }
    assert_eq!(MetaService::of("getopenapi"), None);
}
