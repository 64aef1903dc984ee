//! `lgsp mapping`: mappings tested, run on a message, and tried on a recorded one before they go live.

use super::desk::Desk;
use super::failure::{Failure, Trying as _};
use super::out;
use crate::cli::{MappingCommand, MappingRunArgs, MessagePart};
use bytes::Bytes;
use lgsp_evidence::{BodyRole, Found};
use lgsp_kernel::mediation::CallFacts;
use lgsp_kernel::record::{Entry, ExchangeRecord};
use lgsp_kernel::{Clock, ExchangeId, Millis};
use lgsp_mapping::{CallVars, Mapping, Pool, PoolConfig, cases};
use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

/// What reading a message takes at most: more than a worker takes, so that its own refusal is what is seen.
const MESSAGE_MAX: u64 = 64 * 1024 * 1024;
/// Differences that `try` names.
const MAX_DIFFERENCES: usize = 50;
/// How long a message may take in all, the start of a worker included.
const PATIENCE: Duration = Duration::from_secs(60);

/// The commands that need no node.
pub async fn alone(command: &MappingCommand) -> Option<Result<(), Failure>> {
    match command {
        MappingCommand::Test { path } => Some(test(path).await),
        MappingCommand::Run(args) => Some(run_on(args).await),
        MappingCommand::Try { .. } => None,
    }
}

/// The others.
pub async fn run(desk: &Desk, command: MappingCommand) -> Result<(), Failure> {
    match command {
        MappingCommand::Try { file, exchange, part } => tried(desk, &file, &exchange, part).await,
        other => alone(&other).await.unwrap_or(Ok(())),
    }
}

fn pool() -> Pool {
    Pool::new(PoolConfig::default())
}

async fn test(path: &Path) -> Result<(), Failure> {
    let report = cases::run(&pool(), path).await.map_err(Failure::new)?;
    out::print(&report.text);
    match report.failed {
        0 => Ok(()),
        1 => Err(Failure::new("a test failed")),
        n => Err(Failure::new(format!("{n} tests failed"))),
    }
}

async fn run_on(args: &MappingRunArgs) -> Result<(), Failure> {
    let mapping = cases::load(&args.file).map_err(Failure::new)?;
    let (input, how) = as_json(read(args.input.as_deref())?)?;
    let request = args.request.as_deref().map(|path| as_json(read(Some(path))?)).transpose()?;
    let now = facts(&args.exchange, Clock::System.now());
    let mut vars = CallVars { system: args.system.clone(), ..CallVars::from(now) };
    vars.agency = args.agency.clone();
    vars.officer = args.officer.clone();
    vars.purpose = args.purpose.clone();
    vars.dossier = args.dossier.clone();
    vars.at = args.at.clone().unwrap_or(vars.at);
    vars.request = request.map(|(request, _)| request);
    if how == From::Xml {
        out::note(how.said());
    }
    let result = mapped(&mapping, input, &vars).await?;
    out::print(&cases::pretty(&result));
    Ok(())
}

fn facts(exchange: &str, at: Millis) -> CallFacts<'_> {
    CallFacts { exchange, system: "", agency: "", officer: None, purpose: None, dossier: None, at }
}

async fn mapped(mapping: &Mapping, input: Bytes, vars: &CallVars) -> Result<Bytes, Failure> {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    pool().run(mapping, input, vars, deadline).await.trying(mapping.name())
}

/// What a message was before it was JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum From {
    Json,
    Xml,
}

impl From {
    fn said(self) -> &'static str {
        match self {
            Self::Json => "JSON, as it was recorded",
            Self::Xml => {
                "XML, converted without its schema (docs/protocol/mediation.md, \"XML without a schema\"): \
                 where a version has a contract, its mappings get the contract's form"
            }
        }
    }
}

/// A message as mappings get it.
fn as_json(message: Bytes) -> Result<(Bytes, From), Failure> {
    let start = message.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&message).trim_ascii_start();
    if start.first() != Some(&b'<') {
        return Ok((message, From::Json));
    }
    let json = lgsp_schema::generic::xml_to_json(&message, lgsp_schema::codec::Limits::default());
    Ok((
        json.map_err(|fault| Failure::new(format!("the message is no XML that is taken: {fault}")))?.into(),
        From::Xml,
    ))
}

fn read(path: Option<&Path>) -> Result<Bytes, Failure> {
    let mut bytes = Vec::new();
    let (name, from): (String, Box<dyn std::io::Read>) = match path.filter(|p| *p != Path::new("-")) {
        Some(path) => {
            (path.display().to_string(), Box::new(std::fs::File::open(path).trying(path.display())?))
        }
        None => ("standard input".to_owned(), Box::new(std::io::stdin())),
    };
    from.take(MESSAGE_MAX + 1).read_to_end(&mut bytes).trying(&name)?;
    if bytes.len() as u64 > MESSAGE_MAX {
        return Err(Failure::new(format!("{name}: larger than {MESSAGE_MAX} bytes")));
    }
    Ok(bytes.into())
}

/// Runs a mapping on a recorded message.
async fn tried(desk: &Desk, file: &Path, exchange: &str, part: MessagePart) -> Result<(), Failure> {
    let mapping = cases::load(file).map_err(Failure::new)?;
    let id: ExchangeId = exchange.parse().trying("the exchange id")?;
    let found = desk.archive()?.find(id)?;
    if found.is_empty() {
        return Err(Failure::new(format!("there is no record of {id} in this node's log")));
    }
    let role = if part == MessagePart::Request { BodyRole::Request } else { BodyRole::Answer };
    let body = body(&found, role).ok_or_else(|| not_kept(&found, part))?;
    let (before, how) = as_json(body)?;
    let mut vars = call_of(&found, id);
    if part == MessagePart::Answer {
        vars.request =
            self::body(&found, BodyRole::Request).map(as_json).transpose()?.map(|(request, _)| request);
    }
    let word = if part == MessagePart::Request { "request" } else { "answer" };
    out::print(&format!("{id}, {word}: {}\n\nbefore\n{}", how.said(), cases::pretty(&before)));
    let after = mapped(&mapping, before.clone(), &vars).await?;
    let differences = cases::differences(&before, &after, MAX_DIFFERENCES).map_err(Failure::new)?;
    let mut text = format!("\nafter {}\n{}\n\ndifferences\n", mapping.name(), cases::pretty(&after));
    match differences.as_slice() {
        [] => text.push_str("  none\n"),
        some => some.iter().for_each(|line| text.push_str(&format!("  {}\n", changed(line)))),
    }
    if differences.len() >= MAX_DIFFERENCES {
        text.push_str("  and more\n");
    }
    out::print(&text);
    Ok(())
}

/// A difference, as one between a message and what became of it.
fn changed(line: &str) -> String {
    line.replacen(": expected nothing, got ", ": new: ", 1)
        .replacen(", got nothing", ", is gone", 1)
        .replacen(": expected ", ": was ", 1)
        .replacen(", got ", ", is ", 1)
}

fn body(found: &[Found], role: BodyRole) -> Option<Bytes> {
    let bodies = found.iter().flat_map(|entry| &entry.bodies);
    bodies.filter(|(kept, bytes)| *kept == role && !bytes.is_empty()).map(|(_, bytes)| bytes.clone()).next()
}

fn not_kept(found: &[Found], part: MessagePart) -> Failure {
    let word = if part == MessagePart::Request { "request" } else { "answer" };
    let erased = found.iter().any(|entry| entry.bodies_erased);
    let why = if erased { "was erased by retention" } else { "was not kept, or the message had none" };
    Failure::new(format!("the body of the {word} {why}")).help(
        "a version keeps bodies with `evidence: { body: full }`; a message in a file is tried by `lgsp mapping run`",
    )
}

/// What the mapping would have known of the call.
fn call_of(found: &[Found], id: ExchangeId) -> CallVars {
    let text = id.to_string();
    let mut vars = CallVars::from(facts(&text, id.time()));
    for record in found.iter().filter_map(Found::record) {
        let Ok(Entry::Exchange(record)) = serde_json::from_slice::<Entry>(record) else { continue };
        let ExchangeRecord { caller, stated, .. } = *record;
        if let Some(caller) = caller.filter(|c| !c.system.is_empty()) {
            (vars.system, vars.agency) = (caller.system, caller.agency);
        }
        if let Some(stated) = stated {
            vars.officer = stated.officer.or(vars.officer);
            vars.purpose = stated.purpose.or(vars.purpose);
            vars.dossier = stated.dossier.or(vars.dossier);
        }
    }
    vars
}
