//! The witness as HTTP sees it, whatever the server: method, path and body in, status and body out. Not here: sockets, TLS, rates.

use crate::request::{AddCheckpoint, BODY_MAX};
use crate::witness::{Witness, WitnessError};

/// The media type of the size that a conflict tells.
pub const SIZE_TYPE: &str = "text/x.tlog.size";
/// The path of the one request, under the submission prefix.
pub const ADD_CHECKPOINT: &str = "/add-checkpoint";
const TEXT: &str = "text/plain; charset=utf-8";

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// The media type of the body.
    pub content_type: &'static str,
    /// The body.
    pub body: String,
}

impl Response {
    fn text(status: u16, body: impl Into<String>) -> Self {
        Self { status, content_type: TEXT, body: body.into() }
    }
}

impl Witness {
    /// Answers a request; `path` is under the submission prefix. Waits for the disk. A server need not take more of a body than
    /// [`BODY_MAX`] and one byte.
    pub fn handle(&self, method: &str, path: &str, body: &[u8]) -> Response {
        match (method, path) {
            ("POST", ADD_CHECKPOINT) if body.len() > BODY_MAX => {
                Response::text(413, "the body is too long\n")
            }
            ("POST", ADD_CHECKPOINT) => self.answer(body),
            (_, ADD_CHECKPOINT) => Response::text(405, "add-checkpoint takes POST\n"),
            _ => Response::text(404, "there is nothing here\n"),
        }
    }

    fn answer(&self, body: &[u8]) -> Response {
        let request = match AddCheckpoint::parse(body) {
            Ok(request) => request,
            Err(why) => return Response::text(400, format!("{why}\n")),
        };
        match self.add_checkpoint(request.old, &request.proof, &request.note) {
            Ok(line) => Response::text(200, line),
            Err(WitnessError::Conflict { size } | WitnessError::Fork { size }) => {
                Response { status: 409, content_type: SIZE_TYPE, body: format!("{size}\n") }
            }
            Err(e) => {
                let status = match e {
                    WitnessError::Malformed(_) => 400,
                    WitnessError::Unsigned(_) => 403,
                    WitnessError::UnknownLog => 404,
                    WitnessError::Proof => 422,
                    _ => 500,
                };
                Response::text(status, format!("{e}\n"))
            }
        }
    }
}
