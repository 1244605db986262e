//! A strict JSON value: what a token or a key set says, with nothing read twice or dropped.
//!
//! Parsers disagree about duplicate member names, and that disagreement is an attack: one component checks the first
//! `aud`, another uses the last. So a duplicate at any level refuses the whole text, as do values beyond the limits.
//!
//! [`Json`] is for what is small, and for what is kept; [`JsonDocument`] is for request bodies.

mod canonical;
mod document;
mod embedded;
mod read;
mod scan;
mod view;

use std::borrow::Cow;

use serde::{Serialize, Serializer};

pub(crate) use canonical::NotCanonical;
pub use document::JsonFault;
pub(crate) use document::{JsonDocument, JsonKind};
pub use read::{JsonError, JsonLimits};
pub(crate) use view::JsonView;

/// A JSON value whose objects have distinct member names. Its strings are pieces of the text that it was read from, but for those
/// with escapes.
#[derive(Clone, Debug, PartialEq)]
pub enum Json<'t> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number as written: integers stay exact, anything else is a finite double.
    Number(serde_json::Number),
    /// A string
    String(Cow<'t, str>),
    /// An array
    Array(Vec<Json<'t>>),
    /// An object; members in the order written, names distinct.
    Object(Vec<Member<'t>>),
}

/// A member of an object: its name and its value.
pub type Member<'t> = (Cow<'t, str>, Json<'t>);

impl<'t> Json<'t> {
    /// The member of an object; `None` for a missing member and for any other kind of value.
    #[must_use]
    // It is asked for in a hundred places; the loop in each of them made the wasm module larger and nothing quicker.
    #[inline(never)]
    pub fn get(&self, name: &str) -> Option<&Self> {
        match self {
            // Most names of claims have three letters; few of those end in the same one.
            Self::Object(members) => {
                let (length, end) = (name.len(), name.as_bytes().last());
                let is_named =
                    |member: &str| member.len() == length && member.as_bytes().last() == end && *member == *name;
                members.iter().find_map(|(member, value)| is_named(member).then_some(value))
            }
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::String(_) | Self::Array(_) => None,
        }
    }

    /// Follows member names down from this value.
    #[must_use]
    pub fn path<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Option<&Self> {
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
    pub fn as_array(&self) -> Option<&[Self]> {
        match self {
            Self::Array(elements) => Some(elements),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::String(_) | Self::Object(_) => None,
        }
    }

    /// The members of an object.
    #[must_use]
    pub fn as_object(&self) -> Option<&[Member<'t>]> {
        match self {
            Self::Object(members) => Some(members),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::String(_) | Self::Array(_) => None,
        }
    }

    /// The same value without the text that it was read from.
    #[must_use]
    pub fn into_owned(self) -> Json<'static> {
        let owned = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        match self {
            Self::Null => Json::Null,
            Self::Bool(value) => Json::Bool(value),
            Self::Number(number) => Json::Number(number),
            Self::String(text) => Json::String(owned(text)),
            Self::Array(elements) => Json::Array(elements.into_iter().map(Self::into_owned).collect()),
            Self::Object(members) => {
                Json::Object(members.into_iter().map(|(name, value)| (owned(name), value.into_owned())).collect())
            }
        }
    }
}

impl Serialize for Json<'_> {
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
