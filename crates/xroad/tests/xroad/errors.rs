//! How the edge refuses.

use lgsp_kernel::Refusal;
use lgsp_kernel::fault::{ALL_KINDS, NO_GRANT, PROVIDER_TIMEOUT};
use lgsp_xroad::error::XRoadError;

#[test]
fn every_refusal_has_a_type_of_the_document() {
    for kind in ALL_KINDS {
        let error = XRoadError::of_refusal(&Refusal::new(kind, "d"), "ex_1");
        let side = ["Client.", "Server.ClientProxy.", "Server.ServerProxy."];
        assert!(side.iter().any(|s| error.kind.starts_with(s)), "{}", error.kind);
        assert_eq!(error.status() == 400, error.kind.starts_with("Client."), "{}", kind.code);
        assert!(matches!(error.status(), 400 | 500));
    }
    let timeout = XRoadError::of_refusal(&Refusal::new(&PROVIDER_TIMEOUT, ""), "");
    assert_eq!(timeout.kind, "Server.ServerProxy.NetworkError");
    assert_eq!(
        XRoadError::of_refusal(&Refusal::new(&NO_GRANT, ""), "").kind,
        "Server.ServerProxy.AccessDenied"
    );
}

#[test]
fn errors_are_json_unless_xml_is_preferred() {
    let error = XRoadError::bad_request("a \"b\" <c>", "ex_1");
    let (headers, body) = error.rest(None);
    assert_eq!(headers["x-road-error"], "Client.BadRequest");
    assert_eq!(headers["content-type"], "application/json;charset=utf-8");
    let value: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(value["type"], "Client.BadRequest");
    assert_eq!((&value["message"], &value["detail"]), (&"a \"b\" <c>".into(), &"ex_1".into()));
    for xml in ["application/xml", "text/xml, application/json;q=0.5", "text/html, application/xml;q=0.2"] {
        let (headers, body) = error.rest(Some(xml));
        assert_eq!(headers["content-type"], "application/xml;charset=utf-8", "{xml}");
        lgsp_wire::xml::guard(&body).unwrap();
    }
    for json in [
        "*/*",
        "application/json, application/xml",
        "image/png",
        "application/xml;q=0",
        "application/xml;q=x",
    ] {
        assert!(error.rest(Some(json)).0["content-type"].to_str().unwrap().contains("json"), "{json}");
    }
}

#[test]
fn a_fault_has_the_documents_elements() {
    let fault = XRoadError::bad_request("a & b", "ex_1").fault();
    let text = String::from_utf8(fault.clone()).unwrap();
    let message = lgsp_xroad::soap::Message::parse(&fault).unwrap();
    assert!(message.is_fault());
    for part in [
        "<faultcode>Client.BadRequest</faultcode>",
        "<faultstring>a &amp; b</faultstring>",
        "<faultactor></faultactor>",
        "<detail><faultDetail xmlns=\"\">ex_1</faultDetail></detail>",
    ] {
        assert!(text.contains(part), "{part}");
    }
}
