//! What `hub init` and `node join` have in common: a configuration where there is none, a prepared node, and what it says of itself.

use super::desk::{self, Desk};
use super::failure::{Failure, Trying as _};
use super::out;
use crate::cli::{Fresh, Oneself, PlatformKind};
use crate::config::{Config, EXAMPLE};
use crate::membership::join::{Wanted, WantedAgency};
use crate::membership::profile::{self, Facts};
use crate::setup;
use lgsp_directory::members::{LogEntry, MemberKind};
use lgsp_kernel::model::{Manifest, SignatureMode};
use lgsp_kernel::{AgencyCode, NodeName};
use lgsp_trust::pem;
use std::path::{Path, PathBuf};

/// Writes the configuration if it is missing, prepares the node if it is not, and prints what was made.
pub async fn prepared(named: Option<&Path>, fresh: &Fresh) -> Result<Desk, Failure> {
    if let Some(path) = named.filter(|p| !p.exists()) {
        super::init::write_config(path, &configuration(fresh, path)?)
            .trying(format!("writing {}", path.display()))?;
        out::print(&format!("made: configuration {}", path.display()));
    }
    let desk = Desk::open(named)?;
    let context = desk.context(Some("first preparation".into()));
    let prepared = setup::prepare(desk.config(), &desk.clock, Some(&context)).await?;
    for made in &prepared.made {
        out::print(&format!("made: {made}"));
    }
    if let Some(token) = prepared.token.as_ref().and_then(|t| t.expose_str()) {
        out::print(&format!("the administrator's token, shown this once: {token}"));
    }
    Ok(desk)
}

/// The annotated file, with the values that were given.
fn configuration(fresh: &Fresh, file: &Path) -> Result<String, Failure> {
    let folder = file.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut text = EXAMPLE.to_owned();
    let mut set = |section: &str, key: &str, value: String| {
        let Some(from) = text.find(&format!("\n[{section}]")) else { return };
        let Some(at) = text[from..].find(&format!("\n{key} = ")).map(|i| from + i + 1) else { return };
        let end = text[at..].find('\n').map_or(text.len(), |i| at + i);
        text.replace_range(at..end, &format!("{key} = {value}"));
    };
    if let Some(name) = &fresh.name {
        set("node", "name", format!("{name:?}"));
    }
    if let Some(dir) = &fresh.data_dir {
        let dir = if dir.is_absolute() { dir.clone() } else { absolute(folder)?.join(dir) };
        set("node", "data_dir", format!("{:?}", dir.display().to_string()));
    }
    let listeners =
        [("listen", "http", fresh.http), ("peer", "listen", fresh.peer), ("public", "listen", fresh.public)];
    for (section, key, address) in listeners {
        if let Some(address) = address {
            set(section, key, format!("\"{address}\""));
        }
    }
    Ok(text)
}

fn absolute(folder: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(folder).trying(folder.display())
}

/// What the node asks to be taken in as.
pub fn wanted(desk: &Desk, oneself: &Oneself) -> Result<Wanted, Failure> {
    let config = desk.config();
    let node = NodeName::new(&config.node.name).trying("node.name")?;
    let mut agencies = Vec::new();
    for text in &oneself.agencies {
        let (code, name) = pair(text, "--agency")?;
        agencies.push(WantedAgency { code, aliases: Vec::new(), name, certificate: None });
    }
    for text in &oneself.aliases {
        let (code, other) = pair(text, "--alias")?;
        named(&mut agencies, &code, "--alias")?.aliases.push(other.parse()?);
    }
    for text in &oneself.certificates {
        let (code, file) = pair(text, "--agency-certificate")?;
        let content = std::fs::read_to_string(&file).trying(&file)?;
        let der = pem::decode(pem::CERTIFICATE, &content).trying(&file)?;
        named(&mut agencies, &code, "--agency-certificate")?.certificate = Some(der);
    }
    if agencies.is_empty() {
        return Err(Failure::new("no agency is named")
            .help("say for whom the node speaks: --agency H98.02=\"Trung tâm ...\""));
    }
    let title = oneself.title.clone().unwrap_or_else(|| node.to_string());
    let (profile, _) = profile::compile(&Manifest::default(), &[], facts(desk)?);
    Ok(Wanted { node, title, kind: kind(oneself.kind), agencies, profile })
}

/// What a profile says that the registry does not know.
pub fn facts(desk: &Desk) -> Result<Facts, Failure> {
    Ok(facts_of(desk.config(), &desk.log_verifier()?))
}

/// The same, of a running node.
pub fn facts_of(config: &Config, log_key: &str) -> Facts {
    let other = match config.peer.mode {
        SignatureMode::Group => SignatureMode::Message,
        SignatureMode::Message => SignatureMode::Group,
    };
    Facts {
        endpoints: config.peer_endpoints(),
        logs: vec![LogEntry { vkey: log_key.into(), first_epoch: 1, last_epoch: None }],
        modes: vec![config.peer.mode, other],
        relays: config.peer.relay,
        witness: None,
    }
}

fn kind(kind: PlatformKind) -> MemberKind {
    match kind {
        PlatformKind::National => MemberKind::National,
        PlatformKind::Ministry => MemberKind::Ministry,
        PlatformKind::Province => MemberKind::Province,
        PlatformKind::Other => MemberKind::Other,
    }
}

fn named<'a>(
    agencies: &'a mut [WantedAgency],
    code: &AgencyCode,
    what: &str,
) -> Result<&'a mut WantedAgency, Failure> {
    agencies
        .iter_mut()
        .find(|a| a.code == *code)
        .ok_or_else(|| Failure::new(format!("{what} names {code}, which no --agency does")))
}

fn pair(text: &str, what: &str) -> Result<(AgencyCode, String), Failure> {
    let (code, rest) =
        text.split_once('=').ok_or_else(|| Failure::new(format!("{what} {text:?} is not <code>=<...>")))?;
    Ok((code.trim().parse().trying(what)?, rest.trim().to_owned()))
}

/// ` -c <file>`, where a file was named: for lines that can be pasted.
pub fn config_flag(named: Option<&Path>) -> String {
    desk::config_file(named).map_or_else(String::new, |f| format!(" -c {}", f.display()))
}
