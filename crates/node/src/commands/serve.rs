//! `lgsp serve`: runs the node until it is told to stop. Signals: TERM and INT stop it without dropping a call, HUP reads the
//! configuration and the certificates again. So does the end of standard input stop it, where that was asked for.

use super::desk::{Desk, explain};
use super::failure::{Failure, PIN_REFUSED, Trying as _};
use super::stdin;
use crate::cli::ServeArgs;
use crate::config::{Config, check, load};
use crate::master_key;
use crate::node::{Node, NodeOptions};
use crate::sd_notify::Notifier;
use crate::telemetry::logs::{self, LogControl};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Runs the node in a runtime of its own.
pub fn run(named: Option<&Path>, args: &ServeArgs) -> Result<(), Failure> {
    let desk = Desk::open(named)?;
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if desk.config().node.worker_threads > 0 {
        builder.worker_threads(desk.config().node.worker_threads);
    }
    let runtime = builder.thread_name("lgsp").enable_all().build()?;
    let logs = logs::start(&desk.config().telemetry).map_err(Failure::new)?;
    let served = runtime.block_on(serve(desk, logs, args));
    // What still runs is a connection that was cut off, or a file being read: nothing to wait for.
    runtime.shutdown_background();
    served
}

async fn serve(desk: Desk, logs: LogControl, args: &ServeArgs) -> Result<(), Failure> {
    let began = Instant::now();
    let notifier = Arc::new(Notifier::from_env());
    let mut signals = Signals::new(args.until_stdin_ends)?;
    let file = desk.loaded.file.clone();
    warn_of(&desk);
    let credentials = master_key::credentials_directory();
    let options = NodeOptions { clock: desk.clock.clone(), credentials, logs: Some(logs) };
    let node = Node::start(desk.loaded.config, options).await.map_err(|e| {
        tracing::error!(error = %e, "the node does not start");
        let code = if e.is_about_pin() { PIN_REFUSED } else { 1 };
        Failure::from(e).exit_code(code)
    })?;
    let status = listening(&node);
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        generation = node.registry.generation(),
        log_size = node.log.state().size,
        took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        "ready: {status}"
    );
    notifier.ready(&status);
    let watchdog = tokio::spawn(signs_of_life(notifier.clone()));
    loop {
        match signals.next().await {
            What::Stop => break,
            What::Reload => {
                notifier.reloading();
                reload(&node, file.as_deref());
                notifier.ready(&status);
            }
        }
    }
    notifier.stopping();
    tracing::info!(open = node.in_flight(), "stopping");
    let cut_off = node.stop().await;
    watchdog.abort();
    tracing::info!(cut_off, "stopped");
    Ok(())
}

/// systemd restarts a process whose runtime no longer turns.
async fn signs_of_life(notifier: Arc<Notifier>) {
    let Some(period) = notifier.watchdog_interval() else { return };
    loop {
        notifier.alive();
        tokio::time::sleep(period).await;
    }
}

fn listening(node: &Node) -> String {
    let places = [
        ("http", node.gateway_addr),
        ("https", node.gateway_tls_addr),
        ("admin", node.admin_addr),
        ("metrics", node.metrics_addr),
    ];
    let texts: Vec<String> = places.iter().filter_map(|(name, a)| a.map(|a| format!("{name} {a}"))).collect();
    texts.join(", ")
}

/// What a check finds besides faults is worth a line in the log.
fn warn_of(desk: &Desk) {
    for problem in check::check(&desk.loaded, master_key::credentials_directory().as_deref()) {
        if problem.warning {
            tracing::warn!(at = problem.at, key = problem.key, "configuration: {}", problem.message);
        }
    }
}

/// Reads the configuration again. One that is not sound changes nothing.
fn reload(node: &Node, file: Option<&Path>) {
    let config = match read_again(file) {
        Ok(config) => config,
        Err(why) => return tracing::error!("configuration not taken over:\n{why}"),
    };
    let done = node.reload(&config);
    for (key, why) in &done.refused {
        tracing::error!(key, why, "not taken over");
    }
    if !done.need_restart.is_empty() {
        tracing::warn!(keys = ?done.need_restart, "changed, but in effect only after a restart");
    }
    tracing::info!(keys = ?done.applied, certificate = done.certificate, "taken over");
}

fn read_again(file: Option<&Path>) -> Result<Config, String> {
    let loaded = load::load(file, load::process_env()).map_err(|p| explain(&p))?;
    check::sound(loaded).map_err(|p| explain(&p))
}

enum What {
    Stop,
    Reload,
}

struct Signals {
    term: Signal,
    int: Signal,
    hup: Signal,
    stdin: stdin::End,
}

impl Signals {
    fn new(until_stdin_ends: bool) -> Result<Self, Failure> {
        let one = |kind| signal(kind).trying("waiting for signals");
        Ok(Self {
            term: one(SignalKind::terminate())?,
            int: one(SignalKind::interrupt())?,
            hup: one(SignalKind::hangup())?,
            stdin: if until_stdin_ends { stdin::End::watch()? } else { stdin::End::Never },
        })
    }
    async fn next(&mut self) -> What {
        tokio::select! {
            _ = self.term.recv() => What::Stop,
            _ = self.int.recv() => What::Stop,
            () = self.stdin.reached() => What::Stop,
            _ = self.hup.recv() => What::Reload,
        }
    }
}
