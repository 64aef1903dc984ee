//! A hub in memory whose every key a test holds: it signs what a publisher would never sign.

use bytes::Bytes;
use lgsp_directory::document::{
    Current, Document, FORMAT, FreshnessStatement, Head, Listed, Revocations, Root, write,
};
use lgsp_directory::envelope::Envelope;
use lgsp_directory::key::{Digest, sha256};
use lgsp_directory::members::Members;
use lgsp_directory::{
    Anchor, Client, ClientConfig, DirectoryError, Fetch, FetchError, Member, MemberKind, MemberState,
    Profile, Role, RootKeys, RootPlan, SigningKey,
};
use lgsp_kernel::Millis;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

pub const NOW: Millis = Millis(1_800_000_000_000);
pub const YEAR: i64 = 365 * 86_400;

/// Files that a test puts there, and which were asked for.
#[derive(Clone, Default)]
pub struct Shelf {
    pub files: Arc<Mutex<BTreeMap<String, Bytes>>>,
    pub asked: Arc<Mutex<Vec<String>>>,
    pub away: Arc<Mutex<bool>>,
}

impl Fetch for Shelf {
    async fn get(&self, name: &str, max: usize) -> Result<Bytes, FetchError> {
        tokio::task::yield_now().await;
        self.asked.lock().push(name.to_owned());
        if *self.away.lock() {
            return Err(FetchError::Failed("connection refused".into()));
        }
        let file = self.files.lock().get(name).cloned().ok_or(FetchError::NotFound)?;
        if file.len() > max { Err(FetchError::TooLarge(max)) } else { Ok(file) }
    }
}

pub struct Hub {
    pub shelf: Shelf,
    pub root_keys: RootKeys,
    pub online: BTreeMap<Role, SigningKey>,
    pub root: Root,
    pub anchor: Anchor,
    root_listed: Listed,
    pub members: Members,
    pub members_listed: Listed,
    pub revocations: Revocations,
    pub revocations_listed: Listed,
    pub freshness: u64,
}

pub fn listed(version: u64, file: &[u8]) -> Listed {
    Listed { version, length: file.len() as u64, sha256: Digest(sha256(file)) }
}

pub fn signed<T: Document>(document: &T, keys: &[&SigningKey]) -> Vec<u8> {
    Envelope::sign(T::ROLE.payload_type(), write(document), keys).to_bytes()
}

pub fn head(role: Role, version: u64, issued: Millis, seconds: i64) -> Head {
    Head { role, format: FORMAT, version, issued, expires: issued.plus_seconds(seconds) }
}

pub fn member(name: &str) -> Member {
    Member {
        name: name.parse().expect("a name"),
        title: name.into(),
        kind: MemberKind::Province,
        state: MemberState::Active,
        agencies: Vec::new(),
        profile: Profile::default(),
    }
}

impl Hub {
    /// A hub with one member, all documents at version 1.
    pub fn new() -> Self {
        let root_keys = RootKeys::generate(3, 2).expect("keys");
        let online: BTreeMap<Role, SigningKey> = [Role::Members, Role::Revocations, Role::Freshness]
            .map(|role| (role, SigningKey::generate().expect("a key")))
            .into();
        let public = online.iter().map(|(role, key)| (*role, key.public())).collect();
        let plan = RootPlan::first(&root_keys.public(), 2, &public, NOW, NOW.plus_seconds(YEAR));
        let file = plan.sign(&root_keys.signers()).expect("signs");
        let none = Listed { version: 0, length: 0, sha256: Digest([0; 32]) };
        let members = Members {
            head: head(Role::Members, 0, NOW, 30 * 86_400),
            authorities: Vec::new(),
            members: vec![member("mot")],
            timestamp_authorities: Vec::new(),
            witnesses: Vec::new(),
        };
        let revocations = Revocations {
            head: head(Role::Revocations, 0, NOW, 7 * 86_400),
            certificates: Vec::new(),
            keys: Vec::new(),
            members: Vec::new(),
        };
        let mut hub = Self {
            shelf: Shelf::default(),
            root_keys,
            online,
            root: plan.root().clone(),
            anchor: Anchor { version: 1, sha256: Digest(sha256(&file)) },
            root_listed: listed(1, &file),
            members,
            members_listed: none,
            revocations,
            revocations_listed: none,
            freshness: 0,
        };
        hub.put("1.root.json", file);
        hub.publish_members(1, NOW);
        hub.publish_revocations(1, NOW);
        hub.state_freshness(1, NOW);
        hub
    }

    pub fn put(&self, name: &str, file: Vec<u8>) {
        self.shelf.files.lock().insert(name.to_owned(), file.into());
    }
    pub fn file(&self, name: &str) -> Vec<u8> {
        self.shelf.files.lock()[name].to_vec()
    }
    pub fn key(&self, role: Role) -> &SigningKey {
        &self.online[&role]
    }

    pub fn publish_members(&mut self, version: u64, now: Millis) {
        self.members.head = head(Role::Members, version, now, 30 * 86_400);
        let file = signed(&self.members, &[self.key(Role::Members)]);
        self.members_listed = listed(version, &file);
        self.put(&Role::Members.file(version), file);
    }
    pub fn publish_revocations(&mut self, version: u64, now: Millis) {
        self.revocations.head = head(Role::Revocations, version, now, 7 * 86_400);
        let file = signed(&self.revocations, &[self.key(Role::Revocations)]);
        self.revocations_listed = listed(version, &file);
        self.put(&Role::Revocations.file(version), file);
    }
    pub fn statement(&self, version: u64, now: Millis) -> FreshnessStatement {
        FreshnessStatement {
            head: head(Role::Freshness, version, now, 3600),
            documents: Current {
                root: self.root_listed,
                members: self.members_listed,
                revocations: self.revocations_listed,
            },
        }
    }
    pub fn state_freshness(&mut self, version: u64, now: Millis) {
        self.freshness = version;
        let file = signed(&self.statement(version, now), &[self.key(Role::Freshness)]);
        self.put(&Role::Freshness.file(self.root.head.version), file);
    }
    /// Publishes the next root with new keys for these roles, and all documents of these roles under them.
    pub fn rotate(&mut self, roles: &[Role], now: Millis) {
        let mut plan = RootPlan::after(&self.root, now, now.plus_seconds(YEAR));
        for role in roles {
            let key = SigningKey::generate().expect("a key");
            plan.replace_keys(*role, key.public());
            self.online.insert(*role, key);
        }
        let file = plan.sign(&self.root_keys.signers()).expect("signs");
        self.root = plan.root().clone();
        let version = self.root.head.version;
        self.root_listed = listed(version, &file);
        self.put(&Role::Root.file(version), file);
    }

    pub fn config(&self, dir: &Path) -> ClientConfig {
        ClientConfig { cache: dir.to_owned(), anchor: self.anchor }
    }
    pub fn client(&self, dir: &Path) -> Client<Shelf> {
        Client::open(self.config(dir), self.shelf.clone()).expect("opens")
    }
}

/// A client that has taken the hub's directory once.
pub async fn settled(hub: &Hub) -> (tempfile::TempDir, Client<Shelf>) {
    let dir = tempfile::tempdir().expect("a folder");
    let client = hub.client(dir.path());
    client.update(NOW).await.expect("the first update");
    (dir, client)
}

/// An update must fail, and the view must stay as it was.
pub async fn refused(client: &Client<Shelf>, now: Millis) -> DirectoryError {
    let before = client.directory().map(|d| d.versions());
    let error = client.update(now).await.expect_err("must be refused");
    assert_eq!(client.directory().map(|d| d.versions()), before, "{error}");
    error
}
