//! What a route asks for besides the policies.

use super::context::{OpenContext, OpenSource};
use crate::resource::check_scopes;
use crate::section::{Authentication, RouteRules, SectionError, SectionErrorKind, TransactionMode};

/// Checks what somebody asks of the user's authentication.
pub(crate) fn check_authentication(authentication: &Authentication, place: &str) -> Result<(), SectionError> {
    let Authentication { acr_values, max_age_seconds } = authentication;
    let place = format!("the authentication of {place}");
    // The characters of a scope are those that need no escaping in a challenge.
    check_scopes(acr_values, &place)?;
    if acr_values.is_empty() && max_age_seconds.is_none() {
        return Err(SectionError::new(SectionErrorKind::Empty, place));
    }
    Ok(())
}

/// Checks the rules of a route. `context` is all that the route reads, from wherever.
pub(super) fn check<'c>(
    rules: &RouteRules,
    context: impl IntoIterator<Item = &'c OpenContext>,
    has_transactions: bool,
    place: &str,
) -> Result<(), SectionError> {
    check_scopes(&rules.scopes, place)?;
    if let Some(authentication) = &rules.authentication {
        check_authentication(authentication, place)?;
    }
    let reads_one = matches!(rules.transaction, TransactionMode::Optional | TransactionMode::Required);
    let wants_claims = context.into_iter().any(|entry| matches!(entry.source, OpenSource::Transaction(_)));
    if (reads_one && !has_transactions) || (wants_claims && !reads_one) {
        return Err(SectionError::new(SectionErrorKind::Source, format!("the transaction token of {place}")));
    }
    Ok(())
}
