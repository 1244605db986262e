//! The compact serialisation of a JWS (RFC 7515 §7.1): one token has one spelling, or it is refused.

use super::compact::CompactText;
use super::error::TokenError;
use crate::json::{Json, JsonError, JsonLimits};
use crate::limits;

/// A token whose parts are what they should be. Nothing in it has been verified.
#[derive(Debug)]
pub(crate) struct CompactJws<'d> {
    /// What the signature is over.
    pub(crate) signing_input: &'d [u8],
    /// The JOSE header.
    pub(crate) header: Json<'d>,
    /// The claims: parsed from the very bytes that the signature covers.
    pub(crate) claims: Json<'d>,
    /// The signature.
    pub(crate) signature: &'d [u8],
}

impl<'d> CompactJws<'d> {
    /// Reads header and claims.
    pub(crate) fn read(text: &'d CompactText<'_>) -> Result<Self, TokenError> {
        Self::read_within(text, &JsonLimits::TOKEN)
    }

    /// The same with other limits for the claims.
    pub(crate) fn read_within(text: &'d CompactText<'_>, claims_limits: &JsonLimits) -> Result<Self, TokenError> {
        let [header, claims, signature] = text.parts()?;
        let header = header?;
        if header.len() > limits::JOSE_HEADER_BYTES {
            return Err(TokenError::HeaderTooLarge);
        }
        Ok(Self {
            signing_input: text.signing_input(),
            header: object(header, &JsonLimits::TOKEN)?,
            claims: object(claims?, claims_limits)?,
            signature: signature?,
        })
    }
}

fn object<'d>(bytes: &'d [u8], limits: &JsonLimits) -> Result<Json<'d>, TokenError> {
    match Json::parse(bytes, limits) {
        Ok(value) if value.as_object().is_some() => Ok(value),
        Ok(_) | Err(JsonError::Syntax | JsonError::Limit) => Err(TokenError::Json),
        Err(JsonError::DuplicateMember) => Err(TokenError::DuplicateMember),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    fn encode(bytes: impl AsRef<[u8]>) -> String {
        URL_SAFE_NO_PAD.encode(bytes)
    }

    fn error(token: &str) -> TokenError {
        CompactJws::read(&CompactText::for_test(token)).unwrap_err()
    }

    #[test]
    fn splits_and_decodes() {
        let token = format!("{}.{}.{}", encode("{\"alg\":\"x\"}"), encode("{}"), encode([1, 2]));
        let text = CompactText::for_test(&token);
        let jws = CompactJws::read(&text).unwrap();
        assert_eq!(jws.signing_input, token.rsplit_once('.').unwrap().0.as_bytes());
        assert_eq!(jws.header.get("alg").and_then(Json::as_str), Some("x"));
        assert_eq!(jws.signature, [1, 2]);
    }

    #[test]
    fn three_parts_and_no_other_number() {
        let o = encode("{}");
        for token in [".", "..", "a", &o, &format!("{o}.{o}"), &format!("{o}.{o}.")] {
            assert_eq!(error(token), TokenError::Parts, "{token}");
        }
        for token in [format!(".{o}.{o}"), format!("{o}..{o}"), format!("{o}.{o}.{o}.{o}")] {
            assert_eq!(error(&token), TokenError::Parts, "{token}");
        }
        assert_eq!(error(&format!("{o}.{o}.{o}.{o}.{o}.{o}")), TokenError::Parts);
        assert_eq!(error(&format!("{o}.{o}.{o}.{o}.{o}")), TokenError::Encrypted);
        assert_eq!(error("...."), TokenError::Encrypted);
    }

    #[test]
    fn base64url_has_one_spelling() {
        let o = encode("{}");
        // `e30` is `{}`; `e31`, `e32`, `e33` differ in bits that decode to nothing.
        for part in ["e31", "e32", "e33", "e3", "e"] {
            assert_eq!(error(&format!("{part}.{o}.{o}")), TokenError::Base64, "{part}");
            assert_eq!(error(&format!("{o}.{part}.{o}")), TokenError::Base64, "{part}");
        }
        assert_eq!(error(&format!("{o}.{o}.AB")), TokenError::Base64);
        assert_eq!(error(&format!("{o}.{o}.A")), TokenError::Base64);
    }

    #[test]
    fn the_first_fault_is_told() {
        let (o, twice) = (encode("{}"), encode("{\"a\":1,\"a\":1}"));
        let long = encode(format!("{{\"a\":\"{}\"}}", "x".repeat(limits::JOSE_HEADER_BYTES)));
        for (token, expected) in [
            (format!("e31.{twice}.{o}"), TokenError::Base64),
            (format!("{long}.e31.e31"), TokenError::HeaderTooLarge),
            (format!("{twice}.e31.e31"), TokenError::DuplicateMember),
            (format!("{o}.e31.{twice}"), TokenError::Base64),
            (format!("{o}.{twice}.e31"), TokenError::DuplicateMember),
            (format!("{o}.{}.e31", encode("[]")), TokenError::Json),
            (format!("{o}.{o}.e31"), TokenError::Base64),
        ] {
            assert_eq!(error(&token), expected, "{token}");
        }
    }

    #[test]
    fn header_and_claims_are_strict_objects() {
        let o = encode("{}");
        for (json, expected) in [
            ("[]", TokenError::Json),
            ("null", TokenError::Json),
            ("\"x\"", TokenError::Json),
            ("{}{}", TokenError::Json),
            ("{\"a\":1,}", TokenError::Json),
            ("\u{feff}{}", TokenError::Json),
            ("{\"a\":\"\\ud800\"}", TokenError::Json),
            ("{\"a\":1,\"a\":1}", TokenError::DuplicateMember),
            ("{\"a\":{\"b\":1,\"b\":1}}", TokenError::DuplicateMember),
        ] {
            let part = encode(json);
            assert_eq!(error(&format!("{part}.{o}.{o}")), expected, "{json}");
            assert_eq!(error(&format!("{o}.{part}.{o}")), expected, "{json}");
        }
        let not_utf8 = encode(b"{\"a\":\"\xff\"}");
        assert_eq!(error(&format!("{o}.{not_utf8}.{o}")), TokenError::Json);
        let long = encode(format!("{{\"a\":\"{}\"}}", "x".repeat(limits::JOSE_HEADER_BYTES)));
        assert_eq!(error(&format!("{long}.{o}.{o}")), TokenError::HeaderTooLarge);
    }
}
