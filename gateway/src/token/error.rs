//! Why a credential is refused. Small values: the sentences are in the documentation, the codes in the outcome table.

/// Why a request carries no usable credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialError {
    /// No `Authorization` header.
    Missing,
    /// `Authorization` with a scheme other than `Bearer`, or `DPoP` where it is accepted.
    Scheme,
    /// More than one `Authorization` header.
    Repeated,
    /// A workload identity token, and an `Authorization` header as well.
    TwoMethods,
    /// No `Authorization` header, and the connection's validated certificate is none of a workload that an issuer vouches for.
    Certificate,
    /// A token in the query as well (RFC 6750 §2.3), where logs and referrers would keep it.
    InQuery,
    /// A token that is longer than the limit.
    TooLarge,
    /// The scheme without one token of the characters a JWT may have (RFC 8725 §3.2).
    Malformed,
}

/// Why a token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenError {
    /// The header is longer than the limit.
    HeaderTooLarge,
    /// Not three non-empty parts.
    Parts,
    /// Five parts: an encrypted token (JWE), which is not accepted.
    Encrypted,
    /// A part is not canonical base64url without padding.
    Base64,
    /// The header or the claims are not one JSON object within the limits.
    Json,
    /// The header or the claims name a member twice.
    DuplicateMember,
    /// The header has a member that changes how it would be read or where the key comes from.
    HeaderForbidden,
    /// The header has `crit`; no extension is implemented.
    Critical,
    /// `typ` or `cty` is of a kind of token that is not an access token.
    Type,
    /// `alg` is missing, unknown, or not one the issuer may use.
    AlgorithmNotAllowed,
    /// `kid` is not a string, or too long.
    KeyIdInvalid,
    /// `kid` is missing, and this kind of token needs it.
    KeyIdMissing,
    /// The issuer has no key of that id.
    KeyUnknown,
    /// The issuer's keys were never fetched, or so long ago that they count no more.
    KeysUnavailable,
    /// No `kid`, and not exactly one key of the issuer fits.
    KeyAmbiguous,
    /// The key of that id is not for this algorithm.
    KeyMismatch,
    /// The signature does not hold.
    Signature,
    /// `iss` is missing.
    IssuerMissing,
    /// `iss` is not an issuer of the bundle, or not the one of the workload's trust domain.
    IssuerUnknown,
    /// A registered claim has the wrong JSON type or is out of range.
    ClaimType,
    /// `exp` is missing.
    ExpiryMissing,
    /// `exp` has passed.
    Expired,
    /// `nbf` is in the future.
    NotYetValid,
    /// `iat` is in the future.
    IssuedInFuture,
    /// Neither `iat` nor `nbf`: the lifetime cannot be known.
    IssuedAtMissing,
    /// Valid for longer than the issuer may grant.
    Lifetime,
    /// `aud` is missing.
    AudienceMissing,
    /// `aud` does not name this gateway.
    Audience,
    /// `aud` names others besides.
    AudienceMultiple,
    /// The token has claims that only another kind of token has.
    OtherKind,
    /// The header has a member that this kind of token may not have.
    HeaderMember,
    /// `sub` is missing or empty, and this kind of token needs it.
    SubjectMissing,
    /// `client_id` is missing or empty.
    ClientIdMissing,
    /// `jti` is missing or empty.
    TokenIdMissing,
    /// `sub` is not a SPIFFE ID.
    SpiffeId,
    /// `sub` does not identify a workload.
    WorkloadId,
    /// `sub` is of another trust domain than the keys.
    TrustDomain,
    /// A service-account token of the kind that was kept in secrets.
    KubernetesLegacy,
    /// `kubernetes.io` does not name a namespace and a service account.
    KubernetesBinding,
    /// `sub` is not the service account that `kubernetes.io` names.
    KubernetesSubject,
    /// `cnf` is not an object, or a thumbprint in it is none.
    Confirmation,
    /// `cnf` has no method that is implemented.
    ConfirmationUnknown,
    /// `cnf` is missing, and this kind of token needs it.
    ConfirmationMissing,
    /// `jwk` in `cnf` is missing or no key that could be used.
    ConfirmationKey,
    /// `jwk` in `cnf` holds a private key.
    ConfirmationKeyPrivate,
    /// `jwk` in `cnf` does not say for which algorithm it is, or says one that this kind of token may not have.
    ConfirmationAlgorithm,
    /// The number of the repository or of its owner is missing.
    GithubClaimMissing,
    /// `status` names a status list, and the bundle says of the issuer nothing of lists.
    StatusUnexpected,
    /// `status` is missing, and the issuer's tokens must have it.
    StatusMissing,
    /// `status` does not name a list and a place in it (draft-ietf-oauth-status-list-21 §6).
    StatusMalformed,
    /// The status list is none that the issuer's tokens may name.
    StatusUri,
    /// The status list was never fetched, or is too old or expired.
    StatusUnavailable,
    /// The status list has no such place.
    StatusOutOfRange,
    /// The status list says that the token is revoked.
    StatusInvalid,
    /// The status list says that the token is revoked for now.
    StatusSuspended,
    /// The status list says of the token what only an application understands.
    StatusApplication,
    /// The status list says of the token what nobody has given a meaning.
    StatusReserved,
    /// `authorization_details` is not an array of objects with a `type`, or a common member of one has another type (RFC 9396 §2).
    AuthorizationDetails,
}
