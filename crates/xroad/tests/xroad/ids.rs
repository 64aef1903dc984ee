//! Identifiers.

use lgsp_xroad::id::{ClientId, IdError, PART_MAX, RepresentedParty, ServerId, ServiceId, is_portable};
use proptest::prelude::*;

#[test]
fn the_documents_examples_are_read() {
    let client = ClientId::parse("INSTANCE/CLASS1/MEMBER1/SUBSYSTEM1").unwrap();
    assert_eq!(client.object_type(), "SUBSYSTEM");
    assert_eq!(ClientId::parse("INSTANCE/CLASS/MEMBER").unwrap().object_type(), "MEMBER");
    let service = ServiceId::parse("INSTANCE/CLASS/MEMBER/SUBSYSTEM/BAR%2FSERVICE").unwrap();
    assert_eq!(service.service, "BAR/SERVICE");
    assert_eq!(service.to_string(), "INSTANCE/CLASS/MEMBER/SUBSYSTEM/BAR%2FSERVICE");
    let refused = ServiceId::parse("INSTANCE%2FCLASS%2FMEMBER%2FSUBSYSTEM%2FBARSERVICE");
    assert!(matches!(refused, Err(IdError::Parts { found: 1, .. })));
    assert_eq!(ServerId::parse("INSTANCE/MEMBERCLASS/MEMBERCODE/SERVERCODE").unwrap().server, "SERVERCODE");
    let party = RepresentedParty::parse("MEMBERCLASS/MEMBERCODE").unwrap();
    assert_eq!((party.class.as_deref(), &*party.code), (Some("MEMBERCLASS"), "MEMBERCODE"));
    assert_eq!(RepresentedParty::parse("MEMBERCODE").unwrap().class, None);
}

#[test]
fn the_axis_writes_colons() {
    let id = ClientId::parse_colons("VN:GOV:000.00.00.G22:vpcpdvcprovider").unwrap();
    assert_eq!(id.to_string(), "VN/GOV/000.00.00.G22/vpcpdvcprovider");
    assert!(id.is_portable());
    assert_eq!(ClientId::parse_colons("VN:COM:0101234567:kho").unwrap().class, "COM");
    assert!(ClientId::parse_colons("VN:GOV").is_err());
    assert!(ClientId::parse_colons("VN:GOV:G22:a:b").is_err());
}

#[test]
fn what_two_readers_could_read_differently_is_refused() {
    for text in [
        "",
        "/",
        "A/B",
        "A/B/C/D/E",
        "A/B/C/",
        "A//C",
        "A/B/..",
        "A/./C",
        "A/B/%2e%2E",
        "A/B/%",
        "A/B/%4",
        "A/B/%zz",
        "A/B/%ff",
        "A/B/%00",
        "A/B/x%0d%0ay",
        "A/B/x\u{200b}",
        "A/B/%E2%80%AEx",
        "A/B/\u{feff}c",
    ] {
        assert!(ClientId::parse(text).is_err(), "{text:?}");
    }
    assert!(matches!(ClientId::parse(&format!("A/B/{}", "c".repeat(PART_MAX + 1))), Err(IdError::Long(_))));
    assert!(ClientId::parse(&format!("A/B/{}", "c".repeat(PART_MAX))).is_ok());
    assert!(RepresentedParty::parse("a/b/c").is_err());
    assert!(ClientId::new("VN", "GOV", "H01", Some("a:b/c")).is_ok());
    assert!(ClientId::new("VN", "GOV", "", None).is_err());
}

#[test]
fn portable_parts_are_those_of_the_document() {
    assert!(is_portable("'()+,-.=?azAZ09"));
    for part in ["", "a_b", "a/b", "a:b", "a b", "é", "a%b"] {
        assert!(!is_portable(part), "{part}");
    }
}

proptest! {
    #[test]
    fn what_is_written_reads_the_same(parts in prop::collection::vec("\\PC{1,20}", 3..=4), service in "\\PC{1,20}") {
        let sub = parts.get(3).map(String::as_str);
        if let Ok(id) = ClientId::new(&parts[0], &parts[1], &parts[2], sub) {
            prop_assert_eq!(ClientId::parse(&id.to_string()).unwrap(), id.clone());
            if let Ok(service) = ServiceId::new(id, &service, None) {
                prop_assert_eq!(ServiceId::parse(&service.to_string()).unwrap(), service.clone());
            }
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,60}") {
        if let Ok(id) = ClientId::parse(&text) {
            prop_assert_eq!(ClientId::parse(&id.to_string()).unwrap(), id);
        }
        let _ = (ServiceId::parse(&text), ClientId::parse_colons(&text), ServerId::parse(&text), RepresentedParty::parse(&text));
    }
}
