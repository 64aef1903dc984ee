//! TLS and mutual TLS, and certificates that change while connections live.

use crate::client::{full, request, whole};
use crate::world::{Plan, World};
use http::Request;
use hyper_util::rt::{TokioExecutor, TokioIo};
use lgsp_gateway::{TlsAcceptorHandle, server_config};
use rustls::ClientConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use serde_json::json;
use std::sync::Arc;
use tokio::net::TcpStream;

struct Pair {
    certificate: CertificateDer<'static>,
    key: Vec<u8>,
}

fn pair(name: &str) -> Pair {
    let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    Pair { certificate: made.cert.der().clone(), key: made.signing_key.serialize_der() }
}

fn key(pair: &Pair) -> PrivateKeyDer<'static> {
    PrivateKeyDer::Pkcs8(pair.key.clone().into())
}

fn server(pair: &Pair) -> Arc<rustls::ServerConfig> {
    let verifier = lgsp_identity::tls::client_verifier(None, lgsp_kernel::Clock::System).unwrap();
    server_config(vec![pair.certificate.clone()], key(pair), verifier).unwrap()
}

fn client(trusted: &Pair, own: Option<&Pair>, alpn: &[u8], tls12: bool) -> ClientConfig {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(trusted.certificate.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let versions = if tls12 { &[&rustls::version::TLS12] } else { &[&rustls::version::TLS13] };
    let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(versions).unwrap();
    let builder = builder.with_root_certificates(roots);
    let mut config = match own {
        Some(own) => builder.with_client_auth_cert(vec![own.certificate.clone()], key(own)).unwrap(),
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![alpn.to_vec()];
    config
}

type Tls = tokio_rustls::client::TlsStream<TcpStream>;

async fn connect(w: &World, config: ClientConfig) -> std::io::Result<Tls> {
    let stream = TcpStream::connect(w.address).await?;
    tokio_rustls::TlsConnector::from(Arc::new(config))
        .connect(ServerName::try_from("nen-tang").unwrap(), stream)
        .await
}

async fn http1(stream: Tls, r: Request<http_body_util::Full<bytes::Bytes>>) -> crate::client::Reply {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(async move {
        let _ = connection.await;
    });
    whole(sender.send_request(r).await.unwrap()).await.unwrap()
}

#[tokio::test]
async fn calls_come_over_tls_1_2_and_1_3_and_http_2_by_alpn() {
    let own = pair("nen-tang");
    let plan = Plan { tls: Some(TlsAcceptorHandle::new(server(&own))), ..Plan::default() };
    let w = plan.begin().await;
    for tls12 in [true, false] {
        let stream = connect(&w, client(&own, None, b"http/1.1", tls12)).await.unwrap();
        let reply = http1(stream, request("GET", "/cong-dan/citizens/7").body(full("")).unwrap()).await;
        assert_eq!(reply.status, 200);
    }
    let stream = connect(&w, client(&own, None, b"h2", false)).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(async move {
        let _ = connection.await;
    });
    let r = Request::get("https://nen-tang/cong-dan/citizens/7")
        .header("apikey", crate::world::KEY)
        .body(full(""))
        .unwrap();
    assert_eq!(sender.send_request(r).await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_registered_client_certificate_is_a_credential_and_another_is_not() {
    let (own, theirs, stranger) = (pair("nen-tang"), pair("mot-cua"), pair("stranger"));
    let mut plan = Plan { tls: Some(TlsAcceptorHandle::new(server(&own))), ..Plan::default() };
    let fingerprint = hex::encode(lgsp_identity::tls::fingerprint(&theirs.certificate));
    let spec =
        json!({"id": "mot-cua-cert", "system": "mot-cua", "kind": "certificate", "fingerprint": fingerprint});
    plan.credentials.push((spec, None));
    let w = plan.begin().await;
    let call = || Request::get("/cong-dan/citizens/7").header("host", "nen-tang").body(full("")).unwrap();
    let reply =
        http1(connect(&w, client(&own, Some(&theirs), b"http/1.1", false)).await.unwrap(), call()).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(w.records(reply.exchange())[0].caller.as_ref().unwrap().how, "certificate");
    let reply =
        http1(connect(&w, client(&own, Some(&stranger), b"http/1.1", false)).await.unwrap(), call()).await;
    assert_eq!(reply.code(), "identify.unknown");
    let reply = http1(connect(&w, client(&own, None, b"http/1.1", false)).await.unwrap(), call()).await;
    assert_eq!(reply.code(), "identify.none");
}

#[tokio::test]
async fn a_caller_that_speaks_x_road_is_known_by_its_certificate_alone() {
    let (own, theirs) = (pair("nen-tang"), pair("mot-cua"));
    let mut plan = Plan { tls: Some(TlsAcceptorHandle::new(server(&own))), ..Plan::default() };
    let fingerprint = hex::encode(lgsp_identity::tls::fingerprint(&theirs.certificate));
    let spec =
        json!({"id": "mot-cua-cert", "system": "mot-cua", "kind": "certificate", "fingerprint": fingerprint});
    plan.credentials.push((spec, None));
    let w = crate::xroad::begin(plan).await;
    for (client_id, status) in [(crate::xroad::CLIENT, 200), ("VN/GOV/H01.15/khach", 500)] {
        let call = Request::get("/r1/VN/GOV/H01.15/csdl/cong-dan/citizens/7").header("host", "nen-tang");
        let call = call.header("x-road-client", client_id).body(full("")).unwrap();
        let reply =
            http1(connect(&w, client(&own, Some(&theirs), b"http/1.1", false)).await.unwrap(), call).await;
        assert_eq!(reply.status, status, "{}", reply.text());
        let record = &w.records(reply.exchange())[0];
        assert_eq!(
            (record.edge.as_str(), &*record.caller.as_ref().unwrap().how),
            ("xroad_rest", "certificate")
        );
    }
}

#[tokio::test]
async fn a_new_certificate_counts_for_new_connections_and_drops_no_old_one() {
    let (old, new) = (pair("nen-tang"), pair("nen-tang"));
    let handle = TlsAcceptorHandle::new(server(&old));
    let w = Plan { tls: Some(handle.clone()), ..Plan::default() }.begin().await;
    let stream = connect(&w, client(&old, None, b"http/1.1", false)).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(async move {
        let _ = connection.await;
    });
    let call = || request("GET", "/cong-dan/citizens/7").body(full("")).unwrap();
    assert_eq!(whole(sender.send_request(call()).await.unwrap()).await.unwrap().status, 200);
    handle.replace(server(&new));
    assert_eq!(
        whole(sender.send_request(call()).await.unwrap()).await.unwrap().status,
        200,
        "the old connection lives"
    );
    assert!(connect(&w, client(&old, None, b"http/1.1", false)).await.is_err());
    assert!(connect(&w, client(&new, None, b"http/1.1", false)).await.is_ok());
}

#[tokio::test]
async fn a_peer_that_never_shakes_hands_is_let_go() {
    let own = pair("nen-tang");
    let plan = Plan { tls: Some(TlsAcceptorHandle::new(server(&own))), ..Plan::default() };
    let w = plan.configured(|c| c.handshake_timeout = std::time::Duration::from_millis(200)).begin().await;
    let mut silent = TcpStream::connect(w.address).await.unwrap();
    let begun = std::time::Instant::now();
    crate::client::read_all(&mut silent, std::time::Duration::from_secs(5)).await;
    assert!(begun.elapsed() < std::time::Duration::from_secs(3));
}
