//! The bundle that decides.

use palisade_engine::CompiledPolicySet;

use super::digest::Digest;
use super::error::BundleError;
use super::manifest::Manifest;
use crate::section::GatewaySection;

/// A bundle all of whose parts have been verified and opened. Only this can decide.
#[derive(Debug)]
pub struct ActiveBundle {
    manifest: Manifest,
    digest: Digest,
    policies: CompiledPolicySet,
}

impl ActiveBundle {
    /// Opens the sections. Called with bytes whose digests hold, by [`super::Accepted::open`] only.
    pub(super) fn open(
        manifest: Manifest,
        digest: Digest,
        policies: &[u8],
        gateway: &[u8],
    ) -> Result<Self, BundleError> {
        let policies = CompiledPolicySet::open(policies).map_err(|error| BundleError::Policies(error.to_string()))?;
        if u64::try_from(policies.policy_count()) != Ok(manifest.policies) {
            return Err(BundleError::Policies("the manifest counts other policies".to_owned()));
        }
        GatewaySection::parse(gateway).map_err(BundleError::Gateway)?;
        Ok(Self { manifest, digest, policies })
    }

    /// The signed manifest.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The digest of the manifest: the identity of the bundle.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The compiled policies.
    #[must_use]
    pub fn policies(&self) -> &CompiledPolicySet {
        &self.policies
    }

    /// Whether the bundle has expired, `now_seconds` after the Unix epoch.
    #[must_use]
    pub fn is_expired(&self, now_seconds: u64) -> bool {
        now_seconds >= self.manifest.expires
    }
}
