//! One history: what its seed makes of calls, faults and their order, then a calm end in which everything must work again. One thread; the seed decides all. Not
//! here: what must hold (`check`).

use crate::cast::{self, A, B, B2, H, PLACES};
use crate::node::{Node, facing};
use crate::sim::{Call, Crash, Event, Packet, Plan, Planted, Sim, What};
use crate::{consumer, provider};
use bytes::Bytes;
use http::Method;
use lgsp_evidence::disk::simulated::Random;
use lgsp_evidence::tree::{consistency_proof, root_of};
use lgsp_evidence::{Checkpoint, Hash};
use lgsp_kernel::model::SignatureMode;
use lgsp_witness::{Owner, OwnerError, WitnessError};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::rc::Rc;

/// How often monitors ask, milliseconds: less often than in a node, so that histories are quick.
const ROUND: u64 = 120_000;
/// How long the calm lasts before all is asked for that must work: longer than clocks were off, messages are remembered and reports wait.
const CALM: u64 = 25 * 60_000;
/// By when two views that were seen are reported: five minutes, and the time in which the last calls are answered.
const REPORTED: u64 = 7 * 60_000;
/// How many events a history may have: one that has more does not come to rest.
const EVENTS_MAX: usize = 20_000;
/// How long a system waits before it tries again, milliseconds.
const GIVES_UP: u64 = 45_000;

/// A history that is over.
pub struct History {
    pub sim: Rc<Sim>,
    pub nodes: Vec<Node>,
    /// What the witness cosigned: origin, size, root.
    pub cosigned: Vec<Checkpoint>,
    /// Calls that were made after all faults had stopped.
    pub fresh: Vec<usize>,
}

impl History {
    /// Everything that happens under a seed.
    pub fn of(seed: u64, planted: Option<Planted>) -> Self {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9) ^ 0x5eed);
        let plan = plan(&mut random);
        let sim = Rc::new(Sim::new(seed, plan, random, planted));
        let nodes = (0..PLACES).map(|place| Node::new(&sim, place)).collect();
        let mut history = Self { sim, nodes, cosigned: Vec::new(), fresh: Vec::new() };
        history.places().for_each(|place| history.sim.after(0, Event::Boot(place)));
        let length = history.schedule();
        history.run_until(length as i64);
        history.calm();
        history
    }

    /// The places that there are in this history.
    pub fn places(&self) -> std::ops::Range<usize> {
        0..if self.sim.state().plan.liar { PLACES } else { B2 }
    }

    /// Puts calls and faults on the calendar; says how long it is.
    fn schedule(&self) -> u64 {
        let sim = &self.sim;
        let length = 60_000 + sim.below(20 * 60_000);
        for place in [A, B, H] {
            let most = if sim.chance(8) { 600 } else { 100 };
            let off = sim.below(2 * most + 1) as i64 - most as i64;
            sim.after(0, Event::ClockSet(place, off * 1000));
            if sim.chance(15) {
                let off = sim.below(1201) as i64 - 600;
                sim.after(sim.below(length), Event::ClockSet(place, off * 1000));
            }
        }
        for number in 0..3 + sim.below(6) {
            let call = call(sim, &format!("{number}"));
            sim.state().out.calls.push(call);
            sim.after(sim.below(length), Event::Try(number as usize, 0));
        }
        for _ in 0..sim.below(6) {
            let place = sim.below(self.places().len() as u64) as usize;
            let how = match sim.below(8) {
                0 | 1 => Crash::Power,
                2..=4 => Crash::PowerIn(1 + sim.below(40)),
                5 => Crash::Process,
                6 => Crash::Sync(1 + sim.below(12)),
                _ => Crash::Write(1 + sim.below(12)),
            };
            sim.after(sim.below(length), Event::Crash(place, how));
        }
        for _ in 0..sim.below(4) {
            let (one, other) = [(A, B), (A, H), (B, H)][sim.below(3) as usize];
            let from = sim.below(length);
            sim.after(from, Event::Partition(one, other));
            sim.after(from + 1_000 + sim.below(90_000), Event::Healed(one, other));
        }
        for _ in 0..sim.below(12) {
            sim.after(sim.below(length), Event::Attack);
        }
        (1..=length / ROUND).for_each(|n| sim.after(n * ROUND, Event::Round));
        length
    }

    fn run_until(&mut self, end: i64) {
        for _ in 0..EVENTS_MAX {
            let next = self.sim.state().queue.first_key_value().map(|((at, _), _)| *at);
            if next.is_none_or(|at| at > end) || !self.sim.state().out.wrong.is_empty() {
                return;
            }
            if let Some(event) = self.sim.next() {
                self.happens(event);
            }
        }
        self.sim.wrong("the history does not come to rest".into());
    }

    /// No more faults: what was broken is mended, time goes by, and then a fresh call of each kind must be answered.
    fn calm(&mut self) {
        let places = self.places();
        {
            let mut state = self.sim.state();
            state.calm = true;
            state.cut.clear();
            state.queue.retain(|_, e| !matches!(e, Event::Crash(..) | Event::Attack | Event::ClockSet(..)));
        }
        self.sim.tell(|| "calm".into());
        for place in places {
            self.nodes[place].heal();
            self.nodes[place].crash(Crash::Process);
            self.sim.after(30_000, Event::Boot(place));
        }
        for clock in 0..=H {
            self.set_clock(clock, 0);
        }
        for n in 1..=CALM / ROUND / 3 {
            self.sim.after(n * ROUND * 3, Event::Round);
        }
        let until = self.sim.state().now + CALM as i64;
        self.run_until(until);
        for relayed in [false, true] {
            let number = self.sim.state().out.calls.len();
            let text = format!("fresh-{number}");
            let call =
                Call { relayed, key: Some(text.clone()), method: Method::POST, ..call(&self.sim, &text) };
            self.sim.state().out.calls.push(call);
            self.fresh.push(number);
            self.sim.after(1, Event::Try(number, 0));
        }
        (1..=REPORTED / 60_000).for_each(|n| self.sim.after(n * 60_000, Event::Round));
        let until = self.sim.state().now + REPORTED as i64;
        self.run_until(until);
        self.places().for_each(|place| self.nodes[place].saved());
    }

    fn set_clock(&self, place: usize, off: i64) {
        let clock = &self.sim.clocks[place];
        let right = cast::BEGIN.0 + self.sim.state().now;
        clock.advance(right + off - clock.now().0);
        self.sim.tell(|| format!("the clock of {place} is off by {} s", off / 1000));
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::Try(call, nth) => self.attempt(call, nth),
            Event::GaveUp(call, nth) => {
                let last = self.sim.state().out.calls[call].clone();
                if last.key.is_some() || last.safe() {
                    self.attempt(call, nth + 1);
                }
            }
            Event::Arrives(packet) => self.arrives(*packet),
            Event::Timeout(stream) => {
                let waits = self.sim.state().streams.remove(&stream);
                if let Some(waits) = waits {
                    let _ = waits.send(None);
                    self.run_all();
                }
            }
            Event::Provided(id) => {
                let waits = self.sim.state().provided.remove(&id);
                if let Some(waits) = waits {
                    let _ = waits.send(());
                    self.run_all();
                }
            }
            Event::Write(place, life) => self.nodes[place].write(life),
            Event::Crash(place, how) => {
                self.sim.tell(|| format!("crash of {place}: {how:?}"));
                self.nodes[place].crash(how);
            }
            Event::Boot(place) => {
                self.nodes[place].boot();
                if self.nodes[place].up.is_some() && !self.sim.state().calm {
                    // What was sent before the crash comes again.
                    for _ in 0..self.sim.below(5) {
                        self.sim.attack();
                    }
                }
            }
            Event::Round => self.round(),
            Event::Attack => self.sim.attack(),
            Event::ClockSet(place, off) => self.set_clock(place, off),
            Event::Partition(one, other) => drop(self.sim.state().cut.insert((one, other))),
            Event::Healed(one, other) => drop(self.sim.state().cut.remove(&(one, other))),
        }
    }

    fn run_all(&mut self) {
        self.places().for_each(|place| self.nodes[place].run());
    }

    fn attempt(&mut self, call: usize, nth: u32) {
        let known = {
            let state = self.sim.state();
            state.out.answered.contains(&call) || state.out.tried.get(&call).is_some_and(|n| *n >= nth)
        };
        let tries = self.sim.state().out.calls[call].tries;
        if known || nth >= tries {
            return;
        }
        if self.nodes[A].up.is_none() {
            return self.sim.after(5_000, Event::Try(call, nth));
        }
        self.sim.state().out.tried.insert(call, nth);
        self.sim.after(GIVES_UP, Event::GaveUp(call, nth));
        self.nodes[A].spawn(consumer::attempt(call, nth));
    }

    fn arrives(&mut self, packet: Packet) {
        match packet.what {
            What::Request(..) => {
                let to = facing(&self.sim, packet.to, packet.from);
                self.nodes[to].spawn(provider::serve(packet));
            }
            What::Answer(head, body) => {
                let waits = self.sim.state().streams.remove(&packet.stream);
                if let Some(waits) = waits {
                    let _ = waits.send(Some((head, body)));
                    self.nodes[packet.to].run();
                }
            }
        }
    }
}

/// Comparing checkpoints: as the nodes do it, but for the way that they reach each other.
impl History {
    /// Monitors ask for proofs, the hub is told, and the witness is asked.
    fn round(&mut self) {
        let watching: Vec<usize> =
            self.places().filter(|p| *p != B2 && self.nodes[*p].up.is_some()).collect();
        let monitor =
            |history: &Self, place: usize| history.nodes[place].up.as_ref().map(|up| up.monitor.clone());
        for place in &watching {
            if *place != H
                && let (Some(from), Some(hub)) = (monitor(self, *place), monitor(self, H))
            {
                for note in from.handover() {
                    let _ = hub.see(&note, cast::role(*place).name.as_str());
                }
            }
        }
        let pending = watching
            .iter()
            .any(|place| monitor(self, *place).is_some_and(|m| m.logs().iter().any(|log| log.pending > 0)));
        let owner = if pending { self.owner() } else { Shown(BTreeMap::new()) };
        for place in watching {
            if let Some(monitor) = monitor(self, place) {
                RUNTIME.with(|runtime| runtime.block_on(monitor.round(&owner)));
                if !self.nodes[place].is_off() {
                    self.nodes[place].saved();
                }
            }
            self.nodes[place].run();
        }
        if self.sim.chance(50) {
            self.cosign();
        }
    }

    /// What owners show of their logs; a liar shows now one, now the other.
    fn owner(&self) -> Shown {
        let mut shown = BTreeMap::new();
        for place in [A, B, H] {
            let shows =
                if place == B && self.sim.state().plan.liar && self.sim.chance(50) { B2 } else { place };
            if self.nodes[shows].up.is_some() {
                shown.insert(format!("{}/1", cast::role(shows).log_key.name()), self.nodes[shows].leaves());
            }
        }
        Shown(shown)
    }

    /// Owners bring their checkpoints to the witness.
    fn cosign(&mut self) {
        let of = self.sim.below(self.places().len() as u64) as usize;
        if self.nodes[of].up.is_none() || self.nodes[H].up.is_none() {
            return;
        }
        let leaves = self.nodes[of].leaves();
        let (Some(owner), Some(hub)) = (&self.nodes[of].up, &self.nodes[H].up) else { return };
        let Some(witness) = &hub.witness else { return };
        let checkpoint = owner.ctx.log.checkpoint();
        let old = witness.logs().iter().find(|l| l.origin == checkpoint.origin).map_or(0, |l| l.size);
        if old > checkpoint.size || leaves.len() < checkpoint.size as usize {
            return;
        }
        let result = witness.add_checkpoint(old, &proof(&leaves, old, checkpoint.size), &checkpoint.note);
        let honest = !(self.sim.state().plan.liar && matches!(of, B | B2));
        match result {
            Ok(_) => self.cosigned.push((*checkpoint).clone()),
            Err(WitnessError::Disk(_)) => {}
            Err(e) if honest => {
                self.sim.wrong(format!("the witness refuses an honest log's checkpoint: {e}"))
            }
            Err(_) => {}
        }
        self.nodes[H].run();
    }
}

thread_local! {
    /// A monitor bounds its questions in time; all are answered at once here.
    static RUNTIME: tokio::runtime::Runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
}

/// Leaves by origin.
struct Shown(BTreeMap<String, Vec<Hash>>);

impl Owner for Shown {
    async fn consistency(&self, origin: &str, old: u64, new: u64) -> Result<Vec<Hash>, OwnerError> {
        let leaves = self.0.get(origin).ok_or_else(|| OwnerError::Away("not there".into()))?;
        if new > leaves.len() as u64 {
            return Err(OwnerError::Refused("there are not as many entries".into()));
        }
        Ok(proof(leaves, old, new))
    }
}

fn proof(leaves: &[Hash], old: u64, new: u64) -> Vec<Hash> {
    let mut full = |level: u32, n: u64| -> Result<Hash, Infallible> {
        Ok(root_of(&leaves[(n << level) as usize..((n + 1) << level) as usize]))
    };
    if old == 0 || old == new {
        return Vec::new();
    }
    let Ok(proof) = consistency_proof(old, new, &mut full);
    proof
}

fn plan(random: &mut Random) -> Plan {
    let quiet = random.below(3) == 0;
    let mut percent = |most: u64| if quiet { random.below(2) } else { random.below(most) };
    Plan {
        lost: percent(25),
        repeated: percent(30),
        held: percent(15),
        altered: percent(12),
        broken: percent(15),
        liar: percent(5) == 1,
    }
}

fn call(sim: &Sim, name: &str) -> Call {
    let method = match sim.below(8) {
        0 => Method::GET,
        1 | 2 => Method::PUT,
        _ => Method::POST,
    };
    let keyed = method != Method::GET && sim.chance(75);
    Call {
        rest: format!("/citizens/{name}?q={name}"),
        body: if method == Method::GET { Bytes::new() } else { Bytes::from(format!("the body of {name}")) },
        key: keyed.then(|| format!("key-{name}")),
        relayed: sim.chance(40),
        mode: if sim.chance(60) { SignatureMode::Group } else { SignatureMode::Message },
        tries: 2 + sim.below(5) as u32,
        method,
    }
}
