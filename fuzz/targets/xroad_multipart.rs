//! Messages with attachments: what is split is put together again byte for byte, and another SOAP part leaves the attachments alone.
#![no_main]

use bytes::Bytes;
use lgsp_xroad::mime::Multipart;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    // The first line is the content type.
    let Some(end) = data.iter().position(|b| *b == b'\n') else { return };
    let content_type = String::from_utf8_lossy(&data[..end]);
    let body = Bytes::copy_from_slice(&data[end + 1..]);
    let Ok(message) = Multipart::parse(&content_type, &body) else { return };
    if let Some(out) = message.with_soap(message.soap()) {
        assert_eq!(out, body);
    }
    if let Some(out) = message.with_soap(b"<a/>") {
        let again = Multipart::parse(&content_type, &out).expect("still a message");
        assert_eq!(again.attachments(), message.attachments());
        assert_eq!(&again.soap()[..], b"<a/>");
    }
});
