//! Trace context: version 00 to the letter, later versions as the recommendation asks.

use lgsp_wire::trace::{TRACESTATE_MAX, TraceParent, tracestate_passes};
use proptest::prelude::*;

const VALID: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

#[test]
fn version_00_is_read_and_written_back() {
    let parent = TraceParent::parse(VALID).unwrap();
    assert_eq!((parent.trace_id[0], parent.parent_id[7], parent.sampled()), (0x0a, 0x31, true));
    assert_eq!(parent.to_string(), VALID);
    assert_eq!(
        parent.with_parent([1; 8]).to_string(),
        "00-0af7651916cd43dd8448eb211c80319c-0101010101010101-01"
    );
}

#[test]
fn later_versions_may_say_more_after_a_hyphen() {
    let later =
        TraceParent::parse("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-ff-what-comes").unwrap();
    assert_eq!(later.to_string(), VALID, "only the sampled bit is understood");
    assert!(TraceParent::parse("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01.x").is_none());
}

#[test]
fn what_breaks_the_form_is_no_parent() {
    for bad in [
        "".to_owned(),
        VALID[..54].to_owned(),
        format!("{VALID}-"),
        format!("{VALID} "),
        format!(" {VALID}"),
        VALID.to_uppercase(),
        VALID.replacen("00", "ff", 1),
        VALID.replacen("00", "0x", 1),
        VALID.replacen('-', "_", 1),
        format!("00-{}-b7ad6b7169203331-01", "0".repeat(32)),
        format!("00-0af7651916cd43dd8448eb211c80319c-{}-01", "0".repeat(16)),
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0\u{e9}".to_owned(),
    ] {
        assert_eq!(TraceParent::parse(&bad), None, "{bad}");
    }
}

#[test]
fn a_tracestate_passes_within_bounds_and_grammar() {
    let members = |n: usize| (0..n).map(|i| format!("k{i}=v")).collect::<Vec<_>>().join(",");
    for fine in
        ["a=1", "congo=t61rcWkgMzE,rojo=00f067aa0ba902b7", "0tenant@sys=x", "a=1 , ,b=2", "a/b*c_d-e=~!@ #"]
    {
        assert!(tracestate_passes(fine), "{fine}");
    }
    assert!(tracestate_passes(&members(32)) && !tracestate_passes(&members(33)));
    for bad in [
        "", ",", "a", "a=", "=1", "A=1", "1a=1", "a=b=c", "a=1,a=2", "a=\u{e1}", "a=\t1", "t@1s=x", "@s=x",
        "t@=x", "a b=1",
    ] {
        assert!(!tracestate_passes(bad), "{bad}");
    }
    assert!(!tracestate_passes(&format!("a={}", "x".repeat(257))));
    assert!(!tracestate_passes(&("a=1,".to_owned() + &" ".repeat(TRACESTATE_MAX))));
}

proptest! {
    #[test]
    fn every_parent_survives_its_text(trace_id in any::<[u8; 16]>(), parent_id in any::<[u8; 8]>(), flags in any::<u8>()) {
        prop_assume!(trace_id != [0; 16] && parent_id != [0; 8]);
        let parent = TraceParent { trace_id, parent_id, flags };
        prop_assert_eq!(TraceParent::parse(&parent.to_string()), Some(parent));
    }

    #[test]
    fn no_text_makes_it_panic(text in any::<String>()) {
        let _ = TraceParent::parse(&text);
        let _ = tracestate_passes(&text);
    }
}
