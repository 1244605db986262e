//! A large document on its way from an envelope to a payload that enough trusted keys have signed, piece by piece.
//!
//! What it takes and what it refuses are those of [`super::SignedDocument`], which does all of it at once.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use sha2::{Digest as _, Sha256};

use super::envelope::{Parts, Signature};
use super::error::SignedError;
use super::verified::VerifiedDocument;
use crate::bundle::{Digest, KeyId, SignatureCheck, TrustKey, TrustSet, pae_head};
use crate::limits;

/// A document whose payload is decoded, digested and held against its signatures.
pub(crate) struct SignedOpening {
    /// The payload in base64, and how much of it is decoded.
    text: Vec<u8>,
    done: usize,
    /// Whether there was a character of the standard alphabet alone, or of the URL-safe one.
    alphabets: (bool, bool),
    payload: Vec<u8>,
    digest: Sha256,
    signatures: Vec<Signature>,
    checks: Vec<Check>,
}

/// A signature that may be by a key.
struct Check {
    signature: usize,
    key: KeyId,
    check: SignatureCheck,
}

impl SignedOpening {
    /// Begins to open an envelope of at most `limit_bytes` that keys of `trust` may have signed.
    ///
    /// # Errors
    ///
    /// When the bytes are not one envelope within the limits, or one of another kind of document.
    pub(crate) fn begin(
        bytes: &[u8],
        limit_bytes: usize,
        trust: &TrustSet,
        payload_type: &str,
    ) -> Result<Self, SignedError> {
        let mut opening = Self::unsigned(bytes, limit_bytes, payload_type)?;
        let head = pae_head(payload_type, decoded_len(&opening.text));
        let claims = || opening.signatures.iter().enumerate();
        let named = claims().filter_map(|(number, claim)| Some((number, trust.key(&claim.key?)?)));
        let nameless = claims().filter(|(_, claim)| claim.key.is_none());
        // In the order in which they count.
        let guessed = nameless.flat_map(|(number, _)| trust.keys().iter().map(move |key| (number, key)));
        let begin = |(signature, key): (usize, &TrustKey)| {
            let bytes = opening.signatures.get(signature).map_or(&[][..], |claim| &claim.bytes);
            let mut check = key.begin(bytes);
            check.update(&head);
            Check { signature, key: key.id(), check }
        };
        opening.checks = named.chain(guessed.take(limits::SIGNATURE_ATTEMPTS)).map(begin).collect();
        Ok(opening)
    }

    /// The same for a document that nobody has to have signed, because another one names its digest.
    ///
    /// # Errors
    ///
    /// As [`SignedOpening::begin`].
    pub(crate) fn unsigned(bytes: &[u8], limit_bytes: usize, payload_type: &str) -> Result<Self, SignedError> {
        let Parts { payload: text, payload_type: own_type, signatures } = Parts::read(bytes, limit_bytes)?;
        if own_type != payload_type {
            return Err(SignedError::PayloadType);
        }
        let payload = Vec::with_capacity(decoded_len(&text));
        let (digest, checks) = (Sha256::new(), Vec::new());
        Ok(Self { text, done: 0, alphabets: (false, false), payload, digest, signatures, checks })
    }

    /// Takes some more of the text; `true` once there is none left. What is done with it comes to `bytes` at most, of which each
    /// signature has its share.
    ///
    /// # Errors
    ///
    /// When they are not base64 in one alphabet.
    pub(crate) fn step(&mut self, bytes: usize) -> Result<bool, SignedError> {
        let share = bytes / self.checks.len().saturating_add(1);
        let most = (share / 4).max(1).saturating_mul(4);
        let rest = self.text.get(self.done..).unwrap_or_default();
        let (piece, rest) = rest.split_at_checked(most).unwrap_or((rest, &[]));
        let is_last = rest.is_empty();
        let has = |letters: [u8; 2]| piece.iter().any(|byte| letters.contains(byte));
        self.alphabets = (self.alphabets.0 || has(*b"+/"), self.alphabets.1 || has(*b"-_"));
        let engine = match self.alphabets {
            (true, true) => return Err(SignedError::Encoding),
            (_, false) => STANDARD,
            (false, true) => URL_SAFE,
        };
        // Padding ends the text and nothing else.
        if !is_last && piece.ends_with(b"=") {
            return Err(SignedError::Encoding);
        }
        let before = self.payload.len();
        engine.decode_vec(piece, &mut self.payload).map_err(|_| SignedError::Encoding)?;
        self.done = self.done.saturating_add(piece.len());
        let decoded = self.payload.get(before..).unwrap_or_default();
        self.digest.update(decoded);
        self.checks.iter_mut().for_each(|check| check.check.update(decoded));
        Ok(is_last)
    }

    /// The document, when all of it was taken, if enough keys of `trust` have signed it: of those that it began with.
    ///
    /// # Errors
    ///
    /// When a trusted key's signature does not hold, or fewer distinct trusted keys than the threshold have signed.
    pub(crate) fn verify(self, trust: &TrustSet) -> Result<VerifiedDocument<'static>, SignedError> {
        let Self { payload, digest, signatures, checks, .. } = self;
        let held: Vec<(usize, KeyId)> = checks
            .into_iter()
            .filter_map(|Check { signature, key, check }| check.holds().then_some((signature, key)))
            .collect();
        let claims: Vec<_> = signatures.iter().map(Signature::claim).collect();
        let signers = trust.signers_by(&claims, |claim, key| held.contains(&(claim, key.id())))?;
        Ok(VerifiedDocument::new(payload, Digest::from_bytes(digest.finalize().into()), signers))
    }

    /// The payload and its digest, when all of it was taken: nobody has verified it.
    pub(crate) fn unverified(self) -> (Vec<u8>, Digest) {
        (self.payload, Digest::from_bytes(self.digest.finalize().into()))
    }
}

/// How many bytes a text in base64 stands for, if it is one.
fn decoded_len(text: &[u8]) -> usize {
    let padding = text.iter().rev().take_while(|byte| **byte == b'=').count();
    (text.len() / 4).saturating_mul(3).saturating_sub(padding)
}

impl std::fmt::Debug for SignedOpening {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignedOpening").field("done", &self.done).finish_non_exhaustive()
    }
}
