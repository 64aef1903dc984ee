//! Bytes that two readers could read as different requests. Each is refused with a documented answer, closes its connection, and
//! nothing of it reaches the provider. How nginx and haproxy read the same bytes is noted beside them.

use crate::world::World;

const KEY: &str = "Host: x\r\napikey: khoa-cua-he-thong-mot-cua\r\n";
/// A request that must never be answered: it hides in the body of another.
const HIDDEN: &str =
    "GET /cong-dan/citizens/hidden HTTP/1.1\r\nHost: x\r\napikey: khoa-cua-he-thong-mot-cua\r\n\r\n";

async fn refused(name: &str, head: &str, body: &str) {
    let w = World::new().await;
    let answer = w.raw(format!("{}\r\n{body}", head.replace("KEY", KEY)).as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 4"), "{name}: {answer}");
    assert!(answer.contains("receive.malformed") || answer.contains("receive.path"), "{name}: {answer}");
    assert_eq!(
        answer.matches("lgsp-exchange: ex_").count(),
        1,
        "{name}: the connection answers once and closes: {answer}"
    );
    assert_eq!(w.provider.count(), 0, "{name} reached the provider");
}

macro_rules! refused {
    ($($name:ident: $head:expr, $body:expr;)*) => {$(
        #[tokio::test]
        async fn $name() {
            refused(stringify!($name), $head, $body).await;
        }
    )*};
}

refused! {
    // nginx: 400. haproxy: takes chunked, drops the length.
    both_lengths: "POST /cong-dan/citizens HTTP/1.1\r\nKEYContent-Length: 5\r\nTransfer-Encoding: chunked\r\n", &format!("0\r\n\r\n{HIDDEN}");
    both_lengths_the_other_way: "POST /cong-dan/citizens HTTP/1.1\r\nKEYTransfer-Encoding: chunked\r\nContent-Length: 5\r\n", &format!("0\r\n\r\n{HIDDEN}");
    // nginx: 400. haproxy: 400 if they differ, one of them if not.
    two_different_lengths: "POST /cong-dan/citizens HTTP/1.1\r\nKEYContent-Length: 0\r\nContent-Length: 90\r\n", HIDDEN;
    two_equal_lengths: "POST /cong-dan/citizens HTTP/1.1\r\nKEYContent-Length: 4\r\nContent-Length: 4\r\n", "body";
    a_list_of_lengths: "POST /cong-dan/citizens HTTP/1.1\r\nKEYContent-Length: 4, 4\r\n", "body";
    a_signed_length: "POST /cong-dan/citizens HTTP/1.1\r\nKEYContent-Length: +4\r\n", "body";
    // nginx: 501. haproxy: 400 in current versions.
    another_coding: "POST /cong-dan/citizens HTTP/1.1\r\nKEYTransfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n";
    a_coding_in_disguise: "POST /cong-dan/citizens HTTP/1.1\r\nKEYTransfer-Encoding: xchunked\r\n", HIDDEN;
    a_coding_twice: "POST /cong-dan/citizens HTTP/1.1\r\nKEYTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", "0\r\n\r\n";
    // nginx: 400 (invalid header line). haproxy: 400.
    a_blank_before_the_colon: "POST /cong-dan/citizens HTTP/1.1\r\nKEYContent-Length : 5\r\n", HIDDEN;
    a_folded_line: "POST /cong-dan/citizens HTTP/1.1\r\nKEYX: a\r\n Transfer-Encoding: chunked\r\n", "";
    // nginx takes a bare LF as a line end; haproxy refuses since 2.9.
    a_bare_line_feed: "GET /cong-dan/citizens/7 HTTP/1.1\r\nKEYX: a\nTransfer-Encoding: chunked\r\n", "";
    a_bare_carriage_return: "GET /cong-dan/citizens/7 HTTP/1.1\r\nKEYX: a\rTransfer-Encoding: chunked\r\n", "";
    a_nul: "GET /cong-dan/citizens/7 HTTP/1.1\r\nKEYX: a\0b\r\n", "";
    no_host: "GET /cong-dan/citizens/7 HTTP/1.1\r\napikey: khoa-cua-he-thong-mot-cua\r\n", "";
    two_hosts: "GET /cong-dan/citizens/7 HTTP/1.1\r\nKEYHost: y\r\n", "";
    another_host_in_the_target: "GET http://other/cong-dan/citizens/7 HTTP/1.1\r\nKEY", "";
    chunked_in_http_1_0: "POST /cong-dan/citizens HTTP/1.0\r\nKEYTransfer-Encoding: chunked\r\n", "0\r\n\r\n";
    an_unknown_version: "GET /cong-dan/citizens/7 HTTP/1.9\r\nKEY", "";
    a_chunk_size_with_a_sign: "POST /cong-dan/citizens HTTP/1.1\r\nKEYTransfer-Encoding: chunked\r\n", "+4\r\nbody\r\n0\r\n\r\n";
    a_chunk_with_bare_line_feeds: "POST /cong-dan/citizens HTTP/1.1\r\nKEYTransfer-Encoding: chunked\r\n", "4\nbody\n0\n\n";
    a_chunk_longer_than_it_says: "POST /cong-dan/citizens HTTP/1.1\r\nKEYTransfer-Encoding: chunked\r\n", "4\r\nbody and more\r\n0\r\n\r\n";
    a_chunk_of_overflowing_size: "POST /cong-dan/citizens HTTP/1.1\r\nKEYTransfer-Encoding: chunked\r\n", "fffffffffffffffff\r\nbody\r\n0\r\n\r\n";
    dots_in_the_path: "GET /cong-dan/citizens/../../dan-cu HTTP/1.1\r\nKEY", "";
    an_encoded_slash: "GET /cong-dan/citizens%2f7 HTTP/1.1\r\nKEY", "";
    doubly_encoded_dots: "GET /cong-dan/citizens/%252e%252e/7 HTTP/1.1\r\nKEY", "";
    an_empty_segment: "GET /cong-dan//citizens/7 HTTP/1.1\r\nKEY", "";
    a_backslash: "GET /cong-dan/citizens\\7 HTTP/1.1\r\nKEY", "";
}

#[tokio::test]
async fn requests_that_honestly_follow_each_other_are_answered_in_turn() {
    let w = World::new().await;
    let first = format!(
        "POST /cong-dan/do/echo HTTP/1.1\r\n{KEY}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    );
    let second = format!("POST /cong-dan/do/echo HTTP/1.1\r\n{KEY}Content-Length: 3\r\n\r\ndef");
    let third = format!("GET /cong-dan/citizens/7 HTTP/1.1\r\n{KEY}Connection: close\r\n\r\n");
    let answer = w.raw(format!("{first}{second}{third}").as_bytes()).await;
    assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 3, "{answer}");
    let at = |needle: &str| answer.find(needle).unwrap_or_else(|| panic!("no {needle}: {answer}"));
    assert!(at("abc") < at("def") && at("def") < at("/citizens/7"));
}

#[tokio::test]
async fn a_bad_request_behind_a_good_one_is_refused_in_its_turn() {
    let w = World::new().await;
    let good = format!("GET /cong-dan/citizens/7 HTTP/1.1\r\n{KEY}\r\n");
    let bad = format!("GET /cong-dan/citizens/8 HTTP/1.1\r\n{KEY}{KEY}\r\n");
    let answer = w.raw(format!("{good}{bad}{good}").as_bytes()).await;
    assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 1, "{answer}");
    assert_eq!(answer.matches("receive.malformed").count(), 1, "{answer}");
    assert_eq!(w.provider.count(), 1);
}

#[tokio::test]
async fn a_target_that_is_no_path_gets_a_documented_answer() {
    let w = World::new().await;
    for target in ["cong-dan/citizens/7", "http://", "http://x:y/", "x:80"] {
        let answer = w.raw(format!("GET {target} HTTP/1.1\r\n{KEY}\r\n").as_bytes()).await;
        assert!(
            answer.contains("receive.malformed") && answer.contains("lgsp-exchange: ex_"),
            "{target}: {answer}"
        );
    }
}

#[tokio::test]
async fn one_empty_line_before_a_request_is_skipped() {
    let w = World::new().await;
    let get = format!("GET /cong-dan/citizens/7 HTTP/1.1\r\n{KEY}\r\n");
    let answer = w
        .raw(format!("\r\n{get}\r\n{}", get.replace(KEY, &format!("{KEY}Connection: close\r\n"))).as_bytes())
        .await;
    assert_eq!(answer.matches("HTTP/1.1 200").count(), 2, "{answer}");
    let answer = w.raw(format!("\r\n\r\n\r\n{get}").as_bytes()).await;
    assert!(answer.contains("receive.malformed"), "{answer}");
}

#[tokio::test]
async fn a_trailer_section_beyond_its_bounds_is_named_as_that() {
    let w = World::new().await;
    let head = format!("POST /cong-dan/citizens HTTP/1.1\r\n{KEY}Transfer-Encoding: chunked\r\n\r\n");
    let answer = w.raw(format!("{head}2\r\nab\r\n0\r\n{}\r\n", "x: y\r\n".repeat(1000)).as_bytes()).await;
    assert!(answer.contains("receive.head_too_large") && answer.contains("trailer"), "{answer}");
    assert_eq!(w.provider.count(), 0);
}
