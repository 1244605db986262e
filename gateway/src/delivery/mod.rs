//! How a bundle comes to a gateway that is up: over HTTP, in the background.
//!
//! ```text
//! feed ─► bytes ─► signatures, channel, version ─► opened piece by piece ─► takes the place of the one that decides
//!            └────────── any check fails: refused, told, and asked for again; the last good one goes on deciding
//! ```
//!
//! One worker fetches for all of a proxy ([`crate::feed`]); each verifies and opens by itself.

mod bundle;
mod canary;
mod event;
mod landing;
mod remote;
mod renewals;
mod revocations;
mod status;

pub use canary::StatusFile;
pub use event::{BundleEvent, Event, ListEvent, RenewalEvent};
pub use remote::RemoteFile;
pub use renewals::Renewal;
pub use status::{BundleIdentity, BundleStatus};

pub(crate) use bundle::{Delivery, Dock};
pub(crate) use canary::Canary;
pub(crate) use remote::Remote;
pub(crate) use renewals::Renewals;
pub(crate) use revocations::{ListDelivery, ListDock};
