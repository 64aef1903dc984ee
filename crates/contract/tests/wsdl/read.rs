//! What is read of a WSDL, what is refused, and by which name.

use crate::{bundle, load, load_port, one, shown, text};
use bytes::Bytes;
use lgsp_contract::wsdl::{self, Choose, OPERATIONS_MAX, SoapVersion, Style};
use lgsp_schema::bundle::Bundle;
use lgsp_schema::model::{Content, QName, Term, TypeId};
use std::fmt::Write as _;
use std::time::Instant;

#[test]
fn the_population_service_is_read() {
    let w = load("population/service037.wsdl");
    assert_eq!(w.operations.len(), 1);
    let op = &w.operations[0];
    assert_eq!(
        (&*op.name, op.style, op.wrapped, op.version),
        ("TraCuuThongTinCongDan", Style::Document, true, SoapVersion::V11)
    );
    assert_eq!(op.soap_action.as_deref(), Some(""));
    let input = op.input.element.as_ref().unwrap();
    assert_eq!(input.name, QName::new("http://dancuquocgia.bca", "TraCuuThongTinCongDan"));
    let output = op.output.as_ref().unwrap().element.as_ref().unwrap();
    assert_eq!(output.name, QName::new("http://www.mic.gov.vn/dancu/1.0", "CongdanCollection"));
    assert_eq!(w.port().address.as_deref(), Some("http://localhost/dancu/037"));
    assert!(op.doc.as_ref().unwrap().starts_with("Tra cứu"));
    assert!(op.unsupported.is_empty() && w.warnings.is_empty(), "{}", shown(&w.warnings));
    assert!(w.operation_of(&input.name, "").is_some());
}

#[test]
fn soap_11_is_preferred_and_12_is_taken_by_name() {
    let w = load("dotnet/HoSoService.wsdl");
    assert_eq!((w.version, &*w.port().name), (SoapVersion::V11, "HoSoServiceSoap"));
    let named = Choose { service: Some("HoSoService".into()), port: Some("HoSoServiceSoap12".into()) };
    let w = load_port("dotnet/HoSoService.wsdl", &named);
    assert_eq!(w.version, SoapVersion::V12);
    assert!(w.operations.iter().all(|o| o.version == SoapVersion::V12 && o.unsupported.is_empty()));
    assert_eq!(w.operations[0].input.headers.len(), 1);
    assert!(w.warnings.iter().any(|p| p.message.contains("HoSoServiceHttpGet is not SOAP")));
    let (bundle, main) = bundle("dotnet/HoSoService.wsdl");
    let missing = Choose { port: Some("Other".into()), ..Choose::default() };
    let refused = shown(&wsdl::read(&bundle, &main, &missing).unwrap_err());
    assert!(refused.contains("HoSoService/HoSoServiceSoap12"), "{refused}");
}

#[test]
fn imports_faults_and_one_way_operations_are_read() {
    let w = load("java/organisations.wsdl");
    let op = w.operation("getOrganisation").unwrap();
    assert!(op.unsupported.is_empty(), "{}", shown(&op.unsupported));
    assert_eq!(&*op.faults[0].name, "NotFound");
    assert_eq!(op.faults[0].element.name, QName::new("http://types.organisations.example/", "NotFound"));
    assert!(w.operation("notify").unwrap().output.is_none());
}

#[test]
fn rpc_bodies_get_an_element_of_their_own() {
    let w = load("rpc/registry.wsdl");
    let op = w.operation("count").unwrap();
    assert_eq!(op.style, Style::Rpc);
    let element = op.input.element.as_ref().unwrap();
    assert_eq!(element.name, QName::new("urn:registry", "count"));
    let TypeId::Complex(id) = element.ty else { panic!() };
    let Content::Group(group) = &w.model.complex(id).content else { panic!() };
    let Term::Sequence(parts) = &group.term else { panic!() };
    let Term::Element(province) = &parts[0].term else { panic!() };
    assert_eq!((parts.len(), &province.name), (2, &QName::new("", "province")));
    assert_eq!(&*op.output.as_ref().unwrap().element.as_ref().unwrap().name.local, "countResponse");
    let key = op.input.key.as_ref().unwrap();
    assert_eq!(&w.model.elements[key], element);
}

#[test]
fn attachments_and_announcements_are_recognized() {
    let w = load("attachments/documents.wsdl");
    assert!(w.operations.iter().all(|o| o.mtom));
    let send = w.operation("send").unwrap();
    assert!(send.unsupported.is_empty(), "{}", shown(&send.unsupported));
    let letter = &send.input.attachments[0];
    assert_eq!((&*letter.part, letter.media_types.len()), ("letter", 2));
    assert!(w.warnings.iter().any(|p| p.construct == "wsaw:UsingAddressing"));
}

/// The rpc fixture with something replaced.
fn altered(from: &str, to: &str) -> Result<wsdl::Wsdl, String> {
    let original = text("rpc/registry.wsdl");
    assert!(original.contains(from), "{from}");
    wsdl::read(&one(original.replace(from, to)), "a.wsdl", &Choose::default()).map_err(|p| shown(&p))
}

#[test]
fn what_has_no_reading_is_named_per_operation() {
    for (from, to, construct) in [
        ("use=\"literal\"", "use=\"encoded\"", "soap:body use=\"encoded\""),
        ("style=\"rpc\"", "style=\"document\"", "wsdl:part"),
        (
            "<part name=\"province\" type=\"xsd:string\"/>",
            "<part name=\"province\" element=\"tns:x\"/>",
            "wsdl:part element",
        ),
        (
            "<operation name=\"count\"><input message=\"tns:countIn\"/><output message=\"tns:countOut\"/>",
            "<operation name=\"count\"><output message=\"tns:countOut\"/><input message=\"tns:countIn\"/>",
            "wsdl:operation",
        ),
    ] {
        let w = altered(from, to).unwrap();
        let op = w.operation("count").unwrap();
        assert!(
            op.unsupported.iter().any(|p| p.construct == construct && p.place.is_some()),
            "{to}: {}",
            shown(&op.unsupported)
        );
    }
    let w =
        altered("<part name=\"total\" type=\"xsd:integer\"/>", "<part name=\"total\" type=\"xsd:QName\"/>")
            .unwrap();
    assert!(!w.operation("count").unwrap().unsupported.is_empty());
    assert!(w.operation("touch").unwrap().unsupported.is_empty());
    // The others are converted all the same.
    crate::messages::codec(&w);
}

#[test]
fn what_leads_nowhere_is_refused_with_its_place() {
    for (from, to, said) in [
        (
            "type=\"tns:RegistryPort\"",
            "type=\"tns:Other\"",
            "a.wsdl:18:3: wsdl:portType: {urn:registry}Other is not defined",
        ),
        ("transport=\"http://schemas.xmlsoap.org/soap/http\"", "transport=\"urn:jms\"", "is not HTTP"),
        ("<operation name=\"touch\">\n", "<operation name=\"other\">\n", "has no operation \"other\""),
        ("<types>", "<import namespace=\"x\" location=\"http://a.example/x.wsdl\"/><types>", "never fetched"),
        ("<types>", "<import namespace=\"x\" location=\"x.wsdl\"/><types>", "not among the files"),
        ("<types>", "<types>&xxe;", "entity"),
        ("<definitions", "<!DOCTYPE definitions><definitions", "DOCTYPE"),
        ("</definitions>", "", "ends inside an element"),
        ("\"http://schemas.xmlsoap.org/wsdl/\"", "\"http://www.w3.org/ns/wsdl\"", "WSDL 2.0"),
    ] {
        let refused = altered(from, to).unwrap_err();
        assert!(refused.contains(said), "{to}: {refused}");
    }
}

#[test]
fn harmless_errors_are_warned_of() {
    let w = altered("binding=\"tns:RegistryBinding\"", "xmlns:o=\"urn:other\" binding=\"o:RegistryBinding\"")
        .unwrap();
    assert!(w.warnings.iter().any(|p| p.construct == "wsdl:binding"), "{}", shown(&w.warnings));
    let w = altered(" namespace=\"urn:registry\"/></input>", "/></input>").unwrap();
    assert!(w.warnings.iter().any(|p| p.message.contains("R2717")));
    let w = altered("<soap:operation soapAction=\"urn:registry#count\"/>", "<soap:operation/>").unwrap();
    assert_eq!(w.operation("count").unwrap().soap_action, None);
}

#[test]
fn wsdl_files_that_import_each_other_are_read_once() {
    let main = text("rpc/registry.wsdl")
        .replace("<types>", "<import namespace=\"urn:b\" location=\"b.wsdl\"/><types>");
    let other = "<definitions xmlns='http://schemas.xmlsoap.org/wsdl/' targetNamespace='urn:b'>\
                 <import namespace='urn:registry' location='a.wsdl'/></definitions>";
    let files = [
        ("a.wsdl".to_owned(), Bytes::from(main)),
        ("b.wsdl".to_owned(), Bytes::from_static(other.as_bytes())),
    ];
    let bundle = Bundle::new(files.into()).unwrap();
    assert_eq!(wsdl::read(&bundle, "a.wsdl", &Choose::default()).unwrap().operations.len(), 2);
}

/// A WSDL of so many operations, each with elements of its own.
fn large(operations: usize) -> String {
    let mut types = String::new();
    let (mut messages, mut port, mut binding) = (String::new(), String::new(), String::new());
    for i in 0..operations {
        let doc = "Tra cứu ".repeat(200);
        write!(
            types,
            "<x:element name='op{i}'><x:annotation><x:documentation>{doc}</x:documentation></x:annotation><x:complexType><x:sequence>\
             <x:element name='a' type='x:string'/></x:sequence></x:complexType></x:element>"
        )
        .unwrap();
        write!(messages, "<message name='m{i}'><part name='p' element='t:op{i}'/></message>").unwrap();
        write!(port, "<operation name='op{i}'><input message='t:m{i}'/></operation>").unwrap();
        write!(binding, "<operation name='op{i}'><s:operation soapAction=''/><input><s:body use='literal'/></input></operation>").unwrap();
    }
    format!(
        "<definitions xmlns='http://schemas.xmlsoap.org/wsdl/' xmlns:s='http://schemas.xmlsoap.org/wsdl/soap/' \
         xmlns:x='http://www.w3.org/2001/XMLSchema' xmlns:t='urn:t' targetNamespace='urn:t'><types><x:schema targetNamespace='urn:t'>{types}\
         </x:schema></types>{messages}<portType name='P'>{port}</portType><binding name='B' type='t:P'>\
         <s:binding transport='http://schemas.xmlsoap.org/soap/http'/>{binding}</binding>\
         <service name='S'><port name='P' binding='t:B'/></service></definitions>"
    )
}

#[test]
fn ten_megabytes_are_read_in_bounded_time() {
    let text = large(OPERATIONS_MAX);
    let text = text.replace("</types>", &format!("<!--{}--></types>", "x".repeat((10 << 20) - text.len())));
    let begun = Instant::now();
    let w = wsdl::read(&one(text), "a.wsdl", &Choose::default()).unwrap_or_else(|p| panic!("{}", shown(&p)));
    assert_eq!(w.operations.len(), OPERATIONS_MAX);
    assert!(begun.elapsed().as_secs() < 30, "{:?}", begun.elapsed());
}

#[test]
fn counts_are_bounded() {
    let refused =
        shown(&wsdl::read(&one(large(OPERATIONS_MAX + 1)), "a.wsdl", &Choose::default()).unwrap_err());
    assert!(refused.contains("more than 2000 operations"), "{refused}");
    let many = format!(
        "<definitions xmlns='http://schemas.xmlsoap.org/wsdl/'>{}</definitions>",
        "<a/>".repeat(wsdl::ELEMENTS_MAX)
    );
    let refused = shown(&wsdl::read(&one(many), "a.wsdl", &Choose::default()).unwrap_err());
    assert!(refused.contains("more than 200000 elements"), "{refused}");
    let schemas =
        "<x:schema xmlns:x='http://www.w3.org/2001/XMLSchema'/>".repeat(wsdl::INLINE_SCHEMAS_MAX + 1);
    let many = format!(
        "<definitions xmlns='http://schemas.xmlsoap.org/wsdl/'><types>{schemas}</types></definitions>"
    );
    let refused = shown(&wsdl::read(&one(many), "a.wsdl", &Choose::default()).unwrap_err());
    assert!(refused.contains("more than 500 schemas"), "{refused}");
    let imports: String =
        (0..wsdl::FILES_MAX).map(|i| format!("<import namespace='x' location='{i}.wsdl'/>")).collect();
    let empty = "<definitions xmlns='http://schemas.xmlsoap.org/wsdl/'/>";
    let mut files: std::collections::BTreeMap<String, Bytes> =
        (0..wsdl::FILES_MAX).map(|i| (format!("{i}.wsdl"), Bytes::from_static(empty.as_bytes()))).collect();
    let main = format!("<definitions xmlns='http://schemas.xmlsoap.org/wsdl/'>{imports}</definitions>");
    files.insert("a.wsdl".into(), main.into());
    let refused = shown(&wsdl::read(&Bundle::new(files).unwrap(), "a.wsdl", &Choose::default()).unwrap_err());
    assert!(refused.contains("more than 100 WSDL files"), "{refused}");
}
