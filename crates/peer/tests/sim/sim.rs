//! What a history consists of: one seed's numbers, the events to come, what the world outside knows, and the network between the nodes with the attacker in
//! it. Not here: what nodes do with messages (`consumer`, `provider`), when a history is right (`check`).

use crate::cast::{B, B2, BEGIN, H, PLACES};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Uri, request, response};
use lgsp_evidence::disk::simulated::Random;
use lgsp_kernel::{Clock, ExchangeId, Millis};
use lgsp_peer::Awaited;
use std::cell::{Cell, RefCell, RefMut};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use tokio::sync::oneshot;

/// Mistakes that are made on purpose: the simulation must find each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Planted {
    /// The provider sees a request whose record is not durable.
    ForwardBeforeRecord,
    /// The memory against repetition begins empty.
    ReplayNotReadBack,
    /// A key's first use is not durable when the request is forwarded.
    KeyNotFlushed,
    /// An answer is taken for whatever request it names.
    AnswerNotBound,
    /// The logs do not sync.
    NoSync,
    /// Nobody compares checkpoints.
    NoComparison,
}

/// A message on its way.
#[derive(Debug, Clone)]
pub struct Packet {
    /// Who is at the sending end of the connection.
    pub from: usize,
    pub to: usize,
    /// The stream that it belongs to.
    pub stream: u64,
    pub what: What,
}

#[derive(Debug, Clone)]
pub enum What {
    Request(request::Parts, Bytes),
    Answer(response::Parts, Bytes),
}

/// What comes next.
#[derive(Debug)]
pub enum Event {
    /// A system sends its request, for the nth time.
    Try(usize, u32),
    /// It has waited for the nth long enough.
    GaveUp(usize, u32),
    Arrives(Box<Packet>),
    Timeout(u64),
    /// The provider's system is done with an effect.
    Provided(u64),
    /// A log's writer gets to run, in this life of the node.
    Write(usize, u64),
    Crash(usize, Crash),
    Boot(usize),
    /// Monitors ask, checkpoints are handed on.
    Round,
    Attack,
    /// A clock is set.
    ClockSet(usize, i64),
    Partition(usize, usize),
    Healed(usize, usize),
}

/// How a node ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crash {
    /// The power goes now.
    Power,
    /// The power goes at a later operation of the disk.
    PowerIn(u64),
    /// The process ends; the disk keeps its power.
    Process,
    /// A later sync fails.
    Sync(u64),
    /// A later write fails.
    Write(u64),
}

/// What one history does, chosen by its seed.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Of a hundred messages: lost, repeated, held back, altered.
    pub lost: u64,
    pub repeated: u64,
    pub held: u64,
    pub altered: u64,
    pub liar: bool,
    /// Of a hundred requests that the provider gets, those that it breaks off.
    pub broken: u64,
}

/// A request as a consumer's system sends it.
#[derive(Debug, Clone)]
pub struct Call {
    pub method: http::Method,
    pub rest: String,
    pub body: Bytes,
    pub key: Option<String>,
    pub relayed: bool,
    pub mode: lgsp_kernel::model::SignatureMode,
    /// How often the system tries.
    pub tries: u32,
}

impl Call {
    pub fn safe(&self) -> bool {
        self.method == http::Method::GET
    }
    /// Declared to be repeatable without harm.
    pub fn idempotent(method: &http::Method) -> bool {
        *method == http::Method::PUT
    }
    /// What the provider makes of it, but for the number of the effect.
    pub fn text(method: &http::Method, rest: &str, body: &[u8]) -> String {
        format!("{method} {rest} {}", String::from_utf8_lossy(body))
    }
}

/// Something that the provider's system did.
#[derive(Debug, Clone)]
pub struct Effect {
    pub place: usize,
    pub exchange: ExchangeId,
    pub key: Option<String>,
    pub method: http::Method,
    pub text: String,
}

/// An answer in a consumer's hands.
#[derive(Debug, Clone)]
pub struct Given {
    pub call: usize,
    pub exchange: ExchangeId,
    pub original: Option<ExchangeId>,
    pub relayed: bool,
    pub body: Bytes,
}

/// The world outside of the nodes.
#[derive(Default)]
pub struct Outside {
    pub calls: Vec<Call>,
    /// By call: whether it has its answer.
    pub answered: BTreeSet<usize>,
    /// By call: its newest try.
    pub tried: BTreeMap<usize, u32>,
    pub effects: Vec<Effect>,
    pub given: Vec<Given>,
    /// What was stated under an exchange.
    pub stated: BTreeMap<ExchangeId, usize>,
    /// What the provider's node sealed as the provider's answer, and at which place: once, unless it lies.
    pub sealed: BTreeMap<ExchangeId, Vec<(usize, Bytes)>>,
    /// What must be, and is not.
    pub wrong: Vec<String>,
}

pub type Carried = Option<(response::Parts, Bytes)>;

pub struct State {
    pub now: i64,
    number: u64,
    pub queue: BTreeMap<(i64, u64), Event>,
    pub random: Random,
    pub plan: Plan,
    pub planted: Option<Planted>,
    /// No more faults.
    pub calm: bool,
    pub cut: BTreeSet<(usize, usize)>,
    pub streams: BTreeMap<u64, oneshot::Sender<Carried>>,
    pub provided: BTreeMap<u64, oneshot::Sender<()>>,
    /// What the attacker has read.
    pub read: Vec<Packet>,
    /// Used by one of the planted mistakes.
    pub awaited: HashMap<String, Awaited>,
    pub out: Outside,
    pub told: Vec<String>,
}

/// One history.
pub struct Sim {
    pub clocks: Vec<Clock>,
    pub off: [Cell<bool>; PLACES],
    state: RefCell<State>,
}

impl Sim {
    pub fn new(seed: u64, plan: Plan, random: Random, planted: Option<Planted>) -> Self {
        let clocks: Vec<_> = (0..H + 1).map(|_| Clock::manual(BEGIN)).collect();
        let told = vec![format!("seed {seed}: {plan:?}")];
        let state = State {
            now: 0,
            number: 0,
            queue: BTreeMap::new(),
            random,
            plan,
            planted,
            calm: false,
            cut: BTreeSet::new(),
            streams: BTreeMap::new(),
            provided: BTreeMap::new(),
            read: Vec::new(),
            awaited: HashMap::new(),
            out: Outside::default(),
            told,
        };
        Self { clocks, off: std::array::from_fn(|_| Cell::new(false)), state: RefCell::new(state) }
    }

    pub fn state(&self) -> RefMut<'_, State> {
        self.state.borrow_mut()
    }
    pub fn below(&self, n: u64) -> u64 {
        self.state().random.below(n)
    }
    /// Once in a hundred times `percent`.
    pub fn chance(&self, percent: u64) -> bool {
        self.below(100) < percent
    }
    pub fn has(&self, planted: Planted) -> bool {
        self.state().planted == Some(planted)
    }
    pub fn tell(&self, what: impl FnOnce() -> String) {
        let mut state = self.state();
        let line = format!("{:>9} {}", state.now, what());
        state.told.push(line);
    }
    pub fn wrong(&self, what: String) {
        self.tell(|| format!("WRONG: {what}"));
        self.state().out.wrong.push(what);
    }
    pub fn after(&self, millis: u64, event: Event) {
        let mut state = self.state();
        state.number += 1;
        let at = (state.now + millis as i64, state.number);
        state.queue.insert(at, event);
    }
    pub fn number(&self) -> u64 {
        let mut state = self.state();
        state.number += 1;
        state.number
    }
    /// The clock of a place; a liar's two logs go by the same.
    pub fn clock(&self, place: usize) -> &Clock {
        &self.clocks[if place == B2 { B } else { place }]
    }
    pub fn exchange(&self, now: Millis) -> ExchangeId {
        let mut random = [0; 10];
        let mut state = self.state();
        random[..8].copy_from_slice(&state.random.number().to_be_bytes());
        ExchangeId::at(now, random)
    }
    /// The next event; the clocks go on to its time.
    pub fn next(&self) -> Option<Event> {
        let mut state = self.state();
        let ((at, _), event) = state.queue.pop_first()?;
        self.clocks.iter().for_each(|c| c.advance(at - state.now));
        state.now = at;
        Some(event)
    }
}

/// The network.
impl Sim {
    /// Sends a request; its answer comes at the other end, or none within the patience.
    pub fn ask(
        &self,
        from: usize,
        to: usize,
        head: request::Parts,
        body: Bytes,
        patience: u64,
    ) -> oneshot::Receiver<Carried> {
        let (stream, (sender, receiver)) = (self.number(), oneshot::channel());
        self.state().streams.insert(stream, sender);
        self.after(patience, Event::Timeout(stream));
        self.post(Packet { from, to, stream, what: What::Request(head, body) });
        receiver
    }

    /// Sends a message, to whatever becomes of it.
    pub fn post(&self, packet: Packet) {
        if self.off[packet.from].get() {
            return;
        }
        let (calm, plan) = {
            let mut state = self.state();
            if state.read.len() < 400 {
                state.read.push(packet.clone());
            }
            (state.calm, state.plan.clone())
        };
        if calm {
            return self.carry(packet, 1);
        }
        let pair = (packet.from.min(packet.to), packet.from.max(packet.to));
        if self.state().cut.contains(&pair) || self.chance(plan.lost) {
            return self.tell(|| format!("lost {}", shown(&packet)));
        }
        let copies = 1 + u64::from(self.chance(plan.repeated));
        for _ in 0..copies {
            let mut packet = packet.clone();
            if self.chance(plan.altered) {
                self.alter(&mut packet);
            }
            let most = if self.chance(plan.held) { 400_000 } else { 300 };
            let delay = 1 + self.below(most);
            self.carry(packet, delay);
        }
    }

    pub fn carry(&self, packet: Packet, delay: u64) {
        self.tell(|| format!("sent {}, for {delay} ms", shown(&packet)));
        self.after(delay, Event::Arrives(Box::new(packet)));
    }

    /// Changes one byte.
    pub fn alter(&self, packet: &mut Packet) {
        let which = self.below(4);
        self.tell(|| format!("altered {}", shown(packet)));
        let (headers, body) = match &mut packet.what {
            What::Request(head, body) => {
                if which == 0 {
                    let path = other(head.uri.path().as_bytes(), self.below(1 << 20));
                    let text = String::from_utf8(path).unwrap_or_default();
                    if let Ok(uri) = Uri::try_from(text) {
                        head.uri = uri;
                    }
                    return;
                }
                (&mut head.headers, body)
            }
            What::Answer(head, body) => (&mut head.headers, body),
        };
        if which == 1 && !body.is_empty() {
            *body = other(body, self.below(1 << 20)).into();
            return;
        }
        let mut names: Vec<HeaderName> = headers.keys().cloned().collect();
        if names.is_empty() {
            return;
        }
        names.sort_by(|a, b| a.as_str().cmp(b.as_str()));
        let name = names[self.below(names.len() as u64) as usize].clone();
        let value = other(headers[&name].as_bytes(), self.below(1 << 20));
        if let Ok(value) = HeaderValue::from_bytes(&value) {
            headers.insert(name, value);
        }
    }

    /// The attacker sends what it has read: as it was, altered, from another, or to another stream.
    pub fn attack(&self) {
        let (count, streams) = {
            let state = self.state();
            (state.read.len() as u64, state.streams.keys().copied().collect::<Vec<_>>())
        };
        if count == 0 {
            return;
        }
        let at = self.below(count) as usize;
        let mut packet = self.state().read[at].clone();
        if let What::Answer(..) = packet.what {
            if streams.is_empty() {
                return;
            }
            // Any stream that waits, whatever was asked there.
            packet.stream = streams[self.below(streams.len() as u64) as usize];
        } else {
            packet.stream = self.number();
            if self.chance(30) {
                packet.from = self.below(H as u64 + 1) as usize;
            }
        }
        if self.chance(30) {
            self.alter(&mut packet);
        }
        self.tell(|| format!("attack: {}", shown(&packet)));
        let delay = 1 + self.below(50);
        self.carry(packet, delay);
    }
}

/// The same bytes but for one.
fn other(bytes: &[u8], at: u64) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    if !bytes.is_empty() {
        let at = at as usize % bytes.len();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
    }
    bytes
}

fn shown(packet: &Packet) -> String {
    let Packet { from, to, stream, what } = packet;
    let headers = match what {
        What::Request(head, _) => &head.headers,
        What::Answer(head, _) => &head.headers,
    };
    let id = headers.get("lgsp-exchange").and_then(|v| v.to_str().ok()).unwrap_or("no exchange");
    match what {
        What::Request(head, _) => format!("{} {id} {from}>{to} #{stream}", head.method),
        What::Answer(head, _) => format!("{} {id} {from}>{to} #{stream}", head.status.as_u16()),
    }
}
