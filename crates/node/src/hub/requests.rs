//! Requests to join: a file each, named by the digest of the key that asks, until an operator has decided and ever after.

use crate::membership::files::write;
use crate::membership::letter::{Enrolment, JoinAsk};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lgsp_kernel::{AgencyCode, Millis, NodeName};
use lgsp_trust::Requested;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// A request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// SHA-256 of the node's key, hexadecimal.
    pub id: String,
    /// The name that is asked for.
    pub node: NodeName,
    /// When it came.
    pub at: Millis,
    /// What it says.
    pub join: JoinAsk,
    /// What became of it.
    pub state: RequestState,
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum RequestState {
    /// Nothing yet.
    Waiting,
    /// Refused.
    Rejected {
        /// Why.
        reason: String,
        /// When.
        at: Millis,
    },
    /// Taken.
    Approved {
        /// When.
        at: Millis,
        /// The node's certificate, PEM.
        node_certificate: String,
        /// The agencies' certificates, PEM, of those that the hub issued.
        agencies: Vec<(AgencyCode, String)>,
    },
}

/// Why a request is not taken.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// Not one that could ever be approved.
    #[error("{0}")]
    Unfit(String),
    /// Too many wait.
    #[error("{0} requests wait for a decision already: ask the hub's operator")]
    Full(usize),
    /// None of this name or id.
    #[error("no request of {0:?}")]
    Missing(String),
    /// Several of one name.
    #[error("{0} asked {1} times, with different keys: name the request by the beginning of its id")]
    Several(String, usize),
    /// The folder.
    #[error("the hub's folder of requests: {0}")]
    Io(#[from] std::io::Error),
}

/// All of them.
#[derive(Debug, Clone)]
pub struct Requests {
    folder: PathBuf,
    waiting_max: usize,
}

impl Requests {
    /// In this folder; so many may wait.
    pub fn at(folder: PathBuf, waiting_max: usize) -> Self {
        Self { folder, waiting_max }
    }

    /// Takes one, unless it is there. Whoever sends it holds the key; whether the name is right, a person decides.
    pub fn take(
        &self,
        node: &NodeName,
        join: JoinAsk,
        key: &[u8],
        now: Millis,
    ) -> Result<Request, RequestError> {
        check(&join, key)?;
        let id = crate::membership::ask::request_id(key);
        if let Some(known) = self.get(&id)? {
            return Ok(known);
        }
        let waiting = self.list()?.into_iter().filter(|r| r.state == RequestState::Waiting).count();
        if waiting >= self.waiting_max {
            return Err(RequestError::Full(waiting));
        }
        let request = Request { id, node: node.clone(), at: now, join, state: RequestState::Waiting };
        self.keep(&request)?;
        Ok(request)
    }

    /// One, by its whole id.
    pub fn get(&self, id: &str) -> Result<Option<Request>, RequestError> {
        // The id comes from the network: nothing but a digest may become a file name.
        if id.len() != 64 || !id.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
            return Ok(None);
        }
        match std::fs::read(self.folder.join(format!("{id}.json"))) {
            Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes).map_err(std::io::Error::other)?)),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e.into()),
        }
    }

    /// All, oldest first.
    pub fn list(&self) -> Result<Vec<Request>, RequestError> {
        let entries = match std::fs::read_dir(&self.folder) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other?,
        };
        let mut all = Vec::new();
        for entry in entries {
            let path = entry?.path();
            if path.extension().is_some_and(|e| e == "json") {
                all.push(
                    serde_json::from_slice::<Request>(&std::fs::read(&path)?)
                        .map_err(std::io::Error::other)?,
                );
            }
        }
        all.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
        Ok(all)
    }

    /// The one that an operator means: a node's name, or the beginning of an id.
    pub fn find(&self, meant: &str) -> Result<Request, RequestError> {
        let all = self.list()?;
        let by_id: Vec<_> = all.iter().filter(|r| meant.len() >= 8 && r.id.starts_with(meant)).collect();
        if let [one] = by_id.as_slice() {
            return Ok((*one).clone());
        }
        let named: Vec<_> = all.into_iter().filter(|r| r.node.as_str() == meant).collect();
        let waiting: Vec<_> = named.iter().filter(|r| r.state == RequestState::Waiting).collect();
        match (waiting.as_slice(), named.as_slice()) {
            ([one], _) => Ok((*one).clone()),
            ([], [.., last]) => Ok(last.clone()),
            ([], []) => Err(RequestError::Missing(meant.into())),
            (several, _) => Err(RequestError::Several(meant.into(), several.len())),
        }
    }

    /// Keeps what became of one.
    pub fn keep(&self, request: &Request) -> Result<(), RequestError> {
        let text = serde_json::to_vec_pretty(request).map_err(std::io::Error::other)?;
        Ok(write(&self.folder.join(format!("{}.json", request.id)), &text)?)
    }
}

impl Request {
    /// What the applicant is told.
    pub fn answer(&self) -> Enrolment {
        match &self.state {
            RequestState::Waiting => Enrolment::Waiting { key_sha256: self.id.clone() },
            RequestState::Rejected { reason, .. } => Enrolment::Rejected { reason: reason.clone() },
            RequestState::Approved { node_certificate, agencies, .. } => Enrolment::Approved {
                node_certificate: Some(node_certificate.clone()),
                agencies: agencies.clone(),
            },
        }
    }
}

fn check(join: &JoinAsk, key: &[u8]) -> Result<(), RequestError> {
    let unfit = |why: String| RequestError::Unfit(why);
    let read = |text: &str, what: &str| {
        let der = STANDARD.decode(text).map_err(|e| unfit(format!("{what}: {e}")))?;
        Requested::read(&der).map_err(|e| unfit(format!("{what}: {e}")))
    };
    if read(&join.request, "the node's signing request")?.public_key_der != key {
        return Err(unfit("the letter is not signed by the key that it asks a certificate for".into()));
    }
    if join.title.len() > 512 || join.agencies.is_empty() {
        return Err(unfit("a node joins with a title of at most 512 bytes, for at least one agency".into()));
    }
    for agency in &join.agencies {
        let what = format!("agency {}", agency.code);
        match (&agency.request, &agency.certificate) {
            (Some(request), None) => drop(read(request, &what)?),
            (None, Some(certificate)) => {
                let der = STANDARD.decode(certificate).map_err(|e| unfit(format!("{what}: {e}")))?;
                let read = x509_parser::parse_x509_certificate(&der);
                read.map_err(|e| unfit(format!("{what}: its certificate: {e}")))?;
            }
            _ => return Err(unfit(format!("{what}: either a signing request or a certificate"))),
        }
    }
    Ok(())
}
