//! Why a gateway section is refused.

use std::fmt;

/// Why a gateway section is refused, and where. Made on the cold path only, so it carries text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SectionError {
    kind: SectionErrorKind,
    place: String,
}

/// The kinds of defects of a gateway section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SectionErrorKind {
    /// Not the JSON of a gateway section.
    Syntax,
    /// More of something than the limit, or too deep a type.
    Limit,
    /// A name that is empty, too long or has characters it may not have.
    Name,
    /// Something that must be unique is there twice.
    Duplicate,
    /// A list that may not be empty is.
    Empty,
    /// A number outside its range.
    Range,
    /// The key set is not acceptable.
    Keys,
    /// The URL of a key set is not an `https` URL in the one form that is taken.
    JwksUri,
    /// The place of a status list is not an `https` URL in the one form that is taken.
    StatusUri,
    /// A path or resource template is malformed.
    Template,
    /// Two routes can match one request, and neither is more specific.
    AmbiguousRoute,
    /// A source cannot give a value of the type, or names something that is not there.
    Source,
    /// A type that has no place here.
    Type,
    /// The name, audience or algorithms of an issuer are not what its profile asks for.
    Profile,
}

impl SectionErrorKind {
    /// The stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Syntax => "section.syntax",
            Self::Limit => "section.limit",
            Self::Name => "section.name",
            Self::Duplicate => "section.duplicate",
            Self::Empty => "section.empty",
            Self::Range => "section.range",
            Self::Keys => "section.keys",
            Self::JwksUri => "section.jwks_uri",
            Self::StatusUri => "section.status_uri",
            Self::Template => "section.template",
            Self::AmbiguousRoute => "section.ambiguous_route",
            Self::Source => "section.source",
            Self::Type => "section.type",
            Self::Profile => "section.profile",
        }
    }
}

impl SectionError {
    /// A defect of `kind` at `place`, which says in words what and where.
    #[must_use]
    pub fn new(kind: SectionErrorKind, place: impl Into<String>) -> Self {
        Self { kind, place: place.into() }
    }

    /// What kind of defect.
    #[must_use]
    pub fn kind(&self) -> SectionErrorKind {
        self.kind
    }
}

impl fmt::Display for SectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.code(), self.place)
    }
}

impl std::error::Error for SectionError {}
