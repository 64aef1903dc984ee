//! The provider's credential, added last and never seen by the consumer. Not here: the client certificate (`tls`).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use lgsp_kernel::snapshot::OpenAuth;
use lgsp_kernel::{Millis, Secret};

/// A credential, made ready once per version.
pub(crate) enum Credential {
    None,
    /// A header that stays the same.
    Fixed(HeaderName, HeaderValue),
    /// The population database's: computed anew for each call.
    TimestampHash {
        user: String,
        secret: Secret,
        auth_url: String,
    },
}

impl Credential {
    /// Makes a version's credential ready; says why not, without the secret.
    pub(crate) fn compile(auth: &OpenAuth) -> Result<Self, String> {
        Ok(match auth {
            OpenAuth::None => Self::None,
            OpenAuth::Basic { user, password } => {
                Self::Fixed(header::AUTHORIZATION, basic(user, password.expose())?)
            }
            OpenAuth::Bearer { token } => {
                let text = [b"Bearer ", token.expose()].concat();
                Self::Fixed(header::AUTHORIZATION, sensitive(&text)?)
            }
            OpenAuth::TimestampHash { user, secret, auth_url } => {
                Self::TimestampHash { user: user.clone(), secret: secret.clone(), auth_url: auth_url.clone() }
            }
            OpenAuth::Header { name, value } => {
                let name =
                    HeaderName::from_bytes(name.as_bytes()).map_err(|_| "not a header name".to_owned())?;
                Self::Fixed(name, sensitive(value.expose())?)
            }
        })
    }

    /// Adds it to a head.
    pub(crate) fn apply(&self, headers: &mut HeaderMap, now: Millis) -> Result<(), String> {
        match self {
            Self::None => {}
            Self::Fixed(name, value) => {
                headers.insert(name.clone(), value.clone());
            }
            Self::TimestampHash { user, secret, auth_url } => {
                let timestamp = now.0.to_string();
                let mut hash = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
                for part in [auth_url.as_bytes(), user.as_bytes(), timestamp.as_bytes(), secret.expose()] {
                    hash.update(part);
                }
                let digest = hex::encode(hash.finish());
                headers.insert(header::AUTHORIZATION, basic(user, digest.as_bytes())?);
                headers.insert("timestamp", HeaderValue::from(now.0));
            }
        }
        Ok(())
    }
}

fn basic(user: &str, password: &[u8]) -> Result<HeaderValue, String> {
    let pair = [user.as_bytes(), b":", password].concat();
    sensitive(format!("Basic {}", STANDARD.encode(pair)).as_bytes())
}

fn sensitive(bytes: &[u8]) -> Result<HeaderValue, String> {
    let mut value = HeaderValue::from_bytes(bytes)
        .map_err(|_| "the credential has bytes that no header may have".to_owned())?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::Credential;
    use http::HeaderMap;
    use lgsp_kernel::snapshot::OpenAuth;
    use lgsp_kernel::{Millis, Secret};

    fn added(auth: &OpenAuth) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", "left over".parse().unwrap());
        Credential::compile(auth).unwrap().apply(&mut headers, Millis(1_700_000_000_123)).unwrap();
        headers
    }

    #[test]
    fn the_population_databases_hash_covers_url_user_time_and_secret() {
        let auth = OpenAuth::TimestampHash {
            user: "canbo".into(),
            secret: Secret::new("bi-mat"),
            auth_url: "http://auth".into(),
        };
        let headers = added(&auth);
        // printf %s 'http://authcanbo1700000000123bi-mat' | sha256sum, then base64 of user:digest
        let digest =
            aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, b"http://authcanbo1700000000123bi-mat");
        use base64::Engine;
        let pair = format!("canbo:{}", hex::encode(digest));
        let expected = format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair));
        assert_eq!(headers["authorization"], expected.as_str());
        assert_eq!(headers["timestamp"], "1700000000123");
        assert!(headers["authorization"].is_sensitive());
    }

    #[test]
    fn fixed_credentials_replace_what_was_there_and_are_marked_sensitive() {
        let basic = added(&OpenAuth::Basic { user: "u".into(), password: Secret::new("p") });
        assert_eq!(basic["authorization"], "Basic dTpw");
        let bearer = added(&OpenAuth::Bearer { token: Secret::new("t") });
        assert_eq!(bearer["authorization"], "Bearer t");
        let header = added(&OpenAuth::Header { name: "ApiKey".into(), value: Secret::new("k") });
        assert_eq!(header["apikey"], "k");
        for h in [&basic["authorization"], &bearer["authorization"], &header["apikey"]] {
            assert!(h.is_sensitive());
        }
    }

    #[test]
    fn a_credential_that_no_header_can_carry_is_refused_without_showing_it() {
        let auth = OpenAuth::Bearer { token: Secret::new("a\nb") };
        let why = Credential::compile(&auth).err().unwrap();
        assert!(!why.contains("a\nb"));
    }
}
