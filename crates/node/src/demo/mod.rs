//! `lgsp demo`: the platform's main job on one machine, on real parts. One node in a folder, two sandbox national systems over real
//! sockets, agencies, services and grants from declarative files. Not here: the sandbox systems themselves (`lgsp-sandbox`).

mod caller;
mod check;
mod folder;
mod guide;

use crate::commands::failure::{Failure, Trying as _};
use crate::commands::{desk, out};
use crate::node::{Node, NodeOptions};
use crate::setup;
use folder::{DemoFolder, Secrets};
use lgsp_kernel::{Actor, Clock, OpContext};
use lgsp_registry::{PlanOptions, Registry};
use lgsp_sandbox::Sandbox;
use std::net::SocketAddr;
use std::path::PathBuf;

/// `lgsp demo`
#[derive(Debug, clap::Args)]
pub struct DemoArgs {
    /// Make the calls of the demo, verify the evidence, print a table and end: 0 if all is well, 1 with the reason if not.
    #[arg(long)]
    pub check: bool,
    /// The demo's folder; kept from one start to the next [default: lgsp-demo; with --check a new one that is removed].
    #[arg(long, value_name = "FOLDER")]
    pub dir: Option<PathBuf>,
    /// Port of the front door; the administration API takes the next, the sandboxes the two after it. 0: any free ones.
    #[arg(long, default_value_t = 8080)]
    pub port: u16,
}

/// What the demo runs on: all of it stops when this is stopped.
pub(crate) struct Demo {
    node: Node,
    sandbox: Sandbox,
    folder: DemoFolder,
    secrets: Secrets,
}

/// Runs the demo until Ctrl-C, or its check.
pub async fn run(args: &DemoArgs) -> Result<(), Failure> {
    let temporary = std::env::temp_dir().join(format!("lgsp-demo-{}", std::process::id()));
    let path = match (&args.dir, args.check) {
        (Some(dir), _) => dir.clone(),
        (None, true) => temporary.clone(),
        (None, false) => PathBuf::from("lgsp-demo"),
    };
    let port = if args.check && args.port == 8080 { 0 } else { args.port };
    let demo = Demo::start(path, port).await?;
    let result = if args.check { check::run(&demo).await } else { demo.show().await };
    demo.stop().await;
    if args.check && args.dir.is_none() {
        std::fs::remove_dir_all(&temporary).trying(format!("removing {}", temporary.display()))?;
    }
    result
}

impl Demo {
    async fn start(path: PathBuf, port: u16) -> Result<Self, Failure> {
        let clock = Clock::System;
        let folder = DemoFolder::open(path)?;
        let secrets = Secrets::keep_or_make(&folder)?;
        let at = |offset: u16| SocketAddr::from(([127, 0, 0, 1], if port == 0 { 0 } else { port + offset }));
        let sandbox = Sandbox::start(secrets.sandbox(at(2), at(3)))
            .await
            .trying("starting the sandbox national systems")?;
        folder.write_config(at(0), at(1))?;
        folder.write_manifests(&secrets, sandbox.population_addr, sandbox.business_addr)?;
        let config = desk::Desk::open(Some(&folder.config_file()))?.loaded.config;
        let context = OpContext { actor: Actor::Node, reason: Some("lgsp demo".into()), at: clock.now() };
        let prepared = setup::prepare(&config, &clock, Some(&context)).await?;
        if let Some(token) = prepared.token {
            folder.keep_admin_token(&token)?;
        }
        let node = Node::start(config, NodeOptions::default()).await.trying("starting the node")?;
        apply(&node.registry, &folder, &context).await?;
        folder.write_log_key(&node.log_verifier())?;
        Ok(Self { node, sandbox, folder, secrets })
    }

    /// The front door and the administration API.
    fn addresses(&self) -> Result<(SocketAddr, SocketAddr), Failure> {
        self.node
            .gateway_addr
            .zip(self.node.admin_addr)
            .ok_or_else(|| Failure::new("the demo's node does not listen"))
    }

    /// Prints the guide and serves until Ctrl-C.
    async fn show(&self) -> Result<(), Failure> {
        out::print(&guide::text(self)?);
        tokio::signal::ctrl_c().await.trying("waiting for Ctrl-C")?;
        Ok(())
    }

    async fn stop(self) {
        self.node.stop().await;
        self.sandbox.stop().await;
    }
}

/// Declares the demo's agencies, services and grants through the code that `lgsp apply` uses.
async fn apply(registry: &Registry, folder: &DemoFolder, context: &OpContext) -> Result<(), Failure> {
    let desired = lgsp_registry::manifest::read(&[folder.manifests()]).map_err(|p| problems(&p))?;
    let plan = registry.plan(&desired, PlanOptions { prune: false }).await.map_err(|p| problems(&p))?;
    registry.commit(plan, context).await.trying("declaring the demo's agencies")?;
    Ok(())
}

fn problems<P: std::fmt::Display>(problems: &[P]) -> Failure {
    Failure::new(problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}
