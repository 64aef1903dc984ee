//! Whatever a message looks like: what is built is read, says the same, and is recorded in the bytes that the document gives.

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use lgsp_kernel::ExchangeId;
use lgsp_kernel::record::{Entry, StatementRecord};
use lgsp_peer::statement::{Statement, StatementError, Subject};
use proptest::prelude::*;

fn headers(extra: &[(String, Vec<u8>)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in extra {
        let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(value))
        else {
            continue;
        };
        if !name.as_str().starts_with("lgsp-") {
            headers.append(name, value);
        }
    }
    for (name, value) in [
        ("lgsp-exchange", "ex_0197f2a2d2a27000800000000000002a"),
        ("lgsp-from", "a/H01/s"),
        ("lgsp-to", "b/s/1"),
        ("content-digest", "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:"),
    ] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    headers
}

fn some_headers() -> impl Strategy<Value = Vec<(String, Vec<u8>)>> {
    let name = "[a-z][a-z0-9-]{0,12}";
    let value = prop_oneof![
        "[ -~]{0,40}".prop_map(String::into_bytes),
        proptest::collection::vec(any::<u8>(), 0..40),
        "\\PC{0,20}".prop_map(String::into_bytes),
    ];
    proptest::collection::vec((name, value), 0..20)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn what_is_built_is_read_as_the_same_statement(
        extra in some_headers(), path in "/[!->@-~]{0,30}", query in proptest::option::of("[!-~]{0,30}"), created in 0i64..4_000_000_000,
    ) {
        let headers = headers(&extra);
        let subject = Subject::Request { method: &Method::POST, path: &path, query: query.as_deref() };
        let built = Statement::build(subject, &headers, created, "a2V5").unwrap();
        let (read, input) = Statement::of_received(subject, &headers, &built.input).unwrap();
        prop_assert_eq!(&read, &built);
        prop_assert_eq!(input.created, created);
        prop_assert!(built.base.bytes().all(|b| b == b'\n' || (0x20..0x7f).contains(&b)));
        let exchange: ExchangeId = "ex_0197f2a2d2a27000800000000000002a".parse().unwrap();
        let entry = Entry::Statement(StatementRecord { exchange, base: built.base.clone() });
        prop_assert_eq!(&built.record(&exchange)[..], &serde_json::to_vec(&entry).unwrap()[..]);
    }

    #[test]
    fn no_input_makes_the_reader_panic_or_accept_another_spelling(text in "lgsp=[(]?[ -~]{0,80}", extra in some_headers()) {
        let headers = headers(&extra);
        let subject = Subject::Request { method: &Method::GET, path: "/", query: None };
        let read = Statement::of_received(subject, &headers, &text).map(|(statement, _)| statement);
        if let Ok(statement) = read {
            prop_assert_eq!(statement.input, text);
        }
    }
}

#[test]
fn a_statement_covers_what_it_must_and_nothing_that_it_may_not() {
    let headers = headers(&[("x".into(), b"1".to_vec()), ("via".into(), b"2 x".to_vec())]);
    let subject = Subject::Request { method: &Method::GET, path: "/", query: None };
    let all = r#""@method" "@path" "@query" "content-digest" "lgsp-exchange" "lgsp-from" "lgsp-to""#;
    let read = |list: &str| {
        let text = format!("lgsp=({list});created=1;keyid=\"k\";tag=\"lgsp-request\"");
        Statement::of_received(subject, &headers, &text).map(drop)
    };
    assert!(read(all).is_ok());
    for left_out in all.split(' ') {
        let list = all.split(' ').filter(|c| *c != left_out).collect::<Vec<_>>().join(" ");
        assert!(matches!(read(&list), Err(StatementError::Uncovered(_))), "{left_out}");
    }
    for added in [
        "\"via\"",
        "\"@authority\"",
        "\"@status\"",
        "\"@path\";bs",
        "\"x\";bs",
        "\"x\";tr",
        "\"absent\"",
        "\"signature\"",
        "\"lgsp-checkpoint\"",
        "\"lgsp-new\"",
    ] {
        assert!(read(&format!("{all} {added}")).is_err(), "{added}");
    }
    assert!(read(&format!("{all} \"x\"")).is_ok());
}

#[test]
fn what_a_receiver_refuses_is_not_stated() {
    let mut headers = headers(&[]);
    headers.insert(HeaderName::from_static("lgsp-exclange"), HeaderValue::from_static("x"));
    let subject = Subject::Request { method: &Method::POST, path: "/peer/1/b/s/1", query: None };
    let built = Statement::build(subject, &headers, 1_795_322_400, "a2V5");
    assert!(matches!(built, Err(StatementError::NotCoverable(name)) if name == "lgsp-exclange"));
}
