//! The one shape of all errors of this API (RFC 9457): what is wrong, what to do, and the request's id. Internals go to the process's
//! log under the same id. Handlers return an [`ApiProblem`]; `middleware` writes it, since only it knows the id.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use lgsp_registry::{EditError, Problem};
use lgsp_store::StoreError;
use serde::Serialize;
use utoipa::ToSchema;

/// Why a request was not carried out.
#[derive(Debug, Clone)]
pub struct ApiProblem(Box<Facts>);

/// What is known of it. Boxed, since it travels through many results that are good as a rule.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    pub status: StatusCode,
    /// Stable and machine-readable; the problem's `type` is `urn:lgsp:problem:admin.` and this.
    pub code: &'static str,
    pub title: &'static str,
    pub detail: String,
    pub remedy: &'static str,
    /// What is wrong with a declaration, line by line.
    pub problems: Vec<Problem>,
    /// Seconds after which trying again makes sense.
    pub retry_after: Option<u32>,
    /// For the process's log only.
    pub internal: Option<String>,
}

/// A problem as it is sent.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProblemDocument {
    /// `urn:lgsp:problem:admin.<code>`.
    #[serde(rename = "type")]
    kind: String,
    /// What happened, in a few words.
    title: String,
    /// The HTTP status, once more.
    status: u16,
    /// What happened, in particular.
    #[serde(skip_serializing_if = "String::is_empty")]
    detail: String,
    /// What to do.
    remedy: String,
    /// The request's id: the process's log has more under it.
    request: String,
    /// What is wrong with a declaration, by line and field.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<Problem>,
}

impl ApiProblem {
    fn new(status: StatusCode, code: &'static str, title: &'static str, remedy: &'static str) -> Self {
        Self(Box::new(Facts {
            status,
            code,
            title,
            detail: String::new(),
            remedy,
            problems: Vec::new(),
            retry_after: None,
            internal: None,
        }))
    }
    fn detail(mut self, detail: impl Into<String>) -> Self {
        self.0.detail = detail.into();
        self
    }
    fn internal(mut self, error: impl std::fmt::Display) -> Self {
        self.0.internal = Some(error.to_string());
        self
    }

    /// No good token.
    pub fn unauthorized(detail: &str) -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "unauthorized",
            "An administration token is needed",
            "Send Authorization: Bearer <token> with a token from lgsp token create.",
        )
        .detail(detail)
    }
    /// A good token that may not do this.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "forbidden",
            "The token's role does not allow this",
            "Use a token with a role that does.",
        )
        .detail(detail)
    }
    /// There is no such thing.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "not_found",
            "There is no such thing",
            "Check the id in the address.",
        )
        .detail(detail)
    }
    /// What is asked of is a hub's, and this node is none.
    pub fn no_hub() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "no_hub",
            "This node is no hub",
            "Send this to the hub; `lgsp hub init` and a restart make this node one.",
        )
    }
    /// What is asked of is a member's, and this node was none when it started.
    pub fn no_member() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "no_member",
            "This node is no member of any directory",
            "`lgsp node join` makes it one once the hub has approved it; then restart the node.",
        )
    }
    /// This node is a member that has not seen the directory yet.
    pub fn no_directory() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "no_directory",
            "No directory was fetched yet",
            "See whether the hub is reached: the process's log says what following the directory fails at.",
        )
    }
    /// A parameter, header or body is wrong.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "bad_request",
            "The request is wrong",
            "Correct what the detail names; /openapi.json describes every request.",
        )
        .detail(detail)
    }
    /// `If-Match` or `If-None-Match` does not hold.
    pub fn precondition(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::PRECONDITION_FAILED,
            "precondition",
            "Somebody changed it meanwhile",
            "Read it again, decide anew, and send the new ETag.",
        )
        .detail(detail)
    }
    /// It exists already, or others came first again and again.
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::CONFLICT,
            "conflict",
            "This conflicts with what is there",
            "Read it again and decide anew.",
        )
        .detail(detail)
    }
    /// A declaration breaks rules.
    pub fn declaration(problems: Vec<Problem>) -> Self {
        let mut problem = Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "declaration",
            "The declaration is wrong; nothing was changed",
            "Correct what the list of problems names, by line and field.",
        );
        problem.0.detail = match problems.as_slice() {
            [one] => one.to_string(),
            many => format!("{} problems", many.len()),
        };
        problem.0.problems = problems;
        problem
    }
    /// It took too long.
    pub fn timeout() -> Self {
        Self::new(
            StatusCode::GATEWAY_TIMEOUT,
            "timeout",
            "This took too long",
            "A change may or may not have been made: read before trying again.",
        )
    }
    /// Something this request needs is away.
    pub fn unavailable(error: impl std::fmt::Display) -> Self {
        let mut problem = Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            "The store is away",
            "Calls go on from memory; try this again in a moment.",
        );
        problem.0.retry_after = Some(5);
        problem.internal(error)
    }
    /// A defect of ours.
    pub fn defect(error: impl std::fmt::Display) -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "Something went wrong inside",
            "Look in the process's log for the request's id.",
        )
        .internal(error)
    }
    /// What axum itself refused.
    pub fn of_status(status: StatusCode, detail: String) -> Self {
        let (code, title) = match status {
            StatusCode::NOT_FOUND => ("not_found", "There is no such address"),
            StatusCode::METHOD_NOT_ALLOWED => ("method", "The address does not take this method"),
            StatusCode::PAYLOAD_TOO_LARGE => ("too_large", "The body is too large"),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => ("media_type", "The body has the wrong content type"),
            StatusCode::UNPROCESSABLE_ENTITY => ("body", "The body has the wrong form"),
            _ if status.is_server_error() => ("internal", "Something went wrong inside"),
            _ => ("bad_request", "The request is wrong"),
        };
        let remedy = "Compare the request with /openapi.json.";
        let problem = Self::new(status, code, title, remedy);
        if status.is_server_error() { problem.internal(detail) } else { problem.detail(detail) }
    }

    pub(crate) fn facts(&self) -> &Facts {
        &self.0
    }
    pub(crate) fn document(&self, request: &str) -> ProblemDocument {
        ProblemDocument {
            kind: format!("urn:lgsp:problem:admin.{}", self.0.code),
            title: self.0.title.into(),
            status: self.0.status.as_u16(),
            detail: self.0.detail.clone(),
            remedy: self.0.remedy.into(),
            request: request.into(),
            problems: self.0.problems.clone(),
        }
    }
}

impl From<StoreError> for ApiProblem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) => Self::unavailable(error),
            StoreError::Conflict(what) => Self::conflict(what),
            other => Self::defect(other),
        }
    }
}

impl From<EditError> for ApiProblem {
    fn from(error: EditError) -> Self {
        match error {
            EditError::Problems(problems) => Self::declaration(problems),
            EditError::NotFound { .. } => Self::not_found(error.to_string()),
            EditError::Conflict { .. } => Self::conflict(error.to_string()),
            EditError::Store(error) => error.into(),
            EditError::Away | EditError::Stopped => Self::unavailable(error),
        }
    }
}

impl IntoResponse for ApiProblem {
    fn into_response(self) -> Response {
        let mut response = self.0.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}
