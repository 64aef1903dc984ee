//! Credentials: the agreed forms are read leniently where clients differ, everything else is refused without a word of it.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE};
use lgsp_wire::credentials::{self, CREDENTIAL_MAX, CredentialFault, FORM_FIELDS_MAX, FORM_MAX};
use proptest::prelude::*;

fn basic(plain: &str) -> Option<(String, String)> {
    let (user, password) = credentials::basic(&format!("Basic {}", STANDARD.encode(plain)))?;
    Some((user, password.expose_str()?.to_owned()))
}

#[test]
fn basic_credentials_are_cut_at_the_first_colon() {
    assert_eq!(basic("an:mật khẩu"), Some(("an".into(), "mật khẩu".into())));
    assert_eq!(basic("an:a:b"), Some(("an".into(), "a:b".into())));
    assert_eq!(basic(":"), Some((String::new(), String::new())));
    for (header, fine) in [
        ("basic YTpi", true),
        ("BASIC   YTpi", true),
        ("Basic YTpi ", true),
        ("Basic YTpiYw", true),
        ("Basic YTpiYw==", true),
        ("Basic", false),
        ("Basic ", false),
        ("YTpi", false),
        ("Bearer YTpi", false),
        ("BasicYTpi", false),
        ("Basic YTpi!", false),
        ("Basic YT pi", false),
        ("Basic YWI=", false),
        ("Basic YTpiY", false),
    ] {
        assert_eq!(credentials::basic(header).is_some(), fine, "{header}");
    }
    assert_eq!(basic("a\nb:c"), None, "a line break in a user's name could forge a log line");
    assert_eq!(basic("a:b\0"), None);
    assert_eq!(basic(&("a:".to_owned() + &"x".repeat(CREDENTIAL_MAX))), None);
}

#[test]
fn bearer_tokens_have_the_alphabet_of_tokens() {
    assert_eq!(credentials::bearer("Bearer abc.DEF-_~+/=="), Some("abc.DEF-_~+/=="));
    assert_eq!(credentials::bearer("bearer  x"), Some("x"));
    for bad in [
        "Bearer",
        "Bearer ",
        "Bearer =",
        "Bearer a b",
        "Bearer a,b",
        "Bearer a=b",
        "Bearer \"a\"",
        "Bearer ắ",
        "Basic abc",
        "abc",
    ] {
        assert_eq!(credentials::bearer(bad), None, "{bad}");
    }
    assert_eq!(credentials::bearer(&format!("Bearer {}", "x".repeat(CREDENTIAL_MAX))), None);
}

const TOKEN: &str = r#"{"AccessKey":"mot-cua","SecretKey":"bí mật","AppName":"Một cửa","PartnerCode":"000.00.15.H01","PartnerCodeCus":null,"X":[1]}"#;

#[test]
fn an_lgsp_access_token_is_read_in_either_alphabet() {
    for header in [
        STANDARD.encode(TOKEN),
        STANDARD_NO_PAD.encode(TOKEN),
        URL_SAFE.encode(TOKEN),
        format!(" {} ", STANDARD.encode(TOKEN)),
    ] {
        let token = credentials::lgsp_access_token(&header).unwrap();
        assert_eq!(token.access_key, "mot-cua");
        assert_eq!(token.secret_key.expose_str(), Some("bí mật"));
        assert_eq!(token.app_name.as_deref(), Some("Một cửa"));
        assert_eq!(token.partner_code.as_deref(), Some("000.00.15.H01"));
        assert_eq!(token.partner_code_cus, None);
        assert!(!format!("{token:?}").contains("bí mật"));
    }
    let minimal =
        credentials::lgsp_access_token(&STANDARD.encode(r#"{"AccessKey":"a","SecretKey":""}"#)).unwrap();
    assert_eq!((minimal.access_key.as_str(), minimal.app_name), ("a", None));
}

#[test]
fn a_malformed_lgsp_access_token_is_refused() {
    let of = |json: &str| credentials::lgsp_access_token(&STANDARD.encode(json)).map(|_| ());
    for json in [
        "",
        "null",
        "[]",
        "{}",
        r#"{"AccessKey":"a"}"#,
        r#"{"SecretKey":"a"}"#,
        r#"{"AccessKey":"","SecretKey":"b"}"#,
        r#"{"AccessKey":1,"SecretKey":"b"}"#,
        r#"{"AccessKey":"a","AccessKey":"b","SecretKey":"c"}"#,
        r#"{"AccessKey":"a\n","SecretKey":"c"}"#,
        r#"{"AccessKey":"a","SecretKey":"b"}x"#,
        r#"{"accesskey":"a","secretkey":"b"}"#,
    ] {
        assert_eq!(of(json), Err(CredentialFault::Json), "{json}");
    }
    let deep = format!(r#"{{"AccessKey":"a","SecretKey":"b","X":{}}}"#, "[".repeat(4_000));
    assert_eq!(of(&deep), Err(CredentialFault::Json));
    for header in ["{}", "a", "YTpi!", "YTpi YTpi"] {
        assert_eq!(credentials::lgsp_access_token(header), Err(CredentialFault::Base64), "{header}");
    }
    assert_eq!(
        credentials::lgsp_access_token(&"A".repeat(CREDENTIAL_MAX + 1)),
        Err(CredentialFault::TooLong)
    );
}

#[test]
fn forms_are_read_strictly() {
    let of = |body: &str| credentials::form(body.as_bytes());
    let pairs = of("grant_type=client_credentials&scope=a+b%2Bc&t%C3%AAn=&x").unwrap();
    let pairs: Vec<_> = pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    assert_eq!(pairs, [("grant_type", "client_credentials"), ("scope", "a b+c"), ("tên", ""), ("x", "")]);
    assert_eq!(of(""), Ok(vec![]));
    for bad in ["a=%", "a=%4", "a=%zz", "%=1", "a=%ff", "a=%+1"] {
        assert_eq!(of(bad), Err(CredentialFault::Form), "{bad}");
    }
    assert_eq!(credentials::form(b"a=\xff"), Err(CredentialFault::Form));
    assert_eq!(of("a=1&b=2&%61=3"), Err(CredentialFault::Repeated));
    let fields = |n: usize| (0..n).map(|i| format!("f{i}=1")).collect::<Vec<_>>().join("&");
    assert_eq!(of(&fields(FORM_FIELDS_MAX)).map(|f| f.len()), Ok(FORM_FIELDS_MAX));
    assert_eq!(of(&fields(FORM_FIELDS_MAX + 1)), Err(CredentialFault::TooManyFields));
    assert_eq!(of(&("a=".to_owned() + &"x".repeat(FORM_MAX))), Err(CredentialFault::TooLong));
}

proptest! {
    #[test]
    fn what_is_encoded_is_read_back(user in "[^:\\p{Cc}]{0,40}", password in "[^\\p{Cc}]{0,40}") {
        prop_assert_eq!(basic(&format!("{user}:{password}")), Some((user, password)));
    }

    #[test]
    fn nothing_makes_them_panic(text in any::<String>(), bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        let _ = credentials::basic(&text);
        let _ = credentials::basic(&format!("Basic {}", STANDARD.encode(&bytes)));
        let _ = credentials::bearer(&text);
        let _ = credentials::lgsp_access_token(&text);
        let _ = credentials::lgsp_access_token(&STANDARD.encode(&bytes));
        let _ = credentials::form(&bytes);
    }
}
