//! What happened to an issuer's keys: for statistics and the log.

use std::fmt;

use crate::feed::FetchError;

/// Why a fetch gave no keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshError {
    /// The host did not send the request: it does not know the cluster, or may not.
    NotSent,
    /// No response, or one that the host cut off.
    NoResponse,
    /// The status is not 200. Redirects are not followed.
    Status(u16),
    /// Larger than the limit.
    TooLarge,
    /// Not one JSON object with an array `keys`, a member twice, or above the limits.
    Malformed,
    /// More keys than the limit.
    TooManyKeys,
    /// No key in it can verify what the issuer may sign. In a SPIFFE bundle that is a revocation and no error.
    NoUsableKey,
    /// An older SPIFFE bundle than the one before (`spiffe_sequence`).
    Rollback,
}

impl RefreshError {
    /// The stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::NotSent => "jwks.not_sent",
            Self::NoResponse => "jwks.no_response",
            Self::Status(_) => "jwks.status",
            Self::TooLarge => "jwks.too_large",
            Self::Malformed => "jwks.malformed",
            Self::TooManyKeys => "jwks.too_many_keys",
            Self::NoUsableKey => "jwks.no_usable_key",
            Self::Rollback => "jwks.rollback",
        }
    }
}

impl From<FetchError> for RefreshError {
    fn from(error: FetchError) -> Self {
        match error {
            FetchError::NotSent => Self::NotSent,
            FetchError::NoResponse => Self::NoResponse,
            FetchError::Status(status) => Self::Status(status),
            FetchError::TooLarge => Self::TooLarge,
            FetchError::ContentType => Self::Malformed,
        }
    }
}

impl fmt::Display for RefreshError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())?;
        match self {
            Self::Status(status) => write!(f, ": status {status}"),
            Self::NotSent => f.write_str(": the host did not send the request"),
            Self::NoResponse => f.write_str(": no whole response"),
            Self::TooLarge => f.write_str(": the response is larger than the limit"),
            Self::Malformed => f.write_str(": the response is not an acceptable JWK Set"),
            Self::TooManyKeys => f.write_str(": the response has more keys than the limit"),
            Self::NoUsableKey => f.write_str(": no key of the response can be used"),
            Self::Rollback => f.write_str(": the SPIFFE bundle is older than the one before"),
        }
    }
}

/// What happened to the keys of an issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyEvent {
    /// The issuer's alias.
    pub issuer: String,
    /// What.
    pub kind: KeyEventKind,
}

/// The kinds of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyEventKind {
    /// This worker fetched keys.
    Fetched {
        /// How many can be used; 0 in a SPIFFE bundle revokes all.
        usable: usize,
        /// How many are defective and left out.
        defective: usize,
        /// Whether they differ from those before.
        changed: bool,
    },
    /// This worker fetched and got none.
    Failed {
        /// Why.
        error: RefreshError,
        /// How many fetches failed in a row.
        failures: u32,
    },
    /// What another worker shared does not read. The next fetch replaces it.
    SharedRefused,
}
