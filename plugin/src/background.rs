//! What the filter asks of the proxy outside of requests, in safe terms: time to work, requests of its own, and memory that
//! the workers of the proxy share.

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

    /// Sends a request without a body to a cluster, and returns the number by which its response will be known. `headers` is
    /// a serialised header map.
    ///
    /// # Errors
    ///
    /// When the host does not send it.
    fn send_request(&mut self, cluster: &str, headers: &[u8], timeout_ms: u32) -> HostResult<u32>;

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

    /// What the workers share under a name, and its version, which is not 0.
    ///
    /// # Errors
    ///
    /// [`crate::proxy::Status::NOT_FOUND`] when there is nothing.
    fn shared_data(&mut self, name: &str) -> HostResult<(HostBytes, u32)>;

    /// Shares bytes under a name, if what is there has that version; with 0, whatever is there.
    ///
    /// # Errors
    ///
    /// When the host did not take them, or what is there has another version by now.
    fn set_shared_data(&mut self, name: &str, value: &[u8], version: u32) -> HostResult<()>;
}
