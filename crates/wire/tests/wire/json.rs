//! JSON: syntax, depth, and agreement with the parser that later reads it.

use lgsp_kernel::bounds::JSON_DEPTH_MAX;
use lgsp_wire::json::{self, JsonError};
use proptest::prelude::*;

fn refusal(text: impl AsRef<[u8]>) -> JsonError {
    let text = text.as_ref();
    json::guard(text).expect_err(&String::from_utf8_lossy(text)).what
}

#[test]
fn values_pass() {
    for text in [
        "{}",
        "[]",
        "0",
        "-0.0e-0",
        "1E+9",
        "\"\"",
        "null",
        " true\r\n",
        "\t[ ]",
        "[[],{}]",
        "{\"a\":{\"b\":[1,2,{}]} , \"c\":null}",
        "\"\\u1ea3\\ud83d\\ude00\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
        "\"Đặng Thị Ánh \u{7f} \u{2028}\"",
        "\u{feff}{\"a\":1}",
        "{\"a\":1,\"a\":2}",
    ] {
        assert_eq!(json::guard(text.as_bytes()), Ok(()), "{text}");
    }
}

#[test]
fn what_is_not_json_is_refused() {
    for text in [
        "",
        " ",
        "{",
        "}",
        "[",
        "]",
        "[1,]",
        "[,1]",
        "[1 2]",
        "{,}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{a:1}",
        "{'a':1}",
        "{\"a\":1 \"b\":2}",
        "[1}",
        "{\"a\":1]",
        "01",
        "-",
        "+1",
        "1.",
        ".1",
        "1e",
        "1e+",
        "0x1",
        "NaN",
        "Infinity",
        "nul",
        "nulll",
        "tru",
        "True",
        "\"",
        "\"\\\"",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u12g4\"",
        "\"\n\"",
        "\"\t\"",
        "\"\0\"",
        "\"\\ud800\"",
        "\"\\udc00\"",
        "\"\\ud800\\u0041\"",
        "\"\\ud800\\",
        "1 2",
        "{}{}",
        "null,",
        "// x\n1",
        "[1]/**/",
        "\u{a0}1",
        "1\u{feff}",
    ] {
        assert!(json::guard(text.as_bytes()).is_err(), "{text:?}");
    }
    assert_eq!(refusal(b"\"\xC3\x28\""), JsonError::NotUtf8);
    assert_eq!(refusal("{} {}"), JsonError::Trailing);
    assert_eq!(refusal("[1,"), JsonError::Truncated);
}

#[test]
fn the_depth_is_bounded_exactly() {
    let nested = |n: usize| "[{\"a\":".repeat(n) + "1" + &"}]".repeat(n);
    assert_eq!(json::guard(nested(JSON_DEPTH_MAX / 2).as_bytes()), Ok(()));
    assert_eq!(refusal(nested(JSON_DEPTH_MAX / 2 + 1)), JsonError::Depth);
    assert_eq!(refusal("[".repeat(10_000_000)), JsonError::Depth);
}

#[test]
fn a_fault_says_where_and_what_was_expected() {
    let fault = json::guard(b"{\"msdn\" 1}").expect_err("no colon");
    assert_eq!(fault.to_string(), "':' was expected here (byte 8)");
    assert_eq!(fault.refusal().kind.code, "validate.json");
}

fn value() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        any::<String>().prop_map(Into::into),
    ];
    leaf.prop_recursive(5, 64, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
            prop::collection::vec((any::<String>(), inner), 0..6)
                .prop_map(|m| serde_json::Value::Object(m.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn what_another_program_writes_passes(value in value(), pretty in any::<bool>()) {
        let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
        prop_assert_eq!(json::guard(text.as_bytes()), Ok(()));
    }

    #[test]
    fn the_verdict_is_that_of_serde_json(pieces in prop::collection::vec(prop::sample::select(vec![
        "{", "}", "[", "]", ":", ",", "\"", "a", "\"a\"", "\"a\":", "0", "12", "-", ".", "e", "+", "null", "true", " ", "\n", "\\", "\\u00e1", "\\ud83d",
        "\\ude00", "é", "\u{1}", "[]", "{}",
    ]), 0..12)) {
        let text = pieces.concat();
        let oracle = serde_json::from_str::<serde_json::Value>(&text).map_err(|e| e.to_string());
        // serde_json refuses numbers it cannot hold; the grammar has no such limit.
        prop_assume!(!oracle.as_ref().is_err_and(|e| e.contains("out of range")));
        prop_assert_eq!(json::guard(text.as_bytes()).is_ok(), oracle.is_ok(), "{} {:?}", text, oracle);
    }

    #[test]
    fn no_bytes_make_the_guard_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = json::guard(&bytes);
    }
}
