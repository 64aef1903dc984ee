//! The command line: what can be said. What each command does is in `commands/`, a file each.

mod contract;
mod federation;
mod log;
mod mapping;

pub use contract::{ContractCommand, ServiceAddArgs};
pub use federation::{
    DirectoryCommand, Fresh, HubCommand, HubInitArgs, JoinArgs, NodeCommand, Oneself, OnlineRole,
    PlatformKind, RevokeArgs, StandaloneArgs, TsaCommand, WitnessCommand,
};
pub use log::{LogCommand, SearchArgs, VerifyArgs};
pub use mapping::{MappingCommand, MappingRunArgs, MessagePart};

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// The province's integration platform: carries agencies' calls, decides, records and proves them.
#[derive(Debug, Parser)]
#[command(name = "lgsp", version, max_term_width = 110)]
pub struct Cli {
    /// The configuration [default: /etc/lgsp/lgsp.toml or ./lgsp.toml where there is one].
    #[arg(short, long, global = true, value_name = "FILE", env = "LGSP_CONFIG")]
    pub config: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Try the platform on this machine: an invented country of a hub, two provinces and a ministry, each a node.
    Demo(crate::demo::DemoArgs),
    /// Prepare a node: configuration (where -c names a file that is not there), folders, keys, store, first administrator token.
    Init(InitArgs),
    /// Run the node.
    #[command(alias = "run")]
    Serve(ServeArgs),
    /// Bring the registry to the state that YAML files declare.
    Apply(ApplyArgs),
    /// Show what is declared.
    Get(GetArgs),
    /// Declare one item from a file.
    Put(PutArgs),
    /// Change one item in $EDITOR.
    Edit(EditArgs),
    /// Remove one item.
    Delete(DeleteArgs),
    /// Agencies.
    #[command(subcommand)]
    Agency(AgencyCommand),
    /// Systems of agencies.
    #[command(subcommand)]
    System(SystemCommand),
    /// Services of systems.
    #[command(subcommand)]
    Service(ServiceCommand),
    /// Contracts: WSDL and OpenAPI documents.
    #[command(subcommand)]
    Contract(ContractCommand),
    /// Mappings: tested, run, and tried on recorded messages.
    #[command(subcommand)]
    Mapping(MappingCommand),
    /// Grants: who may call what.
    #[command(subcommand)]
    Grant(GrantCommand),
    /// Credentials of systems.
    #[command(subcommand)]
    Credential(CredentialCommand),
    /// Show what each step decided on an exchange, and where that is recorded.
    Explain(ExplainArgs),
    /// The message log: verify, prove, search, retention.
    #[command(subcommand)]
    Log(LogCommand),
    /// This node as a member of a directory.
    #[command(subcommand)]
    Node(NodeCommand),
    /// The hub: who is a member, and its keys.
    #[command(subcommand)]
    Hub(HubCommand),
    /// The directory of members and services.
    #[command(subcommand)]
    Directory(DirectoryCommand),
    /// A witness of its own.
    #[command(subcommand)]
    Witness(WitnessCommand),
    /// A timestamp authority of its own.
    #[command(subcommand)]
    Tsa(TsaCommand),
    /// The audit trail of changes.
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Tokens for the administration API.
    #[command(subcommand)]
    Token(TokenCommand),
    /// The keys that sign callers' tokens.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// The store's schema.
    #[command(subcommand)]
    Store(StoreCommand),
    /// Copy the node's state into one file, while it runs.
    Backup(BackupArgs),
    /// Load a backup into an empty data folder.
    Restore(RestoreArgs),
    /// Check or show the configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print completions for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Ask a running node whether it is ready; exit code 0 if so.
    Health(HealthArgs),
}

/// `lgsp init`
#[derive(Debug, Args)]
pub struct InitArgs {
    /// Do not make a first administrator token.
    #[arg(long)]
    pub no_token: bool,
}

/// `lgsp serve`
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Stop in order when standard input ends: for a process that started this one.
    #[arg(long)]
    pub until_stdin_ends: bool,
}

/// Why a change is made: kept in the audit trail.
#[derive(Debug, Args, Clone, Default)]
pub struct Why {
    /// Why: kept in the audit trail.
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

/// `lgsp apply`
#[derive(Debug, Args)]
pub struct ApplyArgs {
    /// A file or folder; may be given several times.
    #[arg(short, long = "file", required = true, value_name = "PATH")]
    pub files: Vec<PathBuf>,
    /// Print the difference and change nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Also remove what the files do not declare.
    #[arg(long)]
    pub prune: bool,
    /// Take changes of contracts that break those who use a published version.
    #[arg(long)]
    pub accept_breaking: bool,
    /// Why.
    #[command(flatten)]
    pub why: Why,
}

/// A kind of item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// An agency.
    #[value(alias = "agencies")]
    Agency,
    /// A system.
    #[value(alias = "systems")]
    System,
    /// A credential.
    #[value(alias = "credentials")]
    Credential,
    /// A service.
    #[value(alias = "services")]
    Service,
    /// A grant.
    #[value(alias = "grants")]
    Grant,
}

impl From<Kind> for lgsp_registry::Kind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Agency => Self::Agency,
            Kind::System => Self::System,
            Kind::Credential => Self::Credential,
            Kind::Service => Self::Service,
            Kind::Grant => Self::Grant,
        }
    }
}

/// The form of what is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// Columns.
    #[default]
    Table,
    /// YAML that `apply` takes back.
    Yaml,
    /// JSON.
    Json,
}

/// `lgsp get`
#[derive(Debug, Args)]
pub struct GetArgs {
    /// The kind.
    pub kind: Kind,
    /// One item's id, or any code of an agency; all if left out.
    pub id: Option<String>,
    /// The form.
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Output,
}

/// `lgsp put`
#[derive(Debug, Args)]
pub struct PutArgs {
    /// The kind.
    pub kind: Kind,
    /// YAML or JSON of the one item; `-` for standard input.
    #[arg(short, long, value_name = "FILE")]
    pub file: PathBuf,
    /// Why.
    #[command(flatten)]
    pub why: Why,
}

/// `lgsp edit`
#[derive(Debug, Args)]
pub struct EditArgs {
    /// The kind.
    pub kind: Kind,
    /// Its id.
    pub id: String,
    /// Why.
    #[command(flatten)]
    pub why: Why,
}

/// `lgsp delete`
#[derive(Debug, Args)]
pub struct DeleteArgs {
    /// The kind.
    pub kind: Kind,
    /// Its id.
    pub id: String,
    /// Why.
    #[command(flatten)]
    pub why: Why,
}

/// What every kind has.
#[derive(Debug, Args)]
pub struct OneArgs {
    /// Its id.
    pub id: String,
    /// Why.
    #[command(flatten)]
    pub why: Why,
}

/// `lgsp agency`
#[derive(Debug, Subcommand)]
pub enum AgencyCommand {
    /// Declare or change an agency; what is left out stays as it is.
    Set {
        /// Its code.
        code: String,
        /// Its name.
        #[arg(long)]
        name: Option<String>,
        /// ministry, province, department, district, commune, enterprise or other.
        #[arg(long)]
        kind: Option<String>,
        /// The agency above it.
        #[arg(long)]
        parent: Option<String>,
        /// Another code of the same agency; may be given several times.
        #[arg(long = "alias")]
        aliases: Vec<String>,
        /// Why.
        #[command(flatten)]
        why: Why,
    },
    /// Remove an agency.
    Delete(OneArgs),
}

/// `lgsp system`
#[derive(Debug, Subcommand)]
pub enum SystemCommand {
    /// Declare or change a system; what is left out stays as it is.
    Set {
        /// Its id.
        id: String,
        /// Its agency, by any code.
        #[arg(long)]
        agency: Option<String>,
        /// Its name.
        #[arg(long)]
        name: Option<String>,
        /// Who to ask.
        #[arg(long)]
        contact: Option<String>,
        /// Refuse its calls for now, or no longer.
        #[arg(long)]
        suspended: Option<bool>,
        /// Why.
        #[command(flatten)]
        why: Why,
    },
    /// Remove a system.
    Delete(OneArgs),
}

/// `lgsp service`
#[derive(Debug, Subcommand)]
pub enum ServiceCommand {
    /// Make a service, or a version of one, of its contract, and publish it.
    Add(Box<ServiceAddArgs>),
    /// Declare or change a service from a YAML or JSON file (`-`: standard input).
    Set {
        /// The file.
        #[arg(short, long, value_name = "FILE")]
        file: PathBuf,
        /// Why.
        #[command(flatten)]
        why: Why,
    },
    /// Move a version through its life.
    Lifecycle {
        /// The service.
        service: String,
        /// Its version.
        version: String,
        /// draft, published, deprecated or retired.
        state: String,
        /// For deprecated: when it will be retired.
        #[arg(long)]
        sunset: Option<String>,
        /// Why.
        #[command(flatten)]
        why: Why,
    },
    /// Remove a service.
    Delete(OneArgs),
}

/// `lgsp grant`
#[derive(Debug, Subcommand)]
pub enum GrantCommand {
    /// Let a system call a service.
    Add {
        /// The system that may call.
        #[arg(long)]
        consumer: String,
        /// The service that may be called.
        #[arg(long)]
        service: String,
        /// An operation; may be given several times; otherwise all.
        #[arg(long = "operation")]
        operations: Vec<String>,
        /// What for.
        #[arg(long)]
        purpose: String,
        /// On which legal basis.
        #[arg(long)]
        legal_basis: String,
        /// Its id; otherwise made of both ids.
        #[arg(long)]
        id: Option<String>,
        /// Why.
        #[command(flatten)]
        why: Why,
    },
    /// Declare or change a grant; what is left out stays as it is.
    Set(Box<GrantSetArgs>),
    /// Remove a grant.
    Delete(OneArgs),
}

/// `lgsp grant set`
#[derive(Debug, Args)]
pub struct GrantSetArgs {
    /// Its id.
    pub id: String,
    /// Read it from a YAML or JSON file instead (`-`: standard input).
    #[arg(short, long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// The system that may call.
    #[arg(long)]
    pub consumer: Option<String>,
    /// The service that may be called.
    #[arg(long)]
    pub service: Option<String>,
    /// An operation; may be given several times.
    #[arg(long = "operation")]
    pub operations: Vec<String>,
    /// What for.
    #[arg(long)]
    pub purpose: Option<String>,
    /// On what legal basis.
    #[arg(long)]
    pub legal_basis: Option<String>,
    /// First day or instant.
    #[arg(long)]
    pub valid_from: Option<String>,
    /// Not valid at or after.
    #[arg(long)]
    pub valid_until: Option<String>,
    /// Calls a second.
    #[arg(long)]
    pub rate: Option<u32>,
    /// Calls at once.
    #[arg(long, requires = "rate")]
    pub burst: Option<u32>,
    /// Calls a day.
    #[arg(long)]
    pub daily_quota: Option<u64>,
    /// A network that may call; may be given several times.
    #[arg(long = "source")]
    pub sources: Vec<String>,
    /// What every call must state: officer, purpose or dossier; may be given several times.
    #[arg(long)]
    pub require: Vec<String>,
    /// Suspend it for now, or no longer.
    #[arg(long)]
    pub suspended: Option<bool>,
    /// Why.
    #[command(flatten)]
    pub why: Why,
}

/// `lgsp credential`
#[derive(Debug, Subcommand)]
pub enum CredentialCommand {
    /// Make a new secret for a system; it is printed once and kept only as a digest.
    Issue {
        /// Whose.
        #[arg(long)]
        system: String,
        /// client or api_key.
        #[arg(long, default_value = "client")]
        kind: String,
        /// Its id; made from the system's if left out.
        #[arg(long)]
        id: Option<String>,
        /// Not valid at or after.
        #[arg(long)]
        valid_until: Option<String>,
        /// Why.
        #[command(flatten)]
        why: Why,
    },
    /// Declare or change a credential from a YAML or JSON file (`-`: standard input).
    Set {
        /// The file.
        #[arg(short, long, value_name = "FILE")]
        file: PathBuf,
        /// Why.
        #[command(flatten)]
        why: Why,
    },
    /// Refuse a credential for good, at once.
    Revoke(OneArgs),
    /// Remove a credential.
    Delete(OneArgs),
}

/// `lgsp explain`
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// The exchange id (`ex_...`), as in every answer's header and every refusal.
    pub exchange: String,
    /// JSON instead of a table.
    #[arg(long)]
    pub json: bool,
}

/// `lgsp audit`
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Who changed what, when and why; newest last.
    List {
        /// From this row on.
        #[arg(long)]
        from: Option<i64>,
        /// How many at most.
        #[arg(long, default_value_t = 50)]
        limit: u32,
        /// JSON lines instead of a table.
        #[arg(long)]
        json: bool,
    },
    /// Recompute the trail's chain of hashes and compare it with the anchors in the message log.
    Verify,
}

/// `lgsp token`
#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Make a token; it is printed once.
    Create {
        /// Who it is for.
        name: String,
        /// auditor, operator or admin.
        #[arg(long, default_value = "operator")]
        role: String,
        /// Days it is good for; 0: no end.
        #[arg(long, default_value_t = 365)]
        days: u32,
    },
    /// Show all tokens (never their text).
    List,
    /// Refuse a token from now on.
    Revoke {
        /// Who it was for.
        name: String,
    },
}

/// `lgsp keys`
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Make a new signing key; tokens of the old one stay good until they expire.
    Rotate {
        /// The old key may have leaked: its tokens are refused at once.
        #[arg(long)]
        compromised: bool,
    },
}

/// `lgsp store`
#[derive(Debug, Subcommand)]
pub enum StoreCommand {
    /// The schema's version and whether this program can work with it.
    Status,
    /// Move the schema forward to this program's version.
    Migrate,
    /// Move the schema back one version, so that the program before this one can run.
    Rollback,
}

/// `lgsp backup`
#[derive(Debug, Args)]
pub struct BackupArgs {
    /// The file to write; it must not exist.
    pub file: PathBuf,
}

/// `lgsp restore`
#[derive(Debug, Args)]
pub struct RestoreArgs {
    /// The backup.
    pub file: PathBuf,
    /// The empty data folder to fill.
    #[arg(long, value_name = "DIR")]
    pub into: PathBuf,
    /// The store to fill, if not SQLite in that folder.
    #[arg(long, value_name = "URL")]
    pub store: Option<String>,
    /// The master key's file, if not where the configuration says.
    #[arg(long, value_name = "FILE")]
    pub master_key: Option<PathBuf>,
}

/// `lgsp config`
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Explain everything that is wrong with the configuration.
    Check,
    /// Print the effective configuration and where each value comes from.
    Show,
}

/// `lgsp health`
#[derive(Debug, Args)]
pub struct HealthArgs {
    /// The administration listener, if not the configured one.
    #[arg(long)]
    pub address: Option<std::net::SocketAddr>,
}
