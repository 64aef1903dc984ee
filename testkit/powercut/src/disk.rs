//! A folder in memory: which path stands for which file, and the content of those files whose content is in question. Files are
//! numbered by life, since the kernel gives a dead file's number to a new one.

use crate::journal::Inode;
use std::collections::{BTreeMap, HashMap};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// One life of an inode.
pub(crate) type FileId = (Inode, u32);

/// What a path stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entry {
    Folder,
    File(FileId),
}

pub(crate) struct Disk {
    root: PathBuf,
    /// What is there now, and what shall be there.
    found: BTreeMap<String, Entry>,
    pub names: BTreeMap<String, Entry>,
    /// Content of files, as far as it was asked for.
    contents: HashMap<FileId, Vec<u8>>,
    modes: HashMap<FileId, u32>,
}

impl Disk {
    /// Reads the names of a folder. `lives` says which life of an inode is the present one.
    pub fn read(root: &Path, lives: &HashMap<Inode, u32>) -> Self {
        let (mut names, mut modes) = (BTreeMap::new(), HashMap::new());
        let mut folders = vec![root.to_path_buf()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).expect("a folder is readable").flatten() {
                let (path, about) = (entry.path(), entry.metadata().expect("what an entry is"));
                let name = path.strip_prefix(root).expect("below the root").to_string_lossy().into_owned();
                if about.is_dir() {
                    names.insert(name, Entry::Folder);
                    folders.push(path);
                } else if about.is_file() {
                    let inode = (about.dev(), about.ino());
                    let file = (inode, lives.get(&inode).copied().unwrap_or(0));
                    modes.insert(file, about.mode());
                    names.insert(name, Entry::File(file));
                }
            }
        }
        Self { root: root.into(), found: names.clone(), names, contents: HashMap::new(), modes }
    }

    /// The content of a file that still has a name, or whose content was kept.
    pub fn content(&mut self, file: FileId) -> Option<&mut Vec<u8>> {
        if !self.contents.contains_key(&file) {
            let (name, _) = self.found.iter().find(|(_, e)| **e == Entry::File(file))?;
            let bytes = std::fs::read(self.root.join(name)).expect("a file is readable");
            self.contents.insert(file, bytes);
        }
        self.contents.get_mut(&file)
    }

    /// Keeps the content that a file had when its last name went, unless it is known.
    pub fn keep(&mut self, file: FileId, content: &[u8]) {
        if self.content(file).is_none() {
            self.contents.insert(file, content.to_vec());
        }
    }

    /// Moves a name, and all names below it.
    pub fn rename(&mut self, from: &str, to: &str) {
        let below = format!("{from}/");
        let moved: Vec<String> =
            self.names.keys().filter(|n| *n == from || n.starts_with(&below)).cloned().collect();
        for name in moved {
            if let Some(entry) = self.names.remove(&name) {
                self.names.insert(format!("{to}{}", &name[from.len()..]), entry);
            }
        }
    }

    /// Makes the real folder what it is here.
    pub fn write(mut self) {
        // All contents are in memory before the first file is touched.
        let wanted: Vec<(String, Entry)> = self.names.iter().map(|(n, e)| (n.clone(), *e)).collect();
        for (name, entry) in &wanted {
            if let Entry::File(file) = entry
                && self.found.get(name) != Some(entry)
            {
                self.content(*file);
            }
        }
        for (name, entry) in self.found.iter().rev() {
            if self.names.get(name) != Some(entry) {
                let path = self.root.join(name);
                let gone = match entry {
                    Entry::Folder => std::fs::remove_dir_all(path),
                    Entry::File(_) => std::fs::remove_file(path),
                };
                gone.expect("a lost name is removed");
            }
        }
        for (name, entry) in &wanted {
            let path = self.root.join(name);
            match entry {
                Entry::Folder => std::fs::create_dir_all(path).expect("a folder is made"),
                Entry::File(file) => {
                    if let Some(content) = self.contents.get(file) {
                        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder is made");
                        std::fs::write(&path, content).expect("a file is written");
                        let mode = self.modes.get(file).copied().unwrap_or(0o600);
                        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode))
                            .expect("its mode");
                    }
                }
            }
        }
    }
}
