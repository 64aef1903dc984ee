//! `lgsp get`, `put`, `edit` and `delete`: single items of any kind, as YAML or JSON.

use super::desk::Desk;
use super::failure::{Failure, Trying as _};
use super::out;
use crate::cli::{DeleteArgs, EditArgs, GetArgs, Output, PutArgs, Why};
use lgsp_registry::{
    Applied, EditError, Item, Kind, LIST_MAX, PlanOptions, Problem, Registry, manifest, plan,
};
use serde_json::Value;
use std::io::Read as _;
use std::path::Path;

/// A longer text is no item.
const TEXT_MAX: u64 = 4 << 20;

/// Shows one item, or all of a kind.
pub async fn get(desk: &Desk, args: &GetArgs) -> Result<(), Failure> {
    let registry = desk.registry().await?;
    let kind = Kind::from(args.kind);
    let found = match &args.id {
        Some(id) => vec![one(&registry, kind, id)?],
        None => all(&registry, kind),
    };
    let specs: Vec<&Value> = found.iter().map(|i| &i.spec).collect();
    out::print(&match args.output {
        Output::Table => items_table(kind, &found),
        Output::Json if args.id.is_some() => serde_json::to_string_pretty(&specs[0])?,
        Output::Json => serde_json::to_string_pretty(&serde_json::json!({ kind.plural(): specs }))?,
        Output::Yaml if args.id.is_some() => to_yaml(specs[0])?,
        Output::Yaml => to_yaml(&serde_json::json!({ kind.plural(): specs }))?,
    });
    Ok(())
}

/// Declares one item from a file.
pub async fn put(desk: &Desk, args: &PutArgs) -> Result<(), Failure> {
    put_file(desk, args.kind.into(), &args.file, &args.why).await
}

/// Declares one item of a kind from a file, or from standard input (`-`).
pub async fn put_file(desk: &Desk, kind: Kind, file: &Path, why: &Why) -> Result<(), Failure> {
    let text = read_item(file).trying(file.display())?;
    put_text(desk, &desk.registry().await?, kind, &file.display().to_string(), &text, why).await
}

/// Declares one item written as YAML (or JSON, which is YAML too).
async fn put_text(
    desk: &Desk,
    registry: &Registry,
    kind: Kind,
    name: &str,
    text: &str,
    why: &Why,
) -> Result<(), Failure> {
    let desired = manifest::read_text(name, as_manifest(kind, text)).map_err(|p| misplaced(p, name))?;
    let context = desk.context(why.reason.clone());
    let applied = registry.apply(&desired, PlanOptions::default(), &context).await;
    let applied = applied.map_err(|e| match e {
        EditError::Problems(problems) => misplaced(problems, name),
        other => Failure::from(other).while_trying("nothing was changed"),
    })?;
    print_applied(&applied);
    Ok(())
}

/// A manifest with this one item: a line above, two columns to the left.
fn as_manifest(kind: Kind, text: &str) -> String {
    let lines: Vec<&str> = text.trim_start_matches('\u{feff}').lines().collect();
    format!("{}:\n- {}\n", kind.plural(), lines.join("\n  "))
}

/// Problems, where they stand in the operator's own text.
fn misplaced(problems: Vec<Problem>, name: &str) -> Failure {
    let place = |mut p: Problem| {
        if p.file.as_deref() == Some(name) {
            p.line = p.line.map(|l| l.saturating_sub(1).max(1));
            p.column = p.column.map(|c| c.saturating_sub(2).max(1));
        }
        p.to_string()
    };
    let lines: Vec<String> = problems.into_iter().map(place).collect();
    Failure::new(format!("nothing was changed\n{}", lines.join("\n")))
}

/// Declares one item; its id is in it.
pub async fn put_value(
    desk: &Desk,
    registry: &Registry,
    kind: Kind,
    item: Value,
    why: &Why,
) -> Result<(), Failure> {
    let field = kind.id_field();
    let id = item.get(field).and_then(Value::as_str).map(str::to_owned);
    let id = id.ok_or_else(|| Failure::new(format!("the item does not say its {field:?}")))?;
    let applied = registry
        .put(kind, &id, item, &desk.context(why.reason.clone()))
        .await
        .trying("nothing was changed")?;
    print_applied(&applied);
    Ok(())
}

/// Opens one item in the operator's editor and declares what comes back.
pub async fn edit(desk: &Desk, args: &EditArgs) -> Result<(), Failure> {
    let registry = desk.registry().await?;
    let kind = Kind::from(args.kind);
    let before = to_yaml(&one(&registry, kind, &args.id)?.spec)?;
    let folder = private_folder()?;
    let file = folder.join(format!("{kind}.yaml"));
    let after = std::fs::write(&file, &before).map_err(Failure::from).and_then(|()| run_editor(&file));
    let _ = std::fs::remove_dir_all(&folder);
    let after = after?;
    if after == before {
        out::print("Nothing to change.");
        return Ok(());
    }
    put_text(desk, &registry, kind, "the edited text", &after, &args.why).await
}

/// Removes one item.
pub async fn delete(desk: &Desk, args: &DeleteArgs) -> Result<(), Failure> {
    delete_one(desk, args.kind.into(), &args.id, &args.why).await
}

/// Removes one item of a kind.
pub async fn delete_one(desk: &Desk, kind: Kind, id: &str, why: &Why) -> Result<(), Failure> {
    let registry = desk.registry().await?;
    let applied =
        registry.delete(kind, id, &desk.context(why.reason.clone())).await.trying("nothing was changed")?;
    print_applied(&applied);
    Ok(())
}

/// The declared form of an item.
pub fn one(registry: &Registry, kind: Kind, id: &str) -> Result<Item, Failure> {
    let help = format!("`lgsp get {kind}` lists what there is");
    registry.get(kind, id).ok_or_else(|| Failure::new(format!("there is no {kind} {id:?}")).help(help))
}

/// Prints what a change came to.
pub fn print_applied(applied: &Applied) {
    out::print(plan::render(&applied.plan).trim_end());
}

fn all(registry: &Registry, kind: Kind) -> Vec<Item> {
    let mut found: Vec<Item> = Vec::new();
    loop {
        let page = registry.list(kind, found.last().map(|i| i.id.as_str()), LIST_MAX);
        let more = page.len() == LIST_MAX;
        found.extend(page);
        if !more {
            return found;
        }
    }
}

/// The columns that tell items of a kind apart: heading, field.
fn columns(kind: Kind) -> &'static [(&'static str, &'static str)] {
    match kind {
        Kind::Agency => &[
            ("CODE", "code"),
            ("NAME", "name"),
            ("KIND", "kind"),
            ("PARENT", "parent"),
            ("ALIASES", "aliases"),
        ],
        Kind::System => &[
            ("ID", "id"),
            ("AGENCY", "agency"),
            ("NAME", "name"),
            ("CONTACT", "contact"),
            ("SUSPENDED", "suspended"),
        ],
        Kind::Credential => &[
            ("ID", "id"),
            ("SYSTEM", "system"),
            ("KIND", "kind"),
            ("VALID UNTIL", "valid_until"),
            ("REVOKED", "revoked"),
        ],
        Kind::Service => &[
            ("ID", "id"),
            ("SYSTEM", "system"),
            ("PROTOCOL", "protocol"),
            ("TITLE", "title"),
            ("VERSIONS", "versions"),
        ],
        Kind::Grant => &[
            ("ID", "id"),
            ("CONSUMER", "consumer"),
            ("SERVICE", "service"),
            ("OPERATIONS", "operations"),
            ("VALID UNTIL", "valid_until"),
            ("SUSPENDED", "suspended"),
        ],
    }
}

fn items_table(kind: Kind, items: &[Item]) -> String {
    let columns = columns(kind);
    let headings: Vec<&str> = columns.iter().map(|c| c.0).collect();
    let row = |i: &Item| columns.iter().map(|(_, field)| cell(i.spec.get(*field))).collect();
    out::table(&headings, &items.iter().map(row).collect::<Vec<_>>())
}

fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "-".into(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(items)) => items.iter().map(|i| cell(Some(i))).collect::<Vec<_>>().join(", "),
        // A version in the list of a service.
        Some(Value::Object(map)) => {
            let text = |field: &str| cell(map.get(field));
            format!("{} ({})", text("version"), text("lifecycle"))
        }
        Some(other) => other.to_string(),
    }
}

fn to_yaml(value: &Value) -> Result<String, Failure> {
    serde_saphyr::to_string(value).map_err(|e| Failure::new(e.to_string()))
}

fn read_item(file: &Path) -> Result<String, Failure> {
    let mut text = String::new();
    if file.as_os_str() == "-" {
        std::io::stdin().take(TEXT_MAX).read_to_string(&mut text)?;
    } else {
        std::fs::File::open(file)?.take(TEXT_MAX).read_to_string(&mut text)?;
    }
    Ok(text)
}

/// A folder that only this user can enter: what is edited may hold a new secret.
fn private_folder() -> Result<std::path::PathBuf, Failure> {
    use std::os::unix::fs::DirBuilderExt as _;
    let folder = std::env::temp_dir().join(format!("lgsp-edit-{}", uuid::Uuid::new_v4().simple()));
    std::fs::DirBuilder::new().mode(0o700).create(&folder).trying(folder.display())?;
    Ok(folder)
}

fn run_editor(file: &Path) -> Result<String, Failure> {
    let editor = std::env::var("VISUAL").or_else(|_| std::env::var("EDITOR")).unwrap_or_else(|_| "vi".into());
    let mut words = editor.split_whitespace();
    let program = words.next().unwrap_or("vi");
    let status = std::process::Command::new(program)
        .args(words)
        .arg(file)
        .status()
        .trying(format!("starting {program}"))?;
    if !status.success() {
        return Err(Failure::new(format!("the editor {program} ended with {status}; nothing was changed")));
    }
    Ok(std::fs::read_to_string(file)?)
}
