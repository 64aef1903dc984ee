//! A changed configuration and a changed certificate are taken over while calls are carried.

use crate::http::{Provider, call, over, token};
use crate::world::{World, manifest};
use rustls::ClientConnection;
use rustls_pki_types::pem::PemObject as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

fn write_pair(world: &World) -> Vec<u8> {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    world.write("tls.pem", &made.cert.pem());
    world.write("tls.key", &made.signing_key.serialize_pem());
    made.cert.der().to_vec()
}

/// The certificate that a new connection is shown, after a request over it.
fn shown(port: u16, trusted: &[Vec<u8>]) -> Vec<u8> {
    let mut roots = rustls::RootCertStore::empty();
    for der in trusted {
        roots.add(der.clone().into()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connection = ClientConnection::new(Arc::new(config), "localhost".try_into().unwrap()).unwrap();
    let tcp = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    let mut stream = rustls::StreamOwned::new(connection, tcp);
    assert_eq!(over(&mut stream, "GET /health/live HTTP/1.1", "").unwrap().status, 200);
    stream.conn.peer_certificates().unwrap()[0].to_vec()
}

#[test]
fn a_new_certificate_is_shown_after_a_reload_and_the_call_in_progress_is_not_dropped() {
    let world = World::new("");
    let first = write_pair(&world);
    let listen = format!("admin = \"127.0.0.1:{}\"\nhttps = \"127.0.0.1:{}\"", world.admin, world.https);
    let text = std::fs::read_to_string(world.path("lgsp.toml")).unwrap();
    let text = text.replace(&format!("admin = \"127.0.0.1:{}\"", world.admin), &listen);
    let text = format!(
        "{text}[tls]\ncert = \"{}\"\nkey = \"{}\"\n",
        world.path("tls.pem").display(),
        world.path("tls.key").display()
    );
    world.write("lgsp.toml", &text);
    let provider = Provider::start();
    world.run(&["init"]);
    world.write("m.yaml", &manifest(provider.address));
    world.run(&["apply", "-f", "m.yaml"]);
    let serving = world.serve();
    assert_eq!(shown(world.https, std::slice::from_ref(&first)), first);
    let (port, bearer) = (world.http, token(world.http));
    let calling = std::thread::spawn(move || call(port, &bearer, "/slow").unwrap());

    // A key that does not fit changes nothing.
    let stray = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    world.write("tls.key", &stray.signing_key.serialize_pem());
    serving.signal("HUP");
    wait_for(&serving, "does not belong to the first certificate");
    assert_eq!(shown(world.https, std::slice::from_ref(&first)), first);

    let second = write_pair(&world);
    world.write("lgsp.toml", &format!("{text}[telemetry]\nlevel = \"debug\"\n[limits]\nexchanges = 7\n"));
    serving.signal("HUP");
    wait_for(&serving, "in effect only after a restart");
    wait_for(&serving, "telemetry.level");
    assert_eq!(shown(world.https, &[first, second.clone()]), second);
    provider.let_go();
    assert_eq!(calling.join().unwrap().status, 200);
    assert!(rustls_pki_types::CertificateDer::from_pem_file(world.path("tls.pem")).is_ok());
}

fn wait_for(serving: &crate::world::Serving, text: &str) {
    let until = Instant::now() + Duration::from_secs(10);
    while !serving.log().contains(text) {
        assert!(Instant::now() < until, "{text:?} is not in:\n{}", serving.log());
        std::thread::sleep(Duration::from_millis(10));
    }
}
