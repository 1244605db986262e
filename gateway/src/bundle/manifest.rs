//! The manifest: the part of a bundle that is signed, and that names the rest by digest.

use serde::{Deserialize, Serialize};

use super::digest::Digest;
use super::error::BundleError;
use crate::limits;

/// What a bundle is and what it contains.
///
/// Its bytes are `serde_json::to_vec` of this struct; any other spelling is refused, so one manifest has one digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The manifest's format; equals the container's.
    pub format: u32,
    /// The bundle's name, for people and records.
    pub name: String,
    /// The channel the bundle is published on; gateways accept one channel.
    pub channel: String,
    /// Rises with each publication on the channel.
    pub version: u64,
    /// When it was built, in seconds since the Unix epoch.
    pub created: u64,
    /// When it stops deciding, in seconds since the Unix epoch.
    pub expires: u64,
    /// The oldest engine format that can run it.
    pub min_engine: u32,
    /// The sections, in the order of their bytes.
    pub sections: Vec<SectionEntry>,
    /// The files it was built from.
    pub sources: Vec<SourceEntry>,
    /// How many policies it holds.
    pub policies: u64,
    /// The largest number of engine steps one decision can take.
    pub worst_case_steps: u64,
}

/// One section of the container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SectionEntry {
    /// Which section.
    pub name: SectionName,
    /// Its size in bytes.
    pub size: u32,
    /// The digest of its bytes.
    pub sha256: Digest,
}

/// The sections there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SectionName {
    /// The compiled policies, for the engine.
    Policies,
    /// Issuers and routes, for the gateway.
    Gateway,
}

impl SectionName {
    /// Every section a bundle must have, in order.
    pub const ALL: [Self; 2] = [Self::Policies, Self::Gateway];

    /// The name in the manifest.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Policies => "policies",
            Self::Gateway => "gateway",
        }
    }
}

/// One file the bundle was built from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceEntry {
    /// Path relative to the project, with `/`.
    pub path: String,
    /// The digest of the file.
    pub sha256: Digest,
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    ///
    /// When the bytes are not exactly what [`Manifest::encode`] writes, or a bound or relation does not hold.
    pub fn parse(bytes: &[u8]) -> Result<Self, BundleError> {
        let manifest: Self = serde_json::from_slice(bytes).map_err(|error| BundleError::Manifest(error.to_string()))?;
        if manifest.encode()? != bytes {
            return Err(refused("it is not in canonical form"));
        }
        manifest.check()?;
        Ok(manifest)
    }

    /// The bytes that are signed and stored.
    ///
    /// # Errors
    ///
    /// None that this type can cause; `serde_json` reports them all the same.
    pub fn encode(&self) -> Result<Vec<u8>, BundleError> {
        serde_json::to_vec(self).map_err(|error| BundleError::Manifest(error.to_string()))
    }

    fn check(&self) -> Result<(), BundleError> {
        let Self {
            format,
            name,
            channel,
            version: _,
            created,
            expires,
            min_engine: _,
            sections,
            sources,
            policies: _,
            worst_case_steps: _,
        } = self;
        if *format != super::format::FORMAT {
            return Err(BundleError::Format);
        }
        for text in [name, channel] {
            if text.is_empty() || text.len() > limits::NAME_BYTES || text.chars().any(char::is_control) {
                return Err(refused("a name is empty, too long or not printable"));
            }
        }
        if created >= expires {
            return Err(refused("it expires before it was created"));
        }
        if sources.len() > limits::MANIFEST_SOURCES {
            return Err(refused("it names too many sources"));
        }
        for (index, name) in SectionName::ALL.into_iter().enumerate() {
            if sections.get(index).map(|section| section.name) != Some(name) {
                return Err(BundleError::SectionMissing(name));
            }
        }
        if sections.len() != SectionName::ALL.len() {
            return Err(refused("it has more sections than this build knows"));
        }
        Ok(())
    }
}

/// Whether a bundle that was built at `created` was built in the future, by more than clocks may differ. Seconds since the Unix epoch.
pub(crate) fn is_premature(created: u64, now_seconds: u64) -> bool {
    created > now_seconds.saturating_add(limits::BUNDLE_SKEW_SECONDS)
}

fn refused(detail: &str) -> BundleError {
    BundleError::Manifest(detail.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::testing;

    #[test]
    fn only_the_canonical_spelling_is_read() {
        let manifest = testing::manifest(b"p", b"g");
        let bytes = manifest.encode().unwrap();
        assert_eq!(Manifest::parse(&bytes).unwrap(), manifest);

        let text = String::from_utf8(bytes).unwrap();
        for changed in [
            text.replacen(':', ": ", 1),
            text.replacen('{', "{\"extra\":1,", 1),
            text.replacen("\"name\"", "\"\\u006eame\"", 1),
            text.replacen("\"format\":1", "\"format\":2", 1),
            text.replacen("\"format\":1", "\"format\":1,\"format\":1", 1),
            text.replacen("\"policies\",", "\"gateway\",", 1),
            format!("{text}\n"),
        ] {
            assert_ne!(changed, text);
            assert!(Manifest::parse(changed.as_bytes()).is_err(), "{changed}");
        }
    }

    #[test]
    fn relations_hold() {
        let good = testing::manifest(b"p", b"g");
        let mut cases = Vec::new();
        let mut case = |change: fn(&mut Manifest)| {
            let mut manifest = good.clone();
            change(&mut manifest);
            cases.push(manifest);
        };
        case(|m| m.expires = m.created);
        case(|m| m.name.clear());
        case(|m| m.channel.clear());
        case(|m| m.channel = "x".repeat(limits::NAME_BYTES + 1));
        case(|m| m.name = "a\nb".to_owned());
        case(|m| m.sections.clear());
        case(|m| m.sections.reverse());
        case(|m| {
            m.sections.pop();
        });
        case(|m| m.sections.push(m.sections[0].clone()));
        for manifest in cases {
            assert!(Manifest::parse(&manifest.encode().unwrap()).is_err(), "{manifest:?}");
        }
    }
}
