//! JSON Schemas compared, one way of messages at a time.

use super::{Changes, Way};
use crate::openapi::doc::{Data, Node};
use crate::openapi::{OpenApi, compare_numbers};
use std::collections::HashSet;

/// How deep schemas without names are followed.
const DEPTH_MAX: usize = 64;

/// Limits, and whether a larger one allows less.
const LIMITS: [(&str, bool); 12] = [
    ("minLength", true),
    ("maxLength", false),
    ("minimum", true),
    ("maximum", false),
    ("exclusiveMinimum", true),
    ("exclusiveMaximum", false),
    ("minItems", true),
    ("maxItems", false),
    ("minProperties", true),
    ("maxProperties", false),
    ("minContains", true),
    ("maxContains", false),
];
/// Keywords whose change has no direction that could be told.
const OTHERS: [&str; 15] = [
    "pattern",
    "format",
    "multipleOf",
    "const",
    "not",
    "if",
    "then",
    "else",
    "contains",
    "patternProperties",
    "propertyNames",
    "dependentSchemas",
    "dependentRequired",
    "unevaluatedItems",
    "unevaluatedProperties",
];

/// Compares schemas of two documents.
pub struct Comparison<'a> {
    pub old: &'a OpenApi,
    pub new: &'a OpenApi,
    pub changes: Changes,
    seen: HashSet<(*const Node, *const Node, Way)>,
}

impl<'a> Comparison<'a> {
    pub fn new(old: &'a OpenApi, new: &'a OpenApi) -> Self {
        Self { old, new, changes: Changes::default(), seen: HashSet::new() }
    }

    /// Compares one schema with another.
    pub fn schemas(&mut self, old: &'a Node, new: &'a Node, way: Way, place: &str, depth: usize) {
        let (old, new) = (self.old.resolve(old), self.new.resolve(new));
        if depth > DEPTH_MAX || !self.seen.insert((std::ptr::from_ref(old), std::ptr::from_ref(new), way)) {
            return;
        }
        self.types(old, new, way, place);
        self.values(old, new, way, place);
        for (name, up_is_tighter) in LIMITS {
            let values = (old.get(name).and_then(Node::as_number), new.get(name).and_then(Node::as_number));
            self.changes.limit(way, place, name, values, |o, n| {
                let order = compare_numbers(o, n);
                (!order.is_eq()).then_some(order.is_lt() == up_is_tighter)
            });
        }
        let unique = |n: &Node| n.is_true("uniqueItems");
        match (unique(old), unique(new)) {
            (false, true) => self.changes.narrowed(way, place, "items must now be unique"),
            (true, false) => self.changes.widened(way, place, "items may now be alike"),
            _ => {}
        }
        for name in OTHERS {
            self.other(old.get(name), new.get(name), way, place, name);
        }
        self.members(old, new, way, place, depth);
        if let (Some(o), Some(n)) = (old.get("items"), new.get("items")) {
            self.schemas(o, n, way, &format!("{place}/[]"), depth + 1);
        } else {
            self.other(old.get("items"), new.get("items"), way, place, "items");
        }
        self.alternatives(old, new, way, place, depth);
    }

    fn other(&mut self, old: Option<&Node>, new: Option<&Node>, way: Way, place: &str, name: &str) {
        match (old.map(Node::to_value), new.map(Node::to_value)) {
            (None, Some(_)) => self.changes.narrowed(way, place, format!("{name} is new")),
            (Some(_), None) => self.changes.widened(way, place, format!("{name} is gone")),
            (Some(o), Some(n)) if o != n => self.changes.push(true, place, format!("{name} changed")),
            _ => {}
        }
    }

    fn types(&mut self, old: &Node, new: &Node, way: Way, place: &str) {
        let (old, new) = (types(old), types(new));
        let covered = |all: &[String], t: &String| {
            all.is_empty() || all.contains(t) || (t == "integer" && all.iter().any(|a| a == "number"))
        };
        let say = |t: &[String]| if t.is_empty() { "any type".to_owned() } else { t.join(" or ") };
        let what = format!("the type changed from {} to {}", say(&old), say(&new));
        let narrowed = (old.is_empty() && !new.is_empty()) || old.iter().any(|t| !covered(&new, t));
        let widened = (new.is_empty() && !old.is_empty()) || new.iter().any(|t| !covered(&old, t));
        match (narrowed, widened) {
            (true, true) => self.changes.push(true, place, what),
            (true, false) => self.changes.narrowed(way, place, what),
            (false, true) => self.changes.widened(way, place, what),
            (false, false) => {}
        }
    }

    /// Allowed values. New ones in answers are no break, but callers should know.
    fn values(&mut self, old: &Node, new: &Node, way: Way, place: &str) {
        let all = |n: &Node| {
            n.get("enum").map(|e| e.items().iter().map(|v| v.to_value().to_string()).collect::<Vec<_>>())
        };
        match (all(old), all(new)) {
            (Some(old), Some(new)) => {
                for gone in old.iter().filter(|v| !new.contains(v)) {
                    self.changes.narrowed(way, place, format!("the value {gone} is no longer allowed"));
                }
                for added in new.iter().filter(|v| !old.contains(v)) {
                    self.changes.push(
                        false,
                        place,
                        format!(
                            "the value {added} is new: callers that know only the old ones should be told"
                        ),
                    );
                }
            }
            (None, Some(new)) => self.changes.narrowed(
                way,
                place,
                format!("only the values {} are allowed now", new.join(", ")),
            ),
            (Some(_), None) => self.changes.widened(way, place, "any value is allowed now"),
            (None, None) => {}
        }
    }

    fn members(&mut self, old: &'a Node, new: &'a Node, way: Way, place: &str, depth: usize) {
        let empty = &[][..];
        let of = |n: &'a Node| n.get("properties").map_or(empty, Node::members);
        let closed = |n: &Node| n.get("additionalProperties").and_then(Node::as_bool) == Some(false);
        for (name, o) in of(old) {
            let inside = format!("{place}/{name}");
            match of(new).iter().find(|(n, _)| n == name) {
                Some((_, n)) => self.schemas(o, n, way, &inside, depth + 1),
                None => {
                    let breaks = way == Way::Answer || closed(new);
                    self.changes.push(breaks, &inside, "this member is gone");
                }
            }
        }
        for (name, _) in of(new).iter().filter(|(n, _)| !of(old).iter().any(|(o, _)| o == n)) {
            let breaks = way == Way::Answer && closed(old);
            self.changes.push(breaks, &format!("{place}/{name}"), "this member is new");
        }
        let required = |n: &'a Node| {
            n.get("required")
                .map_or(empty_items(), Node::items)
                .iter()
                .filter_map(Node::as_str)
                .collect::<Vec<_>>()
        };
        let (before, after) = (required(old), required(new));
        for name in after.iter().filter(|n| !before.contains(n)) {
            self.changes.narrowed(way, &format!("{place}/{name}"), "this member must be there now");
        }
        for name in before.iter().filter(|n| !after.contains(n)) {
            self.changes.widened(way, &format!("{place}/{name}"), "this member may be missing now");
        }
        match (old.get("additionalProperties"), new.get("additionalProperties")) {
            (Some(o), Some(n)) if matches!((&o.data, &n.data), (Data::Map(_), Data::Map(_))) => {
                self.schemas(o, n, way, &format!("{place}/*"), depth + 1);
            }
            (o, n) => {
                let open = |n: Option<&Node>| n.is_none_or(|n| n.data == Data::Bool(true));
                match (open(o), open(n)) {
                    (true, false) => self.changes.narrowed(
                        way,
                        place,
                        "members that are not described are no longer allowed, or limited",
                    ),
                    // More members in answers are what callers are to bear.
                    (false, true) => {
                        self.changes.push(false, place, "members that are not described are allowed now")
                    }
                    (false, false) if o.map(Node::to_value) != n.map(Node::to_value) => {
                        self.changes.push(true, place, "additionalProperties changed");
                    }
                    _ => {}
                }
            }
        }
    }

    fn alternatives(&mut self, old: &'a Node, new: &'a Node, way: Way, place: &str, depth: usize) {
        for keyword in ["allOf", "anyOf", "oneOf", "prefixItems"] {
            let of = |n: &'a Node| n.get(keyword).map_or(empty_items(), Node::items);
            let (o, n) = (of(old), of(new));
            for (i, (o, n)) in o.iter().zip(n).enumerate() {
                self.schemas(o, n, way, &format!("{place}/{keyword}[{i}]"), depth + 1);
            }
            if o.len() == n.len() {
                continue;
            }
            let what = format!("{keyword} has {} instead of {}", n.len(), o.len());
            // Every one of `allOf` must hold; where there were no alternatives at all, each new one is a limit.
            let more_is_tighter =
                keyword == "allOf" || keyword == "prefixItems" || o.is_empty() || n.is_empty();
            if (n.len() > o.len()) == more_is_tighter {
                self.changes.narrowed(way, place, what);
            } else {
                self.changes.widened(way, place, what);
            }
        }
    }
}

fn empty_items() -> &'static [Node] {
    &[]
}

fn types(node: &Node) -> Vec<String> {
    match node.get("type") {
        Some(Node { data: Data::Text(t), .. }) => vec![t.clone()],
        Some(n) => n.items().iter().filter_map(Node::as_str).map(str::to_owned).collect(),
        None => Vec::new(),
    }
}
