//! The declared state: every spec as the store holds it, secrets sealed, in maps that share structure. Reading rows and
//! writing them lives here; what a row means for calls is `compile`'s.

use crate::resource::{Kind, Resource};
use lgsp_kernel::AgencyCode;
use lgsp_kernel::model::{AgencySpec, CredentialSpec, GrantSpec, ServiceSpec, SystemSpec, VersionSpec};
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

/// The declared things of one kind, by id.
pub(crate) type Shelf<T> = imbl::OrdMap<Arc<str>, Held<T>>;

/// A spec and the generation that wrote it.
#[derive(Debug)]
pub(crate) struct Held<T> {
    pub spec: Arc<T>,
    pub generation: i64,
}

impl<T> Clone for Held<T> {
    fn clone(&self) -> Self {
        Self { spec: self.spec.clone(), generation: self.generation }
    }
}

/// A row of the store, as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub kind: String,
    pub id: String,
    /// None: deleted.
    pub spec: Option<String>,
    pub generation: i64,
}

/// A row that cannot be read, kept so that it can be named, replaced or deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unreadable {
    pub text: String,
    pub why: String,
}

/// Everything that is declared, at one generation.
#[derive(Debug, Clone, Default)]
pub(crate) struct Declared {
    pub generation: i64,
    pub agencies: Shelf<AgencySpec>,
    pub systems: Shelf<SystemSpec>,
    pub credentials: Shelf<CredentialSpec>,
    pub services: Shelf<ServiceSpec>,
    pub grants: Shelf<GrantSpec>,
    pub unreadable: imbl::OrdMap<(Kind, Arc<str>), Unreadable>,
}

/// Which things a run of changes touched.
#[derive(Debug, Clone, Default)]
pub(crate) struct Touched {
    pub agencies: BTreeSet<Arc<str>>,
    pub systems: BTreeSet<Arc<str>>,
    pub credentials: BTreeSet<Arc<str>>,
    pub services: BTreeSet<Arc<str>>,
    pub grants: BTreeSet<Arc<str>>,
}

impl Touched {
    /// The touched things of one kind.
    pub fn of(&mut self, kind: Kind) -> &mut BTreeSet<Arc<str>> {
        match kind {
            Kind::Agency => &mut self.agencies,
            Kind::System => &mut self.systems,
            Kind::Credential => &mut self.credentials,
            Kind::Service => &mut self.services,
            Kind::Grant => &mut self.grants,
        }
    }

    /// Everything in a state: for a compilation from nothing.
    pub fn everything(state: &Declared) -> Self {
        Self {
            agencies: state.agencies.keys().cloned().collect(),
            systems: state.systems.keys().cloned().collect(),
            credentials: state.credentials.keys().cloned().collect(),
            services: state.services.keys().cloned().collect(),
            grants: state.grants.keys().cloned().collect(),
        }
    }
}

impl Declared {
    /// Takes rows over in their order and notes what they touch. Rows of kinds that this version does not know are a newer
    /// version's: they are left alone.
    pub fn take(&mut self, rows: impl IntoIterator<Item = Row>, touched: &mut Touched) {
        for row in rows {
            self.generation = self.generation.max(row.generation);
            let Ok(kind) = row.kind.parse::<Kind>() else {
                tracing::warn!(kind = row.kind, id = row.id, "a row of an unknown kind is left alone");
                continue;
            };
            let id: Arc<str> = row.id.as_str().into();
            touched.of(kind).insert(id.clone());
            self.unreadable.remove(&(kind, id.clone()));
            let read = match kind {
                Kind::Agency => self.take_one::<AgencySpec>(&id, &row),
                Kind::System => self.take_one::<SystemSpec>(&id, &row),
                Kind::Credential => self.take_one::<CredentialSpec>(&id, &row),
                Kind::Service => self.take_one::<ServiceSpec>(&id, &row),
                Kind::Grant => self.take_one::<GrantSpec>(&id, &row),
            };
            if let Err(why) = read {
                tracing::error!(%kind, id = row.id, why, "a declared item cannot be read and is kept out");
                self.unreadable.insert((kind, id), Unreadable { text: row.spec.unwrap_or_default(), why });
            }
        }
    }

    fn take_one<T: Resource>(&mut self, id: &Arc<str>, row: &Row) -> Result<(), String> {
        let shelf = T::shelf_mut(self);
        let Some(text) = &row.spec else {
            shelf.remove(id);
            return Ok(());
        };
        match serde_json::from_str::<T>(text) {
            Ok(spec) if spec.id() == &**id => {
                shelf.insert(id.clone(), Held { spec: Arc::new(spec), generation: row.generation });
                Ok(())
            }
            Ok(spec) => {
                shelf.remove(id);
                Err(format!("the row says it is {:?}", spec.id()))
            }
            Err(e) => {
                shelf.remove(id);
                // serde_json quotes values in its messages; a row may hold sealed texts, which help nobody in a log.
                Err(format!("not of the expected form (line {}, column {})", e.line(), e.column()))
            }
        }
    }

    /// The text of a thing as the store holds it.
    pub fn text(&self, kind: Kind, id: &str) -> Option<String> {
        fn of<T: Resource>(state: &Declared, id: &str) -> Option<String> {
            T::shelf(state).get(id).map(|held| to_text(&*held.spec))
        }
        match kind {
            Kind::Agency => of::<AgencySpec>(self, id),
            Kind::System => of::<SystemSpec>(self, id),
            Kind::Credential => of::<CredentialSpec>(self, id),
            Kind::Service => of::<ServiceSpec>(self, id),
            Kind::Grant => of::<GrantSpec>(self, id),
        }
        .or_else(|| self.unreadable.get(&(kind, Arc::from(id))).map(|u| u.text.clone()))
    }

    /// The ids of a kind, unreadable ones included.
    pub fn ids(&self, kind: Kind) -> Vec<Arc<str>> {
        let readable: Vec<Arc<str>> = match kind {
            Kind::Agency => self.agencies.keys().cloned().collect(),
            Kind::System => self.systems.keys().cloned().collect(),
            Kind::Credential => self.credentials.keys().cloned().collect(),
            Kind::Service => self.services.keys().cloned().collect(),
            Kind::Grant => self.grants.keys().cloned().collect(),
        };
        let unreadable = self.unreadable.keys().filter(|(k, _)| *k == kind).map(|(_, id)| id.clone());
        readable.into_iter().chain(unreadable).collect()
    }

    /// Takes a thing out.
    pub fn remove(&mut self, kind: Kind, id: &Arc<str>) {
        match kind {
            Kind::Agency => drop(self.agencies.remove(id)),
            Kind::System => drop(self.systems.remove(id)),
            Kind::Credential => drop(self.credentials.remove(id)),
            Kind::Service => drop(self.services.remove(id)),
            Kind::Grant => drop(self.grants.remove(id)),
        }
        self.unreadable.remove(&(kind, id.clone()));
    }

    /// The digests of all files that versions name.
    pub fn file_digests(&self) -> HashSet<String> {
        let versions = self.services.values().flat_map(|h| &h.spec.versions);
        versions.flat_map(VersionSpec::file_digests).map(str::to_owned).collect()
    }

    /// All rows, for the copy kept on disk.
    pub fn rows(&self) -> impl Iterator<Item = Row> + '_ {
        fn of<T: Resource>(state: &Declared) -> impl Iterator<Item = Row> + '_ {
            T::shelf(state).iter().map(|(id, held)| Row {
                kind: T::KIND.as_str().into(),
                id: id.to_string(),
                spec: Some(to_text(&*held.spec)),
                generation: held.generation,
            })
        }
        let unreadable = self.unreadable.iter().map(|((kind, id), u)| Row {
            kind: kind.as_str().into(),
            id: id.to_string(),
            spec: Some(u.text.clone()),
            generation: 0,
        });
        of::<AgencySpec>(self)
            .chain(of::<SystemSpec>(self))
            .chain(of::<CredentialSpec>(self))
            .chain(of::<ServiceSpec>(self))
            .chain(of::<GrantSpec>(self))
            .chain(unreadable)
    }

    /// The agency that has this code, by whichever of its codes.
    pub fn agency(&self, code: &AgencyCode) -> Option<&Arc<AgencySpec>> {
        if let Some(held) = self.agencies.get(code.as_str()) {
            return Some(&held.spec);
        }
        self.agencies.values().map(|h| &h.spec).find(|a| a.aliases.contains(code))
    }
}

/// The JSON text of a spec, the one form that is stored and audited.
pub(crate) fn to_text<T: serde::Serialize>(spec: &T) -> String {
    serde_json::to_string(spec).expect("specs have text keys only, so they always have a JSON form")
}
