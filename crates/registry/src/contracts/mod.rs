//! Contracts of versions: their files by digest, compiled once for each different declaration, and what the plan asks of them. What a
//! contract says is not read here: the node hands in what compiles it.

pub(crate) mod bundle;
mod library;
pub(crate) mod publish;

pub(crate) use library::Library;

use crate::state::to_text;
use lgsp_kernel::mediation::{CompileContract, Compiled, ContractProblem, VersionFiles};
use lgsp_kernel::model::{Protocol, VersionSpec};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;

/// Compiled contracts that are remembered although no version of the snapshot uses them (yet): plans that were not committed.
const MEMO_MAX: usize = 256;

/// What compiling came to; remembered, problems too.
pub(crate) type Outcome = Result<Arc<Compiled>, Arc<Vec<ContractProblem>>>;

/// What compiles contracts, and what was compiled.
pub(crate) struct Workshop {
    compiler: Option<Arc<dyn CompileContract>>,
    /// Whether the snapshot gets mediators: a node that carries calls needs them, a command does not.
    serves: bool,
    pub library: Library,
    memo: Mutex<HashMap<[u8; 32], Outcome>>,
}

impl Workshop {
    pub fn new(compiler: Option<Arc<dyn CompileContract>>, serves: bool) -> Self {
        Self { compiler, serves, library: Library::default(), memo: Mutex::default() }
    }

    pub fn compiler(&self) -> Option<&Arc<dyn CompileContract>> {
        self.compiler.as_ref()
    }

    pub fn serves(&self) -> bool {
        self.serves
    }

    /// Compiles a version, or remembers how that went before.
    pub fn compile(&self, protocol: Protocol, version: &VersionSpec, files: &VersionFiles) -> Outcome {
        let key = key(protocol, version);
        if let Some(known) = self.memo.lock().get(&key) {
            return known.clone();
        }
        let outcome = match &self.compiler {
            Some(compiler) => compiler.compile(protocol, version, files).map(Arc::new).map_err(Arc::new),
            None => Err(Arc::new(vec![problem("contract", "this program does not compile contracts")])),
        };
        self.remember(key, &outcome);
        outcome
    }

    /// Remembers what was compiled for a version under its stored form too, so that taking the change over compiles nothing again.
    pub fn alias(&self, protocol: Protocol, stored: &VersionSpec, compiled: &Arc<Compiled>) {
        self.remember(key(protocol, stored), &Ok(compiled.clone()));
    }

    fn remember(&self, key: [u8; 32], outcome: &Outcome) {
        let mut memo = self.memo.lock();
        if memo.len() >= MEMO_MAX {
            // What a snapshot runs is held by it too.
            memo.retain(|_, o| {
                let mediator = o.as_ref().ok().and_then(|c| c.mediator.as_ref());
                mediator.is_some_and(|m| Arc::strong_count(m) > 1)
            });
        }
        memo.insert(key, outcome.clone());
    }

    /// The files of a version, all of them, or the digest that is missing.
    pub fn files(&self, version: &VersionSpec) -> Result<VersionFiles, String> {
        let mut files = VersionFiles::new();
        for digest in version.file_digests() {
            let found = self.library.get(digest).ok_or_else(|| digest.to_owned())?;
            files.insert(digest.to_owned(), found);
        }
        Ok(files)
    }
}

/// What of a declaration decides what is compiled: not where its provider is, nor where it is in its life.
fn key(protocol: Protocol, version: &VersionSpec) -> [u8; 32] {
    let VersionSpec { contract, faces, wsdl, operations, check, text, .. } = version;
    let said = to_text(&(protocol, contract, faces, wsdl, operations, check, text));
    bundle::sha256(said.as_bytes())
}

pub(crate) fn problem(field: &str, message: impl Into<String>) -> ContractProblem {
    ContractProblem { field: field.into(), place: None, message: message.into(), warning: false }
}
