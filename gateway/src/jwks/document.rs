//! A fetched document: bytes from the network, read strictly.

use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::event::RefreshError;
use crate::json::{Json, JsonLimits};
use crate::limits;
use crate::section::Profile;
use crate::token::{Algorithm, JwksError, KeyPurpose, KeySet};

/// A JWK Set (RFC 7517 §5) or SPIFFE bundle that reads.
#[derive(Clone, Debug)]
pub(super) struct Document {
    pub(super) keys: Arc<KeySet>,
    /// How many keys can verify what the issuer may sign.
    pub(super) usable: usize,
    /// How many keys are defective. Keys for other ends do not count.
    pub(super) defective: usize,
    /// The digest of its bytes.
    pub(super) digest: [u8; 32],
    /// `spiffe_sequence` of a SPIFFE bundle (SPIFFE Trust Domain and Bundle §4.1).
    pub(super) sequence: Option<u64>,
    /// `spiffe_refresh_hint` of a SPIFFE bundle, in seconds.
    pub(super) refresh_hint: Option<u64>,
}

/// What an issuer's documents are read by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading<'a> {
    pub(super) profile: &'a Profile,
    pub(super) algorithms: &'a [Algorithm],
}

impl Document {
    /// Reads a document. Keys that are defective are left out, and not the others with them: they verify nothing, and the
    /// rest is what the issuer says today.
    pub(super) fn read(body: &[u8], reading: Reading<'_>) -> Result<Self, RefreshError> {
        if body.len() > limits::JWKS_BYTES {
            return Err(RefreshError::TooLarge);
        }
        let json = Json::parse(body, &JsonLimits::JWKS).map_err(|_| RefreshError::Malformed)?;
        let (keys, rejected) = KeySet::read(&json, KeyPurpose::of(reading.profile)).map_err(|error| match error {
            JwksError::Malformed => RefreshError::Malformed,
            JwksError::Limit => RefreshError::TooManyKeys,
        })?;
        let is_spiffe = reading.profile.has_spiffe_bundle();
        let number = |name| if is_spiffe { self::number(&json, name) } else { Ok(None) };
        let document = Self {
            usable: keys.count(reading.algorithms),
            keys: Arc::new(keys),
            defective: rejected.iter().filter(|key| !key.error.is_ignorable()).count(),
            digest: Sha256::digest(body).into(),
            sequence: number("spiffe_sequence")?,
            refresh_hint: number("spiffe_refresh_hint")?,
        };
        // A trust domain that publishes no keys revokes them; any other issuer has made a mistake.
        if document.usable == 0 && !is_spiffe {
            return Err(RefreshError::NoUsableKey);
        }
        Ok(document)
    }
}

/// A whole number from 0 that may be missing.
fn number(json: &Json, name: &str) -> Result<Option<u64>, RefreshError> {
    match json.get(name) {
        None => Ok(None),
        Some(Json::Number(number)) => number.as_u64().map(Some).ok_or(RefreshError::Malformed),
        Some(Json::Null | Json::Bool(_) | Json::String(_) | Json::Array(_) | Json::Object(_)) => {
            Err(RefreshError::Malformed)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::testing;

    fn read(text: &str) -> Result<Document, RefreshError> {
        Document::read(text.as_bytes(), Reading { profile: &Profile::Oidc, algorithms: &[Algorithm::Es256] })
    }

    fn read_spiffe(text: &str) -> Result<Document, RefreshError> {
        let profile = crate::jwks::testing::spiffe();
        Document::read(text.as_bytes(), Reading { profile: &profile, algorithms: &[Algorithm::Es256] })
    }

    fn error(result: Result<Document, RefreshError>) -> RefreshError {
        result.unwrap_err()
    }

    #[test]
    fn keys_are_counted_by_what_they_can_do() {
        let keys = [
            testing::p256(1).jwk("a"),
            testing::p256(2).jwk("b"),
            // Not an algorithm of the issuer.
            testing::ed25519(1).jwk("c"),
            // For another end.
            r#"{"kty":"EC","use":"enc"}"#.to_owned(),
            // Defective.
            r#"{"kty":"EC","crv":"P-256","x":"AA","y":"AA","kid":"d"}"#.to_owned(),
            r#"{"kty":"oct","k":"AAAA","kid":"e"}"#.to_owned(),
        ];
        let document = read(&format!(r#"{{"keys":[{}],"more":1,"spiffe_sequence":"x"}}"#, keys.join(","))).unwrap();
        assert_eq!((document.usable, document.defective), (2, 2));
        assert_eq!((document.sequence, document.refresh_hint), (None, None));
    }

    #[test]
    fn what_is_no_key_set_is_refused() {
        for text in [
            "",
            "<html>not found</html>",
            "[]",
            "{}",
            "null",
            r#"{"keys":{}}"#,
            r#"{"keys":[]} x"#,
            r#"{"keys":[],"keys":[]}"#,
            r#"{"keys":[{"kid":"a","kid":"a"}]}"#,
            "{\"keys\":[\"\u{0}\"]}",
            r#"{"keys":[[[[[[[[[[]]]]]]]]]]}"#,
        ] {
            assert_eq!(error(read(text)), RefreshError::Malformed, "{text}");
        }
        assert_eq!(error(Document::read(&[0xff, 0xfe], reading())), RefreshError::Malformed);
        let many = vec!["{}"; limits::JWKS_KEYS + 1].join(",");
        assert_eq!(error(read(&format!(r#"{{"keys":[{many}]}}"#))), RefreshError::TooManyKeys);
        let key = testing::p256(1).jwk("a");
        let padded = |more: usize| {
            let text = format!(r#"{{"keys":[{key}]}}"#);
            format!("{text}{}", " ".repeat(limits::JWKS_BYTES + more - text.len()))
        };
        assert!(read(&padded(0)).is_ok());
        assert_eq!(error(read(&padded(1))), RefreshError::TooLarge);
    }

    fn reading() -> Reading<'static> {
        Reading { profile: &Profile::Oidc, algorithms: &[Algorithm::Es256] }
    }

    #[test]
    fn without_a_usable_key_only_a_spiffe_bundle_means_it() {
        for text in [
            r#"{"keys":[]}"#.to_owned(),
            r#"{"keys":[{"kty":"EC","use":"x509-svid"}]}"#.to_owned(),
            format!(r#"{{"keys":[{}]}}"#, testing::ed25519(1).jwk("c")),
        ] {
            assert_eq!(error(read(&text)), RefreshError::NoUsableKey, "{text}");
            assert_eq!(read_spiffe(&text).unwrap().usable, 0, "{text}");
        }
    }

    #[test]
    fn spiffe_numbers_are_whole_and_bounded() {
        let with = |members: &str| read_spiffe(&format!(r#"{{"keys":[]{members}}}"#));
        let document = with(r#","spiffe_sequence":18446744073709551615,"spiffe_refresh_hint":60"#).unwrap();
        assert_eq!((document.sequence, document.refresh_hint), (Some(u64::MAX), Some(60)));
        let document = with("").unwrap();
        assert_eq!((document.sequence, document.refresh_hint), (None, None));
        for value in ["-1", "1.5", "1e3", "\"1\"", "null", "[1]", "{}", "true", "18446744073709551616"] {
            for name in ["spiffe_sequence", "spiffe_refresh_hint"] {
                let members = format!(r#","{name}":{value}"#);
                assert_eq!(with(&members).err(), Some(RefreshError::Malformed), "{members}");
            }
        }
    }
}
