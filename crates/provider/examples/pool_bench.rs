//! What one exchange with a provider costs in CPU time on the platform's side, compared with hyper-util's pooled client:
//! `cargo run --release -p lgsp-provider --example pool_bench [exchanges at once] [exchanges in all]`.
//!
//! The provider runs in a process of its own; the client's thread is measured by its own CPU clock. Rounds of both are interleaved and
//! the medians shown.

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, Version as HttpVersion};
use http_body_util::{BodyExt, Full};
use hyper::service::service_fn;
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioIo};
use lgsp_kernel::model::{Lifecycle, OperationSpec, ProviderAuth, TargetSpec, UpstreamSpec, VersionSpec};
use lgsp_kernel::snapshot::{OpenAuth, Operation, Version};
use lgsp_kernel::{Clock, VersionLabel};
use lgsp_provider::{OutBody, OutHead, ProviderConfig, Providers};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

type AnyError = Box<dyn std::error::Error>;

const ROUNDS: usize = 7;

fn main() -> Result<(), AnyError> {
    let mut arguments = std::env::args().skip(1);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let first = arguments.next();
    if first.as_deref() == Some("serve") {
        return runtime.block_on(serve());
    }
    let at_once = first.map_or(Ok(64), |a| a.parse())?;
    let in_all: usize = arguments.next().map_or(Ok(100_000), |a| a.parse())?;
    let mut server = Command::new(std::env::current_exe()?).arg("serve").stdout(Stdio::piped()).spawn()?;
    let out = server.stdout.take().ok_or("the provider says nothing")?;
    let mut address = String::new();
    BufReader::new(out).read_line(&mut address)?;
    let result =
        runtime.block_on(tokio::task::LocalSet::new().run_until(compare(address.trim(), at_once, in_all)));
    server.kill()?;
    result
}

/// The provider: 1 KiB of JSON for every request.
async fn serve() -> Result<(), AnyError> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    let body = Bytes::from(format!("{{\"filler\":\"{}\"}}", "x".repeat(1024 - 13)));
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let body = body.clone();
        tokio::spawn(async move {
            let answer = service_fn(move |_| {
                let answer = Response::builder()
                    .header("content-type", "application/json")
                    .body(Full::new(body.clone()));
                async move { answer }
            });
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), answer)
                .await;
        });
    }
}

async fn compare(address: &str, at_once: usize, in_all: usize) -> Result<(), AnyError> {
    let ours = Rc::new(Ours::new(address)?);
    let theirs = Rc::new(Theirs::new(address));
    let (mut our_costs, mut their_costs) = (Vec::new(), Vec::new());
    for _ in 0..=ROUNDS {
        let (o, t) = (ours.clone(), theirs.clone());
        our_costs.push(round(at_once, in_all, move || o.clone().call()).await?);
        their_costs.push(round(at_once, in_all, move || t.clone().call()).await?);
    }
    // The first round opens the connections.
    let (a, b) = (median(&mut our_costs[1..]), median(&mut their_costs[1..]));
    println!(
        "{at_once} at once, {in_all} exchanges a round, medians of {ROUNDS} rounds, CPU microseconds an exchange"
    );
    println!("lgsp-provider        {a:6.2}");
    println!("hyper-util client    {b:6.2}");
    println!("ratio                {:6.2}", a / b);
    println!(
        "connections opened   {:6}",
        ours.providers.health_states().iter().map(|s| s.connections_opened).sum::<u64>()
    );
    Ok(())
}

/// CPU microseconds an exchange.
async fn round<F, Fut>(at_once: usize, in_all: usize, call: F) -> Result<f64, AnyError>
where
    F: Fn() -> Fut + Clone + 'static,
    Fut: Future<Output = usize>,
{
    let before = cpu_nanoseconds()?;
    let each = in_all / at_once;
    let tasks: Vec<_> = (0..at_once)
        .map(|_| {
            let call = call.clone();
            tokio::task::spawn_local(async move {
                for _ in 0..each {
                    assert_eq!(call().await, 1024);
                }
            })
        })
        .collect();
    for task in tasks {
        task.await?;
    }
    let spent = cpu_nanoseconds()? - before;
    Ok(spent as f64 / 1000.0 / (each * at_once) as f64)
}

/// CPU time of this thread until now (Linux).
fn cpu_nanoseconds() -> Result<u64, AnyError> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(text.split_whitespace().next().ok_or("no schedstat")?.parse()?)
}

fn median(costs: &mut [f64]) -> f64 {
    costs.sort_by(f64::total_cmp);
    costs[costs.len() / 2]
}

/// What a consumer's request usually carries.
fn headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("user-agent", "agency/1.0"),
        ("accept", "application/json"),
        ("accept-encoding", "gzip"),
        ("content-type", "application/json"),
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ("authorization", "Bearer abc.def.ghi"),
    ] {
        headers.insert(name, http::HeaderValue::from_static(value));
    }
    headers
}

struct Ours {
    providers: Providers,
    version: Arc<Version>,
    operation: Operation,
    headers: HeaderMap,
}

impl Ours {
    fn new(address: &str) -> Result<Self, AnyError> {
        let config = ProviderConfig { allow: vec!["127.0.0.0/8".parse()?], ..ProviderConfig::default() };
        let spec = VersionSpec {
            version: VersionLabel::new("1.0")?,
            lifecycle: Lifecycle::Published,
            sunset: None,
            targets: vec![TargetSpec { url: format!("http://{address}"), weight: None }],
            routes: vec![],
            upstream: UpstreamSpec::default(),
            auth: ProviderAuth::None,
            contract: None,
            faces: vec![],
            wsdl: None,
            operations: vec![],
            check: lgsp_kernel::model::CheckSpec::default(),
            text: lgsp_kernel::model::TextSpec::default(),
            request_body_max: None,
            answer_body_max: None,
            check_syntax: false,
            pass_context: false,
        };
        let key = "bench/1.0".to_owned();
        let auth = OpenAuth::None;
        let version = Version {
            spec,
            key,
            stamp: 1,
            auth,
            client_certificate: None,
            legs: vec![],
            operations: vec![],
            mediator: None,
        };
        let spec = OperationSpec {
            name: "get".into(),
            method: None,
            path: None,
            soap_action: None,
            element: None,
            idempotent: true,
            consumes: vec![],
            ..OperationSpec::default()
        };
        Ok(Self {
            providers: Providers::new(config, Clock::System)?,
            version: Arc::new(version),
            operation: Operation { spec, key: "bench.get".into(), safe: true, idempotent: true },
            headers: headers(),
        })
    }
    async fn call(self: Rc<Self>) -> usize {
        let head =
            OutHead::new(Method::GET, "/citizens/1?full=1", self.headers.clone(), HttpVersion::HTTP_11);
        match self.providers.send(&self.version, &self.operation, head, OutBody::Empty).await {
            Ok(sent) => length(sent.response.into_body().collect().await),
            Err(error) => panic!("{error:?}"),
        }
    }
}

struct Theirs {
    client: Client<HttpConnector, Full<Bytes>>,
    uri: http::Uri,
    headers: HeaderMap,
}

impl Theirs {
    fn new(address: &str) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(Duration::from_secs(30))
            .pool_max_idle_per_host(256)
            .build(connector);
        let uri = format!("http://{address}/citizens/1?full=1").parse().expect("a URI");
        Self { client, uri, headers: headers() }
    }
    /// With the time limit that any proxy needs.
    async fn call(self: Rc<Self>) -> usize {
        let mut request = Request::new(Full::new(Bytes::new()));
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.headers.clone();
        let answer = tokio::time::timeout(Duration::from_secs(30), self.client.request(request)).await;
        length(answer.expect("in time").expect("an answer").into_body().collect().await)
    }
}

fn length<E: std::fmt::Debug>(body: Result<http_body_util::Collected<Bytes>, E>) -> usize {
    body.expect("a whole body").to_bytes().len()
}
