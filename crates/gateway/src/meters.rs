//! Metrics of exchanges. Handles are made once for each operation, so that a call touches atomics only. Names and labels are
//! listed in `docs/operations.md`.

use lgsp_kernel::RefusalKind;
use lgsp_kernel::snapshot::Operation;
use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};
use parking_lot::RwLock;
use std::collections::HashMap;
use std::sync::Arc;

/// Operations with metrics of their own; further ones share `other`.
const OPERATIONS_MAX: usize = 20_000;

/// Metrics of one operation.
pub(crate) struct OperationMeters {
    answered: Counter,
    refused: [Counter; 3],
    seconds: Histogram,
    key: Box<str>,
}

impl OperationMeters {
    fn new(key: &str) -> Self {
        let made = |outcome: &'static str, blame: &'static str| counter!("lgsp_exchanges_total", "operation" => key.to_owned(), "outcome" => outcome, "blame" => blame);
        Self {
            answered: made("answered", "none"),
            refused: ["caller", "platform", "provider"].map(|blame| made("refused", blame)),
            seconds: histogram!("lgsp_exchange_seconds", "operation" => key.to_owned()),
            key: key.into(),
        }
    }
}

/// Metrics of the gateway.
pub(crate) struct Meters {
    operations: RwLock<HashMap<Box<str>, Arc<OperationMeters>>>,
    other: Arc<OperationMeters>,
    in_flight: Gauge,
    panics: Counter,
    unrecorded: Counter,
    /// Requests and answers; those that passed and those that did not.
    mediated: [[Counter; 2]; 2],
    mediation_seconds: [Histogram; 2],
}

impl Meters {
    pub fn new() -> Self {
        Self {
            operations: RwLock::default(),
            other: Arc::new(OperationMeters::new("other")),
            in_flight: gauge!("lgsp_exchanges_in_flight"),
            panics: counter!("lgsp_panics_total"),
            unrecorded: counter!("lgsp_exchanges_unrecorded_total"),
            mediated: ["request", "answer"].map(|way| {
                ["passed", "refused"]
                    .map(|outcome| counter!("lgsp_mediated_total", "message" => way, "outcome" => outcome))
            }),
            mediation_seconds: ["request", "answer"]
                .map(|way| histogram!("lgsp_mediation_seconds", "message" => way)),
        }
    }

    /// The meters of an operation; those of `other` where the call got no further.
    pub fn of(&self, operation: Option<&Operation>) -> Arc<OperationMeters> {
        let Some(operation) = operation else { return self.other.clone() };
        if let Some(known) = self.operations.read().get(operation.key.as_str()) {
            return known.clone();
        }
        let mut operations = self.operations.write();
        if operations.len() >= OPERATIONS_MAX {
            return self.other.clone();
        }
        let fresh = || Arc::new(OperationMeters::new(&operation.key));
        operations.entry(operation.key.as_str().into()).or_insert_with(fresh).clone()
    }

    pub fn opened(&self) {
        self.in_flight.increment(1.0);
    }
    pub fn closed(&self) {
        self.in_flight.decrement(1.0);
    }
    pub fn panicked(&self) {
        self.panics.increment(1);
    }
    /// A message was converted or checked, in so many seconds.
    pub fn mediated(&self, way: &'static str, ok: bool, seconds: f64) {
        let at = usize::from(way == "answer");
        self.mediated[at][usize::from(!ok)].increment(1);
        self.mediation_seconds[at].record(seconds);
    }
    /// An exchange that had an effect could not be recorded to its end.
    pub fn unrecorded(&self) {
        self.unrecorded.increment(1);
    }
}

impl OperationMeters {
    pub fn answered(&self, seconds: f64) {
        self.answered.increment(1);
        self.seconds.record(seconds);
    }
    pub fn refused(&self, kind: &'static RefusalKind) {
        self.refused[kind.blame as usize].increment(1);
        counter!("lgsp_refusals_total", "operation" => self.key.to_string(), "code" => kind.code)
            .increment(1);
    }
}
