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
    /// A parents claim is neither a string nor an array of strings, or names too many.
    Parents,
}
