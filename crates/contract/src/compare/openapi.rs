//! Two OpenAPI documents compared by operation.

use super::schema::Comparison;
use super::{Change, Way};
use crate::openapi::{In, Media, OpenApi, Operation, Parameter};

/// All changes from an old document to a new one.
pub fn openapi(old: &OpenApi, new: &OpenApi) -> Vec<Change> {
    let mut all = Comparison::new(old, new);
    for operation in &old.operations {
        let place = format!("{} {}", operation.method, operation.path);
        match new.operations.iter().find(|o| same(o, operation)) {
            Some(now) => compare(&mut all, operation, now, &place),
            None => all.changes.push(true, &place, format!("the operation {} is gone", operation.name)),
        }
    }
    for operation in new.operations.iter().filter(|n| !old.operations.iter().any(|o| same(o, n))) {
        let place = format!("{} {}", operation.method, operation.path);
        all.changes.push(false, &place, format!("the operation {} is new", operation.name));
    }
    all.changes.0
}

/// The same request line: the names of variables do not matter to callers.
fn same(a: &Operation, b: &Operation) -> bool {
    let shape = |path: &str| {
        path.split('/').map(|s| if s.starts_with('{') { "{}" } else { s }.to_owned()).collect::<Vec<_>>()
    };
    a.method == b.method && shape(&a.path) == shape(&b.path)
}

fn compare<'a>(all: &mut Comparison<'a>, old: &'a Operation, new: &'a Operation, place: &str) {
    if old.name != new.name {
        let what = format!("the operation {} is now called {}: grants name operations", old.name, new.name);
        all.changes.push(true, place, what);
    }
    parameters(all, old, new, place);
    body(all, old, new, place);
    responses(all, old, new, place);
    if old.security != new.security {
        let say = |s: &[String]| if s.is_empty() { "none".to_owned() } else { s.join(" or ") };
        // Another way in beside the old ones hurts nobody; nor does asking for nothing.
        let kept = !old.security.is_empty() && old.security.iter().all(|s| new.security.contains(s));
        let breaking = !(kept || new.security.is_empty());
        all.changes.push(
            breaking,
            place,
            format!("security changed from {} to {}", say(&old.security), say(&new.security)),
        );
    }
}

fn parameters<'a>(all: &mut Comparison<'a>, old: &'a Operation, new: &'a Operation, place: &str) {
    let names = |o: &'a Operation| {
        o.path
            .split('/')
            .filter(|s| s.starts_with('{'))
            .map(|s| s.trim_matches(['{', '}']))
            .collect::<Vec<_>>()
    };
    let (variables_old, variables_new) = (names(old), names(new));
    let now = |p: &Parameter| {
        let place = variables_old.iter().position(|v| *v == p.name).filter(|_| p.location == In::Path);
        let name = place.and_then(|i| variables_new.get(i)).map_or(p.name.as_str(), |v| *v);
        new.parameters.iter().find(|n| n.location == p.location && n.name == name)
    };
    for parameter in &old.parameters {
        let at = format!("{place}: parameter {}", parameter.name);
        let Some(new) = now(parameter) else {
            all.changes.push(false, &at, "this parameter is gone; it is ignored if sent");
            continue;
        };
        match (parameter.required, new.required) {
            (false, true) => all.changes.push(true, &at, "this parameter is required now"),
            (true, false) => all.changes.push(false, &at, "this parameter is no longer required"),
            _ => {}
        }
        let written = |p: &Parameter| (p.style, p.explode, p.json);
        if written(parameter) != written(new) {
            all.changes.push(true, &at, "its value is written in another way (style, explode or content)");
        }
        all.schemas(&parameter.schema, &new.schema, Way::Request, &at, 0);
    }
    let known = |n: &Parameter| old.parameters.iter().any(|p| now(p).is_some_and(|f| std::ptr::eq(f, n)));
    for parameter in new.parameters.iter().filter(|n| !known(n)) {
        let at = format!("{place}: parameter {}", parameter.name);
        all.changes.push(
            parameter.required,
            &at,
            if parameter.required { "this required parameter is new" } else { "this parameter is new" },
        );
    }
}

fn body<'a>(all: &mut Comparison<'a>, old: &'a Operation, new: &'a Operation, place: &str) {
    let at = format!("{place}: request body");
    match (&old.body, &new.body) {
        (None, None) => {}
        (None, Some(new)) => all.changes.push(
            new.required,
            &at,
            if new.required { "a body is required now" } else { "a body may be sent now" },
        ),
        (Some(_), None) => all.changes.push(true, &at, "no body is taken any more"),
        (Some(old), Some(new)) => {
            match (old.required, new.required) {
                (false, true) => all.changes.push(true, &at, "the body is required now"),
                (true, false) => all.changes.push(false, &at, "the body is no longer required"),
                _ => {}
            }
            media(all, &old.content, &new.content, Way::Request, &at);
        }
    }
}

fn responses<'a>(all: &mut Comparison<'a>, old: &'a Operation, new: &'a Operation, place: &str) {
    for response in &old.responses {
        let at = format!("{place}: answer {}", response.status);
        match new.responses.iter().find(|r| r.status == response.status) {
            Some(now) => media(all, &response.content, &now.content, Way::Answer, &at),
            None => all.changes.push(response.status.is_success(), &at, "this answer is no longer described"),
        }
    }
    for response in new.responses.iter().filter(|n| !old.responses.iter().any(|o| o.status == n.status)) {
        let at = format!("{place}: answer {}", response.status);
        all.changes.push(false, &at, "this answer is new");
    }
}

fn media<'a>(all: &mut Comparison<'a>, old: &'a [Media], new: &'a [Media], way: Way, place: &str) {
    for media in old {
        let at = format!("{place} {}", media.name);
        let Some(now) = new.iter().find(|m| m.name == media.name) else {
            all.changes.push(true, &at, "this media type is gone");
            continue;
        };
        match (&media.schema, &now.schema) {
            (Some(o), Some(n)) => all.schemas(o, n, way, &at, 0),
            (None, Some(_)) => all.changes.narrowed(way, &at, "a schema is new"),
            (Some(_), None) => all.changes.widened(way, &at, "the schema is gone"),
            (None, None) => {}
        }
    }
    for media in new.iter().filter(|n| !old.iter().any(|o| o.name == n.name)) {
        all.changes.push(false, &format!("{place} {}", media.name), "this media type is new");
    }
}
