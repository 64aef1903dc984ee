//! A consistent copy of the log while it is being written: whole segments up to a durable checkpoint.
//! Not here: the rest of a backup (store, keys, configuration).

use crate::archive::{Archive, ArchiveError};
use crate::disk::Mode;
use crate::frame::Frame;
use crate::note::Checkpoint;
use crate::segment::{ReadError, SegmentReader, epoch_dir, segment_path, segments_dir};
use std::io;
use std::path::Path;

/// What is copied at once, bytes.
const CHUNK: usize = 1 << 20;

impl Archive {
    /// Copies all epochs into an empty or new folder of the same disk kind, up to the last durable checkpoint, which is returned:
    /// it belongs into the backup's description and, better, elsewhere too. Tiles and indexes are left out; they are derived.
    pub fn copy_for_backup(&self, dest: &Path) -> Result<Checkpoint, ArchiveError> {
        let io = |path: &Path| {
            let path = path.to_owned();
            move |e: io::Error| ArchiveError::Io(path, e)
        };
        let mut last = None;
        for epoch in self.epochs()? {
            let Some(head) = self.head(epoch)? else { continue };
            let to = epoch_dir(dest, epoch);
            self.disk.create_dir_all(&segments_dir(&to)).map_err(io(&to))?;
            for first in self.segments(epoch)?.into_iter().filter(|f| *f < head.size) {
                self.copy_segment(&self.segment_path(epoch, first), &segment_path(&to, first), head.size)?;
            }
            self.disk.replace(&to.join("checkpoint"), head.note.as_bytes(), true).map_err(io(&to))?;
            self.disk.sync_dir(&segments_dir(&to)).map_err(io(&to))?;
            last = Some(head);
        }
        for name in
            self.disk.list(&self.dir).map_err(io(&self.dir))?.iter().filter(|n| n.starts_with("opening-"))
        {
            if let Some(bytes) = self.disk.read(&self.dir.join(name), 1 << 20).map_err(io(&self.dir))? {
                self.disk.replace(&dest.join(name), &bytes, true).map_err(io(dest))?;
            }
        }
        last.ok_or_else(|| {
            ArchiveError::Missing(format!("there is no message log in {}", self.dir.display()))
        })
    }

    /// Copies a segment up to the end of the group at this size.
    fn copy_segment(&self, from: &Path, to: &Path, size: u64) -> Result<(), ArchiveError> {
        let mut reader = SegmentReader::open(&self.disk, from)?;
        let mut end = 0;
        loop {
            match reader.read_frame() {
                Ok(Some(found)) => match found.frame {
                    Frame::Group { size: s, .. } if s <= size => end = found.end,
                    Frame::Group { .. } => break,
                    _ => {}
                },
                Ok(None) => break,
                // Behind the last durable group another is being written.
                Err(ReadError::Damage(d)) if d.offset >= end && end > 0 => break,
                Err(e) => return Err(e.into()),
            }
        }
        let file = self.disk.open(to, Mode::Create).map_err(|e| ArchiveError::Io(to.to_owned(), e))?;
        let mut buf = vec![0; CHUNK];
        let mut at = 0;
        while at < end {
            let want = usize::try_from(end - at).map_or(CHUNK, |n| n.min(CHUNK));
            let got = reader
                .file()
                .read_at(&mut buf[..want], at)
                .map_err(|e| ArchiveError::Io(from.to_owned(), e))?;
            if got == 0 {
                return Err(ArchiveError::Broken(format!(
                    "{} became shorter while it was copied",
                    from.display()
                )));
            }
            file.write_all_at(&buf[..got], at).map_err(|e| ArchiveError::Io(to.to_owned(), e))?;
            at += got as u64;
        }
        file.sync_data().map_err(|e| ArchiveError::Io(to.to_owned(), e))
    }
}
