//! Whether enough of the trusted keys have signed: one rule for bundles and for signed documents.

use super::trust::{KeyId, SignerAlgorithm, TrustKey, TrustSet};
use crate::limits;

/// A signature over a message, and whose it is said to be. Nothing of it is verified.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Claim<'a> {
    /// The key that is said to have signed, where the list of signatures names one as we do.
    pub(crate) key: Option<KeyId>,
    /// The algorithm that is said to have been used, where the list names one.
    pub(crate) algorithm: Option<SignerAlgorithm>,
    /// The signature.
    pub(crate) signature: &'a [u8],
}

/// Why signatures are not enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ThresholdError {
    /// A signature that names a trusted key was not made with it.
    Invalid,
    /// Too few distinct trusted keys have signed.
    TooFew,
    /// Signatures that name no key would have to be tried with too many keys.
    TooManyAttempts,
}

impl TrustSet {
    /// The trusted keys that have signed `message`, ascending: as many as the threshold asks, or more.
    ///
    /// Signatures that name a key which is not trusted do not count, and one that names a trusted key and does not hold refuses
    /// the whole, because someone has changed it. Signatures that name no key are tried with the keys that are left, while
    /// there are too few.
    pub(crate) fn signers(&self, message: &[u8], claims: &[Claim<'_>]) -> Result<Vec<KeyId>, ThresholdError> {
        let signature = |claim: usize| claims.get(claim).map_or(&[][..], |claim| claim.signature);
        self.signers_by(claims, |claim, key| key.verify(message, signature(claim)))
    }

    /// The same, where `holds` says whether the signature of a claim, by its number, was made with a key.
    pub(crate) fn signers_by(
        &self,
        claims: &[Claim<'_>],
        holds: impl Fn(usize, &TrustKey) -> bool,
    ) -> Result<Vec<KeyId>, ThresholdError> {
        let mut signers = Vec::new();
        for (number, Claim { key, algorithm, signature: _ }) in claims.iter().enumerate() {
            let Some(key) = key.and_then(|id| self.key(&id)) else { continue };
            if algorithm.is_some_and(|algorithm| algorithm != key.algorithm()) || !holds(number, key) {
                return Err(ThresholdError::Invalid);
            }
            count(&mut signers, key);
        }
        let mut attempts = 0;
        for (number, _) in claims.iter().enumerate().filter(|(_, claim)| claim.key.is_none()) {
            for key in self.keys() {
                if signers.len() >= self.threshold() {
                    break;
                }
                if signers.contains(&key.id()) {
                    continue;
                }
                attempts += 1;
                if attempts > limits::SIGNATURE_ATTEMPTS {
                    return Err(ThresholdError::TooManyAttempts);
                }
                if holds(number, key) {
                    count(&mut signers, key);
                    break;
                }
            }
        }
        if signers.len() < self.threshold() {
            return Err(ThresholdError::TooFew);
        }
        signers.sort_unstable();
        Ok(signers)
    }
}

/// A key counts once, however often it signed.
fn count(signers: &mut Vec<KeyId>, key: &TrustKey) {
    if !signers.contains(&key.id()) {
        signers.push(key.id());
    }
}
