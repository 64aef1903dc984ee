//! Text: Vietnamese legacy encodings and mislabelled character sets to Unicode in composed form (NFC), with a report of what was changed.
//! Pure: bytes in, bytes out. Not here: whether a service asks for it, and whether the result is well-formed XML or JSON.

mod charset;
mod decode;
mod detect;
mod fields;
mod normal;
mod policy;
mod repair;
mod syllable;
mod tables;
mod vni;

pub use charset::Charset;
pub use decode::decode;
pub use normal::{fold_match, is_nfc, nfc};
pub use policy::{Format, Inner, LabelPolicy, PLACES_MAX, TextFault, TextPolicy, TextReport};
