//! Opening a list bit by bit: entries are hashed into a table, a few thousand at a time, so that a large list holds up nobody.

use super::entry::{Entry, EntryKind};
use super::error::RevocationError;
use super::list::{self, Base, ListHead};
use super::table::{List, Table};
use crate::bundle::{Digest, KeyId};
use crate::limits;
use crate::signed::VerifiedDocument;

/// A list on its way from a payload to a table. The payload's signatures hold already.
#[derive(Debug)]
pub struct ListOpening {
    head: ListHead,
    digest: Digest,
    signers: Vec<KeyId>,
    payload: Vec<u8>,
    /// Where the next entry begins; the end of the payload when there is none.
    at: usize,
    table: Table,
    /// The name of the entry before, to keep the order; an empty text is none.
    last: Option<(EntryKind, String, String)>,
    /// An entry as it must be spelt.
    scratch: Vec<u8>,
    count: usize,
}

impl ListOpening {
    /// Reads the head of a payload whose signatures hold.
    ///
    /// # Errors
    ///
    /// When the payload's head is none.
    pub fn begin(document: VerifiedDocument<'_>) -> Result<Self, RevocationError> {
        let (digest, signers) = (document.digest(), document.signers().to_vec());
        Ok(Self { signers, ..Self::of_payload(document.into_payload(), digest)? })
    }

    /// The same for the list that a signed list names as its base: whoever signed that one vouches for this one's bytes.
    pub(crate) fn of_base(payload: Vec<u8>, digest: Digest, base: &Base) -> Result<Self, RevocationError> {
        let opening = Self::of_payload(payload, digest)?;
        let ListHead { serial, base: own, .. } = &opening.head;
        let is_it = opening.digest == base.digest && *serial == base.serial && own.is_none();
        if is_it { Ok(opening) } else { Err(RevocationError::Base) }
    }

    /// The same for a payload that nobody has signed yet.
    pub(super) fn of_payload(payload: Vec<u8>, digest: Digest) -> Result<Self, RevocationError> {
        if payload.len() > limits::REVOCATIONS_BYTES {
            return Err(RevocationError::TooLarge);
        }
        let seam = list::SEAM.as_bytes();
        let front = payload.get(..payload.len().min(limits::REVOCATIONS_HEAD_BYTES)).unwrap_or_default();
        let begins = front.windows(seam.len()).position(|window| window == seam).ok_or(RevocationError::Malformed)?;
        let mut text = payload.get(..begins).unwrap_or_default().to_vec();
        text.push(b'}');
        let head: ListHead = serde_json::from_slice(&text).map_err(|_| RevocationError::Malformed)?;
        check_head(&head)?;
        if !payload.starts_with(&list::encode_head(&head)?) {
            return Err(RevocationError::Malformed);
        }
        let at = begins.saturating_add(seam.len());
        let mut opening = Self {
            head,
            digest,
            signers: Vec::new(),
            payload,
            at,
            table: Table::default(),
            last: None,
            scratch: Vec::new(),
            count: 0,
        };
        if opening.rest() == list::END.as_bytes() {
            opening.at = opening.payload.len();
        }
        Ok(opening)
    }

    /// The head.
    #[must_use]
    pub fn head(&self) -> &ListHead {
        &self.head
    }

    /// The digest of the payload: the identity of the list.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The trusted keys that have signed it; none for a list that another one names.
    pub(crate) fn signers(&self) -> &[KeyId] {
        &self.signers
    }

    /// Reads up to `most` further entries; `true` once there are none left.
    ///
    /// # Errors
    ///
    /// When one of them is not acceptable. The list as a whole is not, then.
    pub fn step(&mut self, most: usize) -> Result<bool, RevocationError> {
        self.step_with(most, |_| ())
    }

    /// The same, and shows each entry.
    pub(super) fn step_with(&mut self, most: usize, mut show: impl FnMut(Entry<'_>)) -> Result<bool, RevocationError> {
        for _ in 0..most {
            if self.at == self.payload.len() {
                return Ok(true);
            }
            self.entry(&mut show)?;
        }
        Ok(self.at == self.payload.len())
    }

    /// The list, when all of it was read.
    #[must_use]
    pub fn finish(self) -> Option<List> {
        (self.at == self.payload.len())
            .then(|| List::new(self.head, (self.digest, self.signers), self.count, self.table))
    }

    fn rest(&self) -> &[u8] {
        self.payload.get(self.at..).unwrap_or_default()
    }

    fn entry(&mut self, show: &mut impl FnMut(Entry<'_>)) -> Result<(), RevocationError> {
        self.count += 1;
        if self.count > limits::REVOCATIONS {
            return Err(RevocationError::TooMany);
        }
        let rest = self.payload.get(self.at..).unwrap_or_default();
        let mut entries = serde_json::Deserializer::from_slice(rest).into_iter::<Entry<'_>>();
        let entry = entries.next().and_then(Result::ok).ok_or(RevocationError::Malformed)?;
        let length = entries.byte_offset();
        entry.check()?;
        if entry.removed && self.head.base.is_none() {
            return Err(RevocationError::Entry);
        }
        self.scratch.clear();
        serde_json::to_writer(&mut self.scratch, &entry).map_err(|_| RevocationError::Malformed)?;
        if rest.get(..length) != Some(self.scratch.as_slice()) {
            return Err(RevocationError::Malformed);
        }
        let (kind, issuer, id) = entry.name();
        let (issuer, id) = (issuer.unwrap_or_default(), id.unwrap_or_default());
        let last = self.last.get_or_insert_with(|| (kind, String::new(), String::new()));
        if self.count > 1 && (last.0, last.1.as_str(), last.2.as_str()) >= (kind, issuer, id) {
            return Err(RevocationError::Order);
        }
        last.0 = kind;
        replace(&mut last.1, issuer);
        replace(&mut last.2, id);
        self.table.insert(&entry);
        show(entry);
        let end = self.at.saturating_add(length);
        let rest = self.payload.get(end..).unwrap_or_default();
        self.at = match rest {
            [b',', ..] => end.saturating_add(1),
            rest if rest == list::END.as_bytes() => self.payload.len(),
            _ => return Err(RevocationError::Malformed),
        };
        Ok(())
    }
}

fn replace(text: &mut String, with: &str) {
    text.clear();
    text.push_str(with);
}

fn check_head(head: &ListHead) -> Result<(), RevocationError> {
    let ListHead { channel, serial, issued, expires, on_expiry: _, base } = head;
    let is_name = (1..=limits::NAME_BYTES).contains(&channel.len()) && !channel.chars().any(char::is_control);
    let follows = base.is_none_or(|base| base.serial < *serial);
    if is_name && follows && issued < expires { Ok(()) } else { Err(RevocationError::Malformed) }
}
