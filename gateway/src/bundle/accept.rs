//! From verified bytes to an accepted bundle: is it the one this gateway is meant to run, now?

use super::active::{ActiveBundle, Provenance};
use super::digest::Digest;
use super::error::BundleError;
use super::evidence::Evidence;
use super::format;
use super::freshness::Freshness;
use super::manifest::{Manifest, is_premature};
use super::mark::HighWaterMark;
use super::opening::{Opened, Opening};
use super::trust::KeyId;

/// What a gateway expects of its bundle.
#[derive(Clone, Debug)]
pub struct Expectation<'a> {
    /// The channel; `None` accepts any.
    pub channel: Option<&'a str>,
    /// The lowest version that is accepted.
    pub min_version: u64,
    /// Seconds since the Unix epoch.
    pub now_seconds: u64,
}

/// A bundle whose manifest enough trusted keys have signed.
#[derive(Clone, Debug)]
pub struct Verified<'a> {
    manifest: Manifest,
    sections: &'a [u8],
    digest: Digest,
    signers: Vec<KeyId>,
    evidence: Evidence,
    expires: u64,
}

impl<'a> Verified<'a> {
    /// Parses the manifest. Called with bytes whose signatures hold, by [`super::Container::verify`] only.
    pub(super) fn new(
        manifest: &[u8],
        sections: &'a [u8],
        digest: Digest,
        signers: Vec<KeyId>,
        evidence: Evidence,
    ) -> Result<Self, BundleError> {
        let manifest = Manifest::parse(manifest)?;
        Ok(Self { expires: manifest.expires, manifest, sections, digest, signers, evidence })
    }

    /// The manifest.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The trusted keys that signed, in ascending order of id.
    #[must_use]
    pub fn signers(&self) -> &[KeyId] {
        &self.signers
    }

    /// The digest of the manifest, which names every other byte that counts.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The same bundle, renewed: a document about exactly this bundle lets it be accepted after its own expiry. One about another
    /// changes nothing.
    #[must_use]
    pub fn renewed(self, freshness: &Freshness) -> Self {
        let renewed = freshness.renews(&self.manifest.channel, self.manifest.version, self.digest);
        Self { expires: self.expires.max(renewed.unwrap_or_default()), ..self }
    }

    /// Checks channel, version floor, expiry, time of building and engine format, in this order.
    ///
    /// # Errors
    ///
    /// When one of them is not as expected.
    pub fn accept(self, expectation: &Expectation<'_>) -> Result<Accepted<'a>, BundleError> {
        let Expectation { channel, min_version, now_seconds } = expectation;
        if channel.is_some_and(|channel| channel != self.manifest.channel) {
            return Err(BundleError::Channel);
        }
        if self.manifest.version < *min_version {
            return Err(BundleError::Version);
        }
        if *now_seconds >= self.expires {
            return Err(BundleError::Expired);
        }
        if is_premature(self.manifest.created, *now_seconds) {
            return Err(BundleError::NotYetValid);
        }
        if self.manifest.min_engine > format::ENGINE {
            return Err(BundleError::Engine);
        }
        Ok(Accepted { verified: self })
    }
}

/// A verified bundle that is for this gateway and current. Its sections are still unread.
#[derive(Clone, Debug)]
pub struct Accepted<'a> {
    verified: Verified<'a>,
}

impl<'a> Accepted<'a> {
    /// The manifest.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.verified.manifest
    }

    /// The digest of the manifest.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.verified.digest
    }

    /// Who has signed it.
    pub(crate) fn evidence(&self) -> &Evidence {
        &self.verified.evidence
    }

    /// What tells it from others of its channel.
    pub(crate) fn mark(&self) -> HighWaterMark {
        HighWaterMark { version: self.verified.manifest.version, digest: self.verified.digest }
    }

    /// Checks the digest of each section and opens it.
    ///
    /// # Errors
    ///
    /// When a section is not the signed one, or does not open.
    pub fn open(self) -> Result<ActiveBundle, BundleError> {
        let mut opening = self.begin();
        loop {
            match opening.step(usize::MAX)? {
                Opened::Partly(rest) => opening = rest,
                Opened::Whole(bundle) => return Ok(bundle),
            }
        }
    }

    /// The same in pieces.
    #[must_use]
    pub fn begin(self) -> Opening<'a> {
        let Verified { manifest, sections, digest, signers: _, evidence, expires } = self.verified;
        Opening::new(Provenance { manifest, digest, evidence, expires }, sections)
    }
}
