//! A provider for measurements and tests: 1 KiB of JSON, an answer after a while, a large answer, a sink for uploads, files of a folder.

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, StreamBody, combinators::BoxBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::collections::HashMap;
use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

/// Bytes of one frame of a large answer.
const FRAME: usize = 64 << 10;

/// Answers that are the same each time: file name to content. They are read once, so that measuring them measures no disk.
pub type Files = HashMap<String, Bytes>;

/// Reads the files of a folder, not those of folders in it.
pub fn files(folder: &Path) -> std::io::Result<Files> {
    let mut files = Files::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            let name = entry.file_name().to_string_lossy().into_owned();
            files.insert(name, std::fs::read(entry.path())?.into());
        }
    }
    Ok(files)
}

/// Serves until the listener fails. `/json`, `/slow?ms=`, `/download?bytes=`, `/upload`, and `/files/<name>` for any method.
pub async fn serve(listener: TcpListener, files: Files) -> std::io::Result<()> {
    let files = Arc::new(files);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let files = files.clone();
        tokio::spawn(async move {
            let answer = service_fn(move |request| answer(request, files.clone()));
            let connection =
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer);
            // A broken connection is the caller's doing and of no interest here.
            let _ = connection.await;
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    files: Arc<Files>,
) -> Result<Response<BoxBody<Bytes, Infallible>>, hyper::Error> {
    let number = |key: &str| {
        let query = request.uri().query().unwrap_or_default();
        query.split('&').find_map(|p| p.strip_prefix(key)?.strip_prefix('=')?.parse::<u64>().ok())
    };
    let path = request.uri().path().to_owned();
    let response = match path.as_str() {
        "/slow" => {
            tokio::time::sleep(Duration::from_millis(number("ms").unwrap_or(50))).await;
            json(format!("{{\"filler\":\"{}\"}}", "x".repeat(1000)))
        }
        "/download" => download(number("bytes").unwrap_or(1 << 20)),
        "/upload" => {
            let mut body = request.into_body();
            let mut received = 0u64;
            while let Some(frame) = body.frame().await {
                received += frame?.data_ref().map_or(0, |d| d.len() as u64);
            }
            json(format!("{{\"received\":{received}}}"))
        }
        path if path.starts_with("/files/") => {
            // Read to the end first, as a SOAP server would.
            let mut body = request.into_body();
            while let Some(frame) = body.frame().await {
                frame?;
            }
            file(&path["/files/".len()..], &files)
        }
        _ => json(format!("{{\"filler\":\"{}\"}}", "x".repeat(1000))),
    };
    Ok(response)
}

fn json(text: String) -> Response<BoxBody<Bytes, Infallible>> {
    let mut response = Response::new(Full::new(Bytes::from(text)).boxed());
    response.headers_mut().insert("content-type", http::HeaderValue::from_static("application/json"));
    response
}

fn file(name: &str, files: &Files) -> Response<BoxBody<Bytes, Infallible>> {
    let Some(content) = files.get(name) else {
        let mut response = Response::new(Full::new(Bytes::new()).boxed());
        *response.status_mut() = StatusCode::NOT_FOUND;
        return response;
    };
    let kind = match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("xml") => "text/xml; charset=utf-8",
        Some("json") => "application/json",
        _ => "application/octet-stream",
    };
    let mut response = Response::new(Full::new(content.clone()).boxed());
    response.headers_mut().insert("content-type", http::HeaderValue::from_static(kind));
    response
}

fn download(bytes: u64) -> Response<BoxBody<Bytes, Infallible>> {
    let frame = Bytes::from(vec![b'a'; FRAME]);
    let stream = futures_stream(bytes, frame);
    let mut response = Response::new(StreamBody::new(stream).boxed());
    *response.status_mut() = StatusCode::OK;
    response.headers_mut().insert("content-length", bytes.into());
    response
}

fn futures_stream(
    bytes: u64,
    frame: Bytes,
) -> impl futures_util::Stream<Item = Result<Frame<Bytes>, Infallible>> + Send + Sync {
    futures_util::stream::unfold(bytes, move |left| {
        let frame = frame.clone();
        async move {
            if left == 0 {
                return None;
            }
            let take = left.min(FRAME as u64);
            let data = frame.slice(..usize::try_from(take).unwrap_or(FRAME));
            Some((Ok(Frame::data(data)), left - take))
        }
    })
}
