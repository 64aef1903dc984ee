//! The newest entries back to a moment, oldest first: for what a starting node must remember of the last minutes. Reads the end of the log
//! only. Not here: searching by what records say (`search`).

use crate::archive::{Archive, ArchiveError};
use crate::draft::{Position, is_document};
use crate::frame::Frame;
use crate::segment::{ReadError, SegmentReader};
use bytes::Bytes;
use lgsp_kernel::{ExchangeId, Millis};

/// An entry of an exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recent {
    /// The exchange.
    pub exchange: ExchangeId,
    /// Where it stands.
    pub position: Position,
    /// When its group was written.
    pub at: Millis,
    /// The record, where it was asked for and is there.
    pub record: Option<Bytes>,
}

impl Archive {
    /// Hands on the entries of exchanges whose groups were written at `since` or later, in the order of the log. Goes back from the end to
    /// the first segment that was finished before: at most one segment is read in vain.
    pub fn records_since(
        &self,
        since: Millis,
        with_records: bool,
        each: &mut impl FnMut(Recent),
    ) -> Result<(), ArchiveError> {
        for (epoch, first, last) in self.segments_since(since)? {
            let path = self.segment_path(epoch, first);
            let mut reader = match SegmentReader::open(&self.disk, &path) {
                // Begun this moment.
                Err(ReadError::Damage(_)) if last => continue,
                other => other?,
            };
            read_since(&mut reader, epoch, since, with_records, each).or_else(|e| match e {
                // Its end may be half written.
                ArchiveError::Damaged(_) if last => Ok(()),
                other => Err(other),
            })?;
        }
        Ok(())
    }

    /// The segments that may hold such entries, oldest first, and whether each is the last of its epoch.
    fn segments_since(&self, since: Millis) -> Result<Vec<(u32, u64, bool)>, ArchiveError> {
        let mut found = Vec::new();
        'all: for epoch in self.epochs()?.into_iter().rev() {
            let firsts = self.segments(epoch)?;
            for (i, first) in firsts.iter().enumerate().rev() {
                let last = i + 1 == firsts.len();
                let stats = match self.index(&self.segment_path(epoch, *first), last) {
                    Ok(index) => index.stats,
                    Err(ArchiveError::Damaged(_)) if last => continue,
                    Err(e) => return Err(e),
                };
                let empty = stats.next == stats.first;
                // The clock may have been set back within a segment.
                if !empty && stats.first_at.max(stats.last_at) < since.0 {
                    break 'all;
                }
                if !empty {
                    found.push((epoch, *first, last));
                }
            }
        }
        found.reverse();
        Ok(found)
    }
}

fn read_since(
    reader: &mut SegmentReader,
    epoch: u32,
    since: Millis,
    with_records: bool,
    each: &mut impl FnMut(Recent),
) -> Result<(), ArchiveError> {
    // The time of a group stands at its end.
    let mut group = Vec::new();
    while let Some(found) = reader.read_frame()? {
        let (head, record) = match found.frame {
            Frame::Entry { head, record, .. } => (head, Some(record)),
            Frame::Erased(head) => (head, None),
            Frame::Group { at, .. } => {
                group.drain(..).filter(|_| at >= since).for_each(|r| each(Recent { at, ..r }));
                continue;
            }
            Frame::Body { .. } | Frame::Start(_) => continue,
        };
        if let Some(exchange) = head.exchange.filter(|id| !is_document(*id)) {
            let position = Position { epoch, index: head.index };
            let record = record.filter(|_| with_records).map(Bytes::copy_from_slice);
            group.push(Recent { exchange, position, at: Millis(0), record });
        }
    }
    Ok(())
}
