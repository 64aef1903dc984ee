//! `lgsp demo`: a country on one machine, on real parts. The hub, two provinces and a ministry are nodes in processes and folders of
//! their own; the sandbox systems behind them listen on real sockets. Not here: the sandbox systems themselves (`lgsp-sandbox`).

mod caller;
mod check;
mod check_country;
mod child;
mod country;
mod folder;
mod guide;
mod node;
mod place;
mod secrets;

use crate::commands::failure::{Failure, Trying as _};
use crate::commands::out;
use child::Child;
use folder::DemoFolder;
use lgsp_sandbox::{Dossiers, Sandbox};
use node::DemoNode;
use place::{HUB, NODES, Places};
use secrets::Secrets;
use std::path::PathBuf;
use tokio::signal::unix::{SignalKind, signal};

/// `lgsp demo`
#[derive(Debug, clap::Args)]
pub struct DemoArgs {
    /// Make the calls of the demo, verify the evidence, print a table and end: 0 if all is well, 1 with the reason if not.
    #[arg(long)]
    pub check: bool,
    /// The demo's folder; kept from one start to the next [default: lgsp-demo; with --check a new one that is removed].
    #[arg(long, value_name = "FOLDER")]
    pub dir: Option<PathBuf>,
    /// Port of province A's front door; everything else takes ports after it. 0: any free ones.
    #[arg(long, default_value_t = 8080)]
    pub port: u16,
}

/// What the demo runs on: all of it stops when this is stopped.
pub(crate) struct Demo {
    nodes: Vec<DemoNode>,
    /// The timestamp authority and the witness.
    attestors: Vec<Child>,
    sandbox: Sandbox,
    dossiers: Dossiers,
    folder: DemoFolder,
    secrets: Secrets,
    places: Places,
}

/// Runs the demo until it is told to stop, or its check.
pub async fn run(args: &DemoArgs) -> Result<(), Failure> {
    let temporary = std::env::temp_dir().join(format!("lgsp-demo-{}", std::process::id()));
    let path = match (&args.dir, args.check) {
        (Some(dir), _) => dir.clone(),
        (None, true) => temporary.clone(),
        (None, false) => PathBuf::from("lgsp-demo"),
    };
    let port = if args.check && args.port == 8080 { 0 } else { args.port };
    let mut demo = Demo::start(path, port).await?;
    let result = if args.check { check::run(&demo).await } else { demo.show().await };
    demo.stop().await;
    // What a failed check leaves behind is what explains it.
    if args.check && args.dir.is_none() && result.is_ok() {
        std::fs::remove_dir_all(&temporary).trying(format!("removing {}", temporary.display()))?;
    }
    result
}

impl Demo {
    async fn start(path: PathBuf, port: u16) -> Result<Self, Failure> {
        let folder = DemoFolder::open(path)?;
        let secrets = Secrets::keep_or_make(&folder)?;
        let places = Places::from(port)?;
        let sandbox =
            Sandbox::start(secrets.sandbox(places)).await.trying("starting the sandbox national systems")?;
        let dossiers = Dossiers::start(places.dossiers(), "H98.02-261122")
            .await
            .trying("starting the sandbox of province A's dossiers")?;
        let mut nodes = Vec::with_capacity(NODES.len());
        for name in NODES {
            nodes.push(DemoNode::prepare(folder.node(name)?, &secrets, places).await?);
        }
        let attestors = Vec::new();
        let mut demo = Self { nodes, attestors, sandbox, dossiers, folder, secrets, places };
        demo.folder.write("overview.txt", &guide::overview(&demo))?;
        let started = demo.start_country().await;
        match started {
            Ok(()) => Ok(demo),
            Err(e) => {
                demo.stop().await;
                Err(e)
            }
        }
    }

    /// The hub first; then all others at once, once they are members.
    async fn start_country(&mut self) -> Result<(), Failure> {
        let (hub, others) = self.nodes.split_at_mut(1);
        let hub = &mut hub[0];
        let root = country::begin(hub, self.places)?;
        hub.start().await?;
        self.attestors = country::attestors(&self.folder, hub, &root, self.places).await?;
        for node in others.iter() {
            country::join(node, hub, &root, self.places).await?;
        }
        let starting: Vec<_> = others.iter_mut().map(DemoNode::start).collect();
        for result in futures_util::future::join_all(starting).await {
            result?;
        }
        Ok(())
    }

    /// One of the nodes.
    fn node(&self, name: &str) -> &DemoNode {
        self.nodes.iter().find(|n| n.name() == name).expect("every name comes from the list that made them")
    }

    /// Prints the guide and serves until it is told to stop, or until a part of it ends.
    async fn show(&mut self) -> Result<(), Failure> {
        out::print(&guide::text(self)?);
        let mut term = signal(SignalKind::terminate()).trying("waiting for signals")?;
        let ended = self.nodes.iter_mut().map(|n| Box::pin(n.ended()));
        tokio::select! {
            stopped = tokio::signal::ctrl_c() => stopped.trying("waiting for Ctrl-C"),
            _ = term.recv() => Ok(()),
            (failure, ..) = futures_util::future::select_all(ended) => Err(failure),
        }
    }

    /// All but the hub stop at once; it stops last.
    async fn stop(self) {
        let (hub, others): (Vec<_>, Vec<_>) = self.nodes.into_iter().partition(|n| n.name() == HUB);
        futures_util::future::join_all(others.into_iter().map(DemoNode::stop)).await;
        futures_util::future::join_all(hub.into_iter().map(DemoNode::stop)).await;
        futures_util::future::join_all(self.attestors.into_iter().map(Child::stop)).await;
        self.dossiers.stop().await;
        self.sandbox.stop().await;
    }
}
