//! Edits of what the hub decides and of what members say of themselves. Each leaves the draft within the rules or is refused in words
//! that name what is wrong.

use super::PublishError;
use crate::document::{Revocations, RevokedCertificate, RevokedKey, RevokedMember};
use crate::key::Digest;
use crate::members::{
    Authority, Member, MemberAgency, MemberState, Members, Profile, TimestampAuthority, Witness,
};
use lgsp_kernel::{Millis, NodeName};

/// A change of the directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// A request to join, with the agencies asked for: published nowhere until it is approved.
    Propose(Box<Member>),
    /// Drops a request to join.
    Decline(NodeName),
    /// Approves a request to join, for these agencies. What the request lists of others is dropped.
    Approve {
        /// The node.
        name: NodeName,
        /// The agencies, with their certificates.
        agencies: Vec<MemberAgency>,
    },
    /// Sets the agencies of a member. What it lists of others is dropped.
    Agencies {
        /// The node.
        name: NodeName,
        /// The agencies, with their certificates.
        agencies: Vec<MemberAgency>,
    },
    /// Sets what a member, or a request, says of itself; systems and services of agencies that it was not approved for are refused.
    Profile {
        /// The node.
        name: NodeName,
        /// What it says.
        profile: Box<Profile>,
    },
    /// Shuts a member out for now.
    Suspend(NodeName),
    /// Lets it take part again.
    Resume(NodeName),
    /// Takes a member off the list.
    Remove(NodeName),
    /// Adds an authority, or replaces the one with the same id.
    PutAuthority(Authority),
    /// Removes an authority, by id.
    RemoveAuthority(String),
    /// Adds a timestamp authority, or replaces the one with the same name.
    PutTimestampAuthority(TimestampAuthority),
    /// Removes a timestamp authority, by name.
    RemoveTimestampAuthority(String),
    /// Adds a witness that is no member's, or replaces the one with the same name.
    PutWitness(Witness),
    /// Removes a witness, by name.
    RemoveWitness(String),
    /// Revokes a certificate, by the SHA-256 of its DER form.
    RevokeCertificate {
        /// The digest.
        sha256: [u8; 32],
        /// Why.
        reason: String,
    },
    /// Revokes a key or delegation.
    RevokeKey {
        /// Its id.
        id: String,
        /// Why.
        reason: String,
    },
    /// Shuts a member out by revocation, which readers learn even where they refuse a members document.
    RevokeMember {
        /// The node.
        name: NodeName,
        /// Why.
        reason: String,
    },
    /// Takes back a member's revocation.
    ReinstateMember(NodeName),
    /// Drops the revocation of a certificate that has expired since.
    ForgetCertificate([u8; 32]),
    /// Drops the revocation of a key or delegation that has expired since.
    ForgetKey(String),
}

/// Documents while edits are applied.
pub struct Draft {
    pub members: Members,
    pub revocations: Revocations,
    pub pending: Vec<Member>,
}

fn refused<T>(why: String) -> Result<T, PublishError> {
    Err(PublishError::Refused(why))
}

/// Replaces the item with the same key, or adds it.
fn put<T: Clone, K: PartialEq>(list: &mut Vec<T>, item: &T, key: impl Fn(&T) -> K) {
    match list.iter_mut().find(|i| key(i) == key(item)) {
        Some(place) => *place = item.clone(),
        None => list.push(item.clone()),
    }
}

/// Removes an item that must be there.
fn take<T>(list: &mut Vec<T>, what: &str, is: impl Fn(&T) -> bool) -> Result<T, PublishError> {
    match list.iter().position(is) {
        Some(at) => Ok(list.remove(at)),
        None => refused(format!("there is no {what}")),
    }
}

impl Draft {
    pub fn apply(&mut self, edit: &Edit, now: Millis) -> Result<(), PublishError> {
        match edit {
            Edit::Propose(_)
            | Edit::Decline(_)
            | Edit::Approve { .. }
            | Edit::Agencies { .. }
            | Edit::Profile { .. }
            | Edit::Suspend(_)
            | Edit::Resume(_)
            | Edit::Remove(_) => self.membership(edit),
            Edit::PutAuthority(a) => {
                put(&mut self.members.authorities, a, |i| i.id.clone());
                Ok(())
            }
            Edit::RemoveAuthority(id) => {
                take(&mut self.members.authorities, &format!("authority {id}"), |i| *i.id == **id).map(drop)
            }
            Edit::PutTimestampAuthority(t) => {
                put(&mut self.members.timestamp_authorities, t, |i| i.name.clone());
                Ok(())
            }
            Edit::RemoveTimestampAuthority(name) => {
                let list = &mut self.members.timestamp_authorities;
                take(list, &format!("timestamp authority {name}"), |i| *i.name == **name).map(drop)
            }
            Edit::PutWitness(w) => {
                put(&mut self.members.witnesses, w, |i| i.name.clone());
                Ok(())
            }
            Edit::RemoveWitness(name) => {
                take(&mut self.members.witnesses, &format!("witness {name}"), |i| *i.name == **name).map(drop)
            }
            _ => self.revocation(edit, now),
        }
    }

    fn membership(&mut self, edit: &Edit) -> Result<(), PublishError> {
        match edit {
            Edit::Propose(member) => self.propose(member),
            Edit::Decline(name) => {
                take(&mut self.pending, &format!("request of {name}"), |m| m.name == *name).map(drop)
            }
            Edit::Approve { name, agencies } => {
                let mut member = take(&mut self.pending, &format!("request of {name}"), |m| m.name == *name)?;
                member.state = MemberState::Active;
                self.set_agencies(&mut member, agencies)?;
                let at = self.members.members.partition_point(|m| m.name < member.name);
                self.members.members.insert(at, member);
                Ok(())
            }
            Edit::Agencies { name, agencies } => {
                let mut member = self.member_mut(name)?.clone();
                self.set_agencies(&mut member, agencies)?;
                *self.member_mut(name)? = member;
                Ok(())
            }
            Edit::Profile { name, profile } => {
                let member = match self.pending.iter_mut().find(|m| m.name == *name) {
                    Some(pending) => pending,
                    None => self.member_mut(name)?,
                };
                member.profile = (**profile).clone();
                member.sort();
                member.check().map_err(|d| PublishError::Refused(d.found))
            }
            Edit::Suspend(name) => {
                self.member_mut(name)?.state = MemberState::Suspended;
                Ok(())
            }
            Edit::Resume(name) => {
                self.member_mut(name)?.state = MemberState::Active;
                Ok(())
            }
            Edit::Remove(name) => {
                let what = format!("member {name}");
                take(&mut self.members.members, &what, |m| m.name == *name).map(drop)
            }
            _ => Ok(()),
        }
    }

    fn propose(&mut self, member: &Member) -> Result<(), PublishError> {
        let name = &member.name;
        if self.members.members.iter().any(|m| m.name == *name) {
            return refused(format!("{name} is a member already"));
        }
        if self.pending.len() >= crate::bounds::LIST_MAX {
            return refused("too many requests wait for approval".into());
        }
        let mut member = member.clone();
        member.sort();
        member.check().map_err(|d| PublishError::Refused(d.found))?;
        put(&mut self.pending, &member, |m| m.name.clone());
        Ok(())
    }

    fn member_mut(&mut self, name: &NodeName) -> Result<&mut Member, PublishError> {
        match self.members.members.iter_mut().find(|m| m.name == *name) {
            Some(member) => Ok(member),
            None => refused(format!("there is no member {name}")),
        }
    }

    /// Sets what a member was approved for and drops what it listed of other agencies. A code belongs to one member.
    fn set_agencies(&self, member: &mut Member, agencies: &[MemberAgency]) -> Result<(), PublishError> {
        let mut codes = std::collections::HashSet::new();
        for code in agencies.iter().flat_map(|a| std::iter::once(&a.code).chain(&a.aliases)) {
            if !codes.insert(code) {
                return refused(format!("agency code {code} is given twice"));
            }
            let other =
                self.members.members.iter().find(|m| m.name != member.name && m.agency(code).is_some());
            if let Some(other) = other {
                return refused(format!("agency {code} is {}'s", other.name));
            }
        }
        member.agencies = agencies.to_vec();
        let approved = member.clone();
        member.profile.systems.retain(|s| approved.agency(&s.agency).is_some());
        let systems = member.clone();
        member.profile.services.retain(|s| {
            let agency = approved.agency(&s.agency);
            let system = systems.system(s.system.as_str());
            matches!((agency, system), (Some(a), Some(s)) if a.has_code(&s.agency))
        });
        Ok(())
    }

    fn revocation(&mut self, edit: &Edit, now: Millis) -> Result<(), PublishError> {
        let list = &mut self.revocations;
        match edit {
            Edit::RevokeCertificate { sha256, reason } => {
                let sha256 = Digest(*sha256);
                if !list.certificates.iter().any(|c| c.sha256 == sha256) {
                    let reason = reason.as_str().into();
                    list.certificates.push(RevokedCertificate { sha256, at: now, reason });
                }
                Ok(())
            }
            Edit::RevokeKey { id, reason } => {
                if !list.keys.iter().any(|k| *k.id == **id) {
                    let (id, reason) = (id.as_str().into(), reason.as_str().into());
                    list.keys.push(RevokedKey { id, at: now, reason });
                }
                Ok(())
            }
            Edit::RevokeMember { name, reason } => {
                if !list.members.iter().any(|m| m.name == *name) {
                    let (name, reason) = (name.clone(), reason.as_str().into());
                    list.members.push(RevokedMember { name, at: now, reason });
                }
                Ok(())
            }
            Edit::ReinstateMember(name) => {
                let what = format!("revocation of member {name}");
                take(&mut list.members, &what, |m| m.name == *name).map(drop)
            }
            Edit::ForgetCertificate(sha256) => {
                take(&mut list.certificates, "revocation of that certificate", |c| c.sha256.0 == *sha256)
                    .map(drop)
            }
            Edit::ForgetKey(id) => {
                take(&mut list.keys, &format!("revocation of {id}"), |k| *k.id == **id).map(drop)
            }
            _ => Ok(()),
        }
    }
}
