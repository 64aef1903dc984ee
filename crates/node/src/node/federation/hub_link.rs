//! How a node's letters reach the hub: over HTTP, or straight to the desk if this node is the hub. Either way they are read and checked
//! by the same code.

use crate::hub::HubDesk;
use crate::hub::letters::Received;
use crate::membership::ask::Hub;
use crate::membership::http::Http;
use crate::membership::letter::{Ask, Enrolment, Letter};
use lgsp_kernel::{Clock, NodeName};
use lgsp_trust::Signer;
use std::sync::Arc;

/// The way.
pub(crate) enum HubLink {
    /// To another node.
    Far(Hub),
    /// Within this one.
    Here { desk: Arc<HubDesk>, node: NodeName, signer: Arc<dyn Signer>, clock: Clock },
}

impl HubLink {
    pub(super) fn new(
        desk: Option<Arc<HubDesk>>,
        http: &Http,
        url: &str,
        node: NodeName,
        signer: Arc<dyn Signer>,
        clock: Clock,
    ) -> Self {
        match desk {
            Some(desk) => Self::Here { desk, node, signer, clock },
            None => Self::Far(Hub::new(http.clone(), url, node, signer, clock)),
        }
    }

    /// Sends a letter.
    pub(super) async fn send(&self, ask: Ask) -> Result<Enrolment, String> {
        let (desk, letter, signer) = match self {
            Self::Far(hub) => return hub.send(ask).await,
            Self::Here { desk, node, signer, clock } => {
                (desk.clone(), Letter::new(node.clone(), clock.now(), ask), signer.clone())
            }
        };
        let taking = tokio::task::spawn_blocking(move || {
            let sealed = letter.seal(&*signer).map_err(|e| e.to_string())?;
            match desk.receive(&sealed).map_err(|e| e.to_string())? {
                Received::Answer(answer) => Ok(answer),
                Received::Seen(..) => Ok(Enrolment::Taken),
            }
        });
        taking.await.map_err(|e| e.to_string())?
    }
}
