//! What a token was granted: to which client, with which scopes, and after which authentication of the user.

use crate::json::Json;
use crate::section::Authentication;
use crate::token::{TokenClaims, date_ms};

/// Why a token is not enough for a route, though it is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequirementError {
    /// The token names actors, and the route is for nobody who is acted for.
    Delegation,
    /// A scope of the route is missing.
    Scope,
    /// `acr` is none of those that the route asks for.
    AuthenticationContext,
    /// `auth_time` is missing or too long ago.
    AuthenticationAge,
}

/// The claims that requirements are checked against.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Grant {
    client: Option<Box<str>>,
    scope: Option<Box<str>>,
    acr: Option<Box<str>>,
    authenticated_ms: Option<u64>,
}

impl Grant {
    /// Reads the claims. Ones of another type count as missing: whatever needs them is not granted.
    pub(crate) fn read(claims: &TokenClaims) -> Self {
        let text = |name: &str| claims.claim(name).and_then(Json::as_str).map(Box::from);
        Self {
            // RFC 9068 §2.2 has the first; vendors without it have the second, of OpenID Connect.
            client: text("client_id").or_else(|| text("azp")),
            scope: text("scope"),
            acr: text("acr"),
            authenticated_ms: claims.claim("auth_time").and_then(date_ms),
        }
    }

    /// The client that the token was issued to.
    pub(crate) fn client(&self) -> Option<&str> {
        self.client.as_deref()
    }

    /// Roughly the bytes of heap this takes.
    pub(crate) fn weight(&self) -> usize {
        [&self.client, &self.scope, &self.acr].into_iter().flatten().map(|text| text.len()).sum()
    }

    /// Checks what a route needs.
    pub(crate) fn check(
        &self,
        scopes: &[String],
        authentication: Option<&Authentication>,
        now_ms: u64,
    ) -> Result<(), RequirementError> {
        let granted = self.scope.as_deref().unwrap_or_default();
        if !scopes.iter().all(|scope| granted.split(' ').any(|item| item == scope)) {
            return Err(RequirementError::Scope);
        }
        let Some(Authentication { acr_values, max_age_seconds }) = authentication else {
            return Ok(());
        };
        let has_context = self.acr.as_deref().is_some_and(|acr| acr_values.iter().any(|value| value == acr));
        if !acr_values.is_empty() && !has_context {
            return Err(RequirementError::AuthenticationContext);
        }
        if let Some(seconds) = max_age_seconds {
            let oldest = now_ms.saturating_sub(seconds.saturating_mul(1000));
            if self.authenticated_ms.is_none_or(|time| time < oldest) {
                return Err(RequirementError::AuthenticationAge);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_000_000;

    fn check(
        claims: &str,
        scopes: &[&str],
        acr_values: &[&str],
        max_age_seconds: Option<u64>,
    ) -> Option<RequirementError> {
        let owned = |list: &[&str]| list.iter().map(|item| (*item).to_owned()).collect::<Vec<_>>();
        let authentication = Authentication { acr_values: owned(acr_values), max_age_seconds };
        let grant = Grant::read(&TokenClaims::for_test(claims));
        grant.check(&owned(scopes), Some(&authentication), NOW).err()
    }

    #[test]
    fn every_scope_is_needed_and_compared_whole() {
        assert_eq!(check("{}", &[], &[], None), None);
        assert_eq!(check(r#"{"scope":"a b"}"#, &["b", "a"], &[], None), None);
        for claims in [
            "{}",
            r#"{"scope":""}"#,
            r#"{"scope":"a"}"#,
            r#"{"scope":"a  bc"}"#,
            r#"{"scope":"A B"}"#,
            r#"{"scope":"a,b"}"#,
        ] {
            assert_eq!(check(claims, &["a", "b"], &[], None), Some(RequirementError::Scope), "{claims}");
        }
    }

    #[test]
    fn authentication_is_strong_and_fresh_enough() {
        let (context, age) = (Some(RequirementError::AuthenticationContext), Some(RequirementError::AuthenticationAge));
        assert_eq!(check(r#"{"acr":"b"}"#, &[], &["a", "b"], None), None);
        for claims in ["{}", r#"{"acr":"c"}"#, r#"{"acr":"a b"}"#, r#"{"acr":["a"]}"#] {
            assert_eq!(check(claims, &[], &["a", "b"], None), context, "{claims}");
        }
        assert_eq!(check(r#"{"auth_time":900}"#, &[], &[], Some(100)), None);
        for claims in ["{}", r#"{"auth_time":899}"#, r#"{"auth_time":"900"}"#] {
            assert_eq!(check(claims, &[], &[], Some(100)), age, "{claims}");
        }
    }
}
