//! Who calls: credentials of systems, the node's access tokens and their keys, client certificates at the TLS edge, and the tokens of
//! administrators. What a caller may do is the gateway's question; which credentials exist is the registry's.

mod admin;
mod caller;
pub mod config;
mod denylist;
mod identify;
mod identity;
pub mod jwt;
pub mod keys;
mod oauth;
mod oauth_form;
mod remembered;
mod rotation;
pub mod throttle;
pub mod tls;
mod token;

pub use admin::{ADMIN_TOKEN_PREFIX, AdminTokenError, AdminTokenInfo, AdminTokens, random_secret};
pub use caller::{Caller, How};
pub use config::IdentityConfig;
pub use identify::{ACCESS_TOKEN_HEADER, API_KEY_HEADERS};
pub use identity::{Identity, IdentityError};
pub use oauth::{TokenAnswer, TokenRequest};
pub use rotation::Rotation;
