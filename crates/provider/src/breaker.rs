//! The circuit breaker of one target: after failures in a row it is left alone for a while, then one exchange tries it. Pure; the
//! time is passed in.

use lgsp_kernel::Millis;

/// Whether a target is being called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerState {
    /// It is.
    Closed,
    /// It failed repeatedly and is left alone.
    Open,
    /// One exchange is trying it.
    HalfOpen,
}

impl BreakerState {
    /// The word used in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
        }
    }
}

/// What the breaker says to an exchange that wants to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admission {
    /// Go ahead.
    Pass,
    /// Go ahead: you are the one that tries.
    Probe,
    /// Not before so many milliseconds.
    Wait(i64),
}

#[derive(Debug, Clone, Copy)]
enum State {
    Closed {
        failures: u16,
    },
    Open {
        until: Millis,
    },
    /// The exchange that tries; another may if it has not ended by `until`.
    Probing {
        until: Millis,
    },
}

/// A circuit breaker.
#[derive(Debug)]
pub(crate) struct Breaker {
    threshold: u16,
    open_ms: i64,
    state: State,
    opened: u64,
}

impl Breaker {
    pub(crate) fn new(threshold: u16, open_ms: u32) -> Self {
        Self {
            threshold: threshold.max(1),
            open_ms: i64::from(open_ms.max(1)),
            state: State::Closed { failures: 0 },
            opened: 0,
        }
    }

    /// What [`Breaker::admit`] would say, without taking the place of the one that tries.
    pub(crate) fn would_admit(&self, now: Millis) -> Admission {
        match self.state {
            State::Closed { .. } => Admission::Pass,
            State::Open { until } | State::Probing { until } if now < until => {
                Admission::Wait(until.0 - now.0)
            }
            State::Open { .. } | State::Probing { .. } => Admission::Probe,
        }
    }

    /// Lets an exchange begin, or not.
    pub(crate) fn admit(&mut self, now: Millis) -> Admission {
        let admission = self.would_admit(now);
        if admission == Admission::Probe {
            self.state = State::Probing { until: Millis(now.0.saturating_add(self.open_ms)) };
        }
        admission
    }

    /// The target answered: whoever tried it may let the others in.
    pub(crate) fn answered(&mut self, probe: bool) {
        if probe {
            self.state = State::Closed { failures: 0 };
        }
    }

    /// An exchange ended well, body included.
    pub(crate) fn completed(&mut self) {
        if let State::Closed { failures } = &mut self.state {
            *failures = 0;
        }
    }

    /// An exchange failed. `jitter` (0 to 255) lengthens the pause by up to a fifth, so that several nodes do not return at once.
    pub(crate) fn failed(&mut self, now: Millis, probe: bool, jitter: u8) {
        let open = match &mut self.state {
            State::Closed { failures } => {
                *failures = failures.saturating_add(1);
                *failures >= self.threshold
            }
            State::Probing { .. } => probe,
            State::Open { .. } => false,
        };
        if open {
            let pause = self.open_ms + self.open_ms * i64::from(jitter) / (5 * 255);
            self.state = State::Open { until: Millis(now.0.saturating_add(pause)) };
            self.opened += 1;
        }
    }

    /// The exchange that tried was given up without a result: the next may try at once.
    pub(crate) fn abandoned(&mut self, now: Millis) {
        if matches!(self.state, State::Probing { .. }) {
            self.state = State::Open { until: now };
        }
    }

    pub(crate) fn state(&self) -> BreakerState {
        match self.state {
            State::Closed { .. } => BreakerState::Closed,
            State::Open { .. } => BreakerState::Open,
            State::Probing { .. } => BreakerState::HalfOpen,
        }
    }

    /// How often it has opened.
    pub(crate) fn opened(&self) -> u64 {
        self.opened
    }
}

#[cfg(test)]
mod tests {
    use super::{Admission, Breaker, BreakerState};
    use lgsp_kernel::Millis;

    fn opened() -> Breaker {
        let mut b = Breaker::new(3, 1000);
        for _ in 0..3 {
            assert_eq!(b.admit(Millis(0)), Admission::Pass);
            b.failed(Millis(0), false, 0);
        }
        b
    }

    #[test]
    fn failures_in_a_row_open_it_and_a_success_between_them_does_not() {
        let mut b = Breaker::new(3, 1000);
        for _ in 0..10 {
            b.failed(Millis(0), false, 0);
            b.failed(Millis(0), false, 0);
            b.completed();
        }
        assert_eq!(b.state(), BreakerState::Closed);
        assert_eq!(opened().admit(Millis(400)), Admission::Wait(600));
    }

    #[test]
    fn after_the_pause_one_tries_and_its_answer_closes_it() {
        let mut b = opened();
        assert_eq!(b.admit(Millis(1000)), Admission::Probe);
        assert!(matches!(b.admit(Millis(1000)), Admission::Wait(_)));
        b.answered(true);
        assert_eq!(b.admit(Millis(1000)), Admission::Pass);
    }

    #[test]
    fn a_failed_try_opens_it_again_and_an_abandoned_one_lets_the_next_try() {
        let mut b = opened();
        assert_eq!(b.admit(Millis(1000)), Admission::Probe);
        b.failed(Millis(1000), true, 0);
        assert_eq!(b.admit(Millis(1999)), Admission::Wait(1));
        assert_eq!(b.admit(Millis(2000)), Admission::Probe);
        b.abandoned(Millis(2001));
        assert_eq!(b.admit(Millis(2001)), Admission::Probe);
        assert_eq!(b.opened(), 2);
    }

    #[test]
    fn a_late_failure_of_another_exchange_does_not_end_a_try() {
        let mut b = opened();
        assert_eq!(b.admit(Millis(1000)), Admission::Probe);
        b.failed(Millis(1001), false, 0);
        b.answered(true);
        assert_eq!(b.state(), BreakerState::Closed);
    }

    #[test]
    fn jitter_lengthens_the_pause_by_at_most_a_fifth() {
        let mut b = Breaker::new(1, 1000);
        b.failed(Millis(0), false, 255);
        assert_eq!(b.would_admit(Millis(0)), Admission::Wait(1200));
    }
}
