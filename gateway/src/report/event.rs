//! What came of reporting: for statistics and the log.

use crate::feed::FetchError;

/// What came of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReportEvent {
    /// The server has taken it.
    Sent,
    /// It has not, or nobody knows. The next one says the same, or something newer.
    Failed {
        /// Why.
        error: FetchError,
        /// How many failed in a row.
        failures: u32,
    },
}

impl ReportEvent {
    /// The stable code: `sent`, or that of what went wrong.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Failed { error, .. } => error.code(),
        }
    }
}
