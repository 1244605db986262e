//! The freshness document: it says of one bundle that it is still the one to run, for a little longer.
//!
//! Bundles that expire soon keep a gateway from being held at an old one, and this small document renews them without the
//! policies. It can lengthen the life of exactly the bundle that it names, and nothing else.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::digest::Digest;
use super::mark::HighWaterMark;
use super::trust::TrustSet;
use crate::limits;
use crate::signed::{SignedDocument, SignedError};

/// The DSSE payload type of freshness documents.
pub const FRESHNESS_TYPE: &str = "application/vnd.palisade.freshness.v1+json";

/// What a freshness document says. Its bytes are `serde_json::to_vec` of this struct.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FreshnessFile {
    /// The channel of the bundle.
    pub channel: String,
    /// The version of the bundle.
    pub version: u64,
    /// The digest of its manifest.
    pub digest: Digest,
    /// When this was signed, in seconds since the Unix epoch.
    pub issued: u64,
    /// Until when the bundle decides at least, in seconds since the Unix epoch.
    pub expires: u64,
}

/// A freshness document that enough trusted keys have signed, and that is in date.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Freshness {
    file: FreshnessFile,
}

/// Why a freshness document is refused; each has a stable code. What decides goes on as before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FreshnessError {
    /// Not a document of this kind, or not signed as it must be.
    Signed(SignedError),
    /// It expires before it was issued, or lives longer than such a document may.
    Lifetime,
    /// It was issued in the future.
    Future,
    /// It has expired itself.
    Expired,
    /// It is for another channel.
    Channel,
    /// It renews a bundle that is older than one that was opened already.
    Rollback,
    /// It renews another bundle of the same version: somebody has signed two.
    Equivocation,
    /// The root that says who may sign it has expired.
    RootExpired,
}

impl FreshnessError {
    /// The stable reason code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Signed(error) => error.code(),
            Self::Lifetime => "freshness.lifetime",
            Self::Future => "freshness.future",
            Self::Expired => "freshness.expired",
            Self::Channel => "freshness.channel",
            Self::Rollback => "freshness.rollback",
            Self::Equivocation => "freshness.equivocation",
            Self::RootExpired => "root.expired",
        }
    }
}

impl fmt::Display for FreshnessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signed(error) => error.fmt(f),
            Self::Lifetime => f.write_str("the freshness document lives longer than it may, or no time at all"),
            Self::Future => f.write_str("the freshness document was issued in the future"),
            Self::Expired => f.write_str("the freshness document has expired"),
            Self::Channel => f.write_str("the freshness document is for another channel"),
            Self::Rollback => f.write_str("the freshness document renews an older bundle"),
            Self::Equivocation => f.write_str("the freshness document renews another bundle of the same version"),
            Self::RootExpired => f.write_str("the root has expired"),
        }
    }
}

impl std::error::Error for FreshnessError {}

impl From<SignedError> for FreshnessError {
    fn from(error: SignedError) -> Self {
        Self::Signed(error)
    }
}

impl Freshness {
    /// Reads a document and checks its signatures and its times, `now_seconds` after the Unix epoch.
    ///
    /// # Errors
    ///
    /// When it is not a freshness document that `trust` has signed, or not in date.
    pub fn verify(bytes: &[u8], trust: &TrustSet, now_seconds: u64) -> Result<Self, FreshnessError> {
        let document = SignedDocument::read(bytes, limits::FRESHNESS_BYTES)?;
        let file: FreshnessFile = document.verify(trust, FRESHNESS_TYPE)?.parse()?;
        let FreshnessFile { channel: _, version: _, digest: _, issued, expires } = file;
        let lifetime = expires.saturating_sub(issued);
        if !(1..=limits::FRESHNESS_MAX_SECONDS).contains(&lifetime) {
            return Err(FreshnessError::Lifetime);
        }
        // Otherwise a signer whose clock is wrong, or who had his key for a moment, could renew a bundle for ever.
        if issued > now_seconds.saturating_add(limits::CLOCK_SKEW_SECONDS) {
            return Err(FreshnessError::Future);
        }
        if now_seconds >= expires {
            return Err(FreshnessError::Expired);
        }
        Ok(Self { file })
    }

    /// What it says.
    #[must_use]
    pub fn file(&self) -> &FreshnessFile {
        &self.file
    }

    /// Checks that it is about this channel, and not about an older bundle than `newest`.
    pub(crate) fn check(&self, channel: &str, newest: Option<HighWaterMark>) -> Result<(), FreshnessError> {
        let FreshnessFile { channel: own, version, digest, issued: _, expires: _ } = &self.file;
        if own != channel {
            return Err(FreshnessError::Channel);
        }
        let Some(newest) = newest else { return Ok(()) };
        if *version < newest.version {
            return Err(FreshnessError::Rollback);
        }
        if *version == newest.version && *digest != newest.digest {
            return Err(FreshnessError::Equivocation);
        }
        Ok(())
    }

    /// Until when it renews this bundle; `None` for every other.
    #[must_use]
    pub fn renews(&self, channel: &str, version: u64, digest: Digest) -> Option<u64> {
        let FreshnessFile { channel: own_channel, version: own_version, digest: own_digest, issued: _, expires } =
            &self.file;
        (own_channel == channel && *own_version == version && *own_digest == digest).then_some(*expires)
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;
    use crate::bundle::testing::{TestKey, ed25519};
    use crate::bundle::{TrustKey, pae};
    use crate::signed::{Envelope, EnvelopeSignature};

    const NOW: u64 = 1_800_000_000;

    fn file() -> FreshnessFile {
        let digest = Digest::of(b"bundle");
        FreshnessFile { channel: "test".to_owned(), version: 7, digest, issued: NOW - 10, expires: NOW + 3_590 }
    }

    fn sign(file: &FreshnessFile, key: &TestKey, payload_type: &str) -> Vec<u8> {
        let payload = serde_json::to_vec(file).unwrap();
        let envelope = Envelope {
            payload: STANDARD.encode(&payload),
            payload_type: payload_type.to_owned(),
            signatures: vec![EnvelopeSignature {
                keyid: String::new(),
                sig: STANDARD.encode(key.sign(&pae(payload_type, &payload))),
            }],
        };
        serde_json::to_vec(&envelope).unwrap()
    }

    fn verify(file: &FreshnessFile) -> Result<Freshness, FreshnessError> {
        let trust = TrustSet::new(vec![TrustKey::parse(&ed25519(1).trust()).unwrap()], 1).unwrap();
        Freshness::verify(&sign(file, &ed25519(1), FRESHNESS_TYPE), &trust, NOW)
    }

    #[test]
    fn it_renews_exactly_the_bundle_that_it_names() {
        let freshness = verify(&file()).unwrap();
        assert_eq!(freshness.file(), &file());
        let digest = Digest::of(b"bundle");
        assert_eq!(freshness.renews("test", 7, digest), Some(NOW + 3_590));
        assert_eq!(freshness.renews("other", 7, digest), None);
        assert_eq!(freshness.renews("test", 6, digest), None);
        assert_eq!(freshness.renews("test", 8, digest), None);
        assert_eq!(freshness.renews("test", 7, Digest::of(b"other")), None);
    }

    #[test]
    fn times_that_do_not_fit_are_refused() {
        let with =
            |issued, expires| verify(&FreshnessFile { issued, expires, ..file() }).map(|_| ()).map_err(|e| e.code());
        assert_eq!(with(NOW, NOW + 1), Ok(()));
        assert_eq!(with(NOW + limits::CLOCK_SKEW_SECONDS, NOW + 3_600), Ok(()));
        assert_eq!(with(NOW, NOW + limits::FRESHNESS_MAX_SECONDS), Ok(()));
        assert_eq!(with(NOW - 1, NOW), Err("freshness.expired"));
        assert_eq!(with(0, 1), Err("freshness.expired"));
        assert_eq!(with(NOW, NOW), Err("freshness.lifetime"));
        assert_eq!(with(NOW + 1, NOW), Err("freshness.lifetime"));
        assert_eq!(with(NOW, NOW + limits::FRESHNESS_MAX_SECONDS + 1), Err("freshness.lifetime"));
        assert_eq!(with(0, u64::MAX), Err("freshness.lifetime"));
        assert_eq!(with(NOW + limits::CLOCK_SKEW_SECONDS + 1, NOW + 3_600), Err("freshness.future"));
        assert_eq!(with(u64::MAX - 1, u64::MAX), Err("freshness.future"));
    }

    #[test]
    fn only_trusted_keys_and_this_kind_of_document_count() {
        let trust = TrustSet::new(vec![TrustKey::parse(&ed25519(1).trust()).unwrap()], 1).unwrap();
        let code = |bytes: &[u8]| Freshness::verify(bytes, &trust, NOW).unwrap_err().code();
        assert_eq!(code(&sign(&file(), &ed25519(2), FRESHNESS_TYPE)), "signed.threshold");
        assert_eq!(code(&sign(&file(), &ed25519(1), crate::bundle::format::PAYLOAD_TYPE)), "signed.payload_type");
        assert_eq!(code(b""), "signed.syntax");
        assert_eq!(code(&vec![b' '; limits::FRESHNESS_BYTES + 1]), "signed.too_large");
    }

    #[test]
    fn an_older_bundle_or_another_of_that_version_is_told_apart() {
        let freshness = verify(&file()).unwrap();
        let mark = |version, content: &[u8]| Some(HighWaterMark { version, digest: Digest::of(content) });
        assert_eq!(freshness.check("test", None), Ok(()));
        assert_eq!(freshness.check("test", mark(7, b"bundle")), Ok(()));
        assert_eq!(freshness.check("test", mark(6, b"older")), Ok(()), "a newer bundle than was seen so far");
        assert_eq!(freshness.check("test", mark(7, b"other")), Err(FreshnessError::Equivocation));
        assert_eq!(freshness.check("test", mark(8, b"newer")), Err(FreshnessError::Rollback));
        assert_eq!(freshness.check("other", None), Err(FreshnessError::Channel));
    }
}
