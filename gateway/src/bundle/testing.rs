//! Manifests and trust keys for unit tests. Whole bundles are in `tests/`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::digest::Digest;
use super::format;
use super::manifest::{Manifest, SectionEntry, SectionName};

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

    /// A signature as containers have it: 64 bytes.
    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Ed25519(key) => ed25519_dalek::Signer::sign(key, message).to_bytes().to_vec(),
            Self::Es256(key) => {
                let signature: p256::ecdsa::Signature = p256::ecdsa::signature::Signer::sign(key, message);
                signature.to_bytes().to_vec()
            }
        }
    }

    /// The same in DER form, where there is one.
    pub(crate) fn sign_der(&self, message: &[u8]) -> Vec<u8> {
        let signature = self.sign(message);
        match self {
            Self::Ed25519(_) => signature,
            Self::Es256(_) => p256::ecdsa::Signature::from_slice(&signature).unwrap().to_der().as_bytes().to_vec(),
        }
    }

    pub(crate) fn trust(&self) -> String {
        let prefix = match self {
            Self::Ed25519(_) => "ed25519",
            Self::Es256(_) => "es256",
        };
        format!("{prefix}:{}", STANDARD.encode(self.public()))
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
