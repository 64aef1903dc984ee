//! Where a private key lives, as an operator writes it: empty for a sealed file at its usual place, `file:<path>`, or a PKCS#11 URI
//! (RFC 7512) such as `pkcs11:token=lgsp;object=node?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=file:/etc/lgsp/pin`.

use lgsp_trust::{KeyConfig, PinSource};
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// The place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyPlace {
    text: String,
    config: Option<KeyConfig>,
}

impl KeyPlace {
    /// The place, where the operator named one; the file otherwise.
    pub fn or_file(&self, usual: &Path) -> KeyConfig {
        self.config.clone().unwrap_or_else(|| KeyConfig::File { file: usual.to_owned() })
    }
    /// The place, where it is on a token.
    pub fn token(&self) -> Option<&KeyConfig> {
        self.config.as_ref().filter(|c| matches!(c, KeyConfig::Token { .. }))
    }
    /// Whether the operator named a place.
    pub fn is_named(&self) -> bool {
        self.config.is_some()
    }
}

impl FromStr for KeyPlace {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let config = match text.split_once(':') {
            _ if text.is_empty() => None,
            Some(("file", path)) if path.starts_with('/') => Some(KeyConfig::File { file: path.into() }),
            Some(("file", _)) => return Err("write file: and an absolute path".into()),
            Some(("pkcs11", uri)) => Some(token(uri)?),
            _ => {
                return Err(format!(
                    "{text:?} is not a place of a key: write \"file:/path\" or \"pkcs11:token=...\""
                ));
            }
        };
        Ok(Self { text: text.to_owned(), config })
    }
}

/// The attributes that find a key: everything else that the standard knows is refused, since it would be ignored.
fn token(uri: &str) -> Result<KeyConfig, String> {
    let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
    let (mut label, mut object, mut module, mut pin) = (None, None, None, None);
    let attributes = path.split(';').chain(query.split('&')).filter(|a| !a.is_empty());
    for attribute in attributes {
        let (name, value) = attribute
            .split_once('=')
            .ok_or_else(|| format!("{attribute:?}: a PKCS#11 attribute is written name=value"))?;
        let value =
            percent_decode_str(value).decode_utf8().map_err(|_| format!("{name}: not UTF-8"))?.into_owned();
        let place = match name {
            "token" => &mut label,
            "object" => &mut object,
            "module-path" => &mut module,
            "pin-source" => &mut pin,
            "pin-value" => {
                return Err("pin-value would put the PIN into this file: use pin-source=file:/path".into());
            }
            "type" if value == "private" => continue,
            _ => return Err(format!("{name}: known are token, object, module-path and pin-source")),
        };
        if place.replace(value).is_some() {
            return Err(format!("{name} is given twice"));
        }
    }
    let needed = |value: Option<String>, name: &str| value.ok_or_else(|| format!("{name}= is missing"));
    let pin = needed(pin, "pin-source")?;
    let pin = match (pin.strip_prefix("file:"), pin.strip_prefix("env:")) {
        (Some(path), _) => PinSource::File(path.into()),
        (_, Some(name)) => PinSource::Env(name.into()),
        _ => PinSource::File(pin.into()),
    };
    Ok(KeyConfig::Token {
        module: PathBuf::from(needed(module, "module-path")?),
        token: needed(label, "token")?,
        key: needed(object, "object")?,
        pin,
    })
}

impl fmt::Display for KeyPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for KeyPlace {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for KeyPlace {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::KeyPlace;
    use lgsp_trust::{KeyConfig, PinSource};
    use std::path::Path;

    #[test]
    fn a_key_is_in_its_usual_file_unless_another_place_is_named() {
        let usual = Path::new("/data/node.key");
        let at = |text: &str| text.parse::<KeyPlace>().unwrap().or_file(usual);
        assert_eq!(at(""), KeyConfig::File { file: usual.into() });
        assert_eq!(at("file:/etc/k"), KeyConfig::File { file: "/etc/k".into() });
        let uri = "pkcs11:token=My%20token;object=node;type=private?module-path=/usr/lib/m.so&pin-source=file:/etc/pin";
        let expected = KeyConfig::Token {
            module: "/usr/lib/m.so".into(),
            token: "My token".into(),
            key: "node".into(),
            pin: PinSource::File("/etc/pin".into()),
        };
        assert_eq!(at(uri), expected);
    }

    #[test]
    fn a_place_that_would_be_misunderstood_is_refused() {
        let all = "pkcs11:token=t;object=o?module-path=/m&pin-source=file:/p";
        assert!(all.parse::<KeyPlace>().is_ok());
        for bad in [
            "/etc/key",
            "file:key",
            "pkcs11:",
            "pkcs11:token=t",
            "pkcs11:token=t;token=u;object=o?module-path=/m&pin-source=file:/p",
            "pkcs11:token=t;object=o?module-path=/m&pin-value=1234",
            "pkcs11:token=t;object=o;serial=7?module-path=/m&pin-source=file:/p",
            "pkcs11:token=%ff;object=o?module-path=/m&pin-source=file:/p",
        ] {
            assert!(bad.parse::<KeyPlace>().is_err(), "{bad}");
        }
    }
}
