//! What fetching asks of the outside.

use super::error::FetchError;
use crate::shared_memory::SharedMemory;

/// The proxy, while it lets a worker look after what it fetches.
pub trait FetchHost: SharedMemory {
    /// Nanoseconds since the Unix epoch.
    fn now_nanos(&mut self) -> u64;

    /// Sends a request, and says by which number its response will be known. `None` when the host did not send it.
    fn fetch(&mut self, request: &FetchRequest<'_>) -> Option<u32>;

    /// The same for a request with a body. Of hosts that only fetch, none is sent.
    fn post(&mut self, _request: &PostRequest<'_>) -> Option<u32> {
        None
    }
}

/// A request that says something: a POST with a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PostRequest<'a> {
    /// The Envoy cluster that it goes to.
    pub cluster: &'a str,
    /// `:authority`
    pub authority: &'a str,
    /// `:path`
    pub path: &'a str,
    /// `content-type`
    pub content_type: &'a str,
    /// What it says.
    pub body: &'a [u8],
    /// How long it may take.
    pub timeout_ms: u32,
}

/// A request for a document: a GET without a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FetchRequest<'a> {
    /// The Envoy cluster that it goes to.
    pub cluster: &'a str,
    /// `:authority`
    pub authority: &'a str,
    /// `:path`
    pub path: &'a str,
    /// `accept`
    pub accept: &'a str,
    /// `if-none-match`: the entity tag of what is there already (RFC 9110 §13.1.2).
    pub etag: Option<&'a str>,
    /// `prefer: wait=N`: for how many seconds the server may wait for something new (RFC 7240 §4.3).
    pub wait_seconds: Option<u32>,
    /// How long it may take.
    pub timeout_ms: u32,
}

/// What came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchResponse<'a> {
    /// Nothing: the connection failed, or the response was larger than the host takes.
    Nothing,
    /// A response with status 304.
    NotModified {
        /// Whether `preference-applied` says that the server waits when it is asked to (RFC 7240 §3).
        waits: bool,
    },
    /// A response with another status than these; 0 for one that does not read. Hosts put their own words for failures and timeouts here.
    Status(u16),
    /// A response with status 200 whose body is larger than it may be; it was not copied.
    TooLarge,
    /// A response with status 200.
    Body(FetchedBody<'a>),
}

/// The body of a response, and what its headers say of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FetchedBody<'a> {
    /// All of it.
    pub bytes: &'a [u8],
    /// `etag`, where there is exactly one.
    pub etag: Option<&'a [u8]>,
    /// `content-type`, where there is exactly one.
    pub content_type: Option<&'a [u8]>,
    /// Whether `preference-applied` says that the server waits when it is asked to (RFC 7240 §3).
    pub waits: bool,
}

impl<'a> FetchResponse<'a> {
    /// A body of whose headers nothing is known.
    #[must_use]
    pub fn of(bytes: &'a [u8]) -> Self {
        Self::Body(FetchedBody { bytes, ..FetchedBody::default() })
    }

    /// What was fetched, by a request that did not ask whether it has changed.
    pub(crate) fn body(self) -> Result<FetchedBody<'a>, FetchError> {
        match self {
            Self::Body(body) => Ok(body),
            Self::NotModified { .. } => Err(FetchError::Status(304)),
            Self::Status(status) => Err(FetchError::Status(status)),
            Self::Nothing => Err(FetchError::NoResponse),
            Self::TooLarge => Err(FetchError::TooLarge),
        }
    }
}
