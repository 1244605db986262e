//! JWK thumbprints (RFC 7638): the digest of a key's required members, in alphabetical order and without white space.

use sha2::{Digest as _, Sha256};

use crate::json::Json;

/// The SHA-256 thumbprint of a public key that has been read as one, so that its members are base64url without anything to
/// escape.
pub(crate) fn thumbprint(jwk: &Json) -> Option<[u8; 32]> {
    let kty = jwk.get("kty")?.as_str()?;
    let members: &[&str] = match kty {
        "EC" => &["crv", "kty", "x", "y"],
        "OKP" => &["crv", "kty", "x"],
        "RSA" => &["e", "kty", "n"],
        _ => return None,
    };
    let mut digest = Sha256::new();
    let mut separator = "{\"";
    for name in members {
        for part in [separator, name, "\":\"", jwk.get(name)?.as_str()?] {
            digest.update(part);
        }
        separator = "\",\"";
    }
    digest.update("\"}");
    Some(digest.finalize().into())
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;
    use crate::json::JsonLimits;

    fn of(jwk: &str) -> Option<String> {
        let jwk = Json::parse(jwk.as_bytes(), &JsonLimits::JWKS).unwrap();
        thumbprint(&jwk).map(|digest| URL_SAFE_NO_PAD.encode(digest))
    }

    #[test]
    fn published_thumbprints() {
        // RFC 7638 §3.1
        let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiF\
                 V4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9\
                 c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1\
                 jF44-csFCur-kEgU8awapJzKnqDKgw";
        let rsa = format!(r#"{{"kty":"RSA","n":"{n}","e":"AQAB","alg":"RS256","kid":"2011-04-29"}}"#);
        assert_eq!(of(&rsa).as_deref(), Some("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"));
        // RFC 8037 A.3
        let okp = r#"{"x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","crv":"Ed25519","kty":"OKP"}"#;
        assert_eq!(of(okp).as_deref(), Some("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"));
        // RFC 9449 §6.1, with the key of its §4.2
        let ec = r#"{"kty":"EC","x":"l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs","y":"9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA","crv":"P-256"}"#;
        assert_eq!(of(ec).as_deref(), Some("0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"));
    }

    #[test]
    fn a_key_without_its_members_has_none() {
        for jwk in
            [r#"{"kty":"EC","crv":"P-256","x":"a"}"#, r#"{"kty":"oct","k":"a"}"#, r#"{"kty":"RSA","n":"a"}"#, "{}"]
        {
            assert_eq!(of(jwk), None, "{jwk}");
        }
    }
}
