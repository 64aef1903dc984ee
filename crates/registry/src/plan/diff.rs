//! The fields in which two stored forms differ. Lists of things with a name are compared by that name, so that inserting a version
//! does not show all others as changed. Sealed texts and digests are never shown.

use super::FieldDiff;
use serde_json::Value;

/// What stands in the place of a secret.
pub(crate) const SECRET_CHANGED: &str = "(secret changed)";
/// The longest value shown, characters.
const SHOWN_MAX: usize = 200;
/// What a list's items are called by, the first that all of them have.
const NAMES: [&str; 3] = ["version", "name", "url"];

/// The fields that differ between two stored forms.
pub(crate) fn fields(before: &str, after: &str) -> Vec<FieldDiff> {
    let parse = |text: &str| serde_json::from_str::<Value>(text).unwrap_or(Value::Null);
    let (before, after) = (parse(before), parse(after));
    if before.is_null() {
        let words = "(could not be read)".to_owned();
        return vec![FieldDiff {
            path: String::new(),
            before: Some(words),
            after: Some("(as declared)".into()),
        }];
    }
    let mut out = Vec::new();
    walk("", Some(&before), Some(&after), &mut out);
    out
}

fn walk(path: &str, before: Option<&Value>, after: Option<&Value>, out: &mut Vec<FieldDiff>) {
    if before == after {
        return;
    }
    if let Some(path) = secret_path(path, before, after) {
        let words = Some(SECRET_CHANGED.to_owned());
        out.push(FieldDiff { path, before: before.and(words.clone()), after: after.and(words) });
        return;
    }
    match (before, after) {
        (Some(Value::Object(b)), Some(Value::Object(a))) => {
            // In the order of their names, whichever order the JSON library keeps.
            for key in b.keys().chain(a.keys()).collect::<std::collections::BTreeSet<_>>() {
                walk(&join(path, key), b.get(key), a.get(key), out);
            }
        }
        (Some(Value::Array(b)), Some(Value::Array(a))) => match name_of(b, a) {
            Some(name) => {
                let called = |v: &Value| v.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
                let find = |list: &'_ [Value], n: &str| list.iter().position(|v| called(v) == n);
                for item in b {
                    let n = called(item);
                    walk(&format!("{path}[{n}]"), Some(item), find(a, &n).map(|i| &a[i]), out);
                }
                for item in a.iter().filter(|v| find(b, &called(v)).is_none()) {
                    walk(&format!("{path}[{}]", called(item)), None, Some(item), out);
                }
                let order = |list: &[Value]| list.iter().map(called).collect::<Vec<_>>();
                if out.is_empty() && order(b) != order(a) {
                    push(path, Some(order(b).join(", ")), Some(order(a).join(", ")), out);
                }
            }
            None => push(path, before.map(shown), after.map(shown), out),
        },
        _ => push(path, before.map(shown), after.map(shown), out),
    }
}

fn push(path: &str, before: Option<String>, after: Option<String>, out: &mut Vec<FieldDiff>) {
    out.push(FieldDiff { path: path.to_owned(), before, after });
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// The path to call it by, if what differs here is a secret.
fn secret_path(path: &str, before: Option<&Value>, after: Option<&Value>) -> Option<String> {
    let sealed = |v: Option<&Value>| v.and_then(Value::as_object).is_some_and(|m| m.contains_key("sealed"));
    if sealed(before) || sealed(after) {
        return Some(path.to_owned());
    }
    (path == "digest").then(|| "secret".to_owned())
}

/// The field by which the items of both lists are told apart: all have it and no two are alike.
fn name_of(b: &[Value], a: &[Value]) -> Option<&'static str> {
    NAMES.into_iter().find(|name| {
        [b, a].into_iter().all(|list| {
            let mut seen = std::collections::HashSet::new();
            list.iter().all(|v| v.get(name).and_then(Value::as_str).is_some_and(|n| seen.insert(n)))
        })
    })
}

/// A value on one line, its sealed parts left out.
fn shown(value: &Value) -> String {
    let mut value = value.clone();
    hide(&mut value);
    let text = match &value {
        Value::String(s) => s.replace(['\n', '\r'], " "),
        Value::Array(items) if items.iter().all(Value::is_string) => {
            let items: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
            format!("[{}]", items.join(", "))
        }
        other => other.to_string(),
    };
    match text.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

fn hide(value: &mut Value) {
    match value {
        Value::Object(map) => {
            let sorted: std::collections::BTreeMap<_, _> = std::mem::take(map).into_iter().collect();
            map.extend(sorted);
            for (key, v) in map.iter_mut() {
                if key == "sealed" || key == "digest" {
                    *v = Value::String("(secret)".into());
                } else {
                    hide(v);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(hide),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::fields;

    fn lines(before: &str, after: &str) -> Vec<String> {
        fields(before, after)
            .into_iter()
            .map(|f| {
                format!(
                    "{}: {} -> {}",
                    f.path,
                    f.before.as_deref().unwrap_or("-"),
                    f.after.as_deref().unwrap_or("-")
                )
            })
            .collect()
    }

    #[test]
    fn named_items_are_compared_by_name_wherever_they_stand() {
        let before = r#"{"versions":[{"version":"1.0","lifecycle":"draft"}]}"#;
        let after = r#"{"versions":[{"version":"2.0","lifecycle":"draft"},{"version":"1.0","lifecycle":"published"}]}"#;
        assert_eq!(
            lines(before, after),
            [
                "versions[1.0].lifecycle: draft -> published",
                r#"versions[2.0]: - -> {"lifecycle":"draft","version":"2.0"}"#
            ]
        );
    }

    #[test]
    fn a_secret_is_said_to_change_and_never_shown() {
        let before = r#"{"auth":{"type":"basic","password":{"sealed":"v1.AAAA"}},"digest":"aa"}"#;
        let after = r#"{"auth":{"type":"basic","password":{"sealed":"v1.BBBB"}},"digest":"bb"}"#;
        assert_eq!(
            lines(before, after),
            [
                "auth.password: (secret changed) -> (secret changed)",
                "secret: (secret changed) -> (secret changed)"
            ]
        );
        let whole = lines(
            r#"{"versions":[]}"#,
            r#"{"versions":[{"version":"1","auth":{"password":{"sealed":"v1.X"}}}]}"#,
        );
        assert!(!whole[0].contains("v1.X"), "{whole:?}");
    }

    #[test]
    fn plain_lists_are_shown_whole() {
        assert_eq!(
            lines(r#"{"operations":["*"]}"#, r#"{"operations":["a","b"]}"#),
            ["operations: [*] -> [a, b]"]
        );
    }
}
