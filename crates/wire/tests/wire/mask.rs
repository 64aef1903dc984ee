//! Masks: what a rule names is gone, whatever way it is written; every other byte is what it was; what cannot be read is refused.

use bytes::Bytes;
use lgsp_kernel::bounds::{JSON_DEPTH_MAX, XML_DEPTH_MAX};
use lgsp_wire::mask::{Form, MaskError, MaskSet, Masked, NOT_PERMITTED_JSON, RULES_MAX};
use proptest::prelude::*;
use serde_json::Value;

fn set(rules: &[&str]) -> MaskSet {
    MaskSet::compile(rules).unwrap()
}

fn json(rules: &[&str], text: &str) -> Masked {
    set(rules).apply_json(&Bytes::copy_from_slice(text.as_bytes())).unwrap()
}

fn xml(rules: &[&str], text: &str) -> Masked {
    let masked = set(rules).apply_xml(&Bytes::copy_from_slice(text.as_bytes())).unwrap();
    lgsp_wire::xml::guard(&masked.bytes).unwrap();
    masked
}

fn text(masked: &Masked) -> &str {
    std::str::from_utf8(&masked.bytes).unwrap()
}

/// `#` stands for the mark.
#[track_caller]
fn json_is(rules: &[&str], before: &str, after: &str) {
    assert_eq!(text(&json(rules, before)), after.replace('#', NOT_PERMITTED_JSON), "{rules:?} {before}");
}

const MARK: &str = r#" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:nil="true" xmlns:lgsp="urn:lgsp:mask" lgsp:reason="notPermitted"/>"#;

/// `#/>` stands for the marks of an element.
#[track_caller]
fn xml_is(rules: &[&str], before: &str, after: &str) {
    assert_eq!(text(&xml(rules, before)), after.replace("#/>", MARK), "{rules:?} {before}");
}

#[test]
fn hidden_json_values_are_replaced_and_nothing_else_changes() {
    json_is(&["/a"], r#"{"a":1}"#, r#"{"a":#}"#);
    json_is(&["/a"], "{ \"a\" :\t[1, {\"a\":2}] ,\n\"b\":1.00E+2 }\n", "{ \"a\" :\t# ,\n\"b\":1.00E+2 }\n");
    json_is(&["/a/b"], r#"{"a":{"b":"x","c":"b"},"b":1}"#, r#"{"a":{"b":#,"c":"b"},"b":1}"#);
    json_is(&["/p/0/id"], r#"{"p":[{"id":1},{"id":2}]}"#, r#"{"p":[{"id":#},{"id":2}]}"#);
    json_is(&["/p/*/id"], r#"{"p":[{"id":1},{"id":2},3,[]]}"#, r#"{"p":[{"id":#},{"id":#},3,[]]}"#);
    json_is(&["/*"], r#"[1,null,{"a":[]},""]"#, "[#,#,#,#]");
    json_is(&["/*/*"], r#"{"a":{},"b":[true , false],"c":-1}"#, r##"{"a":{},"b":[# , #],"c":-1}"##);
    json_is(&[""], " {\"a\":1} ", " # ");
    json_is(&[""], "12", "#");
    json_is(&["/a/"], r#"{"a":{"":1," ":2}}"#, r#"{"a":{"":#," ":2}}"#);
    json_is(&["/a~1b", "/c~0d"], r#"{"a/b":1,"c~d":2,"a":{"b":3}}"#, r##"{"a/b":#,"c~d":#,"a":{"b":3}}"##);
    json_is(&["/0"], r#"{"0":1,"00":2}"#, r#"{"0":#,"00":2}"#);
    json_is(&["/00", "/-"], "[1,2]", "[1,2]");
}

#[test]
fn a_name_is_found_however_often_and_however_it_is_written() {
    json_is(&["/a"], r#"{"a":1,"\u0061":2,"a":[3]}"#, r##"{"a":#,"\u0061":#,"a":#}"##);
    json_is(&["/họ"], r#"{"h\u1ECD":1}"#, r#"{"h\u1ECD":#}"#);
    json_is(&["/😀"], r#"{"\ud83d\ude00":1}"#, r#"{"\ud83d\ude00":#}"#);
    json_is(&["/a\"b"], r#"{"a\"b":1}"#, r#"{"a\"b":#}"#);
    json_is(&["/a"], "\u{feff}{\"a\":\"}\\\"]\"}", "\u{feff}{\"a\":#}");
}

#[test]
fn a_hidden_value_differs_from_no_value_and_from_an_empty_one() {
    let masked = json(&["/a", "/b", "/c"], r#"{"a":null,"b":""}"#);
    assert_eq!(text(&masked), r##"{"a":#,"b":#}"##.replace('#', NOT_PERMITTED_JSON));
    assert_eq!((masked.values, &masked.rules_met[..]), (2, &[0, 1][..]));
}

#[test]
fn what_no_rule_meets_is_the_same_memory() {
    let body = Bytes::from_static(b"{\"b\":1}");
    let masked = set(&["/a"]).apply_json(&body).unwrap();
    assert_eq!(masked.bytes.as_ptr(), body.as_ptr());
    let body = Bytes::from_static(b"<b/>");
    assert_eq!(set(&["/a"]).apply_xml(&body).unwrap().bytes.as_ptr(), body.as_ptr());
    assert_eq!(set(&[]).apply(Some("image/png"), &body).unwrap().bytes, body);
}

#[test]
fn hidden_elements_stay_empty_and_marked() {
    xml_is(&["/a/b"], "<a><b>x</b><c/></a>", "<a><b#/><c/></a>");
    xml_is(&["/a/b"], "<a>\n <b \n c='x'/ >\n</a>".replace("/ >", "/>").as_str(), "<a>\n <b#/>\n</a>");
    xml_is(&["//b"], "<a><b>1<b>2</b></b><c><b><![CDATA[</b>]]></b ></c></a>", "<a><b#/><c><b#/></c></a>");
    xml_is(&["/a//b"], "<b><b/></b>", "<b><b/></b>");
    xml_is(&["/*/b"], "<a><b>&amp;<!--x--><?p?></b><c><b/></c></a>", "<a><b#/><c><b/></c></a>");
    xml_is(&["/a"], "<?xml version='1.0'?><!-- k --><a>x</a>\n", "<?xml version='1.0'?><!-- k --><a#/>\n");
    xml_is(
        &["//a/b"],
        "<r><a><a><b>1</b></a><c><b>2</b></c></a></r>",
        "<r><a><a><b#/></a><c><b>2</b></c></a></r>",
    );
    xml_is(&["/a//c/b"], "<a><x><c><b>1</b></c></x></a>", "<a><x><c><b#/></c></x></a>");
    xml_is(&["//họTên"], "<a><họTên>Ánh</họTên></a>", "<a><họTên#/></a>");
}

#[test]
fn prefixes_do_not_matter_and_namespaces_do_where_they_are_named() {
    let body = "<a xmlns:p='urn:1' xmlns:q='urn:1'><p:b>1</p:b><q:b>2</q:b><b xmlns='urn:1'>3</b><b>4</b><p:b xmlns:p='urn:2'>5</p:b></a>";
    assert_eq!(xml(&["//x:b"], body).values, 5);
    assert_eq!(xml(&["//b"], body).values, 5);
    let masked = xml(&["/a/{urn:1}b"], body);
    assert_eq!(masked.values, 3);
    for (value, seen) in [("1", false), ("2", false), ("3", false), ("4", true), ("5", true)] {
        assert_eq!(text(&masked).contains(&format!(">{value}<")), seen, "{value}");
    }
    assert_eq!(xml(&["//{}b"], body).values, 1);
    assert_eq!(xml(&["//{urn:2}*"], body).values, 1);
    assert_eq!(xml(&["//{urn:1&#x20;}b"], body).values, 0);
    // A namespace that is written with references is the same namespace.
    assert_eq!(xml(&["//{urn:1}b"], "<a><p:b xmlns:p='urn:&#49;'>1</p:b></a>").values, 1);
}

#[test]
fn an_element_keeps_only_the_declaration_that_its_name_needs() {
    xml_is(
        &["//b"],
        "<a><p:b xmlns:p=\"urn:1\" xmlns:q=\"urn:secret\" p:c=\"1\">x</p:b></a>",
        "<a><p:b xmlns:p=\"urn:1\"#/></a>",
    );
    xml_is(&["//b"], "<a><b xmlns='urn:\"1'>x</b></a>", "<a><b xmlns='urn:\"1'#/></a>");
    let masked =
        xml(&["//b"], "<a><lgsp:b xmlns:lgsp='urn:x'>1</lgsp:b><xsi:b xmlns:xsi='urn:y'>2</xsi:b></a>");
    assert!(text(&masked).contains("<lgsp:b xmlns:lgsp=\"urn:x\" xmlns:xsi="), "{}", text(&masked));
    assert!(text(&masked).contains("xsi1:nil=\"true\""));
    assert_eq!(xml(&["//b"], text(&masked)).bytes, masked.bytes);
}

#[test]
fn hidden_attributes_go_and_are_named() {
    xml_is(
        &["//b/@id"],
        "<a id='0'><b id='1' x=\"2\">t</b></a>",
        "<a id='0'><b x=\"2\" xmlns:lgsp=\"urn:lgsp:mask\" lgsp:notPermittedAttributes=\"id\">t</b></a>",
    );
    xml_is(
        &["//@*"],
        "<a><b p:z='1'\n y = '2' xmlns:p='urn:p'/></a>",
        "<a><b xmlns:p='urn:p' xmlns:lgsp=\"urn:lgsp:mask\" lgsp:notPermittedAttributes=\"p:z y\"/></a>",
    );
    assert_eq!(xml(&["/a//@id"], "<a id='1'><b id='2'/></a>").values, 2);
    assert_eq!(xml(&["/a/@{urn:p}id"], "<a id='1' p:id='2' xmlns:p='urn:p'/>").values, 1);
    // A declaration is no attribute.
    assert_eq!(xml(&["//@*"], "<a xmlns='urn:x' xmlns:p='urn:p'/>").values, 0);
}

#[test]
fn the_prefix_of_the_marks_disturbs_no_other_name() {
    let body = "<a xmlns:lgsp='urn:other'><lgsp:b id='1'><lgsp:c/></lgsp:b></a>";
    let masked = xml(&["//b/@id"], body);
    assert_eq!(
        text(&masked),
        "<a xmlns:lgsp='urn:other'><lgsp:b xmlns:lgsp1=\"urn:lgsp:mask\" lgsp1:notPermittedAttributes=\"id\"><lgsp:c/></lgsp:b></a>"
    );
}

#[test]
fn a_second_mask_keeps_the_marks_of_the_first() {
    let first = xml(&["//c", "//b/@id"], "<a><b id='1' k='2'><c>3</c></b></a>");
    let second = xml(&["//@*"], text(&first));
    assert!(text(&second).contains("lgsp:notPermittedAttributes=\"id k\""), "{}", text(&second));
    assert!(text(&second).contains("xsi:nil=\"true\" xmlns:lgsp=\"urn:lgsp:mask\" lgsp:reason"));
    assert!(!text(&second).contains("k='2'"));
    // What only looks like a mark is hidden like any attribute.
    let forged = "<a xmlns:l='urn:lgsp:mask' l:reason='number 5' l:notPermittedAttributes='5 6' id='7'/>";
    let masked = xml(&["//@*"], forged);
    assert!(!text(&masked).contains(['5', '6', '7']), "{}", text(&masked));
}

#[test]
fn soap_bodies_are_masked_inside_their_envelope() {
    let body = include_str!("../../../../fuzz/seeds/soap_inspect/service037.xml");
    let masked = xml(&["//*/@none", "/soapenv:Envelope/soapenv:Body/*/*"], body);
    assert!(masked.values > 0 && masked.rules_met == [1]);
    lgsp_wire::soap::inspect(&masked.bytes).unwrap();
}

#[test]
fn values_that_stand_elsewhere_are_refused() {
    for body in [
        "<a><b href='#1'/><m id='1'><c>1</c></m></a>",
        "<a><b href=' &#35;1'/></a>",
        "<a xmlns:e='http://www.w3.org/2003/05/soap-encoding'><b e:ref='i1'/></a>",
    ] {
        let refused = set(&["//c"]).apply_xml(&Bytes::from_static(body.as_bytes()));
        assert!(matches!(refused, Err(MaskError::Reference(_))), "{body}");
    }
    assert_eq!(xml(&["//c"], "<a><b href='https://example.vn/#1'/></a>").values, 0);
}

#[test]
fn what_cannot_be_read_for_certain_is_an_error() {
    let rules = set(&["/a", "/a/b"]);
    for body in [
        &b"{\"a\":1"[..],
        b"{\"a\":1}{\"a\":2}",
        b"{\"a\":\"\xff\"}",
        b"\xff\xfe{\0}\0",
        b"{a:1}",
        b"{\"b\":1,}",
        b"{\"\\ud800\":1}",
        b"// x\n{\"a\":1}",
        b"",
    ] {
        let body = Bytes::from_static(body);
        assert!(matches!(rules.apply_json(&body), Err(MaskError::Json(_))), "{body:?}");
    }
    for body in [
        &b"<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>"[..],
        b"<a>&x;</a>",
        b"<a><b></a></b>",
        b"<a>\xff</a>",
        b"\xff\xfe<\0a\0/\0>\0",
        b"<?xml version='1.0' encoding='utf-7'?><a/>",
        b"<a/><a/>",
        b"{\"a\":1}",
        b"",
    ] {
        let body = Bytes::from_static(body);
        assert!(matches!(rules.apply_xml(&body), Err(MaskError::Xml(_))), "{body:?}");
    }
    let deep = Bytes::from("[".repeat(JSON_DEPTH_MAX + 1) + &"]".repeat(JSON_DEPTH_MAX + 1));
    assert!(rules.apply_json(&deep).is_err());
    let deep = Bytes::from("<a>".repeat(XML_DEPTH_MAX + 1) + &"</a>".repeat(XML_DEPTH_MAX + 1));
    assert!(rules.apply_xml(&deep).is_err());
}

#[test]
fn the_content_type_decides_and_what_is_neither_form_is_refused() {
    let rules = set(&["/a"]);
    let json = Bytes::from_static(b"{\"a\":1}");
    for fine in
        ["application/json", "Application/JSON; charset=UTF-8", "application/problem+json", "text/json"]
    {
        assert_eq!(rules.apply(Some(fine), &json).unwrap().values, 1, "{fine}");
    }
    let document = Bytes::from_static(b"<a>1</a>");
    for fine in ["text/xml", "application/soap+xml;action=x", "application/xml;charset=\"utf-8\""] {
        assert_eq!(rules.apply(Some(fine), &document).unwrap().values, 1, "{fine}");
    }
    for wrong in [
        None,
        Some(""),
        Some("text/html"),
        Some("application/x-ndjson"),
        Some("multipart/related; type=\"text/xml\""),
        Some("application/json; charset=utf-16"),
        Some("text/xml; charset=windows-1258"),
    ] {
        let refused = rules.apply(wrong, &json);
        assert!(matches!(refused, Err(MaskError::ContentType(_))), "{wrong:?}");
    }
    assert!(rules.apply(Some("text/xml"), &json).is_err());
    assert!(rules.apply(None, &Bytes::new()).unwrap().bytes.is_empty());
}

#[test]
fn a_consumer_cannot_choose_a_form_that_no_rule_is_about() {
    let json = Bytes::from_static(b"{\"c\":1}");
    assert_eq!(set(&["//p:c"]).apply_json(&json), Err(MaskError::NoRule(Form::Json)));
    assert_eq!(set(&["/{urn:1}c"]).apply_json(&json), Err(MaskError::NoRule(Form::Json)));
    let document = Bytes::from_static(b"<c/>");
    assert_eq!(set(&["/items/0/c"]).apply_xml(&document), Err(MaskError::NoRule(Form::Xml)));
    assert!(set(&["//p:c", "/c"]).apply_json(&json).is_ok());
}

#[test]
fn rules_that_would_hide_nothing_are_refused() {
    for rule in [
        "a",
        "a/b",
        "$.a",
        "#/a",
        "/a~2",
        "/a~",
        "//",
        "/a//",
        "//a[1]",
        "/a[b='c']",
        "/a/text()",
        "//a/@b/c",
        "/a/..",
        "/./a",
        "/{urn:1a",
        "/{urn:1}",
        "//a|//b",
        "/child::a",
        "//@",
        "//a b",
    ] {
        assert!(matches!(MaskSet::compile(&[rule]), Err(MaskError::Rule { .. })), "{rule}");
    }
    assert!(MaskSet::compile(&["/a".repeat(65)]).is_err());
    assert!(MaskSet::compile(&[format!("/{}", "a".repeat(2000))]).is_err());
    assert_eq!(MaskSet::compile(&vec!["/a"; RULES_MAX + 1]), Err(MaskError::Rules));
    assert!(MaskSet::compile(&vec!["/a"; RULES_MAX]).is_ok());
}

#[test]
fn the_refusal_quotes_nothing_of_the_answer() {
    let body = Bytes::from_static(b"<a>&secret;</a>");
    let refusal = set(&["/a"]).apply_xml(&body).unwrap_err().refusal();
    assert_eq!(refusal.kind.code, "verify.unmasked");
    assert!(!refusal.detail.contains("secret"));
    assert!(refusal.internal.unwrap().contains("secret"));
}

#[test]
fn a_huge_array_is_masked_in_one_pass() {
    let body = format!("[{}]", vec![r#"{"id":1,"n":"x"}"#; 100_000].join(","));
    let masked = json(&["/*/id"], &body);
    assert_eq!(masked.values, 100_000);
    assert_eq!(text(&masked).matches(NOT_PERMITTED_JSON).count(), 100_000);
}

/// The mask as a tree would have it.
fn pruned(value: &mut Value, tokens: &[&str]) {
    let Some((first, rest)) = tokens.split_first() else {
        *value = serde_json::from_str(NOT_PERMITTED_JSON).unwrap();
        return;
    };
    match value {
        Value::Object(members) => {
            members
                .iter_mut()
                .filter(|(k, _)| *first == "*" || k == first)
                .for_each(|(_, v)| pruned(v, rest));
        }
        Value::Array(items) => {
            let fits = |i: usize| *first == "*" || *first == i.to_string();
            items.iter_mut().enumerate().filter(|(i, _)| fits(*i)).for_each(|(_, v)| pruned(v, rest));
        }
        _ => {}
    }
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-c\\\\\"{}\\[\\],:é]{0,6}".prop_map(Value::from)
    ];
    leaf.prop_recursive(4, 48, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map("[a-c01]|é", inner, 0..4)
                .prop_map(|m| Value::Object(m.into_iter().collect())),
        ]
    })
}

fn rules() -> impl Strategy<Value = Vec<String>> {
    let step = prop_oneof!["[a-c01]", Just("*".to_owned()), Just("é".to_owned())];
    let rule = prop::collection::vec(step, 1..4).prop_map(|s| format!("/{}", s.join("/")));
    prop::collection::vec(rule, 1..4)
}

/// An element whose texts and attribute values are all numbers of their own.
fn elements() -> impl Strategy<Value = String> {
    let name = prop_oneof![Just("a"), Just("b"), Just("p:a"), Just("q:b"), Just("lgsp:c")];
    let leaf = (name.clone(), any::<u32>()).prop_map(|(n, v)| format!("<{n} b='{v}x'>{v}y</{n}>"));
    leaf.prop_recursive(4, 32, 3, move |inner| {
        (name.clone(), prop::collection::vec(inner, 0..3), any::<u32>(), any::<bool>()).prop_map(
            |(n, children, v, rebind)| {
                let declared = if rebind { " xmlns:p='urn:2' xmlns='urn:3'" } else { "" };
                format!("<{n} a='{v}z' {declared}>\n{v}w{}</{n}>", children.concat())
            },
        )
    })
}

proptest! {
    #[test]
    fn json_masks_agree_with_a_tree_and_are_idempotent(mut value in values(), rules in rules(), pretty: bool) {
        let body = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
        let set = MaskSet::compile(&rules).unwrap();
        let masked = set.apply_json(&Bytes::from(body.unwrap())).unwrap();
        // Shorter rules first: a value inside a hidden one is not looked for.
        let mut ordered = rules;
        ordered.sort_by_key(|r| std::cmp::Reverse(r.matches('/').count()));
        for rule in &ordered {
            pruned(&mut value, &rule.split('/').skip(1).collect::<Vec<_>>());
        }
        prop_assert_eq!(serde_json::from_slice::<Value>(&masked.bytes).unwrap(), value);
        prop_assert_eq!(set.apply_json(&masked.bytes).unwrap().bytes, masked.bytes);
    }

    #[test]
    fn xml_masks_agree_with_another_parser_and_are_idempotent(inner in elements(), attributes: bool) {
        let body = format!("<r xmlns:p='urn:1' xmlns:q='urn:1' xmlns:lgsp='urn:l'>{inner}<keep>1 &lt; 2</keep></r>");
        let rules: &[&str] = if attributes { &["//{urn:1}b", "//@a"] } else { &["//{urn:1}b"] };
        let masked = xml(rules, &body);
        let (secret, kept) = values_of(&body, attributes);
        for value in secret.iter().filter(|s| !kept.contains(s)) {
            prop_assert!(!text(&masked).contains(value.as_str()), "{} in {}", value, text(&masked));
        }
        for value in &kept {
            prop_assert!(text(&masked).contains(value.as_str()), "{} not in {}", value, text(&masked));
        }
        prop_assert!(text(&masked).ends_with("<keep>1 &lt; 2</keep></r>"));
        prop_assert_eq!(xml(rules, text(&masked)).bytes, masked.bytes);
    }

    #[test]
    fn any_bytes_are_masked_or_refused(data in prop::collection::vec(any::<u8>(), 0..200)) {
        let data = Bytes::from(data);
        let set = set(&["/a", "//b", "/*/0"]);
        let _ = set.apply_json(&data);
        let _ = set.apply_xml(&data);
    }
}

/// The texts and attribute values that a laxer parser finds inside `{urn:1}b` (and attributes `a`), and the others.
fn values_of(body: &str, attributes: bool) -> (Vec<String>, Vec<String>) {
    use quick_xml::events::Event;
    use quick_xml::name::ResolveResult;
    let mut reader = quick_xml::NsReader::from_str(body);
    let (mut hidden, mut depth) = (None, 0);
    let (mut secret, mut kept) = (Vec::new(), Vec::new());
    loop {
        let (namespace, event) = reader.read_resolved_event().unwrap();
        match event {
            Event::Start(e) => {
                depth += 1;
                let bound = matches!(namespace, ResolveResult::Bound(n) if n.as_ref() == b"urn:1");
                if hidden.is_none() && bound && e.local_name().as_ref() == b"b" {
                    hidden = Some(depth);
                }
                for a in e.attributes().flatten().filter(|a| !a.key.as_ref().starts_with(b"xmlns")) {
                    let value = String::from_utf8(a.value.to_vec()).unwrap();
                    let hide = hidden.is_some() || (attributes && a.key.as_ref() == b"a");
                    if hide { &mut secret } else { &mut kept }.push(value);
                }
            }
            Event::End(_) => {
                if hidden == Some(depth) {
                    hidden = None;
                }
                depth -= 1;
            }
            Event::Text(t) => {
                let value = String::from_utf8(t.to_vec()).unwrap().trim().to_owned();
                if !value.is_empty() && value.ends_with(['y', 'w']) {
                    if hidden.is_some() { &mut secret } else { &mut kept }.push(value);
                }
            }
            Event::Eof => return (secret, kept),
            _ => {}
        }
    }
}
