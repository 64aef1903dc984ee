//! Changes on condition: `If-Match` with what was read, or `If-None-Match: *` for what must not exist yet.

use crate::problem::ApiProblem;
use http::header::{HeaderMap, HeaderName, IF_MATCH, IF_NONE_MATCH};
use lgsp_kernel::OpContext;
use lgsp_registry::{Applied, EditError, Item, Kind, PlanOptions, Registry};

/// How often a conditional change is planned anew when others change other things meanwhile.
const TRIES: usize = 5;

/// What a change is conditional on (RFC 9110, section 13.1).
pub(crate) enum Expected {
    Any,
    /// `If-Match`: these entity tags; `*` is any that exists.
    Tags(Vec<String>),
    /// `If-None-Match: *`: it does not exist.
    Absent,
}

impl Expected {
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, ApiProblem> {
        let text = |name: HeaderName| headers.get(name).map(|v| v.to_str().unwrap_or_default().to_owned());
        match (text(IF_MATCH), text(IF_NONE_MATCH).as_deref().map(str::trim)) {
            (None, None) => Ok(Self::Any),
            (Some(tags), None) => Ok(Self::Tags(tags.split(',').map(|t| t.trim().to_owned()).collect())),
            (None, Some("*")) => Ok(Self::Absent),
            _ => Err(ApiProblem::bad_request("Send either If-Match with an ETag, or If-None-Match: *.")),
        }
    }

    fn check(&self, now: Option<&Item>) -> Result<(), ApiProblem> {
        let tag = now.map(|item| format!("\"{}\"", item.generation));
        let holds = match (self, &tag) {
            (Self::Any, _) | (Self::Absent, None) => true,
            (Self::Tags(tags), Some(tag)) => tags.iter().any(|t| t == tag || t == "*"),
            (Self::Tags(_), None) | (Self::Absent, Some(_)) => false,
        };
        if holds {
            return Ok(());
        }
        Err(ApiProblem::precondition(match tag {
            Some(tag) => format!("Its ETag is {tag} now."),
            None => "It does not exist.".into(),
        }))
    }
}

/// The condition is checked after planning and before committing: a commit succeeds only at the generation of its plan, so whoever changes
/// the item in between is noticed by one or the other.
pub(crate) async fn put_if(
    registry: &Registry,
    kind: Kind,
    id: &str,
    expected: &Expected,
    spec: serde_json::Value,
    ctx: &OpContext,
) -> Result<Applied, ApiProblem> {
    let desired = lgsp_registry::manifest::from_json(kind, id, spec).map_err(ApiProblem::declaration)?;
    for _ in 0..TRIES {
        registry.refresh().await?;
        let plan = registry.plan(&desired, PlanOptions::default()).await.map_err(ApiProblem::declaration)?;
        expected.check(registry.get(kind, id).as_ref())?;
        match registry.commit(plan.clone(), ctx).await {
            Err(EditError::Conflict { .. }) => {}
            done => return Ok(Applied { generation: done?, plan }),
        }
    }
    Err(ApiProblem::conflict("Others change the registry too often at the moment."))
}
