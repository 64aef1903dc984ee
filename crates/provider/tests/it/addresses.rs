//! What is never dialled.

use crate::harness::{OK, Server, assert_failed, get, local, plain, providers, read};
use lgsp_kernel::{Clock, fault};
use lgsp_provider::{ProviderConfig, Providers};

#[tokio::test]
async fn addresses_that_are_never_providers_are_refused_before_anything_is_sent() {
    let config =
        ProviderConfig { allow: vec!["0.0.0.0/0".parse().unwrap(), "::/0".parse().unwrap()], ..local() };
    let providers = Providers::new(config, Clock::System).unwrap();
    for (stamp, url) in [
        "http://169.254.169.254/latest",
        "http://[fe80::1]",
        "http://0.0.0.0:80",
        "http://[::ffff:169.254.1.1]",
    ]
    .into_iter()
    .enumerate()
    {
        let version = crate::harness::version(&[url], |v| v.stamp = stamp as u64);
        assert_failed(get(&providers, &version).await, &fault::TARGET_FORBIDDEN, false);
    }
}

#[tokio::test]
async fn a_name_is_judged_by_the_address_behind_it() {
    let server = Server::answering(OK).await;
    let by_name = plain(&format!("http://localhost:{}", server.address.port()));
    let nothing_local =
        ProviderConfig { allow: vec!["10.0.0.0/8".parse().unwrap()], ..ProviderConfig::default() };
    let strict = Providers::new(nothing_local, Clock::System).unwrap();
    let error = crate::harness::failed(get(&strict, &by_name).await);
    assert_eq!(error.refusal.kind.code, fault::TARGET_FORBIDDEN.code);
    assert_eq!(
        error.refusal.detail, "It is outside the operator's allow-list.",
        "the reason, not the address"
    );
    assert_eq!(server.connections(), 0);
    assert_eq!(read(get(&providers(), &by_name).await.unwrap()).await.0, 200);
}

#[tokio::test]
async fn without_an_allow_list_nothing_is_dialled() {
    let server = Server::answering(OK).await;
    let providers = Providers::new(ProviderConfig::default(), Clock::System).unwrap();
    assert_failed(get(&providers, &plain(&server.url())).await, &fault::TARGET_FORBIDDEN, false);
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn the_platform_does_not_call_itself() {
    let server = Server::answering(OK).await;
    let providers = providers();
    providers.set_own(vec![format!("0.0.0.0:{}", server.address.port()).parse().unwrap()]);
    assert_failed(get(&providers, &plain(&server.url())).await, &fault::TARGET_FORBIDDEN, false);
    assert_eq!(server.connections(), 0);
}
