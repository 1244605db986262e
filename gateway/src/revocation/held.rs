//! The list that is in force, and what it says about those who call.

use super::entry::{EntryKind, Reason};
use super::error::RevocationError;
use super::list::{OnExpiry, PAYLOAD_TYPE};
use super::opening::ListOpening;
use super::table::List;
use super::trace::Mark;
use crate::bundle::TrustSet;
use crate::configuration::RevocationsConfiguration;
use crate::error::ConfigError;
use crate::identity::Identity;
use crate::limits;
use crate::outcome::Unavailable;
use crate::signed::SignedDocument;

/// The list that is in force, if any.
#[derive(Debug, Default)]
pub struct Revocations {
    /// Whether there is to be one at all.
    rules: Option<Rules>,
    list: Option<List>,
}

#[derive(Debug)]
struct Rules {
    channel: String,
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
    pub(crate) fn configure(configuration: &RevocationsConfiguration, trust: &TrustSet) -> Result<Self, ConfigError> {
        let RevocationsConfiguration { channel, is_required, inline } = configuration;
        let mut revocations = Self::new(channel.clone(), *is_required);
        let document = SignedDocument::read(inline, limits::REVOCATIONS_BYTES)?;
        let mut opening = ListOpening::begin(&document.verify(trust, PAYLOAD_TYPE)?)?;
        opening.step(usize::MAX)?;
        revocations.install(opening.finish().ok_or(RevocationError::Malformed)?)?;
        Ok(revocations)
    }

    /// Lists of a channel, of which there must be one where they are required.
    pub(crate) fn new(channel: String, is_required: bool) -> Self {
        Self { rules: Some(Rules { channel, is_required }), list: None }
    }

    /// Whether anything can be revoked.
    pub(crate) fn is_configured(&self) -> bool {
        self.rules.is_some()
    }

    /// The list that is in force.
    #[must_use]
    pub fn list(&self) -> Option<&List> {
        self.list.as_ref()
    }

    /// Puts a list in force. `false` if it is the one that is.
    ///
    /// # Errors
    ///
    /// When it is for another channel, older than the one in force, another one with the same serial, or adds to a list that is not
    /// there. The one before stays in force.
    pub(crate) fn install(&mut self, list: List) -> Result<bool, RevocationError> {
        let channel = self.rules.as_ref().map(|rules| rules.channel.as_str());
        if channel != Some(list.head().channel.as_str()) {
            return Err(RevocationError::Channel);
        }
        if let Some(current) = &self.list {
            let (now, then) = (list.head().serial, current.head().serial);
            if now < then {
                return Err(RevocationError::Rollback);
            }
            if now == then {
                let is_same = list.digest() == current.digest();
                return if is_same { Ok(false) } else { Err(RevocationError::Equivocation) };
            }
        }
        let list = match (&self.list, list.is_whole()) {
            (_, true) => list,
            (Some(current), false) => list.onto(current)?,
            (None, false) => return Err(RevocationError::Base),
        };
        self.list = Some(list);
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
    pub(crate) fn of_part(&self, kind: EntryKind, id: &str, now_s: u64) -> Option<Revoked> {
        if !self.list.as_ref()?.has(kind) {
            return None;
        }
        self.of_mark(&Mark::of(kind, "", id), now_s)
    }

    /// The same, by its mark.
    pub(crate) fn of_mark(&self, mark: &Mark, now_s: u64) -> Option<Revoked> {
        let row = self.list.as_ref()?.find(mark).filter(|row| now_s < row.until)?;
        Some(Revoked { kind: mark.kind()?, reason: row.reason, until_s: row.until })
    }
}

#[cfg(test)]
mod tests;
