//! The demo's folder: for each node its configuration, manifests and keys, and the secrets that the printed lines use; all of it
//! readable and editable by whoever tries the product.

use super::place::{HUB, Places};
use super::secrets::Secrets;
use crate::commands::failure::{Failure, Trying as _};
use lgsp_kernel::Secret;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Node, file, content.
const MANIFESTS: [(&str, &str, &str); 8] = [
    ("tinh-a", "01-agencies.yaml", include_str!("../../../../demo/tinh-a/01-agencies.yaml")),
    ("tinh-a", "02-services.yaml", include_str!("../../../../demo/tinh-a/02-services.yaml")),
    ("tinh-a", "dancu037.wsdl", include_str!("../../../../demo/tinh-a/dancu037.wsdl")),
    ("tinh-a", "03-grants.yaml", include_str!("../../../../demo/tinh-a/03-grants.yaml")),
    ("tinh-a", "04-dossiers.yaml", include_str!("../../../../demo/tinh-a/04-dossiers.yaml")),
    ("tinh-b", "01-registry.yaml", include_str!("../../../../demo/tinh-b/01-registry.yaml")),
    ("ngsp", "01-registry.yaml", include_str!("../../../../demo/ngsp/01-registry.yaml")),
    ("bo-x", "01-registry.yaml", include_str!("../../../../demo/bo-x/01-registry.yaml")),
];

/// The folder of the whole demo.
pub(crate) struct DemoFolder(PathBuf);

/// The folder of one node.
#[derive(Clone)]
pub(crate) struct NodeFolder {
    /// The node's name.
    pub(crate) node: &'static str,
    path: PathBuf,
}

impl DemoFolder {
    /// Makes it if it is missing.
    pub(crate) fn open(path: PathBuf) -> Result<Self, Failure> {
        std::fs::create_dir_all(&path).trying(format!("making {}", path.display()))?;
        let path = path.canonicalize().trying(format!("opening {}", path.display()))?;
        Ok(Self(path))
    }
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
    /// A node's own folder in it, made if it is missing.
    pub(crate) fn node(&self, node: &'static str) -> Result<NodeFolder, Failure> {
        let path = self.0.join(node);
        std::fs::create_dir_all(path.join("manifests")).trying(format!("making {}", path.display()))?;
        Ok(NodeFolder { node, path })
    }
    /// Writes a file that only its owner reads.
    pub(crate) fn write(&self, name: &str, text: &str) -> Result<(), Failure> {
        write(&self.0.join(name), text)
    }
}

impl NodeFolder {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
    pub(crate) fn config_file(&self) -> PathBuf {
        self.path.join("lgsp.toml")
    }
    pub(crate) fn manifests(&self) -> PathBuf {
        self.path.join("manifests")
    }
    pub(crate) fn log_key_file(&self) -> PathBuf {
        self.path.join("log-key.pub")
    }
    /// What its process said.
    pub(crate) fn said(&self) -> PathBuf {
        self.path.join("lgsp.log")
    }

    /// The configuration, with this start's ports.
    pub(crate) fn write_config(&self, places: Places) -> Result<(), Failure> {
        let text = format!(
            "# A node of the demo. `lgsp config show -c {file}` prints every key.\n\n[node]\nname = \"{name}\"\ndata_dir = {data:?}\n\
             worker_threads = 2\n\n[listen]\nhttp = \"{http}\"\nadmin = \"{admin}\"\n\n\
             [peer]\nlisten = \"{peer}\"\nrelay = {relay}\n\n[public]\nlisten = \"{public}\"\n\n\
             # Shorter than in real use, so that whoever tries the product need not wait.\n\
             [directory]\nrefresh = \"1s\"\n\n[hub]\nfreshness_every = \"5s\"\n\n[witness]\nsubmit_every = \"2s\"\n\n\
             [timestamps]\nevery = \"3s\"\n\n\
             # The sandboxes are on this machine. A province names the networks of its agencies here.\n[provider]\nallow = [\"127.0.0.0/8\"]\n\n\
             [telemetry]\nlevel = \"warn\"\nformat = \"text\"\n",
            file = self.config_file().display(),
            name = self.node,
            data = self.path.join("data").display().to_string(),
            http = places.http(self.node),
            admin = places.admin(self.node),
            peer = places.peer(self.node),
            relay = self.node == HUB,
            public = places.public(self.node),
        );
        write(&self.config_file(), &text)
    }

    /// The manifests, with this demo's addresses and secrets.
    pub(crate) fn write_manifests(&self, secrets: &Secrets, places: Places) -> Result<(), Failure> {
        let values = secrets.places(places);
        for (_, name, template) in MANIFESTS.iter().filter(|(node, ..)| *node == self.node) {
            let text =
                values.iter().fold((*template).to_owned(), |text, (place, value)| text.replace(place, value));
            write(&self.manifests().join(name), &text)?;
        }
        Ok(())
    }

    /// The public key that a proof is checked with.
    pub(crate) fn write_log_key(&self, key: &str) -> Result<(), Failure> {
        write(&self.log_key_file(), &format!("{key}\n"))
    }

    /// The administrator's token, for the lines that the demo prints.
    pub(crate) fn keep_admin_token(&self, token: &Secret) -> Result<(), Failure> {
        write(&self.path.join("admin.token"), token.expose_str().unwrap_or_default())
    }

    pub(crate) fn admin_token(&self) -> Result<String, Failure> {
        std::fs::read_to_string(self.path.join("admin.token"))
            .trying("reading the demo's administration token")
    }
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    std::fs::OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .trying(format!("writing {}", path.display()))
}
