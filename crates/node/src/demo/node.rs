//! One node of the demo: its folder, prepared as an operator prepares one, and its process.

use super::caller::Caller;
use super::child::Child;
use super::folder::NodeFolder;
use super::place::Places;
use super::secrets::Secrets;
use crate::commands::desk::Desk;
use crate::commands::failure::{Failure, Trying as _};
use crate::setup;
use lgsp_kernel::{Actor, OpContext};
use lgsp_registry::PlanOptions;

/// The node.
pub(crate) struct DemoNode {
    pub(crate) folder: NodeFolder,
    pub(crate) caller: Caller,
    child: Option<Child>,
}

impl DemoNode {
    /// Writes its files, makes its keys and store, and declares what its manifests say. It does not run yet.
    pub(crate) async fn prepare(
        folder: NodeFolder,
        secrets: &Secrets,
        places: Places,
    ) -> Result<Self, Failure> {
        folder.write_config(places)?;
        folder.write_manifests(secrets, places)?;
        let caller = Caller::new(places.http(folder.node), places.admin(folder.node));
        let node = Self { folder, caller, child: None };
        let desk = node.desk()?;
        let context = context(&desk);
        let prepared = setup::prepare(desk.config(), &desk.clock, Some(&context)).await?;
        if let Some(token) = prepared.token {
            node.folder.keep_admin_token(&token)?;
        }
        node.folder.write_log_key(&desk.log_verifier()?)?;
        node.declare(&desk, &context).await?;
        Ok(node)
    }

    pub(crate) fn name(&self) -> &'static str {
        self.folder.node
    }

    /// What its operator's commands work with.
    pub(crate) fn desk(&self) -> Result<Desk, Failure> {
        Desk::open(Some(&self.folder.config_file()))
    }

    /// Starts its process and waits until it takes calls.
    pub(crate) async fn start(&mut self) -> Result<(), Failure> {
        let config = self.folder.config_file().display().to_string();
        let mut child =
            Child::spawn(self.name(), &["serve", "--until-stdin-ends", "-c", &config], &self.folder.said())?;
        child.ready(|| self.caller.is_ready()).await?;
        self.child = Some(child);
        Ok(())
    }

    /// Ends, with the reason, when its process ends by itself.
    pub(crate) async fn ended(&mut self) -> Failure {
        match &mut self.child {
            Some(child) => child.ended().await,
            None => std::future::pending().await,
        }
    }

    pub(crate) async fn stop(self) {
        if let Some(child) = self.child {
            child.stop().await;
        }
    }

    /// Declares its agencies, services and grants through the code that `lgsp apply` uses.
    async fn declare(&self, desk: &Desk, context: &OpContext) -> Result<(), Failure> {
        let registry = desk.registry().await?;
        let desired = lgsp_registry::manifest::read(&[self.folder.manifests()]).map_err(|p| problems(&p))?;
        let plan = registry
            .plan(&desired, PlanOptions { prune: false, ..PlanOptions::default() })
            .await
            .map_err(|p| problems(&p))?;
        registry.commit(plan, context).await.trying(format!("declaring what {} has", self.name()))?;
        Ok(())
    }
}

fn context(desk: &Desk) -> OpContext {
    OpContext { actor: Actor::Node, reason: Some("lgsp demo".into()), at: desk.clock.now() }
}

fn problems<P: std::fmt::Display>(problems: &[P]) -> Failure {
    Failure::new(problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}
