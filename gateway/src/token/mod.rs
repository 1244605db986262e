//! Bearer tokens: from bytes of a header to a verified token.

mod algorithm;
pub mod der;
mod error;

pub use algorithm::{Algorithm, SignatureAlgorithm};
pub use error::{CredentialError, TokenError};
