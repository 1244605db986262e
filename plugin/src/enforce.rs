//! How a verdict reaches the proxy: header changes, the reply, the decision record.
//!
//! The only [`Action::Continue`] for a request is here, behind every header change that the verdict asks for.

use crate::filter::Action;
use crate::metrics::Metrics;
use crate::proxy::{HostResult, LogLevel, Proxy};
use palisade_gateway::{self as gateway, DecisionLog, Forward, RESERVED_PREFIX, Reply, Verdict};

/// The property that holds the decision record; `%FILTER_STATE(wasm.palisade.decision:PLAIN)%` in Envoy's access log.
const RECORD_PROPERTY: &[u8] = b"palisade.decision";

/// Response code details of an allowed request that was answered 503, because the host did not change a header.
const HEADER_CHANGE_REFUSED: &str = "host.header_change";

/// Where decision records go.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sinks {
    filter_state: bool,
    log: bool,
}

impl Sinks {
    /// As configured.
    pub fn new(configured: &[DecisionLog]) -> Self {
        Self {
            filter_state: configured.contains(&DecisionLog::FilterState),
            log: configured.contains(&DecisionLog::Log),
        }
    }
}

/// Carries out a verdict, counts it and writes its record.
pub fn verdict(
    proxy: &mut impl Proxy,
    verdict: &Verdict<'_>,
    sinks: Sinks,
    metrics: &mut Metrics,
    buffer: &mut Vec<u8>,
) -> Action {
    metrics.decided(proxy, verdict.outcome, verdict.micros);
    let action = match &verdict.action {
        gateway::Action::Reply(reply) => send(proxy, reply, buffer),
        gateway::Action::Forward(forward) => match change_headers(proxy, forward) {
            Ok(()) => Action::Continue,
            // Forwarded as it is, the request could carry the client's own claims in our name.
            Err(status) => {
                metrics.header_change_refused(proxy);
                let id = verdict.decision_id.as_str();
                let message = format!("palisade: {HEADER_CHANGE_REFUSED}: {status}; decision {id} answered 503");
                proxy.log(LogLevel::Error, message.as_bytes());
                let reply = Reply { details: HEADER_CHANGE_REFUSED, ..Reply::unconfigured() };
                send(proxy, &reply, buffer)
            }
        },
    };
    record(proxy, verdict.record, verdict.disposition().level, sinks, metrics);
    action
}

/// Writes a record to where records go. In filter state, it takes the place of an earlier one of the same request.
pub fn record(proxy: &mut impl Proxy, record: &str, level: gateway::LogLevel, sinks: Sinks, metrics: &mut Metrics) {
    if sinks.filter_state && proxy.set_property(RECORD_PROPERTY, record.as_bytes()).is_err() {
        metrics.record_lost(proxy);
    }
    if sinks.log {
        let level = match level {
            gateway::LogLevel::Info => LogLevel::Info,
            gateway::LogLevel::Warn => LogLevel::Warn,
            gateway::LogLevel::Error => LogLevel::Error,
        };
        proxy.log(level, record.as_bytes());
    }
}

fn change_headers(proxy: &mut impl Proxy, forward: &Forward<'_>) -> HostResult<()> {
    let mut is_claimed = false;
    for name in forward.remove.clone() {
        is_claimed = true;
        proxy.remove_request_header(name)?;
    }
    for name in forward.strip.into_iter().flatten() {
        proxy.remove_request_header(name.as_bytes())?;
    }
    for (name, value) in forward.set.into_iter().flatten() {
        // Replacing has Envoy look all headers over and costs microseconds; where the client sent none of the filter's own,
        // there is none to replace.
        if !is_claimed && name.starts_with(RESERVED_PREFIX) {
            proxy.add_request_header(name.as_bytes(), value.as_bytes())?;
        } else {
            proxy.set_request_header(name.as_bytes(), value.as_bytes())?;
        }
    }
    Ok(())
}

/// Sends a reply; `buffer` is scratch memory.
pub fn send(proxy: &mut impl Proxy, reply: &Reply<'_>, buffer: &mut Vec<u8>) -> Action {
    let status = u32::from(reply.status);
    let details = reply.details.as_bytes();
    serialise(&reply.headers, buffer);
    if proxy.send_reply(status, details, buffer, reply.body).is_err() {
        // A host that does not take the headers may still take the bare status.
        serialise(&[], buffer);
        let _ = proxy.send_reply(status, details, buffer, &[]);
    }
    Action::Pause
}

/// Lays out headers as the ABI has them: a count, the lengths of names and values, then each with a zero byte.
pub(crate) fn serialise(headers: &[(&str, &str)], bytes: &mut Vec<u8>) {
    bytes.clear();
    push_length(bytes, headers.len());
    for (name, value) in headers {
        push_length(bytes, name.len());
        push_length(bytes, value.len());
    }
    for text in headers.iter().flat_map(|(name, value)| [name, value]) {
        bytes.extend_from_slice(text.as_bytes());
        bytes.push(0);
    }
}

/// Our own replies are a few hundred bytes; a length that does not fit makes a map that the host refuses.
fn push_length(bytes: &mut Vec<u8>, length: usize) {
    let length = u32::try_from(length).unwrap_or(u32::MAX);
    bytes.extend_from_slice(&length.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::FakeProxy;
    use crate::proxy::Status;
    use palisade_gateway::HeaderMap;

    #[test]
    fn headers_read_back_as_they_were_written() {
        let mut bytes = b"left over".to_vec();
        for headers in [&[][..], &[("a", "1")], &[("content-type", "x"), ("empty", "")]] {
            serialise(headers, &mut bytes);
            let map = HeaderMap::parse(&bytes).unwrap();
            let read: Vec<_> = map.iter().map(|h| (h.name, h.value)).collect();
            let written: Vec<_> = headers.iter().map(|(n, v)| (n.as_bytes(), v.as_bytes())).collect();
            assert_eq!(read, written);
        }
    }

    #[test]
    fn a_reply_that_the_host_refuses_is_tried_bare_and_never_lets_through() {
        let mut proxy = FakeProxy { reply: Err(Status::BAD_ARGUMENT), ..FakeProxy::default() };
        let action = send(&mut proxy, &Reply::unconfigured(), &mut Vec::new());
        assert_eq!(action, Action::Pause);
        let [full, bare] = &proxy.replies[..] else { panic!("{:?}", proxy.replies) };
        assert_eq!((full.status, bare.status), (503, 503));
        assert_eq!(full.details, bare.details);
        assert_eq!((bare.headers.as_slice(), bare.body.as_str()), (&[0; 4][..], ""));
    }
}
