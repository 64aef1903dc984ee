//! The part of `lgsp demo --check` that needs several nodes: calls between them, proved at both ends, and what others attest.

use super::Demo;
use super::caller::Answer;
use super::check::{Line, expect, proof, step};
use super::node::DemoNode;
use crate::commands::failure::Failure;
use crate::commands::log::export;
use http::{Method, StatusCode};
use lgsp_directory::Purpose;
use lgsp_directory::members::Member;
use lgsp_trust::pem;
use std::time::{Duration, Instant};

/// How long the directory, and what others attest, may take to arrive: the demo's periods are seconds.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(100);

/// Waits until every node's directory has every member's services, endpoints and the witness.
pub(super) async fn country(demo: &Demo) -> Result<String, Failure> {
    let until = Instant::now() + PATIENCE;
    loop {
        let mut missing = None;
        for node in &demo.nodes {
            missing = missing.or(not_yet(demo, node)?);
        }
        match missing {
            None => break,
            Some(what) if Instant::now() > until => return Err(Failure::new(what)),
            Some(_) => tokio::time::sleep(PAUSE).await,
        }
    }
    Ok(format!("{} members, each known to each", demo.nodes.len()))
}

fn not_yet(demo: &Demo, node: &DemoNode) -> Result<Option<String>, Failure> {
    let Some(view) = crate::commands::directory::known(&node.desk()?)? else {
        return Ok(Some(format!("{} has no directory", node.name())));
    };
    for other in &demo.nodes {
        let peer = format!("https://{}", demo.places.peer(other.name()));
        let wanted = if other.name() == "tinh-b" { 0 } else { 1 };
        let fine = |m: &Member| {
            m.profile.endpoints.iter().any(|e| **e == *peer)
                && m.profile.services.len() >= wanted
                && m.profile.witness.is_some()
        };
        if !view.member(other.name()).is_some_and(fine) {
            return Ok(Some(format!("{} does not see all of {}", node.name(), other.name())));
        }
    }
    Ok(None)
}

/// The calls between nodes, and what they leave behind.
pub(super) async fn run(
    demo: &Demo,
    lines: &mut Vec<Line>,
    soap: &Answer,
    rest: &Answer,
) -> Result<(), Failure> {
    let (a, b) = (demo.node("tinh-a"), demo.node("tinh-b"));
    let (hub, ministry) = (demo.node("ngsp"), demo.node("bo-x"));
    both(lines, "SOAP call proved: province, NGSP", &[a, hub], &soap.exchange()).await?;
    both(lines, "REST call proved: province, NGSP, ministry", &[a, hub, ministry], &rest.exchange()).await?;
    let token = b.caller.token("motcua-b-client", &demo.secrets.motcua_b).await?;
    let bearer = ("authorization", format!("Bearer {token}"));
    let number = demo.dossiers.number(7);
    let relayed =
        step(lines, "province to province, by relay", ask(demo, b, "hoso", &bearer), Answer::exchange)
            .await?;
    both(lines, "the same, proved at all three", &[b, hub, a], &relayed.exchange()).await?;
    let direct = step(
        lines,
        "province to province, direct",
        ask(demo, b, "hoso-truc-tiep", &bearer),
        Answer::exchange,
    )
    .await?;
    both(lines, "the same, proved at both", &[b, a], &direct.exchange()).await?;
    let path = format!("/hoso/1.0/hoso/{number}/ghichu");
    step(lines, "refused by the other province", refused(demo, b, &path, &bearer), |a| {
        a.json()["type"].as_str().unwrap_or_default().into()
    })
    .await?;
    step(lines, "cosigned and dated", attested(a), Clone::clone).await?;
    step(lines, "container for a court", container(demo, a, &soap.exchange()), Clone::clone).await?;
    Ok(())
}

/// Exports the exchange and has the script check it that a court would use, tied to keys that do not come from the container.
async fn container(demo: &Demo, node: &DemoNode, exchange: &str) -> Result<String, Failure> {
    let desk = node.desk()?;
    let bytes = export::container(&desk, exchange, false).await?;
    let view = crate::commands::directory::known(&desk)?;
    let view = view.ok_or_else(|| Failure::new("there is no directory"))?;
    let pems = |ders: Vec<&[u8]>| ders.iter().map(|d| pem::encode(pem::CERTIFICATE, d)).collect::<String>();
    let authorities = view.authorities(Purpose::Agency).map(|a| a.certificate.as_bytes()).collect();
    let stamping = view.timestamp_authorities().iter().map(|t| t.certificate.as_bytes()).collect();
    let profiles = || view.members().map(|m| &m.profile);
    let logs: Vec<&str> = profiles().flat_map(|p| &p.logs).map(|l| &*l.vkey).collect();
    let own = profiles().filter_map(|p| p.witness.as_ref());
    let witnesses: Vec<&str> = view.witnesses().chain(own).map(|w| &*w.vkey).collect();
    demo.folder.write("authorities.pem", &pems(authorities))?;
    demo.folder.write("tsa.pem", &pems(stamping))?;
    demo.folder.write("log-keys.txt", &format!("{}\n", logs.join("\n")))?;
    demo.folder.write("witnesses.txt", &format!("{}\n", witnesses.join("\n")))?;
    demo.folder.write("verify-asice.sh", include_str!("../../../../docs/verify-asice.sh"))?;
    std::fs::write(demo.folder.path().join("exchange.asice"), &bytes)?;
    let mut checking = tokio::process::Command::new("sh");
    checking.current_dir(demo.folder.path()).arg("verify-asice.sh").args([
        "--authorities",
        "authorities.pem",
        "--tsa",
        "tsa.pem",
        "--log-keys",
        "log-keys.txt",
        "--witnesses",
        "witnesses.txt",
        "exchange.asice",
    ]);
    let done = checking.output().await?;
    let said = String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
    let last = said.lines().last().unwrap_or_default().to_owned();
    match done.status.code() {
        Some(0) => Ok(format!(
            "{} bytes; docs/verify-asice.sh: {} parts are right",
            bytes.len(),
            said.matches("ok  ").count()
        )),
        // A machine without unzip or openssl.
        Some(2) => Ok(format!("{} bytes; not checked here: {last}", bytes.len())),
        _ => Err(Failure::new(format!("docs/verify-asice.sh says:\n{said}"))),
    }
}

async fn ask(
    demo: &Demo,
    node: &DemoNode,
    service: &str,
    bearer: &(&str, String),
) -> Result<Answer, Failure> {
    let number = demo.dossiers.number(7);
    let path = format!("/{service}/1.0/hoso/{number}");
    let answer = node.caller.call(Method::GET, &path, std::slice::from_ref(bearer), "").await?;
    let holds = answer.json()["soHoSo"] == number;
    expect(&answer, StatusCode::OK, holds, &format!("the dossier {number}"))?;
    Ok(answer)
}

/// The caller's own platform lets it pass; the other province did not grant it.
async fn refused(
    demo: &Demo,
    node: &DemoNode,
    path: &str,
    bearer: &(&'static str, String),
) -> Result<Answer, Failure> {
    let before = demo.dossiers.seen();
    let headers = [bearer.clone(), ("content-type", "application/json".to_owned())];
    let answer = node.caller.call(Method::POST, path, &headers, r#"{"noiDung":"x"}"#).await?;
    let holds = answer.json()["type"] == "urn:lgsp:problem:authorize.grant";
    expect(&answer, StatusCode::FORBIDDEN, holds, "the problem authorize.grant")?;
    if demo.dossiers.seen() != before {
        return Err(Failure::new("a refused call reached the provider"));
    }
    Ok(answer)
}

/// One exchange, under one id, proved by each of these nodes.
async fn both(
    lines: &mut Vec<Line>,
    what: &'static str,
    nodes: &[&DemoNode],
    exchange: &str,
) -> Result<(), Failure> {
    let proving = async {
        let mut found = Vec::new();
        for node in nodes {
            let proved = proof(node, exchange).await.map_err(|e| e.while_trying(node.name()))?;
            found.push(format!("{}: {proved}", node.name()));
        }
        Ok(found.join("; "))
    };
    step(lines, what, proving, Clone::clone).await.map(drop)
}

/// The node's own checkpoint carries a cosignature of the witness and a token of the timestamp authority.
async fn attested(node: &DemoNode) -> Result<String, Failure> {
    let folder = node.desk()?.config().node.data_dir.join("attested");
    let until = Instant::now() + PATIENCE;
    loop {
        let names: Vec<_> =
            std::fs::read_dir(&folder).into_iter().flatten().flatten().map(|e| e.path()).collect();
        let notes = names.iter().filter(|p| p.extension().is_some_and(|e| e == "note"));
        let cosigned = notes
            .filter_map(|p| std::fs::read_to_string(p).ok())
            .filter(|n| n.lines().any(|l| l.starts_with("\u{2014} witness ")))
            .count();
        let dated = names.iter().filter(|p| p.extension().is_some_and(|e| e == "tsr")).count();
        if cosigned > 0 && dated > 0 {
            return Ok(format!("{cosigned} checkpoint(s) cosigned, {dated} dated"));
        }
        if Instant::now() > until {
            return Err(Failure::new(format!("{cosigned} cosigned, {dated} dated, in {}", folder.display())));
        }
        tokio::time::sleep(PAUSE).await;
    }
}
