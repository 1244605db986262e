//! What the filter asks of the proxy outside of requests, in safe terms: time to work, and requests of its own.

use crate::buffers::HostBytes;
use crate::proxy::{HostResult, Proxy};

/// The proxy, during a callback that concerns no request.
pub trait Background: Proxy {
    /// Has the root context of this callback called every so many milliseconds; 0 for never.
    ///
    /// # Errors
    ///
    /// When the host does not.
    fn set_tick_period(&mut self, milliseconds: u32) -> HostResult<()>;

    /// Sends a request to a cluster, and returns the number by which its response will be known. `headers` is a serialised header
    /// map; an empty `body` is none.
    ///
    /// # Errors
    ///
    /// When the host does not send it.
    fn send_request(&mut self, cluster: &str, headers: &[u8], body: &[u8], timeout_ms: u32) -> HostResult<u32>;

    /// Ends a stream that was let through, whatever has been answered on it, and comes back to the root context of this callback.
    ///
    /// # Errors
    ///
    /// When the host does not end it.
    fn end_stream(&mut self, root: u32, stream: u32) -> HostResult<()>;

    /// All headers of the response that this callback is about, serialised. Not to be asked for when it has none.
    ///
    /// # Errors
    ///
    /// When the host cannot hand them over.
    fn response_headers(&mut self) -> HostResult<HostBytes>;

    /// The first `size` bytes of the body of the response that this callback is about.
    ///
    /// # Errors
    ///
    /// When the host cannot hand them over.
    fn response_body(&mut self, size: usize) -> HostResult<HostBytes>;
}
