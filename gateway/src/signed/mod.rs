//! Signed documents: the small JSON files beside a bundle that renew it, change who may sign, or revoke.
//!
//! Each is a DSSE envelope (DSSE 1.0.2). As with a bundle, each step is a type:
//!
//! ```text
//! bytes ─ SignedDocument::read ─► SignedDocument ─ verify(trust, type) ─► VerifiedDocument ─ parse ─► T
//!         size, JSON, base64                       k of n signatures                         one spelling
//! ```
//!
//! The bytes that were verified are the bytes that are parsed. What a document says counts for nothing before that.

mod envelope;
mod error;
mod opening;
mod verified;

pub use envelope::{Envelope, EnvelopeSignature, SignedDocument};
pub use error::SignedError;
pub(crate) use opening::SignedOpening;
pub use verified::VerifiedDocument;
pub(crate) use verified::parse;

#[cfg(test)]
mod tests;
