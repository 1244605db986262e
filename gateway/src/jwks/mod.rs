//! Key sets that issuers publish: fetched in the background, shared between the workers of one proxy.
//!
//! ```text
//! tick ─► poller ─► feed ─► document ─► every worker's issuers
//! request ─► issuer keys: known, unknown, unavailable            unknown ─► misses ─► wanted at the next tick
//! ```
//!
//! No request waits for a fetch or starts one. A fetch happens when keys are about to be too old, or when a token named a key
//! that is not there and the last fetch is long enough ago; whatever clients send, there are no more.
//!
//! Workers fetch for each other ([`crate::feed`]); each reads what was fetched by itself, with the checks of what comes from the
//! network.

mod document;
mod event;
mod issuer_keys;
mod misses;
mod poller;
mod post;

pub use event::{KeyEvent, KeyEventKind, RefreshError};

pub(crate) use issuer_keys::{IssuerKeys, RemoteKeys};
pub(crate) use poller::{Desk, Poller};

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
