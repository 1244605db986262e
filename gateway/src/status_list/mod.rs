//! Status lists: where an issuer says which of its tokens are no longer good (draft-ietf-oauth-status-list-21).
//!
//! ```text
//! token ─ claim ─► reference: a list, and a place in it ─► kept with the identity ─► looked up for each request
//! tick ─► lists ─► feed ─► token ─ signature, subject, times ─► inflated ─► held by every reference to it
//! ```
//!
//! A token that is verified can say "I am in this list" of lists that the bundle lets its issuer have, and no more: no request waits
//! for a fetch or starts one. Workers fetch for each other ([`crate::feed`]); each verifies what was fetched by itself, with the
//! keys of the token's issuer.
//!
//! Looking a token up is one byte of a list in memory, so that nothing of the answer is kept: known tokens are held against the
//! list of this moment.

mod claim;
mod error;
mod event;
mod inflate;
mod list;
mod lists;
mod post;
mod rules;
mod token;
mod watch;

pub use error::StatusListError;
pub use event::{StatusListEvent, StatusListEventKind};
pub use list::{StatusList, TokenStatus};

pub(crate) use claim::StatusClaim;
pub use lists::StatusListAges;
pub(crate) use lists::{Desk, Lists};
pub(crate) use rules::{AllowedUri, StatusRules};
pub(crate) use watch::{StatusFacts, StatusReference, judge};

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
