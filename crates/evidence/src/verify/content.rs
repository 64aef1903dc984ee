//! What of an epoch's content is gone, and whether the log says that it was erased; which bodies a record covers.

use super::{Problem, ProblemKind, VerifyReport};
use crate::frame::BodyRole;
use lgsp_kernel::ExchangeId;
use lgsp_kernel::record::{ErasureRecord, ExchangeRecord, Leg};
use std::path::PathBuf;

/// An entry whose content is gone, until an erasure that covers it is met.
#[derive(Debug, Clone)]
pub(super) struct Gone {
    pub epoch: u32,
    /// First index, and index after the last: neighbours are taken together.
    pub from: u64,
    pub to: u64,
    pub exchange: Option<ExchangeId>,
    pub path: PathBuf,
    pub offset: u64,
    pub record: bool,
}

/// What is gone, and what the log says was erased, by epoch and index of the entry that says it.
#[derive(Debug, Default)]
pub(super) struct ContentState {
    pub gone: Vec<Gone>,
    pub erasures: Vec<(u32, u64, ErasureRecord)>,
}

impl ContentState {
    pub(super) fn lose(&mut self, g: Gone) {
        match self.gone.last_mut() {
            Some(last)
                if last.epoch == g.epoch
                    && last.to == g.from
                    && last.record == g.record
                    && last.path == g.path =>
            {
                last.to = g.to;
                last.exchange = None;
            }
            _ => self.gone.push(g),
        }
    }
    /// Reports what is gone without an erasure that covers it.
    pub(super) fn judge(self, report: &mut VerifyReport) {
        for g in self.gone {
            let covers = |(epoch, at, e): &(u32, u64, ErasureRecord)| {
                let same = e.epoch.unwrap_or(*epoch) == g.epoch && (*epoch != g.epoch || *at >= g.to);
                let all = e.range.0 <= g.from && g.to - 1 <= e.range.1;
                same && all && (e.records > 0 || (!g.record && e.bodies > 0))
            };
            if !self.erasures.iter().any(covers) {
                let what = if g.record {
                    "content missing without an erasure record"
                } else {
                    "kept bodies missing without an erasure record"
                };
                let (entries, offset) = (Some((g.from, g.to)), Some(g.offset));
                let (epoch, exchange, path) = (g.epoch, g.exchange, g.path);
                report.report(Problem {
                    kind: ProblemKind::ContentMissing,
                    epoch,
                    entries,
                    exchange,
                    path,
                    offset,
                    what: what.into(),
                });
            }
        }
    }
}

/// Whether the record states this digest for a body of this message.
pub(crate) fn covers(record: &ExchangeRecord, role: BodyRole, digest: &str) -> bool {
    let leg = match role {
        BodyRole::Request => &record.request,
        BodyRole::Answer => &record.answer,
    };
    let Some(Leg { received, sent }) = leg else { return false };
    [received, sent].into_iter().flatten().any(|m| m.body.as_deref() == Some(digest))
}
