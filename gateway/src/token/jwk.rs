//! Reading a JSON Web Key (RFC 7517 §4) into a typed key.

use super::algorithm::Algorithm;
use super::base64url;
use super::der;
use super::key::{EcKey, EcPoint, Key, KeyMaterial, RsaKey};
use crate::json::Json;
use crate::limits;
use crate::proof::thumbprint;
use crate::section::Profile;

/// Why a JWK is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JwkError {
    /// Not for verifying signatures (`use`, `key_ops`). Ignored.
    NotForSignatures,
    /// A key type, curve or algorithm that is not implemented. Ignored (RFC 7517 §5).
    Unsupported,
    /// Not an object, or a member is missing or has the wrong type or encoding.
    Malformed,
    /// Holds private or symmetric key material. Whoever published it has leaked it.
    Private,
    /// An RSA modulus below 2048 or above 8192 bits, or an even one.
    RsaModulus,
    /// An RSA exponent that is even, below 3 or above 32 bits.
    RsaExponent,
    /// A point that is not on its curve, or of small order.
    Point,
    /// `alg` is not an algorithm of this key type.
    Algorithm,
    /// Another key of the set has the same `kid`; both are refused.
    DuplicateKeyId,
    /// `kid` is missing, and the keys of this set need it.
    KeyIdMissing,
}

impl JwkError {
    /// Whether a key set that contains such a key is all right without it.
    #[must_use]
    pub fn is_ignorable(self) -> bool {
        match self {
            Self::NotForSignatures | Self::Unsupported => true,
            Self::Malformed
            | Self::Private
            | Self::RsaModulus
            | Self::RsaExponent
            | Self::Point
            | Self::Algorithm
            | Self::DuplicateKeyId
            | Self::KeyIdMissing => false,
        }
    }

    /// The stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::NotForSignatures => "jwk.not_for_signatures",
            Self::Unsupported => "jwk.unsupported",
            Self::Malformed => "jwk.malformed",
            Self::Private => "jwk.private",
            Self::RsaModulus => "jwk.rsa_modulus",
            Self::RsaExponent => "jwk.rsa_exponent",
            Self::Point => "jwk.point",
            Self::Algorithm => "jwk.alg",
            Self::DuplicateKeyId => "jwk.duplicate_kid",
            Self::KeyIdMissing => "jwk.kid_missing",
        }
    }
}

/// Members that only private or symmetric keys have (RFC 7518 §6, RFC 8037 §2, RFC 9964).
const PRIVATE: [&str; 9] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"];

/// What the keys of a set are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyPurpose {
    /// Signatures of tokens: `use` is absent or `sig`.
    Signature,
    /// JWT-SVIDs, in a SPIFFE bundle (SPIFFE Trust Domain and Bundle §4.2): `use` is `jwt-svid`, and there is a `kid`.
    JwtSvid,
    /// WIT-SVIDs, in a SPIFFE bundle (WIT-SVID §6): `use` is `wit-svid`, and there is a `kid`.
    WitSvid,
}

impl KeyPurpose {
    /// What the keys are for of an issuer with this profile.
    pub(crate) fn of(profile: &Profile) -> Self {
        match profile {
            Profile::SpiffeJwtSvid { .. } => Self::JwtSvid,
            Profile::SpiffeWitSvid { .. } => Self::WitSvid,
            Profile::Oauth
            | Profile::OauthLenient
            | Profile::Oidc
            | Profile::Kubernetes
            | Profile::GithubActions
            | Profile::WimseWit03 { .. } => Self::Signature,
        }
    }
}

/// Reads one key.
pub(crate) fn read(jwk: &Json, purpose: KeyPurpose) -> Result<Key, JwkError> {
    if jwk.as_object().is_none() {
        return Err(JwkError::Malformed);
    }
    if PRIVATE.iter().any(|name| jwk.get(name).is_some()) {
        return Err(JwkError::Private);
    }
    let kty = required(jwk, "kty")?;
    check_use(jwk, purpose)?;
    let kid = match text(jwk, "kid")? {
        Some(kid) if kid.len() > limits::KID_BYTES => return Err(JwkError::Malformed),
        None if purpose != KeyPurpose::Signature => return Err(JwkError::KeyIdMissing),
        kid => kid.map(str::to_owned),
    };
    let algorithm = match text(jwk, "alg")? {
        None => None,
        Some(name) => Some(Algorithm::from_name(name).ok_or(JwkError::Unsupported)?),
    };
    let material = match kty {
        "RSA" => rsa(jwk)?,
        "EC" => ec(jwk)?,
        "OKP" => ed25519(jwk)?,
        _ => return Err(JwkError::Unsupported),
    };
    if algorithm.is_some_and(|algorithm| !material.fits(algorithm.signature())) {
        return Err(JwkError::Algorithm);
    }
    let thumbprint = thumbprint(jwk).ok_or(JwkError::Malformed)?;
    Ok(Key { kid, algorithm, thumbprint, material })
}

/// `use` must fit the purpose, and `key_ops` must contain `verify` where it is there (RFC 7517 §4.2, §4.3).
fn check_use(jwk: &Json, purpose: KeyPurpose) -> Result<(), JwkError> {
    let fits = match (purpose, text(jwk, "use")?) {
        (KeyPurpose::Signature, None | Some("sig"))
        | (KeyPurpose::JwtSvid, Some("jwt-svid"))
        | (KeyPurpose::WitSvid, Some("wit-svid")) => true,
        (KeyPurpose::Signature | KeyPurpose::JwtSvid | KeyPurpose::WitSvid, _) => false,
    };
    if !fits {
        return Err(JwkError::NotForSignatures);
    }
    let Some(operations) = jwk.get("key_ops") else {
        return Ok(());
    };
    let mut verify = false;
    for operation in operations.as_array().ok_or(JwkError::Malformed)? {
        verify |= operation.as_str().ok_or(JwkError::Malformed)? == "verify";
    }
    if verify { Ok(()) } else { Err(JwkError::NotForSignatures) }
}

fn rsa(jwk: &Json) -> Result<KeyMaterial, JwkError> {
    let modulus = unsigned(jwk, "n")?;
    let exponent = unsigned(jwk, "e")?;
    let bits = modulus.len() * 8 - modulus.first().map_or(0, |byte| byte.leading_zeros() as usize);
    let is_odd = |number: &[u8]| number.last().is_some_and(|byte| byte & 1 == 1);
    if !(limits::RSA_MIN_BITS..=limits::RSA_MAX_BITS).contains(&bits) || !is_odd(&modulus) {
        return Err(JwkError::RsaModulus);
    }
    if exponent.len() > 4 || !is_odd(&exponent) || exponent == [1] {
        return Err(JwkError::RsaExponent);
    }
    let key = rsa::RsaPublicKey::new_with_max_size(
        rsa::BigUint::from_bytes_be(&modulus),
        rsa::BigUint::from_bytes_be(&exponent),
        limits::RSA_MAX_BITS,
    )
    .map_err(|_| JwkError::RsaModulus)?;
    let spki_der = der::rsa_spki(&modulus, &exponent);
    Ok(KeyMaterial::Rsa(Box::new(RsaKey { spki_der, modulus, key })))
}

/// A key on one of the three curves of RFC 7518 §6.2.1. Coordinates have exactly the length of the curve's field.
fn ec(jwk: &Json) -> Result<KeyMaterial, JwkError> {
    let (spki_prefix, size) = match required(jwk, "crv")? {
        "P-256" => (&der::P256_SPKI_PREFIX[..], 32),
        "P-384" => (&der::P384_SPKI_PREFIX[..], 48),
        "P-521" => (&der::P521_SPKI_PREFIX[..], 66),
        _ => return Err(JwkError::Unsupported),
    };
    let (x, y) = (bytes(jwk, "x")?, bytes(jwk, "y")?);
    if x.len() != size || y.len() != size {
        return Err(JwkError::Malformed);
    }
    let sec1 = [&[4][..], &x, &y].concat();
    // Reading the point checks that it is on the curve.
    let point = match size {
        32 => p256::ecdsa::VerifyingKey::from_sec1_bytes(&sec1).map(EcPoint::P256),
        48 => p384::ecdsa::VerifyingKey::from_sec1_bytes(&sec1).map(EcPoint::P384),
        _ => p521::ecdsa::VerifyingKey::from_sec1_bytes(&sec1).map(EcPoint::P521),
    };
    let point = point.map_err(|_| JwkError::Point)?;
    Ok(KeyMaterial::Ec(Box::new(EcKey { spki_der: [spki_prefix, &sec1].concat(), point })))
}

fn ed25519(jwk: &Json) -> Result<KeyMaterial, JwkError> {
    if required(jwk, "crv")? != "Ed25519" {
        return Err(JwkError::Unsupported);
    }
    let x: [u8; 32] = bytes(jwk, "x")?.try_into().map_err(|_| JwkError::Malformed)?;
    let key = ed25519_dalek::VerifyingKey::from_bytes(&x).map_err(|_| JwkError::Point)?;
    if key.is_weak() {
        return Err(JwkError::Point);
    }
    Ok(KeyMaterial::Ed25519(Box::new(key)))
}

fn text<'a>(jwk: &'a Json<'_>, name: &str) -> Result<Option<&'a str>, JwkError> {
    jwk.get(name).map(|value| value.as_str().ok_or(JwkError::Malformed)).transpose()
}

fn required<'a>(jwk: &'a Json<'_>, name: &str) -> Result<&'a str, JwkError> {
    text(jwk, name)?.ok_or(JwkError::Malformed)
}

fn bytes(jwk: &Json, name: &str) -> Result<Vec<u8>, JwkError> {
    base64url::decode(required(jwk, name)?).map_err(|_| JwkError::Malformed)
}

/// A Base64urlUInt (RFC 7518 §2): at least one byte, no leading zeros.
fn unsigned(jwk: &Json, name: &str) -> Result<Vec<u8>, JwkError> {
    let bytes = bytes(jwk, name)?;
    match bytes.first() {
        None | Some(0) => Err(JwkError::Malformed),
        Some(_) => Ok(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::JsonLimits;
    use crate::token::SignatureAlgorithm;
    use crate::token::testing::{self, b64};

    fn error(text: &str) -> JwkError {
        let json = Json::parse(text.as_bytes(), &JsonLimits::JWKS).unwrap();
        read(&json, KeyPurpose::Signature).unwrap_err()
    }

    #[test]
    fn public_keys_of_every_kind_read() {
        for (key, algorithm) in [
            (testing::rsa(1).jwk("k"), Algorithm::Rs256),
            (testing::p256(1).jwk("k"), Algorithm::Es256),
            (testing::p384(1).jwk("k"), Algorithm::Es384),
            (testing::p521(1).jwk("k"), Algorithm::Es512),
            (testing::ed25519(1).jwk("k"), Algorithm::Ed25519),
            (testing::ed25519(1).jwk("k"), Algorithm::EdDsa),
        ] {
            let json = Json::parse(key.as_bytes(), &JsonLimits::JWKS).unwrap();
            let key = read(&json, KeyPurpose::Signature).unwrap();
            assert_eq!(key.kid.as_deref(), Some("k"));
            for other in Algorithm::ALL {
                let is_rsa = |algorithm: Algorithm| {
                    matches!(algorithm.signature(), SignatureAlgorithm::RsaPkcs1(_) | SignatureAlgorithm::RsaPss(_))
                };
                let expected = other.signature() == algorithm.signature() || (is_rsa(other) && is_rsa(algorithm));
                assert_eq!(key.allows(other), expected);
            }
        }
    }

    #[test]
    fn keys_of_a_spiffe_bundle_are_for_svids_and_have_ids() {
        let good = testing::p256(1).jwk("k");
        let svid = |text: &str| {
            let json = Json::parse(text.as_bytes(), &JsonLimits::JWKS).unwrap();
            read(&json, KeyPurpose::JwtSvid).map(|key| key.kid)
        };
        let with = |purpose: &str| good.replacen('{', &format!("{{\"use\":\"{purpose}\","), 1);
        assert_eq!(svid(&with("jwt-svid")), Ok(Some("k".to_owned())));
        assert_eq!(svid(&good), Err(JwkError::NotForSignatures));
        for purpose in ["sig", "x509-svid", "wit-svid", "JWT-SVID", ""] {
            assert_eq!(svid(&with(purpose)), Err(JwkError::NotForSignatures), "{purpose}");
        }
        assert_eq!(svid(&with("jwt-svid").replace("\"kid\":\"k\",", "")), Err(JwkError::KeyIdMissing));
        assert_eq!(error(&with("jwt-svid")), JwkError::NotForSignatures, "a bundle's key elsewhere");
    }

    #[test]
    fn an_algorithm_in_the_key_is_the_only_one() {
        let jwk = testing::ed25519(1).jwk("k").replace('{', "{\"alg\":\"Ed25519\",");
        let json = Json::parse(jwk.as_bytes(), &JsonLimits::JWKS).unwrap();
        let key = read(&json, KeyPurpose::Signature).unwrap();
        assert!(key.allows(Algorithm::Ed25519));
        assert!(!key.allows(Algorithm::EdDsa));
    }

    #[test]
    fn what_is_not_a_public_signature_key_is_refused() {
        let good = testing::p256(1).jwk("k");
        let with = |members: &str| good.replacen('{', &format!("{{{members},"), 1);
        for (text, expected) in [
            ("[]".to_owned(), JwkError::Malformed),
            ("{}".to_owned(), JwkError::Malformed),
            (r#"{"kty":1}"#.to_owned(), JwkError::Malformed),
            (r#"{"kty":"AKP","alg":"ML-DSA-44","pub":"AA"}"#.to_owned(), JwkError::Unsupported),
            (r#"{"kty":"ec"}"#.to_owned(), JwkError::Unsupported),
            (r#"{"kty":"oct","k":"AAAA"}"#.to_owned(), JwkError::Private),
            (with(r#""d":"AAAA""#), JwkError::Private),
            (with(r#""d":null"#), JwkError::Private),
            (with(r#""use":"enc""#), JwkError::NotForSignatures),
            (with(r#""use":"SIG""#), JwkError::NotForSignatures),
            (with(r#""use":["sig"]"#), JwkError::Malformed),
            (with(r#""key_ops":["sign"]"#), JwkError::NotForSignatures),
            (with(r#""key_ops":[]"#), JwkError::NotForSignatures),
            (with(r#""key_ops":"verify""#), JwkError::Malformed),
            (with(r#""key_ops":["verify",1]"#), JwkError::Malformed),
            (with(r#""alg":"RS256""#), JwkError::Algorithm),
            (with(r#""alg":"ES384""#), JwkError::Algorithm),
            (with(r#""alg":"HS256""#), JwkError::Unsupported),
            (with(r#""alg":"none""#), JwkError::Unsupported),
            (with(r#""alg":null"#), JwkError::Malformed),
            (good.replace("P-256", "secp256k1"), JwkError::Unsupported),
            (good.replace("\"crv\":\"P-256\",", ""), JwkError::Malformed),
            (good.replace("\"kid\":\"k\"", "\"kid\":1"), JwkError::Malformed),
            (good.replace("\"kid\":\"k\"", &format!("\"kid\":\"{}\"", "k".repeat(257))), JwkError::Malformed),
        ] {
            assert_eq!(error(&text), expected, "{text}");
        }
    }

    #[test]
    fn weak_and_odd_rsa_keys_are_refused() {
        let jwk = |n: &[u8], e: &[u8]| format!(r#"{{"kty":"RSA","n":"{}","e":"{}"}}"#, b64(n), b64(e));
        let modulus = |bytes: usize| [vec![0xc5], vec![0x31; bytes - 2], vec![0x0b]].concat();
        let even = [vec![0xc5], vec![0x31; 254], vec![0x0a]].concat();
        let short = [vec![0x45], vec![0x31; 254], vec![0x0b]].concat(); // 2047 bits
        for (n, e, expected) in [
            (modulus(128), vec![1, 0, 1], JwkError::RsaModulus),
            (modulus(255), vec![1, 0, 1], JwkError::RsaModulus),
            (short, vec![1, 0, 1], JwkError::RsaModulus),
            (modulus(1025), vec![1, 0, 1], JwkError::RsaModulus),
            (even, vec![1, 0, 1], JwkError::RsaModulus),
            (modulus(256), vec![1], JwkError::RsaExponent),
            (modulus(256), vec![2], JwkError::RsaExponent),
            (modulus(256), vec![1, 0, 0], JwkError::RsaExponent),
            (modulus(256), vec![1, 0, 0, 0, 1], JwkError::RsaExponent),
            (modulus(256), vec![], JwkError::Malformed),
            (modulus(256), vec![0], JwkError::Malformed),
            ([vec![0], modulus(256)].concat(), vec![1, 0, 1], JwkError::Malformed),
            (vec![], vec![1, 0, 1], JwkError::Malformed),
        ] {
            assert_eq!(error(&jwk(&n, &e)), expected, "{} bytes, e {e:?}", n.len());
        }
        let json = jwk(&modulus(1024), &[1, 0, 1]);
        assert!(read(&Json::parse(json.as_bytes(), &JsonLimits::JWKS).unwrap(), KeyPurpose::Signature).is_ok());
    }

    #[test]
    fn points_are_checked() {
        let ec = |x: &[u8], y: &[u8]| format!(r#"{{"kty":"EC","crv":"P-256","x":"{}","y":"{}"}}"#, b64(x), b64(y));
        assert_eq!(error(&ec(&[0; 32], &[0; 32])), JwkError::Point);
        assert_eq!(error(&ec(&[1; 32], &[1; 32])), JwkError::Point);
        assert_eq!(error(&ec(&[0xff; 32], &[1; 32])), JwkError::Point);
        assert_eq!(error(&ec(&[1; 31], &[1; 32])), JwkError::Malformed);
        assert_eq!(error(&ec(&[1; 33], &[1; 32])), JwkError::Malformed);
        for (key, curve, size) in [(testing::p384(1), "P-384", 48), (testing::p521(1), "P-521", 66)] {
            let ec = |x: &[u8], y: &[u8]| ec(x, y).replace("P-256", curve);
            assert_eq!(error(&ec(&vec![0; size], &vec![0; size])), JwkError::Point, "{curve}");
            assert_eq!(error(&ec(&vec![1; size], &vec![1; size])), JwkError::Point, "{curve}");
            assert_eq!(error(&ec(&vec![0xff; size], &vec![1; size])), JwkError::Point, "{curve}");
            assert_eq!(error(&ec(&vec![1; size - 1], &vec![1; size])), JwkError::Malformed, "{curve}");
            assert_eq!(error(&ec(&[1; 32], &[1; 32])), JwkError::Malformed, "{curve}");
            // Coordinates of one curve under the name of another.
            let other = key.jwk("k").replace(curve, if size == 48 { "P-521" } else { "P-384" });
            assert_eq!(error(&other), JwkError::Malformed, "{curve}");
        }
        let okp = |x: &[u8]| format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{}"}}"#, b64(x));
        let mut identity = [0; 32];
        identity[0] = 1;
        assert_eq!(error(&okp(&identity)), JwkError::Point);
        assert_eq!(error(&okp(&[0; 32])), JwkError::Point);
        assert_eq!(error(&okp(&[1; 31])), JwkError::Malformed);
        assert_eq!(error(&okp(&[1; 32]).replace("Ed25519", "Ed448")), JwkError::Unsupported);
        assert_eq!(error(&okp(&[1; 32]).replace("Ed25519", "X25519")), JwkError::Unsupported);
    }
}
