//! `lgsp directory`: the directory as this node has it.

use super::desk::Desk;
use super::failure::{Failure, Trying as _};
use super::member::ages;
use super::out;
use crate::cli::DirectoryCommand;
use crate::membership::files::MemberFiles;
use crate::membership::http::{Http, HubFiles};
use lgsp_directory::{Client, ClientConfig, Directory};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How often the folder is copied again when the node replaced files meanwhile.
const READ_TRIES: usize = 5;
const READ_PAUSE: Duration = Duration::from_millis(20);

/// One of them.
pub async fn run(desk: &Desk, command: DirectoryCommand) -> Result<(), Failure> {
    match command {
        DirectoryCommand::Show { json } => show(desk, view(desk)?.as_ref(), json),
        DirectoryCommand::Services { text, json } => services(view(desk)?.as_ref(), text.as_deref(), json),
        DirectoryCommand::Update => {
            let client = reader(desk, MemberFiles::at(desk.config().membership_dir()).directory())?;
            let updated = client.update(desk.clock.now()).await;
            let updated = updated.trying("updating the directory (a running node does it by itself)")?;
            out::print(&format!(
                "{}: {:?}",
                if updated.changed { "new" } else { "nothing new" },
                updated.versions
            ));
            Ok(())
        }
        DirectoryCommand::Verify => {
            out::print(&format!("verified from the pinned root on: {:?}", view(desk)?.versions()));
            Ok(())
        }
    }
}

fn reader(desk: &Desk, cache: PathBuf) -> Result<Client<HubFiles>, Failure> {
    let files = MemberFiles::at(desk.config().membership_dir());
    let membership = files.membership()?.ok_or_else(|| {
        Failure::new("this node is no member of any directory").help("`lgsp node join` asks for it")
    })?;
    let anchor = membership.root_sha256.parse().map_err(|e| Failure::new(format!("the pinned root: {e}")))?;
    let http = Http::new(desk.config()).map_err(Failure::new)?;
    let config = ClientConfig { cache, anchor };
    Ok(Client::open(config, HubFiles::new(http, &membership.hub))?)
}

/// The directory as this node has it, whether the node runs or not; none before the first fetch. The folder of a running node is its
/// own: so a copy of it is read, and verified like any other.
pub fn known(desk: &Desk) -> Result<Option<Arc<Directory>>, Failure> {
    let folder = MemberFiles::at(desk.config().membership_dir()).directory();
    let mut last = None;
    for _ in 0..READ_TRIES {
        let copy = std::env::temp_dir().join(format!("lgsp-directory-{}", uuid::Uuid::now_v7()));
        let opened =
            copy_files(&folder, &copy).map_err(Failure::from).and_then(|()| reader(desk, copy.clone()));
        // What is left of it would only take space.
        let _ = std::fs::remove_dir_all(&copy);
        let client = opened?;
        match (client.directory(), client.cache_problem()) {
            (Some(view), _) => return Ok(Some(view)),
            (None, None) => return Ok(None),
            // The node may have replaced files while they were copied.
            (None, Some(problem)) => last = Some(problem.to_string()),
        }
        std::thread::sleep(READ_PAUSE);
    }
    Err(Failure::new(format!("the copy of the directory is not good: {}", last.unwrap_or_default()))
        .help("`lgsp directory update` fetches it anew"))
}

fn copy_files(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(to)?;
    let entries = match std::fs::read_dir(from) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    for entry in entries {
        let entry = entry?;
        let done = if entry.file_type()?.is_file() {
            std::fs::copy(entry.path(), to.join(entry.file_name())).map(drop)
        } else {
            Ok(())
        };
        match done {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
    }
    Ok(())
}

fn view(desk: &Desk) -> Result<Arc<Directory>, Failure> {
    known(desk)?.ok_or_else(none)
}

fn none() -> Failure {
    Failure::new("this node has no copy of the directory yet").help("`lgsp directory update` fetches it")
}

fn show(desk: &Desk, view: &Directory, json: bool) -> Result<(), Failure> {
    let state = view.state(desk.clock.now(), &ages(desk.config()));
    if json {
        let shown = serde_json::json!({
            "freshness": format!("{:?}", state.freshness), "why": state.why, "confirmed_at": view.confirmed_at().rfc3339(),
            "members": view.all_members(), "timestamp_authorities": view.timestamp_authorities(),
            "witnesses": view.witnesses().collect::<Vec<_>>(), "revocations": view.revocations(),
        });
        out::print(&serde_json::to_string_pretty(&shown)?);
        return Ok(());
    }
    out::print(&format!("{}; {:?}\n", state.why, view.versions()));
    let rows: Vec<Vec<String>> = view
        .all_members()
        .iter()
        .map(|m| {
            vec![
                m.name.to_string(),
                format!("{:?}", view.standing(m.name.as_str())).to_lowercase(),
                m.agencies.iter().map(|a| a.code.to_string()).collect::<Vec<_>>().join(" "),
                m.profile.endpoints.join(" "),
                m.profile.services.len().to_string(),
            ]
        })
        .collect();
    out::print(&out::table(&["MEMBER", "STANDING", "AGENCIES", "ENDPOINTS", "SERVICES"], &rows));
    for witness in view.witnesses() {
        out::print(&format!("witness {} {}", witness.name, witness.url));
    }
    for tsa in view.timestamp_authorities() {
        out::print(&format!("timestamp authority {} {}", tsa.name, tsa.url));
    }
    Ok(())
}

fn services(view: &Directory, text: Option<&str>, json: bool) -> Result<(), Failure> {
    let wanted = text.map(str::to_lowercase);
    let holds =
        |texts: &[&str]| wanted.as_deref().is_none_or(|w| texts.iter().any(|t| t.to_lowercase().contains(w)));
    let found: Vec<_> = view
        .services()
        .filter(|s| holds(&[s.service.id.as_str(), &s.service.title, s.member.name.as_str()]))
        .collect();
    if json {
        let items: Vec<_> = found
            .iter()
            .map(|s| serde_json::json!({ "node": s.member.name, "service": s.service }))
            .collect();
        out::print(&serde_json::to_string_pretty(&items)?);
        return Ok(());
    }
    let rows: Vec<Vec<String>> = found
        .iter()
        .map(|s| {
            let operations: Vec<&str> = s.service.operations.iter().map(|o| &*o.name).collect();
            vec![
                s.member.name.to_string(),
                s.service.id.to_string(),
                s.service.version.to_string(),
                s.service.agency.to_string(),
                s.service.title.to_string(),
                operations.join(" "),
            ]
        })
        .collect();
    out::print(&out::table(&["NODE", "SERVICE", "VERSION", "AGENCY", "TITLE", "OPERATIONS"], &rows));
    Ok(())
}
