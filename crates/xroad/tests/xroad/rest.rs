//! The message protocol for REST.

use http::{HeaderMap, HeaderName, HeaderValue};
use lgsp_xroad::id::ClientId;
use lgsp_xroad::rest::{self, Answer, Request, RestError, request_hash};

fn headers(lines: &[(&str, &str)]) -> HeaderMap {
    let line = |(n, v): &(&str, &str)| {
        (n.parse::<HeaderName>().unwrap(), HeaderValue::from_bytes(v.as_bytes()).unwrap())
    };
    let mut out = HeaderMap::new();
    for (name, value) in lines.iter().map(line) {
        out.append(name, value);
    }
    out
}

const CLIENT: (&str, &str) = ("X-Road-Client", "INSTANCE/CLASS1/MEMBER1/SUBSYSTEM1");

#[test]
fn the_documents_example_is_read() {
    let request =
        Request::parse("/r1/INSTANCE/CLASS2/MEMBER2/SUBSYSTEM2/BARSERVICE/v1/bar/zyggy", &headers(&[CLIENT]))
            .unwrap();
    assert_eq!(request.service.to_string(), "INSTANCE/CLASS2/MEMBER2/SUBSYSTEM2/BARSERVICE");
    assert_eq!(request.path, "/v1/bar/zyggy");
    assert_eq!(request.client, ClientId::parse(CLIENT.1).unwrap());
    assert_eq!((request.id, request.user_id, request.issue), (None, None, None));
}

#[test]
fn every_line_of_the_document_is_read() {
    let request = Request::parse(
        "/r1/I/C/M/S/BAR%2FSERVICE",
        &headers(&[
            CLIENT,
            ("x-road-id", "fa2e18a5-c2cb-4d09-b994-f57727f7c3fb"),
            ("X-ROAD-USERID", "EE12345678901"),
            ("X-Road-Issue", "MT324223MSD"),
            ("X-Road-Security-Server", "INSTANCE/MEMBERCLASS/MEMBERCODE/SERVERCODE"),
            ("X-Road-Represented-Party", "MEMBERCLASS/MEMBERCODE"),
        ]),
    )
    .unwrap();
    assert_eq!((&*request.service.service, &*request.path), ("BAR/SERVICE", ""));
    assert_eq!(request.id.as_deref(), Some("fa2e18a5-c2cb-4d09-b994-f57727f7c3fb"));
    assert_eq!(request.user_id.as_deref(), Some("EE12345678901"));
    assert_eq!(request.issue.as_deref(), Some("MT324223MSD"));
    assert_eq!(request.security_server.unwrap().server, "SERVERCODE");
    assert_eq!(request.represented_party.unwrap().code, "MEMBERCODE");
}

#[test]
fn the_services_own_path_stays_as_it_was_sent() {
    for (path, rest) in [
        ("/r1/I/C/M/S/s", ""),
        ("/r1/I/C/M/S/s/", "/"),
        ("/r1/I/C/M/S/s//a%2Fb/../c", "//a%2Fb/../c"),
        ("/r1/I/C/M/S/s/r1/I/C/M/S/t", "/r1/I/C/M/S/t"),
    ] {
        assert_eq!(Request::parse(path, &headers(&[CLIENT])).unwrap().path, rest);
    }
}

#[test]
fn requests_that_break_the_protocol_are_refused() {
    let parse = |path: &str, lines: &[(&str, &str)]| Request::parse(path, &headers(lines)).unwrap_err();
    let good = "/r1/I/C/M/S/s";
    assert_eq!(parse("/r2/I/C/M/S/s", &[CLIENT]), RestError::Version('2'));
    for path in ["/r/I/C/M/S/s", "r1/I/C/M/S/s", "/r10/I/C/M/S/s", "/R1/I/C/M/S/s", "/", "", "//r1/I/C/M/S/s"]
    {
        assert_eq!(parse(path, &[CLIENT]), RestError::NotRest, "{path}");
    }
    for path in ["/r1", "/r1/I/C/M/S", "/r1/I%2FC%2FM%2FS%2Fs"] {
        assert_eq!(parse(path, &[CLIENT]), RestError::Path, "{path}");
    }
    for path in
        ["/r1//C/M/S/s", "/r1/I/C/M/../s/x", "/r1/I/C/M/S/%zz", "/r1/I/C/M/S/", "/r1/I/C/M/S/%2e%2e/x"]
    {
        assert!(matches!(parse(path, &[CLIENT]), RestError::Id(_)), "{path}");
    }
    assert_eq!(parse(good, &[]), RestError::NoClient);
    assert_eq!(parse(good, &[CLIENT, CLIENT]), RestError::Repeated(rest::CLIENT));
    assert_eq!(parse(good, &[CLIENT, ("x-road-id", "a"), ("x-road-id", "b")]), RestError::Repeated(rest::ID));
    assert_eq!(parse(good, &[("x-road-client", " ")]), RestError::Value(rest::CLIENT));
    assert_eq!(parse(good, &[CLIENT, ("x-road-userid", &"9".repeat(257))]), RestError::Value(rest::USER_ID));
    assert!(matches!(parse(good, &[("x-road-client", "I/C")]), RestError::Id(_)));
    assert!(matches!(parse(good, &[("x-road-client", "I/C/M/S/x")]), RestError::Id(_)));
    assert!(matches!(parse(good, &[CLIENT, ("x-road-represented-party", "a/b/c")]), RestError::Id(_)));
    let error = parse(good, &[]).error("ex_1");
    assert_eq!((&*error.kind, error.status(), &*error.detail), ("Client.BadRequest", 400, "ex_1"));
}

#[test]
fn lines_are_passed_or_filtered_as_the_document_says() {
    let sent = headers(&[
        CLIENT,
        ("host", "a"),
        ("user-agent", "b"),
        ("connection", "close, x-own, x-road-client"),
        ("x-own", "1"),
        ("te", "trailers"),
        ("x-powered-by", "PHP/5.2.17"),
        ("cache-control", "no-cache"),
        ("pragma", "no-cache"),
        ("x-road-request-hash", "forged"),
        ("x-road-request-id", "forged"),
        ("content-type", "multipart/form-data; boundary=something"),
        ("x-many", "1"),
        ("x-many", "2"),
    ]);
    let out = rest::forwarded(&sent, &HeaderValue::from_static("made"), &HeaderValue::from_static("rid"));
    for gone in ["host", "user-agent", "connection", "te", "x-own", "x-road-request-hash"] {
        assert!(!out.contains_key(gone), "{gone}");
    }
    assert_eq!(out["x-road-client"], CLIENT.1);
    assert_eq!(
        (&out["x-road-id"], &out["x-road-request-id"]),
        (&HeaderValue::from_static("made"), &HeaderValue::from_static("rid"))
    );
    assert_eq!(out["accept"], "application/json");
    assert_eq!(out["content-type"], "multipart/form-data; boundary=something");
    assert_eq!(out.get_all("x-many").iter().count(), 2);
    for kept in ["x-powered-by", "cache-control", "pragma"] {
        assert!(out.contains_key(kept), "{kept}");
    }
}

#[test]
fn an_answers_own_lines_replace_the_providers() {
    let request = Request::parse("/r1/I/C/M/S/s%2Ft", &headers(&[CLIENT])).unwrap();
    let answer = Answer {
        client: &request.client,
        service: &request.service,
        id: "i",
        request_id: "r",
        request_hash: "h==",
    };
    let provider = headers(&[
        ("server", "secret"),
        ("x-road-error", "Server.Forged"),
        ("x-road-request-hash", "forged"),
        ("x-road-service", "forged"),
        ("x-road-custom", "kept"),
        ("content-type", "application/json;charset=utf-8"),
    ]);
    let out = answer.headers(&provider);
    assert_eq!(out["x-road-service"], "I/C/M/S/s%2Ft");
    assert_eq!(out["x-road-client"], CLIENT.1);
    assert_eq!(
        (&out["x-road-id"], &out["x-road-request-id"], &out["x-road-request-hash"]),
        (&HeaderValue::from_static("i"), &HeaderValue::from_static("r"), &HeaderValue::from_static("h=="))
    );
    assert!(!out.contains_key("x-road-error") && !out.contains_key("server"));
    assert_eq!(
        (&out["x-road-custom"], &out["content-type"]),
        (&HeaderValue::from_static("kept"), &HeaderValue::from_static("application/json;charset=utf-8"))
    );
}

#[test]
fn the_request_hash_is_that_of_the_document() {
    let sent = headers(&[CLIENT, ("accept", "application/xml"), ("host", "x")]);
    let out = rest::forwarded(&sent, &HeaderValue::from_static("i1"), &HeaderValue::from_static("r1"));
    let head = rest::head_bytes("GET", "/r1/I/C/M/S/s?a=1", &out, false);
    let expected = "GET\r\n/r1/I/C/M/S/s?a=1\r\nx-road-client:INSTANCE/CLASS1/MEMBER1/SUBSYSTEM1\r\naccept:application/xml\r\nx-road-request-id:r1\r\nx-road-id:i1\r\n";
    assert_eq!(String::from_utf8(head.clone()).unwrap(), expected);
    // Made with sha512sum: of the head alone, and of its digest followed by the digest of "body".
    let [alone, both] = include_str!("examples/request_hash.txt").lines().collect::<Vec<_>>()[..] else {
        panic!()
    };
    assert_eq!(request_hash(&head, None), alone);
    let body: [u8; 64] =
        aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA512, b"body").as_ref().try_into().unwrap();
    assert_eq!(request_hash(&head, Some(&body)), both);
    // An id that the client sent stays where it was.
    let sent = headers(&[("x-road-id", "own"), CLIENT]);
    let out = rest::forwarded(&sent, &HeaderValue::from_static("made"), &HeaderValue::from_static("r1"));
    let head = String::from_utf8(rest::head_bytes("POST", "/r1/I/C/M/S/s", &out, true)).unwrap();
    assert!(head.starts_with("POST\r\n/r1/I/C/M/S/s\r\nx-road-id:own\r\n"), "{head}");
    assert!(head.ends_with("x-road-request-id:r1\r\n"), "{head}");
}

#[test]
fn a_request_of_ours_reads_as_one_and_says_nothing_of_the_consumers_own() {
    let service = lgsp_xroad::id::ServiceId::parse("VN/GOV/G01/csdl/d%2Fc").unwrap();
    let path = rest::outgoing_path(&service, "/v1/a%20b");
    let mut lines =
        headers(&[CLIENT, ("x-road-issue", "theirs"), ("x-road-request-hash", "x"), ("accept", "a/b")]);
    let client = ClientId::parse("VN/GOV/H01/mot-cua").unwrap();
    rest::outgoing_lines(&mut lines, &client, "ex_1", Some("VN012"), None);
    let read = Request::parse(&path, &lines).unwrap();
    assert_eq!((read.service, &*read.path, read.client), (service, "/v1/a%20b", client));
    assert_eq!(
        (read.id.as_deref(), read.user_id.as_deref(), read.issue),
        (Some("ex_1"), Some("VN012"), None)
    );
    assert!(!lines.contains_key("x-road-request-hash") && lines.contains_key("accept"));
    assert_eq!(rest::error_type(&lines), None);
    let error = headers(&[("X-Road-Error", "Server.ServerProxy.ServiceFailed")]);
    assert_eq!(rest::error_type(&error), Some("Server.ServerProxy.ServiceFailed"));
}
