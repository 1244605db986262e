//! The signature algorithms, as types: what is not listed here cannot be named by a token, a key or a bundle.

use serde::{Deserialize, Serialize};

/// A JOSE `alg` value that this verifier implements.
///
/// Compared byte for byte with the token's header. `none`, `HS256` and every other spelling fall out because they are
/// not here; there is no list of forbidden names (RFC 8725 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 7518 §3.3)
    #[serde(rename = "RS256")]
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384
    #[serde(rename = "RS384")]
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512
    #[serde(rename = "RS512")]
    Rs512,
    /// RSASSA-PSS with SHA-256, MGF1 with the same, and a salt as long as it (RFC 7518 §3.5)
    #[serde(rename = "PS256")]
    Ps256,
    /// RSASSA-PSS with SHA-384
    #[serde(rename = "PS384")]
    Ps384,
    /// RSASSA-PSS with SHA-512
    #[serde(rename = "PS512")]
    Ps512,
    /// ECDSA on P-256 with SHA-256 (RFC 7518 §3.4)
    #[serde(rename = "ES256")]
    Es256,
    /// ECDSA on P-384 with SHA-384
    #[serde(rename = "ES384")]
    Es384,
    /// ECDSA on P-521 with SHA-512
    #[serde(rename = "ES512")]
    Es512,
    /// The polymorphic name for Ed25519 (RFC 8037 §3.1); Ed448 is not implemented.
    #[serde(rename = "EdDSA")]
    EdDsa,
    /// The fully specified name for Ed25519 (RFC 9864 §2.2)
    #[serde(rename = "Ed25519")]
    Ed25519,
}

/// What a signature mathematically is, whatever JOSE calls it. This is what a host is asked to verify.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SignatureAlgorithm {
    /// RSASSA-PKCS1-v1_5 over a digest
    RsaPkcs1(Hash),
    /// RSASSA-PSS over a digest, with MGF1 over the same and a salt of its length
    RsaPss(Hash),
    /// ECDSA on P-256 over SHA-256
    EcdsaP256Sha256,
    /// ECDSA on P-384 over SHA-384
    EcdsaP384Sha384,
    /// ECDSA on P-521 over SHA-512
    EcdsaP521Sha512,
    /// PureEdDSA on edwards25519
    Ed25519,
}

/// A digest of the SHA-2 family (FIPS 180-4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Hash {
    /// SHA-256
    Sha256,
    /// SHA-384
    Sha384,
    /// SHA-512
    Sha512,
}

impl Algorithm {
    /// Every algorithm, strongest recommendation first.
    pub const ALL: [Self; 11] = [
        Self::Ed25519,
        Self::EdDsa,
        Self::Es256,
        Self::Es384,
        Self::Es512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
    ];

    /// The exact JOSE name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Es512 => "ES512",
            Self::EdDsa => "EdDSA",
            Self::Ed25519 => "Ed25519",
        }
    }

    /// The algorithm of that exact name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    /// The signature scheme behind the name.
    #[must_use]
    pub fn signature(self) -> SignatureAlgorithm {
        match self {
            Self::Rs256 => SignatureAlgorithm::RsaPkcs1(Hash::Sha256),
            Self::Rs384 => SignatureAlgorithm::RsaPkcs1(Hash::Sha384),
            Self::Rs512 => SignatureAlgorithm::RsaPkcs1(Hash::Sha512),
            Self::Ps256 => SignatureAlgorithm::RsaPss(Hash::Sha256),
            Self::Ps384 => SignatureAlgorithm::RsaPss(Hash::Sha384),
            Self::Ps512 => SignatureAlgorithm::RsaPss(Hash::Sha512),
            Self::Es256 => SignatureAlgorithm::EcdsaP256Sha256,
            Self::Es384 => SignatureAlgorithm::EcdsaP384Sha384,
            Self::Es512 => SignatureAlgorithm::EcdsaP521Sha512,
            Self::EdDsa | Self::Ed25519 => SignatureAlgorithm::Ed25519,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_exact() {
        for algorithm in Algorithm::ALL {
            assert_eq!(Algorithm::from_name(algorithm.name()), Some(algorithm));
            let quoted = format!("\"{}\"", algorithm.name());
            assert_eq!(serde_json::from_str::<Algorithm>(&quoted).unwrap(), algorithm);
        }
        for name in [
            "none",
            "None",
            "NONE",
            "",
            "rs256",
            "RS256 ",
            "HS256",
            "HS384",
            "RS1",
            "ES256K",
            "RSA1_5",
            "dir",
            "eddsa",
            "Ed448",
            "ES521",
            "P-256",
            "PS128",
            "RS224",
            "RSA-PSS",
            "ML-DSA-44",
        ] {
            assert_eq!(Algorithm::from_name(name), None, "{name}");
        }
    }
}
