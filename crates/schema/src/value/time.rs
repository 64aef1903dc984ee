//! Dates, times and durations (XSD 1.0 part 2, 3.2.6 to 3.2.14), with their partial order. No clock, no calendar but the Gregorian one.

use crate::model::Builtin;
use std::cmp::Ordering;

/// Digits of a year or of a part of a duration: far beyond any record, and arithmetic on them cannot overflow.
pub(crate) const YEAR_DIGITS_MAX: usize = 9;

/// A point or period of the time line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Moment {
    /// Seconds since 1970-01-01T00:00:00, in UTC where `zoned`.
    seconds: i64,
    /// Digits after the second's point, without trailing zeros.
    fraction: String,
    /// Has a time zone.
    zoned: bool,
}

/// Half the width of the unknown: a time without a zone may be anywhere in +-14:00.
const ZONE_MAX: i64 = 14 * 3600;

impl Moment {
    /// The partial order of 3.2.7.4: a time with and one without a zone are ordered only if more than 14 hours lie between them.
    pub(crate) fn order(&self, other: &Self) -> Option<Ordering> {
        let plain = |shift: i64| {
            (self.seconds + shift).cmp(&other.seconds).then_with(|| self.fraction.cmp(&other.fraction))
        };
        match (self.zoned, other.zoned) {
            (true, true) | (false, false) => Some(plain(0)),
            (true, false) => match (plain(ZONE_MAX), plain(-ZONE_MAX)) {
                (Ordering::Less, _) => Some(Ordering::Less),
                (_, Ordering::Greater) => Some(Ordering::Greater),
                _ => None,
            },
            (false, true) => other.order(self).map(Ordering::reverse),
        }
    }
}

/// Reads from the front.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, wanted: u8) -> Option<()> {
        let (first, rest) = self.0.split_first()?;
        (*first == wanted).then(|| self.0 = rest)
    }

    fn two(&mut self) -> Option<i64> {
        let [a @ b'0'..=b'9', b @ b'0'..=b'9', rest @ ..] = self.0 else { return None };
        self.0 = rest;
        Some(i64::from(a - b'0') * 10 + i64::from(b - b'0'))
    }

    fn digits(&mut self) -> &'a [u8] {
        let n = self.0.iter().take_while(|b| b.is_ascii_digit()).count();
        let (digits, rest) = self.0.split_at(n);
        self.0 = rest;
        digits
    }

    /// Four digits or more, no leading zeros beyond four, not year zero.
    fn year(&mut self) -> Option<i64> {
        let negative = self.take(b'-').is_some();
        let digits = self.digits();
        if digits.len() < 4 || digits.len() > YEAR_DIGITS_MAX || (digits.len() > 4 && digits[0] == b'0') {
            return None;
        }
        let year = number(digits);
        (year != 0).then_some(if negative { -year } else { year })
    }

    fn zone(&mut self) -> Option<Option<i64>> {
        match self.0 {
            [] => Some(None),
            [b'Z'] => {
                self.0 = &[];
                Some(Some(0))
            }
            [sign @ (b'+' | b'-'), ..] => {
                let sign = if *sign == b'-' { -1 } else { 1 };
                self.0 = &self.0[1..];
                let hours = self.two()?;
                self.take(b':')?;
                let minutes = self.two()?;
                let fine = minutes < 60 && hours * 60 + minutes <= 14 * 60 && self.0.is_empty();
                fine.then_some(Some(sign * (hours * 3600 + minutes * 60)))
            }
            _ => None,
        }
    }

    /// Seconds since midnight and the digits after the second's point. 24:00:00 is the end of the day.
    fn clock(&mut self) -> Option<(i64, String)> {
        let hour = self.two()?;
        self.take(b':')?;
        let minute = self.two()?;
        self.take(b':')?;
        let second = self.two()?;
        let fraction = match self.take(b'.') {
            Some(()) => {
                let digits = self.digits();
                if digits.is_empty() {
                    return None;
                }
                String::from_utf8_lossy(digits).trim_end_matches('0').to_owned()
            }
            None => String::new(),
        };
        let fine = (hour < 24 && minute < 60 && second < 60)
            || (hour == 24 && minute == 0 && second == 0 && fraction.is_empty());
        fine.then_some((hour * 3600 + minute * 60 + second, fraction))
    }
}

fn number(digits: &[u8]) -> i64 {
    digits.iter().fold(0, |n, d| n * 10 + i64::from(d - b'0'))
}

/// A value of one of the date and time types; none: not in its lexical space.
pub(crate) fn moment(ty: Builtin, text: &str) -> Option<Moment> {
    let mut r = Reader(text.as_bytes());
    // What a type lacks comes from a leap year's first day, as the standard's order of periods has it.
    let (mut year, mut month, mut day) = (2000, 1, 1);
    match ty {
        Builtin::DateTime | Builtin::Date | Builtin::GYearMonth | Builtin::GYear => year = r.year()?,
        Builtin::GMonthDay | Builtin::GMonth | Builtin::GDay => {
            r.take(b'-')?;
            r.take(b'-')?;
        }
        _ => {}
    }
    if matches!(ty, Builtin::DateTime | Builtin::Date | Builtin::GYearMonth) {
        r.take(b'-')?;
    }
    if matches!(
        ty,
        Builtin::DateTime | Builtin::Date | Builtin::GYearMonth | Builtin::GMonthDay | Builtin::GMonth
    ) {
        month = r.two()?;
    }
    if matches!(ty, Builtin::DateTime | Builtin::Date | Builtin::GMonthDay | Builtin::GDay) {
        r.take(b'-')?;
        day = r.two()?;
    }
    let (mut clock, mut fraction) = (0, String::new());
    if ty == Builtin::DateTime {
        r.take(b'T')?;
    }
    if matches!(ty, Builtin::DateTime | Builtin::Time) {
        (clock, fraction) = r.clock()?;
    }
    let zone = r.zone()?;
    if !(1..=12).contains(&month) || day < 1 || day > days_of(year, month) {
        return None;
    }
    let seconds = days_since_epoch(year, month, day) * 86_400 + clock - zone.unwrap_or(0);
    Some(Moment { seconds, fraction, zoned: zone.is_some() })
}

fn is_leap(year: i64) -> bool {
    (year % 4 == 0 && year % 100 != 0) || year % 400 == 0
}

fn days_of(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    // Years begin in March here, so that the leap day is the last one.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// A duration: months and seconds, which have no common measure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Duration {
    negative: bool,
    months: i64,
    seconds: i64,
    fraction: String,
}

/// Reads `-?P(nY)?(nM)?(nD)?(T(nH)?(nM)?(n(.n)?S)?)?`, at least one part, at least one after `T` (3.2.6).
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let mut r = Reader(text.as_bytes());
    let negative = r.take(b'-').is_some();
    r.take(b'P')?;
    let (mut months, mut seconds, mut fraction) = (0, 0, String::new());
    let (mut in_time, mut parts, mut last) = (false, 0, 0);
    while !r.0.is_empty() {
        if r.take(b'T').is_some() {
            if in_time {
                return None;
            }
            (in_time, parts) = (true, 0);
            continue;
        }
        let digits = r.digits();
        if digits.is_empty() || digits.len() > YEAR_DIGITS_MAX {
            return None;
        }
        let n = number(digits);
        if r.take(b'.').is_some() {
            let digits = r.digits();
            if digits.is_empty() || !in_time || r.0 != b"S" {
                return None;
            }
            String::from_utf8_lossy(digits).trim_end_matches('0').clone_into(&mut fraction);
            r = Reader(b"S");
        }
        let (unit, rest) = r.0.split_first()?;
        let (place, month, second) = match (unit, in_time) {
            (b'Y', false) => (1, 12, 0),
            (b'M', false) => (2, 1, 0),
            (b'D', false) => (3, 0, 86_400),
            (b'H', true) => (4, 0, 3600),
            (b'M', true) => (5, 0, 60),
            (b'S', true) => (6, 0, 1),
            _ => return None,
        };
        if place <= last {
            return None;
        }
        (last, parts) = (place, parts + 1);
        months += n * month;
        seconds += n * second;
        r.0 = rest;
    }
    (parts > 0).then_some(Duration { negative, months, seconds, fraction })
}

impl Duration {
    /// Ordered only if every one of four reference days says the same (3.2.6.2).
    pub(crate) fn order(&self, other: &Self) -> Option<Ordering> {
        let mut orders = [(1696, 9), (1697, 2), (1903, 3), (1903, 7)]
            .map(|(y, m)| self.after(y, m).cmp(&other.after(y, m)))
            .into_iter();
        let first = orders.next()?;
        orders.all(|o| o == first).then_some(first)
    }

    /// The first of this month plus the duration: seconds, and digits after their point.
    fn after(&self, year: i64, month: i64) -> (i64, String) {
        let sign = if self.negative { -1 } else { 1 };
        let months = year * 12 + month - 1 + sign * self.months;
        let days = days_since_epoch(months.div_euclid(12), months.rem_euclid(12) + 1, 1);
        let seconds = days * 86_400 + sign * self.seconds;
        if self.negative && !self.fraction.is_empty() {
            return (seconds - 1, complement(&self.fraction));
        }
        (seconds, self.fraction.clone())
    }
}

/// One minus a fraction, by its digits (the last one is not zero).
fn complement(fraction: &str) -> String {
    let last = fraction.len() - 1;
    let nines = if fraction.len() > 1 { &fraction[..last] } else { "" };
    let mut out: String = nines.bytes().map(|d| char::from(b'9' - d + b'0')).collect();
    out.push(char::from(b'9' + 1 - fraction.as_bytes()[last] + b'0'));
    out
}
