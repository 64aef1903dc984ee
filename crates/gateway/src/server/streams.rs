//! HTTP/2 streams whose peer takes nothing: with a window of zero no write to the socket ever stalls, and the library asks a body for
//! nothing while there is no window. So each stream is watched from the outside, and reset when its answer has waited too long to be
//! taken. Also ends connections that nothing is asked on. Not here: HTTP/1, where the socket tells (`guard`).

use super::conn::Conn;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::Poll;
use std::time::Duration;
use tokio::time::Sleep;

tokio::task_local! {
    static TAKEN: Arc<Taken>;
}

/// How far the answer of one stream has been taken.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    /// 0: there is no answer yet. Otherwise changes whenever something is asked of its body; odd while the body waits for the provider.
    asked: AtomicU64,
}

impl Taken {
    /// That of the stream whose task this is.
    pub(crate) fn current() -> Option<Arc<Self>> {
        TAKEN.try_with(Arc::clone).ok()
    }
    /// The body has been handed over, or has been asked: whether it could give something.
    pub(crate) fn asked(&self, waits: bool) {
        let next = self.asked.load(Relaxed) + 2;
        self.asked.store((next & !1) | u64::from(waits), Relaxed);
    }
}

/// Runs the tasks of an HTTP/2 connection.
#[derive(Debug, Clone)]
pub(super) struct Streams {
    /// How long the peer may take nothing of an answer.
    pub patience: Duration,
}

impl<F: Future<Output = ()> + Send + 'static> hyper::rt::Executor<F> for Streams {
    fn execute(&self, stream: F) {
        let (taken, patience) = (Arc::<Taken>::default(), self.patience);
        tokio::spawn(TAKEN.scope(taken.clone(), watched(stream, taken, patience)));
    }
}

/// Drives a stream; drops it, which resets it, once its answer could go on and has not been asked for longer than `patience`.
async fn watched(stream: impl Future<Output = ()>, taken: Arc<Taken>, patience: Duration) {
    let mut stream = pin!(stream);
    let mut timer: Option<(u64, Pin<Box<Sleep>>)> = None;
    std::future::poll_fn(|cx| {
        if stream.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        let asked = taken.asked.load(Relaxed);
        if asked == 0 || asked % 2 == 1 {
            timer = None;
            return Poll::Pending;
        }
        if timer.as_ref().is_none_or(|(then, _)| *then != asked) {
            timer = Some((asked, Box::pin(tokio::time::sleep(patience))));
        }
        timer.as_mut().map_or(Poll::Pending, |(_, sleep)| sleep.as_mut().poll(cx))
    })
    .await;
}

/// Waits until no exchange was open and none was begun for this long (at most twice as long).
pub(super) async fn idle(conn: &Conn, limit: Duration) {
    let mut before = None;
    loop {
        let now = (!conn.busy()).then(|| conn.count());
        if now.is_some() && now == before {
            return;
        }
        before = now;
        tokio::time::sleep(limit).await;
    }
}
