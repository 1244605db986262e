//! Why a status list is not taken.

use std::fmt;

use crate::feed::FetchError;

/// Why a status list is not taken; the one before it stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusListError {
    /// It was not fetched.
    Fetch(FetchError),
    /// The token is longer than the limit.
    TooLarge,
    /// Not one compact JWS of strict JSON, or its header has what it may not have.
    Malformed,
    /// `typ` is not `statuslist+jwt`.
    Type,
    /// `alg` is not one that the issuer may use.
    Algorithm,
    /// The issuer's keys were never fetched, or so long ago that they count no more.
    KeysUnavailable,
    /// The issuer has no such key.
    KeyUnknown,
    /// The signature does not hold, or the key is not for this algorithm.
    Signature,
    /// `sub` is not the URL of the list.
    Subject,
    /// `iss` is there and not the issuer's.
    Issuer,
    /// `iat` is missing; `iat` or `nbf` is in the future; or one of them, `exp` or `ttl` is none.
    Times,
    /// `exp` has passed.
    Expired,
    /// `status_list.bits` is not 1, 2, 4 or 8.
    Bits,
    /// `status_list.lst` is not canonical base64url without padding.
    Encoding,
    /// It is not one whole ZLIB stream.
    Compression,
    /// Inflated it is larger than the limit.
    Inflated,
    /// It was issued before the one that is there.
    Rollback,
    /// There is no room beside the other lists.
    Full,
    /// What another worker shared does not read.
    SharedUnreadable,
}

impl StatusListError {
    /// The stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Fetch(error) => error.code(),
            Self::TooLarge => "status_list.too_large",
            Self::Malformed => "status_list.malformed",
            Self::Type => "status_list.typ",
            Self::Algorithm => "status_list.alg",
            Self::KeysUnavailable => "status_list.keys_unavailable",
            Self::KeyUnknown => "status_list.kid_unknown",
            Self::Signature => "status_list.signature",
            Self::Subject => "status_list.sub",
            Self::Issuer => "status_list.iss",
            Self::Times => "status_list.times",
            Self::Expired => "status_list.expired",
            Self::Bits => "status_list.bits",
            Self::Encoding => "status_list.encoding",
            Self::Compression => "status_list.compression",
            Self::Inflated => "status_list.inflated",
            Self::Rollback => "status_list.rollback",
            Self::Full => "status_list.full",
            Self::SharedUnreadable => "status_list.shared_unreadable",
        }
    }
}

impl fmt::Display for StatusListError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sentence = match self {
            Self::Fetch(error) => return write!(f, "{error}"),
            Self::TooLarge => "the token is longer than the limit",
            Self::Malformed => "not a compact JWS of strict JSON",
            Self::Type => "`typ` is not `statuslist+jwt`",
            Self::Algorithm => "the issuer may not use this algorithm",
            Self::KeysUnavailable => "the keys of the issuer are not there",
            Self::KeyUnknown => "the issuer has no such key",
            Self::Signature => "the signature does not hold",
            Self::Subject => "`sub` is not the URL of the list",
            Self::Issuer => "`iss` is another issuer",
            Self::Times => "`iat` is missing, or a time or `ttl` is not as it must be",
            Self::Expired => "`exp` has passed",
            Self::Bits => "`bits` is not 1, 2, 4 or 8",
            Self::Encoding => "`lst` is not canonical base64url",
            Self::Compression => "`lst` is not one whole ZLIB stream",
            Self::Inflated => "the inflated list is larger than the limit",
            Self::Rollback => "issued before the one that is there",
            Self::Full => "no room beside the other lists",
            Self::SharedUnreadable => "what another worker shared does not read",
        };
        write!(f, "{}: {sentence}", self.code())
    }
}

impl std::error::Error for StatusListError {}

impl From<FetchError> for StatusListError {
    fn from(error: FetchError) -> Self {
        Self::Fetch(error)
    }
}
