//! Paths: one spelling, one meaning.

use lgsp_wire::path::{self, PathFault};
use proptest::prelude::*;

fn segments(path: &str) -> Vec<String> {
    path::clean(path).unwrap().segments.iter().map(|s| s.clone().into_owned()).collect()
}

#[test]
fn plain_paths_are_cut_and_decoded() {
    assert_eq!(segments("/"), Vec::<String>::new());
    assert_eq!(segments("/apiCSDLDKDN/1.0/chiTietDoanhNghiep"), ["apiCSDLDKDN", "1.0", "chiTietDoanhNghiep"]);
    assert_eq!(segments("/a/"), ["a", ""]);
    assert_eq!(segments("/t%C3%AAn/a%20b/50%25"), ["tên", "a b", "50%"]);
    assert_eq!(segments("/tên"), ["tên"]);
    assert_eq!(
        segments("/...;v=1/.a/a..b/~x/a+b/@:!$&'()*,="),
        ["...;v=1", ".a", "a..b", "~x", "a+b", "@:!$&'()*,="]
    );
    assert_eq!(segments("/100%2541"), ["100%41"], "decoding twice would change no structure");
}

#[test]
fn ambiguous_paths_are_refused() {
    for (path, fault) in [
        ("", PathFault::Relative),
        ("a", PathFault::Relative),
        ("*", PathFault::Relative),
        ("//", PathFault::EmptySegment),
        ("//a", PathFault::EmptySegment),
        ("/a//b", PathFault::EmptySegment),
        ("/a//", PathFault::EmptySegment),
        ("/.", PathFault::DotSegment),
        ("/..", PathFault::DotSegment),
        ("/a/../b", PathFault::DotSegment),
        ("/a/./b", PathFault::DotSegment),
        ("/a/%2e%2E/b", PathFault::DotSegment),
        ("/a/.%2e", PathFault::DotSegment),
        ("/a/..;x=1/b", PathFault::DotSegment),
        ("/a/..%3b/b", PathFault::DotSegment),
        ("/a%2Fb", PathFault::Slash),
        ("/a%2fb", PathFault::Slash),
        ("/a\\b", PathFault::Slash),
        ("/a%5Cb", PathFault::Slash),
        ("/a/..%5c..", PathFault::Slash),
        ("/a%00", PathFault::Character),
        ("/a%0d%0aX", PathFault::Character),
        ("/a%7f", PathFault::Character),
        ("/a%C2%85", PathFault::Character),
        ("/a\tb", PathFault::Character),
        ("/a#b", PathFault::Character),
        ("/a?b", PathFault::Character),
        ("/a%", PathFault::Percent),
        ("/a%2", PathFault::Percent),
        ("/a%zz", PathFault::Percent),
        ("/a%+1", PathFault::Percent),
        ("/a%u002e", PathFault::Percent),
        ("/a%FF", PathFault::NotUtf8),
        ("/%c0%ae%c0%ae", PathFault::NotUtf8),
        ("/%C0%AF", PathFault::NotUtf8),
        ("/%252e%252e", PathFault::DoubleEncoding),
        ("/a%252Fb", PathFault::DoubleEncoding),
        ("/a%255c", PathFault::DoubleEncoding),
        ("/a%2500", PathFault::DoubleEncoding),
        ("/a%252525", PathFault::DoubleEncoding),
        ("/%25%32%65", PathFault::DoubleEncoding),
    ] {
        assert_eq!(path::clean(path).map(|_| ()), Err(fault), "{path}");
    }
    assert_eq!(path::clean(&"/a".repeat(5_000)), Err(PathFault::TooLong));
    assert_eq!(path::clean("/..").expect_err("dots").refusal().kind.code, "receive.path");
}

#[test]
fn the_rest_is_cut_from_what_was_sent() {
    let clean = path::clean("/svc/1.0/a%20b/c/").unwrap();
    assert_eq!(clean.rest_after(0), "/svc/1.0/a%20b/c/");
    assert_eq!(clean.rest_after(2), "/a%20b/c/");
    assert_eq!(clean.decoded_after(2), "/a b/c/");
    assert_eq!(clean.rest_after(4), "/");
    assert_eq!(clean.rest_after(9), "/");
    let short = path::clean("/svc").unwrap();
    assert_eq!((short.rest_after(1), &*short.decoded_after(1)), ("/", "/"));
    let root = path::clean("/").unwrap();
    assert_eq!((root.rest_after(0), root.rest_after(1), &*root.decoded_after(0)), ("/", "/", "/"));
}

/// What a server that decodes, cuts parameters and resolves dots would see; none where that is not the same twice.
fn resolved(path: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for part in path.split(['/', '\\']).filter(|p| !p.is_empty()) {
        match part.split(';').next().unwrap() {
            "." => {}
            ".." => drop(out.pop()),
            _ => out.push(part.to_owned()),
        }
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn a_clean_path_means_the_same_to_a_server_that_normalizes_it(pieces in prop::collection::vec(prop::sample::select(vec![
        "/", "/", "a", "b", ".", "..", ";", "%2e", "%2F", "%5c", "\\", "%25", "2e", "%", "%20", "tên", "%C3%AA", "%00", "~", "%3b",
    ]), 0..10)) {
        let path = format!("/{}", pieces.concat());
        if let Ok(clean) = path::clean(&path) {
            let seen: Vec<_> = clean.segments.iter().filter(|s| !s.is_empty()).map(|s| s.to_string()).collect();
            let decoded = clean.decoded_after(0);
            prop_assert_eq!(resolved(&decoded), seen, "{}", path);
            for n in 0..clean.segments.len() + 2 {
                prop_assert!(clean.rest_after(n).starts_with('/'));
                let rest = path::clean(clean.rest_after(n)).unwrap();
                prop_assert_eq!(rest.decoded_after(0), clean.decoded_after(n));
            }
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in any::<String>()) {
        let _ = path::clean(&text);
        let _ = path::clean(&format!("/{text}"));
    }
}
