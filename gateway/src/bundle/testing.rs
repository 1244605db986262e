//! Bundles for tests: fixed keys, and a writer.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::Signer as _;

use super::digest::Digest;
use super::format;
use super::manifest::{Manifest, SectionEntry, SectionName};
use super::trust::SignerAlgorithm;

/// A signing key made from a number.
pub(crate) enum TestKey {
    Ed25519(ed25519_dalek::SigningKey),
    Es256(p256::ecdsa::SigningKey),
}

pub(crate) fn ed25519(seed: u8) -> TestKey {
    TestKey::Ed25519(ed25519_dalek::SigningKey::from_bytes(&[seed; 32]))
}

pub(crate) fn es256(seed: u8) -> TestKey {
    TestKey::Es256(p256::ecdsa::SigningKey::from_slice(&[seed; 32]).unwrap())
}

impl TestKey {
    pub(crate) fn public(&self) -> Vec<u8> {
        match self {
            Self::Ed25519(key) => key.verifying_key().to_bytes().to_vec(),
            Self::Es256(key) => {
                let point = key.verifying_key().to_encoded_point(false);
                [&crate::token::der::P256_SPKI_PREFIX, point.as_bytes()].concat()
            }
        }
    }

    pub(crate) fn trust(&self) -> String {
        let prefix = match self {
            Self::Ed25519(_) => "ed25519",
            Self::Es256(_) => "es256",
        };
        format!("{prefix}:{}", STANDARD.encode(self.public()))
    }

    fn algorithm(&self) -> SignerAlgorithm {
        match self {
            Self::Ed25519(_) => SignerAlgorithm::Ed25519,
            Self::Es256(_) => SignerAlgorithm::Es256,
        }
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Ed25519(key) => key.sign(message).to_bytes().to_vec(),
            Self::Es256(key) => {
                let signature: p256::ecdsa::Signature = key.sign(message);
                signature.to_bytes().to_vec()
            }
        }
    }
}

/// A manifest over two sections: version 7 of channel `test`, from second 1,000 to second 2,000,000,000.
pub(crate) fn manifest(policies: &[u8], gateway: &[u8]) -> Manifest {
    let entry = |name, bytes: &[u8]| SectionEntry {
        name,
        size: u32::try_from(bytes.len()).unwrap(),
        sha256: Digest::of(bytes),
    };
    Manifest {
        format: format::FORMAT,
        name: "test".to_owned(),
        channel: "test".to_owned(),
        version: 7,
        created: 1_000,
        expires: 2_000_000_000,
        min_engine: format::ENGINE,
        sections: vec![entry(SectionName::Policies, policies), entry(SectionName::Gateway, gateway)],
        sources: vec![],
        policies: 1,
        worst_case_steps: 10,
    }
}

/// Writes a container; signatures in the order that the format asks for.
pub(crate) fn container(manifest: &[u8], sections: &[&[u8]], keys: &[&TestKey]) -> Vec<u8> {
    let message = format::pae(format::PAYLOAD_TYPE, manifest);
    let mut entries: Vec<_> =
        keys.iter().map(|key| (Digest::of(&key.public()), key.algorithm(), key.sign(&message))).collect();
    entries.sort_by_key(|(id, ..)| *id);
    let mut signatures = Vec::new();
    for (id, algorithm, signature) in entries {
        signatures.extend_from_slice(id.as_bytes());
        signatures.push(algorithm.code());
        signatures.extend_from_slice(&u16::try_from(signature.len()).unwrap().to_le_bytes());
        signatures.extend_from_slice(&signature);
    }
    assemble(manifest, &sections.concat(), &signatures)
}

/// Puts the parts of a container together, whatever they are.
pub(crate) fn assemble(manifest: &[u8], sections: &[u8], signatures: &[u8]) -> Vec<u8> {
    let mut bytes = format::MAGIC.to_vec();
    bytes.extend_from_slice(&format::FORMAT.to_le_bytes());
    for part in [manifest, sections, signatures] {
        bytes.extend_from_slice(&u32::try_from(part.len()).unwrap().to_le_bytes());
    }
    for part in [manifest, sections, signatures] {
        bytes.extend_from_slice(part);
    }
    bytes
}
