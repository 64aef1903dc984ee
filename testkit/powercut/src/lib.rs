//! A power cut for real processes, in tests. The layer (`lgsp-powercut-layer`, preloaded into a process) notes before each
//! change of a file under one folder what was there; after the process was killed, [`PowerCut::cut`] takes away again what was not
//! synced: all of it, or a random part, sector by sector, as a disk may have kept it. Not here: the layer itself, which replaces
//! the C library's functions and so must not be linked into a test.
//!
//! What counts as durable is what POSIX promises, no more: a file's content and length once `fsync` or `fdatasync` of that file
//! returned; that a file exists, is gone or has another name once `fsync` of its folder returned. Not seen: writes through shared
//! memory maps (SQLite's `-shm`, which it makes anew), `fopen`, and io_uring.

mod cut;
mod disk;
pub mod journal;

pub use cut::Cut;

use std::path::{Path, PathBuf};
use std::process::Command;

/// Names the folder whose files are watched.
pub const DIR: &str = "LGSP_POWERCUT_DIR";
/// Names the folder that the layer's notes go to.
pub const UNDO: &str = "LGSP_POWERCUT_UNDO";
/// Set to 1: syncs are ignored, as by a program that forgot them.
pub const NOSYNC: &str = "LGSP_POWERCUT_NOSYNC";

/// A folder that can suffer power cuts.
#[derive(Debug)]
pub struct PowerCut {
    dir: PathBuf,
    undo: PathBuf,
    layer: PathBuf,
    nosync: bool,
}

impl PowerCut {
    /// Watches an existing folder. Builds the layer if it is missing or older than its source.
    pub fn new(dir: impl AsRef<Path>) -> Self {
        let dir = dir.as_ref().canonicalize().expect("the folder to watch exists");
        let memory = Path::new("/dev/shm");
        let place = if memory.is_dir() { memory.to_path_buf() } else { std::env::temp_dir() };
        let unique = std::time::UNIX_EPOCH.elapsed().map_or(0, |t| t.as_nanos());
        let undo = place.join(format!("lgsp-powercut-{}-{unique}", std::process::id()));
        std::fs::create_dir_all(&undo).expect("a folder for the notes");
        Self { dir, undo, layer: layer(), nosync: false }
    }

    /// Ignores syncs: to show that a test fails when they are taken out.
    pub fn without_sync(mut self) -> Self {
        self.nosync = true;
        self
    }

    /// The environment of a process whose changes shall be noted. Several may run, also at once, as long as they do not write to one
    /// file without excluding each other.
    pub fn env(&self) -> Vec<(String, String)> {
        let text = |path: &Path| path.to_str().expect("a path in UTF-8").to_string();
        vec![
            ("LD_PRELOAD".into(), text(&self.layer)),
            (DIR.into(), text(&self.dir)),
            (UNDO.into(), text(&self.undo)),
            (NOSYNC.into(), if self.nosync { "1" } else { "0" }.into()),
        ]
    }

    /// Cuts the power: the folder then holds what was synced, and of the rest what the seed's disk kept. All processes must be
    /// dead. The notes begin anew.
    pub fn cut(&self, seed: u64) -> Cut {
        let cut = cut(&self.dir, &self.undo, seed);
        for entry in std::fs::read_dir(&self.undo).expect("the notes").flatten() {
            std::fs::remove_file(entry.path()).expect("old notes are removed");
        }
        cut
    }
}

impl Drop for PowerCut {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.undo);
    }
}

/// Rolls a folder back to what a disk may have kept. Seeds divisible by 3 lose all that was not synced; others keep a random part, in
/// sectors of 512 or 4096 bytes.
pub fn cut(dir: &Path, undo: &Path, seed: u64) -> Cut {
    cut::cut(dir, undo, seed)
}

/// The built layer, beside the test binaries that use it.
fn layer() -> PathBuf {
    let exe = std::env::current_exe().expect("the path of this test");
    let deps = exe.parent().expect("a folder");
    let profile = if deps.ends_with("deps") { deps.parent().expect("a folder") } else { deps };
    let layer = profile.join("liblgsp_powercut_layer.so");
    let built = std::fs::metadata(&layer).and_then(|m| m.modified()).ok();
    let source = Path::new(env!("CARGO_MANIFEST_DIR"));
    if built.is_none_or(|built| newest(&source.join("src")).max(newest(&source.join("layer/src"))) > built) {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut build = Command::new(cargo);
        build.args(["build", "--quiet", "-p", "lgsp-powercut-layer", "--target-dir"]);
        build.arg(profile.parent().expect("the target folder")).current_dir(source);
        if profile.ends_with("release") {
            build.arg("--release");
        }
        assert!(build.status().expect("cargo starts").success(), "the layer does not build");
    }
    layer
}

fn newest(folder: &Path) -> std::time::SystemTime {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    files.filter_map(|e| e.metadata().ok()?.modified().ok()).max().unwrap_or(std::time::UNIX_EPOCH)
}
