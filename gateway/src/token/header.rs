//! The JOSE header: an algorithm, perhaps a key id, and nothing that changes how the token would be read.

use std::borrow::Cow;

use super::algorithm::Algorithm;
use super::error::TokenError;
use crate::json::Json;
use crate::limits;

/// Header members that are refused rather than ignored.
///
/// `b64` changes what is signed (RFC 7797); `jku`, `jwk`, `x5u`, `x5c` bring the key along; the rest belong to
/// encrypted tokens (RFC 7516), where they have been used to exhaust verifiers.
pub(crate) const FORBIDDEN_MEMBERS: [&str; 14] =
    ["b64", "jku", "jwk", "x5u", "x5c", "zip", "enc", "epk", "apu", "apv", "iv", "tag", "p2s", "p2c"];

/// What `typ` says a token is, without the media type's `application/` (RFC 7515 §4.1.9). Which of these an issuer's
/// tokens may have is for its profile to say. Tokens made for other ends say so in `typ` and are refused whoever
/// issued them (RFC 8725 §3.11).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenType {
    /// Nothing.
    Absent,
    /// `JWT`
    Jwt,
    /// `at+jwt` (RFC 9068 §2.1)
    AccessToken,
    /// `JOSE`
    Jose,
    /// `txntoken+jwt`; no issuer's profile has it
    Transaction,
    /// `statuslist+jwt`; no issuer's profile has it
    StatusList,
    /// `wit+jwt` (draft-ietf-wimse-workload-creds); in its own header only
    Workload,
}

/// What a header says about how to verify the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct JoseHeader<'a> {
    pub(crate) algorithm: Algorithm,
    pub(crate) kid: Option<&'a str>,
    pub(crate) token_type: TokenType,
    /// Whether there are members besides `alg`, `kid` and `typ`. They are ignored unless a profile objects.
    pub(crate) has_other_members: bool,
}

/// The key id of a header, whatever else is wrong with it: for the decision record only.
pub(crate) fn claimed_kid<'t>(header: &Json<'t>) -> Option<Cow<'t, str>> {
    match header.get("kid") {
        Some(Json::String(kid)) => Some(kid.clone()),
        Some(Json::Null | Json::Bool(_) | Json::Number(_) | Json::Array(_) | Json::Object(_)) | None => None,
    }
}

impl<'a> JoseHeader<'a> {
    /// Reads a header.
    pub(crate) fn read(header: &'a Json<'_>) -> Result<Self, TokenError> {
        let [mut alg, mut kid, mut typ, mut crit, mut cty] = [None; 5];
        let (mut is_forbidden, mut has_other_members) = (false, false);
        for (name, value) in header.as_object().unwrap_or_default() {
            match &**name {
                "alg" => alg = Some(value),
                "kid" => kid = Some(value),
                "typ" => typ = Some(value),
                "crit" => crit = Some(value),
                "cty" => cty = Some(value),
                name => {
                    is_forbidden |= FORBIDDEN_MEMBERS.contains(&name);
                    has_other_members = true;
                }
            }
        }
        if crit.is_some() {
            return Err(TokenError::Critical);
        }
        if is_forbidden {
            return Err(TokenError::HeaderForbidden);
        }
        let algorithm = alg.and_then(Json::as_str).and_then(Algorithm::from_name);
        let algorithm = algorithm.ok_or(TokenError::AlgorithmNotAllowed)?;
        let kid = match kid {
            None => None,
            Some(Json::String(kid)) if kid.len() <= limits::KID_BYTES => Some(&**kid),
            Some(_) => return Err(TokenError::KeyIdInvalid),
        };
        // It announces something other than claims inside, such as another token.
        if cty.is_some() {
            return Err(TokenError::Type);
        }
        let token_type = match typ {
            None => TokenType::Absent,
            Some(typ) => typ.as_str().and_then(TokenType::read).ok_or(TokenError::Type)?,
        };
        Ok(Self { algorithm, kid, token_type, has_other_members })
    }
}

impl TokenType {
    fn read(typ: &str) -> Option<Self> {
        let (prefix, rest) = typ.split_at_checked("application/".len()).unwrap_or(("", typ));
        let short = if prefix.eq_ignore_ascii_case("application/") { rest } else { typ };
        [
            ("jwt", Self::Jwt),
            ("at+jwt", Self::AccessToken),
            ("jose", Self::Jose),
            ("txntoken+jwt", Self::Transaction),
            ("statuslist+jwt", Self::StatusList),
            ("wit+jwt", Self::Workload),
        ]
        .into_iter()
        .find(|(name, _)| short.eq_ignore_ascii_case(name))
        .map(|(_, token_type)| token_type)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::JsonLimits;

    fn read(text: &str) -> Result<(Algorithm, Option<String>), TokenError> {
        let json = Json::parse(text.as_bytes(), &JsonLimits::TOKEN).unwrap();
        JoseHeader::read(&json).map(|header| (header.algorithm, header.kid.map(str::to_owned)))
    }

    #[test]
    fn plain_headers_read() {
        assert_eq!(read(r#"{"alg":"ES256"}"#), Ok((Algorithm::Es256, None)));
        for typ in ["JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt", "Application/JWT"] {
            let text = format!(r#"{{"alg":"RS256","kid":"k","typ":"{typ}","x5t":"ignored"}}"#);
            assert_eq!(read(&text), Ok((Algorithm::Rs256, Some("k".to_owned()))), "{typ}");
        }
    }

    #[test]
    fn types_and_other_members_are_kept_for_the_profile() {
        let header = |text: &str| {
            let json = Json::parse(text.as_bytes(), &JsonLimits::TOKEN).unwrap();
            let header = JoseHeader::read(&json).unwrap();
            (header.token_type, header.has_other_members)
        };
        assert_eq!(header(r#"{"alg":"ES256","kid":"k"}"#), (TokenType::Absent, false));
        assert_eq!(header(r#"{"alg":"ES256","typ":"JWT"}"#), (TokenType::Jwt, false));
        assert_eq!(header(r#"{"alg":"ES256","typ":"application/AT+jwt"}"#), (TokenType::AccessToken, false));
        assert_eq!(header(r#"{"alg":"ES256","typ":"JOSE","x5t":"a"}"#), (TokenType::Jose, true));
        assert_eq!(header(r#"{"alg":"ES256","typ":"application/WIT+jwt"}"#), (TokenType::Workload, false));
    }

    #[test]
    fn algorithms_outside_the_list_are_refused() {
        for alg in [
            "\"none\"",
            "\"None\"",
            "\"noNE\"",
            "\"\"",
            "\"HS256\"",
            "\"hs256\"",
            "\"es256\"",
            "\"ES256 \"",
            "null",
            "256",
            "[\"ES256\"]",
            "{}",
            "true",
        ] {
            assert_eq!(read(&format!("{{\"alg\":{alg}}}")), Err(TokenError::AlgorithmNotAllowed), "{alg}");
        }
        assert_eq!(read("{}"), Err(TokenError::AlgorithmNotAllowed));
    }

    #[test]
    fn critical_and_forbidden_members_are_refused_whatever_they_say() {
        for crit in ["[\"bork\"]", "[\"cnf\"]", "[]", "null", "\"exp\"", "[\"alg\"]"] {
            assert_eq!(read(&format!("{{\"alg\":\"ES256\",\"crit\":{crit}}}")), Err(TokenError::Critical));
        }
        for name in FORBIDDEN_MEMBERS {
            for value in ["null", "false", "\"x\"", "{}"] {
                let text = format!("{{\"alg\":\"ES256\",\"{name}\":{value}}}");
                assert_eq!(read(&text), Err(TokenError::HeaderForbidden), "{text}");
            }
        }
    }

    #[test]
    fn key_ids_are_short_strings() {
        for kid in ["1".to_owned(), "null".to_owned(), "[]".to_owned(), format!("\"{}\"", "k".repeat(257))] {
            assert_eq!(read(&format!("{{\"alg\":\"ES256\",\"kid\":{kid}}}")), Err(TokenError::KeyIdInvalid));
        }
    }

    #[test]
    fn other_kinds_of_tokens_are_refused() {
        for typ in [
            "\"wpt+jwt\"",
            "\"dpop+jwt\"",
            "\"secevent+jwt\"",
            "\"application/secevent+jwt\"",
            "\"oauth-id-jag+jwt\"",
            "\"application/\"",
            "\"\"",
            "null",
            "1",
            "\"application/application/jwt\"",
            "\"text/jwt\"",
        ] {
            assert_eq!(read(&format!("{{\"alg\":\"ES256\",\"typ\":{typ}}}")), Err(TokenError::Type), "{typ}");
        }
        assert_eq!(read(r#"{"alg":"ES256","cty":"JWT"}"#), Err(TokenError::Type));
    }
}
