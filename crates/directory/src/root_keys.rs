//! Tools for the offline side: making root keys, keeping them in encrypted files, and making, changing and signing root documents.
//! Not here: publishing a root (`publisher`). Nothing here needs the hub.

use crate::bounds::KEYS_MAX;
use crate::document::{Document, FORMAT, Head, Role, RoleKeys, Roles, Root, read, write};
use crate::envelope::Envelope;
use crate::error::{Check, Defect};
use crate::key::{KeyId, PublicKey, SigningKey};
use aws_lc_rs::pbkdf2;
use base64::{Engine, engine::general_purpose::STANDARD};
use lgsp_kernel::{Millis, Secret, Vault};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;

/// Rounds of PBKDF2 with HMAC-SHA-256 for new files (OWASP's recommendation of 2023).
const ROUNDS: u32 = 600_000;
/// The most rounds that are done for a file: more would only keep its reader busy.
const ROUNDS_MAX: u32 = 10_000_000;
/// The shortest passphrase, bytes.
pub const PASSPHRASE_MIN: usize = 12;

fn refuse(found: impl Into<String>) -> Defect {
    Defect::new(Check::Content, found)
}

/// A root key in a file: sealed under a passphrase.
#[derive(Serialize, Deserialize)]
struct KeyFile {
    #[serde(rename = "type")]
    kind: String,
    public: String,
    kdf: String,
    rounds: u32,
    salt: String,
    sealed: String,
}

const KIND: &str = "lgsp-root-key";
const KDF: &str = "pbkdf2-hmac-sha256";

fn vault(passphrase: &Secret, salt: &[u8], rounds: u32) -> Result<Vault, Defect> {
    let rounds = NonZeroU32::new(rounds).filter(|r| r.get() <= ROUNDS_MAX);
    let rounds = rounds.ok_or_else(|| refuse("the file asks for an unusable number of rounds"))?;
    let mut derived = zeroize::Zeroizing::new([0; 32]);
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, rounds, salt, passphrase.expose(), &mut *derived);
    Ok(Vault::new(&derived))
}

fn place(public: &PublicKey) -> String {
    format!("directory-root/{}", public.id())
}

/// The content of an encrypted key file.
pub fn seal_root_key(key: &SigningKey, passphrase: &Secret) -> Result<String, Defect> {
    if passphrase.expose().len() < PASSPHRASE_MIN {
        return Err(refuse(format!("a passphrase has at least {PASSPHRASE_MIN} characters")));
    }
    let mut salt = [0; 16];
    getrandom::fill(&mut salt).map_err(|e| refuse(format!("no random bytes: {e}")))?;
    let public = key.public();
    let sealed = vault(passphrase, &salt, ROUNDS)?
        .seal(&place(&public), key.seed())
        .map_err(|e| refuse(e.to_string()))?;
    let file = KeyFile {
        kind: KIND.into(),
        public: public.to_string(),
        kdf: KDF.into(),
        rounds: ROUNDS,
        salt: STANDARD.encode(salt),
        sealed,
    };
    Ok(serde_json::to_string_pretty(&file).expect("texts are JSON") + "\n")
}

/// Reads an encrypted key file.
pub fn open_root_key(text: &str, passphrase: &Secret) -> Result<SigningKey, Defect> {
    let file: KeyFile =
        serde_json::from_str(text).map_err(|e| refuse(format!("not a root key file: {e}")))?;
    if file.kind != KIND || file.kdf != KDF {
        return Err(refuse("not a root key file that this program knows"));
    }
    let salt = STANDARD.decode(&file.salt).map_err(|_| refuse("the salt is not base64"))?;
    let public: PublicKey = file.public.parse().map_err(|e| refuse(format!("{e}")))?;
    let seed = vault(passphrase, &salt, file.rounds)?
        .open(&place(&public), &file.sealed)
        .map_err(|_| refuse("the passphrase is wrong, or the file was altered"))?;
    let seed: &[u8; 32] = seed.expose().try_into().map_err(|_| refuse("the seed has not 32 bytes"))?;
    let key = SigningKey::from_seed(seed);
    if key.public() == public { Ok(key) } else { Err(refuse("the file names another public key")) }
}

/// New root keys, to be kept apart from each other and away from the hub.
#[derive(Debug)]
pub struct RootKeys {
    /// The keys.
    pub keys: Vec<SigningKey>,
    /// How many of them must sign.
    pub threshold: u32,
}

impl RootKeys {
    /// Makes `count` keys of which `threshold` must sign.
    pub fn generate(count: u32, threshold: u32) -> Result<Self, Defect> {
        if threshold == 0 || threshold > count || count as usize > KEYS_MAX {
            return Err(refuse(format!("{threshold} of {count} keys cannot be asked for")));
        }
        let keys = (0..count).map(|_| SigningKey::generate()).collect::<Result<_, _>>();
        Ok(Self { keys: keys.map_err(|e| refuse(e.to_string()))?, threshold })
    }
    /// Their public parts.
    pub fn public(&self) -> Vec<PublicKey> {
        self.keys.iter().map(SigningKey::public).collect()
    }
    /// As many of them as must sign.
    pub fn signers(&self) -> Vec<&SigningKey> {
        self.keys.iter().take(self.threshold as usize).collect()
    }
}

/// A root document in the making.
#[derive(Debug, Clone)]
pub struct RootPlan {
    root: Root,
}

impl RootPlan {
    /// The first root: root keys with their threshold, and one online key for each other role.
    pub fn first(
        root_keys: &[PublicKey],
        threshold: u32,
        online: &BTreeMap<Role, PublicKey>,
        now: Millis,
        expires: Millis,
    ) -> Self {
        let none = || RoleKeys { keys: BTreeSet::new(), threshold: 1 };
        let head = Head { role: Role::Root, format: FORMAT, version: 1, issued: now, expires };
        let roles = Roles { root: none(), members: none(), revocations: none(), freshness: none() };
        let mut plan = Self { root: Root { head, keys: BTreeMap::new(), roles } };
        for key in root_keys {
            plan.add_key(Role::Root, *key);
        }
        for (role, key) in online.iter().filter(|(role, _)| **role != Role::Root) {
            plan.add_key(*role, *key);
        }
        plan.set_threshold(Role::Root, threshold);
        plan
    }

    /// The root after this one, with the same keys until they are changed.
    pub fn after(root: &Root, now: Millis, expires: Millis) -> Self {
        let mut root = root.clone();
        root.head.version += 1;
        root.head.issued = now;
        root.head.expires = expires;
        Self { root }
    }

    /// Lets a key sign a role.
    pub fn add_key(&mut self, role: Role, key: PublicKey) {
        self.root.keys.insert(key.id(), key);
        self.root.roles.of_mut(role).keys.insert(key.id());
    }

    /// No longer lets a key sign a role. What readers hold that only this key signed is then not relied on, and its versions are
    /// forgotten: this is how a stolen key is answered.
    pub fn remove_key(&mut self, role: Role, key: &KeyId) -> bool {
        let was = self.root.roles.of_mut(role).keys.remove(key);
        let used = Role::ALL.iter().any(|r| self.root.roles.of(*r).keys.contains(key));
        if !used {
            self.root.keys.remove(key);
        }
        was
    }

    /// Replaces all keys of a role by this one.
    pub fn replace_keys(&mut self, role: Role, key: PublicKey) {
        for old in self.root.roles.of(role).keys.clone() {
            self.remove_key(role, &old);
        }
        self.add_key(role, key);
        self.root.roles.of_mut(role).threshold = 1;
    }

    /// How many keys must sign a role.
    pub fn set_threshold(&mut self, role: Role, threshold: u32) {
        self.root.roles.of_mut(role).threshold = threshold;
    }

    /// The document as it is now.
    pub fn root(&self) -> &Root {
        &self.root
    }

    /// The file, signed with these keys. Others may add theirs with [`add_root_signature`]; when the root's keys change, enough keys of
    /// the root before and enough of the new ones must sign.
    pub fn sign(&self, keys: &[&SigningKey]) -> Result<Vec<u8>, Defect> {
        self.root.check()?;
        Ok(Envelope::sign(Role::Root.payload_type(), write(&self.root), keys).to_bytes())
    }
}

/// Adds a signature to a root file that was made elsewhere. Show its [`read_root`] to whoever holds the key before.
pub fn add_root_signature(file: &[u8], key: &SigningKey) -> Result<Vec<u8>, Defect> {
    let mut envelope = root_envelope(file)?;
    read::<Root>(envelope.unverified_payload())?;
    envelope.add_signature(key);
    Ok(envelope.to_bytes())
}

/// What a root file says and which of its own keys signed it; nothing else is verified.
pub fn read_root(file: &[u8]) -> Result<(Root, BTreeSet<KeyId>), Defect> {
    let envelope = root_envelope(file)?;
    let root: Root = read(envelope.unverified_payload())?;
    let signers = envelope.signers(Role::Root.payload_type(), &root.keys_of(Role::Root));
    Ok((root, signers))
}

fn root_envelope(file: &[u8]) -> Result<Envelope, Defect> {
    if file.len() > crate::bounds::ROOT_MAX {
        return Err(Defect::new(Check::Size, format!("{} bytes are too many for a root", file.len())));
    }
    let envelope = Envelope::parse(file)?;
    if envelope.payload_type() != Role::Root.payload_type() {
        return Err(refuse(format!("{:.100} is not a root document's type", envelope.payload_type())));
    }
    Ok(envelope)
}
