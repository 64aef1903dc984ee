//! Where an exchange stands in a distributed trace (W3C Trace Context), and the hook by which a node exports spans.

use crate::random;
use http::HeaderMap;
use lgsp_kernel::Millis;
use lgsp_wire::trace::TraceParent;
use std::time::Duration;

/// The trace of an exchange.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Trace {
    /// What the provider is given: our span is its parent.
    pub own: TraceParent,
    /// The caller's span, where it sent one.
    pub parent: Option<[u8; 8]>,
}

impl Trace {
    /// Continues the caller's trace or begins one. A trace that the caller did not begin is not sampled unless a sink asks for it.
    pub fn of(headers: &HeaderMap, sample: bool) -> Self {
        let span = random::bytes();
        let received = headers.get("traceparent").and_then(|v| v.to_str().ok()).and_then(TraceParent::parse);
        match received {
            Some(parent) => Self { own: parent.with_parent(span), parent: Some(parent.parent_id) },
            None => {
                let own = TraceParent { trace_id: random::bytes(), parent_id: span, flags: u8::from(sample) };
                Self { own, parent: None }
            }
        }
    }
    /// Whether the caller's `tracestate` may go on: it belongs to a trace that the caller began, and all its lines together keep its form.
    pub fn passes_state(&self, headers: &HeaderMap) -> bool {
        let mut lines = headers.get_all("tracestate").iter().map(|v| v.to_str().unwrap_or(""));
        let Some(mut state) = lines.next().map(str::to_owned) else { return true };
        for line in lines {
            state.push(',');
            state.push_str(line);
        }
        self.parent.is_some() && lgsp_wire::trace::tracestate_passes(&state)
    }
    /// The trace id as records write it.
    pub fn id_text(&self) -> [u8; 32] {
        let mut out = [0; 32];
        hex::encode_to_slice(self.own.trace_id, &mut out).expect("16 bytes are 32 hexadecimal digits");
        out
    }
}

/// One finished exchange as a span.
#[derive(Debug, Clone)]
pub struct ExchangeSpan {
    /// The trace.
    pub trace_id: [u8; 16],
    /// The span.
    pub span_id: [u8; 8],
    /// The caller's span.
    pub parent_id: Option<[u8; 8]>,
    /// The operation's key, or the edge's name where none was found.
    pub name: String,
    /// The exchange id.
    pub exchange: String,
    /// When it began.
    pub began: Millis,
    /// How long it took.
    pub took: Duration,
    /// The status given to the caller.
    pub status: u16,
    /// The refusal's code, where there was one.
    pub refusal: Option<&'static str>,
}

/// Takes finished spans; must not block.
pub trait TraceSink: Send + Sync {
    /// Whether a trace that begins here is to be sampled.
    fn sample(&self) -> bool;
    /// A finished, sampled span.
    fn span(&self, span: ExchangeSpan);
}
