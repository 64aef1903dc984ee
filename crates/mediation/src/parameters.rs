//! Variables of a path and parameters of a query, as the operator's declaration names them.

use percent_encoding::percent_decode_str;
use std::borrow::Cow;

/// The values of a pattern's variables in a decoded path that matches it.
pub(crate) fn variables<'p>(pattern: &'p str, path: &str) -> Vec<(&'p str, String)> {
    let mut given = path.trim_start_matches('/').split('/');
    let mut found = Vec::new();
    for want in pattern.trim_start_matches('/').split('/') {
        let name = want.strip_prefix('{').and_then(|w| w.strip_suffix('}'));
        match name.map(|n| n.strip_suffix('*').map_or((n, false), |n| (n, true))) {
            Some((name, true)) => found.push((name, given.by_ref().collect::<Vec<_>>().join("/"))),
            Some((name, false)) => found.push((name, given.next().unwrap_or_default().to_owned())),
            None => drop(given.next()),
        }
    }
    found
}

/// The query's names and values, unescaped; none where an escape is no UTF-8.
pub(crate) fn query(target: &str) -> Option<Vec<(String, String)>> {
    let Some((_, query)) = target.split_once('?') else { return Some(Vec::new()) };
    let decoded = |text: &str| {
        let text: Cow<'_, str> = if text.contains('+') { text.replace('+', " ").into() } else { text.into() };
        percent_decode_str(&text).decode_utf8().ok().map(Cow::into_owned)
    };
    let pairs = query.split('&').filter(|p| !p.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((decoded(name)?, decoded(value)?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{query, variables};

    #[test]
    fn variables_and_parameters_are_found_by_their_names() {
        assert_eq!(variables("/citizens/{id}/x", "/citizens/0791/x"), [("id", "0791".to_owned())]);
        assert_eq!(variables("/f/{rest*}", "/f/a/b"), [("rest", "a/b".to_owned())]);
        let pairs = query("/x?name=Nguy%E1%BB%85n+V%C4%83n&b=&&c").unwrap();
        assert_eq!(pairs[0], ("name".into(), "Nguyễn Văn".into()));
        assert_eq!(pairs[1..], [("b".into(), "".into()), ("c".into(), "".into())]);
        assert_eq!(query("/x?a=%ff"), None);
        assert!(query("/x").unwrap().is_empty());
    }
}
