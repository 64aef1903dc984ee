//! Stopping without dropping a call: what has begun is finished within a limit, what is new is refused.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Poll, Waker};
use tokio_util::sync::CancellationToken;

/// Tells the servers of a node to stop; clones share one state.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    token: CancellationToken,
    /// The same, to be asked on every call: the token takes a lock for an answer.
    begun: Arc<AtomicBool>,
}

impl Shutdown {
    /// Not stopping yet.
    pub fn new() -> Self {
        Self::default()
    }
    /// Begins to stop; cannot be taken back.
    pub fn begin(&self) {
        self.begun.store(true, Ordering::Release);
        self.token.cancel();
    }
    /// Whether stopping has begun.
    pub fn begun(&self) -> bool {
        self.begun.load(Ordering::Acquire)
    }
    /// Waits until stopping begins.
    pub async fn wait(&self) {
        self.token.cancelled().await;
    }

    /// Drives something until it ends, or until stopping begins: then there is no output. What is driven is polled very often, so the
    /// wait is registered once and not at every turn.
    pub(crate) async fn or<F: Future>(&self, mut work: Pin<&mut F>) -> Option<F::Output> {
        let mut wait = pin!(self.wait());
        let mut registered: Option<Waker> = None;
        poll_fn(|cx| {
            if let Poll::Ready(output) = work.as_mut().poll(cx) {
                return Poll::Ready(Some(output));
            }
            if self.begun() {
                return Poll::Ready(None);
            }
            if registered.as_ref().is_some_and(|w| w.will_wake(cx.waker())) {
                return Poll::Pending;
            }
            registered = Some(cx.waker().clone());
            wait.as_mut().poll(cx).map(|()| None)
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::Shutdown;
    use std::pin::pin;
    use std::time::Duration;

    #[tokio::test]
    async fn what_is_driven_gives_its_output_or_ends_when_stopping_begins() {
        let shutdown = Shutdown::new();
        assert_eq!(shutdown.or(pin!(async { 1 })).await, Some(1));
        let (driven, other) = (shutdown.clone(), shutdown.clone());
        let driving = tokio::spawn(async move { driven.or(pin!(std::future::pending::<()>())).await });
        tokio::task::yield_now().await;
        other.begin();
        let ended = tokio::time::timeout(Duration::from_secs(5), driving).await;
        assert_eq!(ended.expect("it is woken").expect("no panic"), None);
        assert!(shutdown.begun());
        assert_eq!(shutdown.or(pin!(std::future::pending::<()>())).await, None);
    }
}
