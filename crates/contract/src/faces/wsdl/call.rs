//! The REST call that a SOAP request becomes, and the JSON that its answer becomes again. Values go over byte by byte: no number is read.

use super::{AnswerShape, SoapFaceOperation, Target};
use crate::openapi::fill;
use indexmap::IndexMap;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::value::RawValue;

/// A REST call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestCall {
    /// The method.
    pub method: String,
    /// Path and query, escaped.
    pub target: String,
    /// Headers that are parameters, by name.
    pub headers: Vec<(String, String)>,
    /// Content-Type; none: no body.
    pub content_type: Option<String>,
    /// The body, JSON.
    pub body: Vec<u8>,
}

type Members<'t> = IndexMap<String, &'t RawValue>;

impl SoapFaceOperation {
    /// The REST call of a request, from its JSON as the codec reads it from the input element. The fault says which member has no place.
    pub fn rest_call(&self, request: &[u8]) -> Result<RestCall, String> {
        let members: Members<'_> =
            serde_json::from_slice(request).map_err(|e| format!("the request's members: {e}"))?;
        let (mut path, mut query, mut headers) = (Vec::new(), String::new(), Vec::new());
        let mut body = Vec::new();
        for child in &self.children {
            let Some(raw) = members.get(&child.json) else { continue };
            match &child.to {
                Target::Path(name) => path.push((name.as_str(), texts(raw)?.join(","))),
                Target::Query { name, explode } => {
                    let texts = texts(raw)?;
                    let joined = |t: Vec<String>| if t.is_empty() { t } else { vec![t.join(",")] };
                    let values = if *explode { texts } else { joined(texts) };
                    for value in values {
                        query.push(if query.is_empty() { '?' } else { '&' });
                        query.extend(utf8_percent_encode(name, NON_ALPHANUMERIC));
                        query.push('=');
                        query.extend(utf8_percent_encode(&value, NON_ALPHANUMERIC));
                    }
                }
                Target::Header(name) => {
                    let value = texts(raw)?.join(",");
                    if value.chars().any(|c| c.is_control()) {
                        return Err(format!("{}: control characters have no place in a header", child.json));
                    }
                    headers.push((name.clone(), value));
                }
                Target::Member => {
                    body.push(if body.is_empty() { b'{' } else { b',' });
                    serde_json::to_writer(&mut body, &child.json).map_err(|e| e.to_string())?;
                    body.push(b':');
                    body.extend_from_slice(raw.get().as_bytes());
                }
                Target::Body => body.extend_from_slice(raw.get().as_bytes()),
            }
        }
        let whole = self.children.iter().any(|c| c.to == Target::Body);
        if self.content_type.is_some() && !whole {
            body.extend_from_slice(if body.is_empty() { b"{}" } else { b"}" });
        }
        let value = |name: &str| path.iter().find(|(n, _)| *n == name).map(|(_, v)| v.as_str());
        let filled = fill(&self.path, value)
            .ok_or("a parameter of the path is missing, empty, or a step such as `..`")?;
        let content_type = self.content_type.clone().filter(|_| !body.is_empty());
        Ok(RestCall { method: self.method.clone(), target: filled + &query, headers, content_type, body })
    }

    /// The JSON of the output element, for the codec, from the body of a successful REST answer.
    pub fn answer_json(&self, body: &[u8]) -> Vec<u8> {
        match self.answer {
            AnswerShape::Members => body.to_vec(),
            AnswerShape::Body => [b"{\"body\":", body, b"}"].concat(),
            AnswerShape::Empty => b"{}".to_vec(),
        }
    }
}

/// A value, or the values of a list, as text.
fn texts(raw: &RawValue) -> Result<Vec<String>, String> {
    let raw = raw.get();
    if raw.starts_with('[') {
        let items: Vec<&RawValue> = serde_json::from_str(raw).map_err(|e| e.to_string())?;
        return items.into_iter().map(|item| text(item.get())).collect();
    }
    if raw == "null" { Ok(Vec::new()) } else { Ok(vec![text(raw)?]) }
}

fn text(raw: &str) -> Result<String, String> {
    if raw.starts_with('"') {
        serde_json::from_str(raw).map_err(|e| e.to_string())
    } else {
        Ok(raw.to_owned())
    }
}
