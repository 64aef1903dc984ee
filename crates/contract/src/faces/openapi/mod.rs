//! The OpenAPI document of the REST face of a service that speaks SOAP, written from its WSDL and from what the operator declared of its
//! operations. Types are in `schema` and `simple`, examples in `example`.

mod example;
mod older;
mod paths;
mod pattern;
mod place;
mod prune;
mod schema;
mod simple;

use crate::wsdl::{Wsdl, WsdlOperation};
use lgsp_schema::Problem;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The version of OpenAPI.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OpenApiVersion {
    /// 3.1.0.
    #[default]
    V31,
    /// 3.0.3, for tools that know no newer one.
    V30,
}

/// How the document is written.
#[derive(Debug, Clone, Default)]
pub struct FaceOptions {
    /// Title; none: the service's name.
    pub title: Option<String>,
    /// Version of the interface, such as `1.0`; empty: `1`.
    pub version: String,
    /// Address of the face, without a slash at its end.
    pub server: String,
    /// Version of OpenAPI.
    pub openapi: OpenApiVersion,
    /// The operations as declared; those that are not get `POST /{operation}`.
    pub operations: Vec<FaceOperation>,
    /// Operations of the WSDL that have no REST face, by name.
    pub without: Vec<String>,
}

/// An operation of the face as the operator declared it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FaceOperation {
    /// The WSDL operation's name.
    pub name: String,
    /// HTTP method.
    pub method: String,
    /// Path after the version, with `{variables}`.
    pub path: String,
    /// Variables of the path and names of query parameters, each with the JSON pointer (RFC 6901) of the request's member that it fills.
    pub bind: BTreeMap<String, String>,
    /// JSON pointers of the request's members that always have this value.
    pub set: BTreeMap<String, String>,
    /// JSON pointer of the part of the answer that callers get; none: all.
    pub result: Option<String>,
}

impl FaceOperation {
    /// What an operation is without a declaration.
    pub fn plain(name: &str) -> Self {
        Self { name: name.into(), method: "POST".into(), path: format!("/{name}"), ..Self::default() }
    }
}

/// Writes the document. Operations that have no reading are left out of it. Refused where a declaration does not fit the contract:
/// unknown operations, pointers to nothing, methods without a body whose request would need one.
pub fn write(wsdl: &Wsdl, options: &FaceOptions) -> Result<Value, Vec<Problem>> {
    let mut problems = Vec::new();
    for declared in &options.operations {
        if wsdl.operation(&declared.name).is_none() {
            problems.push(wrong("operations", format!("the WSDL has no operation {:?}", declared.name)));
        }
    }
    let mut writer = schema::Writer::new(&wsdl.model);
    let problem = writer.reserve("Problem");
    writer.components.insert(problem, problem_schema());
    let mut paths: Map<String, Value> = Map::new();
    let faced =
        |o: &&WsdlOperation| o.unsupported.is_empty() && !options.without.iter().any(|n| **n == *o.name);
    for operation in wsdl.operations.iter().filter(faced) {
        let plain = FaceOperation::plain(&operation.name);
        let declared = options.operations.iter().find(|d| d.name == *operation.name).unwrap_or(&plain);
        match paths::operation(&mut writer, operation, declared) {
            Ok(written) => {
                let method = declared.method.to_ascii_lowercase();
                let path = paths.entry(declared.path.clone()).or_insert_with(|| json!({}));
                if path.get(&method).is_some() {
                    problems.push(wrong(
                        &declared.name,
                        format!("{} {} is declared twice", declared.method, declared.path),
                    ));
                }
                path[method] = written;
            }
            Err(problem) => problems.push(problem),
        }
    }
    writer.finish();
    if !problems.is_empty() {
        return Err(problems);
    }
    let components: Map<String, Value> = writer.components.into_iter().collect();
    let document = document(wsdl, options, paths, components);
    Ok(match options.openapi {
        OpenApiVersion::V31 => document,
        OpenApiVersion::V30 => older::to_30(document),
    })
}

/// As [`write()`], as JSON text.
pub fn write_text(wsdl: &Wsdl, options: &FaceOptions) -> Result<String, Vec<Problem>> {
    write(wsdl, options).map(|document| format!("{document:#}\n"))
}

fn wrong(construct: &str, message: String) -> Problem {
    Problem { place: None, construct: construct.into(), message }
}

fn document(
    wsdl: &Wsdl,
    options: &FaceOptions,
    paths: Map<String, Value>,
    schemas: Map<String, Value>,
) -> Value {
    let title = options.title.clone().unwrap_or_else(|| wsdl.service().name.local.to_string());
    let version = if options.version.is_empty() { "1" } else { &options.version };
    let mut info = json!({"title": title, "version": version});
    if let Some(doc) = &wsdl.doc {
        info["description"] = json!(doc);
    }
    json!({
        "openapi": "3.1.0",
        "info": info,
        "servers": [{"url": if options.server.is_empty() { "/" } else { &options.server }}],
        "security": [{"bearer": []}, {"apiKey": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "description": "OAuth 2.0 access token of the platform."},
                "apiKey": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
            },
            "schemas": schemas,
        },
    })
}

/// The problem document (RFC 9457) of all refusals, and of the provider's faults.
fn problem_schema() -> Value {
    json!({
        "type": "object",
        "description": "Why a call was refused or failed (RFC 9457).",
        "properties": {
            "type": {"type": "string"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "step": {"type": "string"},
            "blame": {"type": "string"},
            "remedy": {"type": "string"},
            "exchange": {"type": "string"},
            "retry_after": {"type": "integer"},
            "fault": {
                "type": "object",
                "description": "The provider's own fault.",
                "properties": {
                    "code": {"type": "string"},
                    "subcode": {"type": "string"},
                    "reason": {"type": "string"},
                    "detail": {"type": "object"},
                },
                "required": ["code", "reason"],
            },
        },
        "required": ["type", "title", "status"],
    })
}
