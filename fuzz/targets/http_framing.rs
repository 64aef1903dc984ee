//! HTTP/1 framing: what is decided does not depend on how the bytes were split, and nothing beyond the message is claimed.
#![no_main]

use lgsp_wire::framing::{ChunkReader, Fault, Framing, HeadLimits, HeadReader};
use libfuzzer_sys::fuzz_target;

const LIMITS: HeadLimits = HeadLimits { head: 4096, lines: 32, target: 512 };

// The first bytes say where to split, the rest is what arrives.
fuzz_target!(|data: &[u8]| {
    let Some((splits, bytes)) = data.split_at_checked(8) else { return };
    let whole = HeadReader::default().read(bytes, &LIMITS);
    assert_eq!(head_in_pieces(bytes, splits), whole);
    if let Ok(Some((length, framing))) = whole {
        assert!(length <= bytes.len() && bytes[..length].ends_with(b"\r\n\r\n"));
        if framing == Framing::Chunked {
            chunks(&bytes[length..], splits);
        }
    }
    chunks(bytes, splits);
});

/// Sizes of pieces, again and again; none is empty.
fn pieces(splits: &[u8]) -> impl Iterator<Item = usize> + '_ {
    splits.iter().cycle().map(|s| usize::from(*s) + 1)
}

fn head_in_pieces(bytes: &[u8], splits: &[u8]) -> Result<Option<(usize, Framing)>, Fault> {
    let (mut reader, mut end, mut sizes) = (HeadReader::default(), 0, pieces(splits));
    loop {
        end = (end + sizes.next().unwrap_or(1)).min(bytes.len());
        match reader.read(&bytes[..end], &LIMITS) {
            Ok(None) if end < bytes.len() => {}
            decided => return decided,
        }
    }
}

fn chunks(bytes: &[u8], splits: &[u8]) {
    let whole = ChunkReader::default().read(bytes);
    let (mut reader, mut at, mut sizes) = (ChunkReader::default(), 0, pieces(splits));
    let split = loop {
        let end = (at + sizes.next().unwrap_or(1)).min(bytes.len());
        match reader.read(&bytes[at..end]) {
            Ok((taken, done)) => {
                assert!(taken <= end - at && (done || taken == end - at));
                at += taken;
                if done || at == bytes.len() {
                    break Ok((at, done));
                }
            }
            Err(fault) => break Err(fault),
        }
    };
    assert_eq!(split, whole);
}
