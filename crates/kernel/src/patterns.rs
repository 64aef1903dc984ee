//! Path patterns of operations and grants: `/citizens/{id}`, `/files/{rest*}`. Matching is on decoded segments that the edge has
//! already found free of dots and encoded slashes.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A path pattern. A segment is literal, `{name}` (exactly one segment, not empty) or, at the end only, `{name*}`
/// (any number of segments, also none).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PathPattern {
    text: Box<str>,
    segments: Box<[Segment]>,
    open: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Segment {
    Literal(Box<str>),
    Any,
}

/// Why a text is not a path pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a path pattern: {why}")]
pub struct PatternError {
    text: String,
    why: &'static str,
}

impl PathPattern {
    /// The pattern as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether a path (starting with `/`, or empty for the root) matches.
    pub fn matches(&self, path: &str) -> bool {
        let mut parts = path.strip_prefix('/').unwrap_or(path).split('/');
        if path.is_empty() || path == "/" {
            return self.segments.is_empty();
        }
        for segment in &self.segments {
            match (segment, parts.next()) {
                (_, None) => return false,
                (Segment::Literal(l), Some(p)) if **l != *p => return false,
                (Segment::Any, Some("")) => return false,
                _ => {}
            }
        }
        self.open || parts.next().is_none()
    }
}

impl FromStr for PathPattern {
    type Err = PatternError;
    fn from_str(s: &str) -> Result<Self, PatternError> {
        let bad = |why| PatternError { text: s.chars().take(120).collect(), why };
        let rest = s.strip_prefix('/').ok_or_else(|| bad("it must start with '/'"))?;
        let mut segments = Vec::new();
        let mut open = false;
        if !rest.is_empty() {
            for part in rest.split('/') {
                if open {
                    return Err(bad("'{name*}' must be the last segment"));
                }
                let inner = part.strip_prefix('{').and_then(|p| p.strip_suffix('}'));
                match inner {
                    Some(name) if name.ends_with('*') => open = true,
                    Some("") => return Err(bad("a variable needs a name")),
                    Some(_) => segments.push(Segment::Any),
                    None if part.is_empty() => return Err(bad("an empty segment")),
                    None if part.contains(['{', '}', '*', '?', '#', '%']) => {
                        return Err(bad("a segment is a literal or one '{name}'"));
                    }
                    None if part == "." || part == ".." => return Err(bad("a dot segment")),
                    None => segments.push(Segment::Literal(part.into())),
                }
            }
        }
        Ok(Self { text: s.into(), segments: segments.into(), open })
    }
}
impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
impl Serialize for PathPattern {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.text)
    }
}
impl<'de> Deserialize<'de> for PathPattern {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}
impl utoipa::PartialSchema for PathPattern {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        <String as utoipa::PartialSchema>::schema()
    }
}
impl utoipa::ToSchema for PathPattern {}

#[cfg(test)]
mod tests {
    use super::PathPattern;

    fn matches(pattern: &str, path: &str) -> bool {
        pattern.parse::<PathPattern>().expect("pattern").matches(path)
    }

    #[test]
    fn segments_match_one_for_one() {
        assert!(matches("/a/{id}", "/a/7"));
        assert!(!matches("/a/{id}", "/a"));
        assert!(!matches("/a/{id}", "/a/"));
        assert!(!matches("/a/{id}", "/a/7/b"));
        assert!(matches("/", "/") && matches("/", "") && !matches("/", "/a"));
        assert!(matches("/f/{rest*}", "/f") && matches("/f/{rest*}", "/f/a/b"));
        assert!(!matches("/a", "/A"), "paths are case-sensitive");
    }

    #[test]
    fn malformed_patterns_are_refused() {
        for bad in ["", "a", "//", "/a//b", "/{}", "/{a*}/b", "/a{b}", "/../x", "/a?b"] {
            assert!(bad.parse::<PathPattern>().is_err(), "{bad:?}");
        }
    }
}
