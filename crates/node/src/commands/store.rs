//! `lgsp store`: the schema's version, forward and one step back.

use super::desk::Desk;
use super::failure::Failure;
use super::out;
use crate::cli::StoreCommand;
use crate::config::show::mask_url;
use lgsp_store::SchemaState;

/// Status, migrate, rollback.
pub async fn run(desk: &Desk, command: StoreCommand) -> Result<(), Failure> {
    let store = desk.store_as_is().await?;
    let state = match command {
        StoreCommand::Status => store.schema().await?,
        StoreCommand::Migrate => store.migrate().await?,
        StoreCommand::Rollback => store.rollback_one().await?,
    };
    let url = mask_url(&desk.config().store_url());
    let rows = vec![
        vec!["store".into(), url],
        vec!["schema version".into(), state.version.to_string()],
        vec!["this program's".into(), state.newest_known.to_string()],
        vec!["verdict".into(), verdict(&state).into()],
    ];
    let mut text = out::table(&["", ""], &rows).trim_start().to_owned();
    for (version, name, at) in store.schema_history().await? {
        text.push_str(&format!("\n  {version:>3}  {}  {name}", at.rfc3339()));
    }
    out::print(&text);
    Ok(())
}

fn verdict(state: &SchemaState) -> &'static str {
    if !state.compatible {
        "this program must not use it: run the one that migrated it, or roll back with that one"
    } else if state.is_behind() {
        "behind: run `lgsp store migrate`; the program that runs now goes on serving"
    } else {
        "fine"
    }
}
