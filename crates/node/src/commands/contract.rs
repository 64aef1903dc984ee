//! `lgsp contract`, and `lgsp service add`: contracts checked, compared and shown, and a service made of one.

use super::desk::Desk;
use super::failure::{Failure, Trying as _};
use super::items::one;
use super::out;
use crate::cli::{ContractCommand, ServiceAddArgs};
use lgsp_kernel::mediation::{CompileContract as _, Compiled, ContractProblem, VersionFiles};
use lgsp_kernel::model::{ContractKind, ContractSpec, OperationSpec, Protocol, ServiceSpec, VersionSpec};
use lgsp_mediation::Compiler;
use lgsp_registry::{Kind, PlanOptions, manifest, plan};
use serde_json::{Value, json};
use std::path::Path;

/// The commands that need no node.
pub fn alone(command: &ContractCommand) -> Option<Result<(), Failure>> {
    match command {
        ContractCommand::Check { file } => Some(check(file)),
        ContractCommand::Compare { old, new } => Some(compare(old, new)),
        ContractCommand::Show { .. } => None,
    }
}

/// The others.
pub async fn run(desk: &Desk, command: ContractCommand) -> Result<(), Failure> {
    match command {
        ContractCommand::Show { service, openapi, wsdl } => show(desk, &service, openapi, wsdl).await,
        other => alone(&other).unwrap_or(Ok(())),
    }
}

/// A version that has nothing but this contract, with both faces where it can have them.
fn version_of(file: &Path) -> Result<(Protocol, VersionSpec, VersionFiles), Failure> {
    let (contract, files) = manifest::gather_contract(file).map_err(Failure::new)?;
    let protocol = protocol(&contract);
    let faces = if protocol == Protocol::Soap { json!(["soap", "rest"]) } else { json!(["rest"]) };
    let version = json!({ "version": "1", "lifecycle": "draft", "contract": contract, "faces": faces });
    Ok((protocol, serde_json::from_value(version)?, files))
}

fn protocol(contract: &ContractSpec) -> Protocol {
    if contract.kind == Some(ContractKind::Openapi) { Protocol::Rest } else { Protocol::Soap }
}

fn compiled(file: &Path) -> Result<(Protocol, VersionSpec, VersionFiles, Compiled), Failure> {
    let (protocol, version, files) = version_of(file)?;
    match Compiler::new(None).compile(protocol, &version, &files) {
        Ok(done) => Ok((protocol, version, files, done)),
        Err(problems) => Err(Failure::new(listed(&problems))),
    }
}

fn listed(problems: &[ContractProblem]) -> String {
    problems.iter().map(shown).collect::<Vec<_>>().join("\n")
}

fn shown(problem: &ContractProblem) -> String {
    match &problem.place {
        Some((file, line, column)) => format!("{file}:{line}:{column}: {}", problem.message),
        None => problem.message.clone(),
    }
}

fn check(file: &Path) -> Result<(), Failure> {
    let (_, _, _, done) = compiled(file)?;
    let mut text = operations_table(&done.operations);
    for warning in &done.warnings {
        text.push_str(&format!("! {}\n", shown(warning)));
    }
    out::print(text.trim_end());
    Ok(())
}

fn operations_table(operations: &[OperationSpec]) -> String {
    let text = |t: Option<&str>| t.unwrap_or("-").to_owned();
    let row = |o: &OperationSpec| {
        vec![
            o.name.clone(),
            text(o.method.as_deref()),
            text(o.path.as_ref().map(|p| p.as_str())),
            text(o.element.as_deref()),
            text(o.soap_action.as_deref()),
        ]
    };
    let headings = ["OPERATION", "METHOD", "PATH", "ELEMENT", "SOAPACTION"];
    let mut table = out::table(&headings, &operations.iter().map(row).collect::<Vec<_>>());
    if !table.ends_with('\n') {
        table.push('\n');
    }
    table
}

fn compare(old: &Path, new: &Path) -> Result<(), Failure> {
    let (protocol, mut was, was_files, was_done) = compiled(old)?;
    let (other, mut is, is_files, is_done) = compiled(new)?;
    if protocol != other {
        return Err(Failure::new("one is a WSDL and the other an OpenAPI document"));
    }
    (was.operations, is.operations) = (was_done.operations, is_done.operations);
    let changes = Compiler::new(None).compare(protocol, (&was, &was_files), (&is, &is_files));
    for change in &changes {
        let word = if change.breaking { "BREAKING " } else { "" };
        out::print(&format!("{word}{}: {}", change.place, change.what));
    }
    match changes.iter().filter(|c| c.breaking).count() {
        0 => {
            out::print("Nothing breaks those who keep to the old one.");
            Ok(())
        }
        n => Err(Failure::new(format!("{n} breaking changes"))),
    }
}

async fn show(desk: &Desk, named: &str, openapi: bool, wsdl: bool) -> Result<(), Failure> {
    let registry = desk.registry().await?;
    let (service, label) = named.split_once('/').map_or((named, None), |(s, v)| (s, Some(v)));
    let spec: ServiceSpec = serde_json::from_value(one(&registry, Kind::Service, service)?.spec)?;
    let version = match label {
        Some(label) => spec.versions.iter().find(|v| v.version.as_str() == label),
        None => spec.versions.iter().rev().find(|v| v.contract.is_some()).or(spec.versions.last()),
    };
    let version = version.ok_or_else(|| Failure::new(format!("service {service:?} has no such version")))?;
    if !(openapi || wsdl) {
        out::print(operations_table(&version.operations).trim_end());
        return Ok(());
    }
    let mut files = VersionFiles::new();
    for digest in version.file_digests() {
        if let Some(found) = registry.contract_files(digest).await? {
            files.insert(digest.to_owned(), found);
        }
    }
    let done = Compiler::new(None).compile(spec.protocol, version, &files);
    let done = done.map_err(|p| Failure::new(listed(&p)))?;
    let document = done.mediator.and_then(|m| if openapi { m.openapi() } else { m.wsdl() });
    let document = document.ok_or_else(|| Failure::new("this version has no such face with a document"))?;
    let address = format!("{}/{service}/{}", desk.config().issuer(), version.version);
    out::print(document.replace("{address}", &address).trim_end());
    Ok(())
}

/// Makes a service, or a further version of one, of a contract.
pub async fn add(desk: &Desk, args: ServiceAddArgs) -> Result<(), Failure> {
    let file = args.wsdl.as_deref().or(args.openapi.as_deref()).ok_or_else(|| Failure::new("no contract"))?;
    let soap = args.wsdl.is_some();
    let faces = match (args.faces.is_empty(), soap) {
        (true, true) => json!(["rest", "soap"]),
        (true, false) => json!(["rest"]),
        (false, _) => json!(args.faces),
    };
    let (mut contract, files) = manifest::gather_contract(file).map_err(Failure::new)?;
    contract.service.clone_from(&args.service);
    contract.port.clone_from(&args.port);
    let target = match &args.target {
        Some(target) => target.clone(),
        None => lgsp_mediation::address(&contract, &files).ok_or_else(|| {
            Failure::new("the contract does not say where the provider listens")
                .help("say it with --target URL")
        })?,
    };
    let registry = desk.registry().await?;
    let existing = registry.get(Kind::Service, &args.id).map(|i| i.spec);
    let mut item = existing.unwrap_or_else(|| {
        json!({
            "id": args.id, "system": args.system, "title": args.title.clone().unwrap_or_else(|| args.id.clone()),
            "protocol": if soap { "soap" } else { "rest" }, "versions": [],
        })
    });
    let version = json!({
        "version": args.version, "lifecycle": if args.draft { "draft" } else { "published" },
        "targets": [{ "url": target }], "contract": contract, "faces": faces,
    });
    put_version(&mut item, version)?;
    let desired = manifest::of_service(&args.id, item, files).map_err(|p| problems(&p))?;
    let options = PlanOptions { prune: false, accept_breaking: args.accept_breaking };
    if args.dry_run {
        let planned = registry.plan(&desired, options).await.map_err(|p| problems(&p))?;
        out::print(&format!("{}(dry run: nothing was changed)", plan::render(&planned)));
        return Ok(());
    }
    let applied = registry.apply(&desired, options, &desk.context(args.why.reason.clone())).await;
    out::print(plan::render(&applied.trying("nothing was changed")?.plan).trim_end());
    let spec: ServiceSpec = serde_json::from_value(one(&registry, Kind::Service, &args.id)?.spec)?;
    let version = spec.versions.iter().find(|v| v.version.as_str() == args.version);
    let Some(version) = version else { return Ok(()) };
    let base = format!("{}/{}/{}", desk.config().issuer(), args.id, args.version);
    out::print(&format!("\n{base}  {}\n", faces_text(version, spec.protocol)));
    out::print(operations_table(&version.operations).trim_end());
    out::print(&format!(
        "\nNext: lgsp grant add --consumer SYSTEM --service {} --purpose TEXT --legal-basis TEXT",
        args.id
    ));
    Ok(())
}

fn faces_text(version: &VersionSpec, protocol: Protocol) -> String {
    use lgsp_kernel::model::FaceSpec;
    let mut words = Vec::new();
    if version.has_face(FaceSpec::Rest, protocol) {
        words.push("REST (GET .../openapi.json)");
    }
    if version.has_face(FaceSpec::Soap, protocol) {
        words.push("SOAP (GET ...?wsdl)");
    }
    words.join(", ")
}

/// In the place of the version with the same label; what it says beside contract, faces and targets stays.
fn put_version(item: &mut Value, version: Value) -> Result<(), Failure> {
    let versions = item.get_mut("versions").and_then(Value::as_array_mut);
    let versions = versions.ok_or_else(|| Failure::new("the service is declared in another form"))?;
    match versions.iter_mut().find(|v| v["version"] == version["version"]) {
        Some(there) => {
            let merged = there.as_object_mut().zip(version.as_object());
            if let Some((there, new)) = merged {
                // What the old contract brought along comes from the new one.
                there.remove("operations");
                there.extend(new.iter().map(|(k, v)| (k.clone(), v.clone())));
            }
        }
        None => versions.push(version),
    }
    Ok(())
}

fn problems(problems: &[lgsp_registry::Problem]) -> Failure {
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    Failure::new(format!("nothing was changed\n{}", lines.join("\n")))
}
