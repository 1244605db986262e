//! Identity: from the claims of a verified token to a Cedar principal.

mod claim_slots;
mod datum;
mod error;
mod grant;
mod mapping;

pub use error::IdentityError;

pub(crate) use claim_slots::{ClaimSlots, ClaimValue, SlotIndex};
pub use grant::RequirementError;

pub(crate) use datum::{Datum, ReadFault};
pub(crate) use grant::Grant;
pub(crate) use mapping::{check_mapping, identify};

use crate::proof::Confirmation;
use crate::token::{Algorithm, IssuerIndex};

/// Who is calling: a verified token, worked out once and kept with it.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) issuer: IssuerIndex,
    pub(crate) algorithm: Algorithm,
    pub(crate) kid: Option<String>,
    /// What the token is bound to; proved for each request.
    pub(crate) confirmation: Confirmation,
    /// The principal's entity id: `alias/id`.
    pub(crate) id: String,
    /// The principal as Cedar writes it, in printable ASCII: for headers and records.
    pub(crate) text: String,
    /// The attributes, in the order of the issuer's mapping; absent ones are `None`.
    pub(crate) attributes: Vec<Option<Datum>>,
    /// The parents: positions in the issuer's mapping, and entity ids.
    pub(crate) parents: Vec<(usize, String)>,
    /// What the token says of scopes and of the user's authentication.
    pub(crate) grant: Grant,
    /// What the routes of the bundle read from claims, in the order of the bundle's slots.
    pub(crate) claims: Vec<ClaimValue>,
}

impl Identity {
    /// Roughly the bytes this takes, to keep the cache small.
    pub(crate) fn weight(&self) -> usize {
        let data = |datum: &Datum| datum.weight();
        let attributes: usize = self.attributes.iter().flatten().map(data).sum();
        let parents: usize = self.parents.iter().map(|(_, id)| id.len() + size_of::<(usize, String)>()).sum();
        let claims: usize = self.claims.iter().map(ClaimValue::weight).sum();
        let texts = self.id.len() + self.text.len() + self.kid.as_ref().map_or(0, String::len);
        size_of::<Self>() + texts + self.grant.weight() + attributes + parents + claims
    }

    #[cfg(test)]
    pub(crate) fn for_test(id: &str) -> Self {
        use crate::section::testing;
        use crate::token::IssuerTable;
        let table = IssuerTable::open(vec![testing::issuer("test", "https://issuer")]).unwrap();
        Self {
            issuer: table.find("https://issuer").unwrap().0,
            algorithm: Algorithm::Es256,
            kid: None,
            confirmation: Confirmation::default(),
            id: id.to_owned(),
            text: String::new(),
            attributes: vec![],
            parents: vec![],
            grant: Grant::default(),
            claims: vec![],
        }
    }
}
