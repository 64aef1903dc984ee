//! Doubles for tests: a signer as slow as a token, and one that fails as a token does.

use crate::key::{Algorithm, KeyError, Signer};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// A signer that signs one message at a time and takes its time for each, as a token of 50 signatures a second does.
#[derive(Debug)]
pub struct SlowSigner {
    inner: Arc<dyn Signer>,
    each: Duration,
    one_at_a_time: parking_lot::Mutex<()>,
    made: AtomicU64,
    absent: AtomicBool,
}

impl SlowSigner {
    /// Slows another signer down.
    pub fn new(inner: Arc<dyn Signer>, each: Duration) -> Self {
        Self {
            inner,
            each,
            one_at_a_time: parking_lot::Mutex::new(()),
            made: AtomicU64::new(0),
            absent: AtomicBool::new(false),
        }
    }
    /// As slow as the tokens we plan for: 50 signatures a second.
    pub fn token(inner: Arc<dyn Signer>) -> Self {
        Self::new(inner, Duration::from_millis(20))
    }
    /// How many signatures it has made.
    pub fn made(&self) -> u64 {
        self.made.load(Ordering::SeqCst)
    }
    /// Takes the token out, or puts it back.
    pub fn set_absent(&self, absent: bool) {
        self.absent.store(absent, Ordering::SeqCst);
    }
}

impl Signer for SlowSigner {
    fn algorithm(&self) -> Algorithm {
        self.inner.algorithm()
    }
    fn public_key_der(&self) -> Vec<u8> {
        self.inner.public_key_der()
    }
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let _turn = self.one_at_a_time.lock();
        if self.absent.load(Ordering::SeqCst) {
            return Err(KeyError::TokenAbsent("of the test".into()));
        }
        std::thread::sleep(self.each);
        self.made.fetch_add(1, Ordering::SeqCst);
        self.inner.sign(message)
    }
}
