//! The JSON text of an exchange record, written from borrowed parts: the same fields as `kernel::record::ExchangeRecord` (a test
//! reads every form back), without making its thirty strings for each call.

use crate::exchange::Decision;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lgsp_kernel::Millis;
use lgsp_kernel::record::{LegRecord, MaskedRecord, Outcome, Part, RefusalRecord, Stated};
use lgsp_kernel::snapshot::Digest;
use serde::Serialize;
use std::fmt::Write as _;

/// Digests of one message at one moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Message {
    /// Of the head.
    pub head: Digest,
    /// Of the body.
    pub body: Option<Digest>,
    /// Length of the body.
    pub bytes: Option<u64>,
}

/// One leg.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Leg {
    pub received: Option<Message>,
    pub sent: Option<Message>,
}

impl Leg {
    pub fn is_empty(&self) -> bool {
        self.received.is_none() && self.sent.is_none()
    }
    /// Sets the body of both moments: nothing on the way changes bodies.
    pub fn body(&mut self, digest: Option<Digest>, bytes: u64) {
        for message in [&mut self.received, &mut self.sent].into_iter().flatten() {
            message.body = digest;
            message.bytes = Some(bytes);
        }
    }
}

/// Who called.
#[derive(Debug)]
pub(crate) struct CallerView<'a> {
    pub system: &'a str,
    pub agency: &'a str,
    pub credential: &'a str,
    pub how: &'a str,
    pub source: &'a str,
}

/// A record.
#[derive(Debug)]
pub(crate) struct View<'a> {
    pub kind: &'static str,
    pub id: &'a str,
    pub part: Part,
    pub at: Millis,
    pub edge: &'static str,
    pub caller: Option<CallerView<'a>>,
    pub service: Option<&'a str>,
    pub version: Option<&'a str>,
    pub operation: Option<&'a str>,
    pub grant: Option<&'a str>,
    pub method: Option<&'a str>,
    pub target: Option<&'a str>,
    pub stated: Option<&'a Stated>,
    pub idempotency_key: Option<&'a str>,
    pub request: Option<Leg>,
    pub answer: Option<Leg>,
    pub status: Option<u16>,
    pub provider: Option<&'a str>,
    pub leg: Option<&'a LegRecord>,
    pub masked: Option<&'a MaskedRecord>,
    pub outcome: Outcome,
    pub refusal: Option<RefusalRecord>,
    pub steps: &'a [Decision],
    pub took_ms: Option<u64>,
    pub trace: Option<&'a str>,
}

impl View<'_> {
    /// The JSON text. Written by hand: it is made for every call, and nearly all of it is known to need no escapes.
    pub fn json(&self) -> Vec<u8> {
        let mut out = Text(Vec::with_capacity(2048));
        out.raw(b"{\"type\":\"").raw(self.kind.as_bytes()).raw(b"\"");
        out.text(b",\"id\":", Some(self.id)).value(b",\"part\":", &self.part).value(b",\"at\":", &self.at);
        out.text(b",\"edge\":", Some(self.edge));
        if let Some(caller) = &self.caller {
            out.text(b",\"caller\":{\"system\":", Some(caller.system))
                .text(b",\"agency\":", Some(caller.agency));
            out.text(b",\"credential\":", Some(caller.credential)).text(b",\"how\":", Some(caller.how));
            out.text(b",\"source\":", Some(caller.source)).raw(b"}");
        }
        out.text(b",\"service\":", self.service).text(b",\"version\":", self.version);
        out.text(b",\"operation\":", self.operation).text(b",\"grant\":", self.grant);
        out.text(b",\"method\":", self.method).text(b",\"target\":", self.target);
        if let Some(stated) = self.stated {
            out.value(b",\"stated\":", stated);
        }
        out.text(b",\"idempotency_key\":", self.idempotency_key);
        out.leg(b",\"request\":{", self.request.as_ref()).leg(b",\"answer\":{", self.answer.as_ref());
        out.number(b",\"status\":", self.status.map(u64::from)).text(b",\"provider\":", self.provider);
        if let Some(leg) = self.leg {
            out.value(b",\"leg\":", leg);
        }
        if let Some(masked) = self.masked {
            out.value(b",\"masked\":", masked);
        }
        out.value(b",\"outcome\":", &self.outcome);
        if let Some(refusal) = &self.refusal {
            out.value(b",\"refusal\":", refusal);
        }
        out.steps(self.steps);
        out.number(b",\"took_ms\":", self.took_ms).text(b",\"trace\":", self.trace).raw(b"}");
        out.0
    }
}

/// JSON as it grows. Names come with the punctuation around them.
struct Text(Vec<u8>);

impl Text {
    fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }
    fn value(&mut self, name: &[u8], value: &impl Serialize) -> &mut Self {
        self.raw(name);
        serde_json::to_writer(&mut self.0, value).expect("texts and numbers always serialize");
        self
    }
    fn number(&mut self, name: &[u8], value: Option<u64>) -> &mut Self {
        if let Some(value) = value {
            self.value(name, &value);
        }
        self
    }
    fn text(&mut self, name: &[u8], value: Option<&str>) -> &mut Self {
        let Some(value) = value else { return self };
        let special = |b: u8| b < 0x20 || b == b'"' || b == b'\\';
        // All bytes are looked at, without a way out: that becomes a few vector instructions.
        if value.bytes().fold(false, |found, b| found | special(b)) {
            return self.value(name, &value);
        }
        self.raw(name).raw(b"\"").raw(value.as_bytes()).raw(b"\"")
    }
    fn leg(&mut self, name: &[u8], leg: Option<&Leg>) -> &mut Self {
        let Some(leg) = leg else { return self };
        self.raw(name);
        if let Some(received) = &leg.received {
            self.message(b"\"received\":{\"head\":", received);
        }
        if let Some(sent) = &leg.sent {
            let comma = if leg.received.is_some() { &b","[..] } else { b"" };
            self.raw(comma).message(b"\"sent\":{\"head\":", sent);
        }
        self.raw(b"}")
    }
    fn message(&mut self, name: &[u8], message: &Message) -> &mut Self {
        self.digest(name, &message.head);
        if let Some(body) = &message.body {
            self.digest(b",\"body\":", body);
        }
        self.number(b",\"bytes\":", message.bytes).raw(b"}")
    }
    fn digest(&mut self, name: &[u8], digest: &Digest) -> &mut Self {
        let mut text = [0; 44];
        let length = STANDARD.encode_slice(digest, &mut text);
        debug_assert_eq!(length, Ok(44));
        self.raw(name).raw(b"\"").raw(&text).raw(b"\"")
    }
    fn steps(&mut self, steps: &[Decision]) -> &mut Self {
        let mut why = String::with_capacity(96);
        for (i, decision) in steps.iter().enumerate() {
            let before: &[u8] = if i == 0 { b",\"steps\":[" } else { b"," };
            self.raw(before);
            self.value(b"{\"step\":", &decision.step);
            let ok: &[u8] = if decision.ok { b",\"ok\":true" } else { b",\"ok\":false" };
            self.raw(ok);
            why.clear();
            write!(why, "{}", decision.why).expect("a String takes everything");
            self.text(b",\"why\":", Some(&why)).raw(b"}");
        }
        if steps.is_empty() { self } else { self.raw(b"]") }
    }
}

/// A digest as records write it.
pub(crate) fn base64_string(digest: Digest) -> String {
    STANDARD.encode(digest)
}

#[cfg(test)]
mod tests {
    use super::{CallerView, Leg, Message, View};
    use crate::exchange::{Decision, Why};
    use lgsp_kernel::record::{
        Entry, LegRecord, MaskedRecord, MessageDigest, Outcome, Part, RefusalRecord, Stated,
    };
    use lgsp_kernel::{Blame, ExchangeId, Millis, Step};

    #[test]
    fn what_is_written_reads_back_as_a_record_with_every_field() {
        let id = ExchangeId::at(Millis(1_767_000_000_000), [3; 10]);
        let (text, stated) =
            (id.to_string(), Stated { officer: Some("Nguyễn \"A\"".into()), ..Stated::default() });
        let message = Message { head: [1; 32], body: Some([2; 32]), bytes: Some(7) };
        let leg =
            Leg { received: Some(message), sent: Some(Message { head: [9; 32], body: None, bytes: None }) };
        let view = View {
            kind: "exchange",
            id: &text,
            part: Part::Whole,
            at: Millis(5),
            edge: "rest",
            caller: Some(CallerView {
                system: "s",
                agency: "H01",
                credential: "c",
                how: "token",
                source: "::1",
            }),
            service: Some("svc"),
            version: Some("1.0"),
            operation: Some("op"),
            grant: Some("g"),
            method: Some("GET"),
            target: Some("/x?q=\"\\\u{1}ế"),
            stated: Some(&stated),
            idempotency_key: Some("k-1"),
            request: Some(leg),
            answer: Some(leg),
            status: Some(200),
            provider: Some("http://p"),
            leg: Some(&LegRecord {
                kind: "peer".into(),
                number: Some(1),
                node: Some("ngsp".into()),
                via: Some("hub".into()),
                mode: Some("group".into()),
                proves: "countersigned".into(),
            }),
            masked: Some(&MaskedRecord {
                rules: vec!["/a".into()],
                values: 2,
                before: MessageDigest { head: "x".into(), body: Some("y".into()), bytes: Some(1) },
            }),
            outcome: Outcome::Answered,
            refusal: Some(RefusalRecord {
                code: "a.b".into(),
                step: Step::Limit,
                blame: Blame::Caller,
                detail: "d".into(),
            }),
            steps: &[Decision { step: Step::Identify, ok: true, why: Why::Text("credential c".into()) }],
            took_ms: Some(3),
            trace: Some("00"),
        };
        let read: Entry = serde_json::from_slice(&view.json()).expect("a record");
        let Entry::Exchange(record) = &read else { panic!("not an exchange record") };
        assert_eq!(record.id, id);
        assert_eq!(record.stated.as_ref(), Some(&stated));
        let ours: serde_json::Value = serde_json::from_slice(&view.json()).expect("json");
        let theirs = serde_json::to_value(&read).expect("json");
        assert_eq!(ours, theirs, "a field is missing on one side");
        assert_eq!(
            ours.as_object().map(serde_json::Map::len),
            Some(25),
            "every field of the record is written"
        );
    }
}
