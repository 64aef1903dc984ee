//! A version compiled from what it declares and its files. The same input gives the same result.

use crate::document::{Documents, of_wsdl};
use crate::lane::Lane;
use crate::pointer::{self, Leaf};
use crate::soap_face::SoapSide;
use crate::template::Template;
use crate::text::Reader;
use crate::{mapping, rest, soap};
use lgsp_contract::faces::openapi::{FaceOperation, FaceOptions};
use lgsp_contract::faces::wsdl::SoapFaceOptions;
use lgsp_contract::openapi::{self, Checker};
use lgsp_contract::wsdl::{self, Choose, Wsdl, WsdlOperation};
use lgsp_contract::{compare, faces};
use lgsp_kernel::mediation::{
    CompileContract, Compiled, ContractChange, ContractFiles, ContractProblem, VersionFiles,
};
use lgsp_kernel::model::{ContractKind, ContractSpec, FaceSpec, OperationSpec, Protocol, VersionSpec};
use lgsp_mapping::{Mapping, Pool};
use lgsp_schema::Problem;
use lgsp_schema::bundle::Bundle;
use lgsp_schema::codec::Codec;
use lgsp_schema::model::{Element, Model};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

type Problems = Vec<ContractProblem>;

/// Compiles contracts. One for a process.
#[derive(Debug)]
pub struct Compiler {
    lane: Lane,
    pool: Option<Pool>,
}

impl Compiler {
    /// With the pool that runs mappings; none: mappings are compiled, and not run.
    pub fn new(pool: Option<Pool>) -> Self {
        Self { lane: Lane::new(), pool }
    }
}

impl CompileContract for Compiler {
    fn compile(
        &self,
        protocol: Protocol,
        version: &VersionSpec,
        files: &VersionFiles,
    ) -> Result<Compiled, Problems> {
        match (protocol, &version.contract) {
            (Protocol::Soap, Some(contract)) => self.soap(version, contract, files),
            (Protocol::Rest, contract) => self.rest(version, contract.as_ref(), files),
            (Protocol::Soap, None) => {
                Err(vec![problem("contract", "a SOAP service's text and mappings need a contract: its WSDL")])
            }
        }
    }

    fn compare(
        &self,
        protocol: Protocol,
        old: (&VersionSpec, &VersionFiles),
        new: (&VersionSpec, &VersionFiles),
    ) -> Vec<ContractChange> {
        let mut found = said(protocol, old, new).unwrap_or_default();
        for change in declared(old.0, new.0) {
            if !found.iter().any(|c| c.place == change.place && c.breaking == change.breaking) {
                found.push(change);
            }
        }
        found
    }
}

/// What the contracts themselves say differently; none where one of them cannot be read.
fn said(
    protocol: Protocol,
    old: (&VersionSpec, &VersionFiles),
    new: (&VersionSpec, &VersionFiles),
) -> Option<Vec<ContractChange>> {
    let read = |(version, files): (&VersionSpec, &VersionFiles)| {
        let contract = version.contract.clone()?;
        let (bundle, main, _) = bundle(&contract, files).ok()?;
        Some((contract, bundle, main))
    };
    let ((old, old_bundle, old_main), (new, new_bundle, new_main)) = (read(old)?, read(new)?);
    if protocol == Protocol::Rest {
        let was = openapi::read(&old_bundle, &old_main).ok()?;
        let is = openapi::read(&new_bundle, &new_main).ok()?;
        return Some(compare::openapi(&was, &is));
    }
    let choose = |c: &ContractSpec| Choose { service: c.service.clone(), port: c.port.clone() };
    let was = wsdl::read(&old_bundle, &old_main, &choose(&old)).ok()?;
    let is = wsdl::read(&new_bundle, &new_main, &choose(&new)).ok()?;
    Some(compare::wsdl(&was, &is))
}

/// What callers lose by what is declared: operations, and where they are.
fn declared(old: &VersionSpec, new: &VersionSpec) -> Vec<ContractChange> {
    let find = |name: &str| new.operations.iter().find(|o| o.name == name);
    let mut found = Vec::new();
    for was in &old.operations {
        let breaking =
            |what: &str| ContractChange { breaking: true, place: was.name.clone(), what: what.into() };
        match find(&was.name) {
            None => found.push(breaking("the operation is gone")),
            Some(is) if (&is.method, &is.path) != (&was.method, &was.path) && was.method.is_some() => {
                found.push(breaking("its method or path is another one"));
            }
            Some(is) if is.element != was.element || is.soap_action != was.soap_action => {
                found.push(breaking("its element or SOAPAction is another one"));
            }
            Some(_) => {}
        }
    }
    for is in &new.operations {
        if !old.operations.iter().any(|o| o.name == is.name) {
            let what = "the operation is new".to_owned();
            found.push(ContractChange { breaking: false, place: is.name.clone(), what });
        }
    }
    found
}

/// Where the contract says that the provider listens, if it says so in a form that can be dialled.
pub fn address(contract: &ContractSpec, files: &VersionFiles) -> Option<String> {
    let (bundle, main, _) = bundle(contract, files).ok()?;
    if contract.kind == Some(ContractKind::Openapi) {
        return None;
    }
    let choose = Choose { service: contract.service.clone(), port: contract.port.clone() };
    let address = wsdl::read(&bundle, &main, &choose).ok()?.port().address.as_deref()?.trim().to_owned();
    (address.starts_with("http://") || address.starts_with("https://")).then_some(address)
}

pub(crate) fn problem(field: &str, message: impl Into<String>) -> ContractProblem {
    ContractProblem { field: field.into(), place: None, message: message.into(), warning: false }
}

fn told(field: &str, problem: &Problem, warning: bool) -> ContractProblem {
    let message = match problem.construct.as_str() {
        "" => problem.message.clone(),
        construct => format!("{construct}: {}", problem.message),
    };
    let place = problem.place.as_ref().map(|p| (p.file.clone(), p.line, p.column));
    ContractProblem { field: field.into(), place, message, warning }
}

fn all(field: &str, problems: &[Problem]) -> Problems {
    problems.iter().map(|p| told(field, p, false)).collect()
}

/// The files of a contract and the first of them.
fn bundle<'f>(
    contract: &ContractSpec,
    files: &'f VersionFiles,
) -> Result<(Bundle, String, &'f ContractFiles), Problems> {
    let found = contract.digest.as_deref().and_then(|d| files.get(d));
    let found = found.ok_or_else(|| vec![problem("contract", "its files are not there")])?;
    let main = match &contract.main {
        Some(main) => main.clone(),
        None if found.len() == 1 => found.keys().next().cloned().unwrap_or_default(),
        None => return Err(vec![problem("contract.main", "say which of the files is read first")]),
    };
    let bundle = Bundle::new((**found).clone()).map_err(|e| vec![problem("contract", e.to_string())])?;
    if bundle.get(&main).is_none() {
        return Err(vec![problem("contract.main", format!("there is no file {main:?}"))]);
    }
    Ok((bundle, main, found))
}

/// Declared operations over those of the contract, by name.
fn merged(
    from_contract: Vec<OperationSpec>,
    declared: &[OperationSpec],
    problems: &mut Problems,
) -> Vec<OperationSpec> {
    let mut out = from_contract;
    for (i, d) in declared.iter().enumerate() {
        let Some(op) = out.iter_mut().find(|o| o.name == d.name) else {
            let known: Vec<&str> = out.iter().take(20).map(|o| o.name.as_str()).collect();
            let message = format!("the contract has no operation {:?}; it has: {}", d.name, known.join(", "));
            problems.push(problem(&format!("operations[{i}].name"), message));
            continue;
        };
        let contract = std::mem::take(op);
        *op = OperationSpec {
            method: d.method.clone().or(contract.method),
            path: d.path.clone().or(contract.path),
            soap_action: d.soap_action.clone().or(contract.soap_action),
            element: d.element.clone().or(contract.element),
            ..d.clone()
        };
    }
    out
}

struct Mappings {
    request: Option<Mapping>,
    answer: Option<Mapping>,
}

fn mappings(op: &OperationSpec, files: &VersionFiles, problems: &mut Problems) -> Mappings {
    let mut one = |way: &str, file| {
        let field = format!("operations.{}.mappings.{way}", op.name);
        mapping::compile(&field, file, files).map_err(|p| problems.extend(p)).ok()
    };
    let spec = op.mappings.as_ref();
    Mappings {
        request: spec.and_then(|m| m.request.as_ref()).and_then(|f| one("request", f)),
        answer: spec.and_then(|m| m.answer.as_ref()).and_then(|f| one("answer", f)),
    }
}

impl Compiler {
    fn readers(&self, version: &VersionSpec) -> Result<(Option<Reader>, Option<Reader>), Problems> {
        let requests =
            Reader::compile("text.requests", version.text.requests.as_ref()).map_err(|p| vec![p])?;
        let answers = Reader::compile("text.answers", version.text.answers.as_ref()).map_err(|p| vec![p])?;
        Ok((requests, answers))
    }

    fn soap(
        &self,
        version: &VersionSpec,
        contract: &ContractSpec,
        files: &VersionFiles,
    ) -> Result<Compiled, Problems> {
        let (bundle, main, found) = bundle(contract, files)?;
        if contract.kind == Some(ContractKind::Openapi) {
            return Err(vec![problem("contract", "a SOAP service's contract is a WSDL")]);
        }
        let choose = Choose { service: contract.service.clone(), port: contract.port.clone() };
        let wsdl = wsdl::read(&bundle, &main, &choose).map_err(|p| all("contract", &p))?;
        let codec = Codec::compile(wsdl.model.clone()).map_err(|p| all("contract", &p))?;
        let mut warnings: Problems = wsdl.warnings.iter().map(|w| told("contract", w, true)).collect();
        let mut problems = Vec::new();
        let rest_face = version.has_face(FaceSpec::Rest, Protocol::Soap);
        let mut known = Vec::new();
        for op in &wsdl.operations {
            let obstacles = obstacles(op);
            if !obstacles.is_empty() && rest_face {
                let asked =
                    |d: &OperationSpec| d.name == *op.name && (d.method.is_some() || d.path.is_some());
                let declared = version.operations.iter().any(asked);
                let list = obstacles.iter().map(|p| left_out(op, p, !declared));
                if declared {
                    problems.extend(list)
                } else {
                    warnings.extend(list)
                }
                known.push(operation(op, false));
                continue;
            }
            warnings.extend(op.unsupported.iter().map(|p| told("contract", p, true)));
            known.push(operation(op, rest_face));
        }
        let operations = merged(known, &version.operations, &mut problems);
        let mut bound = HashMap::new();
        for op in &operations {
            let at = wsdl.operations.iter().position(|o| *o.name == *op.name);
            let Some(at) = at.filter(|at| obstacles(&wsdl.operations[*at]).is_empty()) else { continue };
            if let Some(b) = bind(&wsdl, at, op, files, rest_face, &mut problems) {
                bound.insert(op.name.clone(), b);
            }
        }
        let mut documents = Documents::default();
        if version.has_face(FaceSpec::Soap, Protocol::Soap) {
            of_wsdl(found, &main, &mut documents);
        }
        if rest_face {
            openapi_face(&wsdl, version, &operations, &mut documents, &mut problems);
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let (requests, answers) = self.readers(version)?;
        let (lane, pool) = (self.lane.clone(), self.pool.clone());
        let parts = soap::Parts { wsdl, codec, operations: bound, requests, answers, documents, lane, pool };
        let mediator = Some(Arc::new(soap::SoapProvider(Arc::new(parts))) as _);
        Ok(Compiled { mediator, operations, warnings })
    }

    fn rest(
        &self,
        version: &VersionSpec,
        contract: Option<&ContractSpec>,
        files: &VersionFiles,
    ) -> Result<Compiled, Problems> {
        let (mut problems, mut warnings) = (Vec::new(), Vec::new());
        let mut documents = Documents::default();
        let mut face = None;
        let (operations, checker) = match contract {
            None => (version.operations.clone(), None),
            Some(contract) => {
                let (bundle, main, _) = bundle(contract, files)?;
                if contract.kind == Some(ContractKind::Wsdl) {
                    return Err(vec![problem(
                        "contract",
                        "a REST service's contract is an OpenAPI document",
                    )]);
                }
                let api = openapi::read(&bundle, &main).map_err(|p| all("contract", &p))?;
                warnings.extend(api.warnings.iter().map(|w| told("contract", w, true)));
                let checker = Checker::compile(&api).map_err(|p| all("contract", &p))?;
                let mut known: Vec<OperationSpec> =
                    api.operations.iter().filter_map(|o| rest_operation(o, &mut problems)).collect();
                if version.faces.contains(&FaceSpec::Soap) {
                    let side = soap_side(&api)?;
                    documents.wsdl = Some(side.face.wsdl.as_str().into());
                    for op in &mut known {
                        if let Some(o) = side.face.operations.iter().find(|o| o.name == op.name) {
                            op.soap_action = Some(o.soap_action.clone());
                            op.element = Some(o.input.name.to_string());
                        }
                    }
                    face = Some(side);
                }
                documents.openapi = described(&bundle, &main);
                (merged(known, &version.operations, &mut problems), Some(checker))
            }
        };
        if version.wsdl.is_some() {
            problems.push(problem(
                "wsdl",
                "a SOAP face by a WSDL of one's own is not there yet: leave it out, and one is written",
            ));
        }
        let mut bound = HashMap::new();
        for op in &operations {
            let Mappings { request, answer } = mappings(op, files, &mut problems);
            let path = op.path.as_ref().map(|p| p.as_str().to_owned()).unwrap_or_default();
            bound.insert(op.name.clone(), rest::Bound { path, request, answer });
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let (requests, answers) = self.readers(version)?;
        let (lane, pool) = (self.lane.clone(), self.pool.clone());
        let parts =
            rest::Parts { checker, operations: bound, face, requests, answers, documents, lane, pool };
        let mediator = Some(Arc::new(rest::RestProvider(Arc::new(parts))) as _);
        Ok(Compiled { mediator, operations, warnings })
    }
}

fn left_out(op: &WsdlOperation, problem: &Problem, warning: bool) -> ContractProblem {
    let told = told("contract", problem, warning);
    let message = format!("operation {} has no REST face: {}", op.name, told.message);
    ContractProblem { message, ..told }
}

/// What keeps an operation from being called as JSON: it would lose something.
fn obstacles(op: &WsdlOperation) -> Vec<Problem> {
    let output = op.output.iter().flat_map(|o| &o.attachments);
    let attached = op.input.attachments.iter().chain(output).next().map(|_| Problem {
        place: None,
        construct: "mime:multipartRelated".into(),
        message: "its attachments have no place in a JSON message".into(),
    });
    op.unsupported.iter().cloned().chain(attached).collect()
}

fn operation(op: &WsdlOperation, rest_face: bool) -> OperationSpec {
    let element = op.input.element.as_ref().map(|e| e.name.to_string());
    OperationSpec {
        name: op.name.to_string(),
        method: rest_face.then(|| "POST".to_owned()),
        path: rest_face.then(|| format!("/{}", op.name).parse().ok()).flatten(),
        soap_action: op.soap_action.as_deref().filter(|a| !a.is_empty()).map(str::to_owned),
        element,
        ..OperationSpec::default()
    }
}

fn rest_operation(op: &openapi::Operation, problems: &mut Problems) -> Option<OperationSpec> {
    match op.path.parse() {
        Ok(path) => Some(OperationSpec {
            name: op.name.clone(),
            method: Some(op.method.clone()),
            path: Some(path),
            ..OperationSpec::default()
        }),
        Err(e) => {
            let place = op.place.as_ref().map(|p| (p.file.clone(), p.line, p.column));
            let message = format!("the path {:?}: {e}", op.path);
            problems.push(ContractProblem { place, ..problem("contract", message) });
            None
        }
    }
}

/// The namespace of written SOAP faces: a name, not an address.
const FACE_NAMESPACE: &str = "urn:lgsp:service";

/// The SOAP face of what an OpenAPI document describes.
fn soap_side(api: &openapi::OpenApi) -> Result<SoapSide, Problems> {
    let name: String = api.title.chars().filter(char::is_ascii_alphanumeric).collect();
    let service = if name.starts_with(|c: char| c.is_ascii_alphabetic()) { name } else { format!("S{name}") };
    let target_namespace = format!("{FACE_NAMESPACE}:{}", service.to_ascii_lowercase());
    let face = faces::wsdl::write(api, &SoapFaceOptions { target_namespace, service });
    let face = face.map_err(|p| all("faces", &p))?;
    let codec = Codec::compile(face.model.clone()).map_err(|p| all("faces", &p))?;
    Ok(SoapSide { face, codec })
}

/// What the operator declared of an operation of the REST face, held against the contract.
fn bind(
    wsdl: &Wsdl,
    at: usize,
    op: &OperationSpec,
    files: &VersionFiles,
    rest_face: bool,
    problems: &mut Problems,
) -> Option<soap::Bound> {
    let before = problems.len();
    let shape = &wsdl.operations[at];
    let request = shape.input.element.as_deref();
    let Mappings { request: map_request, answer: map_answer } = mappings(op, files, problems);
    let field = format!("operations.{}", op.name);
    let follow = |to: &str, mapped: bool, element| {
        let steps = pointer::parse(to)?;
        // What a mapping makes or takes is not the contract's.
        let leaf = if mapped { Leaf::TEXT } else { check(&wsdl.model, element, to, &steps)? };
        Ok::<_, String>((steps, leaf))
    };
    let path = op.path.as_ref().map(|p| p.as_str().to_owned()).unwrap_or_default();
    let mut bind = HashMap::new();
    let named = if rest_face { named(op) } else { BTreeMap::new() };
    for (name, pointer) in &named {
        match follow(pointer, map_request.is_some(), request) {
            Ok(found) => drop(bind.insert(name.clone(), found)),
            Err(why) => problems.push(problem(&format!("{field}.bind"), format!("{name}: {why}"))),
        }
    }
    let mut set = Vec::new();
    for (pointer, text) in &op.set {
        let read = follow(pointer, false, request)
            .and_then(|(steps, leaf)| Ok((steps, leaf, Template::parse(text)?)));
        match read {
            Ok(found) => set.push(found),
            Err(why) => problems.push(problem(&format!("{field}.set"), why)),
        }
    }
    let answer = shape.output.as_ref().and_then(|o| o.element.as_deref());
    let result = match op.result.as_ref().map(|to| follow(to, map_answer.is_some(), answer)) {
        Some(Ok((steps, _))) => Some(steps),
        Some(Err(why)) => {
            problems.push(problem(&format!("{field}.result"), why));
            None
        }
        None => None,
    };
    let fine = problems.len() == before;
    fine.then_some(soap::Bound { at, path, bind, set, result, request: map_request, answer: map_answer })
}

fn check(model: &Model, element: Option<&Element>, to: &str, steps: &[String]) -> Result<Leaf, String> {
    pointer::check(model, element, steps).map_err(|why| format!("{to}: {why}"))
}

/// What is bound, and of variables of the path that are not the member of their name.
fn named(op: &OperationSpec) -> BTreeMap<String, String> {
    let mut named = op.bind.clone();
    for variable in op.path.iter().flat_map(|p| variables(p.as_str())) {
        let pointer = format!("/{variable}");
        named.entry(variable).or_insert(pointer);
    }
    named
}

fn variables(pattern: &str) -> Vec<String> {
    let inside = |s: &str| Some(s.strip_prefix('{')?.strip_suffix('}')?.trim_end_matches('*').to_owned());
    pattern.split('/').filter_map(inside).collect()
}

/// The OpenAPI document of the REST face.
fn openapi_face(
    wsdl: &Wsdl,
    version: &VersionSpec,
    operations: &[OperationSpec],
    documents: &mut Documents,
    problems: &mut Problems,
) {
    let face = |op: &OperationSpec| FaceOperation {
        name: op.name.clone(),
        method: op.method.clone().unwrap_or_default(),
        path: op.path.as_ref().map(|p| p.as_str().to_owned()).unwrap_or_default(),
        bind: named(op),
        set: op.set.clone(),
        result: op.result.clone(),
    };
    // What is mapped has another shape than the contract's.
    let described = |op: &&OperationSpec| op.mappings.is_none() && op.method.is_some();
    let without = operations.iter().filter(|op| !described(op)).map(|op| op.name.clone()).collect();
    let options = FaceOptions {
        version: version.version.to_string(),
        server: "{address}".into(),
        operations: operations.iter().filter(described).map(face).collect(),
        without,
        ..FaceOptions::default()
    };
    match faces::openapi::write_text(wsdl, &options) {
        Ok(text) => documents.openapi = Some(text.into()),
        Err(found) => problems.extend(all("operations", &found)),
    }
}

/// The document as it was uploaded, as JSON, with the platform's address.
fn described(bundle: &Bundle, main: &str) -> Option<Arc<str>> {
    let mut document = openapi::doc::parse(main, bundle.get(main)?).ok()?.to_value();
    document["servers"] = serde_json::json!([{ "url": "{address}" }]);
    Some(document.to_string().into())
}
