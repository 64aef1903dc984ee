//! `lgsp demo --check`: makes the demo's calls, looks at every answer and at the provider's own counters, verifies the evidence, and
//! prints one line for each.

use super::Demo;
use super::caller::{Answer, Caller};
use super::check_country;
use super::node::DemoNode;
use crate::commands::failure::{Failure, Trying as _};
use crate::commands::out;
use http::{Method, StatusCode};
use lgsp_evidence::Verifier;
use lgsp_evidence::verify::Span;
use lgsp_sandbox::lookup_request;
use std::time::Instant;

/// One line of the table.
pub(super) struct Line {
    what: &'static str,
    found: String,
    took_ms: u128,
}

/// Makes the calls; fails with the first thing that is not as it must be.
pub(crate) async fn run(demo: &Demo) -> Result<(), Failure> {
    let node = demo.node("tinh-a");
    let caller = &node.caller;
    let mut lines = Vec::new();
    step(&mut lines, "the country", check_country::country(demo), Clone::clone).await?;
    let token =
        step(&mut lines, "token", caller.token("motcua-client", &demo.secrets.motcua), |_| "issued".into())
            .await?;
    let bearer = ("authorization", format!("Bearer {token}"));

    let company = demo.sandbox.company(0);
    let lookup = format!("/apiCSDLDKDN/1.0/chiTietDoanhNghiep?msdn={}", company.tax_code);
    let rest =
        step(&mut lines, "REST call", rest_call(caller, &lookup, &bearer, &company.name), Answer::exchange)
            .await?;
    step(&mut lines, "default version, api key", key_call(caller, demo, &company.tax_code), Answer::exchange)
        .await?;
    let soap = step(&mut lines, "SOAP call", soap_call(caller, demo, &bearer), Answer::exchange).await?;
    step(&mut lines, "the same as REST", citizen_call(caller, demo, &bearer), Answer::exchange).await?;
    step(&mut lines, "call with effect", update_call(caller, demo, &bearer), Answer::exchange).await?;
    step(&mut lines, "refused: no grant", refused_call(caller, demo, &lookup), |a| {
        a.json()["type"].as_str().unwrap_or_default().into()
    })
    .await?;
    step(&mut lines, "refused: no statement", unstated_call(caller, demo, &bearer), |_| {
        "SOAP fault authorize.statement".into()
    })
    .await?;
    step(&mut lines, "proof of the REST call", proof(node, &rest.exchange()), Clone::clone).await?;
    check_country::run(demo, &mut lines, &soap, &rest).await?;
    step(&mut lines, "message log", async { verify_log(node) }, Clone::clone).await?;
    step(&mut lines, "audit trail", verify_audit(node), Clone::clone).await?;

    let rows: Vec<Vec<String>> = lines
        .iter()
        .map(|l| vec![l.what.into(), "ok".into(), format!("{} ms", l.took_ms), l.found.clone()])
        .collect();
    out::print(&out::table(&["CHECK", "RESULT", "TOOK", "FOUND"], &rows));
    Ok(())
}

/// Does one thing, times it, and adds its line.
pub(super) async fn step<T>(
    lines: &mut Vec<Line>,
    what: &'static str,
    work: impl Future<Output = Result<T, Failure>>,
    found: impl FnOnce(&T) -> String,
) -> Result<T, Failure> {
    let began = Instant::now();
    let result = work.await.map_err(|e| e.while_trying(what))?;
    lines.push(Line { what, found: found(&result), took_ms: began.elapsed().as_millis() });
    Ok(result)
}

pub(super) fn expect(answer: &Answer, status: StatusCode, holds: bool, what: &str) -> Result<(), Failure> {
    if answer.status == status && holds && !answer.exchange().is_empty() {
        return Ok(());
    }
    Err(Failure::new(format!("expected {status} with {what}; got {} with {}", answer.status, answer.text())))
}

async fn rest_call(
    caller: &Caller,
    path: &str,
    bearer: &(&str, String),
    name: &str,
) -> Result<Answer, Failure> {
    let answer = caller.call(Method::GET, path, std::slice::from_ref(bearer), "").await?;
    let json = answer.json();
    let holds = json["Status"] == 1 && json["MainInformation"]["NAME"] == name;
    expect(&answer, StatusCode::OK, holds, &format!("Status 1 and the company {name}"))?;
    Ok(answer)
}

async fn key_call(caller: &Caller, demo: &Demo, tax_code: &str) -> Result<Answer, Failure> {
    let path = format!("/apiCSDLDKDN/chiTietDoanhNghiep?msdn={tax_code}");
    let answer = caller.call(Method::GET, &path, &[("apikey", demo.secrets.motcua_key.clone())], "").await?;
    expect(&answer, StatusCode::OK, answer.json()["Status"] == 1, "Status 1")?;
    Ok(answer)
}

fn soap_headers(bearer: &(&'static str, String)) -> Vec<(&'static str, String)> {
    vec![
        bearer.clone(),
        ("content-type", "text/xml; charset=utf-8".into()),
        ("soapaction", "\"\"".into()),
        ("lgsp-officer", "CB01".into()),
        ("lgsp-dossier", "H98.02-261122-0001".into()),
    ]
}

async fn soap_call(caller: &Caller, demo: &Demo, bearer: &(&'static str, String)) -> Result<Answer, Failure> {
    let citizen = demo.sandbox.citizen(0);
    let answer = caller
        .call(Method::POST, "/dancu037/1.0", &soap_headers(bearer), lookup_request("YC0001", citizen))
        .await?;
    let holds = answer.text().contains(&citizen.id);
    expect(&answer, StatusCode::OK, holds, &format!("the citizen {}", citizen.id))?;
    Ok(answer)
}

/// The SOAP service by a caller that never sees XML.
async fn citizen_call(
    caller: &Caller,
    demo: &Demo,
    bearer: &(&'static str, String),
) -> Result<Answer, Failure> {
    let citizen = demo.sandbox.citizen(0);
    let name =
        percent_encoding::utf8_percent_encode(&citizen.name.full(), percent_encoding::NON_ALPHANUMERIC)
            .to_string();
    let path = format!("/dancu037/1.0/citizens/{}?name={name}&born={}", citizen.id, citizen.birth_date());
    let headers: Vec<_> = soap_headers(bearer)
        .into_iter()
        .filter(|(name, _)| !matches!(*name, "content-type" | "soapaction"))
        .collect();
    let answer = caller.call(Method::GET, &path, &headers, "").await?;
    let json = answer.json();
    let holds = json["SoDinhDanh"] == citizen.id && json["HoVaTen"]["Ten"] == citizen.name.given;
    expect(&answer, StatusCode::OK, holds, &format!("the citizen {} as JSON", citizen.id))?;
    Ok(answer)
}

async fn update_call(
    caller: &Caller,
    demo: &Demo,
    bearer: &(&'static str, String),
) -> Result<Answer, Failure> {
    let before = demo.sandbox.seen().updates;
    let body = serde_json::json!({ "msdn": demo.sandbox.company(1).tax_code, "NAME": "CÔNG TY ĐỔI TÊN" })
        .to_string();
    let headers = [bearer.clone(), ("content-type", "application/json".into())];
    let answer = caller.call(Method::POST, "/apiCSDLDKDN/1.0/capNhatDoanhNghiep", &headers, body).await?;
    expect(&answer, StatusCode::OK, answer.json()["Status"] == 1, "Status 1")?;
    match demo.sandbox.seen().updates - before {
        1 => Ok(answer),
        n => Err(Failure::new(format!("the provider saw the request {n} times instead of once"))),
    }
}

async fn refused_call(caller: &Caller, demo: &Demo, path: &str) -> Result<Answer, Failure> {
    let token = caller.token("noivu-client", &demo.secrets.noivu).await?;
    let before = demo.sandbox.seen().details;
    let answer = caller.call(Method::GET, path, &[("authorization", format!("Bearer {token}"))], "").await?;
    let json = answer.json();
    let holds = json["type"] == "urn:lgsp:problem:authorize.grant"
        && json["step"] == "authorize"
        && json["blame"] == "caller";
    expect(&answer, StatusCode::FORBIDDEN, holds, "the problem authorize.grant")?;
    if demo.sandbox.seen().details != before {
        return Err(Failure::new("a refused call reached the provider"));
    }
    Ok(answer)
}

async fn unstated_call(
    caller: &Caller,
    demo: &Demo,
    bearer: &(&'static str, String),
) -> Result<Answer, Failure> {
    let headers: Vec<_> =
        soap_headers(bearer).into_iter().filter(|(name, _)| !name.starts_with("lgsp-")).collect();
    let body = lookup_request("YC0002", demo.sandbox.citizen(0));
    let answer = caller.call(Method::POST, "/dancu037/1.0", &headers, body).await?;
    let text = answer.text();
    let holds = text.contains("Fault") && text.contains("authorize.statement");
    expect(&answer, answer.status, holds, "a SOAP fault authorize.statement")?;
    Ok(answer)
}

/// Fetches the proof of an exchange and checks it with nothing but the node's public key.
pub(super) async fn proof(node: &DemoNode, exchange: &str) -> Result<String, Failure> {
    let path = format!("/admin/v1/exchanges/{exchange}/proof");
    let answer = node.caller.ask(&path, &node.folder.admin_token()?).await?;
    if answer.status != StatusCode::OK {
        return Err(Failure::new(format!("the proof: {} {}", answer.status, answer.text())));
    }
    let report = lgsp_evidence::check_proof(&answer.body, &verifier(node)?).trying("checking the proof")?;
    let mut altered = answer.body.to_vec();
    let at = altered.len() / 2;
    altered[at] ^= 1;
    if lgsp_evidence::check_proof(&altered, &verifier(node)?).is_ok() {
        return Err(Failure::new("an altered proof was accepted"));
    }
    Ok(format!("{} bytes, {} record(s), checked", answer.body.len(), report.entries.len()))
}

fn verifier(node: &DemoNode) -> Result<Verifier, Failure> {
    let path = node.folder.log_key_file();
    let key = std::fs::read_to_string(&path).trying(format!("reading {}", path.display()))?;
    Verifier::parse(key.trim()).trying("the node's public key")
}

fn verify_log(node: &DemoNode) -> Result<String, Failure> {
    let archive = node.desk()?.archive()?;
    let report = archive.verify(Span::All, &verifier(node)?, None).trying("verifying the log")?;
    if let Some(problem) = report.problems.first() {
        return Err(Failure::new(format!("the log is damaged: {problem}")));
    }
    Ok(format!("{} entries in {} groups, no finding", report.entries, report.groups))
}

async fn verify_audit(node: &DemoNode) -> Result<String, Failure> {
    let report = node.desk()?.store().await?.audit_verify(&[]).await.trying("verifying the audit trail")?;
    if let Some(f) = report.findings.first() {
        return Err(Failure::new(format!("the audit trail is damaged: row {}: {}", f.seq, f.problem)));
    }
    Ok(format!("{} rows, no finding", report.rows))
}
