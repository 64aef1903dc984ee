//! Credentials: no form of them panics, and none lets through what could forge a log line or a header.
#![no_main]

use lgsp_wire::credentials;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(fields) = credentials::form(data) {
        assert!(fields.len() <= credentials::FORM_FIELDS_MAX);
        let again =
            fields.iter().map(|(n, v)| format!("{}={}", encode(n), encode(v))).collect::<Vec<_>>().join("&");
        if again.len() <= credentials::FORM_MAX {
            assert_eq!(credentials::form(again.as_bytes()), Ok(fields));
        }
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    for header in [text.to_owned(), format!("Basic {text}"), format!("Bearer {text}")] {
        if let Some((user, password)) = credentials::basic(&header) {
            assert!(!user.contains(':') && !user.chars().any(char::is_control));
            assert!(!password.expose().iter().any(u8::is_ascii_control));
        }
        if let Some(token) = credentials::bearer(&header) {
            assert!(!token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic()));
        }
    }
    if let Ok(token) = credentials::lgsp_access_token(text) {
        assert!(!token.access_key.is_empty() && !token.access_key.chars().any(char::is_control));
    }
});

fn encode(text: &str) -> String {
    text.bytes().map(|b| format!("%{b:02x}")).collect()
}
