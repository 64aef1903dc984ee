//! HTTP/1 framing: what is one request, where it ends, and what has two readings.

use lgsp_wire::framing::{ChunkReader, Fault, Framing, HeadLimits, HeadReader};
use proptest::prelude::*;

const LIMITS: HeadLimits = HeadLimits { head: 1024, lines: 10, target: 200 };

fn head(text: &str) -> Result<Option<(usize, Framing)>, Fault> {
    HeadReader::default().read(text.as_bytes(), &LIMITS)
}
fn malformed(text: &str) -> bool {
    matches!(head(text), Err(Fault::Malformed(_)))
}

#[test]
fn an_honest_head_is_read_and_says_what_follows() {
    let get = "GET /a?b=c HTTP/1.1\r\nHost: x:80\r\n\r\n";
    assert_eq!(head(get), Ok(Some((get.len(), Framing::Length(0)))));
    let post = "POST / HTTP/1.1\r\nhost: x\r\nContent-Length: 12\r\n\r\nbody";
    assert_eq!(head(post), Ok(Some((post.len() - 4, Framing::Length(12)))));
    let chunked = "POST / HTTP/1.1\r\nHost:x\r\nTransfer-Encoding: Chunked\r\n\r\n";
    assert_eq!(head(chunked), Ok(Some((chunked.len(), Framing::Chunked))));
    assert_eq!(head("GET / HTTP/1.1\r\nHo"), Ok(None));
}

#[test]
fn whatever_has_two_readings_is_refused() {
    for bad in [
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nContent-Length: 4\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4, 4\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +4\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0x4\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: \r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: identity\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\n Transfer-Encoding: chunked\r\n\r\n",
        "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x y\r\n\r\n",
        "GET / HTTP/1.1\nHost: x\n\n",
        "GET / HTTP/1.1\r\nHost: x\r\nA: b\rc\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nA: b\0c\r\n\r\n",
        "GET  / HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET / HTTP/1.1 \r\nHost: x\r\n\r\n",
        "GET / HTTP/2.0\r\nHost: x\r\n\r\n",
        "GET /\u{e9} HTTP/1.1\r\nHost: x\r\n\r\n",
        "G\"T / HTTP/1.1\r\nHost: x\r\n\r\n",
        "nonsense\r\n\r\n",
    ] {
        assert!(malformed(bad), "{bad:?} gave {:?}", head(bad));
    }
}

#[test]
fn heads_beyond_the_bounds_are_refused_before_they_are_complete() {
    assert_eq!(head(&format!("GET /{}", "a".repeat(300))), Err(Fault::TargetTooLong));
    assert_eq!(head(&format!("GET /{} HTTP/1.1\r\n", "a".repeat(210))), Err(Fault::TargetTooLong));
    let many = "GET / HTTP/1.1\r\nHost: x\r\n".to_owned() + &"A: b\r\n".repeat(10);
    assert_eq!(head(&many), Err(Fault::HeadTooLarge));
    let large = "GET / HTTP/1.1\r\nHost: x\r\nA: ".to_owned() + &"b".repeat(1100);
    assert_eq!(head(&large), Err(Fault::HeadTooLarge));
}

#[test]
fn a_chunked_body_ends_where_it_ends() {
    let read = |text: &str| ChunkReader::default().read(text.as_bytes());
    assert_eq!(read("5\r\nhello\r\n0\r\n\r\nGET"), Ok((15, true)));
    assert_eq!(read("5;a=b\r\nhello\r\n0\r\nX: y\r\n\r\n"), Ok((25, true)));
    assert_eq!(read("5\r\nhel"), Ok((6, false)));
    for bad in [
        "\r\n",
        "5 \r\nhello",
        "+5\r\n",
        "0x5\r\n",
        "5\nhello",
        "5\r\nhelloX",
        "5\r\nhello\n0\r\n\r\n",
        "ffffffffffffffff\r\n",
        "0\r\n\n",
        "0\r\n X: y\r\n\r\n",
        "-1\r\n",
    ] {
        assert!(matches!(read(bad), Err(Fault::Malformed(_))), "{bad:?} gave {:?}", read(bad));
    }
    assert_eq!(read(&format!("0\r\nX: {}", "y".repeat(20_000))), Err(Fault::HeadTooLarge));
}

proptest! {
    #[test]
    fn bytes_in_any_pieces_are_read_alike(text in "(GET|POST) /[a-z]{0,9} HTTP/1\\.[01]\r\n(Host: x\r\n|Content-Length: [0-9]{1,3}\r\n|Transfer-Encoding: chunked\r\n|A: b\r?\n){0,4}\r\n", cut in 1usize..40) {
        let whole = head(&text);
        let mut reader = HeadReader::default();
        let mut got = Ok(None);
        for end in (cut..text.len()).step_by(cut).chain([text.len()]) {
            got = reader.read(&text.as_bytes()[..end], &LIMITS);
            if !matches!(got, Ok(None)) { break; }
        }
        prop_assert_eq!(got, whole);
    }

    #[test]
    fn no_bytes_make_the_readers_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = HeadReader::default().read(&bytes, &LIMITS);
        let _ = ChunkReader::default().read(&bytes);
    }
}

#[test]
fn a_target_has_one_of_the_four_forms() {
    let head = |method: &str, target: &str| head(&format!("{method} {target} HTTP/1.1\r\nHost: x\r\n\r\n"));
    for (method, target) in [
        ("GET", "/"),
        ("OPTIONS", "*"),
        ("GET", "http://x/a?b"),
        ("GET", "HTTPS://x.vn:443?b"),
        ("GET", "http://[::1]:80/"),
        ("CONNECT", "x:80"),
    ] {
        assert!(matches!(head(method, target), Ok(Some(_))), "{method} {target}");
    }
    for (method, target) in [
        ("GET", "a/b"),
        ("GET", "x:80"),
        ("GET", "http:/a"),
        ("GET", "http:///a"),
        ("GET", "http://u@x/"),
        ("GET", "http://x:a/"),
        ("GET", "http://x:123456/"),
        ("GET", "http://[1/"),
        ("GET", "http://[]/"),
        ("GET", "ftp://x/"),
        ("CONNECT", "x:y"),
        ("CONNECT", "http://x/"),
    ] {
        assert!(matches!(head(method, target), Err(Fault::Malformed(_))), "{method} {target}");
    }
}

#[test]
fn a_trailer_section_is_bounded_in_bytes_and_lines() {
    let read = |lines: usize| {
        ChunkReader::default().read(format!("0\r\n{}\r\n", "a: b\r\n".repeat(lines)).as_bytes())
    };
    assert!(matches!(read(64), Ok((_, true))));
    assert_eq!(read(65), Err(Fault::HeadTooLarge));
}

#[test]
fn a_long_request_line_is_called_the_same_however_it_arrives() {
    let line = format!("{} /a HTTP/1.1\r\n", "G".repeat(300));
    assert_eq!(head(&line), Err(Fault::TargetTooLong));
    let mut reader = HeadReader::default();
    let pieces = [100, 270, line.len()].map(|end| reader.read(&line.as_bytes()[..end], &LIMITS));
    assert_eq!(pieces[1], Err(Fault::TargetTooLong));
}
