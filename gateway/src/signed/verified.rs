//! The payload of a document that enough trusted keys have signed.

use std::borrow::Cow;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::SignedError;
use crate::bundle::{Digest, KeyId};

/// A payload whose signatures hold. Made by [`super::SignedDocument::verify`] and its like in pieces only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedDocument<'a> {
    payload: Cow<'a, [u8]>,
    digest: Digest,
    signers: Vec<KeyId>,
}

impl<'a> VerifiedDocument<'a> {
    pub(super) fn new(payload: impl Into<Cow<'a, [u8]>>, digest: Digest, signers: Vec<KeyId>) -> Self {
        Self { payload: payload.into(), digest, signers }
    }

    /// The bytes that were signed.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The same, to be kept.
    #[must_use]
    pub fn into_payload(self) -> Vec<u8> {
        self.payload.into_owned()
    }

    /// The digest of the payload: the identity of the document.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Trusted keys that signed, ascending: as many as were needed, or more.
    #[must_use]
    pub fn signers(&self) -> &[KeyId] {
        &self.signers
    }

    /// Reads the payload, which has one spelling: what `serde_json` writes for `T`. Relations between its members are for `T`.
    ///
    /// # Errors
    ///
    /// When the payload is anything else.
    pub fn parse<T: DeserializeOwned + Serialize>(&self) -> Result<T, SignedError> {
        parse(&self.payload)
    }
}

/// Reads bytes that have one spelling.
pub(crate) fn parse<T: DeserializeOwned + Serialize>(payload: &[u8]) -> Result<T, SignedError> {
    let refused = |error: serde_json::Error| SignedError::Payload(error.to_string());
    let document: T = serde_json::from_slice(payload).map_err(refused)?;
    if serde_json::to_vec(&document).map_err(refused)? != payload {
        return Err(SignedError::Payload("it is not in canonical form".to_owned()));
    }
    Ok(document)
}
