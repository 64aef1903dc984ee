//! The demo's folder: its configuration, manifests and secrets, all of it readable and editable by whoever tries the product.

use crate::commands::failure::{Failure, Trying as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lgsp_kernel::Clock;
use lgsp_kernel::Secret;
use lgsp_sandbox::{BusinessCredentials, PopulationCredentials, SandboxConfig};
use serde::{Deserialize, Serialize};
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

const MANIFESTS: [(&str, &str); 3] = [
    ("01-agencies.yaml", include_str!("../../../../demo/manifests/01-agencies.yaml")),
    ("02-services.yaml", include_str!("../../../../demo/manifests/02-services.yaml")),
    ("03-grants.yaml", include_str!("../../../../demo/manifests/03-grants.yaml")),
];

/// The text that the population sandbox calls its authentication URL.
const POPULATION_AUTH_URL: &str = "http://dancuquocgia.bca/auth";
/// The platform's user at the population sandbox.
const POPULATION_USER: &str = "tinhmau";
/// Invented people and companies, each.
pub(crate) const INVENTED: usize = 10_000;

/// The folder.
pub(crate) struct DemoFolder(PathBuf);

/// The demo's secrets: made once for each folder, so that the printed lines still work after a restart.
#[derive(Serialize, Deserialize)]
pub(crate) struct Secrets {
    pub(crate) motcua: String,
    pub(crate) motcua_key: String,
    pub(crate) noivu: String,
    population: String,
    business: String,
    business_secret: String,
}

impl DemoFolder {
    /// Makes it if it is missing.
    pub(crate) fn open(path: PathBuf) -> Result<Self, Failure> {
        std::fs::create_dir_all(path.join("manifests")).trying(format!("making {}", path.display()))?;
        let path = path.canonicalize().trying(format!("opening {}", path.display()))?;
        Ok(Self(path))
    }
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
    pub(crate) fn config_file(&self) -> PathBuf {
        self.0.join("lgsp.toml")
    }
    pub(crate) fn manifests(&self) -> PathBuf {
        self.0.join("manifests")
    }
    pub(crate) fn log_key_file(&self) -> PathBuf {
        self.0.join("log-key.pub")
    }

    /// The configuration; one that is there is kept, unless its ports are not the ones asked for.
    pub(crate) fn write_config(&self, http: SocketAddr, admin: SocketAddr) -> Result<(), Failure> {
        let text = format!(
            "# The demo's node. `lgsp config show -c {file}` prints every key.\n\n[node]\nname = \"tinhmau\"\ndata_dir = {data:?}\n\n\
             [listen]\nhttp = \"{http}\"\nadmin = \"{admin}\"\n\n\
             # The sandboxes are on this machine. A province names the networks of its agencies here.\n[provider]\nallow = [\"127.0.0.0/8\"]\n\n\
             [telemetry]\nlevel = \"warn\"\nformat = \"text\"\n",
            file = self.config_file().display(),
            data = self.0.join("data").display().to_string(),
        );
        self.write("lgsp.toml", &text)
    }

    /// The manifests, with this demo's addresses and secrets.
    pub(crate) fn write_manifests(
        &self,
        secrets: &Secrets,
        population: SocketAddr,
        business: SocketAddr,
    ) -> Result<(), Failure> {
        let (population, business) = (format!("http://{population}"), format!("http://{business}"));
        let places = [
            ("@POPULATION@", population.as_str()),
            ("@BUSINESS@", business.as_str()),
            ("@POPULATION_SECRET@", &secrets.population),
            ("@POPULATION_AUTH_URL@", POPULATION_AUTH_URL),
            ("@BUSINESS_TOKEN@", &secrets.business),
            ("@MOTCUA_SECRET@", &secrets.motcua),
            ("@MOTCUA_KEY@", &secrets.motcua_key),
            ("@NOIVU_SECRET@", &secrets.noivu),
        ];
        for (name, template) in MANIFESTS {
            let text =
                places.iter().fold(template.to_owned(), |text, (place, value)| text.replace(place, value));
            self.write(&format!("manifests/{name}"), &text)?;
        }
        Ok(())
    }

    /// The public key that a proof is checked with.
    pub(crate) fn write_log_key(&self, key: &str) -> Result<(), Failure> {
        self.write("log-key.pub", &format!("{key}\n"))
    }

    /// The administrator's token, for the lines that the demo prints.
    pub(crate) fn keep_admin_token(&self, token: &Secret) -> Result<(), Failure> {
        self.write("admin.token", token.expose_str().unwrap_or_default())
    }

    pub(crate) fn admin_token(&self) -> Result<String, Failure> {
        std::fs::read_to_string(self.0.join("admin.token")).trying("reading the demo's administration token")
    }

    /// Writes a file that only its owner reads.
    pub(crate) fn write(&self, name: &str, text: &str) -> Result<(), Failure> {
        let path = self.0.join(name);
        std::fs::OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(true)
            .mode(0o600)
            .open(&path)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .trying(format!("writing {}", path.display()))
    }
}

impl Secrets {
    /// Those of an earlier start in this folder, or new ones.
    pub(crate) fn keep_or_make(folder: &DemoFolder) -> Result<Self, Failure> {
        if let Ok(text) = std::fs::read_to_string(folder.path().join("secrets.json")) {
            return serde_json::from_str(&text).trying("reading the demo's secrets.json");
        }
        let made = Self {
            motcua: random()?,
            motcua_key: random()?,
            noivu: random()?,
            population: random()?,
            business: random()?,
            business_secret: random()?,
        };
        folder.write("secrets.json", &serde_json::to_string_pretty(&made)?)?;
        Ok(made)
    }

    /// What the sandboxes must know.
    pub(crate) fn sandbox(&self, population_addr: SocketAddr, business_addr: SocketAddr) -> SandboxConfig {
        SandboxConfig {
            seed: 2018,
            population_addr,
            business_addr,
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
