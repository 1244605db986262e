//! Reading [`Json`] within limits.

use std::cell::Cell;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::Json;
use crate::limits;

/// Why a text is not an acceptable JSON value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonError {
    /// Not JSON, not UTF-8, a lone surrogate, or something after the value.
    Syntax,
    /// An object names a member twice.
    DuplicateMember,
    /// Too deep, too many values or members, or too long a string.
    Limit,
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Syntax => "not valid JSON",
            Self::DuplicateMember => "an object names a member twice",
            Self::Limit => "the JSON value exceeds a limit",
        })
    }
}

impl std::error::Error for JsonError {}

/// Bounds of one JSON text.
#[derive(Clone, Copy, Debug)]
pub struct JsonLimits {
    depth: usize,
    values: usize,
    members: usize,
    string_bytes: usize,
}

impl JsonLimits {
    /// For the header and the claims of a token.
    pub const TOKEN: Self = Self {
        depth: limits::TOKEN_JSON_DEPTH,
        values: limits::TOKEN_JSON_VALUES,
        members: limits::TOKEN_JSON_MEMBERS,
        string_bytes: limits::TOKEN_JSON_STRING_BYTES,
    };

    /// For the claims of a status list token: one string is long.
    pub const STATUS_LIST: Self = Self { string_bytes: limits::STATUS_TOKEN_BYTES, ..Self::TOKEN };

    /// For a JWK Set: keys with certificate chains are long, and there are several.
    pub const JWKS: Self = Self {
        depth: limits::JWKS_JSON_DEPTH,
        values: limits::JWKS_JSON_VALUES,
        members: limits::JWK_MEMBERS,
        string_bytes: limits::JWKS_JSON_STRING_BYTES,
    };
}

impl Json {
    /// Reads exactly one JSON value.
    ///
    /// # Errors
    ///
    /// When the text is not one JSON value, names a member twice, or exceeds `limits`.
    pub fn parse(text: &[u8], limits: &JsonLimits) -> Result<Self, JsonError> {
        let budget = Budget::new(limits);
        let mut deserializer = serde_json::Deserializer::from_slice(text);
        let value = budget.seed().deserialize(&mut deserializer);
        match value.and_then(|value| deserializer.end().map(|()| value)) {
            Ok(value) => Ok(value),
            Err(_) => Err(budget.cause.get().unwrap_or(JsonError::Syntax)),
        }
    }
}

/// JWK Sets are embedded in the gateway section as plain JSON values.
impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Budget::new(&JsonLimits::JWKS).seed().deserialize(deserializer)
    }
}

/// What is left of the limits while one text is read, and why reading stopped.
struct Budget {
    limits: JsonLimits,
    values: Cell<usize>,
    cause: Cell<Option<JsonError>>,
}

impl Budget {
    fn new(limits: &JsonLimits) -> Self {
        Self { limits: *limits, values: Cell::new(limits.values), cause: Cell::new(None) }
    }

    fn seed(&self) -> Seed<'_> {
        Seed { budget: self, depth: self.limits.depth }
    }

    fn fail<E: serde::de::Error>(&self, cause: JsonError) -> E {
        self.cause.set(Some(cause));
        E::custom(cause)
    }

    fn spend_value<E: serde::de::Error>(&self) -> Result<(), E> {
        let left = self.values.get();
        self.values.set(left.saturating_sub(1));
        if left == 0 {
            return Err(self.fail(JsonError::Limit));
        }
        Ok(())
    }

    fn check_string<E: serde::de::Error>(&self, text: &str) -> Result<(), E> {
        if text.len() > self.limits.string_bytes {
            return Err(self.fail(JsonError::Limit));
        }
        Ok(())
    }
}

/// Reads one value; `depth` is how many arrays and objects may still open.
#[derive(Clone, Copy)]
struct Seed<'b> {
    budget: &'b Budget,
    depth: usize,
}

impl Seed<'_> {
    fn nested<E: serde::de::Error>(self) -> Result<Self, E> {
        match self.depth.checked_sub(1) {
            Some(depth) => Ok(Self { depth, ..self }),
            None => Err(self.budget.fail(JsonError::Limit)),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        self.budget.spend_value()?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Json, E> {
        serde_json::Number::from_f64(value).map(Json::Number).ok_or_else(|| self.budget.fail(JsonError::Syntax))
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Json, E> {
        self.budget.check_string(value)?;
        Ok(Json::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Json, A::Error> {
        let seed = self.nested()?;
        let mut elements = Vec::new();
        while let Some(element) = access.next_element_seed(seed)? {
            elements.push(element);
        }
        Ok(Json::Array(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Json, A::Error> {
        let seed = self.nested()?;
        // Claims are about ten: room for them is made once.
        let mut members: Vec<(String, Json)> = Vec::with_capacity(10);
        while let Some(name) = access.next_key::<String>()? {
            self.budget.check_string(&name)?;
            if members.len() == self.budget.limits.members {
                return Err(self.budget.fail(JsonError::Limit));
            }
            if members.iter().any(|(member, _)| *member == name) {
                return Err(self.budget.fail(JsonError::DuplicateMember));
            }
            members.push((name, access.next_value_seed(seed)?));
        }
        Ok(Json::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Json, JsonError> {
        Json::parse(text.as_bytes(), &JsonLimits::TOKEN)
    }

    #[test]
    fn reads_every_kind_of_value() {
        let value = parse(r#"{"a":[null,true,-3,1.5,"x"],"b":{"c":"d"}}"#).unwrap();
        assert_eq!(value.path(["b", "c"]).and_then(Json::as_str), Some("d"));
        assert_eq!(value.get("a").and_then(Json::as_array).unwrap().len(), 5);
        assert_eq!(serde_json::to_string(&value).unwrap(), r#"{"a":[null,true,-3,1.5,"x"],"b":{"c":"d"}}"#);
    }

    #[test]
    fn refuses_duplicates_at_any_level_and_in_any_spelling() {
        for text in [r#"{"a":1,"a":1}"#, r#"{"x":{"a":1,"b":2,"a":3}}"#, r#"[{"a":1,"\u0061":2}]"#] {
            assert_eq!(parse(text), Err(JsonError::DuplicateMember), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_not_one_json_value() {
        for text in [
            "",
            " ",
            "{",
            "{}x",
            "{} {}",
            "{'a':1}",
            r#"{"a":1,}"#,
            "[01]",
            "NaN",
            "1e999",
            "\u{feff}{}",
            r#""\ud800""#,
            r#""\udc00\ud800""#,
            "\"\u{1}\"",
        ] {
            assert_eq!(parse(text), Err(JsonError::Syntax), "{text:?}");
        }
        assert_eq!(Json::parse(b"\"\xff\"", &JsonLimits::TOKEN), Err(JsonError::Syntax));
    }

    #[test]
    fn refuses_what_exceeds_a_limit() {
        let deep = |n: usize| "[".repeat(n) + &"]".repeat(n);
        assert!(parse(&deep(limits::TOKEN_JSON_DEPTH)).is_ok());
        assert_eq!(parse(&deep(limits::TOKEN_JSON_DEPTH + 1)), Err(JsonError::Limit));
        assert_eq!(parse(&deep(4000)), Err(JsonError::Limit));

        let wide = format!("[{}1]", "1,".repeat(limits::TOKEN_JSON_VALUES - 1));
        assert_eq!(parse(&wide), Err(JsonError::Limit));

        let members: Vec<_> = (0..=limits::TOKEN_JSON_MEMBERS).map(|i| format!("\"k{i}\":0")).collect();
        assert_eq!(parse(&format!("{{{}}}", members.join(","))), Err(JsonError::Limit));

        let long = "x".repeat(limits::TOKEN_JSON_STRING_BYTES + 1);
        assert_eq!(parse(&format!("\"{long}\"")), Err(JsonError::Limit));
        assert_eq!(parse(&format!("{{\"{long}\":1}}")), Err(JsonError::Limit));
    }

    #[test]
    fn an_embedded_value_is_as_strict() {
        assert!(serde_json::from_str::<Json>(r#"{"keys":[{"kid":"a","kid":"b"}]}"#).is_err());
    }
}
