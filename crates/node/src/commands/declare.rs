//! `lgsp agency`, `system`, `service`, `grant` and `credential`: the same single edits, said with flags. What a flag does not say
//! stays as it is.

use super::desk::Desk;
use super::failure::{Failure, Trying as _};
use super::items::{delete_one, one, print_applied, put_file, put_value};
use super::out;
use crate::cli::{
    AgencyCommand, CredentialCommand, GrantCommand, GrantSetArgs, ServiceCommand, SystemCommand, Why,
};
use lgsp_kernel::model::{CredentialKind, Lifecycle};
use lgsp_kernel::{CredentialId, SystemId};
use lgsp_registry::Kind;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// `lgsp agency`
pub async fn agency(desk: &Desk, command: AgencyCommand) -> Result<(), Failure> {
    match command {
        AgencyCommand::Delete(args) => delete_one(desk, Kind::Agency, &args.id, &args.why).await,
        AgencyCommand::Set { code, name, kind, parent, aliases, why } => {
            let flags = [
                ("name", name.map(Value::from)),
                ("kind", kind.map(Value::from)),
                ("parent", parent.map(Value::from)),
                ("aliases", some_list(aliases)),
            ];
            set(desk, Kind::Agency, &code, &flags, &why).await
        }
    }
}

/// `lgsp system`
pub async fn system(desk: &Desk, command: SystemCommand) -> Result<(), Failure> {
    match command {
        SystemCommand::Delete(args) => delete_one(desk, Kind::System, &args.id, &args.why).await,
        SystemCommand::Set { id, agency, name, contact, suspended, why } => {
            let flags = [
                ("agency", agency.map(Value::from)),
                ("name", name.map(Value::from)),
                ("contact", contact.map(Value::from)),
                ("suspended", suspended.map(Value::from)),
            ];
            set(desk, Kind::System, &id, &flags, &why).await
        }
    }
}

/// `lgsp service`
pub async fn service(desk: &Desk, command: ServiceCommand) -> Result<(), Failure> {
    match command {
        ServiceCommand::Delete(args) => delete_one(desk, Kind::Service, &args.id, &args.why).await,
        ServiceCommand::Add(args) => super::contract::add(desk, *args).await,
        ServiceCommand::Set { file, why } => put_file(desk, Kind::Service, &file, &why).await,
        ServiceCommand::Lifecycle { service, version, state, sunset: None, why } => {
            let lifecycle: Lifecycle = word("state", &state)?;
            let registry = desk.registry().await?;
            let context = desk.context(why.reason);
            let applied = registry
                .promote(&service, &version, lifecycle, &context)
                .await
                .trying("nothing was changed")?;
            print_applied(&applied);
            Ok(())
        }
        ServiceCommand::Lifecycle { service, version, state, sunset: Some(sunset), why } => {
            let registry = desk.registry().await?;
            let mut item = one(&registry, Kind::Service, &service)?.spec;
            let versions = item.get_mut("versions").and_then(Value::as_array_mut);
            let found =
                versions.and_then(|v| v.iter_mut().find(|v| v.get("version") == Some(&json!(version))));
            let found = found
                .ok_or_else(|| Failure::new(format!("service {service:?} has no version {version:?}")))?;
            found["lifecycle"] = json!(state);
            found["sunset"] = json!(sunset);
            put_value(desk, &registry, Kind::Service, item, &why).await
        }
    }
}

/// `lgsp grant`
pub async fn grant(desk: &Desk, command: GrantCommand) -> Result<(), Failure> {
    match command {
        GrantCommand::Delete(args) => delete_one(desk, Kind::Grant, &args.id, &args.why).await,
        GrantCommand::Set(args) => grant_set(desk, *args).await,
        GrantCommand::Add { consumer, service, operations, purpose, legal_basis, id, why } => {
            let id = id.unwrap_or_else(|| format!("{consumer}-{service}"));
            let operations = if operations.is_empty() { vec!["*".to_owned()] } else { operations };
            let flags = [
                ("consumer", Some(consumer.into())),
                ("service", Some(service.into())),
                ("operations", Some(json!(operations))),
                ("purpose", Some(purpose.into())),
                ("legal_basis", Some(legal_basis.into())),
            ];
            set(desk, Kind::Grant, &id, &flags, &why).await
        }
    }
}

async fn grant_set(desk: &Desk, args: GrantSetArgs) -> Result<(), Failure> {
    if let Some(file) = &args.file {
        return put_file(desk, Kind::Grant, file, &args.why).await;
    }
    let rate = args.rate.map(|per_second| match args.burst {
        Some(burst) => json!({ "per_second": per_second, "burst": burst }),
        None => json!({ "per_second": per_second }),
    });
    let flags = [
        ("consumer", args.consumer.map(Value::from)),
        ("service", args.service.map(Value::from)),
        ("operations", some_list(args.operations)),
        ("purpose", args.purpose.map(Value::from)),
        ("legal_basis", args.legal_basis.map(Value::from)),
        ("valid_from", args.valid_from.map(Value::from)),
        ("valid_until", args.valid_until.map(Value::from)),
        ("rate", rate),
        ("daily_quota", args.daily_quota.map(Value::from)),
        ("sources", some_list(args.sources)),
        ("require", some_list(args.require)),
        ("suspended", args.suspended.map(Value::from)),
    ];
    set(desk, Kind::Grant, &args.id, &flags, &args.why).await
}

/// `lgsp credential`
pub async fn credential(desk: &Desk, command: CredentialCommand) -> Result<(), Failure> {
    match command {
        CredentialCommand::Delete(args) => delete_one(desk, Kind::Credential, &args.id, &args.why).await,
        CredentialCommand::Set { file, why } => put_file(desk, Kind::Credential, &file, &why).await,
        CredentialCommand::Revoke(args) => {
            let registry = desk.registry().await?;
            let mut item = one(&registry, Kind::Credential, &args.id)?.spec;
            item["revoked"] = json!(true);
            put_value(desk, &registry, Kind::Credential, item, &args.why).await
        }
        CredentialCommand::Issue { system, kind, id, valid_until, why } => {
            let kind: CredentialKind = word("kind", &kind)?;
            issue(desk, &system, kind, id.as_deref(), valid_until, &why).await
        }
    }
}

async fn issue(
    desk: &Desk,
    system: &str,
    kind: CredentialKind,
    id: Option<&str>,
    valid_until: Option<String>,
    why: &Why,
) -> Result<(), Failure> {
    let registry = desk.registry().await?;
    let system = SystemId::new(system).trying("the system's id")?;
    let id = id.map(CredentialId::new).transpose().trying("the credential's id")?;
    let context = desk.context(why.reason.clone());
    let issued =
        registry.issue_credential(&system, kind, id, &context).await.trying("nothing was changed")?;
    if let Some(until) = valid_until {
        let mut item = one(&registry, Kind::Credential, issued.id.as_str())?.spec;
        item["valid_until"] = json!(until);
        let limited = registry.put(Kind::Credential, issued.id.as_str(), item, &context).await;
        if let Err(e) = limited {
            // A credential without the end that was asked for must not stay.
            registry.delete(Kind::Credential, issued.id.as_str(), &context).await?;
            return Err(Failure::from(e).while_trying("the credential was not issued"));
        }
    }
    let names = if kind == CredentialKind::ApiKey { ("id", "key") } else { ("client_id", "client_secret") };
    let secret = issued.secret.expose_str().unwrap_or_default();
    out::print(&format!("Shown this once:\n{}: {}\n{}: {secret}", names.0, issued.id, names.1));
    Ok(())
}

/// The item as it is, with what the flags say.
async fn set(
    desk: &Desk,
    kind: Kind,
    id: &str,
    flags: &[(&str, Option<Value>)],
    why: &Why,
) -> Result<(), Failure> {
    let registry = desk.registry().await?;
    let mut item = registry.get(kind, id).map_or_else(|| json!({ kind.id_field(): id }), |i| i.spec);
    for (field, value) in flags {
        match value {
            // An empty text takes a field away.
            Some(Value::String(text)) if text.is_empty() => {
                drop(item.as_object_mut().and_then(|m| m.remove(*field)))
            }
            Some(value) => item[*field] = value.clone(),
            None => {}
        }
    }
    put_value(desk, &registry, kind, item, why).await
}

fn some_list(values: Vec<String>) -> Option<Value> {
    (!values.is_empty()).then(|| json!(values))
}

/// A word of the model, such as a lifecycle's state.
fn word<T: DeserializeOwned>(what: &str, text: &str) -> Result<T, Failure> {
    serde_json::from_value(json!(text)).map_err(|e| {
        // serde_json says: unknown variant `x`, expected one of ...
        Failure::new(format!("{what}: {e}"))
    })
}
