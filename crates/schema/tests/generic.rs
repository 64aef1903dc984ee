//! XML and JSON without a schema: the convention by examples, and random documents there and back.
#![allow(clippy::unwrap_used)]

use lgsp_schema::codec::{CodecFaultKind, Limits};
use lgsp_schema::generic::{json_to_xml, xml_to_json};
use proptest::prelude::*;

fn json(xml: &str) -> String {
    String::from_utf8(xml_to_json(xml.as_bytes(), Limits::default()).unwrap()).unwrap()
}

fn xml(json: &str) -> String {
    String::from_utf8(json_to_xml(json.as_bytes(), Limits::default()).unwrap()).unwrap()
}

#[test]
fn the_convention_by_examples() {
    for (document, value) in [
        ("<a></a>", r#"{"a":""}"#),
        ("<a>x &amp; y</a>", r#"{"a":"x & y"}"#),
        (r#"<a b="1"></a>"#, r#"{"a":{"@b":"1"}}"#),
        (r#"<a b="1">x</a>"#, r#"{"a":{"@b":"1","$":"x"}}"#),
        (
            r#"<p:a xmlns:p="urn:x" p:b="1"><p:c>1</p:c></p:a>"#,
            r#"{"p:a":{"@xmlns:p":"urn:x","@p:b":"1","p:c":"1"}}"#,
        ),
        ("<a><b>1</b><b>2</b><c></c></a>", r#"{"a":{"b":["1","2"],"c":""}}"#),
        ("<a><b>1</b><c>2</c><b>3</b></a>", r##"{"a":{"#":[{"b":"1"},{"c":"2"},{"b":"3"}]}}"##),
        ("<a>x<b>1</b> <c>2</c></a>", r##"{"a":{"#":["x",{"b":"1"}," ",{"c":"2"}]}}"##),
    ] {
        assert_eq!(json(document), value);
        assert_eq!(xml(value), document);
    }
    assert_eq!(json("<a> <!-- c --> <b> </b>\n<?p?></a>"), r#"{"a":{"b":" "}}"#);
    assert_eq!(json("<a>x<![CDATA[<]]>&#65;</a>"), r#"{"a":"x<A"}"#);
    assert_eq!(xml(r#"{"a":{"c":[1.50,true],"@b":2}}"#), r#"<a b="2"><c>1.50</c><c>true</c></a>"#);
}

#[test]
fn what_makes_no_xml_is_refused_with_its_place() {
    for (json, path, message) in [
        ("[]", "", "an object"),
        (r#"{"a":"","b":""}"#, "", "one member"),
        (r#"{"a":{"1":""}}"#, "/a/1", "no name"),
        (r#"{"a":{"@x y":""}}"#, "/a/@x y", "no name"),
        (r#"{"a":{"b":["",null]}}"#, "/a/b/1", "a string"),
        (r#"{"a":{"$":"","b":""}}"#, "/a/b", "whole content"),
        (r#"{"a":{"b":"","b":""}}"#, "/a/b", "twice"),
        (r#"{"a":"\u0001"}"#, "/a", "U+0001"),
        (r#"{"p:a":""}"#, "", "not bound"),
    ] {
        let fault = json_to_xml(json.as_bytes(), Limits::default()).unwrap_err();
        assert_eq!(fault.path, path, "{json}: {fault}");
        assert!(fault.message.contains(message), "{json}: {fault}");
    }
}

#[test]
fn nesting_is_bounded_as_json_has_it() {
    let deep = |n: usize| format!("{}{}", "<a>x<b></b>".repeat(n), "</a>".repeat(n));
    assert!(xml_to_json(deep(20).as_bytes(), Limits::default()).is_ok());
    let fault = xml_to_json(deep(60).as_bytes(), Limits::default()).unwrap_err();
    assert_eq!(fault.kind, CodecFaultKind::Limit);
}

fn element() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec!["a", "b", "p:c"]);
    let text = || prop::sample::select(vec!["", " ", "x", "Nguyễn\n", "&lt;&amp;", "\"\t", "&#13;"]);
    let attributes =
        prop::sample::select(vec!["", r#" k="v""#, r#" p:k="&quot;&#10;" z="""#, r#" xmlns="urn:y""#]);
    let leaf = (name.clone(), attributes.clone(), text()).prop_map(|(n, a, t)| format!("<{n}{a}>{t}</{n}>"));
    leaf.prop_recursive(5, 40, 5, move |inner| {
        (name.clone(), attributes.clone(), prop::collection::vec((inner, text()), 0..5), text()).prop_map(
            |(n, a, children, t)| {
                let inside: String = children.into_iter().map(|(e, t)| t.to_owned() + &e).collect();
                format!("<{n}{a}>{inside}{t}</{n}>")
            },
        )
    })
}

proptest! {
    #[test]
    fn any_document_survives(inner in element()) {
        let document = format!(r#"<r xmlns:p="urn:x">{inner}</r>"#);
        let there = json(&document);
        let back = xml(&there);
        prop_assert_eq!(json(&back), there.clone());
        // The second way is the identity to the byte: nothing is lost or moved any more.
        prop_assert_eq!(xml(&json(&back)), back);
        // Without white space between elements nothing is lost on the first way either, but how attributes are ordered.
        let names = |d: &str| d.matches('<').count();
        prop_assert_eq!(names(&xml(&there)), names(&document));
    }

    #[test]
    fn nothing_panics(data in "[<>/ab:=\"{}\\[\\],@#$x&; ]{0,60}") {
        let _ = xml_to_json(data.as_bytes(), Limits::default());
        let _ = json_to_xml(data.as_bytes(), Limits::default());
    }
}
