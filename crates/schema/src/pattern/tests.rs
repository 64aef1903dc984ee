//! Patterns as the standard has them, one row a rule; `tests/pattern_oracle.rs` asks a second implementation.

#![allow(clippy::unwrap_used)]

use super::Pattern;

#[test]
fn what_matches_and_what_does_not() {
    #[rustfmt::skip]
    let cases: &[(&str, &[&str], &[&str])] = &[
        ("", &[""], &["a"]),
        ("a|b", &["a", "b"], &["ab", "", "ac"]),
        ("(a|)b", &["ab", "b"], &["a"]),
        // Anchored as a whole, and the anchors of other languages are characters.
        ("b", &["b"], &["abc", "b\n"]),
        ("^a$", &["^a$"], &["a"]),
        (".", &["a", "ạ", "😀"], &["\n", "\r", ""]),
        (r"\d{12}", &["001099012345", "٠٠٠٠٠٠٠٠٠٠٠٠"], &["00109901234", "0010990123456"]),
        (r"[0-9]{9}([0-9]{3})?", &["123456789", "123456789012"], &["1234567890"]),
        (r"\i\c*", &["a:b-1", "_x", "đ"], &["1a", "-a"]),
        (r"\s+", &[" \t\n\r"], &["\u{a0}"]),
        (r"\w+", &["Nguyễn", "a1", "+"], &["a b", "a.b", "_"]),
        (r"\p{Lu}\p{Ll}+", &["Hà"], &["hà"]),
        (r"\P{L}", &["1"], &["a"]),
        (r"\p{IsBasicLatin}+", &["abc ~"], &["ă"]),
        (r"\p{IsLatin-1Supplement}", &["é"], &["e"]),
        (r"\p{IsGreek}", &["α"], &["a"]),
        (r"[a-z-[aeiou]]+", &["xyz"], &["xay", "-"]),
        (r"[^a-z-[0-9]]", &["A"], &["a", "5"]),
        (r"[\d-[5-7]]", &["4"], &["6"]),
        (r"[a-z-[aeiou-[e]]]", &["b", "e"], &["a"]),
        (r"[-a]|[a-]|[\-a]", &["-", "a"], &["b"]),
        (r"[+\-.]", &["+", "-", "."], &[","]),
        (r"[A-Z0-9-_]", &["-", "_", "A"], &["a"]),
        (r"[\[\]\\^]", &["[", "]", "\\", "^"], &["a"]),
        (r"a{2}b{1,}c{0,2}", &["aab", "aabbcc"], &["ab", "aabccc"]),
        (r"a{0}", &[""], &["a"]),
        (r"\$[0-9]+\.[0-9]{2}", &["$1.00"], &["1.00"]),
        (r"&&[a&&b]~~", &["&&a~~", "&&&~~"], &["&&~~"]),
    ];
    for (pattern, yes, no) in cases {
        let compiled = Pattern::compile(pattern).unwrap_or_else(|e| panic!("{pattern}: {e}"));
        for value in *yes {
            assert!(compiled.is_match(value), "{pattern} must match {value:?}");
        }
        for value in *no {
            assert!(!compiled.is_match(value), "{pattern} must not match {value:?}");
        }
    }
}

#[test]
fn what_is_no_pattern_is_named() {
    #[rustfmt::skip]
    let cases = [
        ("*a", "repeats nothing"), ("a**", "repeats nothing"), ("a+?b", ""), ("(?:a)", "(?...)"), ("(?i)a", "(?...)"),
        ("(a", "not closed"), ("a)", "without an opening"), ("[a", "not closed"), ("[]", "no character"),
        ("a]", "] without ["), ("[z-a]", "ends before"), ("[a-\\d]", "one character"), ("(a)\\1", "references back"),
        ("\\b", "no escape"), ("\\", "backslash"), ("\\p{Foo}", "\\p{Foo}"), ("\\p{IsNowhere}", "IsNowhere"),
        ("a{3,1}", "no number"), ("a{x}", "no number"), ("a{,3}", "no number"), ("[[a]]", "inside brackets"),
    ];
    for (pattern, part) in cases {
        match Pattern::compile(pattern) {
            Err(message) => assert!(message.contains(part), "{pattern}: {message}"),
            // A quantifier after a quantifier is an atom's place.
            Ok(_) => panic!("{pattern} is no pattern"),
        }
    }
}

#[test]
fn no_pattern_explodes() {
    let value = format!("{}!", "a".repeat(100_000));
    for pattern in ["(a+)+", "(a|aa)+", "(a*)*", "([a-z]+)*", "(.*a){10}"] {
        let compiled = Pattern::compile(pattern).unwrap();
        let begun = std::time::Instant::now();
        compiled.is_match(&value);
        assert!(begun.elapsed().as_secs() < 5, "{pattern}");
    }
    for pattern in ["((a{1000}){1000}){1000}", "\\p{L}{4000000000}", "(\\i{500}){500}"] {
        assert!(Pattern::compile(pattern).unwrap_err().contains("too large"), "{pattern}");
    }
    assert!(Pattern::compile(&"(".repeat(60)).unwrap_err().contains("nested"));
    assert!(Pattern::compile(&"a".repeat(20_000)).unwrap_err().contains("longer"));
    assert!(Pattern::compile(&"[a-".repeat(1_000)).unwrap_err().contains("subtracted"));
}
