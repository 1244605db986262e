//! A [`Json`] value in the middle of a text that serde reads.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::read::{JsonError, JsonLimits};
use super::{Json, Member};

/// JWK Sets are embedded in the gateway section as plain JSON values.
impl<'de> Deserialize<'de> for Json<'static> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Budget::new(&JsonLimits::JWKS).seed().deserialize(deserializer)
    }
}

/// What is left of the limits while one value is read.
struct Budget {
    limits: JsonLimits,
    values: Cell<usize>,
}

impl Budget {
    fn new(limits: &JsonLimits) -> Self {
        Self { limits: *limits, values: Cell::new(limits.values) }
    }

    fn seed(&self) -> Seed<'_> {
        Seed { budget: self, depth: self.limits.depth }
    }

    fn spend_value<E: serde::de::Error>(&self) -> Result<(), E> {
        let left = self.values.get();
        self.values.set(left.saturating_sub(1));
        if left == 0 {
            return Err(E::custom(JsonError::Limit));
        }
        Ok(())
    }

    fn check_string<E: serde::de::Error>(&self, text: &str) -> Result<(), E> {
        if text.len() > self.limits.string_bytes {
            return Err(E::custom(JsonError::Limit));
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
            None => Err(E::custom(JsonError::Limit)),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Json<'static>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json<'static>, D::Error> {
        self.budget.spend_value()?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Json<'static>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json<'static>, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json<'static>, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json<'static>, E> {
        Ok(Json::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json<'static>, E> {
        Ok(Json::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Json<'static>, E> {
        serde_json::Number::from_f64(value).map(Json::Number).ok_or_else(|| E::custom(JsonError::Syntax))
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Json<'static>, E> {
        self.budget.check_string(value)?;
        Ok(Json::String(Cow::Owned(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Json<'static>, A::Error> {
        let seed = self.nested()?;
        let mut elements = Vec::new();
        while let Some(element) = access.next_element_seed(seed)? {
            elements.push(element);
        }
        Ok(Json::Array(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Json<'static>, A::Error> {
        let seed = self.nested()?;
        let mut members: Vec<Member<'static>> = Vec::new();
        while let Some(name) = access.next_key::<String>()? {
            self.budget.check_string(&name)?;
            if members.len() == self.budget.limits.members {
                return Err(serde::de::Error::custom(JsonError::Limit));
            }
            if members.iter().any(|(member, _)| *member == name) {
                return Err(serde::de::Error::custom(JsonError::DuplicateMember));
            }
            members.push((Cow::Owned(name), access.next_value_seed(seed)?));
        }
        Ok(Json::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{RngCore as _, SeedableRng as _};

    /// What serde makes of a text.
    fn by_serde(text: &[u8], limits: &JsonLimits) -> Result<Json<'static>, JsonError> {
        let mut deserializer = serde_json::Deserializer::from_slice(text);
        let value = Budget::new(limits).seed().deserialize(&mut deserializer);
        value.and_then(|value| deserializer.end().map(|()| value)).map_err(|error| {
            let causes = [JsonError::DuplicateMember, JsonError::Limit];
            let is_cause = |cause: &JsonError| error.to_string().starts_with(&cause.to_string());
            causes.into_iter().find(is_cause).unwrap_or(JsonError::Syntax)
        })
    }

    fn agree(text: &[u8], limits: &JsonLimits) -> Result<(), JsonError> {
        let (mut expected, found) = (by_serde(text, limits), Json::parse(text, limits));
        // Where text ends in the middle of an array, both are true, and mean the same to whoever asks.
        if std::str::from_utf8(text).is_err() && expected == Err(JsonError::Limit) && found == Err(JsonError::Syntax) {
            expected = Err(JsonError::Syntax);
        }
        assert_eq!(found, expected, "{} {limits:?}", text.escape_ascii());
        found.map(drop)
    }

    /// Small enough for random texts to come to each of them.
    const TIGHT: JsonLimits = JsonLimits { depth: 3, values: 7, members: 3, string_bytes: 5 };

    #[test]
    fn the_same_as_by_serde_for_what_is_known_to_be_hard() {
        let numbers = [
            "0",
            "-0",
            "-1",
            "00",
            "01",
            "1.",
            ".1",
            "1.0",
            "-",
            "+1",
            "1e",
            "1e5",
            "1E+5",
            "1e-5",
            "1e-400",
            "1e400",
            "-1e400",
            "1-",
            "1+1",
            "1..0",
            "0e0",
            "0x10",
            "9223372036854775807",
            "9223372036854775808",
            "-9223372036854775808",
            "-9223372036854775809",
            "9999999999999999999",
            "10000000000000000000",
            "18446744073709551615",
            "18446744073709551616",
            "0.1",
            "1795311257.25",
            "2.2250738585072011e-308",
            "NaN",
            "Infinity",
        ];
        let long = ["1".repeat(64), "1".repeat(400), format!("0.{}", "3".repeat(400)), format!("1e{}", "0".repeat(70))];
        let strings = [
            r#""""#,
            r#"""#,
            r#""a"#,
            r#""\"#,
            r#""\""#,
            r#""\x""#,
            r#""\u""#,
            r#""\u00""#,
            r#""\u0041""#,
            r#""\u0000""#,
            r#""\ud83d\ude00""#,
            r#""\ud83d""#,
            r#""\ude00""#,
            r#""\ud83d\u0041""#,
            r#""\ud83dx""#,
            r#""\uD83D\uDE0""#,
            r#""\/\b\f\n\r\t\"""#,
            "\"\u{0}\"",
            "\"\u{1f}\"",
            "\"\u{7f}\"",
            "\"\n\"",
            "\"é\u{10ffff}\"",
            "'a'",
        ];
        let others = [
            "",
            " ",
            "null",
            "nul",
            "nulll",
            "true",
            "True",
            "false",
            "fals",
            "[]",
            "[",
            "]",
            "[,]",
            "[1,]",
            "[1 2]",
            "[1}",
            "{}",
            "{",
            "}",
            "{,}",
            "{1:1}",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\" 1}",
            "{\"a\":1,}",
            "{\"a\":1 \"b\":2}",
            "{\"a\":1]",
            "{\"a\":1,\"a\":2}",
            "{\"a\":1,\"\\u0061\":2}",
            "{\"a\":{\"b\":1},\"b\":[{\"b\":1,\"b\":1}]}",
            "{\"a\":1,\"a\"",
            "{\"a\":1,\"a\":\u{1}",
            "\u{feff}{}",
            "{}\u{feff}",
            "{} {}",
            "\u{a0}{}",
            " \t\r\n{ \t\r\n} \t\r\n",
            "\u{b}{}",
            "//\n{}",
        ];
        let texts = numbers.into_iter().chain(long.iter().map(String::as_str)).chain(strings).chain(others);
        let mut accepted = 0;
        for text in texts {
            for wrapped in [text.to_owned(), format!("[{text}]"), format!("{{\"x\":{text},\"y\": {text} }}")] {
                for limits in [JsonLimits::TOKEN, JsonLimits::JWKS, TIGHT] {
                    accepted += usize::from(agree(wrapped.as_bytes(), &limits).is_ok());
                }
            }
        }
        assert!(accepted > 200, "{accepted}");
    }

    #[test]
    fn the_same_as_by_serde_for_claims_with_random_changes() {
        const CLAIMS: [&str; 3] = [
            r#"{"iss":"https://issuer","sub":"coder-7","aud":["a","b"],"iat":1795311257,"exp":1795312097.5,"task":{"id":"T-1","n":-3}}"#,
            r#"{"a":"\u0061\ud83d\ude00","b":[[],{},[null,true,false]],"a\n":"é","c":18446744073709551615,"d":1e3,"":""}"#,
            r#"[{"a":1,"b":2,"c":3},{"a":{"a":{"a":[1,2,3]}}},"12345","123456"]"#,
        ];
        const BYTES: &[u8] = b"{}[]\",:\\/u0123456789aeEdbDfnrtl+-. \t\n\0\x1f\x7f\x80\xbf\xc3\xa9\xed\xf0\xff";
        let mut random = ChaCha8Rng::seed_from_u64(7);
        let mut below = |bound: usize| random.next_u32() as usize % bound;
        let mut outcomes = std::collections::BTreeMap::<_, usize>::new();
        for _ in 0..60_000 {
            let mut text = CLAIMS[below(CLAIMS.len())].as_bytes().to_vec();
            for _ in 0..below(4) {
                let (at, byte) = (below(text.len()), BYTES[below(BYTES.len())]);
                match below(4) {
                    0 => text[at] = byte,
                    1 => text.insert(at, byte),
                    2 => drop(text.remove(at)),
                    // A piece of it once more: members that are there twice, and values that nobody expects.
                    _ => {
                        let end = (at + 1 + below(12)).min(text.len());
                        let (piece, to) = (text[at..end].to_vec(), below(text.len()));
                        text.splice(to..to, piece);
                    }
                }
            }
            let limits = JsonLimits { depth: below(5), values: below(24), members: below(9), string_bytes: below(20) };
            for limits in [JsonLimits::TOKEN, limits] {
                *outcomes.entry(format!("{:?}", agree(&text, &limits))).or_default() += 1;
            }
        }
        // Each of them is met often enough to mean something.
        assert!(outcomes.len() == 4 && outcomes.values().all(|count| *count > 100), "{outcomes:?}");
    }
}
