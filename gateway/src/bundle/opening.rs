//! From an accepted bundle to one that can decide, in pieces: whoever serves requests meanwhile waits for a piece, not for all.

use std::borrow::Cow;

use palisade_engine::{CompiledPolicySet, OpeningStep, PolicySetOpening};
use sha2::{Digest as _, Sha256};

use super::active::{ActiveBundle, Provenance};
use super::digest::Digest;
use super::error::BundleError;
use super::manifest::{Manifest, SectionName};
use super::reader::Reader;
use crate::section::GatewaySection;

/// The order of the sections' bytes; [`Manifest::parse`] has checked that it is the manifest's.
const ORDER: [SectionName; 2] = [SectionName::Policies, SectionName::Gateway];

/// A bundle on its way from [`super::Accepted`] to [`ActiveBundle`].
#[derive(Debug)]
pub struct Opening<'a> {
    provenance: Provenance,
    sections: Cow<'a, [u8]>,
    stage: Stage,
}

/// What a step came to.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "taken apart at once")]
pub enum Opened<'a> {
    /// There is more to do.
    Partly(Opening<'a>),
    /// All of it.
    Whole(ActiveBundle),
}

#[derive(Debug)]
enum Stage {
    /// Nothing of a section is read before its digest holds.
    Digest {
        section: SectionName,
        done: usize,
        hash: Sha256,
    },
    Policies(PolicySetOpening),
    Section(Box<CompiledPolicySet>),
    Gateway(Box<CompiledPolicySet>, Box<GatewaySection>),
}

impl Stage {
    fn digest(section: SectionName) -> Self {
        Self::Digest { section, done: 0, hash: Sha256::new() }
    }
}

impl<'a> Opening<'a> {
    /// Called with what was accepted, by [`super::Accepted`] only.
    pub(super) fn new(provenance: Provenance, sections: &'a [u8]) -> Self {
        Self { provenance, sections: Cow::Borrowed(sections), stage: Stage::digest(SectionName::Policies) }
    }

    /// The same, with bytes of its own.
    #[must_use]
    pub fn into_owned(self) -> Opening<'static> {
        let Self { provenance, sections, stage } = self;
        Opening { provenance, sections: Cow::Owned(sections.into_owned()), stage }
    }

    /// The signed manifest.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.provenance.manifest
    }

    /// Does the next piece of the work: the digest of at most `bytes` more bytes, or one kind of what is in a section.
    ///
    /// # Errors
    ///
    /// When a section is not the signed one, or does not open.
    pub fn step(self, bytes: usize) -> Result<Opened<'a>, BundleError> {
        let Self { provenance, sections, stage } = self;
        let manifest = &provenance.manifest;
        let stage = match stage {
            Stage::Digest { section, done, hash } => {
                let (all, expected, after) = find(manifest, &sections, section)?;
                let end = all.len().min(done.saturating_add(bytes));
                let hash = hash.chain_update(all.get(done..end).unwrap_or_default());
                match section {
                    _ if end < all.len() => Stage::Digest { section, done: end, hash },
                    _ if Digest::from_bytes(hash.finalize().into()) != expected => {
                        return Err(BundleError::SectionDigest);
                    }
                    SectionName::Policies => Stage::digest(SectionName::Gateway),
                    SectionName::Gateway => {
                        after.finish()?;
                        Stage::Policies(PolicySetOpening::default())
                    }
                }
            }
            Stage::Policies(opening) => {
                let (bytes, ..) = find(manifest, &sections, SectionName::Policies)?;
                match opening.step(bytes).map_err(|error| BundleError::Policies(error.to_string()))? {
                    OpeningStep::Partly(opening) => Stage::Policies(opening),
                    OpeningStep::Whole(policies) => Stage::Section(Box::new(policies)),
                }
            }
            Stage::Section(policies) => {
                let (bytes, ..) = find(manifest, &sections, SectionName::Gateway)?;
                let section = GatewaySection::parse(bytes).map_err(BundleError::Gateway)?;
                Stage::Gateway(policies, Box::new(section))
            }
            Stage::Gateway(policies, section) => {
                return ActiveBundle::open(provenance, *policies, *section).map(Opened::Whole);
            }
        };
        Ok(Opened::Partly(Self { provenance, sections, stage }))
    }
}

/// The bytes of a section, its digest in the manifest, and the bytes after it.
fn find<'s>(
    manifest: &Manifest,
    sections: &'s [u8],
    name: SectionName,
) -> Result<(&'s [u8], Digest, Reader<'s>), BundleError> {
    let mut reader = Reader::new(sections);
    for wanted in ORDER {
        let entry =
            manifest.sections.iter().find(|entry| entry.name == wanted).ok_or(BundleError::SectionMissing(wanted))?;
        let size = usize::try_from(entry.size).map_err(|_| BundleError::TooLarge)?;
        let bytes = reader.take(wanted.as_str(), size)?;
        if wanted == name {
            return Ok((bytes, entry.sha256, reader));
        }
    }
    Err(BundleError::SectionMissing(name))
}
