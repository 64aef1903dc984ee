//! What a member does besides carrying calls: following the directory, telling of itself, renewing what ends, having its log attested, and
//! comparing what it sees of others' logs.

use super::super::Shared;
use super::super::tasks::{Trouble, turn};
use super::watch::{self, Owners};
use super::{Federation, node_authorities, own_certificate, voices};
use crate::commands::oneself::facts_of;
use crate::membership::join;
use crate::membership::letter::{Ask, Enrolment, RenewAsk};
use crate::membership::profile;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lgsp_directory::Directory;
use lgsp_directory::members::Witness as ListedWitness;
use lgsp_evidence::Archive;
use lgsp_kernel::{AgencyCode, NodeName};
use lgsp_peer::directory::agency_authorities;
use lgsp_trust::{csr_for_agency, csr_for_node};
use metrics::{counter, gauge};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How often it is looked whether the directory lists what the registry declares.
const PROFILE: Duration = Duration::from_secs(2);
/// How often it is looked whether anything ends soon.
const RENEWAL: Duration = Duration::from_secs(30);
/// How often the voices are made anew: a message key lives for a day.
const VOICES: Duration = Duration::from_secs(6 * 3600);
/// Days before the end at which an agency's certificate is renewed: a third of its usual term.
const AGENCY_DAYS: i64 = 30;

/// Starts all of them.
pub(in crate::node) fn spawn(
    shared: &Arc<Shared>,
    federation: &Arc<Federation>,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) {
    let (s, f) = (shared, federation);
    tasks.spawn(follow(s.clone(), f.clone(), stop.clone()));
    tasks.spawn(tell(s.clone(), f.clone(), stop.clone()));
    tasks.spawn(renew(s.clone(), f.clone(), stop.clone()));
    tasks.spawn(attest(s.clone(), f.clone(), stop.clone()));
    tasks.spawn(stamp(s.clone(), f.clone(), stop.clone()));
    tasks.spawn(compare(s.clone(), f.clone(), stop.clone()));
    if f.hub.is_some() {
        tasks.spawn(confirm(s.clone(), f.clone(), stop.clone()));
    }
}

/// Give or take a tenth, so that a thousand nodes do not all ask at once.
fn about(period: Duration) -> Duration {
    let mut random = [0u8; 1];
    // Without random bytes the period is as it is.
    let _ = getrandom::fill(&mut random);
    period.mul_f64(0.9 + f64::from(random[0]) / 1275.0)
}

/// Follows the directory.
async fn follow(shared: Arc<Shared>, f: Arc<Federation>, stop: CancellationToken) {
    let mut trouble = Trouble::new("following the directory");
    loop {
        let updated = trouble.note(f.client.update(f.clock.now()).await);
        if let Some(directory) = f.directory.get() {
            if updated.is_some_and(|u| u.changed) {
                f.tls.replace_authorities(node_authorities(&directory));
                tracing::info!(versions = ?directory.versions(), "the directory changed");
            }
            observe(&f, &directory);
        }
        let period = shared.config.load().directory.refresh.0;
        // The hub reads its own folder: what it publishes holds for itself at once.
        let period = if f.hub.is_some() { period.min(Duration::from_secs(1)) } else { about(period) };
        if !turn(&stop, period).await {
            return;
        }
    }
}

fn observe(f: &Federation, directory: &Directory) {
    let age = f.clock.now().0.saturating_sub(directory.confirmed_at().0);
    gauge!("lgsp_directory_age_seconds").set(age as f64 / 1000.0);
    gauge!("lgsp_node_certificate_expiry_timestamp_seconds").set(f.tls.own().not_after().0 as f64 / 1000.0);
    gauge!("lgsp_forks_seen").set(f.monitor.reports().len() as f64);
}

/// Tells the hub what the registry declares, as soon as it differs from what the directory lists.
async fn tell(shared: Arc<Shared>, f: Arc<Federation>, stop: CancellationToken) {
    let mut trouble = Trouble::new("telling the hub what this node offers");
    let (mut told, mut left_out_before) = (None, Vec::new());
    while turn(&stop, PROFILE).await {
        let Some(directory) = f.directory.get() else { continue };
        let Some(member) = directory.member(f.node.as_str()) else { continue };
        let config = shared.config.load();
        let mut facts = facts_of(&config, &shared.log.verifier());
        facts.witness = config.public_url().map(|url| ListedWitness {
            name: format!("lgsp/{}/witness", f.node).into(),
            vkey: f.witness.verifier().into(),
            url: url.into(),
        });
        let (made, left_out) = profile::compile(&shared.registry.export(), &member.agencies, facts);
        if left_out != left_out_before {
            left_out.iter().for_each(|what| tracing::warn!("not listed in the directory: {what}"));
            left_out_before = left_out;
        }
        // The directory lists it a refresh later: it is not told twice meanwhile.
        if profile::is_listed(member, &made) || told.as_ref() == Some(&made) {
            continue;
        }
        if trouble.note(f.link.send(Ask::Profile(Box::new(made.clone()))).await).is_some() {
            told = Some(made);
        }
    }
}

/// Renews certificates after two thirds of their term, or when the hub has another authority; and what is spoken with.
async fn renew(shared: Arc<Shared>, f: Arc<Federation>, stop: CancellationToken) {
    let mut trouble = Trouble::new("renewing certificates");
    let mut spoken = std::time::Instant::now();
    let mut authority = NewestAuthority::default();
    while turn(&stop, RENEWAL.min(shared.config.load().directory.refresh.0)).await {
        let newest =
            f.directory.get().and_then(|d| authority.known(&d, shared.config.load().directory.refresh.0));
        let due = due(&f, newest.as_deref());
        let renewed = if due.is_empty() { Some(false) } else { trouble.note(renewed(&f, due).await) };
        if renewed == Some(true) || spoken.elapsed() >= VOICES {
            spoken = std::time::Instant::now();
            let mut trouble = Trouble::new("renewing the keys that speak for agencies");
            trouble.note(voices::renew(&f, &shared.config.load(), &shared.log));
        }
    }
}

/// What is to be renewed: the node's certificate (none), agencies' (their codes).
fn due(f: &Federation, newest: Option<&str>) -> Vec<Option<AgencyCode>> {
    let now = f.clock.now();
    let superseded = |der: &[u8]| newest.is_some_and(|newest| issuer(der).is_some_and(|i| i != newest));
    let mut due = Vec::new();
    let known = f.directory.get();
    let own = f.tls.own();
    let believed = known.as_ref().is_none_or(|d| {
        let chain = f.files.certificates(&[]).ok().and_then(|c| c.node);
        chain.is_none_or(|der| {
            // A member that was let in again renews what was revoked with it.
            let revoked = |sha256: &[u8; 32]| d.is_revoked(sha256);
            !superseded(&der)
                && lgsp_trust::Chain::verify(
                    &[&der],
                    &node_authorities(d),
                    lgsp_trust::Purpose::Node,
                    now,
                    &revoked,
                )
                .is_ok()
        })
    });
    if own.renew_at() <= now || !believed {
        due.push(None);
    }
    let found = f.files.certificates(&f.membership.agencies).unwrap_or_default();
    for (code, der) in found.agencies {
        let ends_soon = crate::tls::days_left(&der.as_slice().into()).is_some_and(|days| days < AGENCY_DAYS);
        let unbelieved = known.as_ref().is_some_and(|d| {
            let revoked = |sha256: &[u8; 32]| d.is_revoked(sha256);
            let authorities = agency_authorities(d);
            lgsp_trust::Chain::verify(&[&der], &authorities, lgsp_trust::Purpose::Agency, now, &revoked)
                .is_err()
        });
        if issued_by_hub(&der) && (ends_soon || unbelieved || superseded(&der)) {
            due.push(Some(code));
        }
    }
    due
}

/// Certificates of other authorities are theirs to renew. The hub's own are known by their name, also when they are listed no more.
fn issued_by_hub(der: &[u8]) -> bool {
    issuer(der).is_some_and(|name| name.contains(" lgsp authority "))
}

fn issuer(der: &[u8]) -> Option<String> {
    let (_, read) = x509_parser::parse_x509_certificate(der).ok()?;
    Some(read.issuer().to_string())
}

/// The hub's authority that issues, once others have had time to learn of it: what it issues would be refused by those who do not know it.
#[derive(Default)]
struct NewestAuthority(Option<(String, std::time::Instant)>);

impl NewestAuthority {
    /// Its name; none in the first two refreshes after it was seen.
    fn known(&mut self, directory: &Directory, refresh: Duration) -> Option<String> {
        // The hub numbers its authorities: `<hub>-<number>`.
        let number = |id: &str| id.rsplit_once('-').and_then(|(_, n)| n.parse::<u32>().ok());
        let newest = directory.authorities(lgsp_directory::Purpose::Node).max_by_key(|a| number(&a.id))?;
        let (_, read) = x509_parser::parse_x509_certificate(newest.certificate.as_bytes()).ok()?;
        let name = read.subject().to_string();
        if self.0.as_ref().is_none_or(|(before, _)| *before != name) {
            self.0 = Some((name.clone(), std::time::Instant::now()));
        }
        self.0.as_ref().is_some_and(|(_, since)| since.elapsed() >= refresh * 2).then_some(name)
    }
}

async fn renewed(f: &Federation, due: Vec<Option<AgencyCode>>) -> Result<bool, String> {
    let mut ask = RenewAsk::default();
    for whose in due {
        let text = |e: &dyn std::fmt::Display| e.to_string();
        match whose {
            None => {
                let key = f.keys.node().map_err(|e| text(&e))?;
                ask.request = Some(STANDARD.encode(csr_for_node(&*key, &f.node).map_err(|e| text(&e))?));
            }
            Some(code) => {
                let key = f.keys.agency(&code).map_err(|e| text(&e))?;
                let request = csr_for_agency(&*key, &code).map_err(|e| text(&e))?;
                ask.agencies.push((code, STANDARD.encode(request)));
            }
        }
    }
    let Enrolment::Approved { node_certificate, agencies } = f.link.send(Ask::Renew(ask)).await? else {
        return Err("the hub did not answer with certificates".into());
    };
    join::keep(&f.files, &f.keys, node_certificate.as_deref(), &agencies).map_err(|e| e.to_string())?;
    if node_certificate.is_some() {
        f.tls.replace_own(own_certificate(&f.files, f.keys.node().map_err(|e| e.to_string())?)?);
        // What was opened with the old certificate is heard as long as that is: new calls take new connections.
        if let Some(directory) = f.directory.get() {
            directory.members().for_each(|m| f.peers.forget(&m.name));
        }
    }
    counter!("lgsp_certificates_renewed_total").increment(1);
    tracing::info!(node = node_certificate.is_some(), agencies = agencies.len(), "certificates were renewed");
    Ok(true)
}

/// Has the log's checkpoint cosigned.
async fn attest(shared: Arc<Shared>, f: Arc<Federation>, stop: CancellationToken) {
    let mut trouble = Trouble::new("having the log's checkpoint cosigned");
    let mut tiles = Trouble::new("publishing the log's tiles for witnesses");
    let archive = Archive::open(shared.config.load().log_dir());
    let (mut clients, mut done) = (Vec::new(), 0);
    while turn(&stop, about(shared.config.load().witness.submit_every.0)).await {
        let Some(directory) = f.directory.get() else { continue };
        clients = watch::clients(&directory, &f.node, clients);
        if clients.is_empty() || shared.log.checkpoint().size == done {
            continue;
        }
        let Some(checkpoint) = tiles.note(watch::published(&shared.log).await) else { continue };
        let submitted = watch::submit(&f.attested, &f.http, &archive, &clients, &checkpoint).await;
        if trouble.note(submitted).is_some() {
            done = checkpoint.size;
            gauge!("lgsp_checkpoint_cosigned_timestamp_seconds").set(f.clock.now().seconds() as f64);
        }
        // Old files are no reason to stop.
        let _ = f.attested.trim();
    }
}

/// Has the log's checkpoint dated.
async fn stamp(shared: Arc<Shared>, f: Arc<Federation>, stop: CancellationToken) {
    let mut trouble = Trouble::new("having the log's checkpoint dated");
    let mut tiles = Trouble::new("publishing the log's tiles for timestamps");
    let mut done = 0;
    let every = shared.config.load().timestamps.every.0;
    if every.is_zero() {
        return;
    }
    while turn(&stop, about(every)).await {
        let Some(directory) = f.directory.get().filter(|_| shared.log.checkpoint().size != done) else {
            continue;
        };
        let Some(checkpoint) = tiles.note(watch::published(&shared.log).await) else { continue };
        let dated = watch::stamp(&f.attested, &f.http, &directory, &f.clock, &checkpoint).await;
        if trouble.note(dated).is_some_and(|n| n > 0) {
            done = checkpoint.size;
            gauge!("lgsp_checkpoint_dated_timestamp_seconds").set(f.clock.now().seconds() as f64);
        }
    }
}

/// Compares what was seen of others' logs, and hands it to the hub.
async fn compare(shared: Arc<Shared>, f: Arc<Federation>, stop: CancellationToken) {
    let mut trouble = Trouble::new("handing the checkpoints that were seen to the hub");
    let owners = Owners { http: f.http.clone(), directory: f.directory.clone() };
    let mut reported = f.monitor.reports().len();
    let mut waited = Duration::ZERO;
    loop {
        let every = lgsp_witness::monitor::ROUND_EVERY.min(shared.config.load().witness.compare_every.0);
        if !turn(&stop, every).await {
            return;
        }
        f.monitor.round(&owners).await;
        let reports = f.monitor.reports();
        for report in reports.iter().skip(reported) {
            tracing::error!(?report, "a log was seen that does not fit what was seen of it before");
        }
        reported = reports.len();
        waited += every;
        if f.hub.is_some() || waited < shared.config.load().witness.compare_every.0 {
            continue;
        }
        waited = Duration::ZERO;
        let notes = f.monitor.handover();
        if !notes.is_empty() {
            let checkpoints = notes.into_iter().map(|note| (owner_of(&note, &f.node), note)).collect();
            trouble.note(f.link.send(Ask::Seen { checkpoints }).await);
        }
    }
}

/// Whose log a note says that it is of.
fn owner_of(note: &str, otherwise: &NodeName) -> NodeName {
    let named = note.split('/').nth(1).and_then(|name| NodeName::new(name).ok());
    named.unwrap_or_else(|| otherwise.clone())
}

/// The hub states anew that its directory is current.
async fn confirm(shared: Arc<Shared>, f: Arc<Federation>, stop: CancellationToken) {
    let mut trouble = Trouble::new("renewing the directory's freshness");
    loop {
        if let Some(desk) = f.hub.clone() {
            let renewed = tokio::task::spawn_blocking(move || desk.renew().map_err(|e| e.to_string())).await;
            trouble.note(renewed.map_err(|e| e.to_string()).and_then(|r| r));
        }
        if !turn(&stop, shared.config.load().hub.freshness_every.0).await {
            return;
        }
    }
}
