//! The memory against repetition, read back from the message log at the start of a process.

use crate::bounds::REQUEST_SKEW_MAX;
use crate::input::{self, Tag};
use crate::replay::{Remembered, Replay};
use lgsp_evidence::{Archive, ArchiveError};
use lgsp_kernel::record::Entry;
use lgsp_kernel::{Millis, NodeName};

/// How much of the log is read back, segments: what goes in there in ten busy minutes, read in seconds.
const SEGMENTS_MAX: usize = 24;
/// A request acceptable now was received at most this long ago by our clock: twice what clocks may differ, and a margin. Seconds.
const WINDOW: i64 = 2 * REQUEST_SKEW_MAX + 60;

impl Replay {
    /// Reads back from the log what was received. What was created before the part of the log that could be read is not known, and will be refused.
    pub fn read_back(archive: &Archive, now: Millis) -> Result<Self, ArchiveError> {
        let complete = now.plus_seconds(-REQUEST_SKEW_MAX);
        let Some(epoch) = archive.epochs()?.last().copied() else { return Ok(Self::new(complete, [])) };
        let mut known = Vec::new();
        let mut end = u64::MAX;
        let mut oldest = now;
        for (i, first) in archive.segments(epoch)?.into_iter().rev().enumerate() {
            if i == SEGMENTS_MAX || oldest < now.plus_seconds(-WINDOW) {
                break;
            }
            let mut earliest = None;
            for found in archive.entries(epoch, first..end)? {
                let found = found?;
                let Some(record) = found.record() else { continue };
                note(record, &mut known, &mut earliest);
            }
            if let Some(Earliest { at, restored }) = earliest {
                oldest = oldest.min(at);
                if restored {
                    // What the node received before it was restored is lost with the log's end.
                    return Ok(Self::new(at.plus_seconds(REQUEST_SKEW_MAX).max(complete), known));
                }
            }
            end = first;
        }
        let whole = end == 0 || oldest < now.plus_seconds(-WINDOW);
        let since = if whole { complete } else { oldest.plus_seconds(REQUEST_SKEW_MAX).max(complete) };
        Ok(Self::new(since, known))
    }
}

/// The first of our own times in a segment.
struct Earliest {
    at: Millis,
    restored: bool,
}

fn note(record: &[u8], known: &mut Vec<Remembered>, earliest: &mut Option<Earliest>) {
    let is = |kind: &str| {
        record.strip_prefix(b"{\"type\":\"").is_some_and(|rest| rest.starts_with(kind.as_bytes()))
    };
    if is("received") {
        known.extend(remembered(record));
    } else if earliest.is_none() && (is("exchange") || is("epoch")) {
        *earliest = match serde_json::from_slice::<Entry>(record) {
            Ok(Entry::Exchange(e)) => Some(Earliest { at: e.at, restored: false }),
            Ok(Entry::Epoch(e)) => Some(Earliest { at: e.at, restored: e.cause != "first" }),
            _ => None,
        };
    }
}

/// A request that was received; answers and bodies are not what repetition is about.
fn remembered(record: &[u8]) -> Option<Remembered> {
    let Ok(Entry::Received(received)) = serde_json::from_slice::<Entry>(record) else { return None };
    let list = received.base.rsplit_once("\"@signature-params\": ")?.1;
    let text = format!("lgsp={list}");
    let input = input::read(&text).ok()?;
    (input.tag == Tag::Request).then_some(())?;
    let node = NodeName::new(&received.from).ok()?;
    Some(Remembered { node, exchange: received.exchange, created: input.created })
}
