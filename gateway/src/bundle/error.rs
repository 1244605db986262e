//! Why a bundle is refused.

use std::fmt;

use super::manifest::SectionName;
use super::reader::ReadError;
use super::threshold::ThresholdError;
use crate::section::SectionError;

/// Why a bundle is refused; each has a stable code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BundleError {
    /// Larger than the limit.
    TooLarge,
    /// Does not begin with the magic.
    Magic,
    /// A container format this build does not read.
    Format,
    /// The container's sizes do not describe its bytes.
    Layout(ReadError),
    /// The list of signatures is malformed: unknown algorithm, wrong length, order, or too many.
    SignatureList,
    /// A signature by a trusted key does not hold.
    SignatureInvalid,
    /// Fewer distinct trusted keys have signed than the threshold asks.
    SignatureThreshold,
    /// The signed manifest is not what this build writes.
    Manifest(String),
    /// The bundle is for another channel.
    Channel,
    /// The bundle's version is below the configured floor.
    Version,
    /// The bundle is older than one of its channel that was opened before.
    Rollback,
    /// Another bundle of this channel and version was opened before: somebody has signed two.
    Equivocation,
    /// The root that says who may sign bundles has expired.
    RootExpired,
    /// The host does not keep the mark of the newest bundle.
    Mark,
    /// The bundle has expired.
    Expired,
    /// The bundle was built in the future: its clock is wrong, or ours.
    NotYetValid,
    /// The bundle asks for a newer engine.
    Engine,
    /// The bytes of a section are not those that the manifest names.
    SectionDigest,
    /// The manifest does not list exactly the sections that are needed, in order.
    SectionMissing(SectionName),
    /// The policies section does not open.
    Policies(String),
    /// The gateway section does not open.
    Gateway(SectionError),
}

impl BundleError {
    /// The stable reason code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLarge => "bundle.too_large",
            Self::Magic => "bundle.magic",
            Self::Format => "bundle.format",
            Self::Layout(_) => "bundle.layout",
            Self::SignatureList => "bundle.signature_list",
            Self::SignatureInvalid => "bundle.signature",
            Self::SignatureThreshold => "bundle.threshold",
            Self::Manifest(_) => "bundle.manifest",
            Self::Channel => "bundle.channel",
            Self::Version => "bundle.version",
            Self::Rollback => "bundle.rollback",
            Self::Equivocation => "bundle.equivocation",
            Self::RootExpired => "root.expired",
            Self::Mark => "bundle.mark",
            Self::Expired => "bundle.expired",
            Self::NotYetValid => "bundle.not_yet_valid",
            Self::Engine => "bundle.engine",
            Self::SectionDigest => "bundle.section_digest",
            Self::SectionMissing(_) => "bundle.section_missing",
            Self::Policies(_) => "bundle.policies",
            Self::Gateway(_) => "bundle.gateway",
        }
    }
}

impl fmt::Display for BundleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge => f.write_str("the bundle is larger than the limit"),
            Self::Magic => f.write_str("this is not a bundle"),
            Self::Format => f.write_str("the container format is not known to this build"),
            Self::Layout(error) => write!(f, "the container is damaged: {error}"),
            Self::SignatureList => f.write_str("the list of signatures is malformed"),
            Self::SignatureInvalid => f.write_str("a signature by a trusted key does not hold"),
            Self::SignatureThreshold => f.write_str("too few trusted keys have signed the bundle"),
            Self::Manifest(detail) => write!(f, "the manifest is not acceptable: {detail}"),
            Self::Channel => f.write_str("the bundle is for another channel"),
            Self::Version => f.write_str("the bundle is older than the configured minimum version"),
            Self::Rollback => f.write_str("the bundle is older than one that was opened before"),
            Self::Equivocation => f.write_str("another bundle of this very version was opened before"),
            Self::RootExpired => f.write_str("the root has expired, and vouches for no bundle"),
            Self::Mark => f.write_str("the host does not keep the mark of the newest bundle"),
            Self::Expired => f.write_str("the bundle has expired"),
            Self::NotYetValid => f.write_str("the bundle was built in the future: its clock is wrong, or ours"),
            Self::Engine => f.write_str("the bundle needs a newer engine"),
            Self::SectionDigest => f.write_str("a section is not the one that was signed"),
            Self::SectionMissing(name) => write!(f, "the section `{}` is missing or misplaced", name.as_str()),
            Self::Policies(detail) => write!(f, "the policies do not open: {detail}"),
            Self::Gateway(error) => write!(f, "the gateway section does not open: {error}"),
        }
    }
}

impl std::error::Error for BundleError {}

impl From<ReadError> for BundleError {
    fn from(error: ReadError) -> Self {
        Self::Layout(error)
    }
}

/// Signatures in a container name their keys, so nothing is tried.
impl From<ThresholdError> for BundleError {
    fn from(error: ThresholdError) -> Self {
        match error {
            ThresholdError::Invalid => Self::SignatureInvalid,
            ThresholdError::TooFew | ThresholdError::TooManyAttempts => Self::SignatureThreshold,
        }
    }
}
