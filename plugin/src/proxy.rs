//! What the filter asks of the proxy that runs it, in safe terms.
//!
//! [`crate::abi`] answers with hostcalls; tests answer with a fake. A refusal by the host is a [`Status`], never a
//! panic: what to do about it is decided where it is known what the call was for.

use crate::buffers::HostBytes;

/// Why the host refused a call: any status but `Ok`, kept as the number that came back, because hosts return ones
/// that no specification lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status(pub u32);

impl Status {
    /// What was named is not there.
    pub const NOT_FOUND: Self = Self(1);
    /// An argument is not acceptable.
    pub const BAD_ARGUMENT: Self = Self(2);
    /// The host reported memory that it was never lent. Envoy's number for it is used for our own finding too.
    pub const INVALID_MEMORY_ACCESS: Self = Self(6);
    /// What is shared has another version by now.
    pub const CAS_MISMATCH: Self = Self(8);
    /// The host failed, or a capability restriction withholds the call.
    pub const INTERNAL_FAILURE: Self = Self(10);
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "host status {}", self.0)
    }
}

/// The outcome of a hostcall.
pub type HostResult<T> = Result<T, Status>;

/// A body as a host handed it over: where it finds none, it is empty.
pub fn body(read: HostResult<HostBytes>) -> HostResult<HostBytes> {
    match read {
        Err(Status::NOT_FOUND) => Ok(HostBytes::default()),
        read => read,
    }
}

/// Severity of a line in the proxy's own log. The numbers are the ABI's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum LogLevel {
    /// For developers of the filter.
    Debug = 1,
    /// Normal operation.
    Info = 2,
    /// Something an operator should look at.
    Warn = 3,
    /// Something is refused that an operator configured.
    Error = 4,
    /// Somebody has to look into it at once.
    Critical = 5,
}

/// What a metric does with the values it is given. The numbers are the ABI's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum MetricKind {
    /// Only rises.
    Counter = 0,
    /// Has the value that was told last.
    Gauge = 1,
    /// Collects a distribution.
    Histogram = 2,
}

/// A metric that the proxy has defined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MetricId(pub u32);

/// The proxy, during one callback. Calls about a request concern the request of that callback.
pub trait Proxy {
    /// Nanoseconds since the Unix epoch.
    ///
    /// # Errors
    ///
    /// When the host has no clock for us.
    fn now_nanos(&mut self) -> HostResult<u64>;

    /// Randomness fit for identifiers.
    ///
    /// # Errors
    ///
    /// When the host has none.
    fn fill_random(&mut self, bytes: &mut [u8]) -> HostResult<()>;

    /// The plugin configuration that is being applied, `size` bytes of it.
    ///
    /// # Errors
    ///
    /// When the host cannot hand it over.
    fn configuration(&mut self, size: usize) -> HostResult<HostBytes>;

    /// All request headers, serialised (see `palisade_gateway::HeaderMap`).
    ///
    /// # Errors
    ///
    /// When the host cannot hand them over.
    fn request_headers(&mut self) -> HostResult<HostBytes>;

    /// The request's body as far as the host keeps it, at most `max` bytes of it.
    ///
    /// # Errors
    ///
    /// [`Status::NOT_FOUND`] when it keeps none, else when it cannot be handed over.
    fn request_body(&mut self, max: usize) -> HostResult<HostBytes>;

    /// Sets a request header to one value, whatever values it had.
    ///
    /// # Errors
    ///
    /// When the host did not do so.
    fn set_request_header(&mut self, name: &[u8], value: &[u8]) -> HostResult<()>;

    /// Adds a request header, beside those of the same name if there are any.
    ///
    /// # Errors
    ///
    /// When the host did not do so.
    fn add_request_header(&mut self, name: &[u8], value: &[u8]) -> HostResult<()>;

    /// Removes every value of a request header.
    ///
    /// # Errors
    ///
    /// When the host did not do so.
    fn remove_request_header(&mut self, name: &[u8]) -> HostResult<()>;

    /// The first value of a header of the response to this request.
    ///
    /// # Errors
    ///
    /// [`Status::NOT_FOUND`] when it has none of that name, else when it cannot be handed over.
    fn response_header(&mut self, name: &[u8]) -> HostResult<HostBytes>;

    /// Sets a header of the response to this request to one value, whatever values it had.
    ///
    /// # Errors
    ///
    /// When the host did not do so.
    fn set_response_header(&mut self, name: &[u8], value: &[u8]) -> HostResult<()>;

    /// Removes every value of a header of the response to this request.
    ///
    /// # Errors
    ///
    /// When the host did not do so.
    fn remove_response_header(&mut self, name: &[u8]) -> HostResult<()>;

    /// All headers of the response to this request, serialised.
    ///
    /// # Errors
    ///
    /// When the host cannot hand them over.
    fn answer_headers(&mut self) -> HostResult<HostBytes>;

    /// The body of that response as far as the host has it: the part of this callback, or all that it keeps; at most `max`
    /// bytes.
    ///
    /// # Errors
    ///
    /// [`Status::NOT_FOUND`] when it has none, else when it cannot be handed over.
    fn answer_body(&mut self, max: usize) -> HostResult<HostBytes>;

    /// Puts other bytes in the place of all that [`Proxy::answer_body`] would hand over.
    ///
    /// # Errors
    ///
    /// When the host did not do so.
    fn set_answer_body(&mut self, bytes: &[u8]) -> HostResult<()>;

    /// Answers the request instead of forwarding it. `details` becomes `%RESPONSE_CODE_DETAILS%`; `headers` is a
    /// serialised header map.
    ///
    /// # Errors
    ///
    /// When the host did not take the reply.
    fn send_reply(&mut self, status: u32, details: &[u8], headers: &[u8], body: &[u8]) -> HostResult<()>;

    /// A property of the request or its connection; `path` has a zero byte between its parts.
    ///
    /// # Errors
    ///
    /// [`Status::NOT_FOUND`] when there is none.
    fn property(&mut self, path: &[u8]) -> HostResult<HostBytes>;

    /// Stores a property of the request; in Envoy it is the filter state `wasm.NAME`.
    ///
    /// # Errors
    ///
    /// When the host did not store it.
    fn set_property(&mut self, name: &[u8], value: &[u8]) -> HostResult<()>;

    /// Writes a line to the proxy's own log. A log that cannot be written has nowhere to be reported.
    fn log(&mut self, level: LogLevel, message: &[u8]);

    /// Defines a metric, or finds the one of that name.
    ///
    /// # Errors
    ///
    /// When the host has no metrics.
    fn define_metric(&mut self, kind: MetricKind, name: &str) -> HostResult<MetricId>;

    /// Adds to a counter.
    ///
    /// # Errors
    ///
    /// When the host does not know the metric.
    fn increment(&mut self, counter: MetricId, by: i64) -> HostResult<()>;

    /// Adds a value to a histogram.
    ///
    /// # Errors
    ///
    /// When the host does not know the metric.
    fn record(&mut self, histogram: MetricId, value: u64) -> HostResult<()>;

    /// What the workers share under a name, and its version, which is not 0.
    ///
    /// # Errors
    ///
    /// [`Status::NOT_FOUND`] when there is nothing.
    fn shared_data(&mut self, name: &str) -> HostResult<(HostBytes, u32)>;

    /// Shares bytes under a name where there is nothing, or something of that version; with 0, whatever is there.
    ///
    /// # Errors
    ///
    /// When the host did not take them, or what is there has another version by now.
    fn set_shared_data(&mut self, name: &str, value: &[u8], version: u32) -> HostResult<()>;

    /// Calls a function of this particular host by name.
    ///
    /// # Errors
    ///
    /// [`Status::NOT_FOUND`] when the host has none of that name, else what the function reports.
    fn call_foreign(&mut self, function: &str, argument: &[u8]) -> HostResult<HostBytes>;
}
