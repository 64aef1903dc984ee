//! Reading a document: its version, the official schema, operations, schemas, and the checks beyond the schema.

use super::doc::Node;
use super::files::{At, Files};
use super::schema::Schemas;
use super::{Dialect, OpenApi, lint, operations};
use jsonschema::error::ValidationErrorKind;
use jsonschema::{ValidationError, Validator};
use lgsp_schema::Problem;
use lgsp_schema::bundle::Bundle;
use std::sync::OnceLock;

/// Problems reported of one document: enough to mend it, not a flood.
const PROBLEMS_MAX: usize = 50;
/// Why the official schema refuses: how far alternatives are looked into for the one that was meant.
const CONTEXT_DEPTH: usize = 8;

const SCHEMA_30: &str = include_str!("schemas/oas-3.0.json");
const SCHEMA_31: &str = include_str!("schemas/oas-3.1.json");

/// Reads the contract whose main file this is. All that is wrong is reported at once, up to a bound.
pub fn read(bundle: &Bundle, main: &str) -> Result<OpenApi, Vec<Problem>> {
    let files = Files::load(bundle, main)?;
    let Some(root) = files.root(main) else { return Err(Vec::new()) };
    let dialect = dialect(root).map_err(|p| vec![p])?;
    let mut problems = official(root, dialect);
    if !problems.is_empty() {
        problems.truncate(PROBLEMS_MAX);
        return Err(problems);
    }
    let mut schemas = Schemas::new(&files, dialect);
    let mut reader = operations::Reader::new(&files, root, &mut schemas);
    let operations = reader.all();
    let (mut problems, warnings) = (reader.problems, reader.warnings);
    let (schemas, found) = schemas.finish();
    problems.extend(found);
    lint::operations(&operations, &mut problems);
    lint::schemas(&schemas, &mut problems);
    if !problems.is_empty() {
        problems.truncate(PROBLEMS_MAX);
        return Err(problems);
    }
    let info = |name| root.node.get("info").and_then(|i| i.str_of(name)).unwrap_or_default().to_owned();
    let (title, version) = (info("title"), info("version"));
    Ok(OpenApi { dialect, title, version, operations, schemas, warnings })
}

fn dialect(root: At<'_>) -> Result<Dialect, Problem> {
    if let Some(node) = root.node.get("swagger") {
        let message = "Swagger 2.0 is not taken: convert the document to OpenAPI 3.0, for which there are free converters";
        return Err(At { node, ..root }.problem("swagger", message));
    }
    let Some(node) = root.node.get("openapi") else {
        return Err(root.problem("openapi", "this is no OpenAPI document: the field `openapi` is missing"));
    };
    match node.as_str() {
        Some(v) if v.starts_with("3.0.") => Ok(Dialect::V30),
        Some(v) if v.starts_with("3.1.") => Ok(Dialect::V31),
        _ => {
            let given = node.as_str().or(node.as_number()).unwrap_or("something else");
            let message = format!(
                "versions 3.0.x and 3.1.x are taken, as quoted text; this is {given:?}. Of 3.2, leave out what 3.1 has not and write 3.1.0"
            );
            Err(At { node, ..root }.problem("openapi", message))
        }
    }
}

/// What the official JSON Schema of the version finds wrong. Schema Objects of 3.1 are looked at by `schema`.
fn official(root: At<'_>, dialect: Dialect) -> Vec<Problem> {
    static V30: OnceLock<Option<Validator>> = OnceLock::new();
    static V31: OnceLock<Option<Validator>> = OnceLock::new();
    let validator = match dialect {
        Dialect::V30 => V30.get_or_init(|| compile(SCHEMA_30)),
        Dialect::V31 => V31.get_or_init(|| compile(SCHEMA_31)),
    };
    let Some(validator) = validator else {
        return vec![root.problem(
            "openapi",
            "the official schema could not be compiled: this is a defect of the platform",
        )];
    };
    let value = root.node.to_value();
    if validator.is_valid(&value) {
        return Vec::new();
    }
    validator.iter_errors(&value).take(PROBLEMS_MAX).map(|e| explain(root, &e)).collect()
}

fn compile(text: &str) -> Option<Validator> {
    let schema = serde_json::from_str(text).ok()?;
    jsonschema::options().should_validate_formats(false).build(&schema).ok()
}

fn explain(root: At<'_>, error: &ValidationError<'_>) -> Problem {
    let error = deepest(error, 0);
    let pointer = error.instance_path().as_str();
    let (node, _): (&Node, bool) = root.node.find(pointer);
    let at = At { node, ..root };
    at.problem(pointer, error.masked_with("this").to_string())
}

/// Of alternatives that all fail, the complaint that is deepest in the document is about the one that was meant.
fn deepest<'e, 'i>(error: &'e ValidationError<'i>, depth: usize) -> &'e ValidationError<'i> {
    let (ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context }) =
        error.kind()
    else {
        return error;
    };
    if depth == CONTEXT_DEPTH {
        return error;
    }
    let length = |e: &ValidationError<'_>| e.instance_path().as_str().matches('/').count();
    let inner = context.iter().flatten().map(|e| deepest(e, depth + 1)).max_by_key(|e| length(e));
    inner.filter(|e| length(e) > length(error)).unwrap_or(error)
}
