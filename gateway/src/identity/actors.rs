//! `act`: who acts for the subject of a token (RFC 8693 §4.1).

use super::mapping::{IdentityFault, person};
use super::{IdentityError, Person};
use crate::json::Json;
use crate::token::{Issuer, IssuerTable, TokenClaims};

/// The actors of a token, the current one first, those before it after it.
///
/// Each actor is looked at by itself: an `iss` of its own must be the token's issuer or one that this issuer may name. No two of
/// subject and actors may be the same, for then somebody would lend rights to themselves.
pub(super) fn actors<'a>(
    claims: &TokenClaims,
    subject: &Person,
    issuer: &'a Issuer,
    issuers: &'a IssuerTable,
) -> Result<Vec<Person>, IdentityFault<'a>> {
    let fault = |error| IdentityFault { error, attribute: None };
    let mut next = claims.claim("act");
    let Some(delegation) = &issuer.delegation else {
        return if next.is_none() { Ok(Vec::new()) } else { Err(fault(IdentityError::ActorUnexpected)) };
    };
    let mut actors: Vec<Person> = Vec::new();
    // Ids of people, with the namespaces of those who vouch for them.
    while let Some(act) = next {
        if act.as_object().is_none() {
            return Err(fault(IdentityError::ActorMalformed));
        }
        if actors.len() == delegation.max_depth {
            return Err(fault(IdentityError::ActorDepth));
        }
        let namespace = match act.get("iss") {
            None => issuer.alias.as_str(),
            Some(Json::String(iss)) if **iss == *issuer.issuer => issuer.alias.as_str(),
            Some(Json::String(iss)) => {
                let alias = issuers.find(iss).map(|(_, issuer)| issuer.alias.as_str());
                let allowed = alias.filter(|alias| delegation.issuers.iter().any(|allowed| allowed == alias));
                allowed.ok_or_else(|| fault(IdentityError::ActorIssuer))?
            }
            Some(_) => return Err(fault(IdentityError::ActorMalformed)),
        };
        let actor =
            person(&TokenClaims::of_nobody(act.clone()), &delegation.actor, namespace).map_err(|mut fault| {
                if matches!(fault.error, IdentityError::IdMissing | IdentityError::IdType | IdentityError::IdInvalid) {
                    fault.error = IdentityError::ActorId;
                }
                fault
            })?;
        if actor.id == subject.id || actors.iter().any(|other| other.id == actor.id) {
            return Err(fault(IdentityError::ActorLoop));
        }
        actors.push(actor);
        next = act.get("act");
    }
    Ok(actors)
}
