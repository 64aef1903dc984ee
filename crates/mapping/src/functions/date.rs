//! Dates in the forms of agencies: `date_from` reads by a pattern into the forms of XML Schema, `date_to` writes them by a pattern.
//! Letters: yyyy, MM, dd, HH, mm, ss, and M, d without leading zero. Times are those of Viet Nam, UTC+7 all year.

use super::text_of;
use jaq_core::ValR;
use jaq_json::{Error, Val};

/// The zone of Asia/Ho_Chi_Minh since 1975; there is no summer time.
const ZONE: &str = "+07:00";
const ZONE_MINUTES: i64 = 7 * 60;
/// Characters of a value that an error shows.
const SHOWN: usize = 40;

/// Year, month, day, hour, minute, second, as far as a pattern or value states them.
type Parts = [Option<i64>; 6];
const YEAR: usize = 0;
const DAY: usize = 2;
const HOUR: usize = 3;

enum Piece {
    Field { index: usize, width: usize },
    Literal(char),
}

fn pieces(pattern: &str) -> Result<Vec<Piece>, Error> {
    let chars: Vec<char> = pattern.chars().collect();
    let mut pieces = Vec::new();
    let mut at = 0;
    while let Some(&c) = chars.get(at) {
        let width = chars.iter().skip(at).take_while(|x| **x == c).count();
        let index = match (c, width) {
            ('y', 4) => Some(0),
            ('M', 1 | 2) => Some(1),
            ('d', 1 | 2) => Some(2),
            ('H', 2) => Some(3),
            ('m', 2) => Some(4),
            ('s', 2) => Some(5),
            (c, _) if c.is_ascii_alphabetic() && c != 'T' => {
                return Err(Error::str(format!(
                    "\"{pattern}\" is no pattern of a date: use yyyy, MM, dd, HH, mm, ss, M, d"
                )));
            }
            _ => None,
        };
        match index {
            Some(index) => pieces.push(Piece::Field { index, width }),
            None => pieces.extend((0..width).map(|_| Piece::Literal(c))),
        }
        at += width;
    }
    Ok(pieces)
}

/// Reads a value by a pattern; none where it does not fit.
fn scan(value: &str, pieces: &[Piece]) -> Option<Parts> {
    let mut parts: Parts = [None; 6];
    let mut rest = value;
    for piece in pieces {
        match piece {
            Piece::Literal(c) => rest = rest.strip_prefix(*c)?,
            Piece::Field { index, width } => {
                let most = if *width == 1 { 2 } else { *width };
                let digits = rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
                if digits < *width {
                    return None;
                }
                let (number, after) = rest.split_at(digits);
                *parts.get_mut(*index)? = number.parse().ok();
                rest = after;
            }
        }
    }
    (rest.is_empty() && exists(&parts)).then_some(parts)
}

/// Whether the calendar has it.
fn exists(parts: &Parts) -> bool {
    let [year, month, day, hour, minute, second] = *parts;
    let within =
        |value: Option<i64>, range: std::ops::RangeInclusive<i64>| value.is_none_or(|v| range.contains(&v));
    let last = days_in(year.unwrap_or(2000), month.unwrap_or(1));
    within(year, 1..=9999)
        && within(month, 1..=12)
        && within(day, 1..=last)
        && within(hour, 0..=23)
        && within(minute, 0..=59)
        && within(second, 0..=59)
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

fn shown(value: &str) -> String {
    value.chars().take(SHOWN).collect()
}

/// `"31/12/1980" | date_from("dd/MM/yyyy")` is `"1980-12-31"`; with a time, xsd:dateTime with the zone; a year alone xsd:gYear.
pub fn from_pattern(value: Val, pattern: Val) -> ValR<Val> {
    let pattern = text_of(&pattern, "use as pattern of a date")?;
    let value = text_of(&value, "read as date")?;
    let wrong = || Error::str(format!("cannot read \"{}\" as {pattern}", shown(value)));
    let parts = scan(value, &pieces(pattern)?).ok_or_else(wrong)?;
    let [Some(year), month, day, hour, minute, second] = parts else { return Err(wrong()) };
    let text = match (month, day, hour) {
        (None, None, None) => format!("{year:04}"),
        (Some(month), None, None) => format!("{year:04}-{month:02}"),
        (Some(month), Some(day), None) => format!("{year:04}-{month:02}-{day:02}"),
        (Some(month), Some(day), Some(hour)) => format!(
            "{year:04}-{month:02}-{day:02}T{hour:02}:{:02}:{:02}{ZONE}",
            minute.unwrap_or(0),
            second.unwrap_or(0)
        ),
        _ => return Err(wrong()),
    };
    Ok(Val::utf8_str(text))
}

/// The other way: from xsd:date, xsd:dateTime (with a zone: as it is in Viet Nam then), xsd:gYearMonth or xsd:gYear.
pub fn to_pattern(value: Val, pattern: Val) -> ValR<Val> {
    let pattern = text_of(&pattern, "use as pattern of a date")?;
    let value = text_of(&value, "read as date")?;
    let wrong = |why: &str| Error::str(format!("cannot write \"{}\" as {pattern}: {why}", shown(value)));
    let parts = iso(value).ok_or_else(|| wrong("not a date as in XML Schema"))?;
    let mut out = String::new();
    for piece in pieces(pattern)? {
        match piece {
            Piece::Literal(c) => out.push(c),
            Piece::Field { index, width } => {
                let field = parts
                    .get(index)
                    .copied()
                    .flatten()
                    .ok_or_else(|| wrong("it does not state that much"))?;
                out.push_str(&format!("{field:0width$}"));
            }
        }
    }
    Ok(Val::utf8_str(out))
}

fn iso(value: &str) -> Option<Parts> {
    let (date, time) = value.split_once('T').map_or((value, None), |(d, t)| (d, Some(t)));
    let patterns: &[&str] = if time.is_some() { &["yyyy-MM-dd"] } else { &["yyyy-MM-dd", "yyyy-MM", "yyyy"] };
    let read = |text: &str, pattern: &str| scan(text, &pieces(pattern).ok()?);
    let mut parts = patterns.iter().find_map(|pattern| read(date, pattern))?;
    let Some(time) = time else { return Some(parts) };
    let (clock, zone) = split_zone(time)?;
    let clock = clock.split_once('.').map_or(clock, |(clock, _)| clock);
    let read = read(clock, "HH:mm:ss")?;
    for index in HOUR..=5 {
        *parts.get_mut(index)? = read.get(index).copied().flatten();
    }
    match zone {
        Some(minutes) => shift(&parts, ZONE_MINUTES - minutes),
        None => Some(parts),
    }
}

/// A time and its zone in minutes east; the zone may be missing.
fn split_zone(time: &str) -> Option<(&str, Option<i64>)> {
    if let Some(clock) = time.strip_suffix('Z') {
        return Some((clock, Some(0)));
    }
    let Some(at) = time.rfind(['+', '-']) else { return Some((time, None)) };
    let (clock, zone) = time.split_at(at);
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let (hours, minutes) = zone.get(1..)?.split_once(':')?;
    Some((clock, Some(sign * (hours.parse::<i64>().ok()? * 60 + minutes.parse::<i64>().ok()?))))
}

/// The same moment so many minutes further; at most a day, as zones are.
fn shift(parts: &Parts, minutes: i64) -> Option<Parts> {
    let [Some(mut year), Some(mut month), Some(mut day), Some(hour), Some(minute), second] = *parts else {
        return None;
    };
    if minutes.abs() > 24 * 60 {
        return None;
    }
    let total = hour * 60 + minute + minutes;
    day += total.div_euclid(24 * 60);
    let clock = total.rem_euclid(24 * 60);
    if day < 1 {
        month -= 1;
        if month < 1 {
            (year, month) = (year - 1, 12);
        }
        day += days_in(year, month);
    } else if day > days_in(year, month) {
        day -= days_in(year, month);
        month += 1;
        if month > 12 {
            (year, month) = (year + 1, 1);
        }
    }
    let mut shifted = [Some(year), Some(month), Some(day), Some(clock / 60), Some(clock % 60), second];
    if !exists(&shifted) {
        shifted = [None; 6];
    }
    shifted.get(YEAR)?.and(shifted.get(DAY).copied().flatten()).map(|_| shifted)
}

/// A moment as xsd:dateTime in the time of Viet Nam, with milliseconds. `ms` counts from 1970 UTC; out of range gives the bound.
pub fn moment(ms: impl TryInto<i64>) -> String {
    const LAST: i64 = 253_402_300_799_999 - ZONE_MINUTES * 60_000;
    let ms = ms.try_into().unwrap_or(LAST).clamp(0, LAST) + ZONE_MINUTES * 60_000;
    let (days, rest) = (ms / 86_400_000, ms % 86_400_000);
    // days to a civil date: H. Hinnant, "chrono-compatible low-level date algorithms"
    let z = days + 719_468;
    let era = z / 146_097;
    let of_era = z % 146_097;
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute) = (rest / 3_600_000, rest / 60_000 % 60);
    format!(
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{:02}.{:03}{ZONE}",
        rest / 1000 % 60,
        rest % 1000
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{Val, from_pattern, moment, to_pattern};

    fn text(s: &str) -> Val {
        Val::utf8_str(s.to_owned())
    }
    fn from(value: &str, pattern: &str) -> Result<String, String> {
        from_pattern(text(value), text(pattern))
            .map(|v| crate::json::excerpt(&v, 99))
            .map_err(|e| crate::json::excerpt(&e.into_val(), 200))
    }
    fn to(value: &str, pattern: &str) -> Result<String, String> {
        to_pattern(text(value), text(pattern))
            .map(|v| crate::json::excerpt(&v, 99))
            .map_err(|e| crate::json::excerpt(&e.into_val(), 200))
    }

    #[test]
    fn forms_of_agencies_become_those_of_xml_schema() {
        assert_eq!(from("19800229", "yyyyMMdd").unwrap(), "1980-02-29");
        assert_eq!(from("1/2/1980", "d/M/yyyy").unwrap(), "1980-02-01");
        assert_eq!(from("1980", "yyyy").unwrap(), "1980");
        assert_eq!(from("02/1980", "MM/yyyy").unwrap(), "1980-02");
        assert_eq!(from("20240501103000", "yyyyMMddHHmmss").unwrap(), "2024-05-01T10:30:00+07:00");
        assert!(from("1980", "yyyyMMdd").unwrap_err().contains("cannot read \"1980\" as yyyyMMdd"));
        assert!(from("19810229", "yyyyMMdd").is_err());
        assert!(from("1980", "YYYY").unwrap_err().contains("no pattern"));
    }

    #[test]
    fn forms_of_xml_schema_become_those_of_agencies() {
        assert_eq!(to("1980-12-31", "dd/MM/yyyy").unwrap(), "31/12/1980");
        assert_eq!(to("2023-12-31T18:30:00.5Z", "dd/MM/yyyy HH:mm").unwrap(), "01/01/2024 01:30");
        assert_eq!(to("2024-01-01T03:00:00+09:00", "yyyyMMddHHmmss").unwrap(), "20240101010000");
        assert!(to("1980", "dd/MM/yyyy").unwrap_err().contains("does not state that much"));
    }

    #[test]
    fn a_moment_is_written_in_the_time_of_viet_nam() {
        assert_eq!(moment(0_i64), "1970-01-01T07:00:00.000+07:00");
        assert_eq!(moment(1_709_226_000_123_i64), "2024-03-01T00:00:00.123+07:00");
    }
}
