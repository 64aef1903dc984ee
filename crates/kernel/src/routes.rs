//! The ways to a provider that is not reached at a version's own targets, as an operator declares them. Part of `model`, where they
//! are named; the rules that one leg shows by itself are the registry's.

use crate::model::{ProviderAuth, TargetSpec, UpstreamSpec};
use crate::{NodeName, ServiceId, VersionLabel};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// How messages between nodes are signed (docs/protocol/peer.md).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SignatureMode {
    /// Each message by the agency's message key: HTTP Message Signatures (RFC 9421).
    Message,
    /// By the sender's log: the message carries the proof that it is in a signed checkpoint.
    Group,
}

impl SignatureMode {
    /// The word in declarations, records and answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Group => "group",
        }
    }
}

/// A way to a provider: one leg after which the message is out of this node's hands. The four connection models of Circular
/// 13/2017/TT-BTTTT, article 16, are a `peer` with `via` (through LGSP and NGSP), a `peer` (through LGSP or NGSP, whoever runs that
/// node), and `xroad` or `direct`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields, try_from = "Fields")]
pub enum LegSpec {
    /// Another node of the directory, in the peer protocol: signed by both, recorded by both.
    Peer {
        /// The provider's node.
        node: NodeName,
        /// A node that relays; none: straight to the provider's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        via: Option<NodeName>,
        /// The service's id there; none: the same as here.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        service: Option<ServiceId>,
        /// The version there; none: the same as here.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        version: Option<VersionLabel>,
        /// How messages are signed; none: `group`, where the other node can.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mode: Option<SignatureMode>,
    },
    /// An X-Road security server (message protocol for REST, or for SOAP 4.0, as the service speaks): recorded by us; what it signs stays there.
    Xroad {
        /// Where the security server takes messages: `http://` or `https://`.
        targets: Vec<TargetSpec>,
        /// Who we are there: `instance/class/member/subsystem`.
        client: String,
        /// The service there: `instance/class/member/subsystem/service[/version]`.
        service: String,
        /// How it is reached.
        #[serde(default, skip_serializing_if = "is_default")]
        upstream: UpstreamSpec,
    },
    /// Plain REST or SOAP to the provider or to another platform such as today's NGSP: recorded by us alone.
    Direct {
        /// Where it listens.
        targets: Vec<TargetSpec>,
        /// How it is reached.
        #[serde(default, skip_serializing_if = "is_default")]
        upstream: UpstreamSpec,
        /// The credential that the platform adds.
        #[serde(default, skip_serializing_if = "is_default")]
        auth: ProviderAuth,
    },
}

impl LegSpec {
    /// The word for its kind in declarations, records and answers.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Peer { .. } => "peer",
            Self::Xroad { .. } => "xroad",
            Self::Direct { .. } => "direct",
        }
    }
}

/// What a leg says, before it is known to fit its kind. Read as plain fields and not as a tagged form, because that would read all
/// scalars as text first, and a wrong field could not be named by its place.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    kind: Kind,
    node: Option<NodeName>,
    via: Option<NodeName>,
    service: Option<String>,
    version: Option<VersionLabel>,
    mode: Option<SignatureMode>,
    targets: Option<Vec<TargetSpec>>,
    client: Option<String>,
    upstream: Option<UpstreamSpec>,
    auth: Option<ProviderAuth>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Peer,
    Xroad,
    Direct,
}

impl TryFrom<Fields> for LegSpec {
    type Error = String;

    fn try_from(fields: Fields) -> Result<Self, String> {
        let (kind, fits): (&str, &[&str]) = match fields.kind {
            Kind::Peer => ("peer", &["node", "via", "service", "version", "mode"]),
            Kind::Xroad => ("xroad", &["targets", "client", "service", "upstream"]),
            Kind::Direct => ("direct", &["targets", "upstream", "auth"]),
        };
        if let Some(other) = fields.given().find(|name| !fits.contains(name)) {
            return Err(format!("a leg of kind {kind} has no `{other}`; it has: {}", fits.join(", ")));
        }
        let lacks = |name: &str| format!("a leg of kind {kind} needs `{name}`");
        Ok(match fields.kind {
            Kind::Peer => Self::Peer {
                node: fields.node.ok_or_else(|| lacks("node"))?,
                via: fields.via,
                service: fields
                    .service
                    .map(ServiceId::new)
                    .transpose()
                    .map_err(|e| format!("its `service` {e}"))?,
                version: fields.version,
                mode: fields.mode,
            },
            Kind::Xroad => Self::Xroad {
                targets: fields.targets.ok_or_else(|| lacks("targets"))?,
                client: fields.client.ok_or_else(|| lacks("client"))?,
                service: fields.service.ok_or_else(|| lacks("service"))?,
                upstream: fields.upstream.unwrap_or_default(),
            },
            Kind::Direct => Self::Direct {
                targets: fields.targets.ok_or_else(|| lacks("targets"))?,
                upstream: fields.upstream.unwrap_or_default(),
                auth: fields.auth.unwrap_or_default(),
            },
        })
    }
}

impl Fields {
    /// The names of those that are set, besides the kind.
    fn given(&self) -> impl Iterator<Item = &'static str> {
        [
            ("node", self.node.is_some()),
            ("via", self.via.is_some()),
            ("service", self.service.is_some()),
            ("version", self.version.is_some()),
            ("mode", self.mode.is_some()),
            ("targets", self.targets.is_some()),
            ("client", self.client.is_some()),
            ("upstream", self.upstream.is_some()),
            ("auth", self.auth.is_some()),
        ]
        .into_iter()
        .filter_map(|(name, set)| set.then_some(name))
    }
}

#[cfg(test)]
mod tests {
    use super::LegSpec;
    use serde_json::{Value, json};

    #[test]
    fn every_kind_reads_back_what_it_writes() {
        for leg in [
            json!({"kind": "peer", "node": "ngsp"}),
            json!({"kind": "peer", "node": "bo-cong-an", "via": "ngsp", "service": "dan-cu", "version": "1.0", "mode": "message"}),
            json!({"kind": "xroad", "targets": [{"url": "https://ss"}], "client": "VN/GOV/H01/mot-cua", "service": "VN/GOV/G01/csdl/dc",
                "upstream": {"total_timeout_ms": 900}}),
            json!({"kind": "direct", "targets": [{"url": "http://p", "weight": 3}], "auth": {"type": "bearer", "token": {"sealed": "x"}}}),
        ] {
            let read: LegSpec = serde_json::from_value(leg.clone()).expect("a leg");
            assert_eq!(serde_json::to_value(&read).expect("json"), leg);
            assert_eq!(leg["kind"], read.kind());
        }
    }

    fn refused(leg: Value) -> String {
        serde_json::from_value::<LegSpec>(leg).expect_err("it was read").to_string()
    }

    #[test]
    fn a_field_of_another_kind_and_a_missing_one_are_named() {
        let other = refused(json!({"kind": "peer", "node": "a", "targets": []}));
        assert_eq!(other, "a leg of kind peer has no `targets`; it has: node, via, service, version, mode");
        assert_eq!(refused(json!({"kind": "direct"})), "a leg of kind direct needs `targets`");
        assert!(refused(json!({"kind": "peer", "node": "a", "service": "b c"})).contains("`service`"));
        assert!(refused(json!({"kind": "carrier-pigeon"})).contains("unknown variant"));
    }
}
