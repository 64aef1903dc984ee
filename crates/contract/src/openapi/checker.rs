//! Requests and answers held against a compiled contract. Which operation a request is for was found before; what comes of a
//! violation (off, report, enforce) is decided by who asks.

use super::compile::{Compiler, Direction};
use super::exact::{self, Exact, Outcome};
use super::json::{self, Tree};
use super::params::{self, Shape};
use super::violation::{VIOLATIONS_MAX, Violation, Violations};
use super::{In, Media, OpenApi, Operation, Parameter, Status, is_json};
use jsonschema::Validator;
use lgsp_schema::Problem;
use std::collections::HashMap;

/// Bodies that are checked, bytes; what streams past the platform is larger and is not held against schemas.
pub const BODY_MAX: usize = 64 << 20;
/// Stack of the thread that compiles: schemas that refer to each other are compiled by recursion, bounded by `SCHEMAS_MAX`.
const COMPILE_STACK: usize = 512 << 20;
const FORM: &str = "application/x-www-form-urlencoded";

/// A contract, compiled once for all its messages.
#[derive(Debug)]
pub struct Checker {
    operations: HashMap<String, Compiled>,
}

#[derive(Debug)]
struct Compiled {
    parameters: Vec<(Parameter, Shape, Validator<Exact>)>,
    /// Whether a body must be there, and how it looks by media type.
    body: Option<(bool, Vec<Body>)>,
    responses: Vec<(Status, Vec<Body>)>,
}

#[derive(Debug)]
struct Body {
    media: String,
    form: Option<Shape>,
    schema: Option<Validator<Exact>>,
}

impl Checker {
    /// Compiles all schemas of a document. May take a second for very large ones.
    pub fn compile(api: &OpenApi) -> Result<Self, Vec<Problem>> {
        let run = || compile(api);
        std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().name("contract".into()).stack_size(COMPILE_STACK);
            let failed = |message: String| vec![Problem { place: None, construct: String::new(), message }];
            match thread.spawn_scoped(scope, run) {
                Ok(running) => running.join().unwrap_or_else(|_| {
                    Err(failed("this contract could not be compiled: a defect of the platform".into()))
                }),
                Err(e) => Err(failed(format!("no thread could be started to compile this contract: {e}"))),
            }
        })
    }

    /// Holds a request against its operation. `path`: the template's variables, unescaped (as `match_path` finds them); `query`: as
    /// received, without `?`; `header`: a header's value by its name in lower case; `content_type`: as received, empty where there is none.
    pub fn check_request<'h>(
        &self,
        operation: &str,
        path: &[(&str, String)],
        query: &str,
        header: &dyn Fn(&str) -> Option<&'h str>,
        content_type: &str,
        body: &[u8],
    ) -> Result<(), Violations> {
        let compiled = self.operations.get(operation).ok_or(Violations::UnknownOperation)?;
        let mut found = Vec::new();
        let query_pairs = params::pairs(query).unwrap_or_else(|why| {
            found.push(Violation { at: "query".into(), schema: String::new(), message: why });
            Box::default()
        });
        for (parameter, shape, schema) in &compiled.parameters {
            let source = Source { path, query: &query_pairs, header };
            check_parameter(parameter, shape, schema, &source, &mut found);
        }
        match &compiled.body {
            Some((true, _)) if body.is_empty() && content_type.is_empty() => {
                let message = "a body is required".into();
                found.push(Violation { at: "body".into(), schema: String::new(), message });
            }
            Some((false, _)) if body.is_empty() && content_type.is_empty() => {}
            Some((_, bodies)) => check_body(bodies, content_type, body, &mut found)?,
            None => {}
        }
        done(found)
    }

    /// Holds an answer against its operation.
    pub fn check_answer(
        &self,
        operation: &str,
        status: u16,
        content_type: &str,
        body: &[u8],
    ) -> Result<(), Violations> {
        let compiled = self.operations.get(operation).ok_or(Violations::UnknownOperation)?;
        let covering = compiled.responses.iter().filter(|(s, _)| s.covers(status));
        let (_, bodies) = covering.min_by_key(|(s, _)| *s).ok_or(Violations::UndocumentedStatus(status))?;
        let mut found = Vec::new();
        let none = bodies.is_empty() || (body.is_empty() && matches!(status, 204 | 304));
        if !none {
            check_body(bodies, content_type, body, &mut found)?;
        }
        done(found)
    }
}

fn done(mut found: Vec<Violation>) -> Result<(), Violations> {
    found.truncate(VIOLATIONS_MAX);
    if found.is_empty() { Ok(()) } else { Err(Violations::Message(found)) }
}

fn compile(api: &OpenApi) -> Result<Checker, Vec<Problem>> {
    let requests = Compiler::new(api, Direction::Request).map_err(|p| vec![p])?;
    let answers = Compiler::new(api, Direction::Answer).map_err(|p| vec![p])?;
    let mut problems = Vec::new();
    let mut operations = HashMap::new();
    for operation in &api.operations {
        match compile_operation(api, &requests, &answers, operation) {
            Ok(compiled) => {
                operations.insert(operation.name.clone(), compiled);
            }
            Err(mut problem) => {
                problem.place = problem.place.or_else(|| operation.place.clone());
                problems.push(problem);
            }
        }
    }
    if problems.is_empty() { Ok(Checker { operations }) } else { Err(problems) }
}

fn compile_operation(
    api: &OpenApi,
    requests: &Compiler<'_>,
    answers: &Compiler<'_>,
    operation: &Operation,
) -> Result<Compiled, Problem> {
    let name = &operation.name;
    let mut parameters = Vec::new();
    for parameter in &operation.parameters {
        let schema = requests.compile(&parameter.schema, &format!("{name}: parameter {}", parameter.name))?;
        parameters.push((parameter.clone(), Shape::of(api, &parameter.schema), schema));
    }
    let bodies = |compiler: &Compiler<'_>, content: &[Media], place: &str| -> Result<Vec<Body>, Problem> {
        content.iter().map(|media| compile_body(api, compiler, media, place)).collect()
    };
    let body = match &operation.body {
        Some(body) => {
            Some((body.required, bodies(requests, &body.content, &format!("{name}: requestBody"))?))
        }
        None => None,
    };
    let mut responses = Vec::new();
    for response in &operation.responses {
        let place = format!("{name}: response {}", response.status);
        responses.push((response.status, bodies(answers, &response.content, &place)?));
    }
    Ok(Compiled { parameters, body, responses })
}

fn compile_body(api: &OpenApi, compiler: &Compiler<'_>, media: &Media, place: &str) -> Result<Body, Problem> {
    let form = media.schema.as_ref().filter(|_| media.name == FORM).map(|s| Shape::of(api, s));
    let read = media.is_json() || form.is_some() || media.name == "*/*" || media.name == "application/*";
    let schema = match &media.schema {
        Some(schema) if read => Some(compiler.compile(schema, place)?),
        _ => None,
    };
    Ok(Body { media: media.name.clone(), form, schema })
}

/// Where values of parameters come from.
struct Source<'s, 'h> {
    path: &'s [(&'s str, String)],
    query: &'s params::Pairs<'s>,
    header: &'s dyn Fn(&str) -> Option<&'h str>,
}

impl<'s, 'h: 's> Source<'s, 'h> {
    fn text(&self, parameter: &Parameter) -> Option<&'s str> {
        let name = parameter.name.as_str();
        match parameter.location {
            In::Path => self.path.iter().find(|(n, _)| *n == name).map(|(_, v)| v.as_str()),
            In::Query => self.query.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_ref()),
            In::Header => (self.header)(&name.to_ascii_lowercase()),
            In::Cookie => {
                let all = (self.header)("cookie")?;
                all.split(';').find_map(|c| c.trim().strip_prefix(name)?.strip_prefix('='))
            }
        }
    }
}

fn check_parameter<'s, 'h: 's>(
    parameter: &Parameter,
    shape: &Shape,
    schema: &Validator<Exact>,
    source: &Source<'s, 'h>,
    found: &mut Vec<Violation>,
) {
    let location = match parameter.location {
        In::Path => "path",
        In::Query => "query",
        In::Header => "header",
        In::Cookie => "cookie",
    };
    let at = format!("{location}.{}", parameter.name);
    let value = match (parameter.location, source.text(parameter)) {
        (_, Some(text)) if parameter.json => {
            json::parse(text.as_bytes()).map(Some).map_err(|e| e.to_string())
        }
        (In::Query, _) => params::from_query(parameter, shape, source.query),
        (_, Some(text)) => params::from_text(parameter, shape, text).map(Some),
        (_, None) => Ok(None),
    };
    match value {
        Ok(Some(tree)) => hold(schema, &tree, 0, &at, found),
        Ok(None) if parameter.required => {
            found.push(Violation { at, schema: String::new(), message: "this parameter is required".into() });
        }
        Ok(None) => {}
        Err(message) => found.push(Violation { at, schema: String::new(), message }),
    }
}

fn check_body(
    bodies: &[Body],
    content_type: &str,
    body: &[u8],
    found: &mut Vec<Violation>,
) -> Result<(), Violations> {
    let media = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let wanted = choose(bodies, &media).ok_or_else(|| Violations::UndocumentedMediaType(media.clone()))?;
    let mut say = |message: String| {
        found.push(Violation { at: "body".into(), schema: String::new(), message });
    };
    let Some(schema) = &wanted.schema else { return Ok(()) };
    if body.len() > BODY_MAX {
        say(format!("bodies above {BODY_MAX} bytes cannot be held against a contract"));
        return Ok(());
    }
    if is_json(&media) {
        match json::parse(body) {
            Ok(tree) => hold(schema, &tree, body.len(), "body", found),
            Err(fault) => say(fault.to_string()),
        }
    } else if let Some(shape) = &wanted.form {
        let Ok(text) = std::str::from_utf8(body) else {
            say("these bytes are not UTF-8".into());
            return Ok(());
        };
        let fields = params::pairs(text);
        match fields.as_ref().map_err(Clone::clone).and_then(|fields| params::form(shape, fields)) {
            Ok(tree) => hold(schema, &tree, body.len(), "body", found),
            Err(why) => say(why),
        }
    }
    Ok(())
}

/// The nearest description of a media type: itself, its range, any.
fn choose<'b>(bodies: &'b [Body], media: &str) -> Option<&'b Body> {
    let family = media.split('/').next().unwrap_or_default();
    let find = |name: &str| bodies.iter().find(|b| b.media == name);
    find(media).or_else(|| find(&format!("{family}/*"))).or_else(|| find("*/*"))
}

fn hold(schema: &Validator<Exact>, tree: &Tree<'_>, bytes: usize, at: &str, found: &mut Vec<Violation>) {
    let most = VIOLATIONS_MAX.saturating_sub(found.len());
    let outcome = exact::hold(schema, tree, bytes, most, &mut |error| {
        found.push(Violation {
            at: format!("{at}{}", error.instance_path().as_str()),
            schema: error.schema_path().as_str().to_owned(),
            message: error.masked_with("this").to_string(),
        });
    });
    let message = match outcome {
        Outcome::Valid | Outcome::Broken => return,
        Outcome::Manifold => "this fits none of the alternatives, in too many ways to name them",
        Outcome::Unknown => {
            "holding this against the contract takes too long: its alternatives multiply with each level of the body"
        }
    };
    found.push(Violation { at: at.to_owned(), schema: String::new(), message: message.into() });
}
