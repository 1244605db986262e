//! The body of a request, bounded in size and in patience.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;

use crate::limits::SERVED_STALL_SECONDS;

/// Why there is no body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unread {
    /// It has more bytes than are taken.
    TooLarge,
    /// It did not come, or not in time.
    Lost,
}

/// All of a body of at most `most` bytes.
pub(super) async fn read(body: Incoming, most: usize) -> Result<Bytes, Unread> {
    let patience = Duration::from_secs(SERVED_STALL_SECONDS);
    match tokio::time::timeout(patience, Limited::new(body, most).collect()).await {
        Ok(Ok(whole)) => Ok(whole.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Unread::TooLarge),
        Ok(Err(_)) | Err(_) => Err(Unread::Lost),
    }
}
