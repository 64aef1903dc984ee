//! SOAP: which version, which operation, and what is not an envelope.

use lgsp_wire::soap::{self, Envelope, SoapVersion};
use lgsp_wire::xml::{self, XmlError};
use proptest::prelude::*;

const NS11: &str = soap::ENVELOPE_11;
const NS12: &str = soap::ENVELOPE_12;

fn envelope(namespace: &str, content: &str) -> String {
    format!("<?xml version=\"1.0\"?><s:Envelope xmlns:s=\"{namespace}\">{content}</s:Envelope>")
}

fn inspect(document: &str) -> Result<Envelope, XmlError> {
    soap::inspect(document.as_bytes()).map_err(|f| f.what)
}

#[test]
fn the_version_and_the_first_body_element_are_found() {
    let call = "<TraCuuThongTinCongDan xmlns=\"http://dancuquocgia.bca\"><MaYeuCau>1</MaYeuCau></TraCuuThongTinCongDan>";
    for (namespace, version) in [(NS11, SoapVersion::V11), (NS12, SoapVersion::V12)] {
        for header in [
            "",
            "<s:Header/>",
            "<s:Header><w:Security xmlns:w=\"urn:w\"><s:Body/></w:Security></s:Header>",
            "<!-- x --> \n",
        ] {
            let found = inspect(&envelope(namespace, &format!("{header}<s:Body> {call} </s:Body>"))).unwrap();
            assert_eq!(found.version, version);
            assert_eq!(found.body_namespace, "http://dancuquocgia.bca");
            assert_eq!(found.body_element, "TraCuuThongTinCongDan");
        }
    }
}

#[test]
fn prefixes_are_only_prefixes() {
    let odd = format!(
        "<Envelope xmlns='{NS11}'><Body><x:Op xmlns:x='urn:&#x6F;p' xmlns='urn:other'/></Body></Envelope>"
    );
    let found = inspect(&odd).unwrap();
    assert_eq!((&*found.body_namespace, &*found.body_element), ("urn:op", "Op"));
    let none = format!("<e:Envelope xmlns:e='{NS12}'><e:Body><Op/></e:Body></e:Envelope>");
    assert_eq!(inspect(&none).unwrap().body_namespace, "");
}

#[test]
fn a_body_with_several_elements_is_refused_because_receivers_disagree_which_of_them_is_the_call() {
    for namespace in [NS11, NS12] {
        let two = envelope(namespace, "<s:Body><a xmlns='urn:x'/><b xmlns='urn:x'/></s:Body>");
        let why = XmlError::NotSoap("its Body has more than one element".into());
        assert_eq!(inspect(&two), Err(why));
    }
}

#[test]
fn processing_instructions_are_refused_wherever_they_are() {
    let body = "<s:Body><a/></s:Body>";
    for document in [
        format!("<?php x?>{}", envelope(NS11, body).trim_start_matches("<?xml version=\"1.0\"?>")),
        envelope(NS11, &format!("<?a?>{body}")),
        envelope(NS12, "<s:Header><?a b?></s:Header><s:Body><a/></s:Body>"),
        envelope(NS11, "<s:Body><a><?xml-stylesheet href='x'?></a></s:Body>"),
        envelope(NS12, body) + "<?a?>",
    ] {
        assert_eq!(
            inspect(&document),
            Err(XmlError::NotSoap("it has a processing instruction".into())),
            "{document}"
        );
    }
}

#[test]
fn what_is_not_an_envelope_is_refused_as_soap() {
    let body = "<s:Body><a/></s:Body>";
    for (document, why) in [
        ("<a/>".to_owned(), "the root element is \"a\""),
        ("<Envelope/>".to_owned(), "\"\" is not an envelope's namespace of SOAP 1.1 or 1.2"),
        (
            envelope("http://schemas.xmlsoap.org/soap/envelope", body),
            "\"http://schemas.xmlsoap.org/soap/envelope\" is not an envelope's namespace of SOAP 1.1 or 1.2",
        ),
        (envelope(NS11, ""), "it has no Body"),
        (envelope(NS11, "<s:Header/>"), "it has no Body"),
        (envelope(NS11, "<s:Body/>"), "its Body is empty"),
        (envelope(NS11, "<s:Body>text</s:Body>"), "its Body is empty"),
        (envelope(NS11, &format!("{body}{body}")), "it has two Body elements"),
        (
            envelope(NS11, &format!("{body}<s:Header/>")),
            "its parts must be one optional Header, then one Body",
        ),
        (
            envelope(NS11, &format!("<s:Header/><s:Header/>{body}")),
            "its parts must be one optional Header, then one Body",
        ),
        (envelope(NS11, "<Body><a/></Body>"), "the Envelope holds an element that is not SOAP's"),
        (
            envelope(NS11, &format!("<s:Body xmlns:s='{NS12}'><a/></s:Body>")),
            "the Envelope holds an element that is not SOAP's",
        ),
        (envelope(NS11, &format!("{body}<x/>")), "the Envelope holds an element that is not SOAP's"),
        (envelope(NS11, &format!("x{body}")), "there is text in the Envelope"),
    ] {
        assert_eq!(inspect(&document), Err(XmlError::NotSoap(why.into())), "{document}");
    }
    let refusal = soap::inspect(b"<a/>").expect_err("no envelope").refusal();
    assert_eq!(refusal.kind.code, "validate.soap");
}

#[test]
fn an_envelope_is_read_to_its_end_although_its_operation_is_known_early() {
    let body = "<s:Body><a/></s:Body>";
    for document in [
        envelope(NS11, body) + "<x/>",
        envelope(NS11, &format!("{body}<!-- -- -->")),
        envelope(NS11, "<s:Body><a>&xxe;</a></s:Body>"),
        format!("<!DOCTYPE a>{}", envelope(NS11, body)),
        envelope(NS11, "<s:Body><a b='' b=''/></s:Body>"),
        envelope(NS11, "<s:Body><a/>").replace("</s:Envelope>", ""),
    ] {
        assert!(inspect(&document).is_err(), "{document}");
    }
}

#[test]
fn content_types_announce_versions() {
    let of = SoapVersion::of_content_type;
    assert_eq!(of("text/xml"), Some((SoapVersion::V11, None)));
    assert_eq!(of("Text/XML ; charset=UTF-8"), Some((SoapVersion::V11, None)));
    assert_eq!(of("application/soap+xml"), Some((SoapVersion::V12, None)));
    assert_eq!(
        of("application/soap+xml;charset=utf-8;action=\"urn:a;b\""),
        Some((SoapVersion::V12, Some("urn:a;b".into())))
    );
    assert_eq!(of("application/soap+xml; Action = urn:x"), Some((SoapVersion::V12, Some("urn:x".into()))));
    assert_eq!(of("application/soap+xml; action=\"urn:open"), Some((SoapVersion::V12, None)));
    for other in
        ["", ";", "application/xml", "text/xmlx", "application/json", "multipart/related; type=\"text/xml\""]
    {
        assert_eq!(of(other), None, "{other}");
    }
}

#[test]
fn a_version_other_than_the_announced_one_is_refused() {
    let found = inspect(&envelope(NS12, "<s:Body><a/></s:Body>")).unwrap();
    assert_eq!(found.expect_version(SoapVersion::V12), Ok(()));
    let fault = found.expect_version(SoapVersion::V11).expect_err("mismatch");
    assert!(fault.to_string().contains("SOAP 1.2, its content type says SOAP 1.1"), "{fault}");
}

#[test]
fn the_action_header_loses_its_quotes_only() {
    for (header, action) in
        [("\"urn:a\"", "urn:a"), ("urn:a", "urn:a"), ("\"\"", ""), ("", ""), (" \"x\" ", "x"), ("\"", "\"")]
    {
        assert_eq!(soap::soap_action_header(header), action, "{header:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn an_envelope_that_is_inspected_is_well_formed(
        parts in prop::collection::vec(prop::sample::select(vec![
            "<s:Body>", "</s:Body>", "<s:Header>", "</s:Header>", "<a/>", "<a>", "</a>", "x", "&amp;", "<!-- -->", "<![CDATA[y]]>", "<s:Body/>",
        ]), 0..10),
    ) {
        let document = envelope(NS11, &parts.concat());
        let (guard, inspected) = (xml::guard(document.as_bytes()), soap::inspect(document.as_bytes()));
        match &inspected {
            Ok(_) => prop_assert!(guard.is_ok()),
            Err(f) if matches!(f.what, XmlError::NotSoap(_)) => {}
            Err(f) => prop_assert_eq!(guard, Err(f.clone())),
        }
    }
}
