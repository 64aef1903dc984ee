//! The view: one verified set of documents, immutable, indexed for what calls ask. Not here: how it was verified (`trusted`).

use crate::document::{FreshnessStatement, Revocations, Root};
use crate::key::Digest;
use crate::members::{
    Authority, Member, MemberAgency, MemberState, Members, Purpose, Service, TimestampAuthority, Witness,
};
use lgsp_kernel::{AgencyCode, Millis};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// How old a directory may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ages {
    /// Up to here it is fresh. Default one hour.
    pub fresh_ms: i64,
    /// Up to here its revocations count as known, and exchanges go on. Default 24 hours.
    pub revocations_ms: i64,
    /// Up to here the rest counts. Default seven days.
    pub rest_ms: i64,
}

impl Default for Ages {
    fn default() -> Self {
        const HOUR: i64 = 3_600_000;
        Self { fresh_ms: HOUR, revocations_ms: 24 * HOUR, rest_ms: 7 * 24 * HOUR }
    }
}

/// What an age means for the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Freshness {
    /// Everything may be relied on.
    Fresh,
    /// No news for longer than usual; exchanges go on.
    Late,
    /// A certificate may have been revoked without our knowing: no exchange may rely on one; services can still be looked up.
    StaleRevocations,
    /// Nothing may be relied on.
    Stale,
}

impl Freshness {
    /// Whether exchanges with other members may go on.
    pub fn allows_exchange(self) -> bool {
        self <= Self::Late
    }
    /// Whether members and services may be looked up.
    pub fn allows_lookup(self) -> bool {
        self <= Self::StaleRevocations
    }
}

/// How fresh a directory is, and why, in an operator's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// The verdict.
    pub freshness: Freshness,
    /// The reason.
    pub why: String,
}

/// Which documents a view is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Versions {
    /// The root.
    pub root: u64,
    /// The members.
    pub members: u64,
    /// The revocations.
    pub revocations: u64,
    /// The freshness statement.
    pub freshness: u64,
}

/// A member's standing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It takes part.
    Active,
    /// Suspended by the hub.
    Suspended,
    /// Shut out by a revocation.
    Revoked,
    /// Not listed.
    Unknown,
}

/// An agency and the member that speaks for it.
#[derive(Debug, Clone, Copy)]
pub struct AgencyAt<'a> {
    /// The member.
    pub member: &'a Member,
    /// The agency.
    pub agency: &'a MemberAgency,
}

/// A service and the member that offers it.
#[derive(Debug, Clone, Copy)]
pub struct ServiceAt<'a> {
    /// The member.
    pub member: &'a Member,
    /// The service.
    pub service: &'a Service,
}

type Place = (u32, u32);

struct MembersIndex {
    document: Members,
    agencies: HashMap<AgencyCode, Vec<Place>>,
    certificates: HashMap<[u8; 32], Place>,
}

struct RevocationsIndex {
    document: Revocations,
    certificates: HashSet<[u8; 32]>,
    keys: HashSet<Box<str>>,
    members: HashSet<Box<str>>,
}

/// A verified members document with its indexes, shared by all views that have the same one.
#[derive(Clone)]
pub(crate) struct SharedMembers(Arc<MembersIndex>);

/// Verified revocations with their indexes.
#[derive(Clone)]
pub(crate) struct SharedRevocations(Arc<RevocationsIndex>);

impl SharedMembers {
    pub(crate) fn new(document: Members) -> Self {
        let mut agencies: HashMap<AgencyCode, Vec<Place>> = HashMap::new();
        let mut certificates = HashMap::new();
        for (m, member) in (0u32..).zip(&document.members) {
            for (a, agency) in (0u32..).zip(&member.agencies) {
                for code in std::iter::once(&agency.code).chain(&agency.aliases) {
                    agencies.entry(code.clone()).or_default().push((m, a));
                }
                for certificate in &agency.certificates {
                    certificates.insert(certificate.sha256(), (m, a));
                }
            }
        }
        Self(Arc::new(MembersIndex { document, agencies, certificates }))
    }
    pub(crate) fn document(&self) -> &Members {
        &self.0.document
    }
}

impl SharedRevocations {
    pub(crate) fn new(document: Revocations) -> Self {
        let certificates = document.certificates.iter().map(|c| c.sha256.0).collect();
        let keys = document.keys.iter().map(|k| k.id.clone()).collect();
        let members = document.members.iter().map(|m| m.name.as_str().into()).collect();
        Self(Arc::new(RevocationsIndex { document, certificates, keys, members }))
    }
    pub(crate) fn document(&self) -> &Revocations {
        &self.0.document
    }
}

/// A verified directory. Cheap to clone.
#[derive(Clone)]
pub struct Directory {
    root: Arc<Root>,
    freshness: Arc<FreshnessStatement>,
    members: SharedMembers,
    revocations: SharedRevocations,
    withdrawn: Option<Arc<str>>,
}

impl std::fmt::Debug for Directory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Directory({:?})", self.versions())
    }
}

impl Directory {
    pub(crate) fn new(
        root: Arc<Root>,
        freshness: Arc<FreshnessStatement>,
        members: SharedMembers,
        revocations: SharedRevocations,
        withdrawn: Option<Arc<str>>,
    ) -> Self {
        Self { root, freshness, members, revocations, withdrawn }
    }

    fn list(&self) -> &[Member] {
        &self.members.0.document.members
    }

    /// The versions that it is made of.
    pub fn versions(&self) -> Versions {
        Versions {
            root: self.root.head.version,
            members: self.members.0.document.head.version,
            revocations: self.revocations.0.document.head.version,
            freshness: self.freshness.head.version,
        }
    }

    /// When the hub last said that this is current.
    pub fn confirmed_at(&self) -> Millis {
        self.freshness.head.issued
    }

    /// A member that takes part: listed, active, not revoked.
    pub fn member(&self, name: &str) -> Option<&Member> {
        self.listed(name).filter(|m| self.takes_part(m))
    }

    /// A member whatever its standing: for evidence of the past.
    pub fn listed(&self, name: &str) -> Option<&Member> {
        let list = self.list();
        list.binary_search_by(|m| m.name.as_str().cmp(name)).ok().map(|i| &list[i])
    }

    /// A member's standing.
    pub fn standing(&self, name: &str) -> Standing {
        match self.listed(name) {
            _ if self.revocations.0.members.contains(name) => Standing::Revoked,
            None => Standing::Unknown,
            Some(m) if m.state == MemberState::Active => Standing::Active,
            Some(_) => Standing::Suspended,
        }
    }

    fn takes_part(&self, member: &Member) -> bool {
        member.state == MemberState::Active && !self.revocations.0.members.contains(member.name.as_str())
    }

    /// The members that take part, by name.
    pub fn members(&self) -> impl Iterator<Item = &Member> {
        self.list().iter().filter(|m| self.takes_part(m))
    }

    /// All members that are listed, by name.
    pub fn all_members(&self) -> &[Member] {
        self.list()
    }

    fn place(&self, (m, a): Place) -> AgencyAt<'_> {
        let member = &self.list()[m as usize];
        AgencyAt { member, agency: &member.agencies[a as usize] }
    }

    /// The members that speak for an agency, by any of its codes.
    pub fn agencies(&self, code: &str) -> impl Iterator<Item = AgencyAt<'_>> {
        let places = self.members.0.agencies.get(code).map_or(&[][..], Vec::as_slice);
        places.iter().map(|p| self.place(*p)).filter(|at| self.takes_part(at.member))
    }

    /// The member that speaks for an agency, by any of its codes; the first by name where several do.
    pub fn agency(&self, code: &str) -> Option<AgencyAt<'_>> {
        self.agencies(code).next()
    }

    /// Whose a listed agency certificate is, by the SHA-256 of its DER form, if it is not revoked.
    pub fn agency_of_certificate(&self, sha256: &[u8; 32]) -> Option<AgencyAt<'_>> {
        let place = self.members.0.certificates.get(sha256)?;
        Some(self.place(*place)).filter(|at| self.takes_part(at.member) && !self.is_revoked(sha256))
    }

    /// All services of members that take part.
    pub fn services(&self) -> impl Iterator<Item = ServiceAt<'_>> {
        self.members().flat_map(|member| {
            member.profile.services.iter().map(move |service| ServiceAt { member, service })
        })
    }

    /// A version of a service of a member that takes part.
    pub fn service(&self, node: &str, id: &str, version: &str) -> Option<ServiceAt<'_>> {
        let member = self.member(node)?;
        Some(ServiceAt { member, service: member.service(id, version)? })
    }

    /// Whether a certificate is revoked, by the SHA-256 of its DER form.
    pub fn is_revoked(&self, sha256: &[u8; 32]) -> bool {
        self.revocations.0.certificates.contains(sha256)
    }

    /// Whether a key or delegation is revoked, by its id.
    pub fn is_key_revoked(&self, id: &str) -> bool {
        self.revocations.0.keys.contains(id)
    }

    /// What is revoked, with times and reasons.
    pub fn revocations(&self) -> &Revocations {
        &self.revocations.0.document
    }

    /// The authorities for a purpose whose own certificates are not revoked.
    pub fn authorities(&self, purpose: Purpose) -> impl Iterator<Item = &Authority> {
        let all = self.members.0.document.authorities.iter();
        all.filter(move |a| a.purposes.contains(&purpose) && !self.is_revoked(&a.certificate.sha256()))
    }

    /// The timestamp authorities.
    pub fn timestamp_authorities(&self) -> &[TimestampAuthority] {
        &self.members.0.document.timestamp_authorities
    }

    /// The witnesses: those that are no member's, then the members'.
    pub fn witnesses(&self) -> impl Iterator<Item = &Witness> {
        let own = self.members.0.document.witnesses.iter();
        own.chain(self.members().filter_map(|m| m.profile.witness.as_ref()))
    }

    /// The root: keys and thresholds.
    pub fn root(&self) -> &Root {
        &self.root
    }

    /// SHA-256 of the members document's file, as the hub stated it.
    pub fn members_sha256(&self) -> Digest {
        self.freshness.documents.members.sha256
    }

    /// Whether it is fresh now, as on every exchange, where nobody reads why; anything else is [`Directory::state`]'s to judge.
    pub fn is_fresh(&self, now: Millis, ages: &Ages) -> bool {
        let age = now.0.saturating_sub(self.confirmed_at().0);
        let oldest = ages.fresh_ms.min(ages.revocations_ms).min(ages.rest_ms);
        self.withdrawn.is_none()
            && (-crate::bounds::SKEW_MAX_MS..=oldest).contains(&age)
            && now < self.members.0.document.head.expires
            && now < self.revocations.0.document.head.expires
    }

    /// How fresh it is now, and why.
    pub fn state(&self, now: Millis, ages: &Ages) -> State {
        let confirmed = self.confirmed_at();
        let age = now.0.saturating_sub(confirmed.0);
        let said = confirmed.rfc3339();
        let state = |freshness, why| State { freshness, why };
        if let Some(why) = &self.withdrawn {
            return state(Freshness::Stale, format!("{why}; waiting for one that is signed anew"));
        }
        let members = self.members.0.document.head.expires;
        if age > ages.rest_ms {
            let why = format!(
                "the hub last confirmed it {} ago ({said}), longer than {}",
                span(age),
                span(ages.rest_ms)
            );
            return state(Freshness::Stale, why);
        }
        if now >= members {
            return state(Freshness::Stale, format!("its members document expired at {}", members.rfc3339()));
        }
        let revocations = self.revocations.0.document.head.expires;
        if age > ages.revocations_ms {
            let limit = span(ages.revocations_ms);
            let why = format!(
                "the hub last confirmed it {} ago ({said}); revocations older than {limit} are not relied on",
                span(age)
            );
            return state(Freshness::StaleRevocations, why);
        }
        if now >= revocations {
            let why = format!("its revocations expired at {}", revocations.rfc3339());
            return state(Freshness::StaleRevocations, why);
        }
        if age < -crate::bounds::SKEW_MAX_MS {
            let why = format!(
                "the hub confirmed it at {said}, {} ahead of this machine's clock",
                span(age.saturating_neg())
            );
            return state(Freshness::Late, why);
        }
        if age > ages.fresh_ms {
            let why =
                format!("the hub last confirmed it {} ago ({said}); exchanges go on until {}", span(age), {
                    Millis(confirmed.0.saturating_add(ages.revocations_ms)).min(revocations).rfc3339()
                });
            return state(Freshness::Late, why);
        }
        state(Freshness::Fresh, format!("confirmed by the hub at {said}"))
    }
}

/// A length of time in an operator's words.
fn span(millis: i64) -> String {
    let minutes = millis.max(0) / 60_000;
    match (minutes / 1440, minutes / 60 % 24, minutes % 60) {
        (0, 0, m) => format!("{m} min"),
        (0, h, 0) => format!("{h} h"),
        (0, h, m) => format!("{h} h {m} min"),
        (d, 0, _) => format!("{d} d"),
        (d, h, _) => format!("{d} d {h} h"),
    }
}

/// The place where a node keeps its current view; readers never wait.
#[derive(Debug, Clone, Default)]
pub struct DirectoryHandle(Arc<arc_swap::ArcSwapOption<Directory>>);

impl DirectoryHandle {
    /// A place without a view yet.
    pub fn new() -> Self {
        Self::default()
    }
    /// The current view.
    pub fn get(&self) -> Option<Arc<Directory>> {
        self.0.load_full()
    }
    /// Puts another view there.
    pub fn set(&self, directory: Arc<Directory>) {
        self.0.store(Some(directory));
    }
}
