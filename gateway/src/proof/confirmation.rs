//! `cnf`: what a token is bound to (RFC 7800).

use super::thumbprint::thumbprint as jwk_thumbprint;
use crate::json::Json;
use crate::section::Profile;
use crate::token::{
    Algorithm, JwkError, KeyMaterial, KeyPurpose, SVID_ALGORITHMS, TokenError, decode_base64url, read_jwk,
};

/// The keys a token is bound to. A caller must prove to have each of them.
#[derive(Debug, Default)]
pub(crate) struct Confirmation {
    /// The SHA-256 thumbprint (RFC 7638) of a DPoP key: `jkt` (RFC 9449 §6.1).
    pub(crate) dpop_key: Option<[u8; 32]>,
    /// The SHA-256 digest of a certificate: `x5t#S256` (RFC 8705 §3.1).
    pub(crate) certificate: Option<[u8; 32]>,
    /// The key itself: `jwk` (RFC 7800 §3.2), in workload identity tokens only.
    pub(crate) workload_key: Option<Box<BoundKey>>,
}

/// A key that a token brings along for its proofs.
#[derive(Debug)]
pub(crate) struct BoundKey {
    /// Its SHA-256 thumbprint (RFC 7638).
    pub(crate) thumbprint: [u8; 32],
    /// The one algorithm that it is for.
    pub(crate) algorithm: Algorithm,
    pub(crate) material: KeyMaterial,
}

impl Confirmation {
    /// Reads `cnf` of claims whose signature holds.
    ///
    /// A confirmation method that is not implemented cannot be checked, so a token with no other is refused: as a bearer token it
    /// would be worth more than its issuer meant.
    pub(crate) fn read(claims: &Json, profile: &Profile) -> Result<Self, TokenError> {
        let cnf = claims.get("cnf");
        if cnf.is_some_and(|cnf| cnf.as_object().is_none()) {
            return Err(TokenError::Confirmation);
        }
        let allowed: &[Algorithm] = match profile {
            Profile::WimseWit03 { .. } => &Algorithm::ALL,
            // WIT-SVID §3.2
            Profile::SpiffeWitSvid { .. } => &SVID_ALGORITHMS,
            Profile::Oauth
            | Profile::OauthLenient
            | Profile::Oidc
            | Profile::SpiffeJwtSvid { .. }
            | Profile::Kubernetes
            | Profile::GithubActions => return Self::of_caller(cnf),
        };
        let cnf = cnf.ok_or(TokenError::ConfirmationMissing)?;
        // Methods that no proof of a workload is about.
        if cnf.get("jkt").is_some() || cnf.get("x5t#S256").is_some() {
            return Err(TokenError::Confirmation);
        }
        let key = BoundKey::read(cnf.get("jwk").ok_or(TokenError::ConfirmationKey)?, allowed)?;
        Ok(Self { workload_key: Some(Box::new(key)), ..Self::default() })
    }

    /// What a token in `Authorization` is bound to, if anything.
    fn of_caller(cnf: Option<&Json>) -> Result<Self, TokenError> {
        let Some(cnf) = cnf else {
            return Ok(Self::default());
        };
        let confirmation =
            Self { dpop_key: thumbprint(cnf, "jkt")?, certificate: thumbprint(cnf, "x5t#S256")?, workload_key: None };
        if confirmation.is_bound() { Ok(confirmation) } else { Err(TokenError::ConfirmationUnknown) }
    }

    /// Whether the token is bound to anything.
    pub(crate) fn is_bound(&self) -> bool {
        self.dpop_key.is_some() || self.certificate.is_some() || self.workload_key.is_some()
    }

    /// The thumbprint of the key that signs its proofs.
    pub(crate) fn key_thumbprint(&self) -> Option<[u8; 32]> {
        self.workload_key.as_ref().map(|key| key.thumbprint).or(self.dpop_key)
    }

    /// The word for what the token is bound to, as policies see it.
    pub(crate) fn name(&self) -> &'static str {
        match (&self.workload_key, self.dpop_key, self.certificate) {
            (Some(_), ..) => "workload_key",
            (None, None, None) => "none",
            (None, Some(_), None) => "dpop",
            (None, None, Some(_)) => "certificate",
            (None, Some(_), Some(_)) => "dpop_and_certificate",
        }
    }

    /// Roughly the bytes of heap this takes.
    pub(crate) fn weight(&self) -> usize {
        self.workload_key.as_ref().map_or(0, |key| size_of::<BoundKey>() + key.material.weight())
    }
}

impl BoundKey {
    /// Reads a public key that says which algorithm it is for.
    fn read(jwk: &Json, allowed: &[Algorithm]) -> Result<Self, TokenError> {
        let algorithm = jwk.get("alg").and_then(Json::as_str).and_then(Algorithm::from_name);
        let algorithm = algorithm.filter(|algorithm| allowed.contains(algorithm));
        let key = read_jwk(jwk, KeyPurpose::Signature);
        // Whatever else is wrong with it: a key that was given away is the worst.
        if matches!(key, Err(JwkError::Private)) {
            return Err(TokenError::ConfirmationKeyPrivate);
        }
        let algorithm = algorithm.ok_or(TokenError::ConfirmationAlgorithm)?;
        let key = key.map_err(|error| match error {
            JwkError::Algorithm => TokenError::ConfirmationAlgorithm,
            _ => TokenError::ConfirmationKey,
        })?;
        let thumbprint = jwk_thumbprint(jwk).ok_or(TokenError::ConfirmationKey)?;
        Ok(Self { thumbprint, algorithm, material: key.material })
    }
}

fn thumbprint(cnf: &Json, name: &str) -> Result<Option<[u8; 32]>, TokenError> {
    let Some(value) = cnf.get(name) else {
        return Ok(None);
    };
    let text = value.as_str().ok_or(TokenError::Confirmation)?;
    let bytes = decode_base64url(text).map_err(|_| TokenError::Confirmation)?;
    bytes.try_into().map(Some).map_err(|_| TokenError::Confirmation)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::JsonLimits;

    const A: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    fn read(cnf: &str) -> Result<&'static str, TokenError> {
        let claims = format!("{{\"cnf\":{cnf}}}");
        let claims = Json::parse(claims.as_bytes(), &JsonLimits::TOKEN).unwrap();
        Confirmation::read(&claims, &Profile::Oauth).map(|confirmation| confirmation.name())
    }

    /// What the confirmation of a workload identity token comes to, and of a WIT-SVID.
    fn read_workload(cnf: &str) -> [Result<Algorithm, TokenError>; 2] {
        let claims = format!("{{\"cnf\":{cnf}}}");
        let claims = Json::parse(claims.as_bytes(), &JsonLimits::TOKEN).unwrap();
        let trust_domain = || "example.org".to_owned();
        [Profile::WimseWit03 { trust_domain: trust_domain() }, Profile::SpiffeWitSvid { trust_domain: trust_domain() }]
            .map(|profile| {
                let confirmation = Confirmation::read(&claims, &profile)?;
                assert_eq!(confirmation.name(), "workload_key");
                assert!(confirmation.is_bound() && confirmation.weight() > 0);
                Ok(confirmation.workload_key.unwrap().algorithm)
            })
    }

    #[test]
    fn known_methods_are_read() {
        let nothing = Confirmation::read(&Json::Object(vec![]), &Profile::Oauth);
        assert_eq!(nothing.map(|found| found.name()), Ok("none"));
        assert_eq!(read(&format!(r#"{{"jkt":"{A}"}}"#)), Ok("dpop"));
        assert_eq!(read(&format!(r#"{{"x5t#S256":"{A}","kid":"ignored"}}"#)), Ok("certificate"));
        assert_eq!(read(&format!(r#"{{"x5t#S256":"{A}","jkt":"{A}"}}"#)), Ok("dpop_and_certificate"));
    }

    #[test]
    fn what_cannot_be_checked_is_refused() {
        for cnf in ["{}", r#"{"jwk":{"kty":"EC"}}"#, r#"{"kid":"a"}"#, r#"{"JKT":"a"}"#, r#"{"x5t":"a"}"#] {
            assert_eq!(read(cnf), Err(TokenError::ConfirmationUnknown), "{cnf}");
        }
        let short = &A[1..];
        for cnf in [
            "null".to_owned(),
            "[]".to_owned(),
            format!("\"{A}\""),
            "{\"jkt\":null}".to_owned(),
            "{\"jkt\":\"\"}".to_owned(),
            format!("{{\"jkt\":[\"{A}\"]}}"),
            format!("{{\"jkt\":\"{short}\"}}"),
            format!("{{\"jkt\":\"{A}A\"}}"),
            format!("{{\"jkt\":\"{A}=\"}}"),
            format!("{{\"jkt\":\"{short}B\"}}"),
            format!("{{\"jkt\":\"{A}\",\"x5t#S256\":7}}"),
        ] {
            assert_eq!(read(&cnf), Err(TokenError::Confirmation), "{cnf}");
        }
    }

    #[test]
    fn a_workloads_key_says_what_it_is_for() {
        let jwk = |key: &crate::token::testing::TestKey, alg: &str| {
            let jwk = key.jwk("k");
            format!("{{\"jwk\":{}}}", jwk.replacen('{', &format!("{{{alg}"), 1))
        };
        let (ec, ed) = (crate::token::testing::p256(1), crate::token::testing::ed25519(1));
        assert_eq!(read_workload(&jwk(&ec, "\"alg\":\"ES256\",")), [Ok(Algorithm::Es256); 2]);
        let [wit, svid] = read_workload(&jwk(&ed, "\"alg\":\"EdDSA\","));
        assert_eq!((wit, svid), (Ok(Algorithm::EdDsa), Err(TokenError::ConfirmationAlgorithm)));
        let good = jwk(&ec, "\"alg\":\"ES256\",");
        for (cnf, expected) in [
            ("null".to_owned(), TokenError::Confirmation),
            ("[]".to_owned(), TokenError::Confirmation),
            ("{}".to_owned(), TokenError::ConfirmationKey),
            ("{\"kid\":\"k\"}".to_owned(), TokenError::ConfirmationKey),
            (format!("{{\"jkt\":\"{A}\"}}"), TokenError::Confirmation),
            (good.replacen('{', &format!("{{\"jkt\":\"{A}\","), 1), TokenError::Confirmation),
            (good.replacen('{', &format!("{{\"x5t#S256\":\"{A}\","), 1), TokenError::Confirmation),
            ("{\"jwk\":null}".to_owned(), TokenError::ConfirmationAlgorithm),
            ("{\"jwk\":[]}".to_owned(), TokenError::ConfirmationAlgorithm),
            (jwk(&ec, ""), TokenError::ConfirmationAlgorithm),
            (jwk(&ec, "\"alg\":7,"), TokenError::ConfirmationAlgorithm),
            (jwk(&ec, "\"alg\":\"none\","), TokenError::ConfirmationAlgorithm),
            (jwk(&ec, "\"alg\":\"HS256\","), TokenError::ConfirmationAlgorithm),
            (jwk(&ec, "\"alg\":\"es256\","), TokenError::ConfirmationAlgorithm),
            (jwk(&ec, "\"alg\":\"ES384\","), TokenError::ConfirmationAlgorithm),
            (jwk(&ec, "\"alg\":\"ECDH-ES\","), TokenError::ConfirmationAlgorithm),
            (jwk(&ec, "\"alg\":\"ES256\",\"d\":\"AAAA\","), TokenError::ConfirmationKeyPrivate),
            (jwk(&ec, "\"d\":null,"), TokenError::ConfirmationKeyPrivate),
            (jwk(&ec, "\"alg\":\"ES256\",\"use\":\"enc\","), TokenError::ConfirmationKey),
            (jwk(&ec, "\"alg\":\"ES256\",\"key_ops\":[\"sign\"],"), TokenError::ConfirmationKey),
            (good.replace("P-256", "P-384"), TokenError::ConfirmationKey),
            (
                "{\"jwk\":{\"kty\":\"oct\",\"k\":\"AAAA\",\"alg\":\"HS256\"}}".to_owned(),
                TokenError::ConfirmationKeyPrivate,
            ),
        ] {
            assert_eq!(read_workload(&cnf), [Err(expected); 2], "{cnf}");
        }
    }
}
