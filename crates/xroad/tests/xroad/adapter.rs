//! The adapter form.

use http::{HeaderMap, HeaderValue};
use lgsp_xroad::adapter::{AdapterError, Forward, is_adapter, same_target};

const DST: &str = "VN:GOV:000.00.00.G22:vpcpdvcprovider";

fn parse(path: &str, query: Option<&str>) -> Result<Forward, AdapterError> {
    Forward::parse(path, query, &HeaderMap::new())
}

#[test]
fn what_one_stop_software_sends_is_read() {
    let query = format!("dstcode={DST}&providerurl=http%3A%2F%2F10.0.0.1%2Fapi&a=1&b=%20");
    let forward = parse("/XrdAdapter/RestService/forward/mapi/login", Some(&query)).unwrap();
    assert_eq!(forward.destination.to_string(), "VN/GOV/000.00.00.G22/vpcpdvcprovider");
    assert_eq!((&*forward.path, forward.query.as_deref()), ("/mapi/login", Some("a=1&b=%20")));
    assert_eq!(forward.provider_url.as_deref(), Some("http://10.0.0.1/api"));
    let query = "dstcode=VN%3AGOV%3AG22%3Asub";
    let forward = parse("/VXPAdapter/RestService/forward", Some(query)).unwrap();
    assert_eq!((&*forward.path, forward.query), ("/", None));
    assert_eq!(forward.destination.subsystem.as_deref(), Some("sub"));
}

#[test]
fn the_destination_may_be_a_header() {
    let mut headers = HeaderMap::new();
    headers.insert("dstcode", HeaderValue::from_static(DST));
    let forward = Forward::parse("/xrdadapter/restservice/forward/x", Some("q=dstcode"), &headers).unwrap();
    assert_eq!(forward.query.as_deref(), Some("q=dstcode"));
    // The same in both is one; another is none.
    assert!(
        Forward::parse("/XrdAdapter/RestService/forward/x", Some(&format!("dstcode={DST}")), &headers)
            .is_ok()
    );
    let other = Forward::parse("/XrdAdapter/RestService/forward/x", Some("dstcode=VN:GOV:G1:x"), &headers);
    assert_eq!(other, Err(AdapterError::Twice("dstcode")));
}

#[test]
fn what_two_readers_could_read_differently_is_refused() {
    let path = "/XrdAdapter/RestService/forward/x";
    assert_eq!(parse(path, None), Err(AdapterError::NoDestination));
    assert_eq!(
        parse(path, Some("dstcode=VN:GOV:A:b&dstcode=VN:GOV:C:d")),
        Err(AdapterError::Twice("dstcode"))
    );
    assert_eq!(
        parse(path, Some("dstcode=VN:GOV:A:b&%64stcode=VN:GOV:C:d")),
        Err(AdapterError::Twice("dstcode"))
    );
    assert_eq!(
        parse(path, Some("dstcode=VN:GOV:A:b&DstCode=VN:GOV:C:d")),
        Err(AdapterError::Twice("dstcode"))
    );
    assert_eq!(parse(path, Some("dstcode=%ff")), Err(AdapterError::Encoding("dstcode")));
    for bad in ["", "VN", "VN:GOV:A:b:c", "VN:GOV:..:b", "VN::A:b", "VN:GOV:A%0A:b"] {
        let refused = parse(path, Some(&format!("dstcode={bad}")));
        assert!(matches!(refused, Err(AdapterError::Id(_))), "{bad}: {refused:?}");
    }
    for path in ["/XrdAdapter/RestService/forwardx", "/XrdAdapter", "/x/XrdAdapter/RestService/forward/", "/"]
    {
        assert!(!is_adapter(path), "{path}");
        assert_eq!(parse(path, None), Err(AdapterError::NotAdapter));
    }
}

#[test]
fn an_address_is_compared_and_looks_do_not_count() {
    let target = "https://dvc.example.vn/api";
    for same in [
        "https://dvc.example.vn/api",
        "HTTPS://DVC.example.vn:443/api/",
        "https://dvc.example.vn/api/v1/x?y=1",
    ] {
        assert!(same_target(same, target), "{same}");
    }
    for other in [
        "http://dvc.example.vn/api",
        "https://dvc.example.vn:8443/api",
        "https://dvc.example.vn/apix",
        "https://dvc.example.vn/",
        "https://dvc.example.vn@evil.example/api",
        "https://evil.example/?https://dvc.example.vn/api",
        "https://dvc.example.vn/api/../admin",
        "https://dvc.example.vn/api/%2e%2e/admin",
        "https://dvc.example.vn\\@evil.example/api",
        "//dvc.example.vn/api",
        "ftp://dvc.example.vn/api",
        "https:///api",
        "",
    ] {
        assert!(!same_target(other, target), "{other}");
    }
    assert!(same_target("http://h/", "http://h:80"));
}
