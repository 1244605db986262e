//! Why a fetch gave no document.

use std::fmt;

/// Why a fetch gave no document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchError {
    /// The host did not send the request: it does not know the cluster, or may not.
    NotSent,
    /// No response, or one that the host cut off.
    NoResponse,
    /// The status is neither 200, nor 304 where that was asked for. Redirects are not followed.
    Status(u16),
    /// Larger than the limit.
    TooLarge,
    /// A page for people, such as a portal's or a proxy's own.
    ContentType,
}

impl FetchError {
    /// The stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::NotSent => "feed.not_sent",
            Self::NoResponse => "feed.no_response",
            Self::Status(_) => "feed.status",
            Self::TooLarge => "feed.too_large",
            Self::ContentType => "feed.content_type",
        }
    }
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())?;
        match self {
            Self::NotSent => f.write_str(": the host did not send the request"),
            Self::NoResponse => f.write_str(": no whole response"),
            Self::Status(status) => write!(f, ": status {status}"),
            Self::TooLarge => f.write_str(": the response is larger than the limit"),
            Self::ContentType => f.write_str(": the response is a page for people"),
        }
    }
}
