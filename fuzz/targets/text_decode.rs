//! Text of any charset: what is read is UTF-8 and composed, and reading it again changes nothing.
#![no_main]

use lgsp_text::{Charset, Format, Inner, LabelPolicy, TextPolicy, decode};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((first, data)) = data.split_first() else { return };
    let format = [Format::Plain, Format::Xml, Format::Json][usize::from(*first) % 3];
    let inner = if first & 4 == 0 { Inner::Keep } else { Inner::Detect(vec![Charset::Tcvn3, Charset::Vni]) };
    let policy = TextPolicy { format, label: LabelPolicy::Detect, inner, mojibake: first & 8 != 0, ..TextPolicy::default() };
    let Ok((once, _)) = decode(data, None, &policy) else { return };
    assert!(std::str::from_utf8(&once).is_ok());
    let plain = TextPolicy { format, expected: vec![Charset::Utf8], ..TextPolicy::default() };
    let Ok((first, _)) = decode(&once, Some("utf-8"), &plain) else { return };
    let (second, report) = decode(&first, Some("utf-8"), &plain).expect("what was read is read again");
    assert_eq!(first, second);
    assert_eq!(report.composed, 0);
});
