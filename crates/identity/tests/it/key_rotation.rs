//! Signing keys: published before use, kept until their last token has expired, shared by the processes of a node.

use crate::support::{World, bearer, config, refused};
use base64::Engine as _;
use lgsp_identity::{Identity, IdentityError, Rotation};
use lgsp_kernel::Vault;
use std::sync::Arc;

fn published(identity: &Identity) -> Vec<String> {
    let jwks: serde_json::Value = serde_json::from_slice(&identity.jwks()).unwrap();
    jwks["keys"].as_array().unwrap().iter().map(|k| k["kid"].as_str().unwrap().to_owned()).collect()
}

fn kid(token: &str) -> String {
    let header = token.split('.').next().unwrap();
    let header = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(header).unwrap();
    serde_json::from_slice::<serde_json::Value>(&header).unwrap()["kid"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_orderly_rotation_refuses_no_token_at_any_moment() {
    let world = World::new().await;
    let first = kid(&world.token());
    world.clock.advance(1);
    assert!(world.identity.rotate(Rotation::Orderly).await.unwrap());
    let keys = published(&world.identity);
    assert_eq!(keys.len(), 2, "the new key is published");
    assert_eq!(kid(&world.token()), first, "and does not sign yet");

    let mut tokens = Vec::new();
    for minute in 0..80 {
        world.identity.maintain().await.unwrap();
        tokens.push((minute, world.token()));
        for (made, token) in &tokens {
            assert_eq!(
                world.identify(&bearer(token)).is_ok(),
                minute - made <= 60,
                "made {made}, used {minute}"
            );
        }
        world.clock.advance(60_000);
    }
    assert_ne!(kid(&world.token()), first);
    assert_eq!(published(&world.identity).len(), 1, "the old key is gone when its last token is");
}

#[tokio::test]
async fn a_key_is_rotated_when_its_days_are_over_and_once_by_all_processes() {
    let world = World::new().await;
    let other = world.second_process().await;
    world.identity.maintain().await.unwrap();
    assert_eq!(published(&world.identity).len(), 1);
    world.clock.advance(30 * 86_400_000);
    let (a, b) = tokio::join!(world.identity.maintain(), other.maintain());
    a.unwrap();
    b.unwrap();
    assert_eq!(world.store.signing_keys().await.unwrap().len(), 2);
    assert_eq!(published(&world.identity), published(&other));
}

#[tokio::test]
async fn processes_take_each_others_tokens() {
    let world = World::new().await;
    let other = world.second_process().await;
    let call = bearer(&world.token());
    other.identify(&world.snapshot, &call, None, world.clock.now()).unwrap();
}

#[tokio::test]
async fn after_a_compromise_old_tokens_end_here_at_once_and_elsewhere_with_upkeep() {
    let world = World::new().await;
    let other = world.second_process().await;
    let call = bearer(&world.token());
    world.identity.rotate(Rotation::Orderly).await.unwrap();
    world.identify(&call).unwrap();
    other.identify(&world.snapshot, &call, None, world.clock.now()).unwrap();

    assert!(world.identity.rotate(Rotation::Compromised).await.unwrap());
    assert_eq!(refused(world.identify(&call)), "identify.token");
    other.maintain().await.unwrap();
    assert_eq!(refused(other.identify(&world.snapshot, &call, None, world.clock.now())), "identify.token");
    let fresh = bearer(&world.token());
    world.identify(&fresh).unwrap();
    other.identify(&world.snapshot, &fresh, None, world.clock.now()).unwrap();
    assert_eq!(published(&world.identity).len(), 1);
}

#[tokio::test]
async fn private_keys_are_sealed_in_the_store_and_another_master_key_is_noticed() {
    let world = World::new().await;
    let row = world.store.signing_keys().await.unwrap().remove(0);
    assert!(row.sealed.starts_with("v1."));
    let stranger = Arc::new(Vault::new(&[1; 32]));
    let opened = Identity::open(world.store.clone(), stranger, world.clock.clone(), config()).await;
    assert!(matches!(opened, Err(IdentityError::Sealed { kid, .. }) if kid == row.kid));
}

#[tokio::test]
async fn retired_keys_leave_the_store_a_day_later() {
    let world = World::new().await;
    world.identity.rotate(Rotation::Compromised).await.unwrap();
    assert_eq!(world.store.signing_keys().await.unwrap().len(), 2);
    world.clock.advance(86_400_000);
    world.identity.maintain().await.unwrap();
    assert_eq!(world.store.signing_keys().await.unwrap().len(), 1);
}
