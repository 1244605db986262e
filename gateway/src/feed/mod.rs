//! Documents that are fetched in the background, once for all workers of a proxy.
//!
//! ```text
//! tick ─► feed ─ ledger: due? claim it ─► fetch ─► its reader accepts it ─► shared data ─► every worker reads it
//! ```
//!
//! No request waits for a fetch or starts one. The workers of a proxy agree by way of data that the proxy shares between them
//! ([`FetchHost`]): who fetches has put its name into the document's [`ledger`], and keeps it there until the answer has come.
//! The others find the document in shared data, and read it by themselves, with the checks of what comes from the network.
//! Should the one who fetches end meanwhile, another does after a few seconds: there is no state but the ledger, the document and
//! what each worker has made of it.
//!
//! What is fetched, how often, and what makes a document acceptable is its reader's: [`crate::jwks`] reads key sets, [`crate::delivery`] bundles.

mod clusters;
mod error;
mod host;
mod ledger;
mod resource;
mod shared;
mod uri;
mod worker;

pub use clusters::ClusterNames;
pub use error::FetchError;
pub use host::{FetchHost, FetchRequest, FetchResponse, FetchedBody, PostRequest};

pub(crate) use ledger::Pace;
pub(crate) use resource::{Arrival, Document, Resource, Source, is_page};
pub(crate) use shared::Names;
pub(crate) use uri::DocumentUri;
pub(crate) use worker::{Entry, Feed, News, Turn};

#[cfg(test)]
pub(crate) mod testing;
