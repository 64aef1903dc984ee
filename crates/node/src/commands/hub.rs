//! `lgsp hub`: who is a member, and the hub's own keys. Works on the hub's folder whether the node runs or not; every decision leaves
//! its trace in the audit trail before it is made.

use super::desk::Desk;
use super::failure::{Failure, Trying as _};
use super::{oneself, out};
use crate::cli::{HubCommand, HubInitArgs, OnlineRole, RevokeArgs};
use crate::hub::decisions::record;
use crate::hub::desk::Revoked;
use crate::hub::rotate::AuthorityChange;
use crate::hub::{Beginning, Decisions, HubDesk, Request, RequestState};
use lgsp_directory::document::Role;
use lgsp_directory::members::{Authority, Der, Purpose, TimestampAuthority, Witness};
use lgsp_directory::{Edit, Versions};
use lgsp_kernel::{AgencyCode, NodeName, Secret};
use lgsp_trust::pem;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// One of them.
pub async fn run(named: Option<&Path>, command: HubCommand) -> Result<(), Failure> {
    if let HubCommand::Init(args) = command {
        return init(named, &args).await;
    }
    let desk = &Desk::open(named)?;
    let hub = &Arc::new(open(desk)?);
    match command {
        HubCommand::Init(_) => unreachable!("taken above"),
        HubCommand::Requests { all, json } => requests(hub, all, json),
        HubCommand::Members { json } => members(hub, json),
        HubCommand::Approve { node, agencies, why } => {
            let only = agencies.iter().map(|a| a.parse()).collect::<Result<Vec<AgencyCode>, _>>()?;
            let member = decisions(desk, hub).await?.approve(desk.context(why.reason), node, only).await?;
            let agencies: Vec<_> = member.agencies.iter().map(|a| a.code.to_string()).collect();
            out::print(&format!("{} is a member, for {}", member.name, agencies.join(", ")));
            Ok(())
        }
        HubCommand::Reject { node, reason } => {
            let by = desk.context(Some(reason.clone()));
            let rejected = decisions(desk, hub).await?.reject(by, node, reason).await?;
            out::print(&format!("the request of {} is rejected", rejected.node));
            Ok(())
        }
        HubCommand::Revoke(args) => revoke(desk, hub, args).await,
        HubCommand::Reinstate { node, why } => {
            let (by, node) = (desk.context(why.reason), NodeName::new(&node)?);
            published(decisions(desk, hub).await?.reinstate(by, node).await?)
        }
        HubCommand::Remove { node, why } => {
            audit(desk, "remove", &node, why.reason).await?;
            published(hub.remove(&NodeName::new(&node)?)?)
        }
        HubCommand::RotateAuthority { finish, compromised, why } => {
            let change = match (finish, compromised) {
                (true, _) => AuthorityChange::Finish,
                (_, true) => AuthorityChange::Compromised,
                _ => AuthorityChange::Begin,
            };
            audit(desk, "rotate_authority", "authority", why.reason).await?;
            published(hub.rotate_authority(change)?)
        }
        HubCommand::RotateKeys { roles, root_keys, passphrases, why } => {
            audit(desk, "rotate_keys", "directory", why.reason).await?;
            published(hub.rotate_keys(&chosen(&roles), &with_passphrases(root_keys, &passphrases)?)?)
        }
        HubCommand::Publish => published(hub.renew()?),
        listing => list(desk, hub, listing).await,
    }
}

/// The hub's desk; fails where the node is no hub.
fn open(desk: &Desk) -> Result<HubDesk, Failure> {
    let hub = HubDesk::new(Arc::new(desk.config().clone()), desk.vault()?, desk.clock.clone());
    if hub.exists() {
        return Ok(hub);
    }
    Err(Failure::new(format!(
        "this node is no hub: there is no directory in {}",
        desk.config().hub_dir().display()
    ))
    .help("`lgsp hub init` begins one"))
}

/// The decisions that the API makes too.
async fn decisions(desk: &Desk, hub: &Arc<HubDesk>) -> Result<Decisions, Failure> {
    Ok(Decisions::new(hub.clone(), desk.store().await?))
}

async fn audit(desk: &Desk, action: &str, id: &str, reason: Option<String>) -> Result<(), Failure> {
    Ok(record(&desk.store().await?, desk.context(reason), action, id).await?)
}

fn published(versions: Versions) -> Result<(), Failure> {
    out::print(&format!("published: {versions:?}"));
    Ok(())
}

async fn init(named: Option<&Path>, args: &HubInitArgs) -> Result<(), Failure> {
    let desk = oneself::prepared(named, &args.fresh).await?;
    let config = desk.config();
    let url = config.public_url().ok_or_else(|| {
        Failure::new("public.listen is empty: members could not reach the directory")
            .help("set public.listen (and public.url) in the configuration, or give --public with a new one")
    })?;
    let hub = HubDesk::new(Arc::new(config.clone()), desk.vault()?, desk.clock.clone());
    let beginning = Beginning {
        own: oneself::wanted(&desk, &args.oneself)?,
        url: url.clone(),
        root_keys: args.root_keys,
        threshold: args.threshold,
        root_dir: args.root_dir.clone(),
    };
    audit(&desk, "init", &config.node.name, None).await?;
    let begun = hub.begin(&beginning)?;
    let mut lines = vec![format!("made: directory and authority in {}", config.hub_dir().display())];
    for (path, passphrase) in &begun.root_keys {
        let passphrase = passphrase.expose_str().unwrap_or_default();
        lines.push(format!("made: root key {}, passphrase (shown this once) {passphrase}", path.display()));
    }
    lines.push(format!(
        "\n{} of the {} root keys sign a new root. Take them away from this machine, each to another place.",
        args.threshold, args.root_keys
    ));
    let flag = oneself::config_flag(named);
    lines.push(format!(
        "\nNext: lgsp serve{flag}\nOthers join with: lgsp node join {url} --root-sha256 {}",
        begun.anchor.sha256
    ));
    out::print(&lines.join("\n"));
    Ok(())
}

fn requests(hub: &HubDesk, all: bool, json: bool) -> Result<(), Failure> {
    let mut found = hub.requests().list()?;
    found.retain(|r| all || r.state == RequestState::Waiting);
    if json {
        out::print(&serde_json::to_string_pretty(&found)?);
        return Ok(());
    }
    if found.is_empty() {
        out::print("no request waits for a decision");
        return Ok(());
    }
    let rows: Vec<Vec<String>> = found.iter().map(request_row).collect();
    out::print(&out::table(&["NODE", "TITLE", "AGENCIES", "CAME", "STATE", "SHA-256 OF ITS KEY"], &rows));
    out::print(
        "\nCompare the digest with the applicant by telephone or in person, then: lgsp hub approve <node>",
    );
    Ok(())
}

fn request_row(request: &Request) -> Vec<String> {
    let agencies: Vec<_> = request.join.agencies.iter().map(|a| format!("{} {}", a.code, a.name)).collect();
    let state = match &request.state {
        RequestState::Waiting => "waiting".to_owned(),
        RequestState::Rejected { reason, .. } => format!("rejected: {reason}"),
        RequestState::Approved { .. } => "approved".into(),
    };
    let digest = request.id.as_bytes().chunks(8).map(String::from_utf8_lossy).collect::<Vec<_>>().join(" ");
    vec![
        request.node.to_string(),
        request.join.title.clone(),
        agencies.join(", "),
        request.at.rfc3339(),
        state,
        digest,
    ]
}

fn members(hub: &HubDesk, json: bool) -> Result<(), Failure> {
    let publisher = hub.publisher()?;
    let document = publisher.members();
    if json {
        let shown = serde_json::json!({ "members": document.members, "revoked": publisher.revocations() });
        out::print(&serde_json::to_string_pretty(&shown)?);
        return Ok(());
    }
    let revoked = |name: &NodeName| publisher.revocations().members.iter().any(|m| m.name == *name);
    let rows: Vec<Vec<String>> = document
        .members
        .iter()
        .map(|m| {
            let state =
                if revoked(&m.name) { "revoked".into() } else { format!("{:?}", m.state).to_lowercase() };
            let agencies: Vec<_> = m.agencies.iter().map(|a| a.code.to_string()).collect();
            vec![
                m.name.to_string(),
                m.title.to_string(),
                state,
                agencies.join(" "),
                m.profile.endpoints.join(" "),
                m.profile.services.len().to_string(),
            ]
        })
        .collect();
    out::print(&out::table(&["MEMBER", "TITLE", "STATE", "AGENCIES", "ENDPOINTS", "SERVICES"], &rows));
    out::print(&format!("\npinned by members: --root-sha256 {} (or any root before it)", publisher.anchor()));
    Ok(())
}

async fn revoke(desk: &Desk, hub: &Arc<HubDesk>, args: RevokeArgs) -> Result<(), Failure> {
    let what = match (args.node, args.agency, args.certificate, args.key) {
        (Some(node), Some(code), ..) => Revoked::Agency(NodeName::new(&node)?, code.parse()?),
        (Some(node), None, ..) => Revoked::Node(NodeName::new(&node)?),
        (None, _, Some(digest), _) => {
            let bytes = hex::decode(digest.replace(':', "")).ok().and_then(|b| b.try_into().ok());
            let bytes = bytes.ok_or_else(|| Failure::new("--certificate is not 64 hexadecimal digits"))?;
            Revoked::Certificate(bytes)
        }
        (None, _, None, Some(key)) => Revoked::Key(key),
        _ => unreachable!("the command line asks for one of them"),
    };
    let (id, by) = (what.id(), desk.context(Some(args.reason.clone())));
    let versions = decisions(desk, hub).await?.revoke(by, what, args.reason).await?;
    out::print(&format!(
        "{id} is revoked; members learn it at their next refresh (directory.refresh, 60 s unless changed)"
    ));
    published(versions)
}

fn chosen(roles: &[OnlineRole]) -> Vec<Role> {
    let all = [OnlineRole::Members, OnlineRole::Revocations, OnlineRole::Freshness];
    let wanted = if roles.is_empty() { &all[..] } else { roles };
    let role = |r: &OnlineRole| match r {
        OnlineRole::Members => Role::Members,
        OnlineRole::Revocations => Role::Revocations,
        OnlineRole::Freshness => Role::Freshness,
    };
    wanted.iter().map(role).collect()
}

fn with_passphrases(keys: Vec<PathBuf>, passphrases: &[PathBuf]) -> Result<Vec<(PathBuf, Secret)>, Failure> {
    if keys.len() != passphrases.len() {
        return Err(Failure::new("each --root-key needs its --passphrase-file, in the same order"));
    }
    let read = |(key, file): (PathBuf, &PathBuf)| {
        let text = std::fs::read_to_string(file).trying(file.display())?;
        Ok((key, Secret::new(text.trim())))
    };
    keys.into_iter().zip(passphrases).map(read).collect()
}

async fn list(desk: &Desk, hub: &HubDesk, command: HubCommand) -> Result<(), Failure> {
    let certificate = |file: &Path| {
        let text = std::fs::read_to_string(file).trying(file.display())?;
        pem::decode(pem::CERTIFICATE, &text).map(Der::new).trying(file.display())
    };
    let (edit, id, why) = match command {
        HubCommand::AddTsa { name, url, certificate: file, why } => {
            let tsa = TimestampAuthority {
                name: name.as_str().into(),
                url: url.into(),
                certificate: certificate(&file)?,
            };
            (Edit::PutTimestampAuthority(tsa), name, why)
        }
        HubCommand::AddWitness { name, url, key, why } => {
            let witness = Witness { name: name.as_str().into(), url: url.into(), vkey: key.into() };
            (Edit::PutWitness(witness), name, why)
        }
        HubCommand::AddAuthority { id, certificate: file, why } => {
            let authority = Authority {
                id: id.as_str().into(),
                purposes: vec![Purpose::Agency],
                certificate: certificate(&file)?,
            };
            (Edit::PutAuthority(authority), id, why)
        }
        _ => unreachable!("all others were taken before"),
    };
    audit(desk, "list", &id, why.reason).await?;
    published(hub.apply(&[edit])?)
}
