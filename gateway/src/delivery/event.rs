//! What happened between requests: for statistics and the log.

use crate::error::ConfigError;
use crate::feed::FetchError;
use crate::jwks::KeyEvent;

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// To the keys of an issuer.
    Keys(KeyEvent),
    /// To the bundle.
    Bundle(BundleEvent),
}

/// What happened to the bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BundleEvent {
    /// Another one decides from now on.
    Swapped {
        /// Its name.
        name: String,
        /// Its version.
        version: u64,
        /// How many milliseconds it took from its arrival.
        took_ms: u64,
    },
    /// The server has none but the one that decides.
    Confirmed,
    /// This worker fetched and got nothing of use.
    NotFetched {
        /// Why.
        error: FetchError,
        /// How many fetches failed in a row.
        failures: u32,
    },
    /// What came fails a check; the last good one goes on deciding.
    Refused {
        /// Which check.
        error: ConfigError,
        /// How many fetches failed in a row; 0 for what another worker shared, or the configuration has.
        failures: u32,
    },
    /// What another worker shared does not read.
    SharedUnreadable,
}

impl BundleEvent {
    /// The stable code: of what went wrong, or `swapped` or `confirmed`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Swapped { .. } => "swapped",
            Self::Confirmed => "confirmed",
            Self::NotFetched { error, .. } => error.code(),
            Self::Refused { error, .. } => error.code(),
            Self::SharedUnreadable => "feed.shared_unreadable",
        }
    }
}
