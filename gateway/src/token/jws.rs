//! The compact serialisation of a JWS (RFC 7515 §7.1): one token has one spelling, or it is refused.

use std::ops::Range;

use super::base64url::decode_onto;
use super::credential::CompactText;
use super::error::TokenError;
use crate::json::{Json, JsonError, JsonLimits};
use crate::limits;

/// The parts of a token, decoded. Nothing in them has been read.
#[derive(Debug)]
pub(crate) struct JwsParts<'a> {
    /// What the signature is over: the first two parts as they arrived.
    signing_input: &'a [u8],
    /// All parts, one after the other.
    bytes: Vec<u8>,
    header: Range<usize>,
    /// What is wrong with these is not said before the header has been read.
    claims: Result<Range<usize>, TokenError>,
    signature: Result<Range<usize>, TokenError>,
}

impl<'a> JwsParts<'a> {
    /// Splits a token and decodes its parts.
    pub(crate) fn decode(token: CompactText<'a>) -> Result<Self, TokenError> {
        let token = token.as_str();
        let mut parts = token.split('.');
        let (Some(header), Some(claims), Some(signature)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(TokenError::Parts);
        };
        match parts.count() {
            0 => {}
            2 => return Err(TokenError::Encrypted),
            _ => return Err(TokenError::Parts),
        }
        if header.is_empty() || claims.is_empty() || signature.is_empty() {
            return Err(TokenError::Parts);
        }
        let signed_len = header.len().saturating_add(1).saturating_add(claims.len());
        let signing_input = token.as_bytes().get(..signed_len).ok_or(TokenError::Parts)?;

        let mut bytes = Vec::with_capacity(token.len());
        let mut decode = |part: &str| {
            let start = bytes.len();
            decode_onto(part, &mut bytes).map(|()| start..bytes.len())
        };
        let header = decode(header)?;
        if header.len() > limits::JOSE_HEADER_BYTES {
            return Err(TokenError::HeaderTooLarge);
        }
        let (claims, signature) = (decode(claims), decode(signature));
        Ok(Self { signing_input, bytes, header, claims, signature })
    }

    fn part(&self, place: &Range<usize>) -> Result<&[u8], TokenError> {
        self.bytes.get(place.clone()).ok_or(TokenError::Parts)
    }
}

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
    pub(crate) fn read(parts: &'d JwsParts<'_>) -> Result<Self, TokenError> {
        Self::read_within(parts, &JsonLimits::TOKEN)
    }

    /// The same with other limits for the claims.
    pub(crate) fn read_within(parts: &'d JwsParts<'_>, claims_limits: &JsonLimits) -> Result<Self, TokenError> {
        let JwsParts { signing_input, bytes: _, header, claims, signature } = parts;
        Ok(Self {
            signing_input,
            header: object(parts.part(header)?, &JsonLimits::TOKEN)?,
            claims: object(parts.part(claims.as_ref().map_err(|error| *error)?)?, claims_limits)?,
            signature: parts.part(signature.as_ref().map_err(|error| *error)?)?,
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
        let parts = JwsParts::decode(CompactText::for_test(token));
        parts.and_then(|parts| CompactJws::read(&parts).map(drop)).unwrap_err()
    }

    #[test]
    fn splits_and_decodes() {
        let token = format!("{}.{}.{}", encode("{\"alg\":\"x\"}"), encode("{}"), encode([1, 2]));
        let parts = JwsParts::decode(CompactText::for_test(&token)).unwrap();
        let jws = CompactJws::read(&parts).unwrap();
        assert_eq!(jws.signing_input, token.rsplit_once('.').unwrap().0.as_bytes());
        assert_eq!(jws.header.get("alg").and_then(Json::as_str), Some("x"));
        assert_eq!(jws.signature, [1, 2]);
    }

    #[test]
    fn three_parts_and_no_other_number() {
        let o = encode("{}");
        for token in ["", ".", "..", "a", &o, &format!("{o}.{o}"), &format!("{o}.{o}.")] {
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
        for part in ["e31", "e32", "e33", "e30=", "e3", "e", "e3 0", "e3+0", "e3/0"] {
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
