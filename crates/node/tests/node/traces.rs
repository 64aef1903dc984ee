//! Exchanges as spans at a collector, over real sockets; and a collector that is of no use, which no caller notices.

use crate::http::{Answer, Provider, request, token};
use crate::world::{World, manifest};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";

/// A collector of OTLP over HTTP: hands on what it receives, in full, and says that all is well.
struct Collector {
    address: SocketAddr,
    received: Receiver<(String, Vec<u8>)>,
}

impl Collector {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, (tell, received)) = (listener.local_addr().unwrap(), channel());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let tell = tell.clone();
                std::thread::spawn(move || take(stream, &tell));
            }
        });
        Self { address, received }
    }

    /// The span that names this exchange, and the head of the request that brought it.
    fn span_of(&self, exchange: &str, within: Duration) -> (String, Span) {
        let until = Instant::now() + within;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let (head, body) = self.received.recv_timeout(left).expect("a span of the exchange in time");
            let found = spans(&body).into_iter().find(|s| s.exchange == exchange);
            if let Some(span) = found {
                return (head, span);
            }
        }
    }
}

fn take(stream: TcpStream, tell: &Sender<(String, Vec<u8>)>) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let (mut writer, mut head) = (stream, String::new());
    while !head.ends_with("\r\n\r\n") {
        reader.read_line(&mut head).ok().filter(|n| *n > 0)?;
    }
    let length = head.lines().find_map(|l| {
        let (name, value) = l.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    })?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    tell.send((head, body)).ok()?;
    let said = "HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n";
    writer.write_all(said.as_bytes()).ok()
}

/// What the tests look at in a span.
#[derive(Debug)]
struct Span {
    trace: String,
    id: String,
    parent: String,
    name: String,
    exchange: String,
}

/// The spans of an `ExportTraceServiceRequest`, by the field numbers of opentelemetry/proto/trace/v1.
fn spans(request: &[u8]) -> Vec<Span> {
    let resources = children(request, 1);
    let scopes = resources.iter().flat_map(|r| children(r, 2));
    scopes.flat_map(|s| children(s, 2)).map(span).collect()
}

fn span(bytes: &[u8]) -> Span {
    let only = |field| children(bytes, field).first().copied().unwrap_or_default();
    let said = |key: &str| {
        let pair = children(bytes, 9).into_iter().find(|a| children(a, 1) == [key.as_bytes()])?;
        let value = *children(pair, 2).first()?;
        children(value, 1).first().map(|v| String::from_utf8_lossy(v).into_owned())
    };
    Span {
        trace: hex::encode(only(1)),
        id: hex::encode(only(2)),
        parent: hex::encode(only(4)),
        name: String::from_utf8_lossy(only(5)).into_owned(),
        exchange: said("lgsp.exchange").unwrap_or_default(),
    }
}

/// The length-delimited fields of a protobuf message with this number.
fn children(mut bytes: &[u8], field: u64) -> Vec<&[u8]> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let tag = varint(&mut bytes);
        let skip = match tag & 7 {
            0 => {
                varint(&mut bytes);
                0
            }
            1 => 8,
            2 => usize::try_from(varint(&mut bytes)).unwrap(),
            5 => 4,
            other => panic!("wire type {other}"),
        };
        let (value, rest) = bytes.split_at(skip);
        if tag >> 3 == field && tag & 7 == 2 {
            found.push(value);
        }
        bytes = rest;
    }
    found
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let (mut value, mut shift) = (0, 0);
    loop {
        let (first, rest) = bytes.split_first().expect("a whole message");
        *bytes = rest;
        value |= u64::from(first & 0x7f) << shift;
        shift += 7;
        if first & 0x80 == 0 {
            return value;
        }
    }
}

fn prepared(collector: SocketAddr, sample: &str) -> (World, Provider) {
    let more = format!(
        "[telemetry]\notlp_endpoint = \"http://{collector}/v1/traces\"\notlp_sample = {sample}\n\
         otlp_authorization = \"Bearer cua-bo-thu\"\n"
    );
    let (world, provider) = (World::new(&more), Provider::start());
    world.run(&["init"]);
    world.write("m.yaml", &manifest(provider.address));
    world.run(&["apply", "-f", "m.yaml"]);
    (world, provider)
}

/// Spans are exported a tenth of a second after they ended, instead of after seconds.
const SOON: [(&str, &str); 1] = [("OTEL_BSP_SCHEDULE_DELAY", "100")];

fn traced(port: u16, token: &str, flags: &str) -> Answer {
    let head = format!(
        "POST /echo/1.0/x HTTP/1.1\r\nAuthorization: Bearer {token}\r\nTraceparent: 00-{TRACE}-{CALLER}-{flags}"
    );
    request(port, &head, "xin chao").unwrap()
}

#[test]
fn a_call_is_a_span_of_its_callers_trace_and_the_parent_of_what_the_provider_does() {
    let collector = Collector::start();
    let (world, provider) = prepared(collector.address, "1.0");
    let _serving = world.serve_with(&SOON);
    let answer = traced(world.http, &token(world.http), "01");
    assert_eq!(answer.status, 200);
    let (head, span) = collector.span_of(&answer.exchange(), Duration::from_secs(10));
    assert!(head.starts_with("POST /v1/traces HTTP/1.1\r\n"), "{head}");
    let lower = head.to_ascii_lowercase();
    assert!(lower.contains("content-type: application/x-protobuf"), "{head}");
    assert!(lower.contains("authorization: bearer cua-bo-thu"), "{head}");
    assert_eq!((span.trace.as_str(), span.parent.as_str()), (TRACE, CALLER));
    assert!(span.name.contains("echo"), "{}", span.name);
    let passed_on = format!("00-{TRACE}-{}-01", span.id);
    assert_ne!(span.id, CALLER);
    assert_eq!(provider.header("traceparent").as_deref(), Some(passed_on.as_str()));
}

#[test]
fn the_last_spans_reach_the_collector_before_the_node_ends() {
    let collector = Collector::start();
    let (world, _provider) = prepared(collector.address, "1.0");
    // By itself it would export an hour later.
    let serving = world.serve_with(&[("OTEL_BSP_SCHEDULE_DELAY", "3600000")]);
    let answer = traced(world.http, &token(world.http), "01");
    serving.signal("TERM");
    assert_eq!(serving.wait(), Some(0));
    assert_eq!(collector.span_of(&answer.exchange(), Duration::from_secs(1)).1.trace, TRACE);
}

#[test]
fn a_call_without_a_trace_begins_one_as_often_as_is_configured_and_a_callers_no_is_kept() {
    let collector = Collector::start();
    let (world, provider) = prepared(collector.address, "1.0");
    let _serving = world.serve_with(&SOON);
    let token = token(world.http);
    assert_eq!(traced(world.http, &token, "00").status, 200);
    assert!(
        provider
            .header("traceparent")
            .is_some_and(|t| t.starts_with(&format!("00-{TRACE}-")) && t.ends_with("-00"))
    );
    let answer = crate::http::call(world.http, &token, "/x").unwrap();
    // Spans come in order: where this one is, an earlier one would be too.
    let (mut seen, mut ours) = (Vec::new(), None);
    while ours.is_none() {
        let (_, body) = collector.received.recv_timeout(Duration::from_secs(10)).unwrap();
        seen.extend(spans(&body));
        ours = seen.iter().find(|s| s.exchange == answer.exchange()).map(|s| s.parent.clone());
    }
    assert_eq!(ours.as_deref(), Some(""));
    assert!(seen.iter().all(|s| s.trace != TRACE), "{seen:?}");
}

#[test]
fn a_collector_that_is_down_or_never_answers_slows_no_call_and_no_stop_down() {
    // Taken and left: the connection stands, nothing is ever said.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let down: SocketAddr = SocketAddr::from(([127, 0, 0, 1], crate::world::free_port()));
    for collector in [silent.local_addr().unwrap(), down] {
        let (world, _provider) = prepared(collector, "1.0");
        let serving = world.serve_with(&SOON);
        let token = token(world.http);
        let began = Instant::now();
        for _ in 0..30 {
            let each = Instant::now();
            assert_eq!(traced(world.http, &token, "01").status, 200);
            assert!(each.elapsed() < Duration::from_secs(2), "{collector}: {:?}", each.elapsed());
        }
        // The export of the first spans has long begun, and with a silent collector it waits.
        assert!(began.elapsed() < Duration::from_secs(8), "{collector}: {:?}", began.elapsed());
        let stopping = Instant::now();
        serving.signal("TERM");
        assert_eq!(serving.wait(), Some(0));
        assert!(stopping.elapsed() < Duration::from_secs(9), "{collector}: {:?}", stopping.elapsed());
    }
}
