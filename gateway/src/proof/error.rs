//! Why a caller has not proved that a token is theirs.

/// Why a caller has not proved that a token is theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProofError {
    /// The issuer's tokens must be bound to a key, and this one is not.
    NotBound,
    /// A token that is bound to a DPoP key came as a bearer token.
    SentAsBearer,
    /// A token that is bound to no DPoP key came with the scheme `DPoP`.
    NotBoundToDpop,
    /// No `DPoP` header.
    Missing,
    /// More than one `DPoP` header, or several values in one.
    Repeated,
    /// The proof is longer than the limit.
    TooLarge,
    /// The proof is not one signed JWT.
    Malformed,
    /// `typ` is not `dpop+jwt`.
    Type,
    /// `alg` is missing, not one that proofs may have, or not one of the key.
    Algorithm,
    /// The header has `crit`, or a member that changes how the proof would be read.
    HeaderForbidden,
    /// `jwk` is missing or no key that could be used.
    Key,
    /// `jwk` holds a private key.
    KeyPrivate,
    /// The signature does not hold.
    Signature,
    /// `jti`, `htm`, `htu`, `iat` or `ath` is missing.
    ClaimMissing,
    /// A claim has the wrong type, or `jti` is empty or too long.
    ClaimType,
    /// `htm` is not the request's method.
    Method,
    /// `htu` is not the request's target.
    Target,
    /// `iat` is too long ago, or in the future.
    Time,
    /// A nonce is needed, and there is none.
    NonceMissing,
    /// The nonce is not one of ours, or too old.
    Nonce,
    /// `ath` is not the digest of the token.
    TokenHash,
    /// The proof's key is not the one that the token is bound to.
    KeyMismatch,
    /// The proof was used before.
    Replayed,
    /// There is no room to remember another proof, so this one could be repeated.
    ReplayCacheFull,
    /// The proof is older than what the memory of proofs knows, so it cannot be told from a repeated one.
    ReplayUnknown,
    /// The host has no memory of proofs, or took nothing into it.
    ReplayMemory,
    /// The token is bound to a certificate, and the connection has none that was validated.
    CertificateMissing,
    /// The token is bound to another certificate than the connection's.
    CertificateMismatch,
}
