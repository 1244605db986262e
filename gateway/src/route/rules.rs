//! What a route asks for besides the policies.

use super::context::{OpenContext, OpenSource};
use crate::resource::check_scopes;
use crate::section::{Authentication, DelegationMode, RouteRules, SectionError, SectionErrorKind, TransactionMode};

/// The rules of a route, checked.
#[derive(Debug)]
pub(crate) struct OpenRules {
    /// Scopes that the token must have.
    pub(crate) scopes: Vec<String>,
    pub(crate) authentication: Option<Authentication>,
    pub(crate) strip_token: bool,
    pub(crate) delegation: DelegationMode,
    pub(crate) transaction: TransactionMode,
}

impl OpenRules {
    /// `context` is all that the route reads, from wherever.
    pub(super) fn open<'c>(
        raw: RouteRules,
        context: impl IntoIterator<Item = &'c OpenContext>,
        has_transactions: bool,
        place: &str,
    ) -> Result<Self, SectionError> {
        let RouteRules { scopes, authentication, strip_token, delegation, transaction } = raw;
        check_scopes(&scopes, place)?;
        if let Some(Authentication { acr_values, max_age_seconds }) = &authentication {
            // The characters of a scope are those that need no escaping in a challenge.
            check_scopes(acr_values, &format!("the authentication of {place}"))?;
            if acr_values.is_empty() && max_age_seconds.is_none() {
                return Err(SectionError::new(SectionErrorKind::Empty, format!("the authentication of {place}")));
            }
        }
        let reads_one = matches!(transaction, TransactionMode::Optional | TransactionMode::Required);
        let wants_claims = context.into_iter().any(|entry| matches!(entry.source, OpenSource::Transaction(_)));
        if (reads_one && !has_transactions) || (wants_claims && !reads_one) {
            return Err(SectionError::new(SectionErrorKind::Source, format!("the transaction token of {place}")));
        }
        Ok(Self { scopes, authentication, strip_token, delegation, transaction })
    }
}
