//! Every way in which a provider can fail, and the refusal it becomes.

use crate::harness::{OK, Server, assert_failed, failed, get, plain, post, providers, version};
use http_body_util::BodyExt;
use lgsp_kernel::fault;
use lgsp_provider::AnswerError;
use socket2::{Domain, Socket, Type};
use std::net::SocketAddr;

async fn answering_once(bytes: &'static [u8]) -> Server {
    Server::start(move |mut peer| async move {
        peer.request().await;
        peer.write(bytes).await;
    })
    .await
}

#[tokio::test]
async fn nobody_listens() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = failed(post(&providers(), &plain(&url)).await);
    assert_eq!(error.refusal.kind.code, fault::PROVIDER_UNREACHABLE.code);
    assert!(!error.may_have_acted);
    assert_eq!(error.target.as_deref(), Some(url.as_str()));
    assert!(!error.refusal.detail.contains("127.0.0.1"), "no internals for the caller");
}

#[tokio::test]
async fn the_name_has_no_address() {
    let result = post(&providers(), &plain("http://no-such-host.invalid")).await;
    assert_failed(result, &fault::PROVIDER_UNREACHABLE, false);
}

#[tokio::test]
async fn nobody_accepts_in_time() {
    // Given a listener whose queue is full, so that the kernel drops every further SYN
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&"127.0.0.1:0".parse::<SocketAddr>().unwrap().into()).unwrap();
    socket.listen(0).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    let mut queue = Vec::new();
    for _ in 0..4 {
        let s = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        s.set_nonblocking(true).unwrap();
        let _ = s.connect(&address.into());
        queue.push(s);
    }
    let slow = version(&[&format!("http://{address}")], |v| v.spec.upstream.connect_timeout_ms = Some(200));
    // When a call is sent, then it fails within the connect time and nothing was delivered
    let start = std::time::Instant::now();
    assert_failed(post(&providers(), &slow).await, &fault::PROVIDER_CONNECT_TIMEOUT, false);
    assert!(start.elapsed().as_millis() < 1_500, "{:?}", start.elapsed());
}

#[tokio::test]
async fn the_answer_is_not_http() {
    for garbage in [
        &b"SSH-2.0-OpenSSH_9.2\r\n"[..],
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon here\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
        b"\x00\x01\x02\x03\x04\x05\x06\x07",
    ] {
        let server = answering_once(garbage).await;
        let result = post(&providers(), &plain(&server.url())).await;
        assert_failed(result, &fault::ANSWER_MALFORMED, true);
        assert_eq!(server.requests().len(), 1);
    }
}

#[tokio::test]
async fn the_answers_head_never_ends() {
    let server = Server::start(|mut peer| async move {
        peer.request().await;
        peer.write(b"HTTP/1.1 200 OK\r\n").await;
        for i in 0..20_000 {
            peer.write(format!("x-{i}: {i}\r\n").as_bytes()).await;
        }
    })
    .await;
    assert_failed(post(&providers(), &plain(&server.url())).await, &fault::ANSWER_MALFORMED, true);
}

#[tokio::test]
async fn it_closes_before_an_answer() {
    let server = answering_once(b"").await;
    let result = post(&providers(), &plain(&server.url())).await;
    assert_failed(result, &fault::PROVIDER_BROKE_OFF, true);
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn it_closes_within_the_head() {
    let server = answering_once(b"HTTP/1.1 200 OK\r\ncontent-le").await;
    // Even what may be repeated is not, once something of an answer came.
    let result = get(&providers(), &plain(&server.url())).await;
    assert_failed(result, &fault::PROVIDER_BROKE_OFF, true);
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn it_closes_within_the_body() {
    for part in [
        &b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf"[..],
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n",
    ] {
        let server = answering_once(part).await;
        let sent = get(&providers(), &plain(&server.url())).await.unwrap();
        let error = sent.response.into_body().collect().await.unwrap_err();
        assert!(matches!(error, AnswerError::BrokeOff(_)), "{error:?}");
        assert_eq!(error.refusal().kind.code, fault::PROVIDER_BROKE_OFF.code);
    }
}

#[tokio::test]
async fn a_chunk_is_not_a_chunk() {
    let server = answering_once(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nhalf\r\n").await;
    let sent = get(&providers(), &plain(&server.url())).await.unwrap();
    let error = sent.response.into_body().collect().await.unwrap_err();
    assert!(matches!(error, AnswerError::Malformed(_)), "{error:?}");
}

#[tokio::test]
async fn it_does_not_answer_in_time() {
    let server = Server::start(|mut peer| async move {
        peer.request().await;
        peer.closed().await;
    })
    .await;
    let hasty = version(&[&server.url()], |v| v.spec.upstream.total_timeout_ms = Some(150));
    // Not even a read is repeated: its time is up.
    assert_failed(get(&providers(), &hasty).await, &fault::PROVIDER_TIMEOUT, true);
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn it_falls_silent_within_the_body_but_a_slow_body_may_take_longer_than_the_limit() {
    let server = Server::start(|mut peer| async move {
        peer.request().await;
        peer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n").await;
        for _ in 0..5 {
            tokio::time::sleep(std::time::Duration::from_millis(120)).await;
            peer.write(&[b'x'; 100]).await;
        }
        peer.closed().await;
    })
    .await;
    let hasty = version(&[&server.url()], |v| v.spec.upstream.total_timeout_ms = Some(300));
    let mut body = get(&providers(), &hasty).await.unwrap().response.into_body();
    for _ in 0..5 {
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), [b'x'; 100][..]);
    }
    let error = body.frame().await.unwrap().unwrap_err();
    assert!(matches!(error, AnswerError::Silent(_)), "{error:?}");
    assert_eq!(error.refusal().kind.code, fault::PROVIDER_TIMEOUT.code);
}

#[tokio::test]
async fn it_half_closes_after_its_answer() {
    let server = Server::start(|mut peer| async move {
        peer.request().await;
        peer.write(OK).await;
        tokio::io::AsyncWriteExt::shutdown(&mut peer.stream).await.unwrap();
        peer.closed().await;
    })
    .await;
    let (providers, version) = (providers(), plain(&server.url()));
    for _ in 0..3 {
        let sent = get(&providers, &version).await.unwrap();
        assert_eq!(crate::harness::read(sent).await, (200, "ok".into()));
    }
}

#[tokio::test]
async fn it_answers_with_a_redirect() {
    let server = Server::answering(
        b"HTTP/1.1 307 Go\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\n\r\n",
    )
    .await;
    let error = failed(get(&providers(), &plain(&server.url())).await);
    assert_eq!(error.refusal.kind.code, fault::ANSWER_REDIRECT.code);
    assert!(error.may_have_acted && !error.refusal.detail.contains("169"));
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn it_switches_protocols_unasked() {
    let server =
        Server::answering(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n")
            .await;
    assert_failed(get(&providers(), &plain(&server.url())).await, &fault::ANSWER_MALFORMED, true);
}

#[tokio::test]
async fn it_answers_too_much() {
    let announced = Server::answering(b"HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n12345678901").await;
    let small = |url: &str| version(&[url], |v| v.spec.answer_body_max = Some(10));
    assert_failed(get(&providers(), &small(&announced.url())).await, &fault::ANSWER_TOO_LARGE, true);

    let chunked =
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n6\r\n123456\r\n5\r\n78901\r\n0\r\n\r\n";
    let unannounced = Server::answering(chunked).await;
    let sent = get(&providers(), &small(&unannounced.url())).await.unwrap();
    let error = sent.response.into_body().collect().await.unwrap_err();
    assert_eq!(error.refusal().kind.code, fault::ANSWER_TOO_LARGE.code);
}
