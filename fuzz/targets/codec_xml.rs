//! XML to JSON, by a schema and without one: what is taken is JSON, goes back, and comes again the same.
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
    if let Ok(there) = codec.xml_to_json(*root, data, Limits::default()) {
        assert_eq!(xml::guard(data), Ok(()));
        assert_eq!(json::guard(&there), Ok(()));
        let back = codec
            .json_to_xml(*root, &there, Prefixes::Prefixed, Limits::default())
            .expect("it came from valid XML");
        let again = codec.xml_to_json(*root, &back, Limits::default()).expect("the codec wrote it");
        assert_eq!(again, there);
    }
    if let Ok(there) = generic::xml_to_json(data, Limits::default()) {
        assert_eq!(json::guard(&there), Ok(()));
        let back = generic::json_to_xml(&there, Limits::default()).expect("it came from XML");
        let again = generic::xml_to_json(&back, Limits::default()).expect("it is XML");
        let value = |j: &[u8]| serde_json::from_slice::<serde_json::Value>(j).expect("JSON");
        assert_eq!(value(&again), value(&there));
    }
});
