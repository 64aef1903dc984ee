//! Keys on PKCS#11 tokens: modules are loaded at run time, once a process; sessions are pooled; a token that goes away and comes back is opened
//! again by itself. Not here: when a token is used at all; it certifies short-lived keys and signs checkpoints, it does not sign messages.

mod key;
mod session;

pub use key::TokenKey;
pub use session::Token;

use super::{KeyError, PinSource};
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error as Pkcs11Error, RvError};
use parking_lot::{Mutex, RwLock};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where a token is and how it is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenPlace {
    /// The PKCS#11 module, a shared library.
    pub module: PathBuf,
    /// The token's label.
    pub label: String,
    /// Where the PIN is.
    pub pin: PinSource,
}

/// The modules and tokens in use. A process may initialise a module once, so all keys of a node are opened through one of these.
#[derive(Debug, Default)]
pub struct Tokens {
    modules: Mutex<HashMap<PathBuf, Arc<Module>>>,
    tokens: Mutex<HashMap<(PathBuf, String), Arc<Token>>>,
}

impl Tokens {
    /// The token at this place, loading its module if need be. The token itself is reached when it is first used.
    pub fn token(&self, place: &TokenPlace) -> Result<Arc<Token>, KeyError> {
        let name = (place.module.clone(), place.label.clone());
        let mut tokens = self.tokens.lock();
        if let Some(token) = tokens.get(&name) {
            token.set_pin(&place.pin);
            return Ok(token.clone());
        }
        let module = {
            let mut modules = self.modules.lock();
            match modules.get(&place.module) {
                Some(module) => module.clone(),
                None => {
                    let module = Arc::new(Module::load(&place.module)?);
                    modules.insert(place.module.clone(), module.clone());
                    module
                }
            }
        };
        let token = Arc::new(Token::new(module, place));
        tokens.insert(name, token.clone());
        Ok(token)
    }
}

/// A loaded module. Every call into it holds the lock for reading; only starting it anew writes, since that invalidates whatever was open.
#[derive(Debug)]
struct Module {
    context: RwLock<Context>,
}

#[derive(Debug)]
struct Context {
    pkcs11: Pkcs11,
    /// Counts how often the module was started: what was opened before is void.
    started: u64,
}

impl Module {
    fn load(path: &Path) -> Result<Self, KeyError> {
        let failed = |e: Pkcs11Error| KeyError::Module { path: path.to_owned(), why: e.to_string() };
        let pkcs11 = Pkcs11::new(path).map_err(failed)?;
        start(&pkcs11).map_err(failed)?;
        Ok(Self { context: RwLock::new(Context { pkcs11, started: 1 }) })
    }

    /// Starts the module anew: many see a token that came back only then. Does nothing if somebody else did since `seen`.
    fn restart(&self, seen: u64) -> Result<(), Pkcs11Error> {
        let mut context = self.context.write();
        if context.started != seen {
            return Ok(());
        }
        // Whatever this says, what follows decides.
        let _ = context.pkcs11.clone().finalize();
        context.started += 1;
        start(&context.pkcs11)
    }
}

fn start(pkcs11: &Pkcs11) -> Result<(), Pkcs11Error> {
    match pkcs11.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        Err(Pkcs11Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => Ok(()),
        other => other,
    }
}
