//! A token's sessions: a bounded pool, logging in, and what to do when the token does not answer as it should.

use super::{Context, Module, TokenPlace};
use crate::key::{KeyError, PinSource};
use cryptoki::error::{Error as Pkcs11Error, RvError};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;
use lgsp_kernel::Secret;
use parking_lot::{Condvar, Mutex};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The most sessions open on one token at a time; small tokens allow few.
pub(super) const SESSIONS_MAX: usize = 4;
/// How long a signature waits for a free session before it is refused.
const WAIT_MAX: Duration = Duration::from_secs(5);
/// How soon a token that failed is tried again; in between the failure is answered at once.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// A token, opened when it is first used.
pub struct Token {
    module: Arc<Module>,
    label: String,
    state: Mutex<State>,
    freed: Condvar,
}

struct State {
    pin: PinSource,
    idle: Vec<Session>,
    open: usize,
    slot: Option<Slot>,
    /// Of which start of the module the sessions are.
    started: u64,
    /// Counts connections: what was looked up in one is void in the next.
    connection: u64,
    refused_pin: Option<Secret>,
    failed: Option<(Instant, KeyError)>,
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Token({})", self.label)
    }
}

/// Why a call failed, as far as it decides whether opening the token anew may help.
pub(super) enum Trouble {
    /// The token said so.
    Pkcs11(Pkcs11Error),
    /// Opening anew may help.
    Retry(KeyError),
    /// It does not.
    Final(KeyError),
}

impl From<Pkcs11Error> for Trouble {
    fn from(e: Pkcs11Error) -> Self {
        Self::Pkcs11(e)
    }
}

/// How much is opened anew before a call.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Attempt {
    AsItIs,
    Sessions,
    Module,
}

impl Token {
    pub(super) fn new(module: Arc<Module>, place: &TokenPlace) -> Self {
        let state = State {
            pin: place.pin.clone(),
            idle: Vec::new(),
            open: 0,
            slot: None,
            started: 0,
            connection: 0,
            refused_pin: None,
            failed: None,
        };
        Self { module, label: place.label.clone(), state: Mutex::new(state), freed: Condvar::new() }
    }

    /// The token's label.
    pub fn label(&self) -> &str {
        &self.label
    }

    pub(super) fn set_pin(&self, pin: &PinSource) {
        self.state.lock().pin = pin.clone();
    }

    /// Calls the token. If it fails, its sessions are opened anew, then its module is started anew, before that is the answer.
    pub(super) fn call<T>(&self, f: impl Fn(&Session, u64) -> Result<T, Trouble>) -> Result<T, KeyError> {
        if let Some(error) = self.recent_failure() {
            return Err(error);
        }
        let seen = self.module.context.read().started;
        let mut last = KeyError::TokenAbsent(self.label.clone());
        for attempt in [Attempt::AsItIs, Attempt::Sessions, Attempt::Module] {
            match self.once(attempt, seen, &f) {
                Ok(done) => return Ok(done),
                Err(Trouble::Final(error)) => return Err(error),
                Err(Trouble::Retry(error)) => last = error,
                Err(Trouble::Pkcs11(error)) => last = self.explain(&error),
            }
        }
        if matches!(last, KeyError::TokenAbsent(_) | KeyError::Token { .. }) {
            self.state.lock().failed = Some((Instant::now(), last.clone()));
        }
        Err(last)
    }

    fn recent_failure(&self) -> Option<KeyError> {
        let mut state = self.state.lock();
        match &state.failed {
            Some((at, error)) if at.elapsed() < RETRY_PAUSE => Some(error.clone()),
            _ => {
                state.failed = None;
                None
            }
        }
    }

    fn once<T>(
        &self,
        attempt: Attempt,
        seen: u64,
        f: impl Fn(&Session, u64) -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        if attempt == Attempt::Module {
            self.module.restart(seen)?;
        }
        let context = self.module.context.read();
        let (session, connection) = self.take(&context, attempt != Attempt::AsItIs)?;
        let done = f(&session, connection);
        self.give_back(session, connection, done.is_ok());
        done
    }

    fn take(&self, context: &Context, anew: bool) -> Result<(Session, u64), Trouble> {
        let until = Instant::now() + WAIT_MAX;
        let mut state = self.state.lock();
        if anew || state.started != context.started {
            state.forget(context.started);
        }
        loop {
            if let Some(session) = state.idle.pop() {
                return Ok((session, state.connection));
            }
            if state.open < SESSIONS_MAX {
                let session = self.open(&mut state, context)?;
                state.open += 1;
                return Ok((session, state.connection));
            }
            if self.freed.wait_until(&mut state, until).timed_out() {
                return Err(Trouble::Final(KeyError::TokenBusy(self.label.clone())));
            }
        }
    }

    fn give_back(&self, session: Session, connection: u64, fine: bool) {
        let mut state = self.state.lock();
        if connection != state.connection {
            let _ = session.close();
            return;
        }
        if fine {
            state.idle.push(session);
        } else {
            state.open -= 1;
            let _ = session.close();
        }
        self.freed.notify_one();
    }

    fn open(&self, state: &mut State, context: &Context) -> Result<Session, Trouble> {
        let slot = match state.slot {
            Some(slot) => slot,
            None => self.find(context)?,
        };
        let session = context.pkcs11.open_ro_session_no_drop(slot)?;
        // The login is the token's, not the session's, and lasts while any of its sessions is open.
        if state.open == 0
            && let Err(trouble) = self.log_in(state, &session)
        {
            let _ = session.close();
            return Err(trouble);
        }
        state.slot = Some(slot);
        Ok(session)
    }

    /// Slots are found by the token's label: their numbers change when tokens are moved.
    fn find(&self, context: &Context) -> Result<Slot, Trouble> {
        let mut found = None;
        for slot in context.pkcs11.get_slots_with_initialized_token()? {
            let Ok(info) = context.pkcs11.get_token_info(slot) else { continue };
            if info.label().trim_end() != self.label {
                continue;
            }
            if found.replace(slot).is_some() {
                let why = "several tokens have this label: rename all but one".to_owned();
                return Err(Trouble::Final(KeyError::Token { token: self.label.clone(), why }));
            }
        }
        found.ok_or_else(|| Trouble::Retry(KeyError::TokenAbsent(self.label.clone())))
    }

    fn log_in(&self, state: &mut State, session: &Session) -> Result<(), Trouble> {
        let token = self.label.clone();
        let pin = match state.pin.read() {
            Ok(pin) => pin,
            Err(why) => return Err(Trouble::Final(KeyError::PinSource { token, why })),
        };
        if state.refused_pin.as_ref() == Some(&pin) {
            return Err(Trouble::Final(KeyError::PinRefused(token)));
        }
        let text = pin.expose_str().unwrap_or_default().to_owned();
        match session.login(UserType::User, Some(&AuthPin::new(text.into_boxed_str()))) {
            Ok(()) | Err(Pkcs11Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => {
                state.refused_pin = None;
                Ok(())
            }
            Err(Pkcs11Error::Pkcs11(
                RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange,
                _,
            )) => {
                state.refused_pin = Some(pin);
                Err(Trouble::Final(KeyError::PinRefused(token)))
            }
            Err(Pkcs11Error::Pkcs11(RvError::PinLocked, _)) => {
                Err(Trouble::Final(KeyError::PinLocked(token)))
            }
            Err(other) => Err(Trouble::Pkcs11(other)),
        }
    }

    /// A session of its own that may write, for making keys. Logged in as all sessions of this process are.
    pub(super) fn writing<T>(&self, f: impl Fn(&Session) -> Result<T, Trouble>) -> Result<T, KeyError> {
        self.call(|reading, _| {
            let slot = reading.get_session_info()?.slot_id();
            // The lock is held for reading by the caller; taking it again here must not wait for a writer.
            let session = self.module.context.read_recursive().pkcs11.open_rw_session_no_drop(slot)?;
            let done = f(&session);
            let _ = session.close();
            done
        })
    }

    pub(super) fn explain(&self, error: &Pkcs11Error) -> KeyError {
        match error {
            Pkcs11Error::Pkcs11(
                RvError::TokenNotPresent | RvError::DeviceRemoved | RvError::SlotIdInvalid,
                _,
            ) => KeyError::TokenAbsent(self.label.clone()),
            other => KeyError::Token { token: self.label.clone(), why: other.to_string() },
        }
    }
}

impl State {
    /// What was open is void; sessions of the same start of the module are closed, older ones are void already.
    fn forget(&mut self, started: u64) {
        for session in self.idle.drain(..) {
            if self.started == started {
                let _ = session.close();
            }
        }
        self.open = 0;
        self.slot = None;
        self.started = started;
        self.connection += 1;
    }
}
