//! OpenTelemetry traces over OTLP/HTTP, off unless an endpoint is configured. Which exchange becomes a span, and what it says, the gateway decides.

use super::otlp_http::Client;
use crate::config::Config;
use lgsp_gateway::{ExchangeSpan, TraceSink};
use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_otlp::{Protocol, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{BatchSpanProcessor, SpanData, SpanEvents, SpanLinks, SpanProcessor as _};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

/// Exports finished exchanges as spans. Spans that the collector cannot take in time are dropped, never waited for.
pub struct Traces {
    processor: BatchSpanProcessor,
    share: f64,
    scope: InstrumentationScope,
}

impl std::fmt::Debug for Traces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Traces")
    }
}

/// Starts the export; none where no endpoint is configured. Needs a running tokio runtime.
pub fn start(config: &Config) -> Result<Option<Arc<Traces>>, String> {
    let section = &config.telemetry;
    if section.otlp_endpoint.is_empty() {
        return Ok(None);
    }
    let client = Client::new(config)?;
    let mut headers = HashMap::new();
    if !section.otlp_authorization.is_empty() {
        headers.insert("authorization".to_owned(), section.otlp_authorization.clone());
    }
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        .with_http_client(client)
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(&section.otlp_endpoint)
        .with_timeout(section.otlp_timeout.0)
        .with_headers(headers)
        .build()
        .map_err(|e| format!("telemetry.otlp_endpoint: {e}"))?;
    let mut processor = BatchSpanProcessor::builder(exporter).build();
    let about = [
        KeyValue::new("service.name", "lgsp"),
        KeyValue::new("service.namespace", config.node.name.clone()),
        KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
    ];
    processor.set_resource(&Resource::builder_empty().with_attributes(about).build());
    let scope = InstrumentationScope::builder("lgsp").build();
    Ok(Some(Arc::new(Traces { processor, share: section.otlp_sample, scope })))
}

impl Traces {
    /// Sends what waits and ends the export.
    pub fn stop(&self, within: Duration) {
        if let Err(error) = self.processor.shutdown_with_timeout(within) {
            tracing::warn!(%error, "the last traces were not exported");
        }
    }
}

impl TraceSink for Traces {
    fn sample(&self) -> bool {
        let mut bytes = [0; 4];
        getrandom::fill(&mut bytes).is_ok()
            && f64::from(u32::from_ne_bytes(bytes)) < self.share * f64::from(u32::MAX)
    }

    fn span(&self, span: ExchangeSpan) {
        let began = UNIX_EPOCH + Duration::from_millis(u64::try_from(span.began.0).unwrap_or(0));
        let mut attributes = vec![
            KeyValue::new("lgsp.exchange", span.exchange),
            KeyValue::new("http.response.status_code", i64::from(span.status)),
        ];
        let status = match span.refusal {
            Some(code) => {
                attributes.push(KeyValue::new("error.type", code));
                Status::error(code)
            }
            None => Status::Unset,
        };
        let context = SpanContext::new(
            TraceId::from_bytes(span.trace_id),
            SpanId::from_bytes(span.span_id),
            TraceFlags::SAMPLED,
            false,
            TraceState::default(),
        );
        self.processor.on_end(SpanData {
            span_context: context,
            parent_span_id: span.parent_id.map_or(SpanId::INVALID, SpanId::from_bytes),
            parent_span_is_remote: span.parent_id.is_some(),
            span_kind: SpanKind::Server,
            name: span.name.into(),
            start_time: began,
            end_time: began + span.took,
            attributes,
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status,
            instrumentation_scope: self.scope.clone(),
        });
    }
}
