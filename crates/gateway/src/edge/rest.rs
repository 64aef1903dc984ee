//! REST: which operation a method and a path mean. The most specific pattern wins: at the first segment where two differ a literal
//! goes before a variable, and a variable before the rest.

use http::Method;
use lgsp_kernel::snapshot::{Operation, Version};
use std::cmp::Ordering;
use std::sync::Arc;

/// What was found.
pub(crate) enum Found<'a> {
    /// This operation.
    Operation(&'a Arc<Operation>),
    /// The path exists, with these methods.
    OtherMethods(String),
    /// Nothing.
    Nothing,
}

/// Finds the operation of a version. HEAD means GET where it is not declared itself.
pub(crate) fn find<'a>(version: &'a Version, method: &Method, path: &str) -> Found<'a> {
    if let Some(operation) = best(version, method.as_str(), path) {
        return Found::Operation(operation);
    }
    if *method == Method::HEAD
        && let Some(operation) = best(version, "GET", path)
    {
        return Found::Operation(operation);
    }
    let mut methods: Vec<&str> = version
        .operations
        .iter()
        .filter(|o| o.spec.path.as_ref().is_some_and(|p| p.matches(path)))
        .filter_map(|o| o.spec.method.as_deref())
        .collect();
    if methods.contains(&"GET") {
        methods.push("HEAD");
    }
    methods.sort_unstable();
    methods.dedup();
    if methods.is_empty() { Found::Nothing } else { Found::OtherMethods(methods.join(", ")) }
}

fn best<'a>(version: &'a Version, method: &str, path: &str) -> Option<&'a Arc<Operation>> {
    let fits = |o: &&Arc<Operation>| {
        o.spec.method.as_deref() == Some(method) && o.spec.path.as_ref().is_some_and(|p| p.matches(path))
    };
    version.operations.iter().filter(fits).max_by(|a, b| specificity(a, b))
}

fn specificity(a: &Operation, b: &Operation) -> Ordering {
    let text = |o: &Operation| o.spec.path.as_ref().map_or(String::new(), |p| p.as_str().to_owned());
    let (a, b) = (text(a), text(b));
    let rank = |segment: &str| match segment {
        s if s.ends_with("*}") => 0,
        s if s.starts_with('{') => 2,
        _ => 3,
    };
    // A pattern that has ended matched exactly: that is more than `{rest*}`, which ranks 0.
    let ranks = |p: &str| p.split('/').map(rank).chain([1]).collect::<Vec<u8>>();
    ranks(&a).cmp(&ranks(&b))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{Found, find};
    use lgsp_kernel::snapshot::{OpenAuth, Operation, Version};
    use std::sync::Arc;

    fn version(operations: &[(&str, &str)]) -> Version {
        let operation = |(i, (method, path)): (usize, &(&str, &str))| {
            let spec = serde_json::json!({"name": format!("o{i}"), "method": method, "path": path});
            Arc::new(Operation {
                spec: serde_json::from_value(spec).unwrap(),
                key: String::new(),
                safe: false,
                idempotent: false,
            })
        };
        let spec =
            serde_json::json!({"version": "1", "lifecycle": "published", "targets": [], "operations": []});
        Version {
            spec: serde_json::from_value(spec).unwrap(),
            key: String::new(),
            stamp: 0,
            auth: OpenAuth::None,
            client_certificate: None,
            legs: Vec::new(),
            mediator: None,
            operations: operations.iter().enumerate().map(operation).collect(),
        }
    }
    fn name(version: &Version, method: &str, path: &str) -> String {
        match find(version, &method.parse().unwrap(), path) {
            Found::Operation(o) => o.spec.name.clone(),
            Found::OtherMethods(methods) => methods,
            Found::Nothing => "nothing".into(),
        }
    }

    #[test]
    fn a_literal_goes_before_a_variable_and_a_variable_before_the_rest() {
        let v = version(&[
            ("GET", "/{all*}"),
            ("GET", "/a/{id}"),
            ("GET", "/a/b"),
            ("GET", "/{x}/b"),
            ("GET", "/a"),
        ]);
        assert_eq!(name(&v, "GET", "/a/b"), "o2");
        assert_eq!(name(&v, "GET", "/a/c"), "o1");
        assert_eq!(name(&v, "GET", "/z/b"), "o3");
        assert_eq!(name(&v, "GET", "/z/y/x"), "o0");
        assert_eq!(name(&v, "GET", "/a"), "o4");
        let v = version(&[("GET", "/a/{rest*}"), ("GET", "/a")]);
        assert_eq!(name(&v, "GET", "/a"), "o1");
    }

    #[test]
    fn a_path_with_another_method_names_the_methods_it_has() {
        let v = version(&[("GET", "/a"), ("PUT", "/{x}"), ("POST", "/b")]);
        assert_eq!(name(&v, "DELETE", "/a"), "GET, HEAD, PUT");
        assert_eq!(name(&v, "HEAD", "/a"), "o0");
        assert_eq!(name(&v, "OPTIONS", "/b"), "POST, PUT");
        assert_eq!(name(&v, "GET", "/c/d"), "nothing");
    }
}
