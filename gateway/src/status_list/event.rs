//! What happened to a status list: for statistics and the log.

use super::error::StatusListError;

/// What happened to a list of an issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusListEvent {
    /// The issuer's alias.
    pub issuer: String,
    /// The URL of the list. Tokens choose it, so it is for the log and no name of a statistic.
    pub uri: String,
    /// What.
    pub kind: StatusListEventKind,
}

/// The kinds of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusListEventKind {
    /// This worker fetched the list.
    Fetched {
        /// How many places it has.
        entries: u64,
        /// Whether it is another one than before. Streams of those whose status has turned are to end, see
        /// [`crate::Gateway::ends`].
        changed: bool,
    },
    /// Another worker fetched the list, and it is another one than before; as with `Fetched`.
    Taken,
    /// This worker fetched and got no list.
    Failed {
        /// Why.
        error: StatusListError,
        /// How many fetches failed in a row.
        failures: u32,
    },
    /// What another worker shared is not taken.
    SharedRefused(StatusListError),
    /// The key that signed the list is no longer the issuer's: it counts no more.
    Dropped(StatusListError),
}
