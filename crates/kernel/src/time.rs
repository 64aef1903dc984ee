//! Time as a value that is passed in. Not here: timers; those belong to the runtime.

use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(transparent)]
pub struct Millis(pub i64);

impl Millis {
    /// This time and so many seconds more.
    pub fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(1000)))
    }
    /// Whole seconds since 1970.
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }
    /// RFC 3339 in UTC with milliseconds.
    pub fn rfc3339(self) -> String {
        let fmt = time::macros::format_description!(
            "[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z"
        );
        time::OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000_000)
            .ok()
            .and_then(|t| t.format(fmt).ok())
            .unwrap_or_else(|| format!("{} ms", self.0))
    }
    /// Reads RFC 3339 (any offset) or a date `YYYY-MM-DD`, which means its first instant at UTC+7, the legal time of Viet Nam.
    pub fn parse(text: &str) -> Option<Self> {
        let rfc = time::format_description::well_known::Rfc3339;
        if let Ok(t) = time::OffsetDateTime::parse(text, &rfc) {
            return i64::try_from(t.unix_timestamp_nanos() / 1_000_000).ok().map(Self);
        }
        let day = time::Date::parse(text, time::macros::format_description!("[year]-[month]-[day]")).ok()?;
        let at = day.midnight().assume_offset(time::macros::offset!(+7));
        Some(Self(at.unix_timestamp() * 1000))
    }
    /// The day at UTC+7, counted from 1970-01-01: daily quotas turn at local midnight.
    pub fn local_day(self) -> i64 {
        (self.0 + 7 * 3_600_000).div_euclid(86_400_000)
    }
}

/// Where the time comes from: the machine, or a test's hand.
#[derive(Debug, Clone, Default)]
pub enum Clock {
    /// The machine's clock.
    #[default]
    System,
    /// A clock that moves only when a test moves it.
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// A clock that stands at the given time.
    pub fn manual(at: Millis) -> Self {
        Self::Manual(Arc::new(AtomicI64::new(at.0)))
    }
    /// The time now.
    pub fn now(&self) -> Millis {
        match self {
            Self::System => Millis(
                SystemTime::now()
                    .duration_since(UNIX_EPOCH)
                    .map_or(0, |d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX)),
            ),
            Self::Manual(at) => Millis(at.load(Ordering::SeqCst)),
        }
    }
    /// Moves a manual clock forward; does nothing to the machine's.
    pub fn advance(&self, by_millis: i64) {
        if let Self::Manual(at) = self {
            at.fetch_add(by_millis, Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Millis;

    #[test]
    fn a_date_is_local_and_the_day_turns_at_local_midnight() {
        let t = Millis::parse("2026-01-05").expect("date");
        assert_eq!(t.rfc3339(), "2026-01-04T17:00:00.000Z");
        assert_eq!(Millis(t.0 - 1).local_day() + 1, t.local_day());
        assert_eq!(Millis::parse("2026-01-05T00:00:00+07:00"), Some(t));
        assert_eq!(Millis::parse("05/01/2026"), None);
    }
}
