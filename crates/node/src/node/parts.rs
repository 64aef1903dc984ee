//! What each crate is told of `lgsp.toml`.

use crate::config::{Config, Lasting};
use lgsp_evidence::LogConfig;
use lgsp_evidence::retention::RetentionPolicy;
use lgsp_gateway::{GatewayConfig, XRoadConfig};
use lgsp_identity::IdentityConfig;
use lgsp_provider::ProviderConfig;

/// What identity is told.
pub fn identity_config(config: &Config) -> IdentityConfig {
    IdentityConfig {
        issuer: config.issuer(),
        audience: config.identity.audience.clone(),
        token_seconds: seconds(config.identity.token_lifetime),
        key_rotation_days: seconds(config.identity.key_rotation) / 86_400,
        cache_max: config.identity.remembered_tokens,
    }
}

/// What the message log is told.
pub fn log_config(config: &Config) -> LogConfig {
    LogConfig {
        segment_bytes: config.log.segment.0,
        gather: config.log.gather.0,
        queue_max: config.log.queue,
        disk_reserve_bytes: config.log.reserve.0,
        ..LogConfig::new(config.log_dir(), config.node.name.clone())
    }
}

/// How long the message log keeps what.
pub fn retention_policy(config: &Config) -> RetentionPolicy {
    let days = config.log.record_days;
    RetentionPolicy { records_days: (days > 0).then_some(days) }
}

/// What the provider side is told; where the node itself listens is told later, once that is known.
pub fn provider_config(config: &Config) -> std::io::Result<ProviderConfig> {
    let p = &config.provider;
    let roots = match p.roots.as_os_str().is_empty() {
        true => None,
        false => Some(std::fs::read_to_string(&p.roots)?),
    };
    Ok(ProviderConfig {
        allow: p.allow.clone(),
        extra_roots_pem: roots,
        public_roots: p.public_roots,
        idle_max: p.idle_connections,
        idle_for: p.idle_timeout.0,
        in_flight_max: p.exchanges,
        h2_connections_max: p.http2_connections,
        h2_streams: p.http2_streams,
        name_ttl: p.name_ttl.0,
        names_max: p.names,
        ..ProviderConfig::default()
    })
}

/// What the gateway is told.
pub fn gateway_config(config: &Config) -> GatewayConfig {
    let l = &config.limits;
    GatewayConfig {
        issuer: config.issuer(),
        collect_max: l.collect.bytes(),
        body_max: l.body.0,
        head_max: l.head.bytes(),
        headers_max: l.header_lines,
        target_max: l.target.bytes(),
        connections_max: l.connections,
        in_flight_max: l.exchanges,
        handshake_timeout: l.handshake_timeout.0,
        head_timeout: l.head_timeout.0,
        idle_timeout: l.keep_alive.0,
        body_idle_timeout: l.body_idle.0,
        write_timeout: l.write_timeout.0,
        body_rate_min: l.body_rate_min.0,
        body_grace: l.body_grace.0,
        answer_gather: l.answer_gather.0,
        answer_whole_max: l.answer_whole.bytes(),
        drain_limit: config.drain.limit.0,
        h2_streams_max: l.http2_streams,
        h2_resets_max: l.http2_resets,
        retry_after_seconds: seconds(l.retry_after),
        xroad: XRoadConfig {
            instance: config.xroad.instance.clone(),
            soap_path: Some(config.xroad.soap_path.clone()).filter(|p| !p.is_empty()),
        },
    }
}

fn seconds(lasting: Lasting) -> u32 {
    u32::try_from(lasting.0.as_secs()).unwrap_or(u32::MAX)
}
