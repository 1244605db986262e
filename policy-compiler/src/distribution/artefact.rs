//! The files of a channel, by name, and the check that a file is what its name says.

use std::fmt;

use bytes::Bytes;
use palisade_gateway::bundle::{BundleError, Container, Digest, FRESHNESS_TYPE, ROOT_TYPE, RootError};
use palisade_gateway::limits;
use palisade_gateway::revocation::ListFile;
use palisade_gateway::signed::{SignedDocument, SignedError};
use serde::Deserialize;

use crate::bundle::check_whole;
use crate::limits::SERVED_DOCUMENT_BYTES;
use crate::revocation::{ListError, SignedList};

/// The media type of bundles, in HTTP and in registries.
pub const BUNDLE_MEDIA_TYPE: &str = "application/vnd.palisade.bundle.v1";

/// What a file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `NAME.palisade`: the bundle that decides.
    Bundle,
    /// `NAME.candidate.palisade`: a bundle that is asked beside it and decides nothing.
    Candidate,
    /// `NAME.freshness.json`: renews the bundle's expiry.
    Freshness,
    /// `NAME.root.N.json`: which keys may sign from now on.
    Root(u64),
    /// `NAME.revocations.json`: who is turned away whatever the bundle says.
    Revocations,
    /// `NAME.revocations.SERIAL.json`: a large list that later ones add to.
    RevocationsBase(u64),
}

impl Kind {
    /// The media type of such a file.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Bundle | Self::Candidate => BUNDLE_MEDIA_TYPE,
            Self::Freshness | Self::Root(_) | Self::Revocations | Self::RevocationsBase(_) => {
                "application/vnd.dsse.envelope.v1+json"
            }
        }
    }

    /// The most bytes that such a file may have.
    #[must_use]
    pub fn max_bytes(self) -> usize {
        match self {
            Self::Bundle | Self::Candidate => limits::BUNDLE_BYTES,
            Self::Freshness | Self::Root(_) => SERVED_DOCUMENT_BYTES,
            Self::Revocations | Self::RevocationsBase(_) => limits::REVOCATIONS_BYTES,
        }
    }
}

/// The name of a file that may be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArtefactName<'a> {
    /// The channel that the file is for.
    pub channel: &'a str,
    /// What it is for.
    pub kind: Kind,
}

impl<'a> ArtefactName<'a> {
    /// Reads a file's name; none where no file of that name is ever served.
    ///
    /// Channels have letters, digits, `-`, `_` and `.` here, and do not begin with a dot: such a name is the same in a
    /// path, in a URL and in a log, without escapes.
    #[must_use]
    pub fn parse(name: &'a str) -> Option<Self> {
        let (channel, kind) = if let Some(channel) = name.strip_suffix(".candidate.palisade") {
            (channel, Kind::Candidate)
        } else if let Some(channel) = name.strip_suffix(".palisade") {
            (channel, Kind::Bundle)
        } else if let Some(channel) = name.strip_suffix(".freshness.json") {
            (channel, Kind::Freshness)
        } else if let Some(channel) = name.strip_suffix(".revocations.json") {
            (channel, Kind::Revocations)
        } else {
            let (rest, number) = name.strip_suffix(".json")?.rsplit_once('.')?;
            let number = version(number)?;
            match rest.strip_suffix(".root") {
                Some(channel) => (channel, Kind::Root(number)),
                None => (rest.strip_suffix(".revocations")?, Kind::RevocationsBase(number)),
            }
        };
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        let is_channel = !channel.is_empty() && !channel.starts_with('.') && channel.bytes().all(is_plain);
        is_channel.then_some(Self { channel, kind })
    }
}

/// A version in its one spelling: digits without a leading zero.
fn version(text: &str) -> Option<u64> {
    let canonical = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    if canonical { text.parse().ok() } else { None }
}

/// A file that is what its name says. Its signatures are not verified: whoever fetches it does that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artefact {
    bytes: Bytes,
    etag: String,
    content_type: &'static str,
    identity: Identity,
}

/// What an artefact says about itself, not verified: for people and logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The version on its channel, where it has one.
    pub version: Option<u64>,
    /// What gateways report as the digest: of a bundle's manifest, of a document's payload.
    pub digest: Digest,
    /// When it ends, in seconds since the Unix epoch, where it says so.
    pub expires: Option<u64>,
}

/// Why a file is not what its name says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArtefactError {
    /// It is no whole bundle.
    Bundle(BundleError),
    /// It is no whole signed document.
    Document(SignedError),
    /// It is no revocation list.
    List(ListError),
    /// Nobody has signed it.
    Unsigned,
    /// It is for another channel.
    Channel(String),
    /// It has another version than its name.
    Version,
    /// It is no root that may follow, or the root has expired.
    Root(RootError),
    /// It is another root than the one of this version.
    OtherRoot,
    /// No root says who may sign for its channel.
    NoRoot,
}

impl ArtefactError {
    /// Stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Bundle(error) => error.code(),
            Self::Document(error) => error.code(),
            Self::List(error) => error.code(),
            Self::Unsigned => "artefact.unsigned",
            Self::Channel(_) => "artefact.channel",
            Self::Version => "artefact.version",
            Self::Root(error) => error.code(),
            Self::OtherRoot => "artefact.other_root",
            Self::NoRoot => "artefact.no_root",
        }
    }
}

impl fmt::Display for ArtefactError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bundle(error) => error.fmt(f),
            Self::Document(error) => error.fmt(f),
            Self::List(error) => error.fmt(f),
            Self::Unsigned => f.write_str("it has no signature"),
            Self::Channel(channel) => write!(f, "it is for the channel `{channel}`"),
            Self::Version => f.write_str("it has another version than its name"),
            Self::Root(error) => error.fmt(f),
            Self::OtherRoot => f.write_str("it is another root than the one of this version"),
            Self::NoRoot => f.write_str("no root says who may sign for its channel"),
        }
    }
}

impl std::error::Error for ArtefactError {}

impl Artefact {
    /// Checks that a file is whole, signed by somebody, and for the channel in its name.
    ///
    /// # Errors
    ///
    /// When it is not, as a file that is still being written.
    pub fn read(name: &ArtefactName<'_>, bytes: Vec<u8>) -> Result<Self, ArtefactError> {
        let (channel, identity) = match name.kind {
            Kind::Bundle | Kind::Candidate => bundle(&bytes)?,
            Kind::Freshness => document(&bytes, FRESHNESS_TYPE)?,
            Kind::Root(_) => document(&bytes, ROOT_TYPE)?,
            Kind::Revocations | Kind::RevocationsBase(_) => list(&bytes)?,
        };
        if channel != name.channel {
            return Err(ArtefactError::Channel(channel));
        }
        if let Kind::Root(version) | Kind::RevocationsBase(version) = name.kind
            && identity.version != Some(version)
        {
            return Err(ArtefactError::Version);
        }
        let etag = format!("\"{}\"", Digest::of(&bytes));
        Ok(Self { bytes: Bytes::from(bytes), etag, content_type: name.kind.content_type(), identity })
    }

    /// The file.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The strong entity tag, with its quotes: the digest of the bytes (RFC 9110 §8.8.3).
    #[must_use]
    pub fn etag(&self) -> &str {
        &self.etag
    }

    /// The media type.
    #[must_use]
    pub fn content_type(&self) -> &'static str {
        self.content_type
    }

    /// What it says about itself.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }
}

fn bundle(bytes: &[u8]) -> Result<(String, Identity), ArtefactError> {
    let container = Container::read(bytes).map_err(ArtefactError::Bundle)?;
    let manifest = check_whole(&container).map_err(ArtefactError::Bundle)?;
    if container.signatures().is_empty() {
        return Err(ArtefactError::Unsigned);
    }
    let digest = Digest::of(container.unverified_manifest());
    Ok((manifest.channel, Identity { version: Some(manifest.version), digest, expires: Some(manifest.expires) }))
}

fn list(bytes: &[u8]) -> Result<(String, Identity), ArtefactError> {
    let signed = SignedList::read(bytes, None).map_err(ArtefactError::List)?;
    let document = SignedDocument::read(bytes, limits::REVOCATIONS_BYTES).map_err(ArtefactError::Document)?;
    if document.unverified_signers().next().is_none() {
        return Err(ArtefactError::Unsigned);
    }
    let SignedList { list: ListFile { head, entries: _ }, digest, signers: _ } = signed;
    Ok((head.channel, Identity { version: Some(head.serial), digest, expires: Some(head.expires) }))
}

/// What all signed documents have. Whoever verifies one reads the rest of it as well.
#[derive(Deserialize)]
struct Document {
    channel: String,
    version: Option<u64>,
    expires: Option<u64>,
}

fn document(bytes: &[u8], payload_type: &str) -> Result<(String, Identity), ArtefactError> {
    let document = SignedDocument::read(bytes, SERVED_DOCUMENT_BYTES).map_err(ArtefactError::Document)?;
    if document.unverified_payload_type() != payload_type {
        return Err(ArtefactError::Document(SignedError::PayloadType));
    }
    if document.unverified_signers().next().is_none() {
        return Err(ArtefactError::Unsigned);
    }
    let payload = document.unverified_payload();
    let Document { channel, version, expires } = serde_json::from_slice(payload)
        .map_err(|error| ArtefactError::Document(SignedError::Payload(error.to_string())))?;
    Ok((channel, Identity { version, digest: Digest::of(payload), expires }))
}

#[cfg(test)]
pub(crate) mod tests;
