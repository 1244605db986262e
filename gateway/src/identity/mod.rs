//! Identity: from the claims of a verified token to a Cedar principal.

mod actors;
mod claim_slots;
mod datum;
mod error;
mod grant;
mod mapping;

pub use error::IdentityError;

pub(crate) use claim_slots::{ClaimSlots, ClaimValue, RouteSlots, SlotIndex};
pub use grant::RequirementError;

pub(crate) use datum::{Datum, ReadFault};
pub(crate) use grant::Grant;
pub(crate) use mapping::{IdentityFault, SvidFacts, check_mapping, identify, identify_svid};

use std::cell::Cell;

use crate::proof::Confirmation;
use crate::revocation::{Revoked, Traces};
use crate::status_list::StatusReference;
use crate::token::IssuerIndex;

/// Who is calling: a verified token, worked out once and kept with it.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) issuer: IssuerIndex,
    /// What records say of the token or certificate: members of JSON, written once.
    pub(crate) recorded: String,
    /// What the token is bound to; proved for each request.
    pub(crate) confirmation: Confirmation,
    /// Whom the token is about.
    pub(crate) subject: Person,
    /// Who acts for the subject: the current actor first.
    pub(crate) actors: Vec<Person>,
    /// What the token says of scopes and of the user's authentication.
    pub(crate) grant: Grant,
    /// What the routes of the bundle read from claims, in the order of the bundle's slots.
    pub(crate) claims: Vec<ClaimValue>,
    /// By what it could be revoked; absent where nothing can be.
    pub(crate) traces: Option<Traces>,
    /// Where its token says that its status is.
    pub(crate) status: Option<StatusReference>,
    /// What the list in force says about it. Brought up to date with each list, so that requests need not ask.
    pub(crate) revoked: Cell<Option<Revoked>>,
}

/// Somebody whom a token names, by the mapping of its issuer.
#[derive(Debug, Default)]
pub(crate) struct Person {
    /// The entity id: `alias/id`.
    pub(crate) id: String,
    /// The entity as Cedar writes it, in printable ASCII: for headers and records.
    pub(crate) text: String,
    /// The attributes, in the order of the mapping; absent ones are `None`.
    pub(crate) attributes: Vec<Option<Datum>>,
    /// The parents: positions in the mapping, and entity ids.
    pub(crate) parents: Vec<(usize, String)>,
}

impl Person {
    /// Roughly the bytes this takes.
    fn weight(&self) -> usize {
        let attributes: usize = self.attributes.iter().flatten().map(Datum::weight).sum();
        let parents: usize = self.parents.iter().map(|(_, id)| id.len() + size_of::<(usize, String)>()).sum();
        size_of::<Self>() + self.id.len() + self.text.len() + attributes + parents
    }
}

impl Identity {
    /// Roughly the bytes this takes, to keep the cache small.
    pub(crate) fn weight(&self) -> usize {
        let people: usize = std::iter::once(&self.subject).chain(&self.actors).map(Person::weight).sum();
        let claims: usize = self.claims.iter().map(ClaimValue::weight).sum();
        let key = self.confirmation.weight() + self.traces.as_ref().map_or(0, Traces::weight);
        size_of::<Self>() + self.recorded.len() + key + people + claims + self.grant.weight()
    }

    /// Somebody of whom no more is known than an id, and no token has been seen.
    pub(crate) fn unknown(id: &str) -> Self {
        Self {
            issuer: IssuerIndex::FIRST,
            recorded: String::new(),
            confirmation: Confirmation::default(),
            subject: Person { id: id.to_owned(), ..Person::default() },
            actors: vec![],
            grant: Grant::default(),
            claims: vec![],
            traces: None,
            status: None,
            revoked: Cell::new(None),
        }
    }

    #[cfg(test)]
    pub(crate) fn for_test(id: &str) -> Self {
        Self::unknown(id)
    }
}
