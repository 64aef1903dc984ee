//! A running node among others: what it shows them, what it believes, what it speaks with. Opened from the membership's folder, so that
//! it starts while the hub is away. Not here: the protocol (`lgsp-peer`), joining (`membership`), deciding about others (`hub`).

pub(super) mod catalogue;
mod hub_link;
mod public;
mod source;
mod tasks;
mod voices;
pub(crate) mod watch;

pub(super) use public::router;
pub(super) use tasks::spawn;

use crate::commands::member::ages;
use crate::config::Config;
use crate::hub::HubDesk;
use crate::membership::files::{MemberFiles, Membership};
use crate::membership::http::Http;
use crate::membership::keys::Keys;
use crate::witnessing;
use hub_link::HubLink;
use lgsp_directory::{Client, ClientConfig, Directory, DirectoryHandle, Purpose};
use lgsp_evidence::{Archive, Checkpoint, Log};
use lgsp_kernel::{Clock, NodeName, Vault};
use lgsp_peer::directory::DirectoryMembers;
use lgsp_peer::members::CheckpointSink;
use lgsp_peer::sign::AgencyKeys;
use lgsp_peer::transport::{TlsConnect, TransportConfig};
use lgsp_peer::{PeerConfig, PeerParts, Peers, Replay};
use lgsp_trust::{Authorities, Origin, OwnCertificate, PeerTls, Signer};
use lgsp_witness::{CosignKey, Monitor, Witness};
use source::Source;
use std::sync::Arc;
use watch::Attested;

/// What a member has while it runs.
pub(crate) struct Federation {
    pub node: NodeName,
    pub membership: Membership,
    pub files: MemberFiles,
    pub keys: Arc<Keys>,
    pub client: Client<Source>,
    pub directory: DirectoryHandle,
    pub tls: Arc<PeerTls>,
    pub peers: Peers,
    pub voices: AgencyKeys,
    pub monitor: Arc<Monitor>,
    pub witness: Arc<Witness>,
    pub hub: Option<Arc<HubDesk>>,
    pub link: HubLink,
    pub http: Http,
    pub attested: Attested,
    pub clock: Clock,
}

/// What it is opened with.
pub(super) struct Parts<'a> {
    pub config: &'a Arc<Config>,
    pub vault: &'a Arc<Vault>,
    pub clock: &'a Clock,
    pub log: &'a Log,
}

/// Opens it; none where the node is no member. The text of an error is for the operator.
pub(super) async fn open(parts: Parts<'_>) -> Result<Option<Arc<Federation>>, String> {
    let files = MemberFiles::at(parts.config.membership_dir());
    let Some(membership) = files.membership().map_err(text)?.filter(|m| m.approved) else { return Ok(None) };
    if membership.node.as_str() != parts.config.node.name {
        return Err(format!(
            "node.name is {}, but the member is {}",
            parts.config.node.name, membership.node
        ));
    }
    let (config, vault, clock) = (parts.config.clone(), parts.vault.clone(), parts.clock.clone());
    let keys = Arc::new(Keys::new(config.clone(), vault.clone()));
    let signer = keys.node().map_err(text)?;
    let http = Http::new(&config)?;
    let desk = HubDesk::new(config.clone(), vault.clone(), clock.clone());
    let hub = desk.exists().then(|| Arc::new(desk));
    let source = Source::new(hub.as_deref(), &http, &membership.hub);
    let anchor = membership.root_sha256.parse().map_err(|e| format!("the pinned root: {e}"))?;
    let client = Client::open(ClientConfig { cache: files.directory(), anchor }, source).map_err(text)?;
    if let Some(problem) = client.cache_problem() {
        tracing::warn!(%problem, "the copy of the directory is not used");
    }
    if client.directory().is_none()
        && let Err(error) = client.update(clock.now()).await
    {
        tracing::warn!(%error, "there is no directory yet: exchanges with other nodes are refused until there is");
    }
    let directory = client.handle();
    let tls = tls(&files, signer.clone(), &directory, &clock)?;
    let monitor = monitor(&config, &clock, &directory)?;
    let witness = witness(&config, &vault, &clock, &directory, &monitor)?;
    let voices = AgencyKeys::default();
    let peers = peers(&parts, &membership.node, &directory, &tls, &voices, &monitor)?;
    let link =
        HubLink::new(hub.clone(), &http, &membership.hub, membership.node.clone(), signer, clock.clone());
    let attested = Attested::at(config.node.data_dir.join("attested"));
    let federation = Federation {
        node: membership.node.clone(),
        membership,
        files,
        keys,
        client,
        directory,
        tls,
        peers,
        voices,
        monitor,
        witness,
        hub,
        link,
        http,
        attested,
        clock,
    };
    voices::renew(&federation, &config, parts.log)?;
    Ok(Some(Arc::new(federation)))
}

fn text(e: impl std::fmt::Display) -> String {
    e.to_string()
}

/// The certificate that the node shows now, from its files.
pub(super) fn own_certificate(
    files: &MemberFiles,
    signer: Arc<dyn Signer>,
) -> Result<OwnCertificate, String> {
    let found = files.certificates(&[]).map_err(text)?;
    let der = found.node.ok_or("the node's certificate is missing: `lgsp node join` fetches it")?;
    OwnCertificate::new(vec![der], signer).map_err(text)
}

fn tls(
    files: &MemberFiles,
    signer: Arc<dyn Signer>,
    directory: &DirectoryHandle,
    clock: &Clock,
) -> Result<Arc<PeerTls>, String> {
    let own = own_certificate(files, signer)?;
    let believed = directory.get().map(|d| node_authorities(&d)).unwrap_or_default();
    let asked = directory.clone();
    let revoked = Arc::new(move |sha256: &[u8; 32]| asked.get().is_none_or(|d| d.is_revoked(sha256)));
    Ok(PeerTls::new(own, believed, revoked, clock.clone()))
}

/// The authorities whose node certificates are believed.
pub(super) fn node_authorities(directory: &Directory) -> Authorities {
    let mut all = Authorities::new();
    for authority in directory.authorities(Purpose::Node) {
        match all.clone().with(authority.certificate.as_bytes(), Origin::Hub) {
            Ok(more) => all = more,
            Err(error) => {
                tracing::warn!(id = %authority.id, %error, "an authority of the directory cannot be used")
            }
        }
    }
    all
}

fn monitor(config: &Config, clock: &Clock, directory: &DirectoryHandle) -> Result<Arc<Monitor>, String> {
    let dir = config.node.data_dir.join("monitor");
    let opened = Monitor::open(&dir, clock.clone(), witnessing::logs_of(directory.clone()));
    opened.map(Arc::new).map_err(|e| format!("{}: {e}", dir.display()))
}

/// The node's witness: its key is sealed beside its state. What it is shown, the monitor sees too.
fn witness(
    config: &Config,
    vault: &Vault,
    clock: &Clock,
    directory: &DirectoryHandle,
    monitor: &Arc<Monitor>,
) -> Result<Arc<Witness>, String> {
    let dir = config.node.data_dir.join("witness");
    let seed = crate::witnessing::seed(&dir, vault)?;
    let key = CosignKey::from_seed(&format!("lgsp/{}/witness", config.node.name), seed).map_err(text)?;
    let logs = witnessing::logs_of(directory.clone());
    let seen = monitor.clone();
    let observer = Arc::new(move |checkpoint: &Checkpoint| {
        // What does not fit is the monitor's to report.
        let _ = seen.see_signed(checkpoint, "a submission to the witness");
    });
    let opened = Witness::open(dir.join("logs"), key, clock.clone(), logs);
    opened.map(|w| Arc::new(w.observed_by(observer))).map_err(|e| format!("{}: {e}", dir.display()))
}

/// Hands checkpoints that messages bring to the monitor.
struct Sink(Arc<Monitor>);

impl CheckpointSink for Sink {
    fn seen(&self, node: &NodeName, checkpoint: &Arc<Checkpoint>) {
        if let Err(error) = self.0.see_signed(checkpoint, node.as_str()) {
            tracing::warn!(%node, %error, "a checkpoint was not taken");
        }
    }
}

fn peers(
    parts: &Parts<'_>,
    node: &NodeName,
    directory: &DirectoryHandle,
    tls: &Arc<PeerTls>,
    voices: &AgencyKeys,
    monitor: &Arc<Monitor>,
) -> Result<Peers, String> {
    let config = parts.config;
    let archive = Archive::open(config.log_dir());
    let replay = Replay::read_back(&archive, parts.clock.now()).map_err(text)?;
    Ok(Peers::new(PeerParts {
        node: node.clone(),
        log: parts.log.clone(),
        clock: parts.clock.clone(),
        members: Arc::new(DirectoryMembers::new(directory.clone(), ages(config))),
        connect: Arc::new(TlsConnect::new(tls).map_err(text)?),
        keys: voices.clone(),
        sink: Arc::new(Sink(monitor.clone())),
        replay,
        config: PeerConfig {
            relay: config.peer.relay,
            transport: TransportConfig {
                connections_max: config.peer.connections,
                ..TransportConfig::default()
            },
            body_max: config.limits.collect.0,
            ..PeerConfig::default()
        },
    }))
}
