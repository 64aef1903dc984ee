//! Every Vietnamese letter in every charset as other implementations write it, and any text there and back.

use crate::{only, read};
use lgsp_text::{Charset, nfc};
use proptest::prelude::*;
use std::collections::HashMap;

const LETTERS: &str = include_str!("oracle/letters.tsv");

fn rows() -> impl Iterator<Item = (Charset, char, Vec<u8>)> {
    LETTERS.lines().filter(|l| !l.starts_with('#')).map(|line| {
        let mut cells = line.split('\t');
        let charset = Charset::of_label(cells.next().unwrap()).unwrap();
        let letter = cells.next().unwrap().chars().next().unwrap();
        let hex = cells.next().unwrap();
        let bytes = (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap());
        (charset, letter, bytes.collect())
    })
}

/// The bytes of each letter of a charset.
pub fn encoder(charset: Charset) -> HashMap<char, Vec<u8>> {
    let plain = if charset == Charset::Tcvn3Upper { Charset::Tcvn3 } else { charset };
    let mut map: HashMap<char, Vec<u8>> =
        rows().filter(|(c, ..)| *c == plain).map(|(_, letter, bytes)| (letter, bytes)).collect();
    if charset == Charset::Tcvn3Upper {
        let upper = |c: char| c.to_uppercase().next().unwrap();
        map = map.into_iter().map(|(c, b)| (upper(c), b)).collect();
    }
    map
}

pub fn encode(text: &str, charset: Charset) -> Vec<u8> {
    let map = encoder(charset);
    let one = |c: char| if c.is_ascii() { vec![c as u8] } else { map[&c].clone() };
    text.chars().flat_map(one).collect()
}

#[test]
fn every_letter_is_read_as_other_implementations_write_it() {
    let mut counts: HashMap<Charset, usize> = HashMap::new();
    for (charset, letter, bytes) in rows() {
        let framed = [b"x ", bytes.as_slice(), b" y"].concat();
        let (text, report) = read(&framed, None, &only(charset)).unwrap();
        assert_eq!(text, format!("x {letter} y"), "{charset} {bytes:02x?}");
        assert_eq!(
            (report.from, report.places[0]),
            (charset, 2 + usize::from(bytes.len() == 2 && bytes[0] < 0x80)),
            "{letter}"
        );
        *counts.entry(charset).or_default() += 1;
    }
    assert_eq!(counts[&Charset::Vni], 134);
    assert_eq!(counts[&Charset::Viscii], 134);
    assert_eq!(counts[&Charset::Tcvn3], 74);
}

#[test]
fn windows_code_pages_are_those_of_the_encoding_standard() {
    for (charset, oracle) in
        [(Charset::Windows1258, encoding_rs::WINDOWS_1258), (Charset::Windows1252, encoding_rs::WINDOWS_1252)]
    {
        for byte in 0x80..=0xFFu8 {
            let bytes = [byte];
            let (expected, _) = oracle.decode_without_bom_handling(&bytes);
            let control = expected.chars().all(char::is_control);
            match read(&[b'.', byte], None, &only(charset)) {
                // The standard keeps bytes that the code page does not define as controls; here they are refused.
                Err(_) => assert!(control, "{charset} {byte:02x}"),
                Ok((text, _)) => assert_eq!(text, format!(".{expected}"), "{byte:02x}"),
            }
        }
    }
}

#[test]
fn capital_fonts_show_capitals_and_leave_ascii_alone() {
    let bytes = b"NGUY\xD4N V\xA8N \xAEa";
    assert_eq!(read(bytes, None, &only(Charset::Tcvn3Upper)).unwrap().0, "NGUYỄN VĂN Đa");
    assert_eq!(read(bytes, None, &only(Charset::Tcvn3)).unwrap().0, "NGUYễN VăN đa");
}

#[test]
fn marks_of_either_case_follow_a_vni_letter() {
    // The mark of a small letter behind a capital one: what typists leave.
    assert_eq!(read(b"A\xF9 \xD1oa\xF8n", None, &only(Charset::Vni)).unwrap().0, "Á Đoàn");
}

#[test]
fn combining_marks_of_tcvn_compose() {
    assert_eq!(read(b"A\xB3 \xA2\xB4", None, &only(Charset::Tcvn3)).unwrap().0, "Á Ậ");
}

fn letters(charset: Charset) -> impl Strategy<Value = String> {
    let mut all: Vec<char> =
        encoder(charset).into_keys().chain("AIOUYaeiouynghtcm ,.-019<\"&".chars()).collect();
    all.sort_unstable();
    prop::collection::vec(prop::sample::select(all), 0..200).prop_map(|v| v.into_iter().collect())
}

fn there_and_back(text: &str, charset: Charset) {
    let (back, _) = read(&encode(text, charset), None, &only(charset)).unwrap();
    assert_eq!(back, text);
    assert_eq!(nfc(&back), text);
}

proptest! {
    #[test]
    fn viscii_there_and_back(text in letters(Charset::Viscii)) {
        there_and_back(&text, Charset::Viscii);
    }

    #[test]
    fn windows_1258_there_and_back(text in letters(Charset::Windows1258)) {
        there_and_back(&text, Charset::Windows1258);
    }

    #[test]
    fn tcvn3_there_and_back(text in letters(Charset::Tcvn3)) {
        there_and_back(&text, Charset::Tcvn3);
    }

    #[test]
    fn vni_there_and_back(text in letters(Charset::Vni)) {
        there_and_back(&text, Charset::Vni);
    }

    #[test]
    fn utf16_there_and_back(text in "[<{]\\PC{0,100}", big in any::<bool>(), mark in any::<bool>()) {
        let unit = |u: u16| if big { u.to_be_bytes() } else { u.to_le_bytes() };
        let start: &[u16] = if mark { &[0xFEFF] } else { &[] };
        let bytes: Vec<u8> = start.iter().copied().chain(text.encode_utf16()).flat_map(unit).collect();
        let (back, report) = read(&bytes, None, &crate::guessed()).unwrap();
        prop_assert_eq!(back, nfc(&text).into_owned());
        prop_assert_eq!(report.from, if big { Charset::Utf16Be } else { Charset::Utf16Le });
    }
}
