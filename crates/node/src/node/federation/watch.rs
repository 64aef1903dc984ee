//! Evidence for others: this log's checkpoints cosigned by witnesses and dated by timestamp authorities, and the proofs that others ask for.

use crate::membership::files::write;
use crate::membership::http::Http;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::Method;
use lgsp_directory::{Directory, DirectoryHandle};
use lgsp_evidence::tiles::{TILE_WIDTH, hashes, tile_number};
use lgsp_evidence::{Archive, Checkpoint, Hash, Log, hash, tree};
use lgsp_export::asice::checkpoint_digest;
use lgsp_export::tsa;
use lgsp_kernel::{Clock, NodeName};
use lgsp_witness::cosign::with_lines;
use lgsp_witness::{Client, CosignVerifier, Owner, OwnerError, Response};
use std::path::PathBuf;

/// The longest list of hashes that is read, bytes: 64 of them.
const PROOF_MAX: usize = 64 * 45;
/// Attested checkpoints that stay: with one more, the oldest goes. Ten minutes each make some weeks.
const KEPT: usize = 4_096;

/// Checkpoints with what others added: `<epoch>-<size>.note`, and `<epoch>-<size>.<authority>.tsr`.
#[derive(Debug, Clone)]
pub(crate) struct Attested(PathBuf);

impl Attested {
    pub(crate) fn at(folder: PathBuf) -> Self {
        Self(folder)
    }
    fn stem(checkpoint: &Checkpoint) -> String {
        format!("{:08}-{:020}", checkpoint.epoch().unwrap_or(0), checkpoint.size)
    }
    /// The note as it is kept, with the cosignatures so far; as it is where nothing is kept.
    fn note(&self, checkpoint: &Checkpoint) -> String {
        let kept = std::fs::read_to_string(self.0.join(format!("{}.note", Self::stem(checkpoint))));
        kept.unwrap_or_else(|_| checkpoint.note.clone())
    }
    fn has_note(&self, checkpoint: &Checkpoint) -> bool {
        self.0.join(format!("{}.note", Self::stem(checkpoint))).exists()
    }
    fn keep_note(&self, checkpoint: &Checkpoint, note: &str) -> std::io::Result<()> {
        write(&self.0.join(format!("{}.note", Self::stem(checkpoint))), note.as_bytes())
    }
    fn keep_token(&self, checkpoint: &Checkpoint, authority: &str, token: &[u8]) -> std::io::Result<()> {
        let name: String = authority.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
        write(&self.0.join(format!("{}.{name}.tsr", Self::stem(checkpoint))), token)
    }
    /// The newest note that is kept.
    pub(crate) fn newest(&self) -> Option<String> {
        let names = std::fs::read_dir(&self.0).ok()?.flatten().map(|e| e.path());
        let newest = names.filter(|p| p.extension().is_some_and(|e| e == "note")).max()?;
        std::fs::read_to_string(newest).ok()
    }
    /// What is kept of a checkpoint: the note with cosignatures, and the tokens.
    pub(crate) fn of(&self, checkpoint: &Checkpoint) -> (String, Vec<Vec<u8>>) {
        let stem = format!("{}.", Self::stem(checkpoint));
        let entries = std::fs::read_dir(&self.0).into_iter().flatten().flatten().map(|e| e.path());
        let ours = entries.filter(|p| {
            let name = p.file_name().and_then(|n| n.to_str()).unwrap_or_default();
            name.starts_with(&stem) && name.ends_with(".tsr")
        });
        (self.note(checkpoint), ours.filter_map(|p| std::fs::read(p).ok()).collect())
    }
    /// Removes the oldest beyond what is kept.
    pub(super) fn trim(&self) -> std::io::Result<()> {
        let mut names: Vec<PathBuf> = match std::fs::read_dir(&self.0) {
            Ok(entries) => entries.filter_map(|e| e.ok().map(|e| e.path())).collect(),
            Err(_) => return Ok(()),
        };
        names.sort();
        let over = names.len().saturating_sub(KEPT);
        names.iter().take(over).try_for_each(std::fs::remove_file)
    }
}

/// Submits a checkpoint of the log to these witnesses; how many cosigned it.
pub(crate) async fn submit(
    attested: &Attested,
    http: &Http,
    archive: &Archive,
    clients: &[(String, Client)],
    checkpoint: &Checkpoint,
) -> Result<usize, String> {
    let mut note = attested.note(checkpoint);
    let (mut count, mut failures) = (0, Vec::new());
    for (url, client) in clients {
        let prove = |old: u64| archive.consistency(old, checkpoint);
        let post = |body: String| post(http, url, body);
        match client.submit(checkpoint, prove, post).await {
            Ok((_, cosignature)) => {
                count += 1;
                if !note.contains(&cosignature.line) {
                    note = with_lines(&note, [cosignature.line.as_str()]).map_err(|e| e.to_string())?;
                }
            }
            Err(error) => failures.push(format!("{url}: {error}")),
        }
    }
    if count > 0 {
        attested.keep_note(checkpoint, &note).map_err(|e| e.to_string())?;
    }
    if failures.is_empty() { Ok(count) } else { Err(failures.join("; ")) }
}

async fn post(http: &Http, url: &str, body: String) -> Result<Response, String> {
    let to = format!("{}{}", url.trim_end_matches('/'), Client::PATH);
    let max = lgsp_witness::client::ANSWER_MAX;
    let answer = http.ask(Method::POST, &to, Some("text/plain"), Bytes::from(body), max).await?;
    let body = String::from_utf8_lossy(&answer.body).into_owned();
    Ok(Response { status: answer.status, content_type: "", body })
}

/// Has a checkpoint dated by every timestamp authority of the directory; how many did.
pub(crate) async fn stamp(
    attested: &Attested,
    http: &Http,
    directory: &Directory,
    clock: &Clock,
    checkpoint: &Checkpoint,
) -> Result<usize, String> {
    let authorities = directory.timestamp_authorities();
    if authorities.is_empty() {
        return Ok(0);
    }
    let digest = checkpoint_digest(&checkpoint.note).map_err(|e| e.to_string())?;
    let (mut count, mut failures) = (0, Vec::new());
    for authority in authorities {
        let trusted = vec![authority.certificate.as_bytes().to_vec()];
        let client = tsa::Client::new(http.clone(), &*authority.url, trusted, clock.clone());
        match client.stamp(&digest).await {
            Ok(stamp) => {
                count += 1;
                attested.keep_token(checkpoint, &authority.name, &stamp.token).map_err(|e| e.to_string())?;
            }
            Err(error) => failures.push(format!("{}: {error}", authority.name)),
        }
    }
    if count > 0 && !failures.is_empty() {
        tracing::warn!(failures = failures.join("; "), "not every timestamp authority answered");
    }
    if count > 0 {
        // Cosignatures that come at the same time are not written over.
        if !attested.has_note(checkpoint) {
            attested.keep_note(checkpoint, &checkpoint.note).map_err(|e| e.to_string())?;
        }
        return Ok(count);
    }
    Err(failures.join("; "))
}

/// The log's checkpoint, with the tiles that others check it by.
pub(super) async fn published(log: &Log) -> Result<std::sync::Arc<Checkpoint>, String> {
    let writer = log.clone();
    let done = tokio::task::spawn_blocking(move || writer.publish().map_err(|e| e.to_string())).await;
    done.map_err(|e| e.to_string())??;
    Ok(log.checkpoint())
}

/// A proof between two sizes of an epoch, base64 hashes, one a line, from the tiles.
pub(super) fn prove(archive: &Archive, epoch: u32, old: u64, new: u64) -> Result<String, String> {
    let size = archive.published(epoch).map_err(|e| e.to_string())?.map_or(0, |c| c.size);
    if old == 0 || old >= new || new > size {
        return Err(format!("epoch {epoch} has {size} published entries: no proof from {old} to {new}"));
    }
    let mut full = |level: u32, n: u64| subtree(archive, epoch, size, level, n);
    let proof = tree::consistency_proof(old, new, &mut full)?;
    Ok(proof.iter().map(|h| format!("{}\n", h.base64())).collect())
}

/// The root of the full subtree of this level and number.
fn subtree(archive: &Archive, epoch: u32, size: u64, level: u32, n: u64) -> Result<Hash, String> {
    let (tiles, rest) = (level / 8, level % 8);
    let first = n << rest;
    let (number, offset) = (first / TILE_WIDTH as u64, (first % TILE_WIDTH as u64) as usize);
    let count = 1usize << rest;
    let at_level = size >> (8 * tiles);
    let width = at_level.saturating_sub(number * TILE_WIDTH as u64).min(TILE_WIDTH as u64) as usize;
    let part = if width == TILE_WIDTH { String::new() } else { format!(".p/{width}") };
    let name = format!("tile/{tiles}/{}{part}", tile_number(number));
    let missing = || format!("{name} is not there");
    let tile = archive.resource(epoch, &name).map_err(|e| e.to_string())?.ok_or_else(missing)?;
    let mut level: Vec<Hash> = hashes(&tile.bytes)
        .and_then(|all| all.get(offset..offset + count).map(<[Hash]>::to_vec))
        .ok_or_else(missing)?;
    while level.len() > 1 {
        level = level.chunks(2).map(|pair| hash::node(&pair[0], &pair[1])).collect();
    }
    level.pop().ok_or_else(missing)
}

/// The owners of other logs, at their public listeners.
pub(super) struct Owners {
    pub http: Http,
    pub directory: DirectoryHandle,
}

impl Owners {
    fn url(&self, origin: &str) -> Option<(String, u32)> {
        let (name, epoch) = origin.rsplit_once('/')?;
        let directory = self.directory.get()?;
        let key = format!("{name}+");
        let member = directory.members().find(|m| m.profile.logs.iter().any(|l| l.vkey.starts_with(&key)))?;
        let url = member.profile.witness.as_ref()?.url.trim_end_matches('/').to_owned();
        Some((url, epoch.parse().ok()?))
    }
}

impl Owner for Owners {
    async fn consistency(&self, origin: &str, old: u64, new: u64) -> Result<Vec<Hash>, OwnerError> {
        let away = || OwnerError::Away("the directory does not say where this log is read".into());
        let (url, epoch) = self.url(origin).ok_or_else(away)?;
        let url = format!("{url}/log/consistency?epoch={epoch}&old={old}&new={new}");
        let answer = self.http.ask(Method::GET, &url, None, Bytes::new(), PROOF_MAX).await;
        let answer = answer.map_err(OwnerError::Away)?;
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        if answer.status != 200 {
            return Err(OwnerError::Refused(text.chars().take(200).collect()));
        }
        let read = |line: &str| {
            let bytes: Option<[u8; 32]> = STANDARD.decode(line).ok().and_then(|b| b.try_into().ok());
            bytes.map(Hash)
        };
        let proof: Option<Vec<Hash>> = text.lines().map(read).collect();
        proof.ok_or_else(|| OwnerError::Refused("its answer is no list of hashes".into()))
    }
}

/// The witnesses of the directory but our own, each with what it saw last.
pub(crate) fn clients(
    directory: &Directory,
    node: &NodeName,
    before: Vec<(String, Client)>,
) -> Vec<(String, Client)> {
    let own =
        directory.listed(node.as_str()).and_then(|m| m.profile.witness.as_ref()).map(|w| w.vkey.clone());
    let members = directory.members().filter_map(|m| m.profile.witness.as_ref());
    let mut kept: std::collections::HashMap<String, Client> = before.into_iter().collect();
    let mut out = Vec::new();
    for witness in directory.witnesses().chain(members).filter(|w| own.as_ref() != Some(&w.vkey)) {
        if out.iter().any(|(url, _)| *url == *witness.url) {
            continue;
        }
        let Ok(key) = CosignVerifier::parse(&witness.vkey) else { continue };
        let client = kept.remove(&*witness.url).unwrap_or_else(|| Client::new(key));
        out.push((witness.url.to_string(), client));
    }
    out
}
