//! The hub and the other nodes as the administration API shows them. Not here: addresses, permissions and forms (`lgsp-web`), decisions
//! (`hub`), the work of a member (`federation`).

use super::Shared;
use super::federation::Federation;
use crate::commands::member::ages;
use crate::hub::decisions::{DecisionError, Decisions};
use crate::hub::desk::Revoked;
use crate::hub::requests::RequestError;
use crate::hub::{HubDesk, HubError, Request, RequestState};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lgsp_directory::document::Revocations;
use lgsp_directory::members::Member;
use lgsp_directory::{Freshness, PublishError, Standing, Versions};
use lgsp_evidence::Checkpoint;
use lgsp_kernel::{AgencyCode, NodeName, OpContext};
use lgsp_web::directory::{
    CosignedLog, DirectoryView, FollowedLog, ForkView, OwnAttestation, SightingView, WitnessView,
};
use lgsp_web::hub::{
    AgencyWanted, Decided, DirectoryVersions, Doing, HubMembers, JoinRequest, MemberAgencyView, MemberView,
    RevokedView, Withdrawn,
};
use lgsp_web::{HubAdministration, HubProblem, Neighbours};
use lgsp_witness::monitor::{Report, ReportKind, SignedBy};
use std::sync::{Arc, Weak};

/// The hub of this node, for the API.
pub(super) struct Hub(Decisions);

impl Hub {
    pub(super) fn new(desk: Arc<HubDesk>, shared: &Shared) -> Self {
        Self(Decisions::new(desk, shared.store.clone()))
    }
}

impl HubAdministration for Hub {
    fn requests(&self) -> Decided<'_, Vec<JoinRequest>> {
        Box::pin(async {
            let all = self.0.at_desk(|desk| Ok(desk.requests().list()?)).await.map_err(problem)?;
            Ok(all.iter().map(join_request).collect())
        })
    }

    fn members(&self) -> Decided<'_, HubMembers> {
        Box::pin(async { self.0.at_desk(members).await.map_err(problem) })
    }

    fn approve(&self, by: OpContext, request: String, agencies: Vec<AgencyCode>) -> Decided<'_, MemberView> {
        Box::pin(async move {
            self.found(&request).await?;
            let member = self.0.approve(by, request, agencies).await.map_err(problem)?;
            Ok(view(&member, Standing::Active))
        })
    }

    fn reject(&self, by: OpContext, request: String, reason: String) -> Decided<'_, JoinRequest> {
        Box::pin(async move {
            self.found(&request).await?;
            let request = self.0.reject(by, request, reason).await.map_err(problem)?;
            Ok(join_request(&request))
        })
    }

    fn revoke(
        &self,
        by: OpContext,
        node: NodeName,
        what: Withdrawn,
        reason: String,
    ) -> Decided<'_, DirectoryVersions> {
        Box::pin(async move {
            self.listed(&node).await?;
            let what = revoked(node, what)?;
            Ok(versions(self.0.revoke(by, what, reason).await.map_err(problem)?))
        })
    }

    fn reinstate(&self, by: OpContext, node: NodeName) -> Decided<'_, DirectoryVersions> {
        Box::pin(async move {
            self.listed(&node).await?;
            Ok(versions(self.0.reinstate(by, node).await.map_err(problem)?))
        })
    }
}

impl Hub {
    /// What does not exist is nothing to decide about: the trail does not fill with mistyped names.
    async fn found(&self, request: &str) -> Result<(), HubProblem> {
        let meant = request.to_owned();
        let finding = self.0.at_desk(move |desk| Ok(desk.requests().find(&meant)?));
        finding.await.map(drop).map_err(problem)
    }
    async fn listed(&self, node: &NodeName) -> Result<(), HubProblem> {
        let name = node.clone();
        let looking = self
            .0
            .at_desk(move |desk| Ok(desk.publisher()?.members().members.iter().any(|m| m.name == name)));
        if looking.await.map_err(problem)? {
            return Ok(());
        }
        Err(HubProblem::Missing(format!("{node} is not a member.")))
    }
}

fn problem(error: DecisionError) -> HubProblem {
    let error = match error {
        DecisionError::Store(error) => return HubProblem::Store(error),
        DecisionError::Hub(error) => error,
    };
    match error {
        HubError::None(_) => HubProblem::NoHub,
        HubError::Request(RequestError::Missing(_)) => HubProblem::Missing(error.to_string()),
        HubError::Refused(_)
        | HubError::Certificate(_)
        | HubError::Publish(PublishError::Refused(_))
        | HubError::Request(RequestError::Several(..) | RequestError::Unfit(_)) => {
            HubProblem::Refused(error.to_string())
        }
        other => HubProblem::Failed(other.to_string()),
    }
}

fn revoked(node: NodeName, what: Withdrawn) -> Result<Revoked, HubProblem> {
    let refused = |e: String| HubProblem::Refused(e);
    Ok(match what {
        Withdrawn::Member => Revoked::Node(node),
        Withdrawn::Agency(code) => Revoked::Agency(node, code.parse().map_err(|e| refused(format!("{e}")))?),
        Withdrawn::Certificate(digest) => {
            let bytes = hex::decode(&digest).ok().and_then(|b| b.try_into().ok());
            Revoked::Certificate(bytes.ok_or_else(|| refused("not a SHA-256".into()))?)
        }
        Withdrawn::Key(id) => Revoked::Key(id),
    })
}

fn members(desk: &HubDesk) -> Result<HubMembers, HubError> {
    let publisher = desk.publisher()?;
    let revoked = publisher.revocations();
    let standing = |m: &Member| match revoked.members.iter().any(|r| r.name == m.name) {
        true => Standing::Revoked,
        false if m.state == lgsp_directory::MemberState::Active => Standing::Active,
        false => Standing::Suspended,
    };
    Ok(HubMembers {
        members: publisher.members().members.iter().map(|m| view(m, standing(m))).collect(),
        revoked: withdrawn(revoked),
        root_sha256: publisher.anchor().to_string(),
    })
}

fn withdrawn(revoked: &Revocations) -> Vec<RevokedView> {
    let one = |kind: &str, id: String, at: lgsp_kernel::Millis, reason: &str| RevokedView {
        kind: kind.into(),
        id,
        at: at.rfc3339(),
        reason: reason.into(),
    };
    let members = revoked.members.iter().map(|m| one("member", m.name.to_string(), m.at, &m.reason));
    let certificates =
        revoked.certificates.iter().map(|c| one("certificate", hex::encode(c.sha256.0), c.at, &c.reason));
    let keys = revoked.keys.iter().map(|k| one("key", k.id.to_string(), k.at, &k.reason));
    members.chain(certificates).chain(keys).collect()
}

fn join_request(request: &Request) -> JoinRequest {
    let (state, decided_at, reason) = match &request.state {
        RequestState::Waiting => ("waiting", None, None),
        RequestState::Rejected { reason, at } => ("rejected", Some(*at), Some(reason.clone())),
        RequestState::Approved { at, .. } => ("approved", Some(*at), None),
    };
    let digest = |text: &String| STANDARD.decode(text).ok().map(|der| hex::encode(lgsp_trust::sha256(&der)));
    let agencies = request.join.agencies.iter().map(|a| AgencyWanted {
        code: a.code.to_string(),
        aliases: a.aliases.iter().map(ToString::to_string).collect(),
        name: a.name.clone(),
        certificate: a.certificate.as_ref().and_then(digest),
    });
    JoinRequest {
        id: request.id.clone(),
        node: request.node.to_string(),
        title: request.join.title.clone(),
        kind: format!("{:?}", request.join.kind).to_lowercase(),
        agencies: agencies.collect(),
        came_at: request.at.rfc3339(),
        state: state.into(),
        decided_at: decided_at.map(lgsp_kernel::Millis::rfc3339),
        reason,
    }
}

fn view(member: &Member, standing: Standing) -> MemberView {
    let profile = &member.profile;
    let agencies = member.agencies.iter().map(|a| MemberAgencyView {
        code: a.code.to_string(),
        aliases: a.aliases.iter().map(ToString::to_string).collect(),
        name: a.name.to_string(),
        certificates: a.certificates.iter().map(|c| hex::encode(c.sha256())).collect(),
    });
    MemberView {
        name: member.name.to_string(),
        title: member.title.to_string(),
        kind: format!("{:?}", member.kind).to_lowercase(),
        standing: format!("{standing:?}").to_lowercase(),
        agencies: agencies.collect(),
        endpoints: profile.endpoints.iter().map(ToString::to_string).collect(),
        relays: profile.relays,
        log_keys: profile.logs.iter().map(|l| l.vkey.to_string()).collect(),
        witness: profile.witness.as_ref().map(|w| w.vkey.to_string()),
        systems: profile.systems.len(),
        services: profile.services.len(),
    }
}

fn versions(v: Versions) -> DirectoryVersions {
    DirectoryVersions { root: v.root, members: v.members, revocations: v.revocations, freshness: v.freshness }
}

/// What a running member knows of others, for the API.
pub(super) struct Known {
    pub federation: Arc<Federation>,
    pub shared: Weak<Shared>,
}

impl Neighbours for Known {
    fn directory(&self) -> Option<DirectoryView> {
        let (f, config) = (&self.federation, self.shared.upgrade()?.config.load_full());
        let (directory, now) = (f.directory.get()?, f.clock.now());
        let state = directory.state(now, &ages(&config));
        let freshness = match state.freshness {
            Freshness::Fresh => "fresh",
            Freshness::Late => "late",
            Freshness::StaleRevocations => "stale_revocations",
            Freshness::Stale => "stale",
        };
        Some(DirectoryView {
            hub: f.membership.hub.clone(),
            versions: versions(directory.versions()),
            confirmed_at: directory.confirmed_at().rfc3339(),
            age_ms: now.0.saturating_sub(directory.confirmed_at().0),
            freshness: freshness.into(),
            why: state.why,
            exchanges: state.freshness.allows_exchange(),
            lookups: state.freshness.allows_lookup(),
        })
    }

    fn members(&self) -> Option<Vec<MemberView>> {
        let directory = self.federation.directory.get()?;
        let all = directory.all_members().iter();
        Some(all.map(|m| view(m, directory.standing(m.name.as_str()))).collect())
    }

    fn forks(&self) -> Vec<ForkView> {
        self.federation.monitor.reports().into_iter().map(fork).collect()
    }

    fn logs(&self) -> Vec<FollowedLog> {
        let log = |l: lgsp_witness::monitor::WatchedLog| FollowedLog {
            origin: l.origin,
            size: l.head.size,
            root: l.head.root.base64(),
            first_at: l.first_at.rfc3339(),
            restored: l.restored,
            pending: l.pending,
        };
        self.federation.monitor.logs().into_iter().map(log).collect()
    }

    fn witness(&self) -> Doing<'_, WitnessView> {
        let cosigned = |l: lgsp_witness::WitnessedLog| CosignedLog {
            origin: l.origin,
            size: l.size,
            root: l.root,
            first_at: l.first_at.rfc3339(),
            at: l.at.rfc3339(),
            restored_from: l.restored_from,
        };
        let attested = self.federation.attested.clone();
        Box::pin(async move {
            let newest = tokio::task::spawn_blocking(move || {
                let checkpoint = Checkpoint::read_unchecked(&attested.newest()?).ok()?;
                let (note, tokens) = attested.of(&checkpoint);
                Some(attestation(&checkpoint, note, tokens.len()))
            });
            WitnessView {
                verifier: self.federation.witness.verifier(),
                cosigned: self.federation.witness.logs().into_iter().map(cosigned).collect(),
                own: newest.await.ok().flatten(),
            }
        })
    }
}

/// Signature lines follow an empty line; the first is the log's own.
fn attestation(checkpoint: &Checkpoint, note: String, timestamps: usize) -> OwnAttestation {
    let signatures = note.rsplit("\n\n").next().unwrap_or_default().lines();
    let name = |line: &str| line.strip_prefix("\u{2014} ")?.split(' ').next().map(str::to_owned);
    let witnesses = signatures.skip(1).filter_map(name).collect();
    OwnAttestation { size: checkpoint.size, witnesses, timestamps, note }
}

fn fork(report: Report) -> ForkView {
    let sighting = |s: SignedBy| SightingView {
        note: s.note,
        size: s.size,
        root: s.root,
        from: s.from,
        at: s.at.rfc3339(),
    };
    ForkView {
        kind: match report.kind {
            ReportKind::Fork => "fork".into(),
            ReportKind::Unproven => "unproven".into(),
        },
        origin: report.origin,
        why: report.why,
        since: report.since.rfc3339(),
        reported_at: report.reported_at.rfc3339(),
        resolved_at: report.resolved_at.map(lgsp_kernel::Millis::rfc3339),
        known: sighting(report.known),
        other: sighting(report.other),
        proof: report.proof,
    }
}
