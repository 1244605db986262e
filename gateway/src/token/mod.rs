//! Tokens: from the bytes of a header to a verified token.
//!
//! ```text
//! Authorization ─ credential ─► text ─ compact ─► parts ─ jws ─► header, claims, signature ─ issuer, algorithm, key, signature, claims ─► VerifiedToken
//! ```
//!
//! Everything that a token says about how to verify it is checked against the bundle: the issuer selects the keys, the
//! bundle lists the algorithms, and a key is of one kind from the moment it is read.

mod algorithm;
mod authorization_details;
mod base64url;
mod cache;
mod claims;
mod compact;
mod credential;
pub mod der;
mod error;
mod header;
mod issuer;
mod jwk;
mod jws;
mod key;
mod key_set;
mod profile;
mod terms;
mod token_claims;
mod verify;
mod workload_id;

pub use algorithm::{Algorithm, Hash, SignatureAlgorithm};
pub use error::{CredentialError, TokenError};
pub use jwk::JwkError;
pub use key_set::{JwksError, RejectedKey};

pub(crate) use authorization_details::{CLAIM as AUTHORIZATION_DETAILS, RESERVED as RESERVED_DETAILS, Right};
pub(crate) use base64url::decode as decode_base64url;
pub(crate) use cache::{Known, Presented, TokenCache};
pub(crate) use claims::{Validity, check as check_registered, date_ms};
pub(crate) use compact::CompactText;
pub(crate) use credential::{Scheme, bounded, in_query, read_access_token, read_scheme};
pub(crate) use header::{FORBIDDEN_MEMBERS, JoseHeader, TokenType};
pub(crate) use issuer::{Issuer, IssuerIndex, IssuerTable};
pub(crate) use jwk::{KeyPurpose, read as read_jwk};
pub(crate) use jws::CompactJws;
pub(crate) use key::{Key, KeyMaterial};
pub(crate) use key_set::KeySet;
pub(crate) use profile::SVID_ALGORITHMS;
pub(crate) use terms::{ClaimRules, RawTerms, Terms};
pub(crate) use token_claims::{FACTS, TokenClaims};
pub(crate) use verify::{TokenFacts, VerifiedToken, verify};
pub(crate) use workload_id::WorkloadId;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod vectors;
