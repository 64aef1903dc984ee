//! Changing what is declared: whole declarations and single edits, all by way of a plan, a commit at the generation that the plan was
//! made at, and a refresh. Where somebody else was first, the plan is made anew.

use crate::contracts::publish::ContractDiff;
use crate::manifest::{Sourced, from_json, nowhere};
use crate::plan::{self, Plan, PlanOptions};
use crate::problem::Problem;
use crate::registry::{Registry, State};
use crate::resource::Kind;
use lgsp_kernel::model::{CredentialKind, CredentialSpec, Lifecycle, Manifest, SecretInput};
use lgsp_kernel::{AgencyCode, CredentialId, OpContext, Secret, SystemId};
use lgsp_store::{Commit, CommitError, ContractFilesRow, ResourceChange, StoreError};
use std::fmt;

/// How often an edit is planned when others keep coming first.
const TRIES: usize = 5;
/// Random bytes of a secret that the platform makes.
const SECRET_BYTES: usize = 32;

/// What a change came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// The generation it made; where nothing changed, the present one.
    pub generation: i64,
    /// What changed.
    pub plan: Plan,
}

/// A credential made by the platform.
#[derive(Debug)]
pub struct Issued {
    /// Its id; for `client` the `client_id`.
    pub id: CredentialId,
    /// Its secret, shown this once: only its digest is kept.
    pub secret: Secret,
    /// The generation it made.
    pub generation: i64,
}

/// Why a change was not made. Nothing was written, except where a store went away within a commit: then the generation tells.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// The declaration is wrong.
    #[error("{}", Listed(.0))]
    Problems(Vec<Problem>),
    /// There is no such thing.
    #[error("there is no {kind} {id:?}")]
    NotFound {
        /// Its kind.
        kind: Kind,
        /// Its id.
        id: String,
    },
    /// Others changed the registry meanwhile: look again.
    #[error("the registry was changed meanwhile: it stands at generation {current}")]
    Conflict {
        /// The generation that it stands at.
        current: i64,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The node started without its store, which has not come back.
    #[error("the store is away: decisions go on from the copy on disk, changes have to wait")]
    Away,
    /// The node is stopping.
    #[error("the node is stopping")]
    Stopped,
}

struct Listed<'a>(&'a [Problem]);
impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, p) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{p}")?;
        }
        Ok(())
    }
}

/// What an edit wants, made from the state as it is.
type Wanted = (Sourced<Manifest>, Vec<(Kind, String)>);

impl Registry {
    /// What a declaration would change: of the store's present state, or of the last known one where the store is away.
    pub async fn plan(
        &self,
        desired: &Sourced<Manifest>,
        options: PlanOptions,
    ) -> Result<Plan, Vec<Problem>> {
        if let Err(e) = self.refresh().await {
            tracing::warn!(error = %e, "planned on the last known state");
        }
        match self.plan_aside(desired.clone(), options, Vec::new()).await {
            Err(EditError::Problems(problems)) => Err(problems),
            Ok(plan) => Ok(plan),
            Err(other) => Err(vec![nowhere("", "", other.to_string())]),
        }
    }

    /// A large declaration takes seconds to plan: not on a thread that carries calls.
    async fn plan_aside(
        &self,
        desired: Sourced<Manifest>,
        options: PlanOptions,
        deletions: Vec<(Kind, String)>,
    ) -> Result<Plan, EditError> {
        if let Ok(store) = self.store() {
            self.fetch(&store, desired.value.services.iter().flat_map(|s| &s.versions)).await?;
        }
        let registry = self.clone();
        tokio::task::spawn_blocking(move || {
            let (state, vault, shop) = (registry.state(), registry.vault(), registry.shop());
            plan::plan(&state.declared, vault, shop, &desired, options, &deletions)
        })
        .await
        .map_err(|_| EditError::Stopped)?
        .map_err(EditError::Problems)
    }

    /// Writes a plan, if the registry still stands where it was made.
    pub async fn commit(&self, plan: Plan, ctx: &OpContext) -> Result<i64, EditError> {
        self.write(plan, ctx).await.map(|done| done.generation)
    }

    /// Plans and writes a declaration.
    pub async fn apply(
        &self,
        desired: &Sourced<Manifest>,
        options: PlanOptions,
        ctx: &OpContext,
    ) -> Result<Applied, EditError> {
        self.edit(options, ctx, |_| Ok((desired.clone(), Vec::new()))).await
    }

    /// Makes or replaces one item by its JSON form. Its secrets are given by `value`; a credential without one keeps its own.
    pub async fn put(
        &self,
        kind: Kind,
        id: &str,
        item: serde_json::Value,
        ctx: &OpContext,
    ) -> Result<Applied, EditError> {
        let desired = from_json(kind, id, item).map_err(EditError::Problems)?;
        self.edit(PlanOptions::default(), ctx, |_| Ok((desired.clone(), Vec::new()))).await
    }

    /// Deletes one item, if nothing refers to it. An agency may be named by any of its codes.
    pub async fn delete(&self, kind: Kind, id: &str, ctx: &OpContext) -> Result<Applied, EditError> {
        self.edit(PlanOptions::default(), ctx, |state| {
            let id = canonical(state, kind, id)?;
            Ok((Sourced::from_manifest(Manifest::default()), vec![(kind, id)]))
        })
        .await
    }

    /// Moves a version along its life.
    pub async fn promote(
        &self,
        service: &str,
        version: &str,
        lifecycle: Lifecycle,
        ctx: &OpContext,
    ) -> Result<Applied, EditError> {
        self.edit(PlanOptions::default(), ctx, |state| {
            let none = |what: String| EditError::NotFound { kind: Kind::Service, id: what };
            let held = state.declared.services.get(service).ok_or_else(|| none(service.to_owned()))?;
            let mut spec = (*held.spec).clone();
            let version = spec
                .versions
                .iter_mut()
                .find(|v| v.version.as_str() == version)
                .ok_or_else(|| none(format!("{service}/{version}")))?;
            version.lifecycle = lifecycle;
            if matches!(lifecycle, Lifecycle::Draft | Lifecycle::Published) {
                version.sunset = None;
            }
            let manifest = Manifest { services: vec![spec], ..Manifest::default() };
            Ok((Sourced::from_manifest(manifest), Vec::new()))
        })
        .await
    }

    /// Makes a client or API key credential with a random secret, which is returned this once. Naming an existing credential of the
    /// same system and kind gives that one a new secret.
    pub async fn issue_credential(
        &self,
        system: &SystemId,
        kind: CredentialKind,
        id: Option<CredentialId>,
        ctx: &OpContext,
    ) -> Result<Issued, EditError> {
        let id = match id {
            Some(id) => id,
            None => fresh_id(system)?,
        };
        let secret = fresh_secret()?;
        let text = secret.expose_str().unwrap_or_default();
        let done = self
            .edit(PlanOptions::default(), ctx, |state| {
                if kind == CredentialKind::Certificate {
                    return Err(one_problem("kind", "the platform makes client and api_key credentials; a certificate is declared by its fingerprint"));
                }
                let mut spec = match state.declared.credentials.get(id.as_str()) {
                    Some(held) if held.spec.kind == kind && held.spec.system == *system => (*held.spec).clone(),
                    Some(_) => {
                        return Err(one_problem("id", &format!("credential {:?} is of another system or kind", id.as_str())));
                    }
                    None => blank(id.clone(), system.clone(), kind),
                };
                spec.digest = None;
                spec.secret = Some(SecretInput { value: Some(text.to_owned()), ..SecretInput::default() });
                let manifest = Manifest { credentials: vec![spec], ..Manifest::default() };
                Ok((Sourced::from_manifest(manifest), Vec::new()))
            })
            .await?;
        Ok(Issued { id, secret, generation: done.generation })
    }

    async fn edit(
        &self,
        options: PlanOptions,
        ctx: &OpContext,
        wanted: impl Fn(&State) -> Result<Wanted, EditError>,
    ) -> Result<Applied, EditError> {
        let mut tries = 0;
        loop {
            self.refresh().await?;
            let (desired, deletions) = wanted(&self.state())?;
            let plan = self.plan_aside(desired, options, deletions).await?;
            tries += 1;
            match self.write(plan, ctx).await {
                Err(EditError::Conflict { .. }) if tries < TRIES => {}
                done => return done,
            }
        }
    }

    async fn write(&self, mut plan: Plan, ctx: &OpContext) -> Result<Applied, EditError> {
        if plan.is_empty() {
            return Ok(Applied { generation: plan.base, plan });
        }
        let store = self.store()?;
        let changes = plan
            .changes
            .iter_mut()
            .map(|c| ResourceChange {
                kind: c.kind.as_str().to_owned(),
                id: c.id.clone(),
                before: c.before.take(),
                after: c.after.take(),
            })
            .collect();
        let commit = Commit {
            expected_generation: plan.base,
            at: ctx.at,
            changes,
            actor: ctx.actor.clone(),
            reason: reason(ctx, &plan),
        };
        let rows = plan.files.iter().map(|(digest, files)| {
            let files = crate::contracts::bundle::to_text(files);
            ContractFilesRow { digest: digest.clone(), files }
        });
        let rows: Vec<_> = rows.collect();
        let generation = store.commit_with(commit, &rows).await.map_err(|e| match e {
            CommitError::Conflict { current } => EditError::Conflict { current },
            CommitError::Store(e) => EditError::Store(e),
        })?;
        // Written is written: a refresh that fails now is made up by the next one.
        if let Err(e) = self.refresh().await {
            tracing::warn!(error = %e, "committed, but not yet taken over");
        }
        Ok(Applied { generation, plan })
    }
}

/// Why, for the trail: with the breaking changes of contracts that were accepted.
fn reason(ctx: &OpContext, plan: &Plan) -> Option<String> {
    let breaking = plan.contracts.iter().filter(|d| d.against == d.version).flat_map(ContractDiff::breaking);
    let places: Vec<&str> = breaking.map(|c| c.place.as_str()).take(5).collect();
    if places.is_empty() {
        return ctx.reason.clone();
    }
    let accepted = format!("breaking changes of contracts were accepted: {}", places.join(", "));
    Some(ctx.reason.as_ref().map_or_else(|| accepted.clone(), |r| format!("{r}; {accepted}")))
}

fn canonical(state: &State, kind: Kind, id: &str) -> Result<String, EditError> {
    if state.declared.text(kind, id).is_some() {
        return Ok(id.to_owned());
    }
    let agency = (kind == Kind::Agency)
        .then(|| id.parse::<AgencyCode>().ok())
        .flatten()
        .and_then(|code| state.declared.agency(&code).map(|a| a.code.to_string()));
    agency.ok_or_else(|| EditError::NotFound { kind, id: id.chars().take(80).collect() })
}

fn one_problem(field: &str, message: &str) -> EditError {
    EditError::Problems(vec![nowhere("", field, message.to_owned())])
}

fn blank(id: CredentialId, system: SystemId, kind: CredentialKind) -> CredentialSpec {
    CredentialSpec {
        id,
        system,
        kind,
        secret: None,
        digest: None,
        fingerprint: None,
        valid_from: None,
        valid_until: None,
        revoked: false,
    }
}

fn random<const N: usize>() -> Result<[u8; N], EditError> {
    let mut bytes = [0u8; N];
    aws_lc_rs::rand::fill(&mut bytes)
        .map_err(|_| one_problem("secret", "the operating system gave no random bytes"))?;
    Ok(bytes)
}

fn fresh_secret() -> Result<Secret, EditError> {
    use base64::Engine as _;
    let bytes = zeroize::Zeroizing::new(random::<SECRET_BYTES>()?);
    Ok(Secret::new(base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(&bytes[..])))
}

fn fresh_id(system: &SystemId) -> Result<CredentialId, EditError> {
    let tail = hex::encode(random::<4>()?);
    let head: String = system.as_str().chars().take(lgsp_kernel::ids::NAME_MAX - tail.len() - 1).collect();
    CredentialId::new(format!("{head}-{tail}")).map_err(|e| one_problem("id", &e.to_string()))
}
