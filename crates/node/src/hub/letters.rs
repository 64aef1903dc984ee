//! Letters that members send to the hub: requests to join, what they tell of themselves, renewals, checkpoints that they have seen.

use super::desk::{HubDesk, HubError, decode};
use super::records::Record;
use crate::membership::letter::{Ask, Enrolment, Letter, LetterError, RenewAsk};
use lgsp_directory::Edit;
use lgsp_directory::members::{Der, MemberState, Profile};
use lgsp_kernel::{Millis, NodeName};
use lgsp_trust::{Authority, Requested};

/// Certificates of one agency that are listed at a time: the current one, and those before it until they end.
const AGENCY_CERTIFICATES_MAX: usize = 3;

/// Why a letter is refused.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// Not a letter, not signed, not of this time.
    #[error(transparent)]
    Letter(#[from] LetterError),
    /// Not from a member, or not by its key.
    #[error("{0} is no member, or the letter is not signed by its key")]
    Stranger(NodeName),
    /// A repetition.
    #[error("a letter that was written later has been taken already")]
    Repeated,
    /// The hub could not, or would not.
    #[error(transparent)]
    Hub(#[from] HubError),
}

/// What came of a letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    /// The answer.
    Answer(Enrolment),
    /// Checkpoints that the node has seen of others.
    Seen(NodeName, Vec<(NodeName, String)>),
}

impl HubDesk {
    /// Takes a letter.
    pub fn receive(&self, bytes: &[u8]) -> Result<Received, Refused> {
        let now = self.clock.now();
        let (letter, key) = Letter::open(bytes, now)?;
        let Letter { node, at, ask, .. } = letter;
        if let Ask::Join(join) = ask {
            let request = self.requests().take(&node, *join, &key, now).map_err(HubError::from)?;
            return Ok(Received::Answer(request.answer()));
        }
        let mut record = self.known(&node, &key)?;
        if at <= record.last_letter {
            return Err(Refused::Repeated);
        }
        let answer = match ask {
            Ask::Seen { checkpoints } => Received::Seen(node, checkpoints),
            Ask::Profile(profile) => Received::Answer(self.profile(&node, *profile, now)?),
            Ask::Renew(renew) => Received::Answer(self.renewal(&mut record, &renew, now)?),
            Ask::Join(_) => unreachable!("taken above"),
        };
        record.last_letter = at;
        self.records().keep(&record).map_err(HubError::from)?;
        Ok(answer)
    }

    /// A member that may write, by this key.
    fn known(&self, node: &NodeName, key: &[u8]) -> Result<Record, Refused> {
        let record = self.records().get(node).map_err(HubError::from)?;
        let record = record.filter(|r| r.knows(key)).ok_or_else(|| Refused::Stranger(node.clone()))?;
        let publisher = self.publisher()?;
        let active =
            publisher.members().members.iter().any(|m| m.name == *node && m.state == MemberState::Active);
        let revoked = publisher.revocations().members.iter().any(|m| m.name == *node);
        if active && !revoked { Ok(record) } else { Err(Refused::Stranger(node.clone())) }
    }

    fn profile(&self, node: &NodeName, profile: Profile, now: Millis) -> Result<Enrolment, HubError> {
        let mut publisher = self.publisher()?;
        let listed = publisher.members().members.iter().find(|m| m.name == *node);
        if listed.is_none_or(|m| m.profile != profile) {
            publisher.apply(&[Edit::Profile { name: node.clone(), profile: Box::new(profile) }], now)?;
        }
        Ok(Enrolment::Taken)
    }

    fn renewal(&self, record: &mut Record, renew: &RenewAsk, now: Millis) -> Result<Enrolment, HubError> {
        let authority = self.authorities().current()?;
        let term = self.term(now);
        let mut node_certificate = None;
        if let Some(request) = &renew.request {
            let csr = decode(request)?;
            let issued = authority.issue_node(&csr, &record.node, term)?;
            record.put(&Requested::read(&csr)?.public_key_der, issued.pem());
            node_certificate = Some(issued.pem());
        }
        let agencies = self.renew_agencies(record, renew, &authority, now)?;
        Ok(Enrolment::Approved { node_certificate, agencies })
    }

    fn renew_agencies(
        &self,
        record: &Record,
        renew: &RenewAsk,
        authority: &Authority,
        now: Millis,
    ) -> Result<Vec<(lgsp_kernel::AgencyCode, String)>, HubError> {
        let mut certificates = Vec::new();
        if renew.agencies.is_empty() {
            return Ok(certificates);
        }
        let mut publisher = self.publisher()?;
        let member = publisher.members().members.iter().find(|m| m.name == record.node);
        let mut agencies = member.map(|m| m.agencies.clone()).unwrap_or_default();
        for (code, request) in &renew.agencies {
            let Some(agency) = agencies.iter_mut().find(|a| a.has_code(code)) else {
                return Err(HubError::Refused(format!("{} was not approved for {code}", record.node)));
            };
            let issued = authority.issue_agency(&decode(request)?, &agency.code, self.term(now))?;
            agency.certificates.push(Der::new(issued.der.clone()));
            let over = agency.certificates.len().saturating_sub(AGENCY_CERTIFICATES_MAX);
            agency.certificates.drain(..over);
            certificates.push((code.clone(), issued.pem()));
        }
        publisher.apply(&[Edit::Agencies { name: record.node.clone(), agencies }], now)?;
        Ok(certificates)
    }
}
