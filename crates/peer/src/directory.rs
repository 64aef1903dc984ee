//! The directory as this protocol needs it: who is a member, where it listens, whether a delegation holds. Not here: how the directory is fetched and verified.

use crate::members::{Delegated, Endpoint, KeyUse, Members};
use crate::verify::Unproven;
use lgsp_directory::{Ages, Directory, DirectoryHandle, Purpose};
use lgsp_kernel::{AgencyCode, Millis, NodeName, ServiceId, VersionLabel};
use lgsp_trust::{Authorities, Bindings, Delegation, DelegationError, Origin, Subject, Use};
use parking_lot::Mutex;
use std::sync::Arc;

/// The members of a directory.
pub struct DirectoryMembers {
    directory: DirectoryHandle,
    ages: Ages,
    /// The authorities for agencies, of the directory that they were read from.
    authorities: Mutex<Option<(Arc<Directory>, Arc<Authorities>)>>,
}

impl std::fmt::Debug for DirectoryMembers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DirectoryMembers")
    }
}

impl DirectoryMembers {
    /// Of whatever directory is current, as long as it is not older than these ages.
    pub fn new(directory: DirectoryHandle, ages: Ages) -> Self {
        Self { directory, ages, authorities: Mutex::new(None) }
    }

    fn with<T>(&self, read: impl FnOnce(&Directory) -> Option<T>) -> Option<T> {
        self.directory.get().and_then(|d| read(&d))
    }

    fn authorities(&self, directory: &Arc<Directory>) -> Arc<Authorities> {
        let mut kept = self.authorities.lock();
        if let Some((of, authorities)) = &*kept
            && Arc::ptr_eq(of, directory)
        {
            return authorities.clone();
        }
        let authorities = Arc::new(agency_authorities(directory));
        *kept = Some((directory.clone(), authorities.clone()));
        authorities
    }
}

/// The authorities whose agency certificates are believed. One that also vouches for nodes is the hub's own: its certificates name their agency; those of others are
/// bound to one by the directory.
pub fn agency_authorities(directory: &Directory) -> Authorities {
    let mut all = Authorities::new();
    for authority in directory.authorities(Purpose::Agency) {
        let hub = authority.purposes.contains(&Purpose::Node);
        let origin = if hub { Origin::Hub } else { Origin::Foreign };
        match all.clone().with(authority.certificate.as_bytes(), origin) {
            Ok(more) => all = more,
            Err(error) => {
                tracing::warn!(authority = %authority.id, %error, "an authority of the directory cannot be used")
            }
        }
    }
    all
}

struct Bound<'a>(&'a Directory);

impl Bindings for Bound<'_> {
    fn is_revoked(&self, sha256: &[u8; 32]) -> bool {
        self.0.is_revoked(sha256)
    }
    fn binds(&self, agency: &AgencyCode, certificate: &Subject) -> bool {
        self.0.agency_of_certificate(&certificate.sha256).is_some_and(|at| at.agency.has_code(agency))
    }
    fn hosts(&self, node: &NodeName, agency: &AgencyCode) -> bool {
        self.0.member(node.as_str()).is_some_and(|m| m.agencies.iter().any(|a| a.has_code(agency)))
    }
}

impl Members for DirectoryMembers {
    fn usable(&self, now: Millis) -> Result<(), Unproven> {
        let usable = |d: &Directory| {
            d.is_fresh(now, &self.ages) || d.state(now, &self.ages).freshness.allows_exchange()
        };
        let fresh = self.with(|d| Some(usable(d)));
        if fresh == Some(true) { Ok(()) } else { Err(Unproven::DirectoryStale) }
    }

    fn version(&self) -> u64 {
        let mix = |v: lgsp_directory::Versions| {
            [v.root, v.members, v.revocations]
                .iter()
                .fold(1u64, |h, n| h.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ n)
        };
        self.with(|d| Some(mix(d.versions()))).unwrap_or(0)
    }

    fn is_member(&self, node: &NodeName) -> bool {
        self.with(|d| d.member(node.as_str()).map(drop)).is_some()
    }

    fn endpoints(&self, node: &NodeName) -> Option<Vec<Endpoint>> {
        self.with(|d| {
            let member = d.member(node.as_str())?;
            Some(member.profile.endpoints.iter().filter_map(|e| endpoint(e)).collect())
        })
    }

    fn delegation(&self, text: &str, now: Millis) -> Result<Delegated, Unproven> {
        let directory = self.directory.get().ok_or(Unproven::DirectoryStale)?;
        let failed = |e: DelegationError| Unproven::Delegation(e.to_string());
        let delegation = Delegation::parse(text.as_bytes()).map_err(failed)?;
        if directory.is_key_revoked(&delegation.id()) {
            return Err(Unproven::Revoked("the delegation".to_owned()));
        }
        let authorities = self.authorities(&directory);
        delegation.verify(now, &authorities, &Bound(&directory)).map_err(|e| match &e {
            DelegationError::Certificate(lgsp_trust::CertError::Revoked { .. }) => {
                Unproven::Revoked(e.to_string())
            }
            _ => failed(e),
        })?;
        Ok(delegated(&delegation))
    }

    fn offers(
        &self,
        node: &NodeName,
        service: &ServiceId,
        version: &VersionLabel,
        agency: &AgencyCode,
    ) -> Option<bool> {
        self.with(|d| {
            let at = d.service(node.as_str(), service.as_str(), version.as_str())?;
            let code = &at.service.agency;
            let same = at.member.agencies.iter().any(|a| a.has_code(code) && a.has_code(agency));
            Some(same || code == agency)
        })
    }

    fn log_key(&self, node: &NodeName) -> Option<String> {
        self.with(|d| {
            let logs = &d.member(node.as_str())?.profile.logs;
            Some(logs.iter().rev().find(|l| l.last_epoch.is_none())?.vkey.to_string())
        })
    }
}

/// What a delegation says, once it was verified.
pub fn delegated(delegation: &Delegation) -> Delegated {
    let terms = delegation.terms();
    Delegated {
        agency: terms.agency.clone(),
        node: terms.node.clone(),
        key_use: match terms.usage {
            Use::Log => KeyUse::Log,
            Use::Message => KeyUse::Message,
        },
        key: terms.key,
        not_before: terms.not_before,
        not_after: terms.not_after,
    }
}

/// Reads `https://host:port`.
pub fn endpoint(url: &str) -> Option<Endpoint> {
    let uri: http::Uri = url.parse().ok()?;
    let host = uri.host()?.trim_start_matches('[').trim_end_matches(']').to_owned();
    (uri.scheme_str() == Some("https")).then(|| Endpoint { host, port: uri.port_u16().unwrap_or(443) })
}
