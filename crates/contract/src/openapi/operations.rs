//! Paths, operations, parameters, bodies and answers of a document. Names and paths against each other are `lint`'s.

use super::doc::{Data, Node};
use super::files::{At, Files};
use super::schema::Schemas;
use super::{Body, In, Media, Operation, Parameter, Response, Status, Style, is_json};
use lgsp_schema::Problem;
use std::collections::HashSet;

/// Operations of one document.
const OPERATIONS_MAX: usize = 2_000;
const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

pub struct Reader<'r, 'f, 'b> {
    files: &'f Files<'b>,
    root: At<'f>,
    schemas: &'r mut Schemas<'f, 'b>,
    pub problems: Vec<Problem>,
    pub warnings: Vec<Problem>,
}

impl<'r, 'f, 'b> Reader<'r, 'f, 'b> {
    pub fn new(files: &'f Files<'b>, root: At<'f>, schemas: &'r mut Schemas<'f, 'b>) -> Self {
        Self { files, root, schemas, problems: Vec::new(), warnings: Vec::new() }
    }

    pub fn all(&mut self) -> Vec<Operation> {
        let mut operations = Vec::new();
        if let Some(node) = self.root.node.get("webhooks") {
            self.warn(At { node, ..self.root }, "webhooks", "not mediated: only paths are");
        }
        let Some(paths) = self.root.node.get("paths") else { return operations };
        for (path, node) in paths.members().iter().filter(|(p, _)| p.starts_with('/')) {
            let Some(item) = self.follow(At { node, ..self.root }) else { continue };
            for (method, node) in item.node.members() {
                if METHODS.contains(&method.as_str()) {
                    operations.push(self.operation(path, method, item, At { node, ..item }));
                }
            }
        }
        if operations.len() > OPERATIONS_MAX {
            let message = format!("{} operations; at most {OPERATIONS_MAX} are taken", operations.len());
            self.problems.push(self.root.problem("paths", message));
        }
        operations
    }

    fn warn(&mut self, at: At<'f>, construct: &str, message: &str) {
        self.warnings.push(at.problem(construct, message));
    }

    fn follow(&mut self, at: At<'f>) -> Option<At<'f>> {
        self.files.resolve(at).map_err(|p| self.problems.push(p)).ok()
    }

    fn operation(&mut self, path: &str, method: &str, item: At<'f>, at: At<'f>) -> Operation {
        if let Some(node) = at.node.get("callbacks") {
            self.warn(At { node, ..at }, "callbacks", "not mediated");
        }
        let name = at.node.str_of("operationId").map_or_else(|| synthesised(method, path), str::to_owned);
        let text = at.node.str_of("summary").or_else(|| at.node.str_of("description"));
        let body = at.node.get("requestBody").and_then(|node| {
            let body = self.follow(At { node, ..at })?;
            Some(Body { required: body.node.is_true("required"), content: self.content(body) })
        });
        Operation {
            name,
            method: method.to_ascii_uppercase(),
            path: path.to_owned(),
            summary: text.and_then(|t| t.lines().next()).map(|t| t.trim().to_owned()),
            parameters: self.parameters(item, at),
            body,
            responses: self.responses(at),
            security: self.security(at),
            place: at.node.place(at.file),
        }
    }

    /// Those of the operation, then those of the path item that it does not override (OpenAPI 3.1, Path Item Object).
    fn parameters(&mut self, item: At<'f>, at: At<'f>) -> Vec<Parameter> {
        let mut all: Vec<Parameter> = Vec::new();
        let mut seen = HashSet::new();
        for (level, holder) in [at, item].into_iter().enumerate() {
            for node in holder.node.get("parameters").map_or(&[][..], Node::items) {
                let Some(found) = self.follow(At { node, ..holder }) else { continue };
                let Some(parameter) = self.parameter(found) else { continue };
                if seen.insert((level, parameter.name.clone(), parameter.location)) {
                    if level == 0 || !seen.contains(&(0, parameter.name.clone(), parameter.location)) {
                        all.push(parameter);
                    }
                } else {
                    let message = format!("{:?} is given twice", parameter.name);
                    self.problems.push(At { node, ..holder }.problem("parameters", message));
                }
            }
        }
        all
    }

    fn parameter(&mut self, at: At<'f>) -> Option<Parameter> {
        let name = at.node.str_of("name")?.to_owned();
        let (location, usual) = match at.node.str_of("in")? {
            "path" => (In::Path, Style::Simple),
            "query" => (In::Query, Style::Form),
            "header" => (In::Header, Style::Simple),
            "cookie" => (In::Cookie, Style::Form),
            _ => return None,
        };
        // These headers are described by other means (OpenAPI 3.1, Parameter Object, `name`).
        let described = ["accept", "content-type", "authorization"];
        if location == In::Header && described.contains(&name.to_ascii_lowercase().as_str()) {
            return None;
        }
        let style = match at.node.str_of("style") {
            None => usual,
            Some("simple") => Style::Simple,
            Some("label") => Style::Label,
            Some("matrix") => Style::Matrix,
            Some("form") => Style::Form,
            Some("deepObject") => Style::DeepObject,
            Some(other) => {
                let message =
                    format!("the style {other:?} is not taken: use form with explode, or deepObject");
                self.problems.push(at.problem("style", message));
                usual
            }
        };
        if at.node.is_true("allowReserved") {
            self.problems.push(at.problem("allowReserved", "not taken: values are always escaped"));
        }
        let explode = at.node.get("explode").and_then(Node::as_bool).unwrap_or(style == Style::Form);
        let (json, schema) = match at.node.get("content") {
            Some(content) => (true, self.parameter_content(At { node: content, ..at })),
            None => (false, at.node.get("schema").map(|node| self.schemas.add(At { node, ..at }))),
        };
        Some(Parameter {
            name,
            location,
            required: at.node.is_true("required"),
            style,
            explode,
            json,
            schema: schema.unwrap_or_else(|| Node::made(Data::Bool(true))),
            doc: at.node.str_of("description").map(str::to_owned),
        })
    }

    fn parameter_content(&mut self, at: At<'f>) -> Option<Node> {
        let (media, node) = at.node.members().first()?;
        if !is_json(&media.to_ascii_lowercase()) {
            self.problems
                .push(at.problem("content", format!("a parameter in {media:?} is not taken: use JSON")));
        }
        node.get("schema").map(|node| self.schemas.add(At { node, ..at }))
    }

    fn content(&mut self, at: At<'f>) -> Vec<Media> {
        let mut content = Vec::new();
        for (name, node) in at.node.get("content").map_or(&[][..], Node::members) {
            let name = name.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
            let schema = node.get("schema").map(|node| self.schemas.add(At { node, ..at }));
            if content.iter().any(|m: &Media| m.name == name) {
                let message =
                    format!("{name:?} is given twice, with other parameters: one schema a media type");
                self.problems.push(At { node, ..at }.problem("content", message));
            }
            content.push(Media { name, schema });
        }
        content
    }

    fn responses(&mut self, at: At<'f>) -> Vec<Response> {
        let mut responses = Vec::new();
        for (status, node) in at.node.get("responses").map_or(&[][..], Node::members) {
            let status = match status.as_bytes() {
                b"default" => Status::Default,
                [first @ b'1'..=b'5', b'X' | b'x', b'X' | b'x'] => Status::Class(first - b'0'),
                _ => match status.parse() {
                    Ok(code) => Status::Code(code),
                    Err(_) => continue,
                },
            };
            let Some(found) = self.follow(At { node, ..at }) else { continue };
            let doc = found.node.str_of("description").map(str::to_owned);
            responses.push(Response { status, doc, content: self.content(found) });
        }
        responses
    }

    fn security(&self, at: At<'f>) -> Vec<String> {
        let all = at.node.get("security").or_else(|| self.root.node.get("security"));
        let one = |requirement: &Node| {
            let mut schemes: Vec<String> = requirement
                .members()
                .iter()
                .map(|(name, scopes)| {
                    let mut scopes: Vec<&str> = scopes.items().iter().filter_map(Node::as_str).collect();
                    scopes.sort_unstable();
                    if scopes.is_empty() { name.clone() } else { format!("{name} ({})", scopes.join(", ")) }
                })
                .collect();
            schemes.sort_unstable();
            if schemes.is_empty() { "none".into() } else { schemes.join(" and ") }
        };
        all.map_or(&[][..], Node::items).iter().map(one).collect()
    }
}

/// A name for an operation that has none: `getCitizensById` of `GET /citizens/{id}`.
fn synthesised(method: &str, path: &str) -> String {
    let mut name = method.to_owned();
    for segment in path.split('/').filter(|s| !s.is_empty()) {
        if segment.starts_with('{') {
            name.push_str("By");
        }
        for word in segment.split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| !w.is_empty()) {
            let (first, rest) = word.split_at(1);
            name.push_str(&first.to_ascii_uppercase());
            name.push_str(rest);
        }
    }
    name
}
