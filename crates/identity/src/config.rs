//! What an operator may set of identification, and the bounds that stand.

/// How tokens are made and remembered.
#[derive(Debug, Clone)]
pub struct IdentityConfig {
    /// `iss` of the tokens: the address of this node as its callers know it.
    pub issuer: String,
    /// `aud` of the tokens.
    pub audience: String,
    /// How long a token is good, seconds; kept within [`TOKEN_SECONDS_MIN`] and [`TOKEN_SECONDS_MAX`].
    pub token_seconds: u32,
    /// Days after which a new signing key takes over; at least one.
    pub key_rotation_days: u32,
    /// How many verified tokens are remembered at most.
    pub cache_max: usize,
}

impl Default for IdentityConfig {
    fn default() -> Self {
        Self {
            issuer: "http://localhost".into(),
            audience: "lgsp".into(),
            token_seconds: 3600,
            key_rotation_days: 30,
            cache_max: 100_000,
        }
    }
}

impl IdentityConfig {
    /// The life of a token within its bounds.
    pub(crate) fn token_life(&self) -> i64 {
        i64::from(self.token_seconds.clamp(TOKEN_SECONDS_MIN, TOKEN_SECONDS_MAX))
    }
}

/// Shortest life of a token: below it clients spend their time asking for tokens.
pub const TOKEN_SECONDS_MIN: u32 = 30;
/// Longest life of a token: what a stolen one is worth, where nobody revokes it.
pub const TOKEN_SECONDS_MAX: u32 = 24 * 3600;
/// Longest token that is looked at, bytes. Ours have about 600; the names, address and scope in them are bounded.
pub const TOKEN_MAX: usize = 4096;
/// How far the clocks of two processes of one node may be apart, seconds.
pub const LEEWAY_SECONDS: i64 = 5;
/// How long a new signing key is published before it signs: longer than any process or reader of the JWKS keeps an old copy.
pub const PUBLISH_AHEAD_SECONDS: i64 = 600;
/// Longest scope that is echoed, bytes.
pub const SCOPE_MAX: usize = 256;
/// Longest body of `POST /token` and `POST /revoke`, bytes: a token, a secret and some names.
pub const FORM_MAX: usize = 16 << 10;
/// Revoked tokens that have not expired, at most: beyond it a revocation is refused rather than forgotten.
pub const DENYLIST_MAX: usize = 100_000;
