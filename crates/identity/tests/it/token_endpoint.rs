//! `POST /token` and `POST /revoke`, as RFC 6749, RFC 7009 and RFC 8705 have them.

use crate::support::{
    CERTIFICATE, OTHER_SECRET, SECRET, World, basic, bearer, form, grant, headers, json, refused,
};
use lgsp_identity::{TokenAnswer, TokenRequest};
use lgsp_kernel::model::CredentialKind;

const GRANT: &str = "grant_type=client_credentials";

fn basic_form(user: &str, password: &str) -> http::HeaderMap {
    let mut map = form();
    map.insert("authorization", basic(user, password).parse().unwrap());
    map
}

fn error(answer: &TokenAnswer) -> (u16, String) {
    (answer.status.as_u16(), json(answer)["error"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn a_client_gets_a_token_by_basic_or_by_form() {
    let world = World::new().await;
    let by_basic = world.ask(&basic_form("land-client", SECRET), &format!("{GRANT}&scope=a%20b"), None);
    assert_eq!(by_basic.status, 200);
    assert_eq!(by_basic.headers["cache-control"], "no-store");
    let body = json(&by_basic);
    assert_eq!(
        (&body["token_type"], &body["expires_in"], &body["scope"]),
        (&"Bearer".into(), &3600.into(), &"a b".into())
    );
    world.identify(&bearer(body["access_token"].as_str().unwrap())).unwrap();

    let by_form = world.ask(&form(), &grant("land-client", SECRET), None);
    assert_eq!(json(&by_form)["scope"], "default");
    assert_eq!((by_form.client.as_deref(), by_form.error), (Some("land-client"), None));
}

#[tokio::test]
async fn a_secret_with_reserved_characters_is_taken_encoded_or_plain_in_basic() {
    let mut world = World::new().await;
    world.credential("odd", "land", CredentialKind::Client, "mật+khẩu%25/dài=1");
    for sent in ["mật+khẩu%25/dài=1", "m%E1%BA%ADt%2Bkh%E1%BA%A9u%2525%2Fd%C3%A0i%3D1"] {
        assert_eq!(world.ask(&basic_form("odd", sent), GRANT, None).status, 200, "{sent}");
    }
}

#[tokio::test]
async fn requests_that_are_wrong_are_answered_as_the_standard_says() {
    let world = World::new().await;
    let good = basic_form("land-client", SECRET);
    let mut json_body = good.clone();
    json_body.insert("content-type", "application/json".parse().unwrap());
    let mut two = good.clone();
    two.append("authorization", basic("land-client", SECRET).parse().unwrap());
    let twice = format!("{GRANT}&client_secret={SECRET}");
    let others = format!("{GRANT}&client_id=tax-client");
    for (headers, body, status, code) in [
        (&good, "", 400, "invalid_request"),
        (&good, "grant_type=password", 400, "unsupported_grant_type"),
        (&good, "grant_type=client_credentials&grant_type=client_credentials", 400, "invalid_request"),
        (&good, twice.as_str(), 400, "invalid_request"),
        (&good, others.as_str(), 400, "invalid_request"),
        (&good, "grant_type=client_credentials&scope=%22", 400, "invalid_scope"),
        (&json_body, GRANT, 400, "invalid_request"),
        (&two, GRANT, 400, "invalid_request"),
        (&form(), GRANT, 401, "invalid_client"),
        (&form(), "grant_type=client_credentials&client_id=land-client", 401, "invalid_client"),
        (&basic_form("land-client", "sai"), GRANT, 401, "invalid_client"),
        (&basic_form("khong-co", SECRET), GRANT, 401, "invalid_client"),
        (&basic_form("land-key", "khoa-api-rat-dai-1"), GRANT, 401, "invalid_client"),
        (&bearer("abc"), GRANT, 401, "invalid_client"),
    ] {
        let answer = world.ask(headers, body, None);
        assert_eq!(error(&answer), (status, code.to_owned()), "{body}");
        assert_eq!(answer.error, Some(code));
        assert_eq!(answer.headers["cache-control"], "no-store");
        assert_eq!(answer.headers.contains_key("www-authenticate"), status == 401);
        assert!(!String::from_utf8_lossy(&answer.body).contains(SECRET));
    }
    let long = format!("{GRANT}&pad={}", "x".repeat(20_000));
    assert_eq!(error(&world.ask(&good, &long, None)), (400, "invalid_request".into()));
}

#[tokio::test]
async fn a_credential_that_may_not_be_used_gets_no_token() {
    let mut world = World::new().await;
    world.change("land-client", |c| c.revoked = true);
    let answer = world.ask(&form(), &grant("land-client", SECRET), None);
    assert_eq!(error(&answer), (401, "invalid_client".into()));
    let guess = world.ask(&form(), &grant("land-client", "sai-mat-khau-roi"), None);
    assert_ne!(guess.body, answer.body, "only who has the secret learns that it was revoked");
    world.system("tax", true);
    let answer = world.ask(&form(), &grant("tax-client", OTHER_SECRET), None);
    assert!(json(&answer)["error_description"].as_str().unwrap().contains("suspended"));
}

#[tokio::test]
async fn a_token_got_by_certificate_is_good_only_with_it() {
    let world = World::new().await;
    let body = format!("{GRANT}&client_id=land-cert");
    assert_eq!(error(&world.ask(&form(), &body, None)), (401, "invalid_client".into()));
    assert_eq!(error(&world.ask(&form(), &body, Some([8; 32]))), (401, "invalid_client".into()));
    let answer = world.ask(&form(), &body, Some(CERTIFICATE));
    let call = bearer(json(&answer)["access_token"].as_str().unwrap());
    for round in ["first", "remembered"] {
        assert_eq!(refused(world.identify(&call)), "identify.token", "{round}");
        assert_eq!(refused(world.identify_with(&call, [8; 32])), "identify.token", "{round}");
        world.identify_with(&call, CERTIFICATE).unwrap();
    }
}

#[tokio::test]
async fn guessing_is_slowed_down_with_a_stated_time() {
    let world = World::new().await;
    for _ in 0..10 {
        assert_eq!(world.ask(&form(), &grant("land-client", "doan-mo-mat-khau"), None).status, 401);
    }
    let answer = world.ask(&form(), &grant("land-client", SECRET), None);
    assert_eq!(answer.status, 429, "not even the right secret, or guessing would go on");
    let wait: i64 = answer.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert_eq!(world.ask(&form(), &grant("tax-client", OTHER_SECRET), None).status, 200);
    world.clock.advance(wait * 1000);
    assert_eq!(world.ask(&form(), &grant("land-client", SECRET), None).status, 200);
}

#[tokio::test]
async fn a_revoked_token_is_refused_here_at_once_and_elsewhere_after_upkeep() {
    let world = World::new().await;
    let other = world.second_process().await;
    let token = world.token();
    let call = bearer(&token);
    let elsewhere = || other.identify(&world.snapshot, &call, None, world.clock.now());
    world.identify(&call).unwrap();
    elsewhere().unwrap();

    let revoke = async |headers: http::HeaderMap, token: &str| {
        let body = format!("token={token}");
        let request =
            TokenRequest { headers: &headers, body: body.as_bytes(), certificate: None, address: None };
        world.identity.revoke(&world.snapshot, &request).await
    };
    let by_other = revoke(basic_form("tax-client", OTHER_SECRET), &token).await;
    assert_eq!(error(&by_other), (400, "unauthorized_client".into()));
    world.identify(&call).unwrap();

    assert_eq!(revoke(basic_form("land-client", SECRET), &token).await.status, 200);
    let refusal = world.identify(&call).unwrap_err();
    assert_eq!(refusal.kind.code, "identify.token");
    assert!(refusal.detail.contains("revoked"), "{}", refusal.detail);
    assert_eq!(refused(world.identify(&call)), "identify.token", "and is not remembered by the refusal");
    elsewhere().unwrap();
    other.maintain().await.unwrap();
    assert_eq!(refused(elsewhere()), "identify.token");
    let restarted = world.second_process().await;
    assert_eq!(
        refused(restarted.identify(&world.snapshot, &call, None, world.clock.now())),
        "identify.token"
    );

    assert_eq!(
        revoke(basic_form("land-client", SECRET), "rac").await.status,
        200,
        "nothing to revoke is no error"
    );
    assert_eq!(revoke(headers(&[]), &token).await.status, 401);
}
