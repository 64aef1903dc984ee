//! Both systems over real sockets, asked as a platform asks them.
#![allow(clippy::unwrap_used, missing_docs)]

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use lgsp_kernel::{Clock, Millis, Secret};
use lgsp_sandbox::{
    BusinessCredentials, Citizen, PopulationCredentials, REPLY_NAMESPACE, Sandbox, SandboxConfig,
    lookup_request,
};
use lgsp_wire::soap;
use serde_json::{Value, json};
use std::net::SocketAddr;

const NOW: Millis = Millis(1_790_000_000_000);

fn officer() -> PopulationCredentials {
    PopulationCredentials {
        user: "can-bo-01".into(),
        secret: Secret::new("bí mật"),
        auth_url: "http://dancu/037".into(),
    }
}

async fn sandbox_of(citizens: usize, companies: usize) -> (Sandbox, Clock) {
    let clock = Clock::manual(NOW);
    let free: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let business = BusinessCredentials {
        client_id: "nền tảng".into(),
        client_secret: Secret::new("s3cret"),
        bearer: Some(Secret::new("fixed-token")),
    };
    let config = SandboxConfig {
        seed: 7,
        population_addr: free,
        business_addr: free,
        citizens,
        companies,
        population: officer(),
        business,
        clock: clock.clone(),
    };
    (Sandbox::start(config).await.unwrap(), clock)
}

async fn call(addr: SocketAddr, request: http::request::Builder, body: impl Into<Bytes>) -> Response<Bytes> {
    let stream = tokio::net::TcpStream::connect(addr).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let request = request.header("host", addr.to_string()).body(Full::new(body.into())).unwrap();
    let (head, body) = sender.send_request(request).await.unwrap().into_parts();
    Response::from_parts(head, body.collect().await.unwrap().to_bytes())
}

async fn ask(
    sandbox: &Sandbox,
    officer: &PopulationCredentials,
    at: Millis,
    envelope: String,
) -> (StatusCode, String) {
    let request = Request::post("/037")
        .header("content-type", "text/xml; charset=utf-8")
        .header("soapaction", "\"\"")
        .header("timestamp", at.0.to_string())
        .header("authorization", officer.authorization(at));
    let answer = call(sandbox.population_addr, request, envelope).await;
    (answer.status(), String::from_utf8(answer.into_body().to_vec()).unwrap())
}

async fn get(sandbox: &Sandbox, path: &str, token: &str) -> (StatusCode, Value) {
    let request = Request::get(path).header("authorization", format!("Bearer {token}"));
    let answer = call(sandbox.business_addr, request, "").await;
    (answer.status(), serde_json::from_slice(answer.body()).unwrap())
}

const DETAIL: &str = "/apiCSDLDKDN/1.0/chiTietDoanhNghiep?msdn=";

#[tokio::test]
async fn a_citizen_is_found_by_number_name_and_birth() {
    let (sandbox, _) = sandbox_of(50, 1).await;
    for i in 0..50 {
        let citizen = sandbox.citizen(i);
        let (status, text) = ask(&sandbox, &officer(), NOW, lookup_request("yc-1", citizen)).await;
        assert_eq!(status, StatusCode::OK, "{text}");
        let envelope = soap::inspect(text.as_bytes()).unwrap();
        assert_eq!(
            (&*envelope.body_namespace, &*envelope.body_element),
            (REPLY_NAMESPACE, "CongdanCollection")
        );
        for part in [
            format!("<SoDinhDanh>{}</SoDinhDanh>", citizen.id),
            format!(
                "<Ho>{}</Ho><ChuDem>{}</ChuDem><Ten>{}</Ten>",
                citizen.name.family, citizen.name.middle, citizen.name.given
            ),
            format!("<NgayThangNam>{}</NgayThangNam>", citizen.birth_date()),
        ] {
            assert!(text.contains(&part), "{part} in {text}");
        }
    }
    assert_eq!(sandbox.seen().lookups, 50);
    assert_eq!(sandbox.seen().refused, 0);
}

#[tokio::test]
async fn the_old_card_number_and_the_year_alone_do_as_well() {
    let (sandbox, _) = sandbox_of(50, 1).await;
    let citizen = (0..50).map(|i| sandbox.citizen(i)).find(|c| c.old_id.is_some()).unwrap();
    let question = lookup_request("yc-1", citizen)
        .replace("SoDinhDanh", "SoCMND")
        .replace(&citizen.id, citizen.old_id.as_ref().unwrap())
        .replace(
            &format!("<dc:NgayThangNam>{}</dc:NgayThangNam>", citizen.birth_date()),
            &format!("<dc:Nam>{}</dc:Nam>", citizen.born.0),
        )
        .replace(&citizen.name.full(), &citizen.name.full().to_uppercase());
    let (_, text) = ask(&sandbox, &officer(), NOW, question).await;
    assert!(text.contains(&citizen.id), "{text}");
}

#[tokio::test]
async fn nobody_is_found_where_name_or_birth_do_not_match() {
    let (sandbox, _) = sandbox_of(10, 1).await;
    let right = sandbox.citizen(3).clone();
    let mut name = right.clone();
    name.name.given = "Khác".into();
    let birth = Citizen { born: (right.born.0 + 1, 1, 1), ..right.clone() };
    let number = Citizen { id: "999999999999".into(), ..right };
    for wrong in [name, birth, number] {
        let (status, text) = ask(&sandbox, &officer(), NOW, lookup_request("yc-1", &wrong)).await;
        assert_eq!(status, StatusCode::OK);
        assert!(text.contains("<CongdanCollection") && !text.contains("<CongDan>"), "{text}");
    }
}

#[tokio::test]
async fn a_lookup_with_wrong_credentials_is_refused() {
    let (sandbox, _) = sandbox_of(10, 1).await;
    let wrong_secret = PopulationCredentials { secret: Secret::new("khác"), ..officer() };
    let wrong_user = PopulationCredentials { user: "khác".into(), ..officer() };
    let wrong_url = PopulationCredentials { auth_url: "http://dancu/038".into(), ..officer() };
    let question = || lookup_request("yc-1", sandbox.citizen(0));
    for credentials in [wrong_secret, wrong_user, wrong_url] {
        let (status, text) = ask(&sandbox, &credentials, NOW, question()).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
        assert!(text.contains("<faultcode>soap:Client</faultcode>") && !text.contains("CongDan"), "{text}");
    }
    for (minutes, status) in [(-6, 401), (-4, 200), (4, 200), (6, 401)] {
        let at = NOW.plus_seconds(minutes * 60);
        assert_eq!(ask(&sandbox, &officer(), at, question()).await.0, status, "{minutes} minutes");
    }
    let bare = Request::post("/037").header("content-type", "text/xml");
    assert_eq!(call(sandbox.population_addr, bare, question()).await.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(sandbox.seen().refused, 6);
}

#[tokio::test]
async fn a_hash_made_for_another_timestamp_is_refused() {
    let (sandbox, _) = sandbox_of(10, 1).await;
    let request = Request::post("/037")
        .header("content-type", "text/xml")
        .header("timestamp", NOW.0.to_string())
        .header("authorization", officer().authorization(Millis(NOW.0 + 1)));
    let answer = call(sandbox.population_addr, request, lookup_request("yc-1", sandbox.citizen(0))).await;
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn malformed_questions_get_a_fault() {
    let (sandbox, _) = sandbox_of(10, 1).await;
    let right = lookup_request("yc-1", sandbox.citizen(0));
    let moved = right
        .replace("<dc:MaTichHop>037</dc:MaTichHop>", "")
        .replace("<dc:HoVaTen>", "<dc:MaTichHop>037</dc:MaTichHop><dc:HoVaTen>");
    for (question, named) in [
        (moved, "MaTichHop"),
        (right.replace("dancuquocgia", "khac"), "TraCuuThongTinCongDan"),
        (right.replace(soap::ENVELOPE_11, soap::ENVELOPE_12), "SOAP 1.2"),
        (right.replace("</soapenv:Body>", ""), "end tag"),
        (format!("<!DOCTYPE a>{right}"), "DOCTYPE"),
    ] {
        let (status, text) = ask(&sandbox, &officer(), NOW, question).await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
        assert!(text.contains("<soap:Fault>") && text.contains(named), "{text}");
        soap::inspect(text.as_bytes()).unwrap();
    }
}

#[tokio::test]
async fn a_token_is_given_for_the_right_client_and_opens_the_registry_until_it_expires() {
    let (sandbox, clock) = sandbox_of(1, 20).await;
    let form = |secret: &str| {
        format!("grant_type=client_credentials&client_id=n%E1%BB%81n+t%E1%BA%A3ng&client_secret={secret}")
    };
    let post = || Request::post("/token").header("content-type", "application/x-www-form-urlencoded");
    let answer = call(sandbox.business_addr, post(), form("s3cret")).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let given: Value = serde_json::from_slice(answer.body()).unwrap();
    assert_eq!((given["token_type"].as_str(), given["expires_in"].as_i64()), (Some("Bearer"), Some(3600)));
    let token = given["access_token"].as_str().unwrap();

    let company = sandbox.company(4).clone();
    let path = format!("{DETAIL}{}", company.tax_code);
    assert_eq!(get(&sandbox, &path, token).await.0, StatusCode::OK);
    clock.advance(3_600_000);
    assert_eq!(get(&sandbox, &path, token).await.0, StatusCode::UNAUTHORIZED);

    // "nền tảng:s3cret"
    let basic = post().header("authorization", "Basic buG7gW4gdOG6o25nOnMzY3JldA==");
    assert_eq!(
        call(sandbox.business_addr, basic, "grant_type=client_credentials").await.status(),
        StatusCode::OK
    );
    assert_eq!(call(sandbox.business_addr, post(), form("khac")).await.status(), StatusCode::UNAUTHORIZED);
    let password = form("s3cret").replace("client_credentials", "password");
    assert_eq!(call(sandbox.business_addr, post(), password).await.status(), StatusCode::BAD_REQUEST);
    assert_eq!(sandbox.seen().tokens, 4);
}

#[tokio::test]
async fn a_company_is_described_by_its_tax_code() {
    let (sandbox, _) = sandbox_of(1, 20).await;
    let company = sandbox.company(11).clone();
    for path in [DETAIL.to_owned(), DETAIL.replace("1.0/", "")] {
        let (status, body) = get(&sandbox, &format!("{path}{}", company.tax_code), "fixed-token").await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(body["MainInformation"]["ENTERPRISE_GDT_CODE"], json!(company.tax_code));
        assert_eq!(body["MainInformation"]["NAME"], json!(company.name));
        assert_eq!((&body["Status"], &body["DataCount"]), (&json!(1), &json!(1)));
    }
    let (status, body) = get(&sandbox, &format!("{DETAIL}0000000000"), "fixed-token").await;
    assert_eq!((status, &body["Status"]), (StatusCode::OK, &json!(0)));
    assert!(body["Message"].as_str().is_some_and(|m| m.contains("0000000000")));
    for token in ["khac", "fixed-token-"] {
        assert_eq!(get(&sandbox, DETAIL, token).await.0, StatusCode::UNAUTHORIZED);
    }
    let bare = call(sandbox.business_addr, Request::get(DETAIL), "").await;
    assert_eq!(bare.status(), StatusCode::UNAUTHORIZED);
    assert!(serde_json::from_slice::<Value>(bare.body()).unwrap()["fault"]["code"].is_number());
    assert_eq!(get(&sandbox, "/apiCSDLDKDN/1.0/khac", "fixed-token").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn dossiers_of_five_days_are_listed_in_pages() {
    let (sandbox, _) = sandbox_of(1, 10_000).await;
    let path = |from: &str, to: &str, rest: &str| {
        format!("/apiCSDLDKDN/1.0/danhSachHoSo?from_date={from}&to_date={to}{rest}")
            .replace('/', "%2F")
            .replace("%2FapiCSDLDKDN%2F1.0%2F", "/apiCSDLDKDN/1.0/")
    };
    let first = time::macros::date!(2020 - 03 - 02);
    let window = |c: &lgsp_sandbox::Company| (0..5).contains(&(c.registered - first).whole_days());
    let expected = (0..10_000).filter(|i| window(sandbox.company(*i))).count();
    assert!(expected > 3, "the seed has registrations in that week");

    let (_, all) = get(&sandbox, &path("02/03/2020", "06/03/2020", ""), "fixed-token").await;
    assert_eq!(all["DataCount"], json!(expected));
    let (_, page) =
        get(&sandbox, &path("02/03/2020", "06/03/2020", "&offset=1&limit=2"), "fixed-token").await;
    assert_eq!(page["DataCount"], json!(expected));
    assert_eq!(page["Data"].as_array().unwrap()[..], all["Data"].as_array().unwrap()[1..3]);

    for (from, to) in [
        ("02/03/2020", "07/03/2020"),
        ("06/03/2020", "02/03/2020"),
        ("2020-03-02", "2020-03-03"),
        ("", ""),
        ("30/02/2020", "01/03/2020"),
    ] {
        let (status, body) = get(&sandbox, &path(from, to, ""), "fixed-token").await;
        assert_eq!((status, &body["Status"]), (StatusCode::OK, &json!(0)), "{from} {to}");
    }
}

#[tokio::test]
async fn an_update_has_an_effect_that_stays_and_is_counted() {
    let (sandbox, _) = sandbox_of(1, 20).await;
    let code = sandbox.company(2).tax_code.clone();
    let post = |body: Value| {
        let request = Request::post("/apiCSDLDKDN/1.0/capNhatDoanhNghiep")
            .header("authorization", "Bearer fixed-token");
        call(sandbox.business_addr, request, body.to_string())
    };
    let answer = post(json!({"msdn": code, "NAME": "CÔNG TY TNHH TÊN MỚI"})).await;
    assert_eq!(serde_json::from_slice::<Value>(answer.body()).unwrap()["Status"], json!(1));
    assert_eq!(sandbox.company_name(&code).as_deref(), Some("CÔNG TY TNHH TÊN MỚI"));
    let (_, detail) = get(&sandbox, &format!("{DETAIL}{code}"), "fixed-token").await;
    assert_eq!(detail["MainInformation"]["NAME"], json!("CÔNG TY TNHH TÊN MỚI"));

    for wrong in [
        json!({"msdn": "1", "NAME": "x"}),
        json!({"msdn": code}),
        json!({"msdn": code, "NAME": " "}),
        json!([]),
    ] {
        let answer = post(wrong).await;
        assert_eq!(serde_json::from_slice::<Value>(answer.body()).unwrap()["Status"], json!(0));
    }
    assert_eq!((sandbox.seen().updates, sandbox.seen().details), (5, 1));
    assert_eq!(sandbox.company_name(&code).as_deref(), Some("CÔNG TY TNHH TÊN MỚI"));
}

#[tokio::test]
async fn both_systems_tell_their_health_speak_http_2_and_stop() {
    let (sandbox, _) = sandbox_of(1, 1).await;
    let addrs = [sandbox.population_addr, sandbox.business_addr];
    for addr in addrs {
        assert_eq!(call(addr, Request::get("/health"), "").await.status(), StatusCode::OK);
        let stream = tokio::net::TcpStream::connect(addr).await.unwrap();
        let io = TokioIo::new(stream);
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.unwrap();
        tokio::spawn(connection);
        let request = Request::get(format!("http://{addr}/health")).body(Full::<Bytes>::default()).unwrap();
        assert_eq!(sender.send_request(request).await.unwrap().status(), StatusCode::OK);
    }
    sandbox.stop().await;
    for addr in addrs {
        assert!(tokio::net::TcpStream::connect(addr).await.is_err(), "{addr} still listens");
    }
}

#[tokio::test]
async fn too_large_a_body_is_refused_and_the_system_goes_on() {
    let (sandbox, _) = sandbox_of(1, 1).await;
    let request = Request::post("/037").header("content-type", "text/xml");
    assert_eq!(call(sandbox.population_addr, request, vec![b'x'; (1 << 20) + 1]).await.status(), 413);
    assert_eq!(call(sandbox.population_addr, Request::get("/health"), "").await.status(), StatusCode::OK);
}
