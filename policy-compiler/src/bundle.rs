//! Writes and signs bundle containers. The reader is `palisade_gateway::bundle`; both share its format constants.

use std::fmt;

use p256::ecdsa::Signature as Es256Signature;
use palisade_gateway::bundle::{
    BundleError, Container, Digest, Manifest, SectionEntry, SectionName, SignerAlgorithm, SourceEntry, TrustKey,
    format, pae,
};
use palisade_gateway::limits;
use palisade_gateway::signed::SignedError;

use crate::keys::{KeyError, PrivateKey};

/// What goes into a bundle.
#[derive(Clone, Debug)]
pub struct Draft {
    /// Name of the bundle and of its channel.
    pub name: String,
    /// Version on the channel.
    pub version: u64,
    /// When it was built, in seconds since the Unix epoch.
    pub created: u64,
    /// When it stops deciding, in seconds since the Unix epoch.
    pub expires: u64,
    /// The compiled policies.
    pub policies: Vec<u8>,
    /// How many policies there are.
    pub policy_count: u64,
    /// The most steps that one decision can take.
    pub worst_case_steps: u64,
    /// The gateway section.
    pub gateway: Vec<u8>,
    /// The files it is built from.
    pub sources: Vec<SourceEntry>,
}

/// Why a bundle or a document is not written or signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteError {
    /// A part is larger than the format or the reader allows.
    TooLarge,
    /// The bytes to sign are not a whole bundle.
    Bundle(BundleError),
    /// The bytes to sign are not a signed document.
    Document(SignedError),
    /// There are all the signatures that a bundle or a document can hold.
    TooManySignatures,
    /// A signature that was made elsewhere is not one of these bytes by that key.
    SignatureInvalid,
    /// The key cannot sign.
    Key(KeyError),
}

impl WriteError {
    /// Stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLarge => "bundle.too_large",
            Self::Bundle(error) => error.code(),
            Self::Document(error) => error.code(),
            Self::TooManySignatures => "bundle.too_many_signatures",
            Self::SignatureInvalid => "sign.signature",
            Self::Key(error) => error.code(),
        }
    }
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge => write!(f, "the bundle is larger than {} bytes", limits::BUNDLE_BYTES),
            Self::Bundle(error) => error.fmt(f),
            Self::Document(error) => error.fmt(f),
            Self::TooManySignatures => write!(f, "there is room for {} signatures", limits::BUNDLE_SIGNATURES),
            Self::SignatureInvalid => f.write_str("this is not a signature of these bytes by that key"),
            Self::Key(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for WriteError {}

impl From<BundleError> for WriteError {
    fn from(error: BundleError) -> Self {
        Self::Bundle(error)
    }
}

impl From<KeyError> for WriteError {
    fn from(error: KeyError) -> Self {
        Self::Key(error)
    }
}

/// Writes a container without signatures. The same draft gives the same bytes.
///
/// # Errors
///
/// When a part is too large.
pub fn write(draft: &Draft) -> Result<Vec<u8>, WriteError> {
    let manifest = manifest(draft)?.encode()?;
    let sections = [draft.policies.as_slice(), &draft.gateway].concat();
    assemble(&manifest, &sections, &[])
}

fn manifest(draft: &Draft) -> Result<Manifest, WriteError> {
    let Draft { name, version, created, expires, policies, policy_count, worst_case_steps, gateway, sources } = draft;
    let mut sources = sources.clone();
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(Manifest {
        format: format::FORMAT,
        name: name.clone(),
        channel: name.clone(),
        version: *version,
        created: *created,
        expires: *expires,
        min_engine: format::ENGINE,
        sections: vec![entry(SectionName::Policies, policies)?, entry(SectionName::Gateway, gateway)?],
        sources,
        policies: *policy_count,
        worst_case_steps: *worst_case_steps,
    })
}

fn entry(name: SectionName, bytes: &[u8]) -> Result<SectionEntry, WriteError> {
    Ok(SectionEntry { name, size: size(bytes)?, sha256: Digest::of(bytes) })
}

fn size(bytes: &[u8]) -> Result<u32, WriteError> {
    u32::try_from(bytes.len()).map_err(|_| WriteError::TooLarge)
}

/// One signature as it stands in a container.
struct Signature {
    key_id: Digest,
    algorithm: SignerAlgorithm,
    bytes: [u8; format::SIGNATURE_BYTES],
}

/// Adds a signature to a bundle, in place of an earlier one by the same key.
///
/// Only a whole bundle is signed: its manifest must be one that gateways accept and name the sections that follow.
///
/// # Errors
///
/// When the bytes are not a whole bundle, hold too many signatures, or the key does not sign bundles.
pub fn sign(bundle: &[u8], key: &PrivateKey) -> Result<Vec<u8>, WriteError> {
    let public = key.trust_key()?;
    let signature = key.sign_bundle(&message(bundle)?)?;
    with_signature(bundle, &public, signature)
}

/// The bytes that every signature of a bundle is over.
///
/// # Errors
///
/// When the bytes are not a whole bundle.
pub fn message(bundle: &[u8]) -> Result<Vec<u8>, WriteError> {
    let container = Container::read(bundle)?;
    check_whole(&container)?;
    Ok(pae(format::PAYLOAD_TYPE, container.unverified_manifest()))
}

/// Adds a signature that was made elsewhere, in place of an earlier one by the same key. ES256 is `r || s` or DER.
///
/// # Errors
///
/// [`WriteError::SignatureInvalid`] when it is not a signature of this bundle by this key, and as [`sign`].
pub fn attach(bundle: &[u8], key: &TrustKey, signature: &[u8]) -> Result<Vec<u8>, WriteError> {
    if !key.verify(&message(bundle)?, signature) {
        return Err(WriteError::SignatureInvalid);
    }
    // A container has room for 64 bytes.
    let raw = signature.try_into().ok().or_else(|| Some(Es256Signature::from_der(signature).ok()?.to_bytes().into()));
    with_signature(bundle, key, raw.ok_or(WriteError::SignatureInvalid)?)
}

/// An ES256 signature of a container in DER form (RFC 3279 §2.2.3), as other tools have it. `None` for bytes that are none.
#[must_use]
pub fn der(signature: &[u8; format::SIGNATURE_BYTES]) -> Option<Vec<u8>> {
    Some(Es256Signature::from_slice(signature).ok()?.to_der().as_bytes().to_vec())
}

fn with_signature(bundle: &[u8], key: &TrustKey, bytes: [u8; format::SIGNATURE_BYTES]) -> Result<Vec<u8>, WriteError> {
    let container = Container::read(bundle)?;
    let kept = container.signatures().iter().filter(|entry| entry.key_id != key.id());
    let mut signatures: Vec<Signature> = kept
        .map(|entry| Signature { key_id: entry.key_id, algorithm: entry.algorithm, bytes: *entry.signature })
        .collect();
    signatures.push(Signature { key_id: key.id(), algorithm: key.algorithm(), bytes });
    if signatures.len() > limits::BUNDLE_SIGNATURES {
        return Err(WriteError::TooManySignatures);
    }
    assemble(container.unverified_manifest(), container.unverified_sections(), &signatures)
}

/// Checks that an unsigned container is consistent: what is signed should be what was meant.
///
/// # Errors
///
/// When the manifest is not acceptable or its digests are not those of the sections.
pub fn check_whole(container: &Container<'_>) -> Result<Manifest, BundleError> {
    let manifest = Manifest::parse(container.unverified_manifest())?;
    let mut rest = container.unverified_sections();
    for section in &manifest.sections {
        let size = usize::try_from(section.size).map_err(|_| BundleError::TooLarge)?;
        let (bytes, after) = rest.split_at_checked(size).ok_or(BundleError::SectionDigest)?;
        if Digest::of(bytes) != section.sha256 {
            return Err(BundleError::SectionDigest);
        }
        rest = after;
    }
    if rest.is_empty() { Ok(manifest) } else { Err(BundleError::SectionDigest) }
}

fn assemble(manifest: &[u8], sections: &[u8], signatures: &[Signature]) -> Result<Vec<u8>, WriteError> {
    let mut sorted: Vec<&Signature> = signatures.iter().collect();
    sorted.sort_by_key(|signature| signature.key_id);
    let mut tail = Vec::new();
    for Signature { key_id, algorithm, bytes } in sorted {
        tail.extend_from_slice(key_id.as_bytes());
        tail.push(algorithm.code());
        let len = u16::try_from(bytes.len()).map_err(|_| WriteError::TooLarge)?;
        tail.extend_from_slice(&len.to_le_bytes());
        tail.extend_from_slice(bytes);
    }
    let mut bundle = format::MAGIC.to_vec();
    bundle.extend_from_slice(&format::FORMAT.to_le_bytes());
    for part in [manifest, sections, &tail] {
        bundle.extend_from_slice(&size(part)?.to_le_bytes());
    }
    for part in [manifest, sections, &tail] {
        bundle.extend_from_slice(part);
    }
    let too_large = manifest.len() > limits::MANIFEST_BYTES || bundle.len() > limits::BUNDLE_BYTES;
    if too_large { Err(WriteError::TooLarge) } else { Ok(bundle) }
}

#[cfg(test)]
mod tests;
