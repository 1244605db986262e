//! The manifest of an artifact: one bundle and nothing else.

use std::collections::BTreeMap;
use std::fmt;

use palisade_gateway::bundle::Digest;
use palisade_gateway::limits;
use serde::{Deserialize, Serialize};

use super::reference::digest_of;
use crate::distribution::artefact::BUNDLE_MEDIA_TYPE;

/// The configuration of an artifact that has none (image specification 1.1, "Guidance for an Empty Descriptor").
pub const EMPTY_CONFIG: &[u8] = b"{}";

const EMPTY_MEDIA_TYPE: &str = "application/vnd.oci.empty.v1+json";

/// An OCI image manifest with a bundle as its only layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    schema_version: u32,
    media_type: String,
    artifact_type: String,
    config: Descriptor,
    layers: Vec<Descriptor>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<String, String>,
}

/// What a manifest says of one blob.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    media_type: String,
    digest: String,
    size: u64,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<String, String>,
}

/// Why an artifact is no bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ManifestError {
    /// Not JSON of the right form.
    Syntax(String),
    /// Not an OCI image manifest, version 2.
    MediaType,
    /// An artifact of another type.
    ArtifactType(String),
    /// It has a configuration, or not exactly one layer with a bundle.
    Layers,
    /// A digest that is not SHA-256.
    Digest,
    /// A bundle that is larger than any may be.
    TooLarge,
}

impl ManifestError {
    /// Stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Syntax(_) => "oci.manifest",
            Self::MediaType => "oci.media_type",
            Self::ArtifactType(_) => "oci.artifact_type",
            Self::Layers => "oci.layers",
            Self::Digest => "oci.digest",
            Self::TooLarge => "oci.too_large",
        }
    }
}

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(detail) => write!(f, "its manifest does not read: {detail}"),
            Self::MediaType => f.write_str("it is not an OCI image manifest"),
            Self::ArtifactType(found) => write!(f, "it is no bundle but `{found}`"),
            Self::Layers => f.write_str("it does not have a bundle as its only layer"),
            Self::Digest => f.write_str("its digests are not SHA-256"),
            Self::TooLarge => write!(f, "its bundle has more than {} bytes", limits::BUNDLE_BYTES),
        }
    }
}

impl std::error::Error for ManifestError {}

impl Manifest {
    /// The media type, as registries and their clients name it.
    pub const MEDIA_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";

    /// The manifest of a bundle; `title` is its file name. The same bundle gives the same manifest.
    #[must_use]
    pub fn of(bundle: &[u8], title: &str, version: u64) -> Self {
        let annotation =
            |name: &str, value: String| BTreeMap::from([(format!("org.opencontainers.image.{name}"), value)]);
        Self {
            schema_version: 2,
            media_type: Self::MEDIA_TYPE.to_owned(),
            artifact_type: BUNDLE_MEDIA_TYPE.to_owned(),
            config: Descriptor::of(EMPTY_MEDIA_TYPE, EMPTY_CONFIG, BTreeMap::new()),
            layers: vec![Descriptor::of(BUNDLE_MEDIA_TYPE, bundle, annotation("title", title.to_owned()))],
            annotations: annotation("version", version.to_string()),
        }
    }

    /// The bytes that a registry stores, and whose digest names the artifact.
    ///
    /// # Errors
    ///
    /// None that this type can cause; `serde_json` reports them all the same.
    pub fn encode(&self) -> Result<Vec<u8>, ManifestError> {
        serde_json::to_vec(self).map_err(|error| ManifestError::Syntax(error.to_string()))
    }

    /// Reads what a registry has, and gives the digest and the size in bytes of the bundle. Annotations are for people.
    ///
    /// # Errors
    ///
    /// When it is no artifact with exactly one bundle.
    pub fn bundle(bytes: &[u8]) -> Result<(Digest, usize), ManifestError> {
        let manifest: Self = serde_json::from_slice(bytes).map_err(|error| ManifestError::Syntax(error.to_string()))?;
        let Self { schema_version, media_type, artifact_type, config, layers, annotations: _ } = manifest;
        if schema_version != 2 || media_type != Self::MEDIA_TYPE {
            return Err(ManifestError::MediaType);
        }
        if artifact_type != BUNDLE_MEDIA_TYPE {
            return Err(ManifestError::ArtifactType(artifact_type));
        }
        let [layer] = layers.as_slice() else { return Err(ManifestError::Layers) };
        if config.media_type != EMPTY_MEDIA_TYPE || layer.media_type != BUNDLE_MEDIA_TYPE {
            return Err(ManifestError::Layers);
        }
        let digest = digest_of(&layer.digest).map_err(|_| ManifestError::Digest)?;
        let size = usize::try_from(layer.size).ok().filter(|size| *size <= limits::BUNDLE_BYTES);
        Ok((digest, size.ok_or(ManifestError::TooLarge)?))
    }
}

impl Descriptor {
    fn of(media_type: &str, bytes: &[u8], annotations: BTreeMap<String, String>) -> Self {
        Self {
            media_type: media_type.to_owned(),
            digest: format!("sha256:{}", Digest::of(bytes)),
            size: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            annotations,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text() -> String {
        String::from_utf8(Manifest::of(b"bundle", "shop.palisade", 7).encode().unwrap()).unwrap()
    }

    #[test]
    fn what_is_written_reads() {
        assert_eq!(Manifest::bundle(text().as_bytes()), Ok((Digest::of(b"bundle"), 6)));
        assert_eq!(
            text(),
            concat!(
                r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","#,
                r#""artifactType":"application/vnd.palisade.bundle.v1","#,
                r#""config":{"mediaType":"application/vnd.oci.empty.v1+json","#,
                r#""digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},"#,
                r#""layers":[{"mediaType":"application/vnd.palisade.bundle.v1","#,
                r#""digest":"sha256:1c45de0b8c52fc23a4c6d6dc62ff9023d69cbc1bff04e0b3f4d36be91a2e4b8d","size":6,"#,
                r#""annotations":{"org.opencontainers.image.title":"shop.palisade"}}],"#,
                r#""annotations":{"org.opencontainers.image.version":"7"}}"#,
            )
            .replace(
                "1c45de0b8c52fc23a4c6d6dc62ff9023d69cbc1bff04e0b3f4d36be91a2e4b8d",
                &Digest::of(b"bundle").to_string()
            )
        );
    }

    #[test]
    fn what_others_add_is_no_matter() {
        let more = text().replacen('{', r#"{"subject":null,"x":[1],"#, 1);
        assert!(Manifest::bundle(more.as_bytes()).is_ok());
    }

    #[test]
    fn other_artifacts_are_refused() {
        let layer = text().split_once("\"layers\":[").unwrap().1.split_once(']').unwrap().0.to_owned();
        for (from, to, code) in [
            ("\"schemaVersion\":2", "\"schemaVersion\":1", "oci.media_type"),
            ("image.manifest.v1", "image.index.v1", "oci.media_type"),
            ("\"artifactType\":\"application/vnd.palisade.bundle.v1\"", "\"artifactType\":\"x\"", "oci.artifact_type"),
            ("\"artifactType\":\"application/vnd.palisade.bundle.v1\",", "", "oci.manifest"),
            ("vnd.oci.empty.v1+json", "vnd.oci.image.config.v1+json", "oci.layers"),
            ("\"size\":6", "\"size\":33554433", "oci.too_large"),
            ("\"size\":6", "\"size\":18446744073709551615", "oci.too_large"),
            ("\"size\":6", "\"size\":-1", "oci.manifest"),
            (layer.as_str(), "", "oci.layers"),
            (layer.as_str(), &format!("{layer},{layer}"), "oci.layers"),
            (layer.as_str(), &layer.replace("palisade.bundle", "other"), "oci.layers"),
            (layer.as_str(), &layer.replace("sha256:", "sha512:"), "oci.digest"),
            (layer.as_str(), &layer.replace("sha256:", "sha256:0"), "oci.digest"),
        ] {
            let changed = text().replacen(from, to, 1);
            assert_ne!(changed, text(), "{from}");
            let error = Manifest::bundle(changed.as_bytes()).unwrap_err();
            assert_eq!(error.code(), code, "{from} to {to}: {error}");
        }
        for bytes in [b"".as_slice(), b"{}", b"[]", b"null", b"\xff"] {
            assert_eq!(Manifest::bundle(bytes).unwrap_err().code(), "oci.manifest");
        }
    }
}
