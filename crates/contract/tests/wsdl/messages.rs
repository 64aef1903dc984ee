//! Messages of operations between JSON and envelopes, and faults for callers that speak JSON.

use crate::load;
use lgsp_contract::soap::{self, Answer, FaultBlame, SoapError};
use lgsp_contract::wsdl::{Choose, Wsdl};
use lgsp_schema::codec::{Codec, Limits};
use lgsp_wire::soap::{ENVELOPE_11, ENVELOPE_12, SoapVersion, inspect};
use serde_json::{Value, json};

pub fn codec(w: &Wsdl) -> Codec {
    Codec::compile(w.model.clone()).unwrap_or_else(|p| panic!("{}", crate::shown(&p)))
}

fn request(w: &Wsdl, name: &str, json: &Value) -> Result<String, SoapError> {
    let op = w.operation(name).unwrap();
    let bytes =
        soap::request_json_to_envelope(op, &codec(w), json.to_string().as_bytes(), Limits::default())?;
    assert_eq!(inspect_version(&bytes), op.version);
    Ok(String::from_utf8(bytes).unwrap())
}

fn inspect_version(bytes: &[u8]) -> SoapVersion {
    soap::open(bytes).unwrap().version
}

pub fn citizen_question() -> Value {
    // In another order than the schema has it.
    json!({
        "NgayThangNamSinh": {"NgayThangNam": "19800102"}, "HoVaTen": "Nguyễn Văn A & B", "SoDinhDanh": "001080000001",
        "MaCanBo": "cb-01", "MaTichHop": "037", "MaDVC": "1.001193", "MaYeuCau": "r-1",
    })
}

#[test]
fn a_question_to_the_population_database_is_in_the_order_that_it_asks_for() {
    let w = load("population/service037.wsdl");
    let envelope = request(&w, "TraCuuThongTinCongDan", &citizen_question()).unwrap();
    let found = inspect(envelope.as_bytes()).unwrap();
    assert_eq!(
        (&*found.body_namespace, &*found.body_element),
        ("http://dancuquocgia.bca", "TraCuuThongTinCongDan")
    );
    let places: Vec<usize> =
        ["MaYeuCau", "MaDVC", "MaTichHop", "MaCanBo", "SoDinhDanh", "HoVaTen", "NgayThangNamSinh"]
            .iter()
            .map(|n| envelope.find(&format!("{n}>")).unwrap())
            .collect();
    assert!(places.is_sorted(), "{envelope}");
    let op = &w.operations[0];
    let back =
        soap::request_envelope_to_json(op, &codec(&w), envelope.as_bytes(), Limits::default()).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&back).unwrap(), citizen_question());
}

#[test]
fn an_answer_is_read_with_the_namespaces_around_its_body() {
    let w = load("population/service037.wsdl");
    let envelope = format!(
        "<s:Envelope xmlns:s='{ENVELOPE_11}' xmlns:m='http://www.mic.gov.vn/dancu/1.0'><s:Header/><s:Body xmlns='urn:other'>\
         <m:CongdanCollection><m:CongDan><m:SoDinhDanh>001080000001</m:SoDinhDanh><m:HoVaTen><m:Ho>Nguyễn</m:Ho><m:Ten>A</m:Ten>\
         </m:HoVaTen></m:CongDan></m:CongdanCollection></s:Body></s:Envelope>"
    );
    let found =
        soap::answer_envelope_to_json(&w.operations[0], &codec(&w), envelope.as_bytes(), Limits::default());
    let Ok(Answer::Body(json)) = found else { panic!("{found:?}") };
    assert_eq!(
        serde_json::from_slice::<Value>(&json).unwrap(),
        json!({"CongDan": [{"SoDinhDanh": "001080000001", "HoVaTen": {"Ho": "Nguyễn", "Ten": "A"}}]})
    );
}

#[test]
fn another_message_than_the_operations_is_named() {
    let w = load("population/service037.wsdl");
    let op = &w.operations[0];
    let envelope =
        |body: &str| format!("<s:Envelope xmlns:s='{ENVELOPE_11}'><s:Body>{body}</s:Body></s:Envelope>");
    for (body, said) in [("", "the body is empty"), ("<x xmlns='urn:x'/>", "the body has {urn:x}x")] {
        let refused =
            soap::answer_envelope_to_json(op, &codec(&w), envelope(body).as_bytes(), Limits::default())
                .unwrap_err();
        assert!(refused.to_string().starts_with(said), "{refused}");
    }
    for text in ["<a/>", "", "<!DOCTYPE a><a/>", "<s:Envelope xmlns:s='urn:x'/>"] {
        assert!(soap::open(text.as_bytes()).is_err(), "{text}");
    }
    assert!(soap::open(envelope("<a/><b/>").as_bytes()).is_err());
}

#[test]
fn what_stands_around_a_message_changes_nothing_of_it() {
    let w = load("rpc/registry.wsdl");
    let op = w.operation("count").unwrap();
    let asked = json!({"province": "Hà Giang", "period": {"from": "2026-01-01"}});
    let plain = request(&w, "count", &asked).unwrap();
    let (head, body) = plain.split_at(plain.find("<soap:Body>").unwrap());
    let read = |envelope: &str| {
        let read = soap::request_envelope_to_json(op, &codec(&w), envelope.as_bytes(), Limits::default());
        read.map(|json| serde_json::from_slice::<Value>(&json).unwrap()).map_err(|e| e.to_string())
    };
    let header = "<soap:Header><a xmlns='urn:a' soap:mustUnderstand='0'>b<c/></a></soap:Header>";
    for taken in [
        plain.clone(),
        format!("{head}{header}{body}"),
        format!("{head}<!-- c -->{}", body.replace("Giang", "<![CDATA[Giang]]><!-- c -->")),
        plain.replace("<soap:Body>", "<soap:Body>text "),
    ] {
        assert_eq!(read(&taken), Ok(asked.clone()), "{taken}");
    }
    for (refused, said) in [
        (plain.replace("<soap:Body>", "<soap:Body><?a b?>"), "processing instruction"),
        (plain.replace("Giang", "<?a b?>Giang"), "processing instruction"),
        (format!("{plain}<?a b?>"), "processing instruction"),
        (plain.replace("</soap:Body>", "<x/></soap:Body>"), "more than one element"),
        (plain.replace("</soap:Body>", "</soap:Body><x/>"), "not SOAP's"),
        (format!("{head}text{body}"), "text in the Envelope"),
        (format!("{head}{header}{header}{body}"), "one optional Header"),
        (plain.replace("</soap:Envelope>", ""), "ends inside"),
        (format!("{plain}<x/>"), "outside the one root"),
    ] {
        let why = read(&refused).unwrap_err();
        assert!(why.contains(said), "{refused}: {why}");
    }
}

#[test]
fn rpc_messages_have_a_member_a_part() {
    let w = load("rpc/registry.wsdl");
    let asked = json!({"province": "Hà Giang", "period": {"from": "2026-01-01"}});
    let envelope = request(&w, "count", &asked).unwrap();
    assert!(envelope.contains("<province>Hà Giang</province>"), "{envelope}");
    let op = w.operation("count").unwrap();
    let back =
        soap::request_envelope_to_json(op, &codec(&w), envelope.as_bytes(), Limits::default()).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&back).unwrap(), asked);
    let total = "123456789012345678901234567890";
    let answer = soap::answer_json_to_envelope(
        op,
        &codec(&w),
        json!({"total": total}).to_string().as_bytes(),
        Limits::default(),
    );
    assert!(String::from_utf8(answer.unwrap()).unwrap().contains(total));
}

#[test]
fn soap_12_is_spoken_where_the_port_does() {
    let w = crate::load_port(
        "dotnet/HoSoService.wsdl",
        &Choose { port: Some("HoSoServiceSoap12".into()), ..Choose::default() },
    );
    let envelope = request(&w, "LayHoSo", &json!({"maHoSo": "H01.01-261122-0001", "trang": 1})).unwrap();
    assert!(envelope.contains(ENVELOPE_12));
}

fn fault(version: SoapVersion, inner: &str) -> String {
    let ns = version.namespace();
    format!(
        "<s:Envelope xmlns:s='{ns}' xmlns:t='http://types.organisations.example/'><s:Body><s:Fault>{inner}</s:Fault></s:Body></s:Envelope>"
    )
}

#[test]
fn faults_become_problems_by_whom_they_blame() {
    let w = load("java/organisations.wsdl");
    let op = w.operation("getOrganisation").unwrap();
    let detail = "<t:NotFound><code>H01.01</code></t:NotFound>";
    let v11 = |code: &str| {
        format!("<faultcode>{code}</faultcode><faultstring>Không có</faultstring><detail>{detail}</detail>")
    };
    let v12 = "<s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value>t:NoSuch</s:Value></s:Subcode></s:Code><s:Reason>\
               <s:Text xml:lang='en'>None</s:Text><s:Text xml:lang='vi'>Không có</s:Text></s:Reason>";
    for (version, inner, status, subcode, with_detail) in [
        (SoapVersion::V11, v11("s:Client"), 422, Value::Null, true),
        (SoapVersion::V11, v11("Client.Auth"), 422, Value::Null, true),
        (SoapVersion::V11, v11("s:Server"), 502, Value::Null, true),
        (SoapVersion::V11, v11("t:NoSuch"), 502, json!("NoSuch"), true),
        (SoapVersion::V12, format!("{v12}<s:Detail>{detail}</s:Detail>"), 422, json!("NoSuch"), true),
        (
            SoapVersion::V12,
            format!("{v12}<s:Detail><x>at java.lang</x></s:Detail>"),
            422,
            json!("NoSuch"),
            false,
        ),
    ] {
        let envelope = fault(version, &inner);
        let Ok(Answer::Fault(found)) =
            soap::answer_envelope_to_json(op, &codec(&w), envelope.as_bytes(), Limits::default())
        else {
            panic!("{envelope}")
        };
        let body: Value = serde_json::from_slice(&found.body).unwrap();
        assert_eq!((found.status, &body["status"]), (status, &json!(status)), "{envelope}");
        assert_eq!((&body["fault"]["reason"], &body["fault"]["subcode"]), (&json!("Không có"), &subcode));
        let expected = if with_detail { json!({"NotFound": {"code": "H01.01"}}) } else { Value::Null };
        assert_eq!(body["fault"]["detail"], expected);
        assert!(!String::from_utf8_lossy(&found.body).contains("java"));
        for other in [SoapVersion::V11, SoapVersion::V12] {
            let again = soap::write_fault(other, &found.fault);
            let read = soap::read_fault(&soap::open(&again).unwrap()).unwrap();
            assert_eq!(
                (&read.reason, read.blame, read.detail.len()),
                (&found.fault.reason, found.fault.blame, 1)
            );
            assert_eq!(read.detail[0].name, found.fault.detail[0].name);
        }
    }
    assert_eq!(soap::SoapFault::new(FaultBlame::Sender, "x").code, "Client");
}
