//! The session that an upstream's answer names, bound to the caller before the client reads of it.

use crate::enforce;
use crate::filter::Action;
use crate::metrics::Metrics;
use crate::proxy::{HostResult, LogLevel, Proxy, Status};
use palisade_gateway::{Reply, SESSION_HEADER, SessionBinding};

/// Response code details of an answer that was replaced, because its session could not be bound.
const NOT_BOUND: &str = "mcp.session_not_bound";

/// Binds the session of an answer whose headers are there. An answer without one goes on as it is; one whose session cannot
/// be bound does not go on: the client would get an id that is anybody's.
pub(crate) fn bind(
    proxy: &mut impl Proxy,
    binding: &SessionBinding,
    metrics: &mut Metrics,
    reply_headers: &mut Vec<u8>,
) -> Action {
    let name = SESSION_HEADER.as_bytes();
    let bound: HostResult<bool> = match proxy.response_header(name) {
        Err(Status::NOT_FOUND) => Ok(true),
        Err(status) => Err(status),
        Ok(id) => match binding.wrap(&id) {
            // Of an upstream that names several, the client gets the first.
            Some(id) => proxy.set_response_header(name, id.as_bytes()).map(|()| true),
            None => Ok(false),
        },
    };
    let why = match bound {
        Ok(true) => return Action::Continue,
        Ok(false) => "what the upstream sent is no id".to_owned(),
        Err(status) => status.to_string(),
    };
    metrics.session_not_bound(proxy);
    proxy.log(LogLevel::Error, format!("palisade: {NOT_BOUND}: {why}; answered 503").as_bytes());
    enforce::send(proxy, &Reply { details: NOT_BOUND, ..Reply::unconfigured() }, reply_headers)
}
