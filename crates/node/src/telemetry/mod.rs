//! What the process tells of itself: log lines, metrics, traces. What happened to exchanges is the message log's.

pub mod logs;
pub mod metrics;
pub mod otlp_http;
pub mod traces;
