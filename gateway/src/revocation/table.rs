//! The entries of a list, by what they are about: hashed, so that looking one up costs the same in a list of any size.

use std::hash::{BuildHasherDefault, Hasher};
use std::rc::Rc;

use super::entry::{Entry, EntryKind, Reason};
use super::error::RevocationError;
use super::list::{Base, ListHead};
use super::trace::Mark;
use crate::bundle::{Digest, KeyId};

/// A list that is open: it answers, and no longer says what its entries were.
#[derive(Clone, Debug)]
pub struct List {
    head: ListHead,
    digest: Digest,
    /// Who has signed it, of the keys that were trusted then.
    signers: Vec<KeyId>,
    count: usize,
    /// The list's own entries.
    table: Rc<Table>,
    /// Those of its base.
    base: Option<Rc<Table>>,
}

impl List {
    pub(super) fn new(head: ListHead, (digest, signers): (Digest, Vec<KeyId>), count: usize, table: Table) -> Self {
        Self { head, digest, signers, count, table: Rc::new(table), base: None }
    }

    /// Who has signed it.
    pub(super) fn signers(&self) -> &[KeyId] {
        &self.signers
    }

    /// Takes the signers of the same list as it was offered and verified once more; says whether there are others.
    pub(super) fn attest(&mut self, signers: &[KeyId]) -> bool {
        let is_new = self.signers != signers;
        self.signers = signers.to_vec();
        is_new
    }

    /// All but the entries.
    #[must_use]
    pub fn head(&self) -> &ListHead {
        &self.head
    }

    /// The digest of the payload: the identity of the list.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// How many entries there are; those that change entries of the base, and those that they change, both count.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// The same list on its base, which is the whole list `of`, or what `of` is on.
    pub(crate) fn onto(self, of: &Self) -> Result<Self, RevocationError> {
        let wanted = self.head.base.ok_or(RevocationError::Base)?;
        let table = of.base.as_ref().unwrap_or(&of.table);
        if of.missing_base().is_some() || of.rests_on() != wanted.digest || of.head.channel != self.head.channel {
            return Err(RevocationError::Base);
        }
        let count = self.count.saturating_add(table.rows.len());
        Ok(Self { base: Some(Rc::clone(table)), count, ..self })
    }

    /// The whole list that it is, or is on, by its digest.
    pub(super) fn rests_on(&self) -> Digest {
        self.head.base.map_or(self.digest, |base| base.digest)
    }

    /// The list that it adds to, if that is not there yet.
    pub(super) fn missing_base(&self) -> Option<Base> {
        self.head.base.filter(|_| self.base.is_none())
    }

    /// The entry about something.
    pub(super) fn find(&self, mark: &Mark) -> Option<&Row> {
        let row = self.table.find(mark).or_else(|| self.base.as_ref()?.find(mark));
        row.filter(|row| !row.removed)
    }
}

/// What is kept of an entry. Times are seconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// Tokens issued at this time or before; `u64::MAX` for all.
    pub(super) issued_before: u64,
    /// It says nothing from here on.
    pub(super) until: u64,
    pub(super) reason: Reason,
    removed: bool,
}

/// Rows by their marks.
#[derive(Debug, Default)]
#[expect(clippy::disallowed_types, reason = "its hasher asks nobody for randomness, and nothing iterates over it")]
pub(super) struct Table {
    rows: std::collections::HashMap<Mark, Row, BuildHasherDefault<MarkHasher>>,
    /// A bit for each kind that there is.
    kinds: u16,
}

impl Table {
    pub(super) fn insert(&mut self, entry: &Entry<'_>) {
        let (kind, issuer, id) = entry.name();
        let row = Row {
            issued_before: entry.issued_before.unwrap_or(u64::MAX),
            until: entry.until.unwrap_or(u64::MAX),
            reason: entry.reason,
            removed: entry.removed,
        };
        self.kinds |= bit(kind);
        self.rows.insert(Mark::of(kind, issuer.unwrap_or_default(), id.unwrap_or_default()), row);
    }

    fn has(&self, kind: EntryKind) -> bool {
        self.kinds & bit(kind) != 0
    }

    fn find(&self, mark: &Mark) -> Option<&Row> {
        if self.has(mark.kind()?) { self.rows.get(mark) } else { None }
    }
}

fn bit(kind: EntryKind) -> u16 {
    1 << kind as u16
}

/// A mark is a digest already: eight of its bytes are its hash.
#[derive(Debug, Default)]
struct MarkHasher(u64);

impl Hasher for MarkHasher {
    fn write(&mut self, bytes: &[u8]) {
        if let Some((_, last)) = bytes.split_last_chunk::<8>() {
            self.0 = u64::from_le_bytes(*last);
        }
    }

    fn write_usize(&mut self, _length: usize) {}

    fn finish(&self) -> u64 {
        self.0
    }
}
