//! Writes revocation lists: what is revoked is changed, signed, and laid out as files. The reader is `palisade_gateway::revocation`.
//!
//! For the channel `NAME` there is `NAME.revocations.json`, the list in force. While a list is small it is whole. A large one stays as
//! it is, once more, in `NAME.revocations.SERIAL.json`, and lists after it say what has changed since, until that is much again: who
//! has the large one fetches the little that is new.

use std::collections::BTreeMap;
use std::fmt;

use palisade_gateway::bundle::{Digest, KeyId, TrustSet};
use palisade_gateway::limits;
use palisade_gateway::revocation::{
    Base, Entry, EntryKind, ListFile, ListHead, OnExpiry, PAYLOAD_TYPE, RevocationError,
};
use palisade_gateway::signed::{SignedDocument, SignedError};

use crate::bundle::WriteError;
use crate::keys::PrivateKey;
use crate::signed::Document;

/// Up to so many entries a list is whole.
const SMALL: usize = 1_000;

/// Changes are written as such while they are at most this part of the list.
const CHANGED_PART: usize = 8;

/// Why a list is not read or written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListError {
    /// It is not signed as it must be.
    Signed(SignedError),
    /// It is no list that gateways take.
    List(RevocationError),
    /// It cannot be signed.
    Write(WriteError),
}

impl ListError {
    /// Stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Signed(error) => error.code(),
            Self::List(error) => error.code(),
            Self::Write(error) => error.code(),
        }
    }
}

impl fmt::Display for ListError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signed(error) => error.fmt(f),
            Self::List(error) => error.fmt(f),
            Self::Write(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ListError {}

impl From<SignedError> for ListError {
    fn from(error: SignedError) -> Self {
        Self::Signed(error)
    }
}

impl From<RevocationError> for ListError {
    fn from(error: RevocationError) -> Self {
        Self::List(error)
    }
}

impl From<WriteError> for ListError {
    fn from(error: WriteError) -> Self {
        Self::Write(error)
    }
}

/// A list out of its envelope.
#[derive(Clone, Debug)]
pub struct SignedList {
    /// The list.
    pub list: ListFile,
    /// The digest of its payload.
    pub digest: Digest,
    /// The trusted keys that signed; none where nobody was asked for.
    pub signers: Vec<KeyId>,
}

impl SignedList {
    /// Reads a list, and checks its signatures where it is said whose they are to be.
    ///
    /// # Errors
    ///
    /// When it is not a list, or not signed by them.
    pub fn read(bytes: &[u8], trust: Option<&TrustSet>) -> Result<Self, ListError> {
        let document = SignedDocument::read(bytes, limits::REVOCATIONS_BYTES)?;
        let signers = match trust {
            Some(trust) => document.verify(trust, PAYLOAD_TYPE)?.signers().to_vec(),
            None if document.unverified_payload_type() != PAYLOAD_TYPE => return Err(SignedError::PayloadType.into()),
            None => Vec::new(),
        };
        let payload = document.unverified_payload();
        Ok(Self { list: ListFile::parse(payload)?, digest: Digest::of(payload), signers })
    }
}

/// The list of a channel, to be changed and published anew.
#[derive(Clone, Debug)]
pub struct ListEditor {
    channel: String,
    serial: u64,
    on_expiry: OnExpiry,
    entries: BTreeMap<Name, Entry<'static>>,
    base: Option<(Base, Vec<Entry<'static>>)>,
}

type Name = (EntryKind, Option<String>, Option<String>);

fn name(entry: &Entry<'_>) -> Name {
    let (kind, issuer, id) = entry.name();
    (kind, issuer.map(str::to_owned), id.map(str::to_owned))
}

/// How a list is published.
#[derive(Clone, Copy, Debug)]
pub struct Publication<'k> {
    /// Seconds since the Unix epoch.
    pub now: u64,
    /// When the list expires, in seconds since the Unix epoch.
    pub expires: u64,
    /// What happens then; as before by default.
    pub on_expiry: Option<OnExpiry>,
    /// Who signs.
    pub keys: &'k [PrivateKey],
}

/// A list to be published.
#[derive(Clone, Debug)]
pub struct Published {
    /// Its serial.
    pub serial: u64,
    /// How many entries are in force.
    pub entries: usize,
    /// What is to be written first, where there is to be a copy of a large list: for the file `NAME.revocations.SERIAL.json`.
    pub archive: Option<Vec<u8>>,
    /// What is to be written to `NAME.revocations.json`.
    pub list: Vec<u8>,
}

impl ListEditor {
    /// The list of a channel that has none yet.
    #[must_use]
    pub fn new(channel: &str) -> Self {
        Self { channel: channel.to_owned(), serial: 0, on_expiry: OnExpiry::Keep, entries: BTreeMap::new(), base: None }
    }

    /// Continues a list. One that says what has changed needs its base.
    ///
    /// # Errors
    ///
    /// [`RevocationError::Base`] when the base is not the one that the list names.
    pub fn open(current: SignedList, base: Option<SignedList>) -> Result<Self, ListError> {
        let ListFile { head, entries } = current.list;
        let ListHead { channel, serial, issued: _, expires: _, on_expiry, base: named } = head;
        let base = match (named, base) {
            (None, _) if entries.len() > SMALL => Some((Base { serial, digest: current.digest }, entries.clone())),
            (None, _) => None,
            (Some(named), Some(base)) if base.digest == named.digest => Some((named, base.list.entries)),
            (Some(_), _) => return Err(RevocationError::Base.into()),
        };
        let mut all: BTreeMap<Name, Entry<'static>> = BTreeMap::new();
        if named.is_some() {
            let (_, of_base) = base.as_ref().ok_or(RevocationError::Base)?;
            all.extend(of_base.iter().map(|entry| (name(entry), entry.clone())));
        }
        for entry in entries {
            if entry.removed {
                all.remove(&name(&entry));
            } else {
                all.insert(name(&entry), entry);
            }
        }
        Ok(Self { channel, serial, on_expiry, entries: all, base })
    }

    /// The channel.
    #[must_use]
    pub fn channel(&self) -> &str {
        &self.channel
    }

    /// What is revoked.
    pub fn entries(&self) -> impl Iterator<Item = &Entry<'static>> {
        self.entries.values()
    }

    /// Revokes something. Where there is an entry about it, the stricter of the two counts, with the reason and note of the new one.
    ///
    /// # Errors
    ///
    /// [`RevocationError::Entry`] when it is not an entry.
    pub fn revoke(&mut self, entry: Entry<'static>) -> Result<(), ListError> {
        entry.check()?;
        if entry.removed {
            return Err(RevocationError::Entry.into());
        }
        let later = |a: Option<u64>, b: Option<u64>| a.zip(b).map(|(a, b)| a.max(b));
        let name = name(&entry);
        let entry = match self.entries.remove(&name) {
            None => entry,
            Some(old) => Entry {
                issued_before: later(old.issued_before, entry.issued_before),
                until: later(old.until, entry.until),
                ..entry
            },
        };
        self.entries.insert(name, entry);
        Ok(())
    }

    /// Takes an entry back. `false` if there is none.
    pub fn restore(&mut self, kind: EntryKind, issuer: Option<&str>, id: Option<&str>) -> bool {
        self.entries.remove(&(kind, issuer.map(str::to_owned), id.map(str::to_owned))).is_some()
    }

    /// Writes and signs the next list. Entries that are over are left out.
    ///
    /// # Errors
    ///
    /// When gateways would refuse it, or a key cannot sign it.
    pub fn publish(&mut self, publication: &Publication<'_>) -> Result<Published, ListError> {
        let Publication { now, expires, on_expiry, keys } = publication;
        self.entries.retain(|_, entry| entry.until.is_none_or(|until| until > *now));
        self.on_expiry = on_expiry.unwrap_or(self.on_expiry);
        let serial = self.serial.checked_add(1).ok_or(RevocationError::Malformed)?;
        let head = ListHead {
            channel: self.channel.clone(),
            serial,
            issued: *now,
            expires: *expires,
            on_expiry: self.on_expiry,
            base: None,
        };
        let changes = self.base.as_ref().and_then(|(base, of_base)| {
            let changes = self.changes(of_base);
            let few = self.entries.len() > SMALL && changes.len() <= (of_base.len() / CHANGED_PART).max(SMALL);
            few.then_some((*base, changes))
        });
        let published = match changes {
            Some((base, entries)) => {
                let list = sign(&ListFile { head: ListHead { base: Some(base), ..head }, entries }, keys)?;
                Published { serial, entries: self.entries.len(), archive: None, list: list.0 }
            }
            None => {
                let entries: Vec<Entry<'static>> = self.entries.values().cloned().collect();
                let is_large = entries.len() > SMALL;
                let (list, digest) = sign(&ListFile { head, entries: entries.clone() }, keys)?;
                self.base = is_large.then_some((Base { serial, digest }, entries));
                Published { serial, entries: self.entries.len(), archive: is_large.then(|| list.clone()), list }
            }
        };
        self.serial = serial;
        Ok(published)
    }

    /// What makes of the base's entries the ones in force.
    fn changes(&self, of_base: &[Entry<'static>]) -> Vec<Entry<'static>> {
        let base: BTreeMap<Name, &Entry<'static>> = of_base.iter().map(|entry| (name(entry), entry)).collect();
        let new = self.entries.iter().filter(|(name, entry)| base.get(*name) != Some(entry));
        let gone = base.iter().filter(|(name, _)| !self.entries.contains_key(*name)).map(|(_, entry)| Entry {
            removed: true,
            ..Entry::new(
                entry.kind,
                entry.issuer.as_ref().map(ToString::to_string),
                entry.id.as_ref().map(ToString::to_string),
            )
        });
        new.map(|(_, entry)| entry.clone()).chain(gone).collect()
    }
}

fn sign(list: &ListFile, keys: &[PrivateKey]) -> Result<(Vec<u8>, Digest), ListError> {
    let payload = list.encode()?;
    let digest = Digest::of(&payload);
    let mut document = Document::of_payload(PAYLOAD_TYPE, payload);
    for key in keys {
        document.sign(key)?;
    }
    let bytes = document.to_bytes()?;
    if bytes.len() > limits::REVOCATIONS_BYTES {
        return Err(RevocationError::TooLarge.into());
    }
    Ok((bytes, digest))
}

#[cfg(test)]
mod tests;
