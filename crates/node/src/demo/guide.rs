//! What the demo prints: where everything listens, the credentials, and lines that work when pasted.

use super::Demo;
use super::folder::INVENTED;
use crate::commands::failure::{Failure, Trying as _};
use lgsp_sandbox::lookup_request;

/// The guide. It writes the SOAP request to a file of the demo's folder, so that its line stays short.
pub(crate) fn text(demo: &Demo) -> Result<String, Failure> {
    let (company, citizen) = (demo.sandbox.company(0), demo.sandbox.citizen(0));
    demo.folder.write("citizen.xml", &lookup_request("YC0001", citizen))?;
    let program = std::env::current_exe().trying("finding this program's own path")?;
    let (gateway, admin) = demo.addresses()?;
    let folder = demo.folder.path().display();
    let config = demo.folder.config_file();
    let key = demo.folder.log_key_file();
    Ok(format!(
        r#"
The platform of an invented province is running. Everything is in {folder}

  front door       http://{gateway}
  administration   http://{admin}   (token in {folder}/admin.token, API document at /openapi.json)
  sandbox          population database {population} (SOAP 037), business registration {business} (REST)
                   {INVENTED} citizens, {INVENTED} companies, all invented

  one-stop system  client motcua-client, secret {motcua}   (or header apikey: {motcua_key})
  another system   client noivu-client, secret {noivu}   (has no grant)

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
curl -s -H "Authorization: Bearer $(cat {folder}/admin.token)" http://{admin}/admin/v1/exchanges/$EX/proof -o {folder}/proof.json
{program} log check-proof {folder}/proof.json --key {key}

# 6. What each step decided.
{program} explain $EX -c {config}

Ctrl-C stops it. Change {folder}/manifests and run `{program} apply -f {folder}/manifests -c {config}`: it takes effect at once.
"#,
        population = demo.sandbox.population_addr,
        business = demo.sandbox.business_addr,
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
