//! The file with the digests of a server's tools, which a route names as its `catalogue`.

use std::collections::BTreeMap;
use std::fmt;

use palisade_gateway::bundle::Digest;
use palisade_gateway::section::PinnedTool;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// The tools that were approved: `{"tools": {"NAME": "SHA-256 in hexadecimal", …}}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CatalogueFile {
    /// The digest of each by its name; see [`palisade_gateway::ToolDefinitions`].
    #[serde(deserialize_with = "distinct")]
    pub tools: BTreeMap<String, Digest>,
}

impl CatalogueFile {
    /// Reads a file. A tool that is there twice is an error.
    ///
    /// # Errors
    ///
    /// When it is not JSON of this form.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// The text of the file: a line for each tool, by name.
    ///
    /// # Errors
    ///
    /// None that this type can cause; `serde_json` reports them all the same.
    pub fn encode(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self).map(|text| text + "\n")
    }

    /// The tools as a bundle has them, by name.
    #[must_use]
    pub fn pinned(&self) -> Vec<PinnedTool> {
        self.tools.iter().map(|(name, sha256)| PinnedTool { name: name.clone(), sha256: *sha256 }).collect()
    }
}

/// A map without duplicates: which of two digests was approved?
fn distinct<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, Digest>, D::Error> {
    struct Distinct;

    impl<'de> Visitor<'de> for Distinct {
        type Value = BTreeMap<String, Digest>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("digests by name")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
            let mut tools = BTreeMap::new();
            while let Some((name, digest)) = access.next_entry::<String, Digest>()? {
                if tools.contains_key(&name) {
                    return Err(A::Error::custom(format!("the tool `{name}` is there twice")));
                }
                tools.insert(name, digest);
            }
            Ok(tools)
        }
    }

    deserializer.deserialize_map(Distinct)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let digest = Digest::of(b"x");
        let file = CatalogueFile { tools: [("b", digest), ("a\"", digest)].map(|(n, d)| (n.to_owned(), d)).into() };
        let text = file.encode().unwrap();
        assert_eq!(
            text,
            format!("{{\n  \"tools\": {{\n    \"a\\\"\": \"{digest}\",\n    \"b\": \"{digest}\"\n  }}\n}}\n")
        );
        assert_eq!(CatalogueFile::parse(&text).unwrap(), file);
    }

    #[test]
    fn anything_else_is_refused() {
        let digest = Digest::of(b"x").to_string();
        for text in [
            String::new(),
            "{}".to_owned(),
            "[]".to_owned(),
            r#"{"tools":[]}"#.to_owned(),
            r#"{"tools":{},"more":1}"#.to_owned(),
            r#"{"tools":{"a":"sha256"}}"#.to_owned(),
            format!(r#"{{"tools":{{"a":"{digest}","a":"{digest}"}}}}"#),
            format!(r#"{{"tools":{{"a":"{digest}","\u0061":"{digest}"}}}}"#),
            format!(r#"{{"tools":{{"a":"{}"}}}}"#, digest.to_uppercase()),
            r#"{"tools":{}} x"#.to_owned(),
        ] {
            assert!(CatalogueFile::parse(&text).is_err(), "{text}");
        }
    }
}
