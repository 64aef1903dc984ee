//! Any bytes: no panic, the same a second time, time in proportion to length.

use crate::tables::encode;
use crate::{guessed, only};
use lgsp_text::{Charset, Format, Inner, LabelPolicy, TextPolicy, decode};
use proptest::prelude::*;
use std::time::{Duration, Instant};

fn policies() -> impl Strategy<Value = TextPolicy> {
    let format = prop::sample::select(vec![Format::Plain, Format::Xml, Format::Json]);
    let label = prop::sample::select(vec![LabelPolicy::Believe, LabelPolicy::Refuse, LabelPolicy::Detect]);
    let inner = prop::sample::select(vec![
        Inner::Keep,
        Inner::Always(Charset::Vni),
        Inner::Detect(vec![Charset::Tcvn3, Charset::Vni, Charset::Viscii]),
    ]);
    (format, label, inner, any::<bool>(), any::<bool>()).prop_map(|(format, label, inner, mojibake, nfc)| {
        TextPolicy { format, expected: Vec::new(), label, inner, mojibake, nfc }
    })
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let pieces: Vec<&[u8]> = vec![
        b"<a b=\"",
        b"\">",
        b"</a>",
        b"<![CDATA[",
        b"]]>",
        b"<!--",
        b"&#x301;",
        b"&amp;",
        b"\\u0301",
        b"\\ud83d\\ude00",
        b"\\",
        b"\"",
        b"{\"",
        b"\n",
        b"Nguy\xD4n",
        b"V\xA8n",
        b"e\xCC\x81",
        "ễ".as_bytes(),
        b"\xC3\x83\xC2\xA9",
        b"<?xml version='1.0' encoding='windows-1258'?>",
        b"\xFF\xFE",
        b"\0",
    ];
    let piece = prop_oneof![
        prop::sample::select(pieces).prop_map(<[u8]>::to_vec),
        prop::collection::vec(any::<u8>(), 1..5)
    ];
    prop::collection::vec(piece, 0..20).prop_map(|v| v.concat())
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused_and_nothing_changes_twice(input in bytes(), policy in policies()) {
        let Ok((once, _)) = decode(&input, None, &policy) else { return Ok(()) };
        prop_assert!(std::str::from_utf8(&once).is_ok());
        // Guesses about fields may lead on to others; composing and converting must not.
        let policy = TextPolicy { inner: Inner::Keep, mojibake: false, expected: vec![Charset::Utf8], ..policy };
        let Ok((first, _)) = decode(&once, Some("utf-8"), &policy) else { return Ok(()) };
        let (second, report) = decode(&first, Some("utf-8"), &policy).unwrap();
        prop_assert_eq!(&first, &second);
        prop_assert_eq!(report.composed, 0);
    }
}

/// The best of three, so that another process does not decide.
fn took(mut run: impl FnMut()) -> Duration {
    let mut once = || {
        let start = Instant::now();
        run();
        start.elapsed()
    };
    [once(), once(), once()].into_iter().min().unwrap()
}

#[test]
fn time_is_in_proportion_to_length() {
    let json = TextPolicy {
        format: Format::Json,
        inner: Inner::Detect(vec![Charset::Tcvn3]),
        mojibake: true,
        ..guessed()
    };
    let plain = TextPolicy { ..guessed() };
    let xml = TextPolicy { format: Format::Xml, ..guessed() };
    let cases: [(&str, Vec<u8>, &TextPolicy); 6] = [
        ("legacy", encode("Nguyễn Văn An, xã Thanh Oai\n", Charset::Tcvn3), &plain),
        ("marks", "a\u{301}\u{323}\u{300}".as_bytes().to_vec(), &plain),
        ("only marks", "\u{301}\u{323}".as_bytes().to_vec(), &plain),
        ("escapes", b"\"\\u0301\\n\",".to_vec(), &json),
        ("one string", b"\\u00d4\\n".to_vec(), &json),
        ("open tags", "<a b='\u{301}' ".as_bytes().to_vec(), &xml),
    ];
    for (name, unit, policy) in cases {
        let make = |bytes: usize| [b"\"".as_slice(), &unit.repeat(bytes / unit.len())].concat();
        let (small, large) = (make(100_000), make(800_000));
        let time = |input: &[u8]| took(|| drop(std::hint::black_box(decode(input, None, policy))));
        let (one, eight) = (time(&small), time(&large));
        // Eight times the work; what is quadratic takes sixty-four times.
        assert!(eight < one * 24 + Duration::from_millis(50), "{name}: {one:?} {eight:?}");
    }
}

#[test]
#[ignore = "ten megabytes and figures: by hand, in release"]
fn figures() {
    let text =
        "{\"hoTen\":\"Nguyễn Văn An\",\"diaChi\":\"phường Đống Đa, thành phố Hà Nội\",\"so\":1234567890},\n";
    let policy = TextPolicy { format: Format::Json, ..guessed() };
    for size in [10 << 10, 10 << 20] {
        let utf8 = text.repeat(size / text.len());
        let tcvn3 = encode(&text.replace('Đ', "đ"), Charset::Tcvn3).repeat(size / text.len());
        let ascii = utf8.replace(|c: char| !c.is_ascii(), "");
        let run = |input: &[u8], policy: &TextPolicy| {
            took(|| drop(std::hint::black_box(decode(input, None, policy))))
        };
        println!(
            "{size}: composed {:?}, ASCII {:?}, TCVN3 {:?}, TCVN3 found {:?}",
            run(utf8.as_bytes(), &policy),
            run(ascii.as_bytes(), &policy),
            run(&tcvn3, &TextPolicy { format: Format::Json, ..only(Charset::Tcvn3) }),
            run(&tcvn3, &policy)
        );
    }
}
