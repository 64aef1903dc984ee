//! A node's administration on a socket of this machine, and a client that speaks to it.

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use lgsp_evidence::{Archive, Log, LogConfig, LogKey};
use lgsp_identity::{AdminTokens, Identity, IdentityConfig};
use lgsp_kernel::context::Role;
use lgsp_kernel::{Actor, Clock, Millis, OpContext, Vault};
use lgsp_registry::Registry;
use lgsp_store::Store;
use lgsp_web::{AdminParts, AdminState, HubAdministration, Limits, Neighbours, router, serve};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;

pub const START: Millis = Millis(1_767_200_000_000);

pub struct World {
    pub address: SocketAddr,
    pub store: Store,
    pub log: Log,
    pub clock: Clock,
    /// Tokens of the roles auditor, operator and admin.
    pub auditor: String,
    pub operator: String,
    pub admin: String,
    client: Client<HttpConnector, Full<Bytes>>,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    _folder: tempfile::TempDir,
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
    /// The answer, after making sure that it has this status.
    pub fn is(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.text());
        self
    }
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap())
    }
}

impl World {
    pub async fn new() -> Self {
        Self::with(None, None).await
    }

    /// With a hub, and others that are known.
    pub async fn with(
        hub: Option<Arc<dyn HubAdministration>>,
        neighbours: Option<Arc<dyn Neighbours>>,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&format!("sqlite:{}", folder.path().join("s.db").display())).await.unwrap();
        store.migrate().await.unwrap();
        let (clock, vault) = (Clock::manual(START), Arc::new(Vault::new(&[9; 32])));
        let registry = Registry::open(store.clone(), vault.clone(), clock.clone()).await.unwrap();
        let config = IdentityConfig::default();
        let identity = Identity::open(store.clone(), vault.clone(), clock.clone(), config).await.unwrap();
        let tokens = AdminTokens::new(store.clone(), vault, clock.clone());
        let mut made = Vec::new();
        for role in Role::ALL {
            let by = OpContext { actor: Actor::Node, reason: None, at: clock.now() };
            let token = tokens.create(role.as_str(), role, None, &by).await.unwrap();
            made.push(token.expose_str().unwrap().to_owned());
        }
        let [auditor, operator, admin] = made.try_into().unwrap();
        let dir = folder.path().join("log");
        let log = Log::open(LogConfig::new(&dir, "test"), LogKey::for_node("test", [5; 32]), clock.clone())
            .unwrap();
        let state = AdminState::new(AdminParts {
            registry,
            identity,
            tokens,
            store: store.clone(),
            log: log.clone(),
            archive: Archive::open(&dir),
            clock: clock.clone(),
            hub,
            neighbours,
            version: "0.0.0-test",
            status: Arc::new(|| serde_json::json!({"listeners": []})),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        tokio::spawn(serve(listener, router(state), Limits::default(), async move {
            let _ = stopped.await;
        }));
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self {
            address,
            store,
            log,
            clock,
            auditor,
            operator,
            admin,
            client,
            stop: Some(stop),
            _folder: folder,
        }
    }

    pub async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(format!("http://{}{path}", self.address));
        for (name, value) in headers {
            request = request.header(*name, http::HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        let answer = self.client.request(request.body(Full::new(body.into())).unwrap()).await.unwrap();
        let (parts, body) = answer.into_parts();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: body.collect().await.unwrap().to_bytes(),
        }
    }

    pub async fn get(&self, path: &str) -> Answer {
        let authorization = format!("Bearer {}", self.auditor);
        self.send(Method::GET, path, &[("authorization", &authorization)], "").await
    }

    /// A change by the operator.
    pub async fn change(&self, method: Method, path: &str, body: serde_json::Value) -> Answer {
        self.change_if(method, path, &[], body).await
    }

    pub async fn change_if(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: serde_json::Value,
    ) -> Answer {
        let authorization = format!("Bearer {}", self.operator);
        let mut all = vec![("authorization", authorization.as_str()), ("content-type", "application/json")];
        all.extend_from_slice(headers);
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.send(method, path, &all, body).await
    }

    /// A change by the admin.
    pub async fn administer(&self, method: Method, path: &str, body: serde_json::Value) -> Answer {
        let authorization = format!("Bearer {}", self.admin);
        let headers = [("authorization", authorization.as_str()), ("content-type", "application/json")];
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.send(method, path, &headers, body).await
    }

    pub async fn apply(&self, query: &str, yaml: &str) -> Answer {
        let authorization = format!("Bearer {}", self.operator);
        let headers = [
            ("authorization", authorization.as_str()),
            ("content-type", "application/yaml"),
            ("lgsp-reason", "Công văn 15/STTTT"),
        ];
        self.send(Method::POST, &format!("/admin/v1/apply{query}"), &headers, yaml.to_owned()).await
    }

    /// A world with agencies, systems, a service of two versions and a grant.
    pub async fn furnished() -> Self {
        let world = Self::new().await;
        world.apply("", MANIFEST).await.is(200);
        world
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        self.log.close();
    }
}

pub const MANIFEST: &str = r#"
agencies:
  - {code: H01, name: Tỉnh Thử, kind: province}
  - {code: H01.15, name: Sở Tài nguyên, kind: department, parent: H01, aliases: [000.00.15.H01]}
systems:
  - {id: land, agency: H01.15, name: Đất đai}
  - {id: portal, agency: H01, name: Cổng dịch vụ công}
credentials:
  - {id: portal-client, system: portal, kind: client, secret: {value: mat-khau-rat-dai-123}}
services:
  - id: parcels
    system: land
    title: Thửa đất
    protocol: rest
    versions:
      - version: "1.0"
        lifecycle: published
        targets: [{url: "http://10.0.0.5:8080"}]
        auth: {type: bearer, token: {value: token-cua-he-thong-dat-dai}}
        operations: [{name: get-parcel, method: GET, path: "/parcels/{id}"}]
grants:
  - id: portal-parcels
    consumer: portal
    service: parcels
    operations: ["*"]
    purpose: Giải quyết thủ tục
    legal_basis: Nghị định 47/2020
"#;
