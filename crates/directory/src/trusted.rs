//! What a reader trusts, and the checks that change it, in the order of The Update Framework (section 5 of its specification). Pure:
//! bytes and a time go in; nothing is fetched or written here.

use crate::bounds::{FRESHNESS_MAX, MEMBERS_MAX, REVOCATIONS_MAX, ROOT_MAX, SKEW_MAX_MS};
use crate::document::{Anchor, Document, FreshnessStatement, Listed, Revocations, Role, Root, read};
use crate::envelope::Envelope;
use crate::error::{Check, Defect, DirectoryError};
use crate::key::{Digest, KeyId, sha256};
use crate::members::Members;
use crate::view::{Directory, SharedMembers, SharedRevocations};
use lgsp_kernel::Millis;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The largest file of a role.
pub fn size_max(role: Role) -> usize {
    match role {
        Role::Root => ROOT_MAX,
        Role::Members => MEMBERS_MAX,
        Role::Revocations => REVOCATIONS_MAX,
        Role::Freshness => FRESHNESS_MAX,
    }
}

/// A document that was verified, which bytes it was, and who signed it.
#[derive(Debug, Clone)]
pub struct Held<T> {
    /// The document.
    pub document: T,
    /// Its version, length and digest.
    pub listed: Listed,
    /// The keys whose signatures counted.
    pub signers: BTreeSet<KeyId>,
}

impl<T> Held<T> {
    fn map<U>(self, f: impl FnOnce(T) -> U) -> Held<U> {
        Held { document: f(self.document), listed: self.listed, signers: self.signers }
    }
}

fn list(version: u64, file: &[u8]) -> Listed {
    Listed { version, length: file.len() as u64, sha256: Digest(sha256(file)) }
}

fn open(role: Role, file: &[u8]) -> Result<Envelope, Defect> {
    let max = size_max(role);
    if file.len() > max {
        return Err(Defect::new(Check::Size, format!("{} bytes; at most {max} are read", file.len())));
    }
    Envelope::parse(file)
}

fn enough(root: &Root, role: Role, signers: &BTreeSet<KeyId>) -> Result<(), Defect> {
    if root.suffices(role, signers) {
        return Ok(());
    }
    let (version, wanted) = (root.head.version, root.roles.of(role).threshold);
    let found = format!(
        "{} valid signatures by keys that root {version} lists for it; {wanted} are needed",
        signers.len()
    );
    Err(Defect::new(Check::Signatures, found))
}

/// Verifies a file under a root: size, envelope, signatures, then what it says.
pub fn verify<T: Document>(root: &Root, file: &[u8]) -> Result<Held<T>, Defect> {
    let envelope = open(T::ROLE, file)?;
    let signers = envelope.signers(T::ROLE.payload_type(), &root.keys_of(T::ROLE));
    enough(root, T::ROLE, &signers)?;
    let document: T = read(&envelope.into_payload())?;
    let listed = list(document.head().version, file);
    Ok(Held { document, listed, signers })
}

/// The root that was pinned: its digest decides; it must also be signed by its own keys.
pub fn verify_anchor(anchor: &Anchor, file: &[u8]) -> Result<Held<Root>, Defect> {
    let found = Digest(sha256(file));
    if found != anchor.sha256 {
        let found = format!("its SHA-256 is {found}, pinned is {}", anchor.sha256);
        return Err(Defect::new(Check::Anchor, found));
    }
    let root = verify_self(file)?;
    if root.document.head.version != anchor.version {
        let found = format!("it says version {}, pinned is {}", root.document.head.version, anchor.version);
        return Err(Defect::new(Check::Anchor, found));
    }
    Ok(root)
}

/// A root signed by its own keys, which alone proves nothing.
pub fn verify_self(file: &[u8]) -> Result<Held<Root>, Defect> {
    let envelope = open(Role::Root, file)?;
    let root: Root = read(envelope.unverified_payload())?;
    let signers = envelope.signers(Role::Root.payload_type(), &root.keys_of(Role::Root));
    enough(&root, Role::Root, &signers)?;
    Ok(Held { listed: list(root.head.version, file), document: root, signers })
}

/// The next root: signed by enough keys of the one before and by enough of its own, with the next version.
pub fn verify_next(current: &Root, file: &[u8]) -> Result<Held<Root>, Defect> {
    let envelope = open(Role::Root, file)?;
    let by_current = envelope.signers(Role::Root.payload_type(), &current.keys_of(Role::Root));
    enough(current, Role::Root, &by_current)?;
    let next = verify_self(file)?;
    let (found, wanted) = (next.document.head.version, current.head.version + 1);
    if found != wanted {
        return Err(Defect::new(Check::Rollback, format!("it says version {found}, {wanted} must follow")));
    }
    Ok(next)
}

/// A whole set: what one freshness statement names.
#[derive(Clone)]
pub struct Set {
    pub freshness: Held<Arc<FreshnessStatement>>,
    pub members: Held<SharedMembers>,
    pub revocations: Held<SharedRevocations>,
}

/// What a reader trusts.
#[derive(Clone)]
pub struct Trusted {
    pub root: Held<Arc<Root>>,
    pub set: Option<Set>,
}

impl Trusted {
    /// Begins with a root.
    pub fn new(root: Held<Root>) -> Self {
        Self { root: root.map(Arc::new), set: None }
    }

    /// Follows the chain by one root.
    pub fn follow(&mut self, file: &[u8]) -> Result<(), DirectoryError> {
        let version = self.root.document.head.version + 1;
        let next = verify_next(&self.root.document, file).map_err(|d| d.of(Role::Root, Some(version)))?;
        self.root = next.map(Arc::new);
        Ok(())
    }

    /// Freeze of the root, at the end of the chain.
    pub fn check_root_expiry(&self, now: Millis) -> Result<(), DirectoryError> {
        self.timely(Role::Root, self.root.document.head.version, self.root.document.head.expires, now)
    }

    fn timely(&self, role: Role, version: u64, expires: Millis, now: Millis) -> Result<(), DirectoryError> {
        if now < expires {
            return Ok(());
        }
        let found = format!("it expired at {}; newer ones may be held back", expires.rfc3339());
        Err(Defect::new(Check::Expired, found).of(role, Some(version)))
    }

    /// What a held document forbids: going back behind it. It forbids nothing once the root no longer lists its signers, so that
    /// a thief's high version does not outlive the thief's key.
    fn floor(&self, role: Role) -> Option<Listed> {
        let set = self.set.as_ref()?;
        let (listed, signers) = match role {
            Role::Root => return None,
            Role::Members => (set.members.listed, &set.members.signers),
            Role::Revocations => (set.revocations.listed, &set.revocations.signers),
            Role::Freshness => (set.freshness.listed, &set.freshness.signers),
        };
        self.root.document.suffices(role, signers).then_some(listed)
    }

    fn not_behind(&self, role: Role, new: Listed) -> Result<(), DirectoryError> {
        let Some(held) = self.floor(role) else { return Ok(()) };
        let refuse = |check, found: String| Err(Defect::new(check, found).of(role, Some(new.version)));
        if new.version < held.version {
            return refuse(Check::Rollback, format!("version {} was seen before", held.version));
        }
        if new.version == held.version && new.sha256 != held.sha256 {
            return refuse(Check::Mixed, "the same version was seen with other content".into());
        }
        Ok(())
    }

    /// A freshness statement, checked against the root and what was seen before.
    pub fn check_freshness(
        &self,
        file: &[u8],
        now: Millis,
    ) -> Result<Held<Arc<FreshnessStatement>>, DirectoryError> {
        let held = verify::<FreshnessStatement>(&self.root.document, file)
            .map_err(|d| d.of(Role::Freshness, None))?;
        let (version, document) = (held.listed.version, &held.document);
        self.not_behind(Role::Freshness, held.listed)?;
        self.names_root(document, self.root.listed)?;
        if document.head.issued.0 > now.0.saturating_add(SKEW_MAX_MS) {
            let found = format!(
                "it says it was made at {}, this machine's clock says {}",
                document.head.issued.rfc3339(),
                now.rfc3339()
            );
            return Err(Defect::new(Check::Clock, found).of(Role::Freshness, Some(version)));
        }
        self.timely(Role::Freshness, version, document.head.expires, now)?;
        self.not_behind(Role::Members, document.documents.members)?;
        self.not_behind(Role::Revocations, document.documents.revocations)?;
        Ok(held.map(Arc::new))
    }

    fn names_root(&self, statement: &FreshnessStatement, root: Listed) -> Result<(), DirectoryError> {
        let named = statement.documents.root;
        if named == root {
            return Ok(());
        }
        let found = format!(
            "it names root {} ({}), trusted is root {} ({})",
            named.version, named.sha256, root.version, root.sha256
        );
        Err(Defect::new(Check::Mixed, found).of(Role::Freshness, Some(statement.head.version)))
    }

    /// The members document that a freshness statement names.
    pub fn check_members(
        &self,
        named: Listed,
        file: &[u8],
        now: Millis,
    ) -> Result<Held<SharedMembers>, DirectoryError> {
        let held = named_document::<Members>(&self.root.document, named, file)?;
        self.timely(Role::Members, named.version, held.document.head.expires, now)?;
        Ok(held.map(SharedMembers::new))
    }

    /// The revocations that a freshness statement names.
    pub fn check_revocations(
        &self,
        named: Listed,
        file: &[u8],
        now: Millis,
    ) -> Result<Held<SharedRevocations>, DirectoryError> {
        let held = named_document::<Revocations>(&self.root.document, named, file)?;
        self.timely(Role::Revocations, named.version, held.document.head.expires, now)?;
        Ok(held.map(SharedRevocations::new))
    }

    /// The held members document, if it is the named one and still signed as the root demands.
    pub fn same_members(
        &self,
        named: Listed,
        now: Millis,
    ) -> Result<Option<Held<SharedMembers>>, DirectoryError> {
        let Some(set) = &self.set else { return Ok(None) };
        if self.floor(Role::Members) != Some(named) {
            return Ok(None);
        }
        let expires = set.members.document.document().head.expires;
        self.timely(Role::Members, named.version, expires, now)?;
        Ok(Some(set.members.clone()))
    }

    /// The held revocations, if they are the named ones and still signed as the root demands.
    pub fn same_revocations(
        &self,
        named: Listed,
        now: Millis,
    ) -> Result<Option<Held<SharedRevocations>>, DirectoryError> {
        let Some(set) = &self.set else { return Ok(None) };
        if self.floor(Role::Revocations) != Some(named) {
            return Ok(None);
        }
        let expires = set.revocations.document.document().head.expires;
        self.timely(Role::Revocations, named.version, expires, now)?;
        Ok(Some(set.revocations.clone()))
    }

    /// The view of what is trusted. A set that the root's keys no longer cover is shown as withdrawn.
    pub fn view(&self) -> Option<Directory> {
        let set = self.set.as_ref()?;
        let withdrawn = [
            (Role::Freshness, &set.freshness.signers, set.freshness.listed.version),
            (Role::Members, &set.members.signers, set.members.listed.version),
            (Role::Revocations, &set.revocations.signers, set.revocations.listed.version),
        ]
        .into_iter()
        .find(|(role, signers, _)| !self.root.document.suffices(*role, signers))
        .map(|(role, _, version)| {
            let root = self.root.document.head.version;
            format!("its {role} document {version} is signed with keys that root {root} no longer lists")
                .into()
        });
        Some(Directory::new(
            self.root.document.clone(),
            set.freshness.document.clone(),
            set.members.document.clone(),
            set.revocations.document.clone(),
            withdrawn,
        ))
    }
}

/// A document that a freshness statement names by version, length and digest. The digest is compared first: it comes from a statement
/// that is already verified, and is the cheaper check.
pub fn named_document<T: Document>(
    root: &Root,
    named: Listed,
    file: &[u8],
) -> Result<Held<T>, DirectoryError> {
    let role = T::ROLE;
    let refuse = |check, found: String| Err(Defect::new(check, found).of(role, Some(named.version)));
    if file.len() as u64 != named.length {
        return refuse(
            Check::Size,
            format!("{} bytes; the freshness statement says {}", file.len(), named.length),
        );
    }
    let digest = Digest(sha256(file));
    if digest != named.sha256 {
        return refuse(
            Check::Mixed,
            format!("its SHA-256 is {digest}; the freshness statement says {}", named.sha256),
        );
    }
    let held = verify::<T>(root, file).map_err(|d| d.of(role, Some(named.version)))?;
    if held.listed.version != named.version {
        return refuse(Check::Mixed, format!("it says that it is version {}", held.listed.version));
    }
    Ok(held)
}
