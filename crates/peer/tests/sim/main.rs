//! The protocol, the message log and the ledger of idempotency keys under a seeded simulation: one thread, no sockets, clocks and disks in hand. A consumer's node, a
//! provider's node and a relay exchange messages over a network with an attacker in it, and crash; after every history it is checked what must hold. A seed that
//! fails is printed with the command that plays it again. `LGSP_SIM_SEEDS` asks for more histories, `LGSP_SIM_SEED` for a single one with all that happens.
#![allow(clippy::unwrap_used)]

mod cast;
mod check;
mod consumer;
mod history;
mod node;
mod provider;
mod sim;

use history::History;
use sim::Planted;

/// Histories that each run of the tests goes through.
const SEEDS: u64 = 3_000;
/// Within so many histories a planted mistake must be found.
const FOUND_WITHIN: u64 = 600;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// What is wrong with the history of a seed.
fn wrong(seed: u64, planted: Option<Planted>) -> Vec<String> {
    let played = std::panic::catch_unwind(|| check::check(&History::of(seed, planted)));
    played.unwrap_or_else(|_| vec!["it panics".into()])
}

fn report(seed: u64, wrong: &[String]) -> String {
    let told = std::panic::catch_unwind(|| History::of(seed, None).sim.state().told.join("\n"));
    let told = told.unwrap_or_default();
    let command = format!("LGSP_SIM_SEED={seed} cargo test -p lgsp-peer --test sim every_history");
    format!("{told}\n\nseed {seed}: {}\nto play it again: {command}", wrong.join("\n"))
}

#[test]
fn every_history_ends_well() {
    if let Some(seed) = number("LGSP_SIM_SEED") {
        let wrong = wrong(seed, None);
        println!("{}", report(seed, &wrong));
        assert!(wrong.is_empty());
        return;
    }
    let seeds = number("LGSP_SIM_SEEDS").unwrap_or(SEEDS);
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get() as u64);
    let failed = parking_lot::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let failed = &failed;
            scope.spawn(move || {
                for seed in (thread..seeds).step_by(threads as usize) {
                    let wrong = wrong(seed, None);
                    if !wrong.is_empty() {
                        failed.lock().push((seed, wrong));
                    }
                    if failed.lock().len() > 3 {
                        return;
                    }
                }
            });
        }
    });
    let failed = failed.into_inner();
    if let Some((seed, wrong)) = failed.iter().min() {
        let seeds: Vec<u64> = failed.iter().map(|(seed, _)| *seed).collect();
        panic!("{}\nfailed: {seeds:?}", report(*seed, wrong));
    }
}

#[test]
fn a_seed_always_plays_the_same_history() {
    for seed in [1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233] {
        let told = || History::of(seed, None).sim.state().told.clone();
        assert_eq!(told(), told(), "seed {seed}");
    }
}

/// The first seed under which a planted mistake is noticed, as what it is.
fn found(planted: Planted, as_what: &str) -> u64 {
    let is_it = |seed: &u64| wrong(*seed, Some(planted)).iter().any(|w| w.contains(as_what));
    let found = (0..FOUND_WITHIN).find(is_it);
    found.unwrap_or_else(|| panic!("{planted:?} is not noticed within {FOUND_WITHIN} histories"))
}

macro_rules! planted {
    ($($name:ident $planted:ident $as:literal;)*) => {$(
        #[test]
        fn $name() {
            println!("noticed under seed {}", found(Planted::$planted, $as));
        }
    )*};
}

planted! {
    forwarding_before_the_record_is_durable_is_noticed ForwardBeforeRecord "had an effect; on record is";
    a_memory_against_repetition_that_is_not_read_back_is_noticed ReplayNotReadBack "forwarded";
    a_key_that_is_not_durable_before_forwarding_is_noticed KeyNotFlushed "forwarded under";
    an_answer_that_is_not_bound_to_its_request_is_noticed AnswerNotBound "was given";
    a_log_that_does_not_sync_is_noticed NoSync "is on record";
    a_fork_that_nobody_compares_is_noticed NoComparison "nobody says so";
}
