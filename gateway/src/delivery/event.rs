//! What happened between requests: for statistics and the log.

use super::renewals::Renewal;
use crate::error::ConfigError;
use crate::feed::FetchError;
use crate::gateway::Refreshed;
use crate::jwks::KeyEvent;
use crate::report::ReportEvent;
use crate::status_list::StatusListEvent;

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// To the keys of an issuer.
    Keys(KeyEvent),
    /// To the keys of an issuer that only the candidate has.
    CandidateKeys(KeyEvent),
    /// To a status list of an issuer.
    StatusList(StatusListEvent),
    /// To the bundle.
    Bundle(BundleEvent),
    /// To the candidate.
    Candidate(BundleEvent),
    /// To the list of what is revoked.
    Revocations(ListEvent),
    /// To the freshness document or the next root.
    Renewal(Renewal, RenewalEvent),
    /// To a status report.
    Report(ReportEvent),
}

/// What happened to a freshness document, or to the next root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RenewalEvent {
    /// A freshness document was taken.
    Refreshed(Refreshed),
    /// The root of this version says from now on who may sign what; and whether the bundle that decides is signed as it says.
    Rotated(u64, bool),
    /// This worker fetched and got nothing of use.
    NotFetched(FetchError),
    /// What came fails a check; all goes on as before.
    Refused(ConfigError),
    /// What another worker shared does not read.
    SharedUnreadable,
}

impl RenewalEvent {
    /// The stable code: of what went wrong, or `refreshed`, `ahead` or `rotated`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refreshed(Refreshed::Renewed(_) | Refreshed::Unchanged) => "refreshed",
            Self::Refreshed(Refreshed::Ahead(_)) => "ahead",
            Self::Rotated(..) => "rotated",
            Self::NotFetched(error) => error.code(),
            Self::Refused(error) => error.code(),
            Self::SharedUnreadable => "feed.shared_unreadable",
        }
    }
}

/// What happened to the list of what is revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListEvent {
    /// Another one is in force. Streams of those that it revokes are to end, see [`crate::Gateway::ends`].
    Installed {
        /// Its serial.
        serial: u64,
        /// How many entries there are.
        entries: usize,
    },
    /// The server has none but the one in force.
    Confirmed,
    /// The root no longer names enough of the keys that have signed the list in force. What it revokes stays revoked.
    Disowned {
        /// Its serial. The next list need not have a higher one.
        serial: u64,
    },
    /// This worker fetched and got nothing of use.
    NotFetched {
        /// Why.
        error: FetchError,
        /// How many fetches failed in a row.
        failures: u32,
    },
    /// What came fails a check; the last good one stays in force.
    Refused {
        /// Which check.
        error: ConfigError,
        /// How many fetches failed in a row; 0 for what another worker shared.
        failures: u32,
    },
    /// What another worker shared does not read.
    SharedUnreadable,
}

impl ListEvent {
    /// The stable code: of what went wrong, or `installed` or `confirmed`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Installed { .. } => "installed",
            Self::Confirmed => "confirmed",
            Self::Disowned { .. } => "disowned",
            Self::NotFetched { error, .. } => error.code(),
            Self::Refused { error, .. } => error.code(),
            Self::SharedUnreadable => "feed.shared_unreadable",
        }
    }
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
    /// There is no candidate any more.
    Withdrawn,
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
            Self::Withdrawn => "withdrawn",
        }
    }
}
