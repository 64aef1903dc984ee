//! The effective configuration as a text that is itself a valid `lgsp.toml`: each value with where it came from, secrets
//! masked.

use super::load::Loaded;
use super::schema::SECRET_KEYS;
use std::fmt::Write as _;
use toml::Value;

/// What stands in the place of a secret.
pub const MASK: &str = "[secret]";

/// The whole configuration with its origins.
pub fn show(loaded: &Loaded) -> String {
    let mut out = String::new();
    for (section, keys) in &loaded.table() {
        let _ = writeln!(out, "[{section}]");
        for (key, value) in keys.as_table().into_iter().flatten() {
            let path = format!("{section}.{key}");
            let shown = format!("{key} = {}", masked(&path, value));
            let _ = writeln!(out, "{shown:<56} # {}", loaded.origin(&path));
        }
        out.push('\n');
    }
    out
}

/// A value with what is secret in it hidden.
pub fn masked(path: &str, value: &Value) -> Value {
    match value {
        Value::String(text) if SECRET_KEYS.contains(&path) && !text.is_empty() => Value::String(MASK.into()),
        Value::String(text) if text.contains("://") => Value::String(mask_url(text)),
        other => other.clone(),
    }
}

/// A URL without its password and without its query, where drivers also take passwords.
pub fn mask_url(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (rest, query) = rest.split_once('?').map_or((rest, ""), |(r, _)| (r, "?[...]"));
    let shown = match rest.rsplit_once('@') {
        Some((user, host)) => match user.split_once(':') {
            Some((name, _)) => format!("{name}:{MASK}@{host}"),
            None => rest.to_owned(),
        },
        None => rest.to_owned(),
    };
    format!("{scheme}://{shown}{query}")
}

#[cfg(test)]
mod tests {
    use super::mask_url;

    #[test]
    fn a_password_in_a_url_is_not_shown() {
        assert_eq!(mask_url("postgres://u:p@ss@db:5432/lgsp"), "postgres://u:[secret]@db:5432/lgsp");
        assert_eq!(mask_url("postgres://db/lgsp?password=x"), "postgres://db/lgsp?[...]");
        assert_eq!(mask_url("sqlite:/a/b"), "sqlite:/a/b");
    }
}
