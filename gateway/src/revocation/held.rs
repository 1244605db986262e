//! The list that is in force, and what it says about those who call.

use std::rc::Rc;

use super::entry::{EntryKind, Reason};
use super::error::RevocationError;
use super::list::{Base, ListHead, OnExpiry, PAYLOAD_TYPE};
use super::opening::ListOpening;
use super::table::List;
use super::trace::Mark;
use crate::bundle::{Digest, HighWaterMark, KeyId, TrustSet};
use crate::configuration::RevocationsConfiguration;
use crate::error::ConfigError;
use crate::identity::Identity;
use crate::limits;
use crate::outcome::Unavailable;
use crate::shared_memory::SharedMemory;
use crate::signed::SignedDocument;

/// The list that is in force, if any.
#[derive(Debug, Default)]
pub struct Revocations {
    /// Whether there is to be one at all.
    rules: Option<Rules>,
    list: Option<List>,
    /// Whether too few of the keys that are trusted now have signed that list.
    is_disowned: bool,
    /// Whether that is still to be told.
    is_untold: bool,
}

#[derive(Debug)]
struct Rules {
    channel: Rc<str>,
    is_required: bool,
}

/// What is said about somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revoked {
    /// What the entry is about.
    pub kind: EntryKind,
    /// Why.
    pub reason: Reason,
    /// The entry says nothing from here on, in seconds since the Unix epoch.
    pub(crate) until_s: u64,
}

/// What a record says of an entry that refused a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RevocationFacts {
    pub(crate) kind: EntryKind,
    pub(crate) reason: Reason,
    /// That of the list.
    pub(crate) serial: u64,
}

impl Revoked {
    /// Whether the entry still says it.
    pub(crate) fn holds_at(self, now_s: u64) -> bool {
        now_s < self.until_s
    }
}

impl Revocations {
    /// The list that a configuration brings.
    ///
    /// # Errors
    ///
    /// When it is not one that may be in force.
    pub(crate) fn configure(
        configuration: &RevocationsConfiguration,
        trust: &TrustSet,
        memory: &mut dyn SharedMemory,
    ) -> Result<Self, ConfigError> {
        let RevocationsConfiguration { channel, is_required, inline, remote } = configuration;
        let mut revocations = Self::new(channel.clone(), *is_required);
        let Some(inline) = inline else { return Ok(revocations) };
        let document = SignedDocument::read(inline, limits::REVOCATIONS_BYTES)?;
        let mut opening = ListOpening::begin(document.verify(trust, PAYLOAD_TYPE)?)?;
        opening.step(usize::MAX)?;
        match revocations.install(opening.finish().ok_or(RevocationError::Malformed)?, trust, memory) {
            // What was good when it was configured: a newer one is at hand.
            Err(RevocationError::Rollback) if remote.is_some() => {}
            installed => {
                installed?;
            }
        }
        Ok(revocations)
    }

    /// Lists of a channel, of which there must be one where they are required.
    pub(crate) fn new(channel: String, is_required: bool) -> Self {
        Self { rules: Some(Rules { channel: channel.into(), is_required }), ..Self::default() }
    }

    /// Whether anything can be revoked.
    pub(crate) fn is_configured(&self) -> bool {
        self.rules.is_some()
    }

    /// The channel whose lists count.
    pub(super) fn channel(&self) -> Option<&Rc<str>> {
        self.rules.as_ref().map(|rules| &rules.channel)
    }

    /// The list that is in force.
    #[must_use]
    pub fn list(&self) -> Option<&List> {
        self.list.as_ref()
    }

    /// Whether too few of the keys that are trusted now have signed the list in force. What it revokes stays revoked, and whatever
    /// its serial is, the next list need not have a higher one.
    #[must_use]
    pub fn is_disowned(&self) -> bool {
        self.is_disowned
    }

    /// Asks again who has signed the list in force, because other keys are trusted now.
    pub(crate) fn recheck(&mut self, trust: &TrustSet) {
        let was_disowned = self.is_disowned;
        self.is_disowned = self.list.as_ref().is_some_and(|list| !trust.is_met_by(list.signers()));
        self.is_untold |= self.is_disowned && !was_disowned;
    }

    /// The serial of the list in force, once after nobody vouches for it any more.
    pub(crate) fn tell_disowned(&mut self) -> Option<u64> {
        let is_untold = std::mem::take(&mut self.is_untold);
        self.list.as_ref().filter(|_| is_untold).map(|list| list.head().serial)
    }

    /// Whether a list may take the place of the one in force.
    ///
    /// # Errors
    ///
    /// When it is for another channel, older than one that was in force in this proxy and that keys which are trusted now have
    /// signed, or another one with the same serial.
    pub(crate) fn precede(
        &self,
        head: &ListHead,
        digest: Digest,
        trust: &TrustSet,
        memory: &mut dyn SharedMemory,
    ) -> Result<Precedence, RevocationError> {
        if self.channel().map(AsRef::as_ref) != Some(head.channel.as_str()) {
            return Err(RevocationError::Channel);
        }
        let next = HighWaterMark { version: head.serial, digest };
        if let Some(list) = &self.list {
            let current = HighWaterMark { version: list.head().serial, digest: list.digest() };
            if current == next {
                return Ok(Precedence::Same);
            }
            if trust.is_met_by(list.signers()) {
                current.admits(next)?;
            }
        }
        if let Some(newest) = newest(&head.channel, trust, memory) {
            newest.admits(next)?;
        }
        Ok(Precedence::Next)
    }

    /// Takes the signers of the list in force as it was offered once more; says whether there are others.
    pub(crate) fn attest(&mut self, signers: &[KeyId], trust: &TrustSet) -> bool {
        let is_new = self.list.as_mut().is_some_and(|list| list.attest(signers));
        self.recheck(trust);
        is_new
    }

    /// The list that another one adds to, if neither it nor a list on it is in force.
    pub(crate) fn missing_base(&self, list: &List) -> Option<Base> {
        let base = list.missing_base()?;
        let is_at_hand = self.list.as_ref().is_some_and(|current| current.rests_on() == base.digest);
        (!is_at_hand).then_some(base)
    }

    /// Puts a list in force, and says so to all workers: none of them takes an older one from now on. `false` if it is the one
    /// that is.
    ///
    /// # Errors
    ///
    /// As [`Revocations::precede`], and when it adds to a list that is not there. The one before stays in force.
    pub(crate) fn install(
        &mut self,
        list: List,
        trust: &TrustSet,
        memory: &mut dyn SharedMemory,
    ) -> Result<bool, RevocationError> {
        if self.precede(list.head(), list.digest(), trust, memory)? == Precedence::Same {
            return Ok(false);
        }
        let list = match (&self.list, list.missing_base()) {
            (_, None) => list,
            (Some(current), Some(_)) => list.onto(current)?,
            (None, Some(_)) => return Err(RevocationError::Base),
        };
        let head = list.head();
        let mark = HighWaterMark { version: head.serial, digest: list.digest() };
        for signer in list.signers() {
            mark.reach(&mark_name(&head.channel, signer), memory)?;
        }
        // Another worker may have been quicker with another one.
        if let Some(newest) = newest(&head.channel, trust, memory) {
            newest.admits(mark)?;
        }
        self.list = Some(list);
        self.recheck(trust);
        Ok(true)
    }

    /// Whether anybody may pass at all.
    pub(crate) fn admit(&self, now_s: u64) -> Result<(), Unavailable> {
        let Some(rules) = &self.rules else { return Ok(()) };
        match &self.list {
            None if rules.is_required => Err(Unavailable::RevocationsMissing),
            None => Ok(()),
            Some(list) => {
                let insists = rules.is_required || list.head().on_expiry == OnExpiry::Deny;
                if insists && list.head().expires <= now_s { Err(Unavailable::RevocationsExpired) } else { Ok(()) }
            }
        }
    }

    /// What is said about an identity.
    pub(crate) fn of_identity(&self, identity: &Identity, now_s: u64) -> Option<Revoked> {
        identity.traces.as_ref()?.revoked_by(self.list.as_ref()?, now_s)
    }

    /// Writes down in an identity what is said about it.
    pub(crate) fn assess(&self, identity: &Identity, now_s: u64) {
        identity.revoked.set(self.of_identity(identity, now_s));
    }

    /// What is recorded of an entry that refused a request.
    pub(crate) fn recorded(&self, revoked: Revoked) -> Option<RevocationFacts> {
        let serial = self.list.as_ref()?.head().serial;
        Some(RevocationFacts { kind: revoked.kind, reason: revoked.reason, serial })
    }

    /// What is said about one thing that a request is part of, and that no token is about.
    pub(crate) fn of_mark(&self, mark: &Mark, now_s: u64) -> Option<Revoked> {
        let row = self.list.as_ref()?.find(mark).filter(|row| now_s < row.until)?;
        Some(Revoked { kind: mark.kind()?, reason: row.reason, until_s: row.until })
    }
}

/// What an offered list is to the one in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Precedence {
    /// It may take its place.
    Next,
    /// It is the same.
    Same,
}

/// The newest list that keys which are trusted now vouch for: of as many of them as must sign, each has signed it or a newer one. So
/// what a key has signed that is trusted no more, with whatever serial, keeps no other list out.
fn newest(channel: &str, trust: &TrustSet, memory: &mut dyn SharedMemory) -> Option<HighWaterMark> {
    let marks = trust.keys().iter().filter_map(|key| HighWaterMark::read(&mark_name(channel, &key.id()), memory));
    let mut marks: Vec<_> = marks.collect();
    marks.sort_by_key(|mark| std::cmp::Reverse(mark.version));
    marks.into_iter().nth(trust.threshold().saturating_sub(1))
}

/// The mark of the lists of a channel that a key has signed, apart from that of its bundles: no channel's name has a control character.
fn mark_name(channel: &str, key: &KeyId) -> String {
    format!("{channel}\nrevocations\n{key}")
}

#[cfg(test)]
mod tests;
