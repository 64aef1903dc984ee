//! The layer's notes: one record before each change, in a file of its own for each process. Pure encoding; the layer must be able to
//! use it without touching a file.

/// A file or folder, as the kernel numbers it. Numbers are used again after a file is gone; `disk` tells its lives apart.
pub type Inode = (u64, u64);

/// What was noted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// A range of a file is about to be written, or its length to change. Content of the range, and behind it if the file is
    /// about to be cut, as it was.
    Write {
        /// The file.
        file: Inode,
        /// Its length before.
        old_size: u64,
        /// Where the range begins.
        offset: u64,
        /// Length of the range that is written.
        len: u64,
        /// Its length afterwards, if it is set and not just grown by the write.
        resized: Option<u64>,
        /// What was at `offset`, as far as there was something.
        old: Vec<u8>,
    },
    /// A name is about to appear.
    Create {
        /// The folder.
        folder: Inode,
        /// The path below the watched folder.
        path: String,
        /// Whether it is a folder.
        is_folder: bool,
    },
    /// What a name just made stands for. Follows its `Create`; without it the creation failed.
    Created {
        /// The path below the watched folder.
        path: String,
        /// The file.
        file: Inode,
    },
    /// A name is about to go.
    Remove {
        /// The folder.
        folder: Inode,
        /// The path below the watched folder.
        path: String,
        /// What it stands for.
        file: Inode,
        /// Its content; none for a folder.
        content: Option<Vec<u8>>,
    },
    /// A name is about to change.
    Rename {
        /// The folder it goes to.
        folder: Inode,
        /// The path it had.
        from: String,
        /// The path it gets.
        to: String,
        /// What stood at that path, with its content.
        replaced: Option<(Inode, Vec<u8>)>,
    },
    /// The operation noted before by the same process failed: nothing changed.
    Failed,
    /// A sync begins.
    SyncBegin {
        /// Of what.
        file: Inode,
        /// Which of the process's syncs.
        token: u64,
    },
    /// A sync returned: all that was noted of the file before its beginning is durable.
    SyncDone {
        /// Which of the process's syncs.
        token: u64,
    },
}

/// Encodes a note made at `at` (nanoseconds of the machine's monotonic clock), with its length in front.
pub fn encode(at: u64, note: &Note) -> Vec<u8> {
    let mut out = vec![0; 4];
    out.extend(at.to_le_bytes());
    match note {
        Note::Write { file, old_size, offset, len, resized, old } => {
            out.push(1);
            put_inode(&mut out, *file);
            for v in [*old_size, *offset, *len, resized.map_or(u64::MAX, |r| r)] {
                out.extend(v.to_le_bytes());
            }
            put_bytes(&mut out, old);
        }
        Note::Create { folder, path, is_folder } => {
            out.push(2);
            put_inode(&mut out, *folder);
            put_bytes(&mut out, path.as_bytes());
            out.push(u8::from(*is_folder));
        }
        Note::Created { path, file } => {
            out.push(3);
            put_bytes(&mut out, path.as_bytes());
            put_inode(&mut out, *file);
        }
        Note::Remove { folder, path, file, content } => {
            out.push(4);
            put_inode(&mut out, *folder);
            put_bytes(&mut out, path.as_bytes());
            put_inode(&mut out, *file);
            out.push(u8::from(content.is_some()));
            put_bytes(&mut out, content.as_deref().unwrap_or_default());
        }
        Note::Rename { folder, from, to, replaced } => {
            out.push(5);
            put_inode(&mut out, *folder);
            put_bytes(&mut out, from.as_bytes());
            put_bytes(&mut out, to.as_bytes());
            out.push(u8::from(replaced.is_some()));
            let (inode, content) = replaced.as_ref().map_or(((0, 0), &[][..]), |(i, c)| (*i, c));
            put_inode(&mut out, inode);
            put_bytes(&mut out, content);
        }
        Note::Failed => out.push(6),
        Note::SyncBegin { file, token } => {
            out.push(7);
            put_inode(&mut out, *file);
            out.extend(token.to_le_bytes());
        }
        Note::SyncDone { token } => {
            out.push(8);
            out.extend(token.to_le_bytes());
        }
    }
    let len = (out.len() - 4) as u32;
    out[..4].copy_from_slice(&len.to_le_bytes());
    out
}

/// Decodes one process's notes. A last one that was not written whole is left out: its change did not begin.
pub fn decode(mut bytes: &[u8]) -> Vec<(u64, Note)> {
    let mut notes = Vec::new();
    while let Some((len, rest)) = bytes.split_first_chunk::<4>() {
        let len = u32::from_le_bytes(*len) as usize;
        if rest.len() < len {
            break;
        }
        let (record, rest) = rest.split_at(len);
        bytes = rest;
        match one(&mut Reader(record)) {
            Some(note) => notes.push(note),
            None => break,
        }
    }
    notes
}

fn one(r: &mut Reader<'_>) -> Option<(u64, Note)> {
    let at = r.int()?;
    let note = match r.byte()? {
        1 => Note::Write {
            file: r.inode()?,
            old_size: r.int()?,
            offset: r.int()?,
            len: r.int()?,
            resized: Some(r.int()?).filter(|v| *v != u64::MAX),
            old: r.bytes()?,
        },
        2 => Note::Create { folder: r.inode()?, path: r.text()?, is_folder: r.byte()? == 1 },
        3 => Note::Created { path: r.text()?, file: r.inode()? },
        4 => {
            let (folder, path, file) = (r.inode()?, r.text()?, r.inode()?);
            let is_file = r.byte()? == 1;
            let content = r.bytes()?;
            Note::Remove { folder, path, file, content: is_file.then_some(content) }
        }
        5 => {
            let (folder, from, to) = (r.inode()?, r.text()?, r.text()?);
            let is_some = r.byte()? == 1;
            let replaced = (r.inode()?, r.bytes()?);
            Note::Rename { folder, from, to, replaced: is_some.then_some(replaced) }
        }
        6 => Note::Failed,
        7 => Note::SyncBegin { file: r.inode()?, token: r.int()? },
        8 => Note::SyncDone { token: r.int()? },
        _ => return None,
    };
    Some((at, note))
}

fn put_inode(out: &mut Vec<u8>, inode: Inode) {
    out.extend(inode.0.to_le_bytes());
    out.extend(inode.1.to_le_bytes());
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend((bytes.len() as u32).to_le_bytes());
    out.extend(bytes);
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }
    fn int(&mut self) -> Option<u64> {
        let (first, rest) = self.0.split_first_chunk::<8>()?;
        self.0 = rest;
        Some(u64::from_le_bytes(*first))
    }
    fn inode(&mut self) -> Option<Inode> {
        Some((self.int()?, self.int()?))
    }
    fn bytes(&mut self) -> Option<Vec<u8>> {
        let (first, rest) = self.0.split_first_chunk::<4>()?;
        let (bytes, rest) = rest.split_at_checked(u32::from_le_bytes(*first) as usize)?;
        self.0 = rest;
        Some(bytes.to_vec())
    }
    fn text(&mut self) -> Option<String> {
        String::from_utf8(self.bytes()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::{Note, decode, encode};

    #[test]
    fn notes_survive_their_encoding_and_a_torn_one_is_left_out() {
        let notes = [
            Note::Write { file: (1, 2), old_size: 3, offset: 4, len: 5, resized: None, old: b"abc".to_vec() },
            Note::Write {
                file: (1, 2),
                old_size: 9,
                offset: 4,
                len: 0,
                resized: Some(4),
                old: b"tail!".to_vec(),
            },
            Note::Create { folder: (1, 1), path: "a/b".into(), is_folder: true },
            Note::Created { path: "a/b".into(), file: (1, 7) },
            Note::Remove { folder: (1, 1), path: "a".into(), file: (1, 7), content: Some(vec![]) },
            Note::Remove { folder: (1, 1), path: "a".into(), file: (1, 7), content: None },
            Note::Rename {
                folder: (1, 1),
                from: "x".into(),
                to: "y".into(),
                replaced: Some(((1, 9), vec![1])),
            },
            Note::Failed,
            Note::SyncBegin { file: (1, 2), token: 6 },
            Note::SyncDone { token: 6 },
        ];
        let all: Vec<u8> = notes.iter().enumerate().flat_map(|(i, n)| encode(i as u64, n)).collect();
        let back: Vec<Note> = decode(&all).into_iter().map(|(_, n)| n).collect();
        assert_eq!(back, notes);
        assert_eq!(decode(&all[..all.len() - 1]).len(), notes.len() - 1);
    }
}
