//! What is served: the last good bytes of each file, and what changed.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use palisade_gateway::bundle::Digest;

use super::artefact::{Artefact, ArtefactError, ArtefactName, Identity};
use crate::limits::SERVED_HISTORY;

/// The files at one moment. Requests look here and nowhere else, so that no request can name anything but these.
#[derive(Clone, Debug, Default)]
pub struct Shelf {
    files: BTreeMap<String, File>,
}

/// One file.
#[derive(Clone, Debug, Default)]
struct File {
    good: Option<Arc<Artefact>>,
    /// Of the bytes that were refused, where those are what the file has now.
    refused: Option<Digest>,
    /// Entity tags and versions of the last good ones, newest first.
    history: VecDeque<(String, Option<u64>)>,
}

/// What a name leads to.
#[derive(Clone, Debug)]
pub enum Found {
    /// A file to hand out.
    Artefact(Arc<Artefact>),
    /// A file that has never been good.
    Unusable,
    /// No file.
    Missing,
}

/// What has happened to a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is served from now on.
    Published {
        /// What it says about itself.
        identity: Identity,
        /// Its size in bytes.
        size: usize,
        /// What is odd about it, seen beside what was served before.
        oddity: Option<Oddity>,
    },
    /// Its new bytes are not served.
    Refused {
        /// Why.
        error: ArtefactError,
        /// Whether the last good bytes are served meanwhile.
        still_served: bool,
    },
    /// It is gone, and not served any more.
    Withdrawn,
}

/// What gateways will refuse, although the file is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Oddity {
    /// Its version is lower than the one before.
    VersionWentBack,
    /// It has the version of the one before and is another.
    SameVersion,
}

impl Oddity {
    /// Stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::VersionWentBack => "version_went_back",
            Self::SameVersion => "same_version",
        }
    }
}

impl Shelf {
    /// What is served under a name.
    #[must_use]
    pub fn find(&self, name: &str) -> Found {
        match self.files.get(name) {
            Some(File { good: Some(artefact), .. }) => Found::Artefact(Arc::clone(artefact)),
            Some(File { good: None, .. }) => Found::Unusable,
            None => Found::Missing,
        }
    }

    /// The files that are served, in the order of their names.
    pub fn served(&self) -> impl Iterator<Item = (&str, &Artefact)> {
        self.files.iter().filter_map(|(name, file)| Some((name.as_str(), file.good.as_deref()?)))
    }

    /// Whether any file is served for a channel.
    #[must_use]
    pub fn has_channel(&self, channel: &str) -> bool {
        self.served().any(|(name, _)| ArtefactName::parse(name).is_some_and(|name| name.channel == channel))
    }

    /// The version that an entity tag stands for, where it is or was served lately.
    #[must_use]
    pub fn version_of(&self, name: &str, etag: &str) -> Option<u64> {
        let history = &self.files.get(name)?.history;
        history.iter().find(|(known, _)| known == etag).and_then(|(_, version)| *version)
    }

    /// How many bytes all files but one have together.
    #[must_use]
    pub fn size_without(&self, name: &str) -> usize {
        self.served().filter(|(other, _)| *other != name).map(|(_, artefact)| artefact.bytes().len()).sum()
    }

    /// Puts a file's present bytes in place, if they are good, and `admit` says so, too. None when nothing has changed.
    pub fn put(
        &mut self,
        name: &str,
        parsed: &ArtefactName<'_>,
        bytes: Vec<u8>,
        admit: impl FnOnce(&Artefact) -> Result<(), ArtefactError>,
    ) -> Option<Change> {
        let file = self.files.entry(name.to_owned()).or_default();
        let digest = Digest::of(&bytes);
        let before = file.good.as_ref();
        if before.is_some_and(|good| good.etag() == format!("\"{digest}\"")) {
            file.refused = None;
            return None;
        }
        if file.refused == Some(digest) {
            return None;
        }
        let read = Artefact::read(parsed, bytes).and_then(|artefact| admit(&artefact).map(|()| artefact));
        match read {
            Ok(artefact) => {
                let identity = artefact.identity().clone();
                let oddity = before.and_then(|before| oddity(before.identity(), &identity));
                let size = artefact.bytes().len();
                file.history.push_front((artefact.etag().to_owned(), identity.version));
                file.history.truncate(SERVED_HISTORY);
                file.good = Some(Arc::new(artefact));
                file.refused = None;
                Some(Change::Published { identity, size, oddity })
            }
            Err(error) => {
                file.refused = Some(digest);
                Some(Change::Refused { error, still_served: file.good.is_some() })
            }
        }
    }

    /// Forgets what was refused, so that it is judged again.
    pub fn reconsider(&mut self) {
        self.files.values_mut().for_each(|file| file.refused = None);
    }

    /// Takes a file away.
    pub fn remove(&mut self, name: &str) -> Option<Change> {
        self.files.remove(name).map(|_| Change::Withdrawn)
    }

    /// The names there are, whether or not they are served.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }
}

fn oddity(before: &Identity, after: &Identity) -> Option<Oddity> {
    let (before_version, after_version) = (before.version?, after.version?);
    if after_version < before_version {
        return Some(Oddity::VersionWentBack);
    }
    (after_version == before_version && after.digest != before.digest).then_some(Oddity::SameVersion)
}

#[cfg(test)]
mod tests;
