//! How the X-Road edge refuses: error types as PR-REST 4.6 has them, made of our refusals, as JSON, XML or a SOAP fault.

use http::{HeaderMap, HeaderValue, header};
use lgsp_kernel::{Blame, Refusal, Step};
use lgsp_wire::xml::escape_into;

/// An X-Road error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct XRoadError {
    /// `Client.BadRequest`, `Server.ServerProxy.NetworkError`, ...: the header `X-Road-Error`, the member `type`, the `faultcode`.
    pub kind: String,
    /// For people.
    pub message: String,
    /// What the operator finds the case by: the exchange's id.
    pub detail: String,
}

/// Error types that say more than step and blame do, by the refusal's code.
const TYPES: &[(&str, &str)] = &[
    ("receive.overloaded", "Server.ClientProxy.InternalError"),
    ("receive.stale", "Server.ClientProxy.OutdatedGlobalConf"),
    ("identify.directory_stale", "Server.ClientProxy.OutdatedGlobalConf"),
    ("identify.peer_unknown", "Server.ServerProxy.UnknownMember"),
    ("resolve.method", "Server.ServerProxy.ServiceFailed.InvalidHttpMethod"),
    ("resolve.peer_addressee", "Server.ClientProxy.UnknownMember"),
    ("resolve.ambiguous", "Client.BadRequest"),
    ("resolve.xroad_member", "Server.ClientProxy.UnknownMember"),
    ("resolve.xroad_ambiguous", "Client.BadRequest"),
    ("resolve.provider_url", "Client.BadRequest"),
    ("resolve.retired", "Server.ServerProxy.ServiceDisabled"),
    ("limit.rate", "Server.ClientProxy.ServiceFailed.RateExceeded"),
    ("limit.quota", "Server.ClientProxy.ServiceFailed.QuotaExceeded"),
    ("validate.xml", "Client.InvalidXml"),
    ("validate.soap", "Client.InvalidSoap"),
    ("validate.media_type", "Client.InvalidContentType"),
    ("record.unavailable", "Server.ClientProxy.LoggingFailed"),
    ("record.answer", "Server.ServerProxy.LoggingFailed"),
    ("forward.tls", "Server.ServerProxy.SslAuthenticationFailed"),
    ("forward.unreachable", "Server.ServerProxy.NetworkError"),
    ("forward.connect_timeout", "Server.ServerProxy.NetworkError"),
    ("forward.timeout", "Server.ServerProxy.NetworkError"),
    ("forward.broke_off", "Server.ServerProxy.NetworkError"),
    ("forward.peer_unreachable", "Server.ClientProxy.NetworkError"),
    ("forward.no_leg", "Server.ClientProxy.NetworkError"),
    ("verify.peer_signature", "Server.ClientProxy.InvalidSignatureValue"),
];

impl XRoadError {
    /// The request breaks the protocol (PR-REST 4.6, category 3).
    pub fn bad_request(why: impl std::fmt::Display, detail: impl Into<String>) -> Self {
        Self { kind: "Client.BadRequest".into(), message: why.to_string(), detail: detail.into() }
    }

    /// Our refusal in X-Road's words. `exchange` is what the operator finds it by.
    pub fn of_refusal(refusal: &Refusal, exchange: &str) -> Self {
        let kind = refusal.kind;
        let special = TYPES.iter().find(|(code, _)| *code == kind.code).map(|(_, t)| *t);
        let name = special.unwrap_or(match (kind.step, kind.blame) {
            (Step::Receive | Step::Validate, Blame::Caller) => "Client.BadRequest",
            (Step::Receive | Step::Validate, _) => "Server.ClientProxy.InternalError",
            // X-Road knows a caller by its TLS connection; this is what its clients get where it does not.
            (Step::Identify, _) => "Server.ClientProxy.SslAuthenticationFailed",
            (Step::Resolve, _) => "Server.ServerProxy.UnknownService",
            (Step::Authorize, _) => "Server.ServerProxy.AccessDenied",
            (Step::Limit | Step::Record, _) => "Server.ClientProxy.ServiceFailed",
            (Step::Forward | Step::Verify, _) => "Server.ServerProxy.ServiceFailed",
        });
        let message = format!("{}: {}", kind.title, refusal.detail);
        Self { kind: name.into(), message, detail: exchange.into() }
    }

    /// 400 where the consumer is to blame for the form of its request, else 500: the protocol uses no others.
    pub fn status(&self) -> u16 {
        if self.kind == "Client" || self.kind.starts_with("Client.") { 400 } else { 500 }
    }

    /// `X-Road-Error`, the content type and the body, by what the consumer accepts; JSON unless it prefers XML.
    pub fn rest(&self, accept: Option<&str>) -> (HeaderMap, Vec<u8>) {
        let (content_type, body) = if prefers_xml(accept) {
            ("application/xml;charset=utf-8", self.xml())
        } else {
            ("application/json;charset=utf-8", self.json())
        };
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        if let Ok(kind) = HeaderValue::from_str(&self.kind) {
            headers.insert("x-road-error", kind);
        }
        (headers, body)
    }

    fn json(&self) -> Vec<u8> {
        let body = serde_json::json!({ "type": self.kind, "message": self.message, "detail": self.detail });
        body.to_string().into_bytes()
    }

    fn xml(&self) -> Vec<u8> {
        let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?><error>");
        for (name, text) in [("type", &self.kind), ("message", &self.message), ("detail", &self.detail)] {
            out.push_str(&format!("<{name}>"));
            escape_into(&mut out, text);
            out.push_str(&format!("</{name}>"));
        }
        out.push_str("</error>");
        out.into_bytes()
    }

    /// A technical fault (PR-MESS 2.5, annex D.1). It goes out with status 500, as SOAP 1.1 (6.2) has it.
    pub fn fault(&self) -> Vec<u8> {
        let mut out = String::from(concat!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>",
            "<SOAP-ENV:Envelope xmlns:SOAP-ENV=\"http://schemas.xmlsoap.org/soap/envelope/\">",
            "<SOAP-ENV:Body><SOAP-ENV:Fault><faultcode>"
        ));
        escape_into(&mut out, &self.kind);
        out.push_str("</faultcode><faultstring>");
        escape_into(&mut out, &self.message);
        out.push_str("</faultstring><faultactor></faultactor><detail><faultDetail xmlns=\"\">");
        escape_into(&mut out, &self.detail);
        out.push_str("</faultDetail></detail></SOAP-ENV:Fault></SOAP-ENV:Body></SOAP-ENV:Envelope>");
        out.into_bytes()
    }
}

/// Whether an `Accept` names XML before JSON. Weights are read; what names neither means JSON (PR-REST 4.3).
pub(crate) fn prefers_xml(accept: Option<&str>) -> bool {
    let weight = |wanted: &[&str]| {
        let fits = |range: &&str| {
            let media = range.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
            wanted.contains(&&*media)
        };
        let q = |range: &str| {
            let q = range.split(';').skip(1).find_map(|p| p.trim().strip_prefix("q=").map(str::trim));
            q.map_or(1.0, |q| q.parse::<f32>().unwrap_or(0.0))
        };
        accept.unwrap_or_default().split(',').filter(fits).map(q).fold(0.0_f32, f32::max)
    };
    weight(&["application/xml", "text/xml"]) > weight(&["application/json", "*/*", "application/*"])
}
