//! Security events from identity providers (Shared Signals Framework 1.0, CAEP 1.0): what they say, and what is revoked for it.
//!
//! A transmitter pushes security event tokens (RFC 8417) one by one (RFC 8935). [`Transmitter::verify`] takes one from bytes to
//! an [`Event`]; [`Event::revocation`] makes an entry of a revocation list of it.

mod event;
mod keys;
mod token;

pub use event::{Event, EventKind, Subject};
pub use keys::{KeySet, KeySetError};
pub use token::{SetError, Transmitter};

#[cfg(test)]
mod tests;
