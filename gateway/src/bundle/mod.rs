//! A signed bundle, from bytes to something that can decide.
//!
//! Each step is a type, and only the last one can decide anything:
//!
//! ```text
//! bytes ─ Container::read ─► Container ─ verify(trust) ─► Verified ─ accept(expectation) ─► Accepted ─ open ─► ActiveBundle
//!         sizes                          k of n signatures           channel, version,                digests, sections
//!                                                                    expiry, formats
//! ```
//!
//! Nothing in the manifest is parsed before the signatures over its bytes hold, and the bytes that were verified are
//! the bytes that are parsed.

mod accept;
mod active;
mod check;
mod container;
mod digest;
mod error;
mod evidence;
pub mod format;
mod freshness;
mod manifest;
mod mark;
mod opening;
mod reader;
mod root;
mod threshold;
mod trust;

pub use accept::{Accepted, Expectation, Verified};
pub use active::ActiveBundle;
pub(crate) use check::SignatureCheck;
pub use container::{Container, SignatureEntry};
pub use digest::Digest;
pub use error::BundleError;
pub use format::pae;
pub(crate) use format::pae_head;
pub use freshness::{FRESHNESS_TYPE, Freshness, FreshnessError, FreshnessFile};
pub(crate) use manifest::is_premature;
pub use manifest::{Manifest, SectionEntry, SectionName, SourceEntry};
pub(crate) use mark::HighWaterMark;
pub use opening::{Opened, Opening};
pub use reader::{ReadError, Reader};
pub use root::{ROOT_TYPE, Role, RoleFile, RolesFile, Root, RootError, RootFile};
pub(crate) use threshold::{Claim, ThresholdError};
pub use trust::{KeyId, SignerAlgorithm, TrustKey, TrustKeyError, TrustSet, TrustSetError};

#[cfg(test)]
pub(crate) mod testing;
