//! The container: sizes checked, nothing believed.

use super::accept::Verified;
use super::digest::Digest;
use super::error::BundleError;
use super::evidence::Evidence;
use super::format;
use super::reader::Reader;
use super::trust::{KeyId, SignerAlgorithm, TrustSet};
use crate::limits;

/// A bundle whose sizes are consistent. Nothing in it has been verified.
#[derive(Clone, Debug)]
pub struct Container<'a> {
    manifest: &'a [u8],
    sections: &'a [u8],
    signatures: Vec<SignatureEntry<'a>>,
}

/// One signature of a bundle, not verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignatureEntry<'a> {
    /// The key that is said to have signed.
    pub key_id: KeyId,
    /// The algorithm that is said to have been used.
    pub algorithm: SignerAlgorithm,
    /// The signature.
    pub signature: &'a [u8; format::SIGNATURE_BYTES],
}

impl<'a> Container<'a> {
    /// Splits a bundle into its parts.
    ///
    /// # Errors
    ///
    /// When the bytes are not exactly one container within the limits.
    pub fn read(bytes: &'a [u8]) -> Result<Self, BundleError> {
        if bytes.len() > limits::BUNDLE_BYTES {
            return Err(BundleError::TooLarge);
        }
        let mut reader = Reader::new(bytes);
        if reader.array("magic")? != format::MAGIC {
            return Err(BundleError::Magic);
        }
        if reader.u32("format")? != format::FORMAT {
            return Err(BundleError::Format);
        }
        let manifest_len = size(reader.u32("manifest size")?, limits::MANIFEST_BYTES)?;
        let sections_len = size(reader.u32("sections size")?, limits::BUNDLE_BYTES)?;
        let signatures_len = size(reader.u32("signatures size")?, limits::BUNDLE_BYTES)?;
        let manifest = reader.take("manifest", manifest_len)?;
        let sections = reader.take("sections", sections_len)?;
        let signatures = reader.take("signatures", signatures_len)?;
        reader.finish()?;
        Ok(Self { manifest, sections, signatures: read_signatures(signatures)? })
    }

    /// The manifest's bytes, not verified: for tools that print, never for deciding.
    #[must_use]
    pub fn unverified_manifest(&self) -> &'a [u8] {
        self.manifest
    }

    /// The bytes of all sections, not verified.
    #[must_use]
    pub fn unverified_sections(&self) -> &'a [u8] {
        self.sections
    }

    /// The signatures as listed, not verified.
    #[must_use]
    pub fn signatures(&self) -> &[SignatureEntry<'a>] {
        &self.signatures
    }

    /// Checks the signatures over the manifest.
    ///
    /// Signatures by keys that are not trusted do not count; one by a trusted key that does not hold refuses the
    /// bundle, because someone has changed it.
    ///
    /// # Errors
    ///
    /// When a trusted key's signature does not hold or fewer distinct trusted keys than the threshold have signed.
    pub fn verify(self, trust: &TrustSet) -> Result<Verified<'a>, BundleError> {
        let signatures = self.signatures.iter().map(|entry| (entry.key_id, entry.algorithm, *entry.signature));
        let evidence = Evidence::new(format::pae(format::PAYLOAD_TYPE, self.manifest), signatures.collect());
        let signers = evidence.signers(trust)?;
        Verified::new(self.manifest, self.sections, Digest::of(self.manifest), signers, evidence)
    }
}

fn size(announced: u32, limit: usize) -> Result<usize, BundleError> {
    usize::try_from(announced).ok().filter(|size| *size <= limit).ok_or(BundleError::TooLarge)
}

fn read_signatures(bytes: &[u8]) -> Result<Vec<SignatureEntry<'_>>, BundleError> {
    let mut reader = Reader::new(bytes);
    let mut entries: Vec<SignatureEntry<'_>> = Vec::new();
    while !reader.is_empty() {
        let key_id = Digest::from_bytes(reader.array("signature key id")?);
        let algorithm =
            SignerAlgorithm::from_code(reader.u8("signature algorithm")?).ok_or(BundleError::SignatureList)?;
        let len = usize::from(reader.u16("signature size")?);
        let signature = reader.take("signature", len)?.try_into().map_err(|_| BundleError::SignatureList)?;
        if entries.len() == limits::BUNDLE_SIGNATURES || entries.last().is_some_and(|last| last.key_id >= key_id) {
            return Err(BundleError::SignatureList);
        }
        entries.push(SignatureEntry { key_id, algorithm, signature });
    }
    Ok(entries)
}
