//! Tokens that must not be believed. Each test makes one thing wrong and leaves the rest right.

use crate::support::{ISSUER, START, World, bearer, refused};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lgsp_identity::jwt::{self, Claims};
use lgsp_identity::keys::SigningKey;
use lgsp_kernel::Millis;
use serde_json::{Value, json};
use std::sync::Arc;

/// A world whose node signs with a key that the test holds too.
async fn world_with_known_key() -> (World, Arc<SigningKey>) {
    let world = World::new().await;
    let row = world.store.signing_keys().await.unwrap().remove(0);
    let pkcs8 = world.vault.open(&format!("signing-key/{}", row.kid), &row.sealed).unwrap();
    let key = SigningKey::open(&pkcs8, row.created_at, row.retires_at).unwrap();
    assert_eq!(key.kid(), row.kid);
    (world, Arc::new(key))
}

fn claims() -> Value {
    json!({
        "iss": ISSUER, "aud": "lgsp", "sub": "land-client", "client_id": "land-client",
        "iat": START.seconds(), "exp": START.seconds() + 600, "jti": "0191e2f0-0000-7000-8000-000000000001",
        "system": "land", "agency": "H01.15"
    })
}

fn header(key: &SigningKey) -> Value {
    json!({"alg": "ES256", "typ": "at+jwt", "kid": key.kid()})
}

fn unsigned(header: &Value, claims: &Value) -> String {
    let part = |v: &Value| URL_SAFE_NO_PAD.encode(v.to_string());
    format!("{}.{}", part(header), part(claims))
}

fn signed(key: &SigningKey, header: &Value, claims: &Value) -> String {
    let text = unsigned(header, claims);
    let signature = URL_SAFE_NO_PAD.encode(key.sign(text.as_bytes()).unwrap());
    format!("{text}.{signature}")
}

#[tokio::test]
async fn the_honest_token_of_these_tests_is_good() {
    let (world, key) = world_with_known_key().await;
    world.identify(&bearer(&signed(&key, &header(&key), &claims()))).unwrap();
}

#[tokio::test]
async fn a_header_that_is_not_ours_is_refused() {
    let (world, key) = world_with_known_key().await;
    for (name, value) in [
        ("alg", json!("none")),
        ("alg", json!("HS256")),
        ("alg", json!("ES384")),
        ("alg", json!("es256")),
        ("typ", json!("JWT")),
        ("typ", Value::Null),
        ("kid", json!("khong-co-khoa-nay")),
        ("kid", Value::Null),
        ("crit", json!(["exp"])),
        ("crit", json!([])),
    ] {
        let mut header = header(&key);
        header[name] = value.clone();
        let token = signed(&key, &header, &claims());
        assert_eq!(refused(world.identify(&bearer(&token))), "identify.token", "{name}: {value}");
    }
}

#[tokio::test]
async fn an_unsigned_token_is_refused() {
    let (world, key) = world_with_known_key().await;
    let none = json!({"alg": "none", "typ": "at+jwt", "kid": key.kid()});
    for token in [
        format!("{}.", unsigned(&none, &claims())),
        format!("{}.", unsigned(&header(&key), &claims())),
        unsigned(&header(&key), &claims()),
    ] {
        assert_eq!(refused(world.identify(&bearer(&token))), "identify.token");
    }
}

#[tokio::test]
async fn a_token_macced_with_the_public_key_is_refused() {
    let (world, key) = world_with_known_key().await;
    let jwks: Value = serde_json::from_slice(&world.identity.jwks()).unwrap();
    for alg in ["HS256", "ES256"] {
        let text = unsigned(&json!({"alg": alg, "typ": "at+jwt", "kid": key.kid()}), &claims());
        for public in [key.public_der().unwrap(), jwks["keys"][0].to_string().into_bytes()] {
            let hmac = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &public);
            let tag = aws_lc_rs::hmac::sign(&hmac, text.as_bytes());
            let token = format!("{text}.{}", URL_SAFE_NO_PAD.encode(tag));
            assert_eq!(refused(world.identify(&bearer(&token))), "identify.token", "{alg}");
        }
    }
}

#[tokio::test]
async fn a_token_of_another_key_under_our_kid_is_refused() {
    let (world, key) = world_with_known_key().await;
    let (stranger, _) = SigningKey::generate(START).unwrap();
    let token = signed(&stranger, &header(&key), &claims());
    assert_eq!(refused(world.identify(&bearer(&token))), "identify.token");
}

#[tokio::test]
async fn wrong_claims_are_refused_with_their_reason() {
    let (world, key) = world_with_known_key().await;
    let now = START.seconds();
    for (name, value, code) in [
        ("iss", json!("https://other.example"), "identify.token"),
        ("aud", json!("other"), "identify.token"),
        ("aud", json!(["lgsp", "other"]), "identify.token"),
        ("exp", json!(now - 5), "identify.token_expired"),
        ("exp", json!(-1), "identify.token_expired"),
        ("exp", json!(i64::MIN), "identify.token_expired"),
        ("iat", json!(now + 6), "identify.not_yet_valid"),
        ("nbf", json!(now + 6), "identify.not_yet_valid"),
        ("exp", json!("later"), "identify.token"),
        ("client_id", json!("khong-co"), "identify.unknown"),
        ("system", json!("tax"), "identify.unknown"),
        ("cnf", json!({"x5t#S256": "ngan"}), "identify.token"),
        ("admin", json!(true), "identify.token"),
    ] {
        let mut claims = claims();
        claims[name] = value.clone();
        let token = signed(&key, &header(&key), &claims);
        assert_eq!(refused(world.identify(&bearer(&token))), code, "{name}: {value}");
    }
}

#[tokio::test]
async fn the_leeway_is_five_seconds_and_not_more() {
    let (world, key) = world_with_known_key().await;
    let mut early = claims();
    early["iat"] = json!(START.seconds() + 5);
    early["exp"] = json!(START.seconds() + 10);
    let call = bearer(&signed(&key, &header(&key), &early));
    world.identify(&call).unwrap();
    world.clock.advance(14_999);
    world.identify(&call).unwrap();
    world.clock.advance(1);
    assert_eq!(refused(world.identify(&call)), "identify.token_expired", "a remembered token expires too");
}

#[tokio::test]
async fn every_altered_character_and_every_cut_is_noticed() {
    let world = World::new().await;
    let token = world.token();
    world.identify(&bearer(&token)).unwrap();
    for i in 0..token.len() {
        let mut altered = token.clone().into_bytes();
        altered[i] = if altered[i] == b'A' { b'B' } else { b'A' };
        let altered = String::from_utf8(altered).unwrap();
        assert_eq!(refused(world.identify(&bearer(&altered))), "identify.token", "at {i}");
        assert_eq!(refused(world.identify(&bearer(token[..i].trim()))), "identify.token", "cut at {i}");
    }
}

#[tokio::test]
async fn an_oversized_token_is_refused_before_it_is_read() {
    let (world, key) = world_with_known_key().await;
    let mut header = header(&key);
    header["pad"] = json!("x".repeat(4096));
    let refusal = world.identify(&bearer(&signed(&key, &header, &claims()))).unwrap_err();
    assert_eq!(refusal.kind.code, "identify.token");
    assert!(refusal.detail.contains("4096"), "{}", refusal.detail);
}

#[tokio::test]
async fn another_implementation_accepts_our_tokens_by_the_published_keys() {
    let world = World::new().await;
    let jwks: jsonwebtoken::jwk::JwkSet = serde_json::from_slice(&world.identity.jwks()).unwrap();
    let token = world.token();
    let header = jsonwebtoken::decode_header(&token).unwrap();
    assert_eq!(header.typ.as_deref(), Some("at+jwt"));
    let jwk = jwks.find(header.kid.as_deref().unwrap()).unwrap();
    let mut rules = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::ES256);
    rules.set_audience(&["lgsp"]);
    rules.set_issuer(&[ISSUER]);
    rules.validate_exp = false;
    let key = jsonwebtoken::DecodingKey::from_jwk(jwk).unwrap();
    let read = jsonwebtoken::decode::<Claims>(&token, &key, &rules).unwrap();
    assert_eq!((read.claims.sub.as_str(), read.claims.agency.as_str()), ("land-client", "H01.15"));
    assert_eq!(read.claims.exp, Millis(START.0).plus_seconds(3600).seconds());
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_verifier_panic(text in ".{0,200}", parts in "[A-Za-z0-9_-]{0,40}\\.[A-Za-z0-9_-]{0,40}\\.[A-Za-z0-9_-]{0,90}") {
        let ring = lgsp_identity::keys::KeyRing::default();
        let expected = jwt::Expected { issuer: ISSUER, audience: "lgsp" };
        assert!(jwt::verify(&text, &ring, expected, START).is_err());
        assert!(jwt::verify(&parts, &ring, expected, START).is_err());
    }
}
