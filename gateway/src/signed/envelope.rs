//! The envelope: read within bounds, nothing believed.

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize};

use super::error::SignedError;
use super::verified::VerifiedDocument;
use crate::bundle::{Claim, Digest, KeyId, TrustSet, pae};
use crate::limits;

/// An envelope as JSON has it. Unknown members are ignored, as DSSE asks: no signature covers them, and nothing reads them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Envelope {
    /// What is signed, in base64.
    pub payload: String,
    /// What kind of document the payload is.
    pub payload_type: String,
    /// The signatures over both.
    pub signatures: Vec<EnvelopeSignature>,
}

/// One signature of an envelope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvelopeSignature {
    /// Says whose it may be: [`KeyId`] in our own documents. Nobody vouches for it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub keyid: String,
    /// The signature in base64.
    pub sig: String,
}

/// A document whose parts could be told apart. Nothing in it has been verified.
#[derive(Clone, Debug)]
pub struct SignedDocument {
    payload: Vec<u8>,
    payload_type: String,
    signatures: Vec<Signature>,
}

#[derive(Clone, Debug)]
pub(super) struct Signature {
    pub(super) key: Option<KeyId>,
    pub(super) bytes: Vec<u8>,
}

/// An envelope as it is read. Its payload may be many megabytes, of which nobody but the decoder of base64 has to look at each letter.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Read<'a> {
    #[serde(borrow)]
    payload: Text<'a>,
    payload_type: String,
    signatures: Vec<EnvelopeSignature>,
}

/// A JSON string, as bytes that need not be UTF-8.
struct Text<'a>(Cow<'a, [u8]>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;

        impl<'de> Visitor<'de> for Bytes {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_bytes<E>(self, bytes: &'de [u8]) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(bytes)))
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(bytes.to_vec())))
            }
        }

        deserializer.deserialize_bytes(Bytes)
    }
}

/// An envelope whose parts could be told apart: the payload still in base64.
pub(super) struct Parts {
    pub(super) payload: Vec<u8>,
    pub(super) payload_type: String,
    pub(super) signatures: Vec<Signature>,
}

impl Parts {
    pub(super) fn read(bytes: &[u8], limit_bytes: usize) -> Result<Self, SignedError> {
        if bytes.len() > limit_bytes {
            return Err(SignedError::TooLarge);
        }
        let Read { payload: Text(payload), payload_type, signatures } =
            serde_json::from_slice(bytes).map_err(|_| SignedError::Syntax)?;
        if payload_type.len() > limits::SIGNED_TEXT_BYTES || signatures.len() > limits::BUNDLE_SIGNATURES {
            return Err(SignedError::Limit);
        }
        let signatures = signatures.iter().map(Signature::read).collect::<Result<_, _>>()?;
        Ok(Self { payload: payload.into_owned(), payload_type, signatures })
    }
}

impl SignedDocument {
    /// Reads an envelope of at most `limit_bytes`, one of [`crate::limits`].
    ///
    /// # Errors
    ///
    /// When the bytes are not exactly one envelope within the limits.
    pub fn read(bytes: &[u8], limit_bytes: usize) -> Result<Self, SignedError> {
        let Parts { payload, payload_type, signatures } = Parts::read(bytes, limit_bytes)?;
        Ok(Self { payload: decode(&payload)?, payload_type, signatures })
    }

    /// Checks the type of the payload and the signatures over both.
    ///
    /// # Errors
    ///
    /// When it is a document of another kind, a trusted key's signature does not hold, or fewer distinct trusted keys than the
    /// threshold have signed.
    pub fn verify(&self, trust: &TrustSet, payload_type: &str) -> Result<VerifiedDocument<'_>, SignedError> {
        if self.payload_type != payload_type {
            return Err(SignedError::PayloadType);
        }
        let claims: Vec<Claim<'_>> = self.signatures.iter().map(Signature::claim).collect();
        let signers = trust.signers(&pae(payload_type, &self.payload), &claims)?;
        Ok(VerifiedDocument::new(self.payload.as_slice(), Digest::of(&self.payload), signers))
    }

    /// The payload, not verified: for tools that print, and to find the keys of a root that vouches for itself.
    #[must_use]
    pub fn unverified_payload(&self) -> &[u8] {
        &self.payload
    }

    /// The payload's type, not verified.
    #[must_use]
    pub fn unverified_payload_type(&self) -> &str {
        &self.payload_type
    }

    /// The keys that are said to have signed, where they are named as we name keys.
    pub fn unverified_signers(&self) -> impl Iterator<Item = Option<KeyId>> {
        self.signatures.iter().map(|signature| signature.key)
    }
}

impl Signature {
    fn read(signature: &EnvelopeSignature) -> Result<Self, SignedError> {
        let EnvelopeSignature { keyid, sig } = signature;
        if keyid.len() > limits::SIGNED_TEXT_BYTES || sig.len() > limits::SIGNATURE_BYTES {
            return Err(SignedError::Limit);
        }
        Ok(Self { key: Digest::from_hex(keyid), bytes: decode(sig.as_bytes())? })
    }

    pub(super) fn claim(&self) -> Claim<'_> {
        Claim { key: self.key, algorithm: None, signature: &self.bytes }
    }
}

/// Base64 with padding in the standard or the URL-safe alphabet, as DSSE lets writers choose; trailing bits are zero.
fn decode(text: &[u8]) -> Result<Vec<u8>, SignedError> {
    STANDARD.decode(text).or_else(|_| URL_SAFE.decode(text)).map_err(|_| SignedError::Encoding)
}
