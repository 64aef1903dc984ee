//! Random bytes for ids: drawn from the cryptographic generator a page at a time, because a draw per id costs a system call's worth.

use lgsp_kernel::{ExchangeId, Millis};
use std::cell::RefCell;

const PAGE: usize = 4096;

struct Pool {
    bytes: Box<[u8; PAGE]>,
    used: usize,
}

thread_local! {
    static POOL: RefCell<Pool> = RefCell::new(Pool { bytes: Box::new([0; PAGE]), used: PAGE });
}

/// Fresh random bytes.
pub(crate) fn bytes<const N: usize>() -> [u8; N] {
    POOL.with_borrow_mut(|pool| {
        if pool.used + N > PAGE {
            aws_lc_rs::rand::fill(&mut pool.bytes[..])
                .expect("the generator of aws-lc does not fail once seeded");
            pool.used = 0;
        }
        let mut out = [0; N];
        let part = &mut pool.bytes[pool.used..pool.used + N];
        out.copy_from_slice(part);
        // Given out once: what is left behind must not be found in memory later.
        part.fill(0);
        pool.used += N;
        out
    })
}

/// A new exchange id.
pub(crate) fn exchange_id(now: Millis) -> ExchangeId {
    ExchangeId::at(now, bytes())
}

#[cfg(test)]
mod tests {
    #[test]
    fn no_bytes_are_given_out_twice() {
        let ids: std::collections::HashSet<[u8; 10]> = (0..5000).map(|_| super::bytes()).collect();
        assert_eq!(ids.len(), 5000);
    }
}
