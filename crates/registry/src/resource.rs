//! The five kinds of things that are declared, and what the registry needs to know of each alike: its kind, its id, its
//! place in a manifest and in the declared state.

use crate::state::{Declared, Shelf};
use lgsp_kernel::model::{AgencySpec, CredentialSpec, GrantSpec, Manifest, ServiceSpec, SystemSpec};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt;
use std::str::FromStr;
use utoipa::ToSchema;

/// A kind of declared thing. The order is that of dependence: what a later kind refers to is of an earlier one.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, serde::Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// An agency, known by its code.
    Agency,
    /// A system of an agency.
    System,
    /// A credential of a system.
    Credential,
    /// A service of a system.
    Service,
    /// A grant.
    Grant,
}

impl Kind {
    /// All kinds, those that others refer to first.
    pub const ALL: [Self; 5] = [Self::Agency, Self::System, Self::Credential, Self::Service, Self::Grant];

    /// The name of one: `agency`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Agency => "agency",
            Self::System => "system",
            Self::Credential => "credential",
            Self::Service => "service",
            Self::Grant => "grant",
        }
    }
    /// The name of many, as in a manifest: `agencies`.
    pub fn plural(self) -> &'static str {
        match self {
            Self::Agency => "agencies",
            Self::System => "systems",
            Self::Credential => "credentials",
            Self::Service => "services",
            Self::Grant => "grants",
        }
    }
    /// The field that holds the id: `code` for agencies.
    pub fn id_field(self) -> &'static str {
        if self == Self::Agency { "code" } else { "id" }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a text names no kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no kind of declared thing: use agency, system, credential, service or grant")]
pub struct KindError(String);

impl FromStr for Kind {
    type Err = KindError;
    fn from_str(s: &str) -> Result<Self, KindError> {
        Self::ALL
            .into_iter()
            .find(|k| k.as_str() == s || k.plural() == s)
            .ok_or_else(|| KindError(s.chars().take(40).collect()))
    }
}

/// What the five declared types have in common.
pub(crate) trait Resource:
    Clone + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static
{
    const KIND: Kind;
    fn id(&self) -> &str;
    fn shelf(state: &Declared) -> &Shelf<Self>;
    fn shelf_mut(state: &mut Declared) -> &mut Shelf<Self>;
    fn listed(manifest: &Manifest) -> &[Self];
    fn listed_mut(manifest: &mut Manifest) -> &mut Vec<Self>;
}

macro_rules! resources {
    ($($spec:ident $kind:ident $list:ident $id:ident;)*) => {$(
        impl Resource for $spec {
            const KIND: Kind = Kind::$kind;
            fn id(&self) -> &str { self.$id.as_str() }
            fn shelf(state: &Declared) -> &Shelf<Self> { &state.$list }
            fn shelf_mut(state: &mut Declared) -> &mut Shelf<Self> { &mut state.$list }
            fn listed(manifest: &Manifest) -> &[Self] { &manifest.$list }
            fn listed_mut(manifest: &mut Manifest) -> &mut Vec<Self> { &mut manifest.$list }
        }
    )*};
}

resources! {
    AgencySpec Agency agencies code;
    SystemSpec System systems id;
    CredentialSpec Credential credentials id;
    ServiceSpec Service services id;
    GrantSpec Grant grants id;
}
