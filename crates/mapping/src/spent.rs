//! How much processor time a process has had. It is what the time of a mapping is measured by, so that a busy machine refuses no good
//! message; what follows from it is in `pool`.

use std::time::Duration;

/// User and system time of all threads of a process since it began, in whole ticks (10 ms); proc(5), `/proc/PID/stat`. None: there is
/// no such process.
pub fn processor_time(pid: u32) -> Option<Duration> {
    of_stat(
        &std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?,
        rustix::param::clock_ticks_per_second(),
    )
}

fn of_stat(stat: &str, ticks_a_second: u64) -> Option<Duration> {
    // the second field is the program's name in brackets, with anything in it; utime and stime are the 14th and 15th
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields.split_whitespace().skip(11).map(str::parse::<u64>);
    let ticks = times.next()?.ok()?.checked_add(times.next()?.ok()?)?;
    ticks.checked_mul(1000)?.checked_div(ticks_a_second).map(Duration::from_millis)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{Duration, of_stat, processor_time};

    #[test]
    fn times_are_found_behind_any_name() {
        let stat = "7 (a) (b 1 2) S 1 7 7 0 -1 4194560 120 0 0 0 31 12 0 0 25 5 2 0 100 1 1 1";
        assert_eq!(of_stat(stat, 100), Some(Duration::from_millis(430)));
        assert_eq!(of_stat("7 (a) S 1", 100), None);
        assert_eq!(of_stat("", 0), None);
    }

    #[test]
    fn a_process_that_calculates_spends_and_one_that_is_gone_has_none() {
        let own = std::process::id();
        let before = processor_time(own).unwrap();
        let mut sum = 0_u64;
        while processor_time(own).unwrap() < before + Duration::from_millis(30) {
            sum = (0..100_000_u64).fold(sum, |a, b| std::hint::black_box(a ^ b));
        }
        assert_eq!(processor_time(u32::MAX), None);
    }
}
