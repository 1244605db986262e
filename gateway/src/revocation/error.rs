//! Why a revocation list is refused.

use std::fmt;

use crate::bundle::BundleError;

/// Why a revocation list is refused; the one before it stays in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevocationError {
    /// Larger than the limit.
    TooLarge,
    /// Not the one spelling of a list.
    Malformed,
    /// An entry lacks what its kind needs, or has what it cannot have.
    Entry,
    /// Two entries are about the same, or they are out of order.
    Order,
    /// More entries than the limit.
    TooMany,
    /// It is for another channel.
    Channel,
    /// Its serial is lower than one that was in force.
    Rollback,
    /// Its serial is that of a list that said something else.
    Equivocation,
    /// It adds to a list that is not there.
    Base,
    /// Workers could not agree on the newest list.
    Mark,
}

impl RevocationError {
    /// The stable reason code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::TooLarge => "revocations.too_large",
            Self::Malformed => "revocations.malformed",
            Self::Entry => "revocations.entry",
            Self::Order => "revocations.order",
            Self::TooMany => "revocations.too_many",
            Self::Channel => "revocations.channel",
            Self::Rollback => "revocations.rollback",
            Self::Equivocation => "revocations.equivocation",
            Self::Base => "revocations.base",
            Self::Mark => "revocations.mark",
        }
    }
}

impl fmt::Display for RevocationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLarge => "the revocation list is larger than the limit",
            Self::Malformed => "the revocation list does not read, or is not spelt as it must be",
            Self::Entry => "an entry of the revocation list lacks what its kind needs, or has what it cannot have",
            Self::Order => "entries of the revocation list are out of order, or about the same",
            Self::TooMany => "the revocation list has more entries than the limit",
            Self::Channel => "the revocation list is for another channel",
            Self::Rollback => "the revocation list has a lower serial than one that was in force",
            Self::Equivocation => "another revocation list has the same serial",
            Self::Base => "the revocation list adds to a list that is not there",
            Self::Mark => "the workers of the proxy could not agree on the newest revocation list",
        })
    }
}

impl std::error::Error for RevocationError {}

/// What the high-water mark says of lists, as it does of bundles.
impl From<BundleError> for RevocationError {
    fn from(error: BundleError) -> Self {
        match error {
            BundleError::Rollback => Self::Rollback,
            BundleError::Equivocation => Self::Equivocation,
            _ => Self::Mark,
        }
    }
}
