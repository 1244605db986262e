//! `cnf`: what a token is bound to (RFC 7800).

use crate::json::Json;
use crate::token::{TokenError, decode_base64url};

/// The keys a token is bound to. A caller must prove to have each of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Confirmation {
    /// The SHA-256 thumbprint (RFC 7638) of a DPoP key: `jkt` (RFC 9449 §6.1).
    pub(crate) dpop_key: Option<[u8; 32]>,
    /// The SHA-256 digest of a certificate: `x5t#S256` (RFC 8705 §3.1).
    pub(crate) certificate: Option<[u8; 32]>,
}

impl Confirmation {
    /// Reads `cnf` of claims whose signature holds.
    ///
    /// A confirmation method that is not implemented cannot be checked, so a token with no other is refused: as a bearer token it
    /// would be worth more than its issuer meant.
    pub(crate) fn read(claims: &Json) -> Result<Self, TokenError> {
        let Some(cnf) = claims.get("cnf") else {
            return Ok(Self::default());
        };
        if cnf.as_object().is_none() {
            return Err(TokenError::Confirmation);
        }
        let confirmation = Self { dpop_key: thumbprint(cnf, "jkt")?, certificate: thumbprint(cnf, "x5t#S256")? };
        if confirmation.is_bound() { Ok(confirmation) } else { Err(TokenError::ConfirmationUnknown) }
    }

    /// Whether the token is bound to anything.
    pub(crate) fn is_bound(&self) -> bool {
        self.dpop_key.is_some() || self.certificate.is_some()
    }

    /// The word for what the token is bound to, as policies see it.
    pub(crate) fn name(&self) -> &'static str {
        match (self.dpop_key, self.certificate) {
            (None, None) => "none",
            (Some(_), None) => "dpop",
            (None, Some(_)) => "certificate",
            (Some(_), Some(_)) => "dpop_and_certificate",
        }
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
        let claims = Json::parse(format!("{{\"cnf\":{cnf}}}").as_bytes(), &JsonLimits::TOKEN).unwrap();
        Confirmation::read(&claims).map(|confirmation| confirmation.name())
    }

    #[test]
    fn known_methods_are_read() {
        assert_eq!(Confirmation::read(&Json::Object(vec![])).map(|found| found.name()), Ok("none"));
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
}
