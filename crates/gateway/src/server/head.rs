//! Heads that do not keep the buffer that they were read in: hyper's values are slices of it, 8 KiB for a few hundred bytes, and while they
//! are held the connection needs another one. Not here: whether a head is good (`guard`).

use bytes::Bytes;
use http::{HeaderValue, Request, Uri};

/// The same request with a head of its own.
pub(super) fn owned<B>(mut request: Request<B>) -> Request<B> {
    let path = own_path(request.uri()).map_or(0, str::len);
    let length = path + request.headers().values().map(HeaderValue::len).sum::<usize>();
    let mut all = Vec::with_capacity(length);
    all.extend_from_slice(own_path(request.uri()).unwrap_or_default().as_bytes());
    request.headers().values().for_each(|value| all.extend_from_slice(value.as_bytes()));
    let mut rest = Bytes::from(all);
    let target = rest.split_to(path);
    if !target.is_empty()
        && let Ok(uri) = Uri::from_maybe_shared(target)
    {
        *request.uri_mut() = uri;
    }
    for value in request.headers_mut().values_mut() {
        let part = rest.split_to(value.len());
        if let Ok(own) = HeaderValue::from_maybe_shared(part) {
            *value = own;
        }
    }
    request
}

/// The text of a target that is a path, as nearly all are.
fn own_path(uri: &Uri) -> Option<&str> {
    uri.path_and_query().filter(|_| uri.authority().is_none()).map(|path| path.as_str())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::owned;
    use bytes::Bytes;
    use http::{HeaderName, HeaderValue, Request, Uri};

    fn shared(target: &str, lines: &[(&'static str, &str)]) -> (Bytes, Request<()>) {
        let text: String = lines.iter().map(|l| l.1).collect();
        let all = Bytes::from(format!("{target}{text}").into_bytes());
        let mut at = all.clone();
        let uri = Uri::from_maybe_shared(at.split_to(target.len())).unwrap();
        let mut request = Request::new(());
        *request.uri_mut() = uri;
        for (name, value) in lines {
            let value = HeaderValue::from_maybe_shared(at.split_to(value.len())).unwrap();
            request.headers_mut().append(HeaderName::from_static(name), value);
        }
        drop(at);
        (all, request)
    }

    #[test]
    fn a_head_lets_go_of_the_buffer_that_it_was_read_in_and_says_the_same() {
        for target in ["/a/b?c=%20&d", "*", "/"] {
            let lines = [("host", "h"), ("x-a", "1"), ("x-a", "ế"), ("x-empty", "")];
            let (buffer, request) = shared(target, &lines);
            let said = (request.uri().to_string(), format!("{:?}", request.headers()));
            assert!(!buffer.is_unique());
            let request = owned(request);
            assert!(buffer.is_unique(), "{target}");
            assert_eq!((request.uri().to_string(), format!("{:?}", request.headers())), said);
        }
    }

    #[test]
    fn an_absolute_target_stays_as_it_is() {
        let (_, request) = shared("http://h/a?b", &[("host", "h")]);
        assert_eq!(owned(request).uri(), "http://h/a?b");
    }
}
