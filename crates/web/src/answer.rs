//! Shapes of answers that several handlers share.

use lgsp_registry::{Change, Item, Plan};
use serde::Serialize;
use utoipa::ToSchema;

/// A page of items.
#[derive(Debug, Serialize, ToSchema)]
pub struct ItemPage {
    /// The items, in the order of their ids.
    pub items: Vec<Item>,
    /// What to send as `after` for the next page; none: this is the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// What a change came to.
#[derive(Debug, Serialize, ToSchema)]
pub struct Changed {
    /// The generation of the registry that has the change.
    pub generation: i64,
    /// What changed; empty where everything was so already.
    pub changes: Vec<Change>,
}

impl Changed {
    pub(crate) fn new(generation: i64, plan: Plan) -> Self {
        Self { generation, changes: plan.changes }
    }
}
