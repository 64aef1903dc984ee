//! Path templates: a request's path taken apart into its variables, and put together from them.

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

/// What is escaped in a segment: all but RFC 3986's `unreserved` and what is harmless beside it.
pub(super) const SEGMENT: AsciiSet = CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'/')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}')
    .add(b'&')
    .add(b'+')
    .add(b'=')
    .add(b';')
    .add(b',')
    .add(b'\'')
    .add(b'$')
    .add(b'!')
    .add(b'*')
    .add(b'(')
    .add(b')')
    .add(b'@')
    .add(b':');

/// A segment of a template: text, and at most one variable with text around it.
pub(super) fn segment(segment: &str) -> Option<(&str, Option<&str>, &str)> {
    let Some((before, rest)) = segment.split_once('{') else {
        return (!segment.contains('}')).then_some((segment, None, ""));
    };
    let (name, after) = rest.split_once('}')?;
    (!name.is_empty() && !before.contains('}') && !after.contains(['{', '}'])).then_some((
        before,
        Some(name),
        after,
    ))
}

/// The names of a template's variables, in their order.
pub(super) fn variables(template: &str) -> Vec<&str> {
    template.split('/').filter_map(|s| segment(s)?.1).collect()
}

/// The variables of a path that fits a template, unescaped; none: it does not fit. The path is as received (escaped), without query.
pub fn match_path<'t>(template: &'t str, path: &str) -> Option<Vec<(&'t str, String)>> {
    let mut found = Vec::new();
    let (mut wanted, mut given) = (template.split('/'), path.split('/'));
    loop {
        let (want, give) = match (wanted.next(), given.next()) {
            (None, None) => return Some(found),
            (Some(want), Some(give)) => (want, give),
            _ => return None,
        };
        let give = percent_decode_str(give).decode_utf8().ok()?;
        match segment(want)? {
            (text, None, _) if text == give => {}
            (before, Some(name), after) => {
                let value = give.strip_prefix(before)?.strip_suffix(after)?;
                if value.is_empty() {
                    return None;
                }
                found.push((name, value.to_owned()));
            }
            _ => return None,
        }
    }
}

/// A path made from a template: each variable by its value, escaped. None where a variable has no value or an empty one.
pub fn fill<'v>(template: &str, value: impl Fn(&str) -> Option<&'v str>) -> Option<String> {
    let mut path = String::new();
    for (i, part) in template.split('/').enumerate() {
        if i > 0 {
            path.push('/');
        }
        let (before, name, after) = segment(part)?;
        path.push_str(before);
        if let Some(name) = name {
            let value = value(name).filter(|v| !v.is_empty())?;
            // A segment of dots alone would be a step in the path (RFC 3986, 5.2.4), and has no escaped form that is not.
            if before.is_empty() && after.is_empty() && matches!(value, "." | "..") {
                return None;
            }
            path.extend(utf8_percent_encode(value, &SEGMENT));
        }
        path.push_str(after);
    }
    Some(path)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{fill, match_path};

    #[test]
    fn a_path_is_taken_apart_and_put_together() {
        let template = "/citizens/{id}/papers/{no}.json";
        let found = match_path(template, "/citizens/0123%2F4%20a/papers/7.json").unwrap();
        assert_eq!(found, [("id", "0123/4 a".to_owned()), ("no", "7".to_owned())]);
        let back = fill(template, |name| found.iter().find(|(n, _)| *n == name).map(|(_, v)| v.as_str()));
        assert_eq!(back.as_deref(), Some("/citizens/0123%2F4%20a/papers/7.json"));
        for other in
            ["/citizens", "/citizens//papers/7.json", "/citizens/1/papers/.json", "/x/1/papers/7.json"]
        {
            assert_eq!(match_path(template, other), None, "{other}");
        }
        assert_eq!(fill("/a/{x}", |_| Some("..")), None, "no value makes a step in the path");
        assert_eq!(fill("/a/{x}", |_| Some("")), None);
    }
}
