//! Who signed a bundle: kept with it, so that it can be asked again when other keys are trusted.

use super::format;
use super::threshold::{Claim, ThresholdError};
use super::trust::{KeyId, SignerAlgorithm, TrustSet};

/// What was signed, and all signatures over it, those by unknown keys included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Evidence {
    message: Vec<u8>,
    signatures: Vec<(KeyId, SignerAlgorithm, [u8; format::SIGNATURE_BYTES])>,
}

impl Evidence {
    pub(super) fn new(
        message: Vec<u8>,
        signatures: Vec<(KeyId, SignerAlgorithm, [u8; format::SIGNATURE_BYTES])>,
    ) -> Self {
        Self { message, signatures }
    }

    /// The trusted keys that have signed, ascending.
    pub(crate) fn signers(&self, trust: &TrustSet) -> Result<Vec<KeyId>, ThresholdError> {
        let claims: Vec<Claim<'_>> = self
            .signatures
            .iter()
            .map(|(key, algorithm, signature)| Claim { key: Some(*key), algorithm: Some(*algorithm), signature })
            .collect();
        trust.signers(&self.message, &claims)
    }
}
