//! Which charset is found, which label is believed, what is refused.

use crate::tables::encode;
use crate::{guessed, only, read};
use lgsp_text::{Charset, Format, LabelPolicy, TextFault, TextPolicy};

const TEXT: &str = "Cộng hòa xã hội chủ nghĩa Việt Nam, độc lập - tự do - hạnh phúc. Giấy khai sinh của Nguyễn Văn An, \
    sinh ngày 02 tháng 9 năm 1990 tại phường Đống Đa, thành phố Hà Nội; quê quán: huyện Thanh Oai.";

fn lower(text: &str) -> String {
    text.replace('Đ', "đ")
}

#[test]
fn each_charset_is_found_without_a_label() {
    for charset in [Charset::Tcvn3, Charset::Vni, Charset::Windows1258, Charset::Viscii] {
        let (text, report) = read(&encode(TEXT, charset), None, &guessed()).unwrap();
        assert_eq!((text.as_str(), report.from), (TEXT, charset));
        assert!(report.confidence >= 95 && report.changed(), "{charset}: {}", report.confidence);
    }
    let capitals = TEXT.to_uppercase();
    let (text, report) = read(&encode(&capitals, Charset::Tcvn3Upper), None, &guessed()).unwrap();
    assert_eq!((text, report.from), (capitals, Charset::Tcvn3Upper));
    assert_eq!(read(TEXT.as_bytes(), None, &guessed()).unwrap().1.from, Charset::Utf8);
}

#[test]
fn a_wrong_label_is_refused_or_reported_or_believed() {
    let bytes = encode(TEXT, Charset::Tcvn3);
    let (_, report) = read(&bytes, Some("iso-8859-1"), &guessed()).unwrap();
    assert_eq!((report.from, report.label_wrong), (Charset::Tcvn3, true));
    let refuse = TextPolicy { label: LabelPolicy::Refuse, ..guessed() };
    let wrong = TextFault::WrongLabel { label: "utf-8".into(), found: Charset::Tcvn3 };
    assert_eq!(read(&bytes, Some("utf-8"), &refuse).unwrap_err(), wrong);
    assert!(read(&bytes, Some("x-viet-tcvn"), &refuse).is_ok());
    let believe = TextPolicy { label: LabelPolicy::Believe, ..guessed() };
    assert!(matches!(
        read(&bytes, Some("utf-8"), &believe).unwrap_err(),
        TextFault::Undecodable { charset: Charset::Utf8, at: 1 }
    ));
    let (garbage, _) = read(&bytes, Some("windows-1252"), &believe).unwrap();
    assert!(garbage.starts_with("Cén"), "taken at its word");
    assert_eq!(
        read(TEXT.as_bytes(), Some("klingon"), &believe).unwrap_err(),
        TextFault::UnknownLabel("klingon".into())
    );
    assert!(read(b"plain", Some("windows-1258"), &refuse).is_ok(), "ASCII is a part of it");
    let utf16 = read(
        b"<?xml version=\"1.0\" encoding=\"utf-16\"?><a/>",
        None,
        &TextPolicy { format: Format::Xml, ..refuse },
    );
    assert!(matches!(utf16.unwrap_err(), TextFault::WrongLabel { .. }));
}

#[test]
fn what_is_not_clear_is_refused() {
    for bytes in [b"M\xFCller und S\xF6hne".as_slice(), b"C\xE1", b"\xE1\xE2\xE3 \xF1\xF2", b"\x81\x8D\x8F"] {
        assert!(matches!(read(bytes, None, &guessed()).unwrap_err(), TextFault::Unsure { .. }), "{bytes:?}");
    }
    let (western, report) = read(b"M\xFCller und S\xF6hne", Some("latin1"), &guessed()).unwrap();
    assert_eq!(
        (western.as_str(), report.from, report.confidence),
        ("Müller und Söhne", Charset::Windows1252, 0)
    );
}

#[test]
fn only_what_is_expected_is_taken() {
    let utf16: Vec<u8> = "\u{feff}<a>ễ</a>".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(
        read(&utf16, None, &only(Charset::Utf8)).unwrap_err(),
        TextFault::NotExpected(Charset::Utf16Le)
    );
    let some = TextPolicy { expected: vec![Charset::Utf8, Charset::Vni], ..guessed() };
    assert!(read(&encode(TEXT, Charset::Vni), None, &some).is_ok());
    assert!(read(&encode(TEXT, Charset::Tcvn3), None, &some).is_err());
    assert!(read(b"plain ASCII", None, &only(Charset::Tcvn3)).is_ok());
}

#[test]
fn mixed_charsets_are_refused_where_they_begin() {
    let lower = lower(TEXT);
    let mut mixed = encode(&lower, Charset::Tcvn3);
    mixed.push(b'\n');
    let at = mixed.len();
    mixed.extend(b"C\xC3\xA1c b\xE1\xBB\x99 ");
    let fault = read(&mixed, None, &guessed()).unwrap_err();
    assert_eq!(fault, TextFault::Mixed { first: Charset::Tcvn3, then: Charset::Utf8, at });
    let fault = read(&mixed, None, &only(Charset::Tcvn3)).unwrap_err();
    assert_eq!(fault, TextFault::Mixed { first: Charset::Tcvn3, then: Charset::Utf8, at });
    let mut mixed = TEXT.as_bytes().to_vec();
    let at = mixed.len();
    mixed.extend(b"\xB5 v\xB5");
    let fault = read(&mixed, None, &guessed()).unwrap_err();
    assert!(
        matches!(fault, TextFault::Mixed { first: Charset::Utf8, at: found, .. } if found == at),
        "{fault:?}"
    );
}

#[test]
fn undecodable_bytes_are_named_and_never_replaced() {
    let fault = read(b"a\xAFb", None, &only(Charset::Tcvn3)).unwrap_err();
    assert_eq!(fault, TextFault::Undecodable { charset: Charset::Tcvn3, at: 1 });
    assert_eq!(fault.to_string(), "byte 1 cannot be read as TCVN3");
    assert!(read(b"\xFF\xFEa", None, &guessed()).is_err(), "half a unit");
    assert!(read(b"\xFF\xFE\x00\xD8a\x00", None, &guessed()).is_err(), "half a pair");
}
