//! `lgsp log export`: the container of an exchange. What is not dated or cosigned yet is dated and cosigned now, where that can be had.

use crate::commands::desk::Desk;
use crate::commands::failure::{Failure, Trying as _};
use crate::commands::{directory, member, out};
use crate::membership::files::MemberFiles;
use crate::membership::http::Http;
use crate::node::federation::watch::{self, Attested};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lgsp_directory::{Directory, Purpose};
use lgsp_evidence::{Archive, Checkpoint, ProofFile};
use lgsp_export::asice::{Bundle, StampedCheckpoint};
use lgsp_export::{SealAlgorithm, SealKey, asice};
use lgsp_kernel::record::Entry;
use lgsp_kernel::{ExchangeId, Millis};
use lgsp_trust::Signer;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

/// Writes the container.
pub async fn run(desk: &Desk, exchange: &str, output: &Path, offline: bool) -> Result<(), Failure> {
    let container = container(desk, exchange, offline).await?;
    std::fs::write(output, &container).trying(output.display())?;
    out::print(&format!(
        "written: {}, {}\nto check it: docs/verify-asice.sh {}",
        output.display(),
        out::size(container.len() as u64),
        output.display()
    ));
    Ok(())
}

/// The container's bytes.
pub async fn container(desk: &Desk, exchange: &str, offline: bool) -> Result<Vec<u8>, Failure> {
    let id: ExchangeId = exchange.parse().trying("the exchange id")?;
    let files = MemberFiles::at(desk.config().membership_dir());
    let membership = files.membership()?.filter(|m| m.approved).ok_or_else(|| {
        Failure::new("this node is no member: there is no certificate to sign a container with")
            .help("`lgsp log prove` writes a proof that needs none")
    })?;
    let archive = desk.archive()?;
    let proof = archive.prove(id, true)?;
    let view = directory::known(desk)?;
    let view = view.ok_or_else(|| Failure::new("this node has no copy of the directory yet"))?;
    let attested = Attested::at(desk.config().node.data_dir.join("attested"));
    if !offline {
        attest(desk, &archive, &view, &attested, &proof).await?;
    }
    let bundle = bundle(desk, &files, &view, &attested, proof)?;
    let operator = desk.config().peer.operator.parse().ok();
    let agency = operator.or_else(|| membership.agencies.first().cloned());
    let agency = agency.ok_or_else(|| Failure::new("the node speaks for no agency"))?;
    let certificate = files.certificates(std::slice::from_ref(&agency))?.agencies.pop();
    let (_, certificate) =
        certificate.ok_or_else(|| Failure::new(format!("{agency} has no certificate here")))?;
    let key = Seal(member::keys(desk)?.agency(&agency)?);
    Ok(asice::export(&bundle, &[certificate], &key)?)
}

/// Has the checkpoints of the proof cosigned and dated. What cannot be had is said, and left out.
async fn attest(
    desk: &Desk,
    archive: &Archive,
    view: &Directory,
    attested: &Attested,
    proof: &ProofFile,
) -> Result<(), Failure> {
    let http = Http::new(desk.config()).map_err(Failure::new)?;
    let node = lgsp_kernel::NodeName::new(&desk.config().node.name)?;
    let witnesses = watch::clients(view, &node, Vec::new());
    for note in &proof.checkpoints {
        let checkpoint = Checkpoint::read_unchecked(note)?;
        if let Err(why) = watch::submit(attested, &http, archive, &witnesses, &checkpoint).await {
            out::note(&format!("not every witness cosigned: {why}"));
        }
        if let Err(why) = watch::stamp(attested, &http, view, &desk.clock, &checkpoint).await {
            out::note(&format!("not dated: {why}"));
        }
    }
    Ok(())
}

fn bundle(
    desk: &Desk,
    files: &MemberFiles,
    view: &Directory,
    attested: &Attested,
    proof: ProofFile,
) -> Result<Bundle, Failure> {
    let (at, others) = when_and_who(&proof, desk.clock.now());
    let stamped = proof.checkpoints.iter().map(|note| {
        let (note, tokens) = attested.of(&Checkpoint::read_unchecked(note)?);
        Ok(StampedCheckpoint { note, tokens })
    });
    let checkpoints = stamped.collect::<Result<_, lgsp_evidence::NoteError>>()?;
    let mut log_keys = vec![desk.log_verifier()?];
    for other in &others {
        log_keys
            .extend(view.listed(other).into_iter().flat_map(|m| &m.profile.logs).map(|l| l.vkey.to_string()));
    }
    let members = view.all_members().iter().filter_map(|m| m.profile.witness.as_ref());
    let mut witnesses: Vec<String> = view.witnesses().chain(members).map(|w| w.vkey.to_string()).collect();
    witnesses.sort();
    witnesses.dedup();
    Ok(Bundle {
        node: desk.config().node.name.clone(),
        made: desk.clock.now(),
        proof,
        log_keys,
        delegations: files.delegations(at).iter().map(|d| d.text().to_owned()).collect(),
        certificates: Vec::new(),
        checkpoints,
        links: Vec::new(),
        witnesses,
        authorities: view.authorities(Purpose::Agency).map(|a| a.certificate.as_bytes().to_vec()).collect(),
        timestamp_authorities: view
            .timestamp_authorities()
            .iter()
            .map(|t| t.certificate.as_bytes().to_vec())
            .collect(),
    })
}

/// When the exchange began, and the nodes whose messages are in its records.
fn when_and_who(proof: &ProofFile, now: Millis) -> (Millis, BTreeSet<String>) {
    let (mut at, mut others) = (now, BTreeSet::new());
    for entry in &proof.entries {
        let record = entry.record.as_ref().and_then(|r| STANDARD.decode(r).ok());
        match record.and_then(|r| serde_json::from_slice(&r).ok()) {
            Some(Entry::Exchange(exchange)) => at = at.min(exchange.at),
            Some(Entry::Received(received)) => drop(others.insert(received.from)),
            _ => {}
        }
    }
    (at, others)
}

/// An agency's key, as a container is signed.
struct Seal(Arc<dyn Signer>);

impl SealKey for Seal {
    fn algorithm(&self) -> SealAlgorithm {
        SealAlgorithm::EcdsaP256
    }
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, String> {
        self.0.sign(message).map_err(|e| e.to_string())
    }
}
