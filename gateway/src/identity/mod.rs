//! Identity: from the claims of a verified token to a Cedar principal.

mod error;

pub use error::IdentityError;
