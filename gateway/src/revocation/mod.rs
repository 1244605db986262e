//! Revocation: who and what is no longer believed, though its credentials still hold.
//!
//! ```text
//! payload of a signed document ─ ListOpening::begin ─► head ─ step, step, … ─► List ─ Revocations::install ─► asked for each identity
//!                                                      channel, serial       entries, hashed
//! ```
//!
//! A list is small and names what it is about ([`EntryKind`]); whatever could be revoked about an identity is worked out once, when
//! its token is verified ([`Traces`]). A new list is held against the identities that are known, so that requests ask nothing.

mod entry;
mod error;
mod held;
mod list;
mod opening;
mod owner;
mod table;
mod trace;

pub use entry::{Entry, EntryKind, Reason};
pub use error::RevocationError;
pub(crate) use held::Precedence;
pub use held::{Revocations, Revoked};
pub use list::{Base, ListFile, ListHead, OnExpiry, PAYLOAD_TYPE};
pub use opening::ListOpening;
pub use owner::StreamOwner;
pub use table::List;

pub(crate) use held::RevocationFacts;
pub(crate) use trace::{Mark, TraceFacts, Traces};
