//! Calls between nodes, as exchanges: `serve` takes the messages of other nodes in, `reply` gives them answers and refusals that this
//! node stands by, `relay` passes on what is for others, `call` sends a consumer's request to another node. Not here: the protocol
//! itself (`lgsp-peer`), what a call may do (the steps, which are the same for all callers).

mod call;
mod relay;
mod reply;
mod serve;

pub(crate) use call::call;
pub(crate) use reply::{give, refuse};
pub(crate) use serve::serve;

use crate::exchange::{By, Caller, Exchange, Why};
use lgsp_kernel::{AgencyCode, NodeName, Refusal, Step, SystemId, fault};
use lgsp_peer::ReplyTo;
use std::borrow::Cow;

/// The other node whose message an exchange is.
pub(crate) struct Member {
    pub node: NodeName,
    /// The consumer, as its node says.
    pub system: SystemId,
    /// `<node>/<system>`: how records name it.
    pub name: Box<str>,
    /// Its agency, as certified.
    pub agency: AgencyCode,
    /// What the answer refers to.
    pub reply: ReplyTo,
}

/// Whether this node could stand by an answer, where another node waits for one: asked before anything is forwarded.
pub(crate) fn speaks(x: &Exchange) -> Result<(), Refusal> {
    let (Some(member), Some(peers)) = (&x.member, x.gateway.peers()) else { return Ok(()) };
    let agency = &x.route().service.agency;
    peers.can_speak(agency, member.reply.mode).map_err(|why| {
        let detail = format!("This node has nothing to speak for {agency} with.");
        Refusal::new(&fault::NOT_RECORDED, detail).with_internal(why.detail)
    })
}

/// Finds the system that another node calls for: the node's statement stands in the place of a credential.
pub(crate) fn identify(x: &mut Exchange, member: &Member) -> Result<(), Refusal> {
    let Member { node, system, agency, name, .. } = member;
    let unknown = || {
        let detail = format!("The system {system} of the node {node} is not declared here.");
        Refusal::new(&fault::PEER_SYSTEM, detail)
    };
    let key = (node.clone(), system.clone());
    let here = x.snapshot.remotes.get(&key).and_then(|id| x.snapshot.systems.get(id)).ok_or_else(unknown)?;
    let certified = x.snapshot.agencies.get(agency).map_or(agency, |a| &a.code);
    if *certified != here.agency {
        let detail = format!(
            "The system {system} of the node {node} is one of {} here, not of {agency}.",
            here.agency
        );
        return Err(Refusal::new(&fault::PEER_AGENCY, detail));
    }
    if here.spec.suspended {
        let detail = format!("The system {} is suspended for now.", here.spec.id);
        return Err(Refusal::new(&fault::CREDENTIAL_REVOKED, detail));
    }
    let caller = Caller { system: here.clone(), by: By::Peer(name.clone()) };
    x.passed(Step::Identify, Why::Text(Cow::Owned(format!("statement of {name} for {agency}"))));
    x.caller = Some(caller);
    Ok(())
}
