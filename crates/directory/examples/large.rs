//! Measures a large directory: `cargo run --release -p lgsp-directory --example large [members] [services]`. It publishes one, reads it
//! as a node does, and reports how long a node takes to start from its copy on disk, and how much memory the view holds. `large fill <hub's
//! data folder> [members] [services]` puts them into the directory of a hub instead, beside the members that it has.

use lgsp_directory::members::Der;
use lgsp_directory::{
    Client, ClientConfig, Edit, FolderFetch, Hints, Member, MemberAgency, MemberKind, MemberState, Operation,
    Profile, Publisher, PublisherConfig, Role, RootKeys, RootPlan, Service, System,
};
use lgsp_kernel::model::{Protocol, SignatureMode};
use lgsp_kernel::{Clock, Vault};
use std::time::Instant;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn member(number: usize, services: usize) -> Outcome<Member> {
    let agencies: Vec<MemberAgency> = (0..5)
        .map(|a| {
            Ok(MemberAgency {
                code: format!("A{number}.{a}").parse()?,
                aliases: vec![format!("000.{a}.{number}.H01").parse()?],
                name: format!("Sở số {a} của tỉnh số {number}").into(),
                certificates: vec![Der::new(vec![a as u8; 900])],
            })
        })
        .collect::<Outcome<_>>()?;
    let system = |a: &MemberAgency| -> Outcome<System> {
        Ok(System { id: format!("system-{}", a.code).parse()?, agency: a.code.clone(), name: a.name.clone() })
    };
    let systems = agencies.iter().map(system).collect::<Outcome<Vec<_>>>()?;
    let services = (0..services)
        .map(|s| {
            let system = &systems[s % systems.len()];
            let operation = |o: usize| Operation {
                name: format!("operation{o}").into(),
                method: Some("GET".into()),
                path: Some(format!("/resources/{s}/{{id}}/parts/{o}").into()),
                element: None,
                soap_action: None,
                idempotent: true,
                safe: true,
            };
            Ok(Service {
                id: format!("service-{number}-{s}").parse()?,
                version: "1.0".parse()?,
                title: format!("Tra cứu hồ sơ số {s}").into(),
                protocol: Protocol::Rest,
                agency: system.agency.clone(),
                system: system.id.clone(),
                operations: (0..4).map(operation).collect(),
                hints: Hints { timeout_ms: Some(30_000), ..Hints::default() },
            })
        })
        .collect::<Outcome<_>>()?;
    let profile = Profile {
        endpoints: vec![format!("https://node-{number}.example.invalid:8443").into()],
        protocols: vec![1],
        modes: vec![SignatureMode::Group, SignatureMode::Message],
        systems,
        services,
        ..Profile::default()
    };
    Ok(Member {
        name: format!("node-{number}").parse()?,
        title: format!("Tỉnh số {number}").into(),
        kind: MemberKind::Province,
        state: MemberState::Active,
        agencies,
        profile,
    })
}

/// Resident memory of this process, MiB.
fn resident() -> Outcome<usize> {
    let text = std::fs::read_to_string("/proc/self/statm")?;
    let pages: usize = text.split(' ').nth(1).ok_or("statm")?.parse()?;
    Ok(pages * 4096 / (1 << 20))
}

/// Members, approved, with these services between them.
fn approved(members: usize, services: usize) -> Outcome<Vec<Edit>> {
    let mut edits = Vec::new();
    for number in 0..members {
        let member = member(number, services / members)?;
        let (name, agencies) = (member.name.clone(), member.agencies.clone());
        edits.extend([Edit::Propose(Box::new(member)), Edit::Approve { name, agencies }]);
    }
    Ok(edits)
}

/// Adds them to what a hub publishes.
fn fill(data: &std::path::Path, members: usize, services: usize) -> Outcome<()> {
    let key = std::fs::read_to_string(data.join("master.key"))?;
    let key: [u8; 32] = hex::decode(key.trim())?.try_into().map_err(|_| "a key has 32 bytes")?;
    let (private, public) = (data.join("hub/directory"), data.join("hub/public"));
    let config = PublisherConfig { private, public, lifetimes: Default::default() };
    let mut publisher = Publisher::open(&config, &Vault::new(&key))?;
    publisher.apply(&approved(members, services)?, Clock::System.now())?;
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1).peekable();
    if arguments.next_if(|a| a == "fill").is_some() {
        let data = arguments.next().ok_or("folder")?;
        let mut number = |usual| arguments.next().map_or(Ok(usual), |a| a.parse());
        return fill(data.as_ref(), number(1_000)?, number(20_000)?);
    }
    let members: usize = arguments.next().map_or(Ok(1_000), |a| a.parse())?;
    let services: usize = arguments.next().map_or(Ok(20_000), |a| a.parse())?;
    let work = std::env::temp_dir().join(format!("lgsp-directory-large-{}", std::process::id()));
    if let Some(copy) = arguments.next() {
        return start(&copy.parse()?, arguments.next().ok_or("folder")?.into());
    }
    let now = Clock::System.now();
    let config = PublisherConfig {
        private: work.join("private"),
        public: work.join("public"),
        lifetimes: Default::default(),
    };
    let vault = Vault::new(&[1; 32]);
    let keys = RootKeys::generate(3, 2)?;
    let mut online = std::collections::BTreeMap::new();
    for role in [Role::Members, Role::Revocations, Role::Freshness] {
        online.insert(role, Publisher::generate_key(&config, &vault)?);
    }
    let plan = RootPlan::first(&keys.public(), 2, &online, now, now.plus_seconds(86_400));
    let mut publisher = Publisher::init(&config, &vault, &plan.sign(&keys.signers())?, now)?;
    let mut edits = approved(members, services)?;
    for n in 0..1_000u32 {
        let mut sha256 = [0; 32];
        sha256[..4].copy_from_slice(&n.to_be_bytes());
        edits.push(Edit::RevokeCertificate { sha256, reason: "superseded".into() });
    }
    let began = Instant::now();
    publisher.apply(&edits, now)?;
    println!("published {members} members, {services} services in {:?}", began.elapsed());
    let began = Instant::now();
    publisher.apply(&[Edit::Suspend("node-0".parse()?)], now)?;
    println!("one more edit in {:?}", began.elapsed());
    for entry in std::fs::read_dir(&config.public)? {
        let entry = entry?;
        println!("  {} {} KiB", entry.file_name().to_string_lossy(), entry.metadata()?.len() >> 10);
    }
    let cache = ClientConfig { cache: work.join("cache"), anchor: publisher.anchor() };
    let client = Client::open(cache.clone(), FolderFetch(config.public.clone()))?;
    let began = Instant::now();
    client.update(now).await?;
    println!("first update in {:?}", began.elapsed());
    drop((client, publisher, edits));
    // Another process, so that its memory is only what the view needs.
    let mut child = std::process::Command::new(std::env::current_exe()?);
    child.args([members.to_string(), services.to_string(), cache.anchor.to_string()]).arg(&cache.cache);
    let status = child.status()?;
    std::fs::remove_dir_all(&work)?;
    if status.success() { Ok(()) } else { Err("the start from the copy failed".into()) }
}

/// A node that starts from its copy.
fn start(anchor: &lgsp_directory::Anchor, cache: std::path::PathBuf) -> Outcome<()> {
    let before = resident()?;
    let began = Instant::now();
    let config = ClientConfig { cache, anchor: *anchor };
    let client = Client::open(config, FolderFetch("/nonexistent".into()))?;
    let took = began.elapsed();
    let view = client.directory().ok_or("no copy")?;
    println!("started from the copy in {took:?}; resident {before} -> {} MiB", resident()?);
    let began = Instant::now();
    let mut found = 0;
    for n in 0..100_000 {
        let number = n % 1_000;
        found += usize::from(
            view.service(&format!("node-{number}"), &format!("service-{number}-7"), "1.0").is_some(),
        );
        found += usize::from(view.agency(&format!("A{number}.3")).is_some());
    }
    println!("{found} of 200,000 lookups found in {:?}", began.elapsed());
    Ok(())
}
