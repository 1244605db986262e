//! Reading [`Json`] within limits.

use std::borrow::Cow;
use std::fmt;

use serde_json::Number;

use super::scan::{Scan, hash, unescape};
use super::{Json, Member};
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
    pub(super) depth: usize,
    pub(super) values: usize,
    pub(super) members: usize,
    pub(super) string_bytes: usize,
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

impl<'t> Json<'t> {
    /// Reads exactly one JSON value.
    ///
    /// # Errors
    ///
    /// When the text is not one JSON value, names a member twice, or exceeds `limits`: what comes first in it.
    pub fn parse(text: &'t [u8], limits: &JsonLimits) -> Result<Self, JsonError> {
        let (text, is_whole) = match std::str::from_utf8(text) {
            Ok(text) => (text, true),
            // As far as it is text, something else may be wrong with it before.
            Err(_) => (text.utf8_chunks().next().map_or("", |chunk| chunk.valid()), false),
        };
        let mut reader = Reader { scan: Scan::new(text), limits: *limits, values: limits.values };
        let value = reader.value(limits.depth)?;
        if is_whole && reader.scan.token().is_none() { Ok(value) } else { Err(JsonError::Syntax) }
    }
}

/// A text that is being read, and what is left of the limits. Nesting costs stack, and is bounded by them.
struct Reader<'t> {
    scan: Scan<'t>,
    limits: JsonLimits,
    values: usize,
}

impl<'t> Reader<'t> {
    /// One value; `depth` is how many arrays and objects may still open.
    fn value(&mut self, depth: usize) -> Result<Json<'t>, JsonError> {
        self.values = self.values.checked_sub(1).ok_or(JsonError::Limit)?;
        let inside = depth.checked_sub(1).ok_or(JsonError::Limit);
        match self.scan.token() {
            Some(b'"') => self.string().map(Json::String),
            Some(b'{') => self.members(inside?).map(Json::Object),
            Some(b'[') => self.elements(inside?).map(Json::Array),
            Some(b'-' | b'0'..=b'9') => self.number().map(Json::Number),
            Some(b't') => self.word("rue", Json::Bool(true)),
            Some(b'f') => self.word("alse", Json::Bool(false)),
            Some(b'n') => self.word("ull", Json::Null),
            Some(_) | None => Err(JsonError::Syntax),
        }
    }

    /// The rest of an object. `inside` is the depth that its members may have.
    fn members(&mut self, inside: usize) -> Result<Vec<Member<'t>>, JsonError> {
        let mut next = self.scan.token();
        if next == Some(b'}') {
            return Ok(Vec::new());
        }
        let mut members: Vec<Member<'t>> = Vec::new();
        let mut seen = 0;
        // Room for claims is made once, by how long one usually is; objects among them are small.
        if inside + 1 == self.limits.depth {
            members.reserve((self.scan.text().len() / 20).min(16));
        }
        loop {
            if next != Some(b'"') {
                return Err(JsonError::Syntax);
            }
            let name = self.string()?;
            if members.len() == self.limits.members {
                return Err(JsonError::Limit);
            }
            // Two names that are the same have the same hash, and few others do.
            let bit = 1u64 << (hash(name.as_bytes()) % 64);
            if seen & bit != 0 && members.iter().any(|(member, _)| *member == name) {
                return Err(JsonError::DuplicateMember);
            }
            seen |= bit;
            if self.scan.token() != Some(b':') {
                return Err(JsonError::Syntax);
            }
            members.push((name, self.value(inside)?));
            match self.scan.token() {
                Some(b'}') => return Ok(members),
                Some(b',') => next = self.scan.token(),
                Some(_) | None => return Err(JsonError::Syntax),
            }
        }
    }

    /// The rest of an array. `inside` is the depth that its elements may have.
    fn elements(&mut self, inside: usize) -> Result<Vec<Json<'t>>, JsonError> {
        let mut elements = Vec::new();
        if self.ahead() == Some(b']') {
            self.scan.token();
            return Ok(elements);
        }
        loop {
            // One that is not there is not counted.
            if matches!(self.ahead(), Some(b']') | None) {
                return Err(JsonError::Syntax);
            }
            elements.push(self.value(inside)?);
            match self.scan.token() {
                Some(b']') => return Ok(elements),
                Some(b',') => {}
                Some(_) | None => return Err(JsonError::Syntax),
            }
        }
    }

    /// The first byte of the next token, which is not taken.
    fn ahead(&self) -> Option<u8> {
        let mut scan = self.scan;
        scan.token()
    }

    /// The rest of a string.
    fn string(&mut self) -> Result<Cow<'t, str>, JsonError> {
        let start = self.scan.place();
        let has_escapes = self.scan.string().map_err(|_| JsonError::Syntax)?;
        let raw = self.scan.text().get(start..self.scan.place().saturating_sub(1)).unwrap_or_default();
        let text = if has_escapes { Cow::Owned(unescape(raw)) } else { Cow::Borrowed(raw) };
        if text.len() > self.limits.string_bytes {
            return Err(JsonError::Limit);
        }
        Ok(text)
    }

    /// A number whose first byte was taken.
    fn number(&mut self) -> Result<Number, JsonError> {
        let text = self.scan.number_run();
        // Dates, nearly always: as many digits as every 64-bit number may have.
        let is_short = (1..20).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        if is_short && (text.len() == 1 || !text.starts_with('0')) {
            // So it cannot overflow; to have that checked takes a function call for each digit in wasm.
            let append = |number: u64, digit: u8| number.wrapping_mul(10).wrapping_add(u64::from(digit & 0xf));
            return Ok(text.bytes().fold(0, append).into());
        }
        serde_json::from_slice(text.as_bytes()).map_err(|_| JsonError::Syntax)
    }

    /// The rest of a word.
    fn word(&mut self, rest: &str, value: Json<'t>) -> Result<Json<'t>, JsonError> {
        self.scan.word(rest, value).map_err(|_| JsonError::Syntax)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Json<'_>, JsonError> {
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
