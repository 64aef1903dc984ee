//! The demo's secrets: made once for each folder, so that the printed lines still work after a restart.

use super::folder::DemoFolder;
use super::place::Places;
use crate::commands::failure::{Failure, Trying as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lgsp_kernel::{Clock, Secret};
use lgsp_sandbox::{BusinessCredentials, PopulationCredentials, SandboxConfig};
use serde::{Deserialize, Serialize};

/// The text that the population sandbox calls its authentication URL.
const POPULATION_AUTH_URL: &str = "http://dancuquocgia.bca/auth";
/// The platform's user at the population sandbox.
const POPULATION_USER: &str = "tinhmau";
/// Invented people and companies, each.
pub(crate) const INVENTED: usize = 10_000;

/// All of them.
#[derive(Serialize, Deserialize)]
pub(crate) struct Secrets {
    pub(crate) motcua: String,
    pub(crate) motcua_key: String,
    pub(crate) motcua_b: String,
    pub(crate) noivu: String,
    population: String,
    business: String,
    business_secret: String,
}

impl Secrets {
    /// Those of an earlier start in this folder, or new ones.
    pub(crate) fn keep_or_make(folder: &DemoFolder) -> Result<Self, Failure> {
        if let Ok(text) = std::fs::read_to_string(folder.path().join("secrets.json")) {
            return serde_json::from_str(&text)
                .trying("reading the demo's secrets.json (of another version? remove the folder)");
        }
        let made = Self {
            motcua: random()?,
            motcua_key: random()?,
            motcua_b: random()?,
            noivu: random()?,
            population: random()?,
            business: random()?,
            business_secret: random()?,
        };
        folder.write("secrets.json", &serde_json::to_string_pretty(&made)?)?;
        Ok(made)
    }

    /// What stands in the manifests for what is known only now.
    pub(crate) fn places(&self, at: Places) -> Vec<(&'static str, String)> {
        vec![
            ("@POPULATION@", format!("http://{}", at.population())),
            ("@BUSINESS@", format!("http://{}", at.business())),
            ("@DOSSIERS@", format!("http://{}", at.dossiers())),
            ("@POPULATION_SECRET@", self.population.clone()),
            ("@POPULATION_AUTH_URL@", POPULATION_AUTH_URL.into()),
            ("@BUSINESS_TOKEN@", self.business.clone()),
            ("@MOTCUA_SECRET@", self.motcua.clone()),
            ("@MOTCUA_KEY@", self.motcua_key.clone()),
            ("@MOTCUA_B_SECRET@", self.motcua_b.clone()),
            ("@NOIVU_SECRET@", self.noivu.clone()),
        ]
    }

    /// What the sandboxes must know.
    pub(crate) fn sandbox(&self, at: Places) -> SandboxConfig {
        SandboxConfig {
            seed: 2018,
            population_addr: at.population(),
            business_addr: at.business(),
            citizens: INVENTED,
            companies: INVENTED,
            population: PopulationCredentials {
                user: POPULATION_USER.into(),
                secret: Secret::new(self.population.as_str()),
                auth_url: POPULATION_AUTH_URL.into(),
            },
            business: BusinessCredentials {
                client_id: "tinhmau".into(),
                client_secret: Secret::new(self.business_secret.as_str()),
                bearer: Some(Secret::new(self.business.as_str())),
            },
            clock: Clock::System,
        }
    }
}

fn random() -> Result<String, Failure> {
    let mut bytes = [0u8; 18];
    getrandom::fill(&mut bytes).map_err(|e| Failure::new(format!("no random bytes: {e}")))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}
