//! Who calls, once identified. Not here: how that is found out (`identify`).

use lgsp_kernel::snapshot::{Credential, System};
use std::sync::Arc;

/// The system behind a call and the credential that showed it.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The system that calls.
    pub system: Arc<System>,
    /// The credential it called with: the first in the order of [`How`] where it sent several.
    pub credential: Arc<Credential>,
    /// By which kind of proof.
    pub how: How,
}

/// By which kind of proof a caller was identified, in order of precedence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum How {
    /// A bearer token of this node.
    Token,
    /// An API key.
    ApiKey,
    /// The `lgspaccesstoken` header.
    AccessTokenHeader,
    /// A client certificate.
    Certificate,
}

impl How {
    /// The word used in records and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::ApiKey => "api_key",
            Self::AccessTokenHeader => "access_token_header",
            Self::Certificate => "certificate",
        }
    }
}
