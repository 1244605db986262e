//! Why a signed document is refused.

use std::fmt;

use crate::bundle::ThresholdError;

/// Why a signed document is refused, whatever it is about; each has a stable code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignedError {
    /// Larger than documents of its kind may be.
    TooLarge,
    /// Not the JSON of a DSSE envelope.
    Syntax,
    /// Payload or signature is not padded base64, in one of its two alphabets.
    Encoding,
    /// A signature, a key hint or the payload type is longer than any can be, or there are too many signatures.
    Limit,
    /// A document of another kind.
    PayloadType,
    /// A signature by a trusted key does not hold.
    SignatureInvalid,
    /// Fewer distinct trusted keys have signed than the threshold asks.
    SignatureThreshold,
    /// Too many signatures do not say whose they are.
    Attempts,
    /// The signed payload is not what this build writes.
    Payload(String),
}

impl SignedError {
    /// The stable reason code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLarge => "signed.too_large",
            Self::Syntax => "signed.syntax",
            Self::Encoding => "signed.encoding",
            Self::Limit => "signed.limit",
            Self::PayloadType => "signed.payload_type",
            Self::SignatureInvalid => "signed.signature",
            Self::SignatureThreshold => "signed.threshold",
            Self::Attempts => "signed.attempts",
            Self::Payload(_) => "signed.payload",
        }
    }
}

impl fmt::Display for SignedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge => f.write_str("the document is larger than the limit"),
            Self::Syntax => f.write_str("this is not a DSSE envelope"),
            Self::Encoding => f.write_str("payload or signature is not base64"),
            Self::Limit => f.write_str("there are too many signatures, or one that is too long"),
            Self::PayloadType => f.write_str("this is a document of another kind"),
            Self::SignatureInvalid => f.write_str("a signature by a trusted key does not hold"),
            Self::SignatureThreshold => f.write_str("too few trusted keys have signed the document"),
            Self::Attempts => f.write_str("too many signatures do not say whose they are"),
            Self::Payload(detail) => write!(f, "the document is not acceptable: {detail}"),
        }
    }
}

impl std::error::Error for SignedError {}

impl From<ThresholdError> for SignedError {
    fn from(error: ThresholdError) -> Self {
        match error {
            ThresholdError::Invalid => Self::SignatureInvalid,
            ThresholdError::TooFew => Self::SignatureThreshold,
            ThresholdError::TooManyAttempts => Self::Attempts,
        }
    }
}
