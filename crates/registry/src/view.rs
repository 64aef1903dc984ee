//! Looking at what is declared. Secrets show only their sealed form; digests of consumers' secrets are left out, and leaving them out
//! of what is put back keeps them.

use crate::registry::Registry;
use crate::resource::{Kind, Resource};
use crate::state::Declared;
use lgsp_kernel::AgencyCode;
use lgsp_kernel::model::{AgencySpec, CredentialSpec, GrantSpec, Manifest, ServiceSpec, SystemSpec};
use serde::Serialize;
use std::ops::Bound;
use std::sync::Arc;
use utoipa::ToSchema;

/// The most items of one page.
pub const LIST_MAX: usize = 1_000;

/// A declared item.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Item {
    /// Its kind.
    pub kind: Kind,
    /// Its id.
    pub id: String,
    /// The generation that wrote it.
    pub generation: i64,
    /// As declared, secrets sealed.
    #[schema(value_type = Object)]
    pub spec: serde_json::Value,
}

/// An item that is declared but cannot be used, such as one whose secret was sealed under another master key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct KeptOutItem {
    /// Its kind.
    pub kind: Kind,
    /// Its id.
    pub id: String,
    /// Why.
    pub why: String,
}

/// How many of each kind there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Counts {
    /// Agencies.
    pub agencies: usize,
    /// Systems.
    pub systems: usize,
    /// Credentials.
    pub credentials: usize,
    /// Services.
    pub services: usize,
    /// Grants.
    pub grants: usize,
    /// Items that cannot be used.
    pub kept_out: usize,
}

impl Registry {
    /// One item. An agency may be named by any of its codes.
    pub fn get(&self, kind: Kind, id: &str) -> Option<Item> {
        let state = self.state();
        let id: Arc<str> = match (kind, id.parse::<AgencyCode>()) {
            (Kind::Agency, Ok(code)) => state.declared.agency(&code)?.code.as_str().into(),
            _ => id.into(),
        };
        page(&state.declared, kind, Bound::Included(id.clone()), 1, None).into_iter().find(|i| *i.id == *id)
    }

    /// Items of a kind in the order of their ids, at most [`LIST_MAX`]: those after an id, or from the first.
    pub fn list(&self, kind: Kind, after: Option<&str>, limit: usize) -> Vec<Item> {
        self.list_where(kind, after, limit, None)
    }

    /// As [`Registry::list`], of those whose id or title holds a text, in any case of letters.
    pub fn list_where(
        &self,
        kind: Kind,
        after: Option<&str>,
        limit: usize,
        holding: Option<&str>,
    ) -> Vec<Item> {
        let from = after.map_or(Bound::Unbounded, |id| Bound::Excluded(Arc::from(id)));
        page(&self.state().declared, kind, from, limit.min(LIST_MAX), holding)
    }

    /// How many there are.
    pub fn counts(&self) -> Counts {
        let state = self.state();
        let d = &state.declared;
        Counts {
            agencies: d.agencies.len(),
            systems: d.systems.len(),
            credentials: d.credentials.len(),
            services: d.services.len(),
            grants: d.grants.len(),
            kept_out: state.compiled.kept_out.len() + d.unreadable.len(),
        }
    }

    /// What is declared but cannot be used, and why.
    pub fn kept_out(&self) -> Vec<KeptOutItem> {
        let state = self.state();
        let compiled = state.compiled.kept_out.iter();
        let unreadable = state.declared.unreadable.iter().map(|(key, u)| (key, &u.why));
        compiled
            .chain(unreadable)
            .map(|((kind, id), why)| KeptOutItem { kind: *kind, id: id.to_string(), why: why.clone() })
            .collect()
    }

    /// The agency that has this code, by whichever of its codes.
    pub fn resolve_agency(&self, code: &AgencyCode) -> Option<Arc<AgencySpec>> {
        self.state().compiled.snapshot.agencies.get(code).cloned()
    }

    /// Everything as one manifest, which can be applied again under the same master key: secrets sealed or as digests.
    pub fn export(&self) -> Manifest {
        fn all<T: Resource>(state: &Declared) -> Vec<T> {
            T::shelf(state).values().map(|h| (*h.spec).clone()).collect()
        }
        let state = self.state();
        let d = &state.declared;
        Manifest { agencies: all(d), systems: all(d), credentials: all(d), services: all(d), grants: all(d) }
    }
}

fn page(
    state: &Declared,
    kind: Kind,
    from: Bound<Arc<str>>,
    limit: usize,
    holding: Option<&str>,
) -> Vec<Item> {
    fn of<T: Resource>(
        state: &Declared,
        from: Bound<Arc<str>>,
        limit: usize,
        holding: Option<&str>,
    ) -> Vec<Item> {
        let wanted = holding.map(str::to_lowercase);
        T::shelf(state)
            .range((from, Bound::Unbounded))
            .map(|(id, held)| Item {
                kind: T::KIND,
                id: id.to_string(),
                generation: held.generation,
                spec: redacted(&*held.spec),
            })
            .filter(|item| wanted.as_deref().is_none_or(|w| holds(item, w)))
            .take(limit)
            .collect()
    }
    match kind {
        Kind::Agency => of::<AgencySpec>(state, from, limit, holding),
        Kind::System => of::<SystemSpec>(state, from, limit, holding),
        Kind::Credential => of::<CredentialSpec>(state, from, limit, holding),
        Kind::Service => of::<ServiceSpec>(state, from, limit, holding),
        Kind::Grant => of::<GrantSpec>(state, from, limit, holding),
    }
}

fn holds(item: &Item, wanted: &str) -> bool {
    let texts = ["name", "title"].into_iter().filter_map(|f| item.spec.get(f)?.as_str());
    std::iter::once(item.id.as_str()).chain(texts).any(|t| t.to_lowercase().contains(wanted))
}

fn redacted<T: Resource>(spec: &T) -> serde_json::Value {
    let mut value = serde_json::to_value(spec).unwrap_or_default();
    if T::KIND == Kind::Credential
        && let Some(map) = value.as_object_mut()
    {
        map.remove("digest");
    }
    value
}
