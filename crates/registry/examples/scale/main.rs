//! Times a large declaration from file to snapshot: `cargo run --release -p lgsp-registry --example scale [services] [grants]`.

mod data;

use lgsp_kernel::{Actor, Clock, OpContext, Vault};
use lgsp_registry::{Kind, PlanOptions, Registry, manifest};
use lgsp_store::Store;
use std::sync::Arc;
use std::time::Instant;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let number =
        |n: usize, default: usize| std::env::args().nth(n).and_then(|a| a.parse().ok()).unwrap_or(default);
    let (services, grants) = (number(1, 10_000), number(2, 100_000));
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("all.yaml");
    std::fs::write(&path, data::manifest(services, grants))?;
    let size = std::fs::metadata(&path)?.len() >> 20;
    println!("{services} services, {grants} grants, {size} MiB of YAML");
    let store = Store::open(&format!("sqlite:{}", folder.path().join("lgsp.db").display())).await?;
    store.migrate().await?;
    let (vault, clock) = (Arc::new(Vault::new(&[7; 32])), Clock::System);
    let registry = Registry::open(store.clone(), vault.clone(), clock.clone()).await?;
    let context = OpContext { actor: Actor::Node, reason: None, at: clock.now() };
    let mut last = Instant::now();
    let mut lap = |what: &str| {
        println!("{what:<40}{:>9.3} s", last.elapsed().as_secs_f64());
        last = Instant::now();
    };
    let bad =
        |p: Vec<lgsp_registry::Problem>| p.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");

    let desired = manifest::read(&[path]).map_err(bad)?;
    lap("read");
    let plan =
        registry.plan(&desired, PlanOptions { prune: true, ..PlanOptions::default() }).await.map_err(bad)?;
    lap("plan");
    registry.commit(plan, &context).await?;
    lap("commit and compile");
    let again =
        registry.plan(&desired, PlanOptions { prune: true, ..PlanOptions::default() }).await.map_err(bad)?;
    lap("plan again, nothing changed");
    println!("  {} changes", again.changes.len());
    let mut one = registry.get(Kind::Grant, "grant-1").map(|i| i.spec).unwrap_or_default();
    one["daily_quota"] = 5.into();
    registry.put(Kind::Grant, "grant-1", one, &context).await?;
    lap("change one grant");
    let other = Registry::open(store.clone(), vault.clone(), clock.clone()).await?;
    lap("load and compile at start");
    let mut system = registry.get(Kind::System, "sys-1").map(|i| i.spec).unwrap_or_default();
    system["suspended"] = true.into();
    registry.put(Kind::System, "sys-1", system, &context).await?;
    lap("change one system");
    other.refresh().await?;
    lap("another node takes both over");
    registry.save_copy(&folder.path().join("copy"))?;
    lap("save the copy on disk");
    Registry::open_copy(&folder.path().join("copy"), 60, vault, clock)?;
    lap("start from the copy");
    Ok(())
}
