//! `lgsp node`: this node as a member of a directory.

use super::desk::Desk;
use super::failure::{Failure, Trying as _};
use super::{oneself, out};
use crate::cli::{JoinArgs, NodeCommand};
use crate::config::Config;
use crate::membership::ask::Hub;
use crate::membership::files::{MemberFiles, Membership};
use crate::membership::http::{Http, HubFiles};
use crate::membership::join::{self, Progress};
use crate::membership::keys::Keys;
use lgsp_directory::{Ages, Anchor, Client, ClientConfig};
use lgsp_kernel::AgencyCode;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How often the hub is asked for its decision.
const ASK_AGAIN: Duration = Duration::from_secs(2);

/// One of them.
pub async fn run(named: Option<&Path>, command: NodeCommand) -> Result<(), Failure> {
    match command {
        NodeCommand::Init { agencies, fresh } => {
            let desk = oneself::prepared(named, &fresh).await?;
            init(&desk, &agencies)
        }
        NodeCommand::Join(args) => {
            let desk = oneself::prepared(named, &args.fresh).await?;
            join(named, &desk, &args).await
        }
        NodeCommand::Status { json } => status(&Desk::open(named)?, json),
    }
}

/// The keys of a desk.
pub fn keys(desk: &Desk) -> Result<Keys, Failure> {
    Ok(Keys::new(Arc::new(desk.config().clone()), desk.vault()?))
}

fn init(desk: &Desk, agencies: &[String]) -> Result<(), Failure> {
    let keys = keys(desk)?;
    let mut rows = vec![vec![
        "node".into(),
        desk.config().node.name.clone(),
        join::spoken(&keys.node()?.public_key_der()),
    ]];
    for code in agencies {
        let code: AgencyCode = code.parse()?;
        rows.push(vec![
            "agency".into(),
            code.to_string(),
            join::spoken(&keys.agency(&code)?.public_key_der()),
        ]);
    }
    rows.push(vec!["log".into(), desk.log_verifier()?, String::new()]);
    out::print(&out::table(&["KEY OF", "WHOSE", "SHA-256 OF THE PUBLIC KEY"], &rows));
    Ok(())
}

async fn join(named: Option<&Path>, desk: &Desk, args: &JoinArgs) -> Result<(), Failure> {
    let (config, files, keys) = (desk.config(), MemberFiles::at(desk.config().membership_dir()), keys(desk)?);
    let before = files.membership().trying("reading the membership")?;
    let wanted_hub = args.hub.clone().or_else(|| not_empty(&config.membership.hub));
    let wanted_root = args.root_sha256.clone().or_else(|| not_empty(&config.membership.root_sha256));
    let hub_url = wanted_hub.or_else(|| before.as_ref().map(|b| b.hub.clone()));
    let root = wanted_root.or_else(|| before.as_ref().map(|b| b.root_sha256.clone()));
    let (Some(hub_url), Some(root)) = (hub_url, root) else {
        return Err(Failure::new("which hub, and which root?").help(
            "lgsp node join http://<hub>:<port> --root-sha256 <digest that the hub's operator gave you>",
        ));
    };
    let anchor: Anchor = root.parse().map_err(|e| Failure::new(format!("--root-sha256: {e}")))?;
    let http = Http::new(config).map_err(Failure::new)?;
    update(config, &http, &hub_url, anchor).await?;
    out::print(&format!("the directory of {hub_url} verifies from root {anchor} on"));
    let node = lgsp_kernel::NodeName::new(&config.node.name)?;
    let hub = Hub::new(http.clone(), &hub_url, node.clone(), keys.node()?, desk.clock.clone());
    let progress = match before {
        Some(before) if before.node == node && args.oneself.agencies.is_empty() => {
            let membership = Membership { hub: hub_url.clone(), root_sha256: root, ..before };
            join::progress(&hub, &files, &keys, membership).await?
        }
        _ => {
            let wanted = oneself::wanted(desk, &args.oneself)?;
            let agencies = wanted.agencies.iter().map(|a| a.code.clone()).collect();
            let membership =
                Membership { hub: hub_url.clone(), root_sha256: root, node, agencies, approved: false };
            join::ask(&hub, &files, &keys, membership, &wanted).await?
        }
    };
    let member = wait(&hub, &files, &keys, progress, args.no_wait).await?;
    if member {
        update(config, &http, &hub_url, anchor).await?;
        out::print(&format!(
            "member of {hub_url}; the certificates are in {}",
            config.membership_dir().display()
        ));
        out::print(&format!("\nNext: lgsp serve{}", oneself::config_flag(named)));
    }
    Ok(())
}

async fn wait(
    hub: &Hub,
    files: &MemberFiles,
    keys: &Keys,
    first: Progress,
    once: bool,
) -> Result<bool, Failure> {
    let Progress::Waiting { .. } = first else { return Ok(true) };
    let spoken = join::spoken(&keys.node()?.public_key_der());
    out::print(&format!(
        "waiting for the hub's operator: `lgsp hub approve {}` there.\n\
         To be compared by telephone or in person, SHA-256 of this node's key:\n    {spoken}",
        files.membership()?.map_or_else(String::new, |m| m.node.to_string())
    ));
    if once {
        out::print("call this command again to see whether it was approved");
        return Ok(false);
    }
    loop {
        tokio::time::sleep(ASK_AGAIN).await;
        let Some(membership) = files.membership()? else { return Ok(false) };
        match join::progress(hub, files, keys, membership).await {
            Ok(Progress::Member) => return Ok(true),
            Ok(Progress::Waiting { .. }) => {}
            // The hub may be restarted while a person decides.
            Err(join::JoinError::Hub(why)) => {
                out::print(&format!("still waiting; the hub does not answer: {why}"))
            }
            Err(e) => return Err(e.into()),
        }
    }
}

/// Fetches the directory into the node's copy.
pub async fn update(config: &Config, http: &Http, hub: &str, anchor: Anchor) -> Result<(), Failure> {
    let cache = MemberFiles::at(config.membership_dir()).directory();
    let client = Client::open(ClientConfig { cache, anchor }, HubFiles::new(http.clone(), hub))?;
    let updated = client.update(lgsp_kernel::Clock::System.now()).await;
    updated.map(drop).trying(format!("the directory of {hub}"))
}

/// The ages that the configuration allows the directory.
pub fn ages(config: &Config) -> Ages {
    let ms = |l: crate::config::Lasting| i64::try_from(l.0.as_millis()).unwrap_or(i64::MAX);
    let usual = Ages::default();
    let revocations_ms = ms(config.directory.revocations_max_age);
    Ages {
        fresh_ms: usual.fresh_ms.min(revocations_ms),
        revocations_ms,
        rest_ms: ms(config.directory.max_age),
    }
}

fn not_empty(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn status(desk: &Desk, json: bool) -> Result<(), Failure> {
    let files = MemberFiles::at(desk.config().membership_dir());
    let Some(membership) = files.membership()? else {
        return Err(
            Failure::new("this node is no member of any directory").help("`lgsp node join` asks for it")
        );
    };
    let certificates = files.certificates(&membership.agencies)?;
    let mut rows = Vec::new();
    for (whose, der) in std::iter::once((membership.node.to_string(), certificates.node))
        .chain(certificates.agencies.into_iter().map(|(code, der)| (code.to_string(), Some(der))))
    {
        let days = der.as_ref().and_then(|d| crate::tls::days_left(&d.as_slice().into()));
        let digest = der.as_ref().map_or_else(|| "none yet".into(), |d| hex::encode(lgsp_trust::sha256(d)));
        rows.push(vec![whose, days.map_or_else(String::new, |d| d.to_string()), digest]);
    }
    let view = super::directory::known(desk)?;
    let state = view.as_ref().map(|d| d.state(desk.clock.now(), &ages(desk.config())));
    if json {
        let state =
            state.map(|s| serde_json::json!({ "freshness": format!("{:?}", s.freshness), "why": s.why }));
        let certificates: Vec<_> = rows.iter().map(|r| serde_json::json!({ "whose": r[0], "days_left": r[1].parse::<i64>().ok(), "sha256": r[2] })).collect();
        let shown = serde_json::json!({
            "node": membership.node, "hub": membership.hub, "approved": membership.approved,
            "agencies": membership.agencies, "certificates": certificates, "directory": state,
        });
        out::print(&serde_json::to_string_pretty(&shown)?);
        return Ok(());
    }
    let standing = if membership.approved { "member" } else { "waiting for the hub's decision" };
    out::print(&format!("{} of {}: {standing}", membership.node, membership.hub));
    out::print(
        &state.map_or_else(|| "directory: none fetched yet".into(), |s| format!("directory: {}", s.why)),
    );
    out::print(&out::table(&["CERTIFICATE OF", "DAYS LEFT", "SHA-256"], &rows));
    Ok(())
}
