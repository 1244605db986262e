//! Which Envoy cluster leads to which documents of issuers: the gateway's own configuration.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::limits;

/// Cluster names by host, or by issuer alias where one host needs several. A name may not be there twice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct ClusterNames(BTreeMap<String, String>);

impl ClusterNames {
    /// Names the cluster for a host or alias; `false` when it has one already, or one of the names is empty.
    pub fn insert(&mut self, name: &str, cluster: &str) -> bool {
        !name.is_empty()
            && !cluster.is_empty()
            && self.0.len() < limits::CLUSTER_NAMES
            && self.0.insert(name.to_ascii_lowercase(), cluster.to_owned()).is_none()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The cluster for an issuer: the one that its alias names, else the one that the host of its document names.
    pub(crate) fn find(&self, alias: &str, host: &str) -> Option<&str> {
        self.0.get(alias).or_else(|| self.0.get(host)).map(String::as_str)
    }
}

impl<'de> Deserialize<'de> for ClusterNames {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = ClusterNames;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object from hosts or issuer aliases to cluster names")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ClusterNames, A::Error> {
                let mut clusters = ClusterNames::default();
                while let Some((name, cluster)) = map.next_entry::<String, String>()? {
                    if !clusters.insert(&name, &cluster) {
                        return Err(A::Error::custom(format_args!(
                            "`{name}` is empty, repeated, names no cluster, or is one too many"
                        )));
                    }
                }
                Ok(clusters)
            }
        }

        deserializer.deserialize_map(Members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alias_comes_before_a_host() {
        let clusters: ClusterNames =
            serde_json::from_str(r#"{"Idp.Example":"idp","dev":"special","other.example":"other"}"#).unwrap();
        assert_eq!(clusters.find("dev", "idp.example"), Some("special"));
        assert_eq!(clusters.find("prod", "idp.example"), Some("idp"));
        assert_eq!(clusters.find("prod", "idp.example.evil"), None);
        assert_eq!(clusters.find("prod", ""), None);
        assert_eq!(serde_json::from_str::<ClusterNames>(&serde_json::to_string(&clusters).unwrap()).unwrap(), clusters);
    }

    #[test]
    fn other_forms_are_refused() {
        for text in [
            "[]",
            "null",
            "\"idp\"",
            r#"{"idp.example":1}"#,
            r#"{"idp.example":null}"#,
            r#"{"idp.example":["a"]}"#,
            r#"{"idp.example":""}"#,
            r#"{"":"idp"}"#,
            r#"{"idp.example":"a","idp.example":"b"}"#,
            r#"{"idp.example":"a","IDP.example":"a"}"#,
        ] {
            assert!(serde_json::from_str::<ClusterNames>(text).is_err(), "{text}");
        }
    }
}
