//! Structure: what of XML and JSON changes, and what stays byte for byte.

use crate::tables::encode;
use crate::{guessed, only, read};
use lgsp_text::{Charset, Format, Inner, TextPolicy, decode, fold_match};
use std::borrow::Cow;

fn xml() -> TextPolicy {
    TextPolicy { format: Format::Xml, ..guessed() }
}

fn json() -> TextPolicy {
    TextPolicy { format: Format::Json, ..guessed() }
}

#[test]
fn the_xml_declaration_names_utf_8_afterwards() {
    let text =
        "<?xml version='1.0' encoding='windows-1258' standalone=\"yes\"?>\n<a b=\"Nguyễn\">Văn Ưng</a>";
    let (out, report) = read(&encode(text, Charset::Windows1258), None, &xml()).unwrap();
    assert_eq!(out, text.replace("windows-1258", "UTF-8"));
    assert_eq!((report.from, report.declaration, report.label_wrong), (Charset::Windows1258, true, false));
    let ascii = b"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a/>";
    assert_eq!(read(ascii, None, &xml()).unwrap().0, "<?xml version=\"1.0\" encoding=\"UTF-8\"?><a/>");
    let utf16: Vec<u8> = "\u{feff}<?xml version=\"1.0\" encoding=\"utf-16\"?><a>ễ</a>"
        .encode_utf16()
        .flat_map(u16::to_be_bytes)
        .collect();
    assert_eq!(read(&utf16, None, &xml()).unwrap().0, "<?xml version=\"1.0\" encoding=\"UTF-8\"?><a>ễ</a>");
}

#[test]
fn fields_of_xml_are_composed_and_markup_stays() {
    let text = "<a n\u{303}='e\u{301}' x='>'><!-- o\u{301} --><?p o\u{301}?>e&#x302;&#769;&amp;o&#x301;<![CDATA[<o\u{301}>]]></a>\u{301}";
    let (out, report) = read(text.as_bytes(), None, &xml()).unwrap();
    assert_eq!(out, "<a n\u{303}='é' x='>'><!-- o\u{301} --><?p o\u{301}?>ế&amp;ó<![CDATA[<ó>]]></a>\u{301}");
    assert_eq!(report.composed, 5);
    assert_eq!(report.places.len(), 3);
}

#[test]
fn strings_of_json_are_composed_and_escapes_of_ascii_stay() {
    let text =
        r#"{"ten":"Nguye\u0302\u0303n \"V\u0103n\" \u000a\u0301","a":"\ud83d\ude00 \ud800","b":"Tr\u1ea7n"}"#;
    let (out, report) = read(text.as_bytes(), None, &json()).unwrap();
    assert_eq!(
        out,
        "{\"ten\":\"Nguyễn \\\"V\\u0103n\\\" \\u000a\\u0301\",\"a\":\"\\ud83d\\ude00 \\ud800\",\"b\":\"Tr\\u1ea7n\"}"
    );
    assert_eq!((report.composed, report.places), (2, vec![8]));
    let value: serde_json::Value = serde_json::from_str(&out.replace("\\ud800", "")).unwrap();
    assert_eq!(value["b"], "Trần");
}

#[test]
fn legacy_bytes_taken_for_latin_1_are_read_where_asked() {
    let field =
        "{\"ten\":\"Nguy\u{d4}n V\u{a8}n An\",\"noi\":\"Hà Tĩnh\",\"ma\":\"M\u{fc}ller\",\"x\":\"Cá\"}";
    let policy = TextPolicy { inner: Inner::Detect(vec![Charset::Tcvn3, Charset::Vni]), ..json() };
    let (out, report) = read(field.as_bytes(), None, &policy).unwrap();
    assert_eq!(out, "{\"ten\":\"Nguyễn Văn An\",\"noi\":\"Hà Tĩnh\",\"ma\":\"Müller\",\"x\":\"Cá\"}");
    assert_eq!((report.repaired, report.places), (1, vec![8]));
    let escaped = r#"["Nguy\u00d4n V\u00a8n An"]"#;
    assert_eq!(read(escaped.as_bytes(), None, &policy).unwrap().0, "[\"Nguyễn Văn An\"]");
    let always = TextPolicy { inner: Inner::Always(Charset::Tcvn3), ..json() };
    assert_eq!(read("[\"C\u{e1}\",\"Việt\"]".as_bytes(), None, &always).unwrap().0, "[\"Cỏ\",\"Việt\"]");
    assert_eq!(read(field.as_bytes(), None, &json()).unwrap().0, field, "not asked");
}

#[test]
fn utf_8_encoded_twice_is_undone_where_asked() {
    let twice = |t: &str| encoding_rs::WINDOWS_1252.decode_without_bom_handling(t.as_bytes()).0.into_owned();
    let policy = TextPolicy { format: Format::Xml, mojibake: true, ..guessed() };
    let text = "Nguyễn Thị Hoà, phường Đống Đa";
    let broken = format!("<a>{}</a><b>{}</b><c>Trần &amp; Đỗ</c>", twice(text), twice(&twice(text)));
    let (out, report) = read(broken.as_bytes(), None, &policy).unwrap();
    assert_eq!(out, format!("<a>{text}</a><b>{text}</b><c>Trần &amp; Đỗ</c>"));
    assert_eq!(report.repaired, 2);
}

#[test]
fn what_needs_no_change_is_borrowed() {
    for (text, policy) in [
        ("<a b='Nguyễn'>Trần &#233; “x” … €</a>", xml()),
        (r#"{"a":"Nguy\u1ec5n"}"#, json()),
        ("plain", guessed()),
        ("<?xml version='1.0' encoding='utf-8'?><a>ễ</a>", xml()),
    ] {
        let (out, report) = decode(text.as_bytes(), None, &policy).unwrap();
        assert!(matches!(out, Cow::Borrowed(_)) && !report.changed(), "{text}");
    }
    let (out, report) = decode("\u{feff}{}".as_bytes(), None, &json()).unwrap();
    assert_eq!((&*out, report.bom), (b"{}".as_slice(), true));
}

#[test]
fn composed_and_decomposed_match() {
    assert!(fold_match("Nguyễn", "Nguye\u{302}\u{303}n") && fold_match("Việt", "Vie\u{323}\u{302}t"));
    assert!(!fold_match("Nguyễn", "nguyễn") && !fold_match("Nguyễn", "Nguyên") && fold_match("a", "a"));
    assert!(only(Charset::Auto).nfc);
}
