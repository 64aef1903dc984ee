//! Who a call is from, and which credentials are refused.

use crate::support::{
    API_KEY, CERTIFICATE, OTHER_SECRET, SECRET, World, access_token_header, basic, bearer, headers, refused,
    when,
};
use lgsp_identity::How;

#[tokio::test]
async fn every_kind_of_credential_names_its_system() {
    let world = World::new().await;
    let token = world.token();
    let header = access_token_header("land-client", SECRET);
    let none = headers(&[]);
    for (caller, how) in [
        (world.identify(&bearer(&token)), How::Token),
        (world.identify(&headers(&[("apikey", API_KEY)])), How::ApiKey),
        (world.identify(&headers(&[("X-API-Key", API_KEY)])), How::ApiKey),
        (world.identify(&headers(&[("lgspaccesstoken", &header)])), How::AccessTokenHeader),
        (world.identify_with(&none, CERTIFICATE), How::Certificate),
    ] {
        let caller = caller.unwrap();
        assert_eq!((caller.system.spec.id.as_str(), caller.how), ("land", how));
    }
}

#[tokio::test]
async fn a_request_without_a_credential_or_with_an_unknown_one_is_refused() {
    let world = World::new().await;
    assert_eq!(refused(world.identify(&headers(&[]))), "identify.none");
    assert_eq!(
        refused(world.identify(&headers(&[("authorization", &basic("land-client", SECRET))]))),
        "identify.none"
    );
    assert_eq!(refused(world.identify(&headers(&[("apikey", "khong-co-khoa-nay")]))), "identify.unknown");
    assert_eq!(
        refused(world.identify(&headers(&[("apikey", SECRET)]))),
        "identify.unknown",
        "a client secret is no API key"
    );
    assert_eq!(refused(world.identify_with(&headers(&[]), [8; 32])), "identify.unknown");
    let wrong = access_token_header("land-client", "mat-khau-sai-hoan-toan");
    assert_eq!(refused(world.identify(&headers(&[("lgspaccesstoken", &wrong)]))), "identify.unknown");
    assert_eq!(refused(world.identify(&headers(&[("lgspaccesstoken", "%%%")]))), "identify.unknown");
    let key_as_client = access_token_header("land-key", API_KEY);
    assert_eq!(refused(world.identify(&headers(&[("lgspaccesstoken", &key_as_client)]))), "identify.unknown");
}

#[tokio::test]
async fn several_credentials_must_be_of_one_system() {
    let world = World::new().await;
    let token = format!("Bearer {}", world.token());
    let (own, other) =
        (access_token_header("land-client", SECRET), access_token_header("tax-client", OTHER_SECRET));

    let caller = world.identify(&headers(&[("authorization", &token), ("lgspaccesstoken", &own)])).unwrap();
    assert_eq!(caller.how, How::Token, "the token comes first");
    for lines in [
        vec![("authorization", token.as_str()), ("lgspaccesstoken", other.as_str())],
        vec![("apikey", API_KEY), ("lgspaccesstoken", other.as_str())],
        vec![("apikey", API_KEY), ("x-api-key", "another-key-entirely")],
        vec![("apikey", API_KEY), ("apikey", API_KEY)],
        vec![("authorization", token.as_str()), ("authorization", token.as_str())],
    ] {
        assert_eq!(refused(world.identify(&headers(&lines))), "identify.conflicting", "{}", lines[1].0);
    }
    let tax = bearer(&world.token_of("tax-client", OTHER_SECRET));
    assert_eq!(refused(world.identify_with(&tax, CERTIFICATE)), "identify.conflicting");
}

#[tokio::test]
async fn a_certificate_nobody_registered_is_ignored_beside_another_credential() {
    let world = World::new().await;
    let caller = world.identify_with(&headers(&[("apikey", API_KEY)]), [8; 32]).unwrap();
    assert_eq!(caller.how, How::ApiKey);
}

#[tokio::test]
async fn a_bad_credential_is_refused_even_beside_a_good_one() {
    let mut world = World::new().await;
    let token = format!("Bearer {}", world.token());
    let lines = headers(&[("authorization", &token), ("apikey", API_KEY)]);
    world.identify(&lines).unwrap();
    world.change("land-key", |c| c.revoked = true);
    assert_eq!(refused(world.identify(&lines)), "identify.revoked");
}

#[tokio::test]
async fn revocation_suspension_and_validity_take_effect_on_remembered_tokens_at_once() {
    let mut world = World::new().await;
    let call = bearer(&world.token());
    world.identify(&call).unwrap();
    assert_eq!(world.identity.remembered_tokens(), 1);

    let now = world.clock.now();
    world.change("land-client", |c| c.valid_until = when(now));
    assert_eq!(refused(world.identify(&call)), "identify.expired");
    world.change("land-client", |c| (c.valid_until, c.valid_from) = (None, when(now.plus_seconds(1))));
    assert_eq!(refused(world.identify(&call)), "identify.not_yet_valid");
    world.change("land-client", |c| c.valid_from = None);
    world.identify(&call).unwrap();
    world.change("land-client", |c| c.revoked = true);
    assert_eq!(refused(world.identify(&call)), "identify.revoked");
    world.change("land-client", |c| c.revoked = false);
    world.system("land", true);
    let refusal = world.identify(&call).unwrap_err();
    assert_eq!(refusal.kind.code, "identify.revoked");
    assert!(refusal.detail.contains("suspended"), "{}", refusal.detail);
    world.system("land", false);
    world.snapshot.credentials.remove("land-client");
    assert_eq!(refused(world.identify(&call)), "identify.unknown");
}

#[tokio::test]
async fn a_token_of_a_credential_that_became_another_systems_is_refused() {
    let mut world = World::new().await;
    let call = bearer(&world.token());
    world.identify(&call).unwrap();
    world.change("land-client", |c| c.system = "tax".parse().unwrap());
    assert_eq!(refused(world.identify(&call)), "identify.unknown");
}

#[tokio::test]
async fn no_refusal_repeats_a_secret_or_a_token() {
    let world = World::new().await;
    let token = world.token();
    let broken = format!("{token}x");
    let header = access_token_header("land-client", "bi-mat-khong-duoc-lo-ra");
    for lines in [
        headers(&[("authorization", &format!("Bearer {broken}"))]),
        headers(&[("apikey", "bi-mat-khong-duoc-lo-ra")]),
        headers(&[("lgspaccesstoken", &header)]),
    ] {
        let refusal = world.identify(&lines).unwrap_err();
        let shown = format!("{refusal} {refusal:?}");
        assert!(!shown.contains("bi-mat") && !shown.contains(&token) && !shown.contains(&header), "{shown}");
    }
}
