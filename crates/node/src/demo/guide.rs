//! What the demo prints: where everything listens, the credentials, and lines that work when pasted.

use super::Demo;
use super::secrets::INVENTED;
use crate::commands::failure::{Failure, Trying as _};
use crate::commands::out;
use lgsp_sandbox::lookup_request;

/// Where everything is: printed, and kept in the folder.
pub(crate) fn overview(demo: &Demo) -> String {
    let what = |node: &str| match node {
        "ngsp" => "the hub: the national platform, with the population database behind it",
        "tinh-a" => "province A: a one-stop system that calls, and dossiers that others ask for",
        "tinh-b" => "province B: a one-stop system that calls",
        _ => "a ministry, with business registration behind it",
    };
    let rows: Vec<Vec<String>> = demo
        .nodes
        .iter()
        .map(|n| {
            let (http, admin) = (demo.places.http(n.name()), demo.places.admin(n.name()));
            vec![n.name().into(), format!("http://{http}"), format!("http://{admin}"), what(n.name()).into()]
        })
        .collect();
    format!(
        "{}\n\nEach node is a process with its own folder in {}: configuration, manifests, keys, store, message log,\n\
         administration token (admin.token) and what the process said (lgsp.log).\n\
         Sandboxes: population database {} (SOAP 037), business registration {} (REST), dossiers of province A {} (REST);\n\
         {INVENTED} citizens, {INVENTED} companies, all invented.\n",
        out::table(&["NODE", "FRONT DOOR", "ADMINISTRATION", "WHAT"], &rows),
        demo.folder.path().display(),
        demo.sandbox.population_addr,
        demo.sandbox.business_addr,
        demo.dossiers.addr,
    )
}

/// The guide. It writes the SOAP request to a file of the demo's folder, so that its line stays short.
pub(crate) fn text(demo: &Demo) -> Result<String, Failure> {
    let (company, citizen) = (demo.sandbox.company(0), demo.sandbox.citizen(0));
    demo.folder.write("citizen.xml", &lookup_request("YC0001", citizen))?;
    let program = std::env::current_exe().trying("finding this program's own path")?;
    let node = demo.node("tinh-a");
    let (gateway, admin) = (demo.places.http("tinh-a"), demo.places.admin("tinh-a"));
    let folder = demo.folder.path().display();
    let own = node.folder.path().display();
    let config = node.folder.config_file();
    let key = node.folder.log_key_file();
    Ok(format!(
        r#"
An invented country is running.

{overview}
  one-stop system of province A  client motcua-client, secret {motcua}   (or header apikey: {motcua_key})
  another system of province A   client noivu-client, secret {noivu}   (has no grant)

Paste these, in order:

# 1. A token for the one-stop system.
TOKEN=$(curl -s -u motcua-client:{motcua} -d grant_type=client_credentials http://{gateway}/token | sed 's/.*"access_token":"\([^"]*\)".*/\1/')

# 2. A REST call: the company {name} ({tax_code}). Every answer carries the id of its exchange.
curl -s -D {folder}/answer.txt -H "Authorization: Bearer $TOKEN" "http://{gateway}/apiCSDLDKDN/1.0/chiTietDoanhNghiep?msdn={tax_code}"; echo
EX=$(sed -n 's/\r$//; s/^lgsp-exchange: //p' {folder}/answer.txt); echo "$EX"

# 3. A SOAP call: the citizen {citizen_name}. The grant demands the officer and the dossier.
curl -s -H "Authorization: Bearer $TOKEN" -H 'Content-Type: text/xml; charset=utf-8' -H 'SOAPAction: ""' -H 'lgsp-officer: CB01' -H 'lgsp-dossier: H98.02-261122-0001' --data-binary @{folder}/citizen.xml http://{gateway}/dancu037/1.0; echo

# 4. A refused call: the other system has no grant. The answer says which step refused, whose fault it is and what to do.
OTHER=$(curl -s -u noivu-client:{noivu} -d grant_type=client_credentials http://{gateway}/token | sed 's/.*"access_token":"\([^"]*\)".*/\1/')
curl -s -H "Authorization: Bearer $OTHER" "http://{gateway}/apiCSDLDKDN/1.0/chiTietDoanhNghiep?msdn={tax_code}"; echo

# 5. The proof of the first call: fetched, then checked with nothing but the file and the node's public key.
curl -s -H "Authorization: Bearer $(cat {own}/admin.token)" http://{admin}/admin/v1/exchanges/$EX/proof -o {folder}/proof.json
{program} log check-proof {folder}/proof.json --key {key}

# 6. What each step decided.
{program} explain $EX -c {config}

Ctrl-C stops it. Change {own}/manifests and run `{program} apply -f {own}/manifests -c {config}`: it takes effect at once.
"#,
        overview = overview(demo),
        motcua = demo.secrets.motcua,
        motcua_key = demo.secrets.motcua_key,
        noivu = demo.secrets.noivu,
        name = company.name,
        tax_code = company.tax_code,
        citizen_name = citizen.name.full(),
        program = program.display(),
        config = config.display(),
        key = key.display(),
    ))
}
