//! A strict JSON value: what a token or a key set says, with nothing read twice or dropped.
//!
//! Parsers disagree about duplicate member names, and that disagreement is an attack: one component checks the first
//! `aud`, another uses the last. So a duplicate at any level refuses the whole text, as do values beyond the limits.
//!
//! [`Json`] is for what is kept or small; [`JsonDocument`] is for request bodies, and copies nothing.

mod canonical;
mod document;
mod read;
mod scan;
mod view;

use serde::{Serialize, Serializer};

pub(crate) use canonical::NotCanonical;
pub use document::JsonFault;
pub(crate) use document::{JsonDocument, JsonKind};
pub use read::{JsonError, JsonLimits};
pub(crate) use view::JsonView;

/// A JSON value whose objects have distinct member names.
#[derive(Clone, Debug, PartialEq)]
pub enum Json {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number as written: integers stay exact, anything else is a finite double.
    Number(serde_json::Number),
    /// A string
    String(String),
    /// An array
    Array(Vec<Json>),
    /// An object; members in the order written, names distinct.
    Object(Vec<(String, Json)>),
}

impl Json {
    /// The member of an object; `None` for a missing member and for any other kind of value.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Json> {
        match self {
            Self::Object(members) => members.iter().find_map(|(member, value)| (member == name).then_some(value)),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::String(_) | Self::Array(_) => None,
        }
    }

    /// Follows member names down from this value.
    #[must_use]
    pub fn path<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Option<&Json> {
        names.into_iter().try_fold(self, |value, name| value.get(name))
    }

    /// The text of a string.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::Array(_) | Self::Object(_) => None,
        }
    }

    /// The elements of an array.
    #[must_use]
    pub fn as_array(&self) -> Option<&[Json]> {
        match self {
            Self::Array(elements) => Some(elements),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::String(_) | Self::Object(_) => None,
        }
    }

    /// The members of an object.
    #[must_use]
    pub fn as_object(&self) -> Option<&[(String, Json)]> {
        match self {
            Self::Object(members) => Some(members),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::String(_) | Self::Array(_) => None,
        }
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Number(number) => number.serialize(serializer),
            Self::String(text) => serializer.serialize_str(text),
            Self::Array(elements) => serializer.collect_seq(elements),
            Self::Object(members) => serializer.collect_map(members.iter().map(|(name, value)| (name, value))),
        }
    }
}
