//! What fetching keys asks of the outside.

use crate::shared_memory::SharedMemory;

/// The proxy, while it lets a worker look after its keys.
pub trait KeyHost: SharedMemory {
    /// Nanoseconds since the Unix epoch.
    fn now_nanos(&mut self) -> u64;

    /// Sends a request, and says by which number its response will be known. `None` when the host did not send it.
    fn fetch(&mut self, request: &KeyRequest<'_>) -> Option<u32>;
}

/// A request for a key set: a GET without a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyRequest<'a> {
    /// The Envoy cluster that it goes to.
    pub cluster: &'a str,
    /// `:authority`
    pub authority: &'a str,
    /// `:path`
    pub path: &'a str,
    /// How long it may take.
    pub timeout_ms: u32,
}

/// What came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyResponse<'a> {
    /// Nothing: the connection failed, or the response was larger than the host takes.
    Nothing,
    /// A response with another status than 200; 0 for one that does not read. Hosts put their own words for failures and timeouts here.
    Status(u16),
    /// A response with status 200 whose body is larger than [`crate::limits::JWKS_BYTES`]; it was not copied.
    TooLarge,
    /// The body of a response with status 200.
    Body(&'a [u8]),
}
