//! `lgsp tsa serve` and `lgsp witness serve`: two small servers that are no nodes. Each has a folder with its keys (sealed under a master
//! key of its own) and state, and serves until it is told to stop.

use super::failure::{Failure, Trying as _};
use super::stdin;
use crate::cli::{StandaloneArgs, TsaCommand, WitnessCommand};
use crate::config::Config;
use crate::master_key::{self, MasterKeyError};
use crate::membership::files::write;
use crate::membership::http::{Http, HubFiles};
use crate::telemetry::logs;
use crate::witnessing;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use lgsp_directory::{Client, ClientConfig};
use lgsp_export::tsa;
use lgsp_kernel::{Clock, Vault};
use lgsp_trust::pem;
use lgsp_witness::{CosignKey, Witness};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use zeroize::Zeroizing;

/// How often a witness looks for new members.
const REFRESH: Duration = Duration::from_secs(5);
/// The same while the directory was not reached yet.
const REFRESH_FIRST: Duration = Duration::from_secs(1);

/// Runs a timestamp authority.
pub fn tsa(command: TsaCommand) -> Result<(), Failure> {
    let TsaCommand::Serve(args) = command;
    runtime()?.block_on(async {
        let authority = Arc::new(authority(&args)?);
        let router = Router::new()
            .route("/", post(stamp))
            .route("/health/ready", get(async || "ready\n"))
            .layer(DefaultBodyLimit::max(tsa::REQUEST_MAX))
            .with_state(authority);
        serve(&args, router).await
    })
}

/// Runs a witness.
pub fn witness(command: WitnessCommand) -> Result<(), Failure> {
    let WitnessCommand::Serve { args, hub, root_sha256 } = command;
    runtime()?.block_on(async {
        let (config, vault) = folder(&args.dir)?;
        let anchor = root_sha256.parse().map_err(|e| Failure::new(format!("--root-sha256: {e}")))?;
        let http = Http::new(&config).map_err(Failure::new)?;
        let cache = ClientConfig { cache: args.dir.join("directory"), anchor };
        let client = Client::open(cache, HubFiles::new(http, &hub))?;
        let key = cosign_key(&args.dir, &args.name, &vault)?;
        write(&args.dir.join("witness.pub"), key.verifier().as_bytes())?;
        let known = witnessing::logs_of(client.handle());
        let witness = Arc::new(Witness::open(args.dir.join("logs"), key, Clock::System, known)?);
        let refreshing = tokio::spawn(refresh(client));
        let router = witnessing::router(witness).route("/health/ready", get(async || "ready\n"));
        let served = serve(&args, router).await;
        refreshing.abort();
        served
    })
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?)
}

async fn serve(args: &StandaloneArgs, router: Router) -> Result<(), Failure> {
    logs::start(&Config::default().telemetry).map_err(Failure::new)?;
    let listener = TcpListener::bind(args.listen).await.trying(format!("listening on {}", args.listen))?;
    tracing::info!("ready: {} at http://{}", args.name, args.listen);
    let mut term = signal(SignalKind::terminate()).trying("waiting for signals")?;
    let mut end = if args.until_stdin_ends { stdin::End::watch()? } else { stdin::End::Never };
    let stop = async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
            () = end.reached() => {}
        }
    };
    lgsp_web::serve(listener, router, lgsp_web::Limits::default(), stop).await;
    Ok(())
}

/// The folder, made if it is missing, with a vault of its own.
fn folder(dir: &Path) -> Result<(Config, Vault), Failure> {
    let mut config = Config::default();
    config.node.data_dir = dir.to_owned();
    write(&dir.join("README"), b"Keys and state of a server of lgsp. master.key seals the keys.\n")?;
    let key = match master_key::read(&config, master_key::credentials_directory().as_deref()) {
        Err(MasterKeyError::Missing(path)) => master_key::create(&path)?,
        other => other?,
    };
    let vault = Vault::new(&key);
    Ok((config, vault))
}

/// Reads what is sealed in a file; makes it where there is none.
fn sealed(
    path: &Path,
    vault: &Vault,
    make: impl FnOnce() -> Result<Zeroizing<Vec<u8>>, Failure>,
) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let place = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
    if let Ok(text) = std::fs::read_to_string(path) {
        let opened = vault.open(place, text.trim()).trying(path.display())?;
        return Ok(Zeroizing::new(opened.expose().to_vec()));
    }
    let made = make()?;
    write(path, vault.seal(place, &made)?.as_bytes()).trying(path.display())?;
    Ok(made)
}

fn cosign_key(dir: &Path, name: &str, vault: &Vault) -> Result<CosignKey, Failure> {
    let seed = witnessing::seed(dir, vault).map_err(Failure::new)?;
    Ok(CosignKey::from_seed(name, seed)?)
}

async fn refresh(client: Client<HubFiles>) {
    loop {
        let known = client.update(Clock::System.now()).await;
        if let Err(error) = &known {
            tracing::warn!(%error, "the directory was not updated");
        }
        let first = client.directory().is_none();
        tokio::time::sleep(if first { REFRESH_FIRST } else { REFRESH }).await;
    }
}

fn authority(args: &StandaloneArgs) -> Result<tsa::Authority, Failure> {
    let (_, vault) = folder(&args.dir)?;
    let chain_file = args.dir.join("chain.pem");
    let mut made = None;
    let key = sealed(&args.dir.join("tsa.key"), &vault, || {
        let authority = tsa::Authority::create(&args.name, Clock::System)?;
        let chain: String = authority.chain().iter().map(|c| pem::encode(pem::CERTIFICATE, c)).collect();
        write(&chain_file, chain.as_bytes()).trying(chain_file.display())?;
        let key = authority.key_pkcs8();
        made = Some(authority);
        Ok(key)
    })?;
    if let Some(authority) = made {
        // What others list: the certificate that issued the one that stamps.
        let issuer = authority.chain().last().map(|c| pem::encode(pem::CERTIFICATE, c)).unwrap_or_default();
        write(&args.dir.join("tsa.pem"), issuer.as_bytes())?;
        return Ok(authority);
    }
    let text = std::fs::read_to_string(&chain_file).trying(chain_file.display())?;
    let chain = pem::decode_all(pem::CERTIFICATE, &text).trying(chain_file.display())?;
    Ok(tsa::Authority::load(&key, chain, Clock::System)?)
}

async fn stamp(State(authority): State<Arc<tsa::Authority>>, body: Bytes) -> Response {
    let answer = tokio::task::spawn_blocking(move || authority.handle(&body)).await;
    match answer {
        Ok(answer) => ([(CONTENT_TYPE, tsa::REPLY_TYPE)], answer).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
