//! `lgsp token`: who may use the administration API.

use super::desk::Desk;
use super::failure::Failure;
use super::out;
use crate::cli::TokenCommand;
use lgsp_identity::AdminTokens;
use lgsp_kernel::Millis;
use lgsp_kernel::context::Role;

/// Creates, lists, revokes.
pub async fn run(desk: &Desk, command: TokenCommand) -> Result<(), Failure> {
    let tokens = AdminTokens::new(desk.store().await?, desk.vault()?, desk.clock.clone());
    match command {
        TokenCommand::Create { name, role, days } => {
            let role = read_role(&role)?;
            let expires = (days > 0).then(|| desk.clock.now().plus_seconds(i64::from(days) * 86_400));
            let token = tokens.create(&name, role, expires, &desk.context(None)).await?;
            let text = token.expose_str().unwrap_or_default();
            out::print(&format!("The token of {name}, shown this once:\n{text}"));
        }
        TokenCommand::List => {
            let rows: Vec<Vec<String>> = tokens
                .list()
                .await?
                .into_iter()
                .map(|t| {
                    let role = t.role.map_or("unknown", role_name).to_owned();
                    let when = |t: Option<Millis>| t.map_or_else(|| "-".to_owned(), Millis::rfc3339);
                    vec![
                        t.name,
                        role,
                        t.created_at.rfc3339(),
                        when(t.expires_at),
                        when(t.revoked_at),
                        when(t.last_used_at),
                    ]
                })
                .collect();
            out::print(&out::table(&["NAME", "ROLE", "CREATED", "EXPIRES", "REVOKED", "LAST USED"], &rows));
        }
        TokenCommand::Revoke { name } => {
            if !tokens.revoke(&name, &desk.context(None)).await? {
                return Err(Failure::new(format!("there is no token {name:?} that could be revoked"))
                    .help("`lgsp token list` shows them"));
            }
            out::print(&format!("revoked: {name}"));
        }
    }
    Ok(())
}

fn read_role(text: &str) -> Result<Role, Failure> {
    match text {
        "auditor" => Ok(Role::Auditor),
        "operator" => Ok(Role::Operator),
        "admin" => Ok(Role::Admin),
        _ => Err(Failure::new(format!("{text:?} is no role")).help("use auditor, operator or admin")),
    }
}

fn role_name(role: Role) -> &'static str {
    match role {
        Role::Auditor => "auditor",
        Role::Operator => "operator",
        Role::Admin => "admin",
    }
}
