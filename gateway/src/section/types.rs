//! The Cedar types that claims and request data are turned into.

use serde::{Deserialize, Serialize};

use super::error::{SectionError, SectionErrorKind};
use crate::limits;
use crate::token::{AUTHORIZATION_DETAILS, FACTS, RESERVED_DETAILS};

/// The type of a Cedar attribute, from the schema.
///
/// As JSON: `"bool"`, `"long"`, `"string"`, `"decimal"`, `"ip"`, `"datetime"`, `"duration"`, `{"entity": "Type"}`,
/// `{"set": T}` or `{"record": [{"name", "type", "required"}]}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AttributeType {
    /// `Bool`
    Bool,
    /// `Long`
    Long,
    /// `String`
    String,
    /// `decimal`, from its text
    Decimal,
    /// `ipaddr`, from its text
    Ip,
    /// `datetime`: from a NumericDate in a claim, from Cedar's text elsewhere
    Datetime,
    /// `duration`, from its text
    Duration,
    /// An entity of that type, from its id
    Entity(String),
    /// A set of that type
    Set(Box<AttributeType>),
    /// A record; members not listed are left out
    Record(Vec<RecordField>),
}

/// A field of a record type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordField {
    /// The field's name, in Cedar and in the claim.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub attribute_type: AttributeType,
    /// Whether it must be there.
    pub required: bool,
}

impl AttributeType {
    /// Checks that the type is within the limits and that names are distinct.
    pub(crate) fn check(&self, place: &str) -> Result<(), SectionError> {
        self.check_depth(place, limits::ATTRIBUTE_DEPTH)
    }

    fn check_depth(&self, place: &str, depth: usize) -> Result<(), SectionError> {
        let error = |kind| Err(SectionError::new(kind, format!("the type of {place}")));
        let Some(inner) = depth.checked_sub(1) else {
            return error(SectionErrorKind::Limit);
        };
        match self {
            Self::Bool | Self::Long | Self::String | Self::Decimal | Self::Ip | Self::Datetime | Self::Duration => {
                Ok(())
            }
            Self::Entity(name) => check_type_name(name, place),
            Self::Set(element) => element.check_depth(place, inner),
            Self::Record(fields) => {
                if fields.len() > limits::ATTRIBUTES {
                    return error(SectionErrorKind::Limit);
                }
                for (index, field) in fields.iter().enumerate() {
                    if fields.iter().skip(index + 1).any(|other| other.name == field.name) {
                        return error(SectionErrorKind::Duplicate);
                    }
                    field.attribute_type.check_depth(place, inner)?;
                }
                Ok(())
            }
        }
    }

    /// Whether one piece of text can give a value of this type.
    pub(crate) fn is_scalar(&self) -> bool {
        match self {
            Self::Bool
            | Self::Long
            | Self::String
            | Self::Decimal
            | Self::Ip
            | Self::Datetime
            | Self::Duration
            | Self::Entity(_) => true,
            Self::Set(_) | Self::Record(_) => false,
        }
    }
}

/// Checks a Cedar type name: identifiers joined by `::`.
pub(crate) fn check_type_name(name: &str, place: &str) -> Result<(), SectionError> {
    let identifier = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    if name.len() <= limits::NAME_BYTES && name.split("::").all(identifier) {
        Ok(())
    } else {
        Err(SectionError::new(SectionErrorKind::Name, format!("the entity type `{name}` of {place}")))
    }
}

/// Checks a path of member names.
pub(crate) fn check_names(path: &[String], place: &str) -> Result<(), SectionError> {
    if path.is_empty() || path.iter().any(String::is_empty) {
        return Err(SectionError::new(SectionErrorKind::Empty, place));
    }
    if path.len() > limits::ATTRIBUTE_DEPTH {
        return Err(SectionError::new(SectionErrorKind::Limit, place));
    }
    Ok(())
}

/// Checks a path of member names to a claim.
pub(crate) fn check_claim_path(path: &[String], place: &str) -> Result<(), SectionError> {
    let place = format!("the claim of {place}");
    check_names(path, &place)?;
    let error = |kind| Err(SectionError::new(kind, place.as_str()));
    // The gateway's own findings have fixed names; a misspelt one would never be there.
    if let Some(root) = path.first().filter(|name| name.starts_with('$')) {
        let members = FACTS.iter().find(|(known, _)| known == root).map(|(_, members)| *members);
        let known = matches!(path, [_, member] if members.is_some_and(|members| members.contains(&member.as_str())));
        if !known {
            return error(SectionErrorKind::Source);
        }
    }
    Ok(())
}

/// Whether the claim at a path can give values of a type. All can but `authorization_details`: by itself it is a set of
/// strings, the types of its items; followed by a type, it is a set of records of what items of that type grant.
#[must_use]
pub fn claim_gives(path: &[String], attribute_type: &AttributeType) -> bool {
    let Some((AUTHORIZATION_DETAILS, details)) = path.split_first().map(|(name, rest)| (name.as_str(), rest)) else {
        return true;
    };
    let AttributeType::Set(element) = attribute_type else {
        return false;
    };
    match (details, &**element) {
        ([], AttributeType::String) => true,
        ([_], AttributeType::Record(fields)) => {
            fields.iter().all(|field| !RESERVED_DETAILS.contains(&field.name.as_str()))
        }
        _ => false,
    }
}

/// Checks a path to a claim, and that it can give values of a type.
pub(crate) fn check_claim(path: &[String], attribute_type: &AttributeType, place: &str) -> Result<(), SectionError> {
    check_claim_path(path, place)?;
    if claim_gives(path, attribute_type) { Ok(()) } else { Err(SectionError::new(SectionErrorKind::Type, place)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<AttributeType> {
        serde_json::from_str(text).ok()
    }

    #[test]
    fn the_json_forms_read_and_write() {
        for text in [
            r#""bool""#,
            r#""datetime""#,
            r#"{"entity":"Ns::Team"}"#,
            r#"{"set":{"entity":"Team"}}"#,
            r#"{"record":[{"name":"a","type":"long","required":true}]}"#,
        ] {
            let value = read(text).unwrap();
            assert_eq!(serde_json::to_string(&value).unwrap(), text);
            assert!(value.check("x").is_ok());
        }
    }

    #[test]
    fn other_forms_are_refused() {
        for text in [
            r#""Bool""#,
            r#""float""#,
            r#"{"set":"x"}"#,
            r#"{"entity":1}"#,
            r#"{"entity":"A","set":"bool"}"#,
            r#"{"record":[{"name":"a","type":"long"}]}"#,
            r#"{"record":[{"name":"a","type":"long","required":true,"x":1}]}"#,
            "null",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn paths_to_findings_are_known_ones() {
        let check = |text: &str| {
            let path: Vec<String> = text.split('.').map(str::to_owned).collect();
            check_claim_path(&path, "x").err().map(|error| error.kind())
        };
        for path in ["sub", "a.b", "$token.profile", "$spiffe.prefixes", "$kubernetes.pod_uid", "a.$token"] {
            assert_eq!(check(path), None, "{path}");
        }
        for path in ["$token", "$token.sub", "$tokens.profile", "$spiffe.path.x", "$", "$.a", "$kubernetes.Pod"] {
            assert_eq!(check(path), Some(SectionErrorKind::Source), "{path}");
        }
    }

    #[test]
    fn authorization_details_give_types_or_records() {
        let check = |claim: &str, text: &str| {
            let path: Vec<String> = claim.split(' ').map(str::to_owned).collect();
            check_claim(&path, &read(text).unwrap(), "x").err().map(|error| error.kind())
        };
        let record =
            |name: &str| format!(r#"{{"set":{{"record":[{{"name":"{name}","type":"string","required":true}}]}}}}"#);
        assert_eq!(check("authorization_details", r#"{"set":"string"}"#), None);
        assert_eq!(check("authorization_details https://a.b/c", &record("action")), None);
        assert_eq!(check("nested authorization_details", r#""string""#), None);
        for (claim, text) in [
            ("authorization_details", record("action")),
            ("authorization_details", r#""string""#.to_owned()),
            ("authorization_details", r#"{"set":"long"}"#.to_owned()),
            ("authorization_details a", r#"{"set":"string"}"#.to_owned()),
            ("authorization_details a", r#"{"record":[]}"#.to_owned()),
            ("authorization_details a", record("type")),
            ("authorization_details a", record("locations")),
            ("authorization_details a b", record("action")),
        ] {
            assert_eq!(check(claim, &text), Some(SectionErrorKind::Type), "{claim} {text}");
        }
    }

    #[test]
    fn bad_types_do_not_check() {
        let deep =
            (0..limits::ATTRIBUTE_DEPTH).fold(AttributeType::Bool, |inner, _| AttributeType::Set(Box::new(inner)));
        assert_eq!(deep.check("x").unwrap_err().kind(), SectionErrorKind::Limit);
        let field = RecordField { name: "a".to_owned(), attribute_type: AttributeType::Bool, required: true };
        let twice = AttributeType::Record(vec![field.clone(), field]);
        assert_eq!(twice.check("x").unwrap_err().kind(), SectionErrorKind::Duplicate);
        for name in ["", "a b", "1a", "a::", "::a", "a:b", "Ä", "a\"b"] {
            let entity = AttributeType::Entity(name.to_owned());
            assert_eq!(entity.check("x").unwrap_err().kind(), SectionErrorKind::Name, "{name}");
        }
    }
}
