//! What several nodes need declared: ways to providers elsewhere, systems of other nodes, hidden fields.

use crate::help::{Desk, operator};
use lgsp_kernel::model::{LegSpec, SignatureMode};
use lgsp_kernel::snapshot::OpenAuth;
use lgsp_kernel::{NodeName, SystemId};
use lgsp_registry::Kind;

const SYSTEMS: &str = "\
agencies: [{ code: G01, name: Bộ, kind: ministry }]
systems:
  - { id: dan-cu, agency: G01, name: CSDLQG về dân cư, remote: { node: ngsp } }
  - { id: mot-cua-b, agency: G01, name: Một cửa tỉnh B, remote: { node: province-b, system: mot-cua } }
";

const SERVICE: &str = "\
services:
  - id: dancu
    system: dan-cu
    title: Tra cứu dân cư
    protocol: rest
    listed: true
    versions:
      - version: '1.0'
        lifecycle: published
        upstream: { total_timeout_ms: 5000, breaker_failures: 2, breaker_open_ms: 500 }
        routes:
          - { kind: peer, node: bo-cong-an, via: ngsp, service: citizens, version: '2.0', mode: message }
          - kind: xroad
            targets: [{ url: 'http://10.0.0.9', weight: 3 }]
            client: VN/GOV/H98/mot-cua
            service: VN/GOV/G01/csdl/dancu/v1
            upstream: { total_timeout_ms: 900 }
          - kind: direct
            targets: [{ url: 'http://10.0.0.8/dancu' }]
            auth: { type: bearer, token: { value: khoa-cua-chan-truc-tiep } }
        operations: [{ name: tra, method: GET, path: '/tra/{id}' }]
";

fn node(name: &str) -> NodeName {
    NodeName::new(name).unwrap()
}

#[tokio::test]
async fn the_ways_to_a_provider_are_compiled_each_with_its_own_targets_and_credential() {
    let desk = Desk::province().await;
    desk.apply(SYSTEMS).await.unwrap();
    desk.apply(SERVICE).await.unwrap();
    let snapshot = desk.registry.snapshot().load_full();
    let version = &snapshot.services["dancu"].versions[0];
    let LegSpec::Peer { node: to, via, mode, .. } = &version.legs[0].spec else { panic!("not a peer") };
    assert_eq!((to, via, mode), (&node("bo-cong-an"), &Some(node("ngsp")), &Some(SignatureMode::Message)));
    assert!(version.legs[0].version.is_none());
    let xroad = version.legs[1].version.as_ref().unwrap();
    assert_eq!((xroad.key.as_str(), xroad.spec.upstream.total_timeout_ms), ("dancu/1.0#2", Some(900)));
    assert_eq!(xroad.spec.targets[0].weight, Some(3));
    let direct = version.legs[2].version.as_ref().unwrap();
    let OpenAuth::Bearer { token } = &direct.auth else { panic!("no credential") };
    assert_eq!(token.expose(), b"khoa-cua-chan-truc-tiep");
    assert_eq!(version.legs[2].number, 3);
    assert_ne!(xroad.stamp, direct.stamp);
    // And the secret is shown nowhere.
    let shown = desk.registry.get(Kind::Service, "dancu").unwrap().spec.to_string();
    assert!(
        shown.contains("sealed")
            && !shown.contains("truc-tiep")
            && !format!("{snapshot:?}").contains("truc-tiep")
    );
}

#[tokio::test]
async fn applying_the_same_legs_again_changes_nothing_and_their_order_may_change() {
    let desk = Desk::province().await;
    desk.apply(SYSTEMS).await.unwrap();
    desk.apply(SERVICE).await.unwrap();
    let before = desk.store.generation().await.unwrap();
    desk.apply(SERVICE).await.unwrap();
    assert_eq!(desk.store.generation().await.unwrap(), before, "nothing changed");
    // What was shown, with the legs the other way round, put back as it is.
    let mut item = desk.registry.get(Kind::Service, "dancu").unwrap().spec;
    item["versions"][0]["routes"].as_array_mut().unwrap().reverse();
    desk.registry.put(Kind::Service, "dancu", item, &operator()).await.unwrap();
    let version = desk.registry.snapshot().load().services["dancu"].versions[0].clone();
    let OpenAuth::Bearer { token } = &version.legs[0].version.as_ref().unwrap().auth else {
        panic!("no credential")
    };
    assert_eq!(token.expose(), b"khoa-cua-chan-truc-tiep");
}

#[tokio::test]
async fn a_system_of_another_node_is_found_by_that_node_and_its_id_there() {
    let desk = Desk::province().await;
    desk.apply(SYSTEMS).await.unwrap();
    let find = |at: &str, id: &str| {
        let key = (node(at), SystemId::new(id).unwrap());
        desk.registry.snapshot().load().remotes.get(&key).map(ToString::to_string)
    };
    assert_eq!(find("ngsp", "dan-cu").as_deref(), Some("dan-cu"));
    assert_eq!(find("province-b", "mot-cua").as_deref(), Some("mot-cua-b"));
    assert_eq!(find("province-b", "mot-cua-b"), None);
    assert_eq!(find("ngsp", "mot-cua"), None);
    desk.apply(&SYSTEMS.replace("node: ngsp", "node: hub")).await.unwrap();
    assert_eq!((find("ngsp", "dan-cu"), find("hub", "dan-cu").as_deref()), (None, Some("dan-cu")));
    desk.registry.delete(Kind::System, "dan-cu", &operator()).await.unwrap();
    assert_eq!(find("hub", "dan-cu"), None);
}
