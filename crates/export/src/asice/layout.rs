//! Which member holds what: the bundle as files that a POSIX shell can read. Binary where it is hashed, text where it is read, one value a
//! line. Not here: the manifest, the signature, the archive (`container`).

use super::bundle::{Bundle, ExportError, PARTS_MAX, StampedCheckpoint};
use super::container::FORMAT;
use super::statements::{Proof, Statement, statement};
use base64::{Engine, engine::general_purpose::STANDARD};
use lgsp_evidence::hash::sha256;
use lgsp_evidence::note::origin_name;
use lgsp_evidence::proof::ProofEntry;
use lgsp_evidence::{BodyRole, Checkpoint};
use lgsp_kernel::record::Entry;
use std::collections::BTreeMap;

const README: &str = include_str!("readme.txt");
/// What opens a signature line of a note.
const DASH: &str = "\u{2014} ";

/// Members by name.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// The members of a bundle, without `mimetype` and `META-INF`.
pub(crate) fn files(bundle: &Bundle) -> Result<Files, ExportError> {
    let mut w =
        Writer { files: Files::new(), checkpoints: Checkpoints::default(), delegations: delegations(bundle) };
    let exchange = bundle.proof.exchange;
    w.text("README.txt", README);
    w.text(
        "exchange.txt",
        &format!(
            "format {FORMAT}\nexchange {exchange}\nnode {}\nmade {}\n",
            one_line("node", &bundle.node)?,
            bundle.made.rfc3339()
        ),
    );
    w.lines("keys/log", "vkey", "log keys", &log_keys(&bundle.log_keys, &w.delegations))?;
    w.lines("keys/witness", "vkey", "witnesses", &bundle.witnesses)?;
    w.pems("certificates", &bundle.certificates)?;
    w.pems("authorities", &bundle.authorities)?;
    w.pems("timestamp-authorities", &bundle.timestamp_authorities)?;
    w.write_delegations()?;
    for note in &bundle.proof.checkpoints {
        w.checkpoints.add(note, &[])?;
    }
    for StampedCheckpoint { note, tokens } in &bundle.checkpoints {
        w.checkpoints.add(note, tokens)?;
    }
    w.entries(bundle)?;
    w.links(bundle)?;
    w.write_checkpoints()?;
    Ok(w.files)
}

struct Writer {
    files: Files,
    checkpoints: Checkpoints,
    delegations: Vec<String>,
}

impl Writer {
    fn text(&mut self, name: &str, text: &str) {
        self.files.insert(name.to_owned(), text.as_bytes().to_vec());
    }
    fn bytes(&mut self, name: String, bytes: &[u8]) {
        self.files.insert(name, bytes.to_vec());
    }
    fn lines(
        &mut self,
        name: &str,
        end: &str,
        what: &'static str,
        all: &[String],
    ) -> Result<(), ExportError> {
        bounded(what, all.len())?;
        for (i, one) in all.iter().enumerate() {
            let line = one_line(name, one.trim())?;
            self.text(&format!("{name}-{}.{end}", number(i)), &format!("{line}\n"));
        }
        Ok(())
    }
    fn pems(&mut self, folder: &'static str, all: &[Vec<u8>]) -> Result<(), ExportError> {
        bounded(folder, all.len())?;
        for (i, der) in all.iter().enumerate() {
            self.text(&format!("{folder}/{}.pem", number(i)), &pem(der));
        }
        Ok(())
    }

    fn write_delegations(&mut self) -> Result<(), ExportError> {
        bounded("delegations", self.delegations.len())?;
        for (i, text) in self.delegations.clone().iter().enumerate() {
            self.text(&format!("delegations/{}.txt", number(i)), text);
        }
        Ok(())
    }

    fn entries(&mut self, bundle: &Bundle) -> Result<(), ExportError> {
        bounded("entries", bundle.proof.entries.len())?;
        let mut statements = 0;
        for (i, entry) in bundle.proof.entries.iter().enumerate() {
            let folder = format!("entries/{}", number(i));
            self.entry(bundle, &folder, entry)?;
            let Some(record) = &entry.record else { continue };
            if let Some(found) = statement(record, &folder)? {
                self.statement(statements, i, found)?;
                statements += 1;
            }
        }
        Ok(())
    }

    fn entry(&mut self, bundle: &Bundle, folder: &str, entry: &ProofEntry) -> Result<(), ExportError> {
        let note = bundle.proof.checkpoints.get(entry.checkpoint);
        let note = note.ok_or_else(|| ExportError::part(folder, "its checkpoint is not there"))?;
        let checkpoint = self.checkpoints.add(note, &[])?;
        let about = format!("epoch {}\nindex {}\ncheckpoint {checkpoint}\n", entry.epoch, entry.index);
        self.text(&format!("{folder}/about.txt"), &about);
        self.bytes(format!("{folder}/entry.bin"), &decode(folder, &entry.entry)?);
        let path: Result<Vec<Vec<u8>>, _> = entry.path.iter().map(|h| decode(folder, h)).collect();
        self.text(&format!("{folder}/path.txt"), &hex_lines(&path?));
        if let (Some(record), Some(salt)) = (&entry.record, &entry.salt) {
            self.text(&format!("{folder}/record.json"), record);
            self.bytes(format!("{folder}/salt.bin"), &decode(folder, salt)?);
        }
        for (n, body) in entry.bodies.iter().enumerate() {
            let role = match body.role {
                BodyRole::Request => "request",
                BodyRole::Answer => "answer",
            };
            self.bytes(format!("{folder}/body-{}-{role}.bin", number(n)), &decode(folder, &body.bytes)?);
        }
        Ok(())
    }

    fn statement(&mut self, n: usize, entry: usize, s: Statement) -> Result<(), ExportError> {
        let folder = format!("statements/{}", number(n));
        let (direction, mode) = match &s.proof {
            Proof::Own => ("sent", "log"),
            Proof::Message(_) => ("received", "message"),
            Proof::Group { .. } => ("received", "group"),
        };
        let mut about = format!("direction {direction}\nmode {mode}\nentry {}\n", number(entry));
        let wanted = s.delegation.as_deref().or_else(|| key_id(&s.base));
        let delegation =
            self.delegations.iter().position(|d| Some(&*sha256(d.as_bytes()).base64()) == wanted);
        if let Some(d) = delegation {
            about.push_str(&format!("delegation {}\n", number(d)));
        }
        match &s.proof {
            Proof::Own => {}
            Proof::Message(signature) => self.bytes(format!("{folder}/signature.bin"), signature),
            Proof::Group { index, salt, path, note, record } => {
                let checkpoint = self.checkpoints.add(note, &[])?;
                about.push_str(&format!("index {index}\ncheckpoint {checkpoint}\n"));
                self.bytes(format!("{folder}/salt.bin"), salt);
                self.bytes(format!("{folder}/record.json"), record);
                self.text(&format!("{folder}/path.txt"), &hex_lines(path));
            }
        }
        self.text(&format!("{folder}/base.txt"), &s.base);
        self.text(&format!("{folder}/about.txt"), &about);
        Ok(())
    }

    fn links(&mut self, bundle: &Bundle) -> Result<(), ExportError> {
        bounded("links", bundle.links.len())?;
        for (i, link) in bundle.links.iter().enumerate() {
            let folder = format!("links/{}", number(i));
            let find = |size| {
                let found = self.checkpoints.find(&link.origin, size);
                found.ok_or_else(|| ExportError::part(&folder, "a checkpoint of that size is not there"))
            };
            let about = format!("older {}\nnewer {}\n", find(link.older)?, find(link.newer)?);
            let proof: Vec<Vec<u8>> = link.proof.iter().map(|h| h.0.to_vec()).collect();
            self.text(&format!("{folder}/about.txt"), &about);
            self.text(&format!("{folder}/path.txt"), &hex_lines(&proof));
        }
        Ok(())
    }

    fn write_checkpoints(&mut self) -> Result<(), ExportError> {
        bounded("checkpoints", self.checkpoints.0.len())?;
        for (i, c) in std::mem::take(&mut self.checkpoints.0).into_iter().enumerate() {
            let folder = format!("checkpoints/{}", number(i));
            bounded("timestamps of a checkpoint", c.tokens.len())?;
            self.text(&format!("{folder}/note.txt"), &c.signed);
            if !c.cosignatures.is_empty() {
                let lines: String = c.cosignatures.iter().map(|l| format!("{l}\n")).collect();
                self.text(&format!("{folder}/cosignatures.txt"), &lines);
            }
            for (n, token) in c.tokens.iter().enumerate() {
                self.bytes(format!("{folder}/timestamp-{}.tst", number(n)), token);
            }
        }
        Ok(())
    }
}

/// Checkpoints, each once, in the order they were met.
#[derive(Default)]
struct Checkpoints(Vec<Held>);

struct Held {
    read: Checkpoint,
    signed: String,
    cosignatures: Vec<String>,
    tokens: Vec<Vec<u8>>,
}

impl Checkpoints {
    /// Adds what is new and gives the checkpoint's number in the container.
    fn add(&mut self, note: &str, tokens: &[Vec<u8>]) -> Result<String, ExportError> {
        let (signed, cosignatures) = split_cosignatures(note)?;
        let at = match self.0.iter().position(|h| h.signed == signed) {
            Some(at) => at,
            None => {
                let read = Checkpoint::read_unchecked(&signed)?;
                self.0.push(Held { read, signed, cosignatures: vec![], tokens: vec![] });
                self.0.len() - 1
            }
        };
        let held = &mut self.0[at];
        for line in cosignatures {
            if !held.cosignatures.contains(&line) {
                held.cosignatures.push(line);
            }
        }
        for token in tokens {
            if !held.tokens.contains(token) {
                held.tokens.push(token.clone());
            }
        }
        Ok(number(at))
    }
    fn find(&self, origin: &str, size: u64) -> Option<String> {
        self.0.iter().position(|h| h.read.origin == origin && h.read.size == size).map(number)
    }
}

/// The note as its log signed it, and the other signature lines. The log's is the one whose name the origin begins with.
pub(crate) fn split_cosignatures(note: &str) -> Result<(String, Vec<String>), ExportError> {
    let read = Checkpoint::read_unchecked(note)?;
    let at = note.rfind("\n\n").map_or(note.len(), |at| at + 2);
    let name = read.origin.rsplit_once('/').map_or("", |(name, _)| name);
    let (mut signed, mut others) = (note[..at].to_owned(), Vec::new());
    let mut by_log = 0;
    for line in note[at..].lines() {
        let by = line.strip_prefix(DASH).and_then(|l| l.split_once(' ')).map(|(by, _)| by);
        if by == Some(name) && by_log == 0 {
            by_log += 1;
            signed.push_str(&format!("{line}\n"));
        } else {
            others.push(line.to_owned());
        }
    }
    if by_log == 0 {
        return Err(ExportError::part("a checkpoint", "its log did not sign it"));
    }
    Ok((signed, others))
}

/// The `keyid` of a statement: SHA-256, base64, of the delegation that it was made under.
fn key_id(base: &str) -> Option<&str> {
    let parameters = base.lines().last()?.strip_prefix("\"@signature-params\": ")?;
    parameters.rsplit_once(";keyid=\"")?.1.split('"').next()
}

/// The delegations that were handed over, and those in the log's own entries.
fn delegations(bundle: &Bundle) -> Vec<String> {
    let recorded = bundle.proof.entries.iter().filter_map(|e| {
        let Ok(Entry::Credential(c)) = serde_json::from_str(e.record.as_deref()?) else { return None };
        let text = String::from_utf8(STANDARD.decode(c.document).ok()?).ok()?;
        (c.kind == "delegation").then_some(text)
    });
    let mut all = bundle.delegations.clone();
    for text in recorded {
        if !all.contains(&text) {
            all.push(text);
        }
    }
    all
}

/// The keys of logs that were handed over, and those that delegations name.
fn log_keys(given: &[String], delegations: &[String]) -> Vec<String> {
    let mut keys: Vec<String> = given.iter().map(|k| k.trim().to_owned()).collect();
    for key in delegations.iter().filter_map(|d| delegated_log_key(d)) {
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys
}

/// The verifier key of the log that a delegation is for.
fn delegated_log_key(delegation: &str) -> Option<String> {
    let value = |name: &str| delegation.lines().find_map(|l| l.strip_prefix(name));
    if value("use ")? != "log" {
        return None;
    }
    let key = STANDARD.decode(value("key ed25519:")?).ok()?;
    let name = origin_name(value("node ")?);
    let blob = [&[1], key.as_slice()].concat();
    let id = sha256(&[name.as_bytes(), b"\n", &blob].concat()).0;
    Some(format!("{name}+{}+{}", hex::encode(&id[..4]), STANDARD.encode(blob)))
}

fn bounded(what: &'static str, count: usize) -> Result<(), ExportError> {
    if count > PARTS_MAX { Err(ExportError::TooMany(what)) } else { Ok(()) }
}

/// `01` for the first.
fn number(at: usize) -> String {
    format!("{:02}", at + 1)
}

fn one_line<'a>(part: &str, text: &'a str) -> Result<&'a str, ExportError> {
    if text.is_empty() || text.chars().any(char::is_control) {
        return Err(ExportError::part(part, "not one line of text"));
    }
    Ok(text)
}

fn decode(part: &str, text: &str) -> Result<Vec<u8>, ExportError> {
    STANDARD.decode(text).map_err(|_| ExportError::part(part, "not base64"))
}

fn hex_lines(hashes: &[Vec<u8>]) -> String {
    hashes.iter().map(|h| hex::encode(h) + "\n").collect()
}

fn pem(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut out = String::from("-----BEGIN CERTIFICATE-----\n");
    for line in text.as_bytes().chunks(64) {
        out.extend(line.iter().map(|b| char::from(*b)));
        out.push('\n');
    }
    out + "-----END CERTIFICATE-----\n"
}
