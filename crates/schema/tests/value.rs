//! Lexical and value spaces of the built-in types, and their facets, as XSD 1.0 part 2 has them.
#![allow(clippy::unwrap_used)]

use lgsp_schema::model::{Builtin, Facets, JsonForm, Model, SimpleId, SimpleType, Variety};
use lgsp_schema::value::Values;

fn values(base: Builtin, facets: Facets, variety: Variety) -> Result<Values, Vec<lgsp_schema::Problem>> {
    let make = |base, facets, variety| SimpleType {
        name: None,
        base,
        variety,
        facets,
        json: JsonForm::String,
        doc: None,
    };
    let simple = vec![
        make(base, facets, variety),
        make(Builtin::Int, Facets::default(), Variety::Atomic),
        make(Builtin::Date, Facets::default(), Variety::Atomic),
    ];
    Values::compile(&Model { simple, ..Model::default() })
}

fn takes(base: Builtin, facets: &Facets, text: &str) -> bool {
    values(base, facets.clone(), Variety::Atomic).unwrap().check(SimpleId(0), text).is_ok()
}

#[test]
fn lexical_spaces_are_the_standards() {
    use Builtin as B;
    for (ty, good, bad) in [
        (B::Boolean, "true false 1 0", "True yes 2"),
        (B::Decimal, "1 -1.50 .5 5. +007", "1e3 . 1,5 INF"),
        (B::Integer, "123456789012345678901234567890123456789012345678901 -0 +1", "1.0 1e3 -"),
        (B::Long, "9223372036854775807 -9223372036854775808", "9223372036854775808"),
        (B::UnsignedByte, "0 255 +255 -0", "256 -1"),
        (B::NegativeInteger, "-1 -99999999999999999999999999999999999999999999", "0 1"),
        (B::Double, "1E5 -1.e-3 .5 INF -INF NaN 1e400", "+INF inf 1e 0x1 nan"),
        (
            B::Date,
            "2024-02-29 1999-12-31Z 2000-01-01+14:00 -0004-02-29 12024-01-01",
            "2023-02-29 1900-02-29 0000-01-01 2024-2-9 2000-01-01+14:01 02024-01-01 2024-13-01 24-01-01",
        ),
        (
            B::DateTime,
            "2024-02-29T24:00:00 2024-01-01T00:00:00.123456789012345678Z",
            "2024-01-01 2024-01-01T24:00:01 2024-01-01T00:60:00 2024-01-01T00:00:00. 2024-01-01T00:00",
        ),
        (B::Time, "23:59:59.5-05:00 00:00:00", "24:00:01 1:00:00 25:00:00"),
        (B::GYearMonth, "2024-02", "2024-13 2024"),
        (B::GMonthDay, "--02-29 --12-31Z", "--02-30 02-29"),
        (B::GDay, "---31", "---32 --31"),
        (B::GMonth, "--12", "--13 --12--"),
        (B::Duration, "P1Y2M3DT4H5M6.7S -P1D PT0S P400D", "P PT 1D P1S PT1D P1.5D P1M1Y P1YT PT1.S"),
        (B::HexBinary, "00ff AB", "0 0g"),
        (B::Base64Binary, "AAAA AAA= AA==", "AAA A=== AAB= AB== A"),
        (B::Language, "vi en-US x-12345678", "vi_VN 123456789 v1-x"),
        (B::NcName, "Tên _a a-1.b", "a:b 1a -a"),
        (B::Name, "a:b :a Đ", "1a -a"),
        (B::NmToken, "1a -a a:b ·x", "a,b a/b"),
        (B::AnyUri, "http://a.example/ơ?x#y urn:x %20", "%2 a#b#c %zz"),
    ] {
        for text in good.split(' ') {
            assert!(takes(ty, &Facets::default(), text), "{ty:?} {text}");
        }
        for text in bad.split(' ') {
            assert!(!takes(ty, &Facets::default(), text), "{ty:?} {text}");
        }
        let empty = takes(ty, &Facets::default(), "");
        assert_eq!(empty, matches!(ty, B::HexBinary | B::Base64Binary | B::AnyUri), "{ty:?}");
    }
}

#[test]
fn bounds_are_compared_by_value_and_what_has_no_order_is_refused() {
    use Builtin as B;
    let at_least = |v: &str| Facets { min_inclusive: Some(v.into()), ..Facets::default() };
    let below = |v: &str| Facets { max_exclusive: Some(v.into()), ..Facets::default() };
    for (ty, facets, good, bad) in [
        (B::Decimal, at_least("10.0"), "10 010.000 11", "9.999999999999999999999 -11"),
        (B::Double, below("1e3"), "999.9 -INF", "1000 INF NaN"),
        (
            B::DateTime,
            at_least("2024-01-01T00:00:00Z"),
            "2024-01-01T07:00:00+07:00 2024-01-01T14:00:01",
            "2023-12-31T23:59:59Z 2024-01-01T06:59:59+07:00 2024-01-01T14:00:00 2024-01-01T00:00:00",
        ),
        (
            B::Date,
            below("2024-03-01"),
            "2024-02-29 2024-02-29Z -0001-01-01",
            "2024-03-01 2024-03-01Z 2024-03-01+14:00",
        ),
        (B::Time, at_least("08:00:00"), "08:00:00.0 23:00:00", "07:59:59.999"),
        (B::Duration, at_least("P1M"), "P1M P32D P1Y", "P31D P30D P28D -P1Y"),
        (B::Duration, below("-PT0.5S"), "-PT0.51S -PT1S", "-PT0.5S -PT0.49S PT1S"),
        (B::GYear, below("2000"), "1999 -0001", "2000 2001"),
    ] {
        for text in good.split(' ') {
            assert!(takes(ty, &facets, text), "{ty:?} {text}");
        }
        for text in bad.split(' ') {
            assert!(!takes(ty, &facets, text), "{ty:?} {text}");
        }
    }
    for (ty, bound) in [(B::String, "a"), (B::Int, "1.5"), (B::Date, "2023-02-29")] {
        assert!(values(ty, at_least(bound), Variety::Atomic).is_err(), "{ty:?} has no bound {bound}");
    }
}

#[test]
fn enumerations_are_compared_by_value() {
    let one_of =
        |all: &[&str]| Facets { enumeration: all.iter().map(|v| (*v).into()).collect(), ..Facets::default() };
    assert!(takes(Builtin::Decimal, &one_of(&["1.50"]), " +01.5 "));
    assert!(takes(Builtin::DateTime, &one_of(&["2024-01-01T00:00:00Z"]), "2024-01-01T07:00:00+07:00"));
    assert!(!takes(Builtin::DateTime, &one_of(&["2024-01-01T00:00:00Z"]), "2024-01-01T00:00:00"));
    assert!(takes(Builtin::Double, &one_of(&["NaN", "1e1"]), "NaN"));
    assert!(takes(Builtin::HexBinary, &one_of(&["0a"]), "0A"));
    assert!(takes(Builtin::Token, &one_of(&["a b"]), " a  b "));
    assert!(!takes(Builtin::String, &one_of(&["a b"]), "a  b"));
}

#[test]
fn lengths_count_characters_octets_and_items() {
    let length = |n| Facets { length: Some(n), ..Facets::default() };
    assert!(takes(Builtin::String, &length(3), "ắẵ𝄞"));
    assert!(takes(Builtin::Base64Binary, &length(4), "AAAA AA=="));
    assert!(takes(Builtin::HexBinary, &length(2), "00ff"));
    assert!(takes(Builtin::NmTokens, &length(2), " a  b "));
    let digits = Facets { total_digits: Some(3), fraction_digits: Some(1), ..Facets::default() };
    assert!(takes(Builtin::Decimal, &digits, "0012.30"));
    assert!(!takes(Builtin::Decimal, &digits, "1.23"));
    assert!(!takes(Builtin::Decimal, &digits, "1234"));
}

#[test]
fn lists_and_unions_check_each_item_and_each_member() {
    let two =
        Facets { max_length: Some(2), enumeration: vec!["1 2".into(), "3".into()], ..Facets::default() };
    let list = values(Builtin::String, two, Variety::List(SimpleId(1))).unwrap();
    assert_eq!(list.check(SimpleId(0), " +1\n02 ").unwrap(), "+1 02");
    assert!(list.check(SimpleId(0), "1 2 3").unwrap_err().contains("at most 2 items"));
    assert!(list.check(SimpleId(0), "1 x").unwrap_err().contains("item 2"));
    assert!(list.check(SimpleId(0), "2 1").unwrap_err().contains("one of"));
    let union =
        values(Builtin::String, Facets::default(), Variety::Union(vec![SimpleId(1), SimpleId(2)])).unwrap();
    assert!(union.check(SimpleId(0), "5").is_ok() && union.check(SimpleId(0), "2024-02-29").is_ok());
    assert!(union.check(SimpleId(0), "x").is_err());
    assert!(union.equal(SimpleId(0), "5", "+5") && !union.equal(SimpleId(0), "5", "2024-02-29"));
    assert!(values(Builtin::String, Facets::default(), Variety::List(SimpleId(0))).is_err(), "a circle");
}
