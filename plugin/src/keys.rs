//! Key sets that the gateway fetches: its wishes carried to the proxy, and what came of them told to the operator.

use crate::background::Background;
use crate::enforce::serialise;
use crate::key_metrics::KeyMetrics;
use crate::proxy::LogLevel;
use crate::shared_data;
use palisade_gateway::{
    Expected, Gateway, HeaderMap, KeyEvent, KeyEventKind, KeyHost, KeyRequest, KeyResponse, RefreshError, Shared,
    SharedMemory, limits,
};

/// Takes what other workers have, and what earlier configurations had.
pub fn join<'a>(
    gateway: &mut Gateway,
    before: impl IntoIterator<Item = &'a Gateway>,
    proxy: &mut impl Background,
    metrics: &mut KeyMetrics,
) {
    let mut events = Vec::new();
    gateway.join_workers(before, &mut KeyProxy { proxy }, &mut events);
    report(&events, proxy, metrics);
}

/// Looks after the keys.
pub fn poll(gateway: &mut Gateway, proxy: &mut impl Background, metrics: &mut KeyMetrics) {
    let mut events = Vec::new();
    gateway.poll_keys(&mut KeyProxy { proxy }, &mut events);
    report(&events, proxy, metrics);
    // Without a clock there are no ages.
    if let Ok(now_nanos) = proxy.now_nanos() {
        metrics.ages(proxy, gateway.key_ages(now_nanos));
    }
}

/// Takes a response of `headers` headers and `body_size` bytes.
pub fn respond(
    gateway: &mut Gateway,
    call: u32,
    headers: u32,
    body_size: usize,
    proxy: &mut impl Background,
    metrics: &mut KeyMetrics,
) {
    let mut events = Vec::new();
    let status = if headers == 0 { None } else { Some(status(proxy)) };
    let body;
    let response = match status {
        None => KeyResponse::Nothing,
        Some(200) if body_size > limits::JWKS_BYTES => KeyResponse::TooLarge,
        Some(200) => match if body_size == 0 { Ok(Default::default()) } else { proxy.response_body(body_size) } {
            // A host that hands over less than it announced has lost the rest.
            Ok(bytes) if bytes.len() == body_size => {
                body = bytes;
                KeyResponse::Body(&body)
            }
            Ok(_) | Err(_) => KeyResponse::Nothing,
        },
        Some(status) => KeyResponse::Status(status),
    };
    gateway.take_keys(call, response, &mut KeyProxy { proxy }, &mut events);
    report(&events, proxy, metrics);
}

/// The status of the response; 0 when there is not exactly one that reads.
fn status(proxy: &mut impl Background) -> u16 {
    let bytes = proxy.response_headers();
    let Some(headers) = bytes.as_deref().ok().and_then(|bytes| HeaderMap::parse(bytes).ok()) else { return 0 };
    let mut values = headers.values(":status");
    match (values.next(), values.next()) {
        (Some(value), None) => std::str::from_utf8(value).ok().and_then(|text| text.parse().ok()).unwrap_or(0),
        (None | Some(_), _) => 0,
    }
}

fn report(events: &[KeyEvent], proxy: &mut impl Background, metrics: &mut KeyMetrics) {
    for KeyEvent { issuer, kind } in events {
        let (result, line) = match *kind {
            KeyEventKind::Fetched { usable: 0, changed, .. } => {
                ("revoked", changed.then(|| (LogLevel::Error, "jwks.revoked: its trust domain has no key".to_owned())))
            }
            KeyEventKind::Fetched { usable, defective, changed } => {
                let level = if defective == 0 { LogLevel::Info } else { LogLevel::Warn };
                let text = format!("jwks.changed: {usable} usable keys, {defective} defective ones left out");
                ("ok", changed.then_some((level, text)))
            }
            KeyEventKind::Failed { error, failures } => {
                // These need somebody: waiting does not help.
                let level = match error {
                    RefreshError::NotSent | RefreshError::NoUsableKey | RefreshError::Rollback => LogLevel::Error,
                    RefreshError::NoResponse
                    | RefreshError::Status(_)
                    | RefreshError::TooLarge
                    | RefreshError::Malformed
                    | RefreshError::TooManyKeys => LogLevel::Warn,
                };
                let result = error.code().trim_start_matches("jwks.");
                (result, Some((level, format!("{error}; failures in a row: {failures}"))))
            }
            KeyEventKind::SharedRefused => {
                ("shared_refused", Some((LogLevel::Warn, "jwks.shared_refused: another worker's document".to_owned())))
            }
        };
        metrics.refreshed(proxy, issuer, result);
        if let Some((level, text)) = line {
            proxy.log(level, format!("palisade: keys of issuer `{issuer}`: {text}").as_bytes());
        }
    }
}

/// The gateway's [`KeyHost`], answered by the proxy.
struct KeyProxy<'a, P> {
    proxy: &'a mut P,
}

impl<P: Background> SharedMemory for KeyProxy<'_, P> {
    fn shared(&mut self, name: &str) -> Shared {
        shared_data::get(self.proxy, name)
    }

    fn share(&mut self, name: &str, bytes: &[u8], expected: Expected) -> bool {
        shared_data::set(self.proxy, name, bytes, expected)
    }
}

impl<P: Background> KeyHost for KeyProxy<'_, P> {
    fn now_nanos(&mut self) -> u64 {
        // As for requests: without a clock it is the end of time.
        self.proxy.now_nanos().unwrap_or(u64::MAX)
    }

    fn fetch(&mut self, request: &KeyRequest<'_>) -> Option<u32> {
        let KeyRequest { cluster, authority, path, timeout_ms } = *request;
        let headers = [
            (":method", "GET"),
            (":scheme", "https"),
            (":authority", authority),
            (":path", path),
            ("accept", "application/jwk-set+json, application/json"),
            ("user-agent", "palisade"),
        ];
        let mut bytes = Vec::new();
        serialise(&headers, &mut bytes);
        self.proxy.send_request(cluster, &bytes, timeout_ms).ok()
    }
}
