//! Why a verified token gives no principal.

/// Why the claims of a verified token do not give the principal that the bundle describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdentityError {
    /// The claim with the principal's id is missing.
    IdMissing,
    /// The claim with the principal's id is not a string.
    IdType,
    /// The principal's id is empty, too long, or has control characters.
    IdInvalid,
    /// A required attribute's claim is missing.
    AttributeMissing,
    /// An attribute's claim has another type.
    AttributeType,
    /// An attribute's claim is text that is not a value of the type.
    AttributeInvalid,
    /// The token names an actor, and its issuer's description does not say what to make of that.
    ActorUnexpected,
    /// `act` is not an object, or its `iss` is not a string.
    ActorMalformed,
    /// An actor's id is missing, not a string, or not fit for one.
    ActorId,
    /// More actors than the issuer's tokens may name.
    ActorDepth,
    /// An actor that is the subject, or there already.
    ActorLoop,
    /// An actor of an issuer that may not act here.
    ActorIssuer,
    /// A parents claim is neither a string nor an array of strings, or names too many.
    Parents,
}
