//! JSON to XML, by a schema and without one: what is taken is well-formed XML, and from then on nothing changes any more.
#![no_main]

mod codec_model;

use lgsp_schema::codec::{Limits, Prefixes};
use lgsp_schema::generic;
use lgsp_wire::{json, xml};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static CODEC: LazyLock<(lgsp_schema::codec::Codec, lgsp_schema::codec::ElementId)> =
    LazyLock::new(codec_model::codec);

fuzz_target!(|data: &[u8]| {
    let (codec, root) = &*CODEC;
    if let Ok(there) = codec.json_to_xml(*root, data, Prefixes::Prefixed, Limits::default()) {
        assert_eq!(json::guard(data), Ok(()));
        assert_eq!(xml::guard(&there), Ok(()));
        let back = codec.xml_to_json(*root, &there, Limits::default()).expect("the codec wrote it");
        assert_eq!(
            codec.json_to_xml(*root, &back, Prefixes::Prefixed, Limits::default()).expect("it came from XML"),
            there
        );
    }
    if let Ok(there) = generic::json_to_xml(data, Limits::default()) {
        assert_eq!(json::guard(data), Ok(()));
        if let Ok(back) = generic::xml_to_json(&there, Limits::default()) {
            assert_eq!(json::guard(&back), Ok(()));
        }
    }
});
