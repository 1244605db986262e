//! Writes and signs documents that are not bundles: DSSE envelopes. The reader is `palisade_gateway::signed`; both share the
//! envelope's form.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use palisade_gateway::bundle::{KeyId, TrustKey, pae};
use palisade_gateway::limits;
use palisade_gateway::signed::{Envelope, EnvelopeSignature, SignedDocument, SignedError};
use serde::Serialize;

use crate::bundle::WriteError;
use crate::keys::PrivateKey;

/// An envelope that can be signed, by one key after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    envelope: Envelope,
    payload: Vec<u8>,
}

impl Document {
    /// A document without signatures. Its payload is `content` as `serde_json` writes it.
    ///
    /// # Errors
    ///
    /// When `content` cannot be written as JSON.
    pub fn new<T: Serialize>(payload_type: &str, content: &T) -> Result<Self, WriteError> {
        let payload = serde_json::to_vec(content)
            .map_err(|error| WriteError::Document(SignedError::Payload(error.to_string())))?;
        Ok(Self::of_payload(payload_type, payload))
    }

    /// A document without signatures, around a payload that is written already.
    #[must_use]
    pub fn of_payload(payload_type: &str, payload: Vec<u8>) -> Self {
        let envelope = Envelope {
            payload: STANDARD.encode(&payload),
            payload_type: payload_type.to_owned(),
            signatures: Vec::new(),
        };
        Self { envelope, payload }
    }

    /// Reads a document of at most `limit_bytes`, to add a signature.
    ///
    /// # Errors
    ///
    /// When the bytes are not one envelope within the limits.
    pub fn read(bytes: &[u8], limit_bytes: usize) -> Result<Self, WriteError> {
        let document = SignedDocument::read(bytes, limit_bytes).map_err(WriteError::Document)?;
        let envelope = serde_json::from_slice(bytes).map_err(|_| WriteError::Document(SignedError::Syntax))?;
        Ok(Self { envelope, payload: document.unverified_payload().to_vec() })
    }

    /// The payload, not verified.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The bytes that every signature is over.
    #[must_use]
    pub fn message(&self) -> Vec<u8> {
        pae(&self.envelope.payload_type, &self.payload)
    }

    /// The ids that signatures name, as they are written.
    pub fn key_ids(&self) -> impl Iterator<Item = &str> {
        self.envelope.signatures.iter().map(|signature| signature.keyid.as_str())
    }

    /// Adds a signature, in place of an earlier one by the same key.
    ///
    /// # Errors
    ///
    /// When the key does not sign documents, or there are too many signatures.
    pub fn sign(&mut self, key: &PrivateKey) -> Result<(), WriteError> {
        let signature = key.sign_document(&self.message())?;
        self.put(key.trust_key()?.id(), &signature)
    }

    /// Adds a signature that was made elsewhere, in place of an earlier one by the same key.
    ///
    /// # Errors
    ///
    /// [`WriteError::SignatureInvalid`] when it is not a signature of this document by this key, and when there are too many.
    pub fn attach(&mut self, key: &TrustKey, signature: &[u8]) -> Result<(), WriteError> {
        if !key.verify(&self.message(), signature) {
            return Err(WriteError::SignatureInvalid);
        }
        self.put(key.id(), signature)
    }

    /// Signatures stand in ascending order of their hints, so that the order of signing does not matter.
    fn put(&mut self, key: KeyId, signature: &[u8]) -> Result<(), WriteError> {
        let keyid = key.to_string();
        let signatures = &mut self.envelope.signatures;
        signatures.retain(|signature| signature.keyid != keyid);
        if signatures.len() >= limits::BUNDLE_SIGNATURES {
            return Err(WriteError::TooManySignatures);
        }
        signatures.push(EnvelopeSignature { keyid, sig: STANDARD.encode(signature) });
        signatures.sort_by(|a, b| a.keyid.cmp(&b.keyid));
        Ok(())
    }

    /// The file: one line of JSON.
    ///
    /// # Errors
    ///
    /// None that an envelope can cause; `serde_json` reports them all the same.
    pub fn to_bytes(&self) -> Result<Vec<u8>, WriteError> {
        let mut bytes = serde_json::to_vec(&self.envelope)
            .map_err(|error| WriteError::Document(SignedError::Payload(error.to_string())))?;
        bytes.push(b'\n');
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use palisade_gateway::bundle::TrustSet;
    use serde_json::json;

    use super::*;
    use crate::keys::Algorithm;

    const TYPE: &str = "application/vnd.palisade.test.v1+json";
    const LIMIT: usize = 64 * 1024;

    fn key(algorithm: Algorithm) -> PrivateKey {
        PrivateKey::generate(algorithm).unwrap()
    }

    fn document() -> Document {
        Document::new(TYPE, &json!({"version": 3})).unwrap()
    }

    fn trust(keys: &[&PrivateKey], threshold: usize) -> TrustSet {
        TrustSet::new(keys.iter().map(|key| key.trust_key().unwrap()).collect(), threshold).unwrap()
    }

    fn verify(document: &Document, trust: &TrustSet) -> Result<usize, SignedError> {
        let bytes = document.to_bytes().unwrap();
        let read = SignedDocument::read(&bytes, LIMIT)?;
        let verified = read.verify(trust, TYPE)?;
        assert_eq!(verified.payload(), br#"{"version":3}"#);
        Ok(verified.signers().len())
    }

    #[test]
    fn the_reader_reads_what_is_signed_by_one_key_after_the_other() {
        let (first, second) = (key(Algorithm::Ed25519), key(Algorithm::Es256));
        let mut document = document();
        document.sign(&first).unwrap();
        let mut document = Document::read(&document.to_bytes().unwrap(), LIMIT).unwrap();
        assert_eq!(verify(&document, &trust(&[&first, &second], 2)), Err(SignedError::SignatureThreshold));
        document.sign(&second).unwrap();
        assert_eq!(verify(&document, &trust(&[&first, &second], 2)), Ok(2));
        assert_eq!(verify(&document, &trust(&[&key(Algorithm::Es256)], 1)), Err(SignedError::SignatureThreshold));
    }

    #[test]
    fn order_and_repetition_do_not_matter() {
        let (first, second) = (key(Algorithm::Ed25519), key(Algorithm::Es256));
        let signed = |keys: &[&PrivateKey]| {
            let mut document = document();
            keys.iter().for_each(|key| document.sign(key).unwrap());
            document
        };
        assert_eq!(signed(&[&first, &second]), signed(&[&second, &first, &second]));
    }

    #[test]
    fn a_signature_from_elsewhere_is_verified_before_it_is_kept() {
        for algorithm in [Algorithm::Ed25519, Algorithm::Es256] {
            let (key, other) = (key(algorithm), key(algorithm));
            let public = key.trust_key().unwrap();
            let mut document = document();
            let raw = key.sign_bundle(&document.message()).unwrap();
            let der = key.sign_document(&document.message()).unwrap();
            for signature in [&raw[..], &der] {
                document.attach(&public, signature).unwrap();
                assert_eq!(verify(&document, &trust(&[&key], 1)), Ok(1));
            }
            let before = document.clone();
            let foreign = other.sign_bundle(&document.message()).unwrap();
            let bare = key.sign_bundle(document.payload()).unwrap();
            for signature in [&foreign[..], &bare, &[], &raw[1..]] {
                assert_eq!(document.attach(&public, signature), Err(WriteError::SignatureInvalid));
            }
            assert_eq!(document, before);
        }
    }

    #[test]
    fn there_is_room_for_so_many_signatures() {
        let mut document = document();
        for _ in 0..limits::BUNDLE_SIGNATURES {
            document.sign(&key(Algorithm::Ed25519)).unwrap();
        }
        assert_eq!(document.sign(&key(Algorithm::Ed25519)), Err(WriteError::TooManySignatures));
        assert_eq!(document.key_ids().count(), limits::BUNDLE_SIGNATURES);
    }

    #[test]
    fn keys_of_other_kinds_do_not_sign() {
        for algorithm in [Algorithm::Rs256, Algorithm::Es384] {
            assert_eq!(document().sign(&key(algorithm)).unwrap_err().code(), "key.not_for_bundles");
        }
    }
}
