//! Making one country of the demo's nodes: the hub begins, the others join and are approved, the timestamp authority and the witness are
//! listed. All of it through the code of the commands that an operator would type.

use super::child::Child;
use super::folder::DemoFolder;
use super::node::DemoNode;
use super::place::{HUB, Places};
use crate::cli::{Oneself, PlatformKind};
use crate::commands::desk::Desk;
use crate::commands::failure::{Failure, Trying as _};
use crate::commands::{member, oneself};
use crate::hub::{Beginning, HubDesk};
use crate::membership::ask::Hub;
use crate::membership::files::{MemberFiles, Membership};
use crate::membership::http::Http;
use crate::membership::join::{self, Progress};
use lgsp_directory::Edit;
use lgsp_directory::members::{Der, TimestampAuthority, Witness};
use lgsp_trust::pem;
use std::sync::Arc;

/// What each node asks to be taken in as.
fn oneself_of(node: &str) -> Oneself {
    let (title, kind, agencies): (&str, _, &[&str]) = match node {
        "ngsp" => ("Nền tảng tích hợp quốc gia (thử)", PlatformKind::National, &["G01=Bộ Công an"]),
        "bo-x" => ("Nền tảng của một bộ (thử)", PlatformKind::Ministry, &["G12=Bộ Tài chính"]),
        "tinh-a" => (
            "Nền tảng tỉnh Mẫu (thử)",
            PlatformKind::Province,
            &[
                "H98.02=Trung tâm Phục vụ hành chính công tỉnh Mẫu",
                "H98=Ủy ban nhân dân tỉnh Mẫu",
                "H98.15=Sở Nội vụ tỉnh Mẫu",
            ],
        ),
        _ => (
            "Nền tảng tỉnh Bên (thử)",
            PlatformKind::Province,
            &["H99.02=Trung tâm Phục vụ hành chính công tỉnh Bên", "H99=Ủy ban nhân dân tỉnh Bên"],
        ),
    };
    Oneself {
        agencies: agencies.iter().map(|a| (*a).to_owned()).collect(),
        aliases: Vec::new(),
        certificates: Vec::new(),
        title: Some(title.into()),
        kind,
    }
}

/// The hub's desk.
fn hub_desk(desk: &Desk) -> Result<HubDesk, Failure> {
    Ok(HubDesk::new(Arc::new(desk.config().clone()), desk.vault()?, desk.clock.clone()))
}

/// Makes the node a hub, unless it is one. Returns the root that others pin.
pub(crate) fn begin(hub: &DemoNode, places: Places) -> Result<String, Failure> {
    let desk = hub.desk()?;
    let office = hub_desk(&desk)?;
    let url = format!("http://{}", places.public(HUB));
    if !office.exists() {
        let beginning = Beginning {
            own: oneself::wanted(&desk, &oneself_of(HUB))?,
            url: url.clone(),
            root_keys: 3,
            threshold: 2,
            root_dir: hub.folder.path().join("root-keys"),
        };
        let begun = office.begin(&beginning)?;
        for (path, passphrase) in &begun.root_keys {
            // In real use this is written on paper; here whoever tries the product may want to rotate keys.
            let file = path.with_extension("passphrase");
            std::fs::write(&file, passphrase.expose_str().unwrap_or_default()).trying(file.display())?;
        }
    }
    let files = MemberFiles::at(desk.config().membership_dir());
    let membership = files.membership()?.ok_or_else(|| Failure::new("the hub is no member of itself"))?;
    files.keep_membership(&Membership { hub: url, ..membership.clone() })?;
    Ok(membership.root_sha256)
}

/// Has a node join the hub, which runs, and be approved there.
pub(crate) async fn join(node: &DemoNode, hub: &DemoNode, root: &str, places: Places) -> Result<(), Failure> {
    let desk = node.desk()?;
    let files = MemberFiles::at(desk.config().membership_dir());
    let url = format!("http://{}", places.public(HUB));
    if let Some(before) = files.membership()?.filter(|m| m.approved) {
        return Ok(files.keep_membership(&Membership { hub: url, ..before })?);
    }
    let http = Http::new(desk.config()).map_err(Failure::new)?;
    member::update(desk.config(), &http, &url, root.parse()?).await?;
    let keys = member::keys(&desk)?;
    let wanted = oneself::wanted(&desk, &oneself_of(node.name()))?;
    let link = Hub::new(http, &url, wanted.node.clone(), keys.node()?, desk.clock.clone());
    let membership = Membership {
        hub: url,
        root_sha256: root.to_owned(),
        node: wanted.node.clone(),
        agencies: wanted.agencies.iter().map(|a| a.code.clone()).collect(),
        approved: false,
    };
    join::ask(&link, &files, &keys, membership.clone(), &wanted).await?;
    hub_desk(&hub.desk()?)?.approve(node.name(), &[])?;
    match join::progress(&link, &files, &keys, membership).await? {
        Progress::Member => Ok(()),
        Progress::Waiting { .. } => Err(Failure::new(format!("{} is not a member", node.name()))),
    }
}

/// Starts the timestamp authority and the witness, and has the hub list them.
pub(crate) async fn attestors(
    folder: &DemoFolder,
    hub: &DemoNode,
    root: &str,
    places: Places,
) -> Result<Vec<Child>, Failure> {
    let (tsa_dir, witness_dir) = (folder.path().join("tsa"), folder.path().join("witness"));
    let hub_url = format!("http://{}", places.public(HUB));
    let (tsa_at, witness_at) = (places.tsa().to_string(), places.witness().to_string());
    let (tsa, witness) = (tsa_dir.display().to_string(), witness_dir.display().to_string());
    let until = "--until-stdin-ends";
    let mut children = vec![
        Child::spawn(
            "the timestamp authority",
            &["tsa", "serve", "--listen", &tsa_at, "--dir", &tsa, "--name", "tsa", until],
            &folder.path().join("tsa.log"),
        )?,
        Child::spawn(
            "the witness",
            &[
                "witness",
                "serve",
                "--listen",
                &witness_at,
                "--dir",
                &witness,
                "--name",
                "witness",
                "--hub",
                &hub_url,
                "--root-sha256",
                root,
                until,
            ],
            &folder.path().join("witness.log"),
        )?,
    ];
    for (child, at) in children.iter_mut().zip([places.tsa(), places.witness()]) {
        child.ready(|| async move { tokio::net::TcpStream::connect(at).await.is_ok() }).await?;
    }
    let certificate =
        std::fs::read_to_string(tsa_dir.join("tsa.pem")).trying("the authority's certificate")?;
    let key = std::fs::read_to_string(witness_dir.join("witness.pub")).trying("the witness's key")?;
    let edits = [
        Edit::PutTimestampAuthority(TimestampAuthority {
            name: "tsa".into(),
            url: format!("http://{tsa_at}/").into(),
            certificate: Der::new(pem::decode(pem::CERTIFICATE, &certificate)?),
        }),
        Edit::PutWitness(Witness {
            name: "witness".into(),
            vkey: key.trim().into(),
            url: format!("http://{witness_at}").into(),
        }),
    ];
    hub_desk(&hub.desk()?)?.apply(&edits)?;
    Ok(children)
}
