//! Key sets that issuers publish: fetched in the background, shared between the workers of one proxy.
//!
//! ```text
//! tick ─► poller ─ ledger: due? claim it ─► fetch ─► document ─► shared data ─► every worker's issuers
//! request ─► issuer keys: known, unknown, unavailable            unknown ─► misses ─► wanted at the next tick
//! ```
//!
//! No request waits for a fetch or starts one. A fetch happens when keys are about to be too old, or when a token named a key
//! that is not there and the last fetch is long enough ago; whatever clients send, there are no more.
//!
//! The workers of a proxy agree by way of data that the proxy shares between them ([`KeyHost`]): who fetches has put its
//! name into the issuer's [`ledger`], for a time that outlasts the fetch. The others find the document there, and read it by
//! themselves, with the checks of what comes from the network.

mod clusters;
mod document;
mod event;
mod host;
mod issuer_keys;
mod ledger;
mod misses;
mod poller;
mod post;
mod shared;
mod uri;

pub use clusters::JwksClusters;
pub use event::{KeyEvent, KeyEventKind, RefreshError};
pub use host::{KeyHost, KeyRequest, KeyResponse};

pub(crate) use issuer_keys::{IssuerKeys, RemoteKeys};
pub(crate) use poller::{Desk, Poller};
pub(crate) use uri::is_acceptable as is_acceptable_uri;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
