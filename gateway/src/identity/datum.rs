//! Typed values: what a claim or a piece of request text is, once its type has been checked.

use palisade_engine::{parse_datetime, parse_decimal, parse_duration, parse_ip};

use crate::json::Json;
use crate::section::AttributeType;
use crate::token::{Right, date_ms};

/// A value of a known [`AttributeType`], ready to become a Cedar value. Names of types and fields are not repeated
/// here; they stay with the type.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Datum {
    Bool(bool),
    Long(i64),
    /// A string, the id of an entity, or the text of an IP address that is known to parse.
    Text(String),
    /// A decimal in ten-thousandths.
    Decimal(i64),
    /// A datetime in milliseconds since the Unix epoch.
    Datetime(i64),
    /// A duration in milliseconds.
    Duration(i64),
    Set(Vec<Datum>),
    /// The fields in the order of the record type; absent ones are `None`.
    Record(Vec<Option<Datum>>),
    /// Rights of `authorization_details`: a set of the records that hold for the resource of a request.
    Rights(Vec<Right>),
}

/// Why something is not a value of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReadFault {
    /// A required field of a record is missing.
    Missing,
    /// The wrong kind of JSON value.
    Type,
    /// Text that is not a value of the type.
    Invalid,
}

impl Datum {
    /// Reads a claim. A present value of the wrong type is a fault, `null` included; it never counts as absent.
    pub(crate) fn from_claim(claim: &Json, attribute_type: &AttributeType) -> Result<Self, ReadFault> {
        // Depth is bounded: the type was checked when the section was opened, and each level of it goes one down.
        match (attribute_type, claim) {
            (AttributeType::Bool, Json::Bool(value)) => Ok(Self::Bool(*value)),
            (AttributeType::Long, Json::Number(number)) => number.as_i64().map(Self::Long).ok_or(ReadFault::Type),
            (AttributeType::Datetime, Json::Number(_)) => date_ms(claim)
                .and_then(|millis| i64::try_from(millis).ok())
                .map(Self::Datetime)
                .ok_or(ReadFault::Invalid),
            (
                AttributeType::String
                | AttributeType::Entity(_)
                | AttributeType::Decimal
                | AttributeType::Duration
                | AttributeType::Ip,
                Json::String(text),
            ) => Self::from_text(text, attribute_type),
            (AttributeType::Set(element), Json::Array(claims)) => {
                let mut elements = Vec::with_capacity(claims.len());
                for claim in claims {
                    elements.push(Self::from_claim(claim, element)?);
                }
                Ok(Self::Set(elements))
            }
            (AttributeType::Record(fields), Json::Object(_)) => {
                let mut values = Vec::with_capacity(fields.len());
                for field in fields {
                    values.push(match claim.get(&field.name) {
                        Some(claim) => Some(Self::from_claim(claim, &field.attribute_type)?),
                        None if field.required => return Err(ReadFault::Missing),
                        None => None,
                    });
                }
                Ok(Self::Record(values))
            }
            (
                AttributeType::Bool
                | AttributeType::Long
                | AttributeType::String
                | AttributeType::Decimal
                | AttributeType::Ip
                | AttributeType::Datetime
                | AttributeType::Duration
                | AttributeType::Entity(_)
                | AttributeType::Set(_)
                | AttributeType::Record(_),
                _,
            ) => Err(ReadFault::Type),
        }
    }

    /// Reads text from a path, query or header. Every value has one spelling: `7`, not `07` or `+7`.
    pub(crate) fn from_text(text: &str, attribute_type: &AttributeType) -> Result<Self, ReadFault> {
        match attribute_type {
            AttributeType::String | AttributeType::Entity(_) => Ok(Self::Text(text.to_owned())),
            AttributeType::Bool => match text {
                "true" => Ok(Self::Bool(true)),
                "false" => Ok(Self::Bool(false)),
                _ => Err(ReadFault::Invalid),
            },
            AttributeType::Long => canonical_long(text).map(Self::Long).ok_or(ReadFault::Invalid),
            AttributeType::Decimal => parse_decimal(text).map(Self::Decimal).map_err(|_| ReadFault::Invalid),
            AttributeType::Datetime => parse_datetime(text).map(Self::Datetime).map_err(|_| ReadFault::Invalid),
            AttributeType::Duration => parse_duration(text).map(Self::Duration).map_err(|_| ReadFault::Invalid),
            AttributeType::Ip => match parse_ip(text) {
                Ok(_) => Ok(Self::Text(text.to_owned())),
                Err(_) => Err(ReadFault::Invalid),
            },
            AttributeType::Set(_) | AttributeType::Record(_) => Err(ReadFault::Type),
        }
    }

    /// Roughly the bytes this takes.
    pub(crate) fn weight(&self) -> usize {
        size_of::<Self>()
            + match self {
                Self::Bool(_) | Self::Long(_) | Self::Decimal(_) | Self::Datetime(_) | Self::Duration(_) => 0,
                Self::Text(text) => text.len(),
                Self::Set(elements) => elements.iter().map(Self::weight).sum(),
                Self::Rights(rights) => rights.iter().map(Right::weight).sum(),
                Self::Record(fields) => {
                    let field = |field: &Option<Self>| field.as_ref().map_or(size_of::<Self>(), Self::weight);
                    fields.iter().map(field).sum()
                }
            }
    }
}

/// A decimal integer without plus, leading zeros or minus zero.
fn canonical_long(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let canonical = match digits.as_bytes() {
        [b'0'] => text.len() == 1,
        [b'1'..=b'9', rest @ ..] => rest.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    if canonical { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::JsonLimits;

    fn attribute_type(text: &str) -> AttributeType {
        serde_json::from_str(text).unwrap()
    }

    fn claim(json: &str, of: &str) -> Result<Datum, ReadFault> {
        let json = Json::parse(json.as_bytes(), &JsonLimits::TOKEN).unwrap();
        Datum::from_claim(&json, &attribute_type(of))
    }

    fn text(text: &str, of: &str) -> Result<Datum, ReadFault> {
        Datum::from_text(text, &attribute_type(of))
    }

    #[test]
    fn claims_become_values() {
        for (json, of, expected) in [
            ("true", "\"bool\"", Datum::Bool(true)),
            ("-3", "\"long\"", Datum::Long(-3)),
            ("\"x\"", "\"string\"", Datum::Text("x".to_owned())),
            ("\"1.25\"", "\"decimal\"", Datum::Decimal(12_500)),
            ("\"10.0.0.0/8\"", "\"ip\"", Datum::Text("10.0.0.0/8".to_owned())),
            ("1700000000.5", "\"datetime\"", Datum::Datetime(1_700_000_000_500)),
            ("\"1h\"", "\"duration\"", Datum::Duration(3_600_000)),
            ("\"t\"", "{\"entity\":\"Team\"}", Datum::Text("t".to_owned())),
            ("[1,2]", "{\"set\":\"long\"}", Datum::Set(vec![Datum::Long(1), Datum::Long(2)])),
            ("[]", "{\"set\":\"long\"}", Datum::Set(vec![])),
        ] {
            assert_eq!(claim(json, of), Ok(expected), "{json} {of}");
        }
        let record = r#"{"record":[{"name":"a","type":"long","required":true},
                                   {"name":"b","type":"bool","required":false}]}"#;
        assert_eq!(claim(r#"{"z":[],"a":1}"#, record), Ok(Datum::Record(vec![Some(Datum::Long(1)), None])));
    }

    #[test]
    fn claims_of_another_type_are_faults() {
        for (json, of, fault) in [
            ("null", "\"bool\"", ReadFault::Type),
            ("\"true\"", "\"bool\"", ReadFault::Type),
            ("1", "\"bool\"", ReadFault::Type),
            ("\"1\"", "\"long\"", ReadFault::Type),
            ("1.0", "\"long\"", ReadFault::Type),
            ("9223372036854775808", "\"long\"", ReadFault::Type),
            ("1", "\"string\"", ReadFault::Type),
            ("[\"x\"]", "\"string\"", ReadFault::Type),
            ("1.25", "\"decimal\"", ReadFault::Type),
            ("\"1.23456\"", "\"decimal\"", ReadFault::Invalid),
            ("\"10.0.0.256\"", "\"ip\"", ReadFault::Invalid),
            ("\"2026-01-01\"", "\"datetime\"", ReadFault::Type),
            ("-1", "\"datetime\"", ReadFault::Invalid),
            ("9007199254740992", "\"datetime\"", ReadFault::Invalid),
            ("\"1 hour\"", "\"duration\"", ReadFault::Invalid),
            ("{\"type\":\"Team\",\"id\":\"t\"}", "{\"entity\":\"Team\"}", ReadFault::Type),
            ("\"x\"", "{\"set\":\"string\"}", ReadFault::Type),
            ("[\"x\",1]", "{\"set\":\"string\"}", ReadFault::Type),
            ("[]", "{\"record\":[]}", ReadFault::Type),
        ] {
            assert_eq!(claim(json, of), Err(fault), "{json} {of}");
        }
        let record = r#"{"record":[{"name":"a","type":"long","required":true}]}"#;
        assert_eq!(claim("{}", record), Err(ReadFault::Missing));
        assert_eq!(claim(r#"{"A":1}"#, record), Err(ReadFault::Missing));
        assert_eq!(claim(r#"{"a":null}"#, record), Err(ReadFault::Type));
        let optional = record.replace("true", "false");
        assert_eq!(claim(r#"{"a":null}"#, &optional), Err(ReadFault::Type));
    }

    #[test]
    fn text_has_one_spelling() {
        for (given, of, expected) in [
            ("0", "\"long\"", Datum::Long(0)),
            ("-9223372036854775808", "\"long\"", Datum::Long(i64::MIN)),
            ("true", "\"bool\"", Datum::Bool(true)),
            ("", "\"string\"", Datum::Text(String::new())),
            ("1970-01-01T00:00:01Z", "\"datetime\"", Datum::Datetime(1000)),
        ] {
            assert_eq!(text(given, of), Ok(expected), "{given} {of}");
        }
        for given in ["", "-", "+1", "01", "-0", "-01", "1 ", " 1", "1.0", "1e3", "0x1", "9223372036854775808", "١"] {
            assert_eq!(text(given, "\"long\""), Err(ReadFault::Invalid), "{given}");
        }
        for (given, of) in [("True", "\"bool\""), ("1", "\"bool\""), ("", "\"bool\""), ("1", "\"decimal\"")] {
            assert_eq!(text(given, of), Err(ReadFault::Invalid), "{given}");
        }
        assert_eq!(text("1700000000", "\"datetime\""), Err(ReadFault::Invalid));
        assert_eq!(text("a,b", "{\"set\":\"string\"}"), Err(ReadFault::Type));
    }
}
