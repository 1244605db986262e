//! Private keys of a development token issuer, and signing with them.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use ed25519_dalek::pkcs8::DecodePrivateKey as _;
use p256::ecdsa::signature::Signer as _;
use rsa::signature::SignatureEncoding as _;
use sha2::Sha256;

/// A signature algorithm of JSON Web Tokens (RFC 7518 §3.1, RFC 8037 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// ECDSA over P-256 with SHA-256.
    Es256,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// Ed25519.
    EdDsa,
}

impl Algorithm {
    /// All that the quickstart's issuer uses.
    pub const ALL: [Self; 3] = [Self::Es256, Self::Rs256, Self::EdDsa];

    /// The name in a token's header.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
            Self::EdDsa => "EdDSA",
        }
    }

    /// The name that `palisade keys generate` takes.
    #[must_use]
    pub fn option(self) -> &'static str {
        match self {
            Self::Es256 => "es256",
            Self::Rs256 => "rs256",
            Self::EdDsa => "ed25519",
        }
    }

    /// The key id that the decision cases use for it.
    #[must_use]
    pub fn kid(self) -> &'static str {
        match self {
            Self::Es256 => "dev-es256",
            Self::Rs256 => "dev-rs256",
            Self::EdDsa => "dev-eddsa",
        }
    }
}

/// A private key that signs tokens.
#[derive(Debug)]
pub struct TokenKey {
    /// Its algorithm.
    pub algorithm: Algorithm,
    /// Its id in the issuer's key set.
    pub kid: String,
    secret: Secret,
}

#[derive(Debug)]
enum Secret {
    Es256(p256::ecdsa::SigningKey),
    Rs256(Box<rsa::pkcs1v15::SigningKey<Sha256>>),
    EdDsa(ed25519_dalek::SigningKey),
}

impl TokenKey {
    /// Reads a PKCS#8 PEM file, as `palisade keys generate` writes it.
    ///
    /// # Errors
    ///
    /// The file cannot be read or holds no key of this algorithm.
    pub fn read(path: &Path, algorithm: Algorithm, kid: &str) -> Result<Self> {
        let pem = fs::read_to_string(path).with_context(|| format!("cannot read `{}`", path.display()))?;
        let secret = match algorithm {
            Algorithm::Es256 => Secret::Es256(p256::ecdsa::SigningKey::from_pkcs8_pem(&pem)?),
            Algorithm::EdDsa => Secret::EdDsa(ed25519_dalek::SigningKey::from_pkcs8_pem(&pem)?),
            Algorithm::Rs256 => {
                let key = rsa::RsaPrivateKey::from_pkcs8_pem(&pem)?;
                Secret::Rs256(Box::new(rsa::pkcs1v15::SigningKey::new(key)))
            }
        };
        Ok(Self { algorithm, kid: kid.to_owned(), secret })
    }

    /// Signs, in the form that a token carries: ECDSA as `r || s`.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        match &self.secret {
            Secret::Es256(key) => {
                let signature: p256::ecdsa::Signature = key.sign(message);
                signature.to_bytes().to_vec()
            }
            Secret::Rs256(key) => key.sign(message).to_vec(),
            Secret::EdDsa(key) => key.sign(message).to_bytes().to_vec(),
        }
    }
}
