//! From the notes to what a disk may hold after a power cut: which changes are durable, the rest undone from the last to the first,
//! then a random part of it done again.

use crate::disk::{Disk, Entry, FileId};
use crate::journal::{Inode, Note, decode};
use std::collections::HashMap;
use std::path::Path;

/// What a cut did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cut {
    /// Changes noted.
    pub noted: usize,
    /// Syncs that returned.
    pub syncs: usize,
    /// Writes that no sync covered.
    pub pending_writes: usize,
    /// Names that came, went or changed without a sync of their folder.
    pub pending_names: usize,
    /// Sectors of pending writes that are lost.
    pub lost_sectors: usize,
    /// Names of those pending that are lost.
    pub lost_names: usize,
}

/// What a cut keeps of the pending changes.
struct Fate {
    state: u64,
    keeps_of_eight: u64,
    sector: u64,
}

impl Fate {
    fn of(seed: u64) -> Self {
        let mut fate = Self { state: seed ^ 0x9e37_79b9_7f4a_7c15, keeps_of_eight: 0, sector: 512 };
        if !seed.is_multiple_of(3) {
            fate.keeps_of_eight = 1 + fate.below(7);
            fate.sector = if fate.below(2) == 0 { 512 } else { 4096 };
        }
        fate
    }
    /// splitmix64.
    fn below(&mut self, n: u64) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }
    fn keeps(&mut self) -> bool {
        self.below(8) < self.keeps_of_eight
    }
}

/// A change, with the life of the file it is about.
struct Change {
    note: Note,
    /// The file written, made, removed or replaced.
    file: FileId,
    durable: bool,
}

pub(crate) fn cut(dir: &Path, undo: &Path, seed: u64) -> Cut {
    let mut report = Cut::default();
    let (mut changes, lives) = durable_changes(read_notes(undo), &mut report);
    changes.retain(|c| !c.durable);
    let mut disk = Disk::read(dir, &lives);
    let mut fate = Fate::of(seed);

    // What each pending write left behind, taken while undoing it.
    let mut news: Vec<Vec<u8>> = Vec::with_capacity(changes.len());
    for change in changes.iter().rev() {
        news.push(undo_one(&mut disk, change));
    }
    news.reverse();

    report.pending_names = changes.iter().filter(|c| !matches!(c.note, Note::Write { .. })).count();
    report.pending_writes = changes.len() - report.pending_names;
    // Names are kept in the order they changed, as file systems journal them; content is not.
    let mut names_left =
        if fate.keeps_of_eight == 0 { 0 } else { fate.below(report.pending_names as u64 + 1) };
    report.lost_names = report.pending_names - names_left as usize;
    for (change, new) in changes.iter().zip(&news) {
        if matches!(change.note, Note::Write { .. }) {
            report.lost_sectors += redo_write(&mut disk, change, new, &mut fate);
        } else if names_left > 0 {
            names_left -= 1;
            redo_name(&mut disk, change);
        }
    }
    disk.write();
    report
}

/// All processes' notes in the order of time; those of failed operations are gone.
fn read_notes(undo: &Path) -> Vec<(usize, Note)> {
    let mut all: Vec<(u64, usize, Note)> = Vec::new();
    for (process, entry) in std::fs::read_dir(undo).expect("the notes").flatten().enumerate() {
        let notes = decode(&std::fs::read(entry.path()).expect("the notes are readable"));
        let mut own: Vec<(u64, usize, Note)> = Vec::with_capacity(notes.len());
        for (at, note) in notes {
            if note == Note::Failed {
                own.pop();
            } else {
                own.push((at, process, note));
            }
        }
        all.extend(own);
    }
    // Stable: notes of one process keep their order.
    all.sort_by_key(|(at, ..)| *at);
    all.into_iter().map(|(_, process, note)| (process, note)).collect()
}

/// The changes with their files' lives, durable ones marked; and which life of each inode is the present one.
fn durable_changes(notes: Vec<(usize, Note)>, report: &mut Cut) -> (Vec<Change>, HashMap<Inode, u32>) {
    let mut lives: HashMap<Inode, u32> = HashMap::new();
    let life = |lives: &HashMap<Inode, u32>, inode: Inode| (inode, lives.get(&inode).copied().unwrap_or(0));
    let mut changes: Vec<Change> = Vec::new();
    let mut begun: HashMap<(usize, u64), (FileId, usize)> = HashMap::new();
    for (process, note) in notes {
        let file = match &note {
            Note::SyncBegin { file, token } => {
                begun.insert((process, *token), (life(&lives, *file), changes.len()));
                continue;
            }
            Note::SyncDone { token } => {
                if let Some((file, before)) = begun.remove(&(process, *token)) {
                    report.syncs += 1;
                    changes[..before]
                        .iter_mut()
                        .filter(|c| c.is_settled_by(file))
                        .for_each(|c| c.durable = true);
                }
                continue;
            }
            Note::Created { path, file } => {
                let last = changes
                    .iter_mut()
                    .rev()
                    .find(|c| matches!(&c.note, Note::Create { path: p, .. } if p == path));
                *lives.entry(*file).or_insert(0) += 1;
                if let Some(create) = last {
                    create.file = life(&lives, *file);
                }
                continue;
            }
            Note::Create { .. } | Note::Failed => ((0, 0), 0),
            Note::Write { file, .. } | Note::Remove { file, .. } => life(&lives, *file),
            Note::Rename { replaced, .. } => {
                replaced.as_ref().map_or(((0, 0), 0), |(inode, _)| life(&lives, *inode))
            }
        };
        changes.push(Change { note, file, durable: false });
    }
    report.noted = changes.len();
    (changes, lives)
}

impl Change {
    /// Whether a sync of that file or folder makes this change durable.
    fn is_settled_by(&self, synced: FileId) -> bool {
        match &self.note {
            Note::Write { .. } => self.file == synced,
            // Folders do not change their number while the test watches.
            Note::Create { folder, .. } | Note::Remove { folder, .. } | Note::Rename { folder, .. } => {
                *folder == synced.0
            }
            _ => false,
        }
    }
}

/// Takes a change back; what a write had put there.
fn undo_one(disk: &mut Disk, change: &Change) -> Vec<u8> {
    match &change.note {
        Note::Write { old_size, offset, len, old, .. } => {
            let Some(content) = disk.content(change.file) else { return Vec::new() };
            let (old_size, from) = (*old_size as usize, *offset as usize);
            let until = (from + *len as usize).min(content.len());
            let new = content.get(from..until).unwrap_or_default().to_vec();
            content.resize(old_size, 0);
            if let Some(range) = content.get_mut(from..from + old.len()) {
                range.copy_from_slice(old);
            }
            return new;
        }
        Note::Create { path, .. } => {
            disk.names.remove(path);
        }
        Note::Remove { path, content, .. } => {
            let entry = if content.is_some() { Entry::File(change.file) } else { Entry::Folder };
            disk.keep(change.file, content.as_deref().unwrap_or_default());
            disk.names.insert(path.clone(), entry);
        }
        Note::Rename { from, to, replaced, .. } => {
            disk.rename(to, from);
            if let Some((_, content)) = replaced {
                disk.keep(change.file, content);
                disk.names.insert(to.clone(), Entry::File(change.file));
            }
        }
        _ => {}
    }
    Vec::new()
}

/// Does a write again, sector by sector as fate has it; how many sectors are lost.
fn redo_write(disk: &mut Disk, change: &Change, new: &[u8], fate: &mut Fate) -> usize {
    let Note::Write { offset, resized, .. } = &change.note else { return 0 };
    let Some(content) = disk.content(change.file) else { return 0 };
    let mut lost = 0;
    let mut at = *offset;
    let end = offset + new.len() as u64;
    while at < end {
        let until = ((at / fate.sector + 1) * fate.sector).min(end);
        if fate.keeps() {
            if content.len() < until as usize {
                content.resize(until as usize, 0);
            }
            let sector = &new[(at - offset) as usize..(until - offset) as usize];
            content[at as usize..until as usize].copy_from_slice(sector);
        } else {
            lost += 1;
        }
        at = until;
    }
    if let Some(size) = resized {
        if fate.keeps() {
            content.resize(*size as usize, 0);
        } else {
            lost += 1;
        }
    }
    lost
}

/// Does a change of a name again.
fn redo_name(disk: &mut Disk, change: &Change) {
    match &change.note {
        Note::Create { path, is_folder, .. } => {
            let entry = if *is_folder { Entry::Folder } else { Entry::File(change.file) };
            // A file whose creation survives without any of its content is empty.
            disk.keep(change.file, &[]);
            disk.names.insert(path.clone(), entry);
        }
        Note::Remove { path, .. } => {
            disk.names.remove(path);
        }
        Note::Rename { from, to, .. } => {
            disk.names.remove(to);
            disk.rename(from, to);
        }
        _ => {}
    }
}
