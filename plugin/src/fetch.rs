//! The gateway's requests of its own: its wishes carried to the proxy, and responses carried back.

use crate::background::Background;
use crate::buffers::HostBytes;
use crate::enforce::serialise;
use crate::shared_data::SharedData;
use palisade_gateway::{
    Expected, FetchHost, FetchRequest, FetchResponse, FetchedBody, HeaderMap, PostRequest, Shared, SharedMemory,
};

/// The gateway's [`FetchHost`], answered by the proxy.
pub(crate) struct FetchProxy<'a, P> {
    pub(crate) proxy: &'a mut P,
}

impl<P: Background> SharedMemory for FetchProxy<'_, P> {
    fn shared(&mut self, name: &str) -> Shared {
        SharedData(self.proxy).shared(name)
    }

    fn share(&mut self, name: &str, bytes: &[u8], expected: Expected) -> bool {
        SharedData(self.proxy).share(name, bytes, expected)
    }
}

impl<P: Background> FetchHost for FetchProxy<'_, P> {
    fn now_nanos(&mut self) -> u64 {
        // As for requests: without a clock it is the end of time.
        self.proxy.now_nanos().unwrap_or(u64::MAX)
    }

    fn fetch(&mut self, request: &FetchRequest<'_>) -> Option<u32> {
        let FetchRequest { cluster, authority, path, accept, etag, wait_seconds, timeout_ms } = *request;
        let prefer = wait_seconds.map(|seconds| format!("wait={seconds}"));
        let headers = [
            Some((":method", "GET")),
            Some((":scheme", "https")),
            Some((":authority", authority)),
            Some((":path", path)),
            Some(("accept", accept)),
            Some(("user-agent", "palisade")),
            etag.map(|etag| ("if-none-match", etag)),
            prefer.as_deref().map(|prefer| ("prefer", prefer)),
        ];
        let headers: Vec<_> = headers.into_iter().flatten().collect();
        let mut bytes = Vec::new();
        serialise(&headers, &mut bytes);
        self.proxy.send_request(cluster, &bytes, &[], timeout_ms).ok()
    }

    fn post(&mut self, request: &PostRequest<'_>) -> Option<u32> {
        let PostRequest { cluster, authority, path, content_type, body, timeout_ms } = *request;
        let headers = [
            (":method", "POST"),
            (":scheme", "https"),
            (":authority", authority),
            (":path", path),
            ("content-type", content_type),
            ("user-agent", "palisade"),
        ];
        let mut bytes = Vec::new();
        serialise(&headers, &mut bytes);
        self.proxy.send_request(cluster, &bytes, body, timeout_ms).ok()
    }
}

/// A response as the proxy handed it over.
#[derive(Debug)]
pub(crate) struct Fetched {
    /// `None` when the proxy has no headers of it.
    status: Option<u16>,
    headers: HostBytes,
    /// The body of one with status 200; `None` when it is too large, `Some(None)` when the proxy did not hand over all of it.
    body: Option<Option<HostBytes>>,
}

impl Fetched {
    /// Takes a response of `headers` headers and `body_size` bytes, of which at most `limit` are copied.
    pub(crate) fn take(headers: u32, body_size: usize, limit: usize, proxy: &mut impl Background) -> Self {
        if headers == 0 {
            return Self { status: None, headers: HostBytes::default(), body: None };
        }
        let headers = proxy.response_headers().unwrap_or_default();
        let status = status(&headers);
        let body = match body_size {
            _ if status != 200 || body_size > limit => None,
            0 => Some(Some(HostBytes::default())),
            // A host that hands over less than it announced has lost the rest.
            _ => Some(proxy.response_body(body_size).ok().filter(|bytes| bytes.len() == body_size)),
        };
        Self { status: Some(status), headers, body }
    }

    /// The same, as the gateway reads it.
    pub(crate) fn response(&self) -> FetchResponse<'_> {
        let headers = HeaderMap::parse(&self.headers).unwrap_or(HeaderMap::EMPTY);
        let waits = || single(headers, "preference-applied").is_some_and(|applied| applied.starts_with(b"wait"));
        match (self.status, &self.body) {
            (None, _) | (Some(200), Some(None)) => FetchResponse::Nothing,
            (Some(200), None) => FetchResponse::TooLarge,
            (Some(200), Some(Some(body))) => FetchResponse::Body(FetchedBody {
                bytes: body,
                etag: single(headers, "etag"),
                content_type: single(headers, "content-type"),
                waits: waits(),
            }),
            (Some(304), _) => FetchResponse::NotModified { waits: waits() },
            (Some(status), _) => FetchResponse::Status(status),
        }
    }
}

/// The status of a response; 0 when there is not exactly one that reads.
fn status(headers: &[u8]) -> u16 {
    let value = HeaderMap::parse(headers).ok().and_then(|headers| single(headers, ":status"));
    value.and_then(|value| str::from_utf8(value).ok()).and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// The value of a header that is there exactly once.
fn single<'h>(headers: HeaderMap<'h>, name: &str) -> Option<&'h [u8]> {
    let mut values = headers.values(name);
    match (values.next(), values.next()) {
        (Some(value), None) => Some(value),
        (None | Some(_), _) => None,
    }
}
