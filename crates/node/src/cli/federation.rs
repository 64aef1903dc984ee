//! What can be said of a node among others on the command line: joining, the hub, the directory, witnesses, timestamps.

use clap::{Args, Subcommand, ValueEnum};
use std::net::SocketAddr;
use std::path::PathBuf;

/// What a configuration that is not there yet begins with: used only where -c names a file that is missing.
#[derive(Debug, Args, Clone, Default)]
pub struct Fresh {
    /// New configuration: the node's name.
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// New configuration: folder of everything that the node keeps.
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// New configuration: where callers call, without TLS.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub http: Option<SocketAddr>,
    /// New configuration: where other nodes call.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub peer: Option<SocketAddr>,
    /// New configuration: where anyone reads the log, and a hub's directory.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub public: Option<SocketAddr>,
}

/// What a node says of itself when it joins.
#[derive(Debug, Args, Clone)]
pub struct Oneself {
    /// An agency that the node speaks for, and its name: `H98.02=Trung tâm ...`; may be given several times.
    #[arg(long = "agency", value_name = "CODE=NAME")]
    pub agencies: Vec<String>,
    /// Another code of such an agency: `H98.02=000.00.02.H98`; may be given several times.
    #[arg(long = "alias", value_name = "CODE=OTHER")]
    pub aliases: Vec<String>,
    /// A certificate that another authority issued for an agency's key, PEM: `H98.02=agency.pem`; may be given several times.
    #[arg(long = "agency-certificate", value_name = "CODE=FILE")]
    pub certificates: Vec<String>,
    /// The node's name for people [default: its name].
    #[arg(long)]
    pub title: Option<String>,
    /// What kind of platform it is.
    #[arg(long, value_enum, default_value_t)]
    pub kind: PlatformKind,
}

/// A kind of platform.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum PlatformKind {
    /// The national platform.
    National,
    /// A ministry's or sector's.
    Ministry,
    /// A province's.
    #[default]
    Province,
    /// Anything else.
    Other,
}

/// `lgsp node`
#[derive(Debug, Subcommand)]
pub enum NodeCommand {
    /// Make the keys of the node's and its agencies' certificates, and print what the hub's operator compares.
    Init {
        /// An agency; may be given several times.
        #[arg(long = "agency", value_name = "CODE")]
        agencies: Vec<String>,
        /// What the configuration begins with.
        #[command(flatten)]
        fresh: Fresh,
    },
    /// Ask a hub for membership and wait until its operator has decided. May be broken off and called again.
    Join(Box<JoinArgs>),
    /// Show membership, certificates, and how old the directory is.
    Status {
        /// JSON instead of text.
        #[arg(long)]
        json: bool,
    },
}

/// `lgsp node join`
#[derive(Debug, Args)]
pub struct JoinArgs {
    /// The hub's public listener: `http://host:port`.
    pub hub: Option<String>,
    /// The hub's root as its operator gave it by another way: 64 hexadecimal digits.
    #[arg(long, value_name = "DIGEST")]
    pub root_sha256: Option<String>,
    /// Do not wait for the decision.
    #[arg(long)]
    pub no_wait: bool,
    /// Who asks.
    #[command(flatten)]
    pub oneself: Oneself,
    /// What the configuration begins with.
    #[command(flatten)]
    pub fresh: Fresh,
}

/// `lgsp hub`
#[derive(Debug, Subcommand)]
pub enum HubCommand {
    /// Make this node a hub: authority, root keys, directory, and the hub as its first member.
    Init(Box<HubInitArgs>),
    /// Requests to join.
    Requests {
        /// Those decided too.
        #[arg(long)]
        all: bool,
        /// JSON instead of a table.
        #[arg(long)]
        json: bool,
    },
    /// Take a node in.
    Approve {
        /// Its name, or the beginning of its request's id.
        node: String,
        /// Only these agencies of those it asks for; may be given several times.
        #[arg(long = "agency", value_name = "CODE")]
        agencies: Vec<String>,
        /// Why.
        #[command(flatten)]
        why: super::Why,
    },
    /// Refuse a request.
    Reject {
        /// Its name, or the beginning of its request's id.
        node: String,
        /// Why: the applicant reads it.
        #[arg(long)]
        reason: String,
    },
    /// The members, as the directory has them.
    Members {
        /// JSON instead of a table.
        #[arg(long)]
        json: bool,
    },
    /// Shut a member, one of its agencies, a certificate or a key out. Known everywhere after the members' next refresh.
    Revoke(RevokeArgs),
    /// Let a revoked member take part again.
    Reinstate {
        /// The node.
        node: String,
        /// Why.
        #[command(flatten)]
        why: super::Why,
    },
    /// Take a member off the list, so that its node may ask anew.
    Remove {
        /// The node.
        node: String,
        /// Why.
        #[command(flatten)]
        why: super::Why,
    },
    /// Replace the authority that issues certificates: first a new one beside the old, then, with --finish, without the old.
    RotateAuthority {
        /// Stop believing the old one: when all members have renewed.
        #[arg(long, conflicts_with = "compromised")]
        finish: bool,
        /// The old key may be in other hands: stop believing it at once.
        #[arg(long)]
        compromised: bool,
        /// Why.
        #[command(flatten)]
        why: super::Why,
    },
    /// Replace the online keys that sign the directory, under a new root.
    RotateKeys {
        /// Only these; all if left out.
        #[arg(long = "role", value_enum)]
        roles: Vec<OnlineRole>,
        /// A root key's file; as many as must sign.
        #[arg(long = "root-key", required = true, value_name = "FILE")]
        root_keys: Vec<PathBuf>,
        /// A file with the passphrase of the root key at the same place in the list.
        #[arg(long = "passphrase-file", required = true, value_name = "FILE")]
        passphrases: Vec<PathBuf>,
        /// Why.
        #[command(flatten)]
        why: super::Why,
    },
    /// State anew that the directory is current; the running hub does it by itself.
    Publish,
    /// List a timestamp authority.
    AddTsa {
        /// Its name.
        name: String,
        /// Where it is reached.
        #[arg(long)]
        url: String,
        /// The certificate that its tokens chain to, PEM.
        #[arg(long, value_name = "FILE")]
        certificate: PathBuf,
        /// Why.
        #[command(flatten)]
        why: super::Why,
    },
    /// List a witness that is no member's.
    AddWitness {
        /// Its name.
        name: String,
        /// Where it is reached.
        #[arg(long)]
        url: String,
        /// Its public key: `name+hash+base64`.
        #[arg(long)]
        key: String,
        /// Why.
        #[command(flatten)]
        why: super::Why,
    },
    /// List an authority whose certificates of agencies are taken, once the directory binds them.
    AddAuthority {
        /// Its id.
        id: String,
        /// Its certificate, PEM.
        #[arg(long, value_name = "FILE")]
        certificate: PathBuf,
        /// Why.
        #[command(flatten)]
        why: super::Why,
    },
}

/// An online key of the directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OnlineRole {
    /// Signs the list of members.
    Members,
    /// Signs revocations.
    Revocations,
    /// Signs freshness statements.
    Freshness,
}

/// `lgsp hub init`
#[derive(Debug, Args)]
pub struct HubInitArgs {
    /// How many root keys.
    #[arg(long, default_value_t = 3)]
    pub root_keys: u32,
    /// How many of them must sign a new root.
    #[arg(long, default_value_t = 2)]
    pub threshold: u32,
    /// Where the root keys' files are written: to be taken away from this machine, each to another place.
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub root_dir: PathBuf,
    /// Who the hub is.
    #[command(flatten)]
    pub oneself: Oneself,
    /// What the configuration begins with.
    #[command(flatten)]
    pub fresh: Fresh,
}

/// `lgsp hub revoke`
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("what").required(true).multiple(false).args(["node", "certificate", "key"]))]
pub struct RevokeArgs {
    /// The member.
    pub node: Option<String>,
    /// Only this agency of the member.
    #[arg(long, value_name = "CODE", requires = "node")]
    pub agency: Option<String>,
    /// A certificate: SHA-256 of its DER form, hexadecimal.
    #[arg(long, value_name = "DIGEST")]
    pub certificate: Option<String>,
    /// A key, or a delegation, by its id.
    #[arg(long, value_name = "ID")]
    pub key: Option<String>,
    /// Why: everybody reads it.
    #[arg(long)]
    pub reason: String,
}

/// `lgsp directory`
#[derive(Debug, Subcommand)]
pub enum DirectoryCommand {
    /// Members, authorities, witnesses, and how fresh that is.
    Show {
        /// JSON instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Services that members offer.
    Services {
        /// Only with this text in id, title or node.
        text: Option<String>,
        /// JSON instead of a table.
        #[arg(long)]
        json: bool,
    },
    /// Fetch what is new.
    Update,
    /// Verify this node's copy from the pinned root on.
    Verify,
}

/// `lgsp tsa`
#[derive(Debug, Subcommand)]
pub enum TsaCommand {
    /// Run a small timestamp authority (RFC 3161); its key and certificates are made in the folder.
    Serve(StandaloneArgs),
}

/// `lgsp witness`
#[derive(Debug, Subcommand)]
pub enum WitnessCommand {
    /// Run a witness (C2SP tlog-witness) that is no node; it cosigns the logs that the directory lists.
    Serve {
        /// Where it works.
        #[command(flatten)]
        args: StandaloneArgs,
        /// The hub whose directory lists the logs.
        #[arg(long)]
        hub: String,
        /// Its root, as its operator gave it.
        #[arg(long, value_name = "DIGEST")]
        root_sha256: String,
    },
}

/// A small server of its own.
#[derive(Debug, Args)]
pub struct StandaloneArgs {
    /// Where it listens.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: SocketAddr,
    /// Its folder: keys and state.
    #[arg(long, value_name = "DIR")]
    pub dir: PathBuf,
    /// Its name.
    #[arg(long)]
    pub name: String,
    /// Stop in order when standard input ends.
    #[arg(long)]
    pub until_stdin_ends: bool,
}
