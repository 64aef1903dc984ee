//! Where conversions run: small ones at once, large ones on threads that may block, as many at a time as there are cores, so that a crowd
//! of large messages holds up nobody else's call.

use lgsp_kernel::{Refusal, fault};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use tokio::sync::Semaphore;

/// Messages up to this are converted where they are: that takes less than handing them over, well below a millisecond. Bytes.
const AT_ONCE_MAX: usize = 64 << 10;
/// Large messages that may wait for their turn; one more is refused.
const WAITING_MAX: usize = 1_000;
/// Seconds after which trying again makes sense.
const RETRY_AFTER: u32 = 1;

/// The lane of large messages. Shared by all versions of a node.
#[derive(Debug, Clone)]
pub(crate) struct Lane(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    slots: Semaphore,
    waiting: AtomicUsize,
    waiting_max: usize,
}

/// Counts one who waits, for as long as it does.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

impl Lane {
    pub fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self::of(cores, WAITING_MAX)
    }

    fn of(slots: usize, waiting_max: usize) -> Self {
        Self(Arc::new(Inner { slots: Semaphore::new(slots), waiting: AtomicUsize::new(0), waiting_max }))
    }

    /// Runs a conversion of a message of this size.
    pub async fn run<T: Send + 'static>(
        &self,
        size: usize,
        work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        if size <= AT_ONCE_MAX {
            return work();
        }
        let busy = || {
            Refusal::new(&fault::MEDIATION_BUSY, "All threads for large messages are busy.")
                .retry_after(RETRY_AFTER)
        };
        let inner = &self.0;
        let waiting = Waiting(&inner.waiting);
        if inner.waiting.fetch_add(1, Relaxed) >= inner.waiting_max {
            return Err(busy());
        }
        let permit = inner.slots.acquire().await.map_err(|_| busy())?;
        drop(waiting);
        let done = tokio::task::spawn_blocking(work).await;
        drop(permit);
        done.unwrap_or_else(
            |e| Err(Refusal::new(&fault::INTERNAL, "The conversion failed.").with_internal(e)),
        )
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{AT_ONCE_MAX, Lane};
    use lgsp_kernel::fault;

    #[tokio::test]
    async fn a_large_message_that_finds_no_place_to_wait_is_refused_and_a_small_one_is_not() {
        let lane = Lane::of(1, 0);
        let refused = lane.run(AT_ONCE_MAX + 1, || Ok(1)).await.unwrap_err();
        assert!(std::ptr::eq(refused.kind, &fault::MEDIATION_BUSY) && refused.retry_after.is_some());
        assert_eq!(lane.run(AT_ONCE_MAX, || Ok(1)).await.unwrap(), 1);
        assert_eq!(Lane::of(1, 1).run(AT_ONCE_MAX + 1, || Ok(2)).await.unwrap(), 2);
    }
}
