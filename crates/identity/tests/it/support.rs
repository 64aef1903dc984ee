//! A node's identity on a fresh store, and a registry of two systems, in a few lines.

use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use lgsp_identity::{Caller, Identity, IdentityConfig, TokenAnswer, TokenRequest};
use lgsp_kernel::model::{CredentialKind, CredentialSpec, SystemSpec, When};
use lgsp_kernel::snapshot::{Credential, Digest, Snapshot, System};
use lgsp_kernel::{AgencyCode, Clock, CredentialId, Millis, Refusal, SystemId, Vault};
use lgsp_store::Store;
use std::sync::Arc;

pub const ISSUER: &str = "https://lgsp.example.gov.vn";
pub const SECRET: &str = "mat-khau-rat-dai-1";
pub const OTHER_SECRET: &str = "mat-khau-rat-dai-2";
pub const API_KEY: &str = "khoa-api-rat-dai-1";
pub const CERTIFICATE: Digest = [7; 32];
pub const START: Millis = Millis(1_767_200_000_000);

pub struct World {
    pub identity: Arc<Identity>,
    pub snapshot: Snapshot,
    pub clock: Clock,
    pub vault: Arc<Vault>,
    pub store: Store,
    _folder: tempfile::TempDir,
}

pub fn config() -> IdentityConfig {
    IdentityConfig { issuer: ISSUER.into(), audience: "lgsp".into(), ..IdentityConfig::default() }
}

impl World {
    /// Systems `land` (client `land-client`, key `land-key`, certificate `land-cert`) and `tax` (client `tax-client`).
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&format!("sqlite:{}", folder.path().join("s.db").display())).await.unwrap();
        store.migrate().await.unwrap();
        let (clock, vault) = (Clock::manual(START), Arc::new(Vault::new(&[9; 32])));
        let identity = Identity::open(store.clone(), vault.clone(), clock.clone(), config()).await.unwrap();
        let mut world =
            Self { identity, snapshot: Snapshot::default(), clock, vault, store, _folder: folder };
        world.system("land", false);
        world.system("tax", false);
        world.credential("land-client", "land", CredentialKind::Client, SECRET);
        world.credential("land-key", "land", CredentialKind::ApiKey, API_KEY);
        world.credential("land-cert", "land", CredentialKind::Certificate, "");
        world.credential("tax-client", "tax", CredentialKind::Client, OTHER_SECRET);
        world
    }

    /// A second process of the same node, on the same store.
    pub async fn second_process(&self) -> Arc<Identity> {
        Identity::open(self.store.clone(), self.vault.clone(), self.clock.clone(), config()).await.unwrap()
    }

    pub fn system(&mut self, id: &str, suspended: bool) {
        let id = SystemId::new(id).unwrap();
        let agency: AgencyCode = "H01.15".parse().unwrap();
        let spec = SystemSpec {
            id: id.clone(),
            agency: agency.clone(),
            name: "x".into(),
            contact: None,
            remote: None,
            suspended,
        };
        self.snapshot.systems.insert(id, Arc::new(System { spec, agency }));
    }

    pub fn credential(&mut self, id: &str, system: &str, kind: CredentialKind, secret: &str) {
        let digest = match kind {
            CredentialKind::Certificate => CERTIFICATE,
            _ => self.vault.digest(secret.as_bytes()),
        };
        let spec = CredentialSpec {
            id: CredentialId::new(id).unwrap(),
            system: SystemId::new(system).unwrap(),
            kind,
            secret: None,
            digest: None,
            fingerprint: None,
            valid_from: None,
            valid_until: None,
            revoked: false,
        };
        self.place(Credential { spec, digest, stamp: 1 });
    }

    fn place(&mut self, credential: Credential) {
        let credential = Arc::new(credential);
        match credential.kind() {
            CredentialKind::ApiKey => {
                drop(self.snapshot.api_keys.insert(credential.digest, credential.clone()))
            }
            CredentialKind::Certificate => {
                drop(self.snapshot.certificates.insert(credential.digest, credential.clone()));
            }
            CredentialKind::Client => {}
        }
        self.snapshot.credentials.insert(credential.spec.id.clone(), credential);
    }

    /// Changes a credential as an operator would: with a new stamp.
    pub fn change(&mut self, id: &str, change: impl FnOnce(&mut CredentialSpec)) {
        let old = self.snapshot.credentials.get(id).unwrap().clone();
        let mut spec = old.spec.clone();
        change(&mut spec);
        self.place(Credential { spec, digest: old.digest, stamp: old.stamp + 1 });
    }

    pub fn identify(&self, headers: &HeaderMap) -> Result<Caller, Refusal> {
        self.identity.identify(&self.snapshot, headers, None, self.clock.now())
    }

    pub fn identify_with(&self, headers: &HeaderMap, certificate: Digest) -> Result<Caller, Refusal> {
        self.identity.identify(&self.snapshot, headers, Some(certificate), self.clock.now())
    }

    pub fn ask(&self, headers: &HeaderMap, body: &str, certificate: Option<Digest>) -> TokenAnswer {
        let address = Some("10.1.2.3".parse().unwrap());
        let request = TokenRequest { headers, body: body.as_bytes(), certificate, address };
        self.identity.token(&self.snapshot, &request)
    }

    /// A token of `land-client`.
    pub fn token(&self) -> String {
        self.token_of("land-client", SECRET)
    }

    pub fn token_of(&self, client: &str, secret: &str) -> String {
        let answer = self.ask(&form(), &grant(client, secret), None);
        assert_eq!(answer.status, 200, "{answer:?}");
        json(&answer)["access_token"].as_str().unwrap().to_owned()
    }
}

pub fn grant(client: &str, secret: &str) -> String {
    format!("grant_type=client_credentials&client_id={client}&client_secret={secret}")
}

pub fn json(answer: &TokenAnswer) -> serde_json::Value {
    serde_json::from_slice(&answer.body).unwrap()
}

pub fn form() -> HeaderMap {
    headers(&[(CONTENT_TYPE.as_str(), "application/x-www-form-urlencoded")])
}

pub fn bearer(token: &str) -> HeaderMap {
    headers(&[(AUTHORIZATION.as_str(), &format!("Bearer {token}"))])
}

pub fn headers(lines: &[(&str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in lines {
        map.append(name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap());
    }
    map
}

pub fn basic(user: &str, password: &str) -> String {
    use base64::Engine as _;
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}")))
}

pub fn access_token_header(key: &str, secret: &str) -> String {
    use base64::Engine as _;
    let json = serde_json::json!({"AccessKey": key, "SecretKey": secret, "AppName": "motcua", "PartnerCode": "H01", "PartnerCodeCus": "H01"});
    base64::engine::general_purpose::STANDARD.encode(json.to_string())
}

pub fn when(millis: Millis) -> Option<When> {
    Some(When(millis))
}

/// The code of the refusal.
pub fn refused<T: std::fmt::Debug>(result: Result<T, Refusal>) -> &'static str {
    result.unwrap_err().kind.code
}
