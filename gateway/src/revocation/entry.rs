//! One entry of a list: what is revoked, and why.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::error::RevocationError;
use crate::limits;

/// What an entry is about. Their order is the order of entries in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// One token: its issuer and its `jti`.
    Token,
    /// Somebody, as the subject of tokens and as an actor in others' tokens: the issuer, and `sub` or the id of the principal.
    Subject,
    /// An OAuth client: the issuer, and `client_id` or `azp`.
    Client,
    /// A session at the issuer: the issuer and `sid`.
    Session,
    /// Somebody as an actor in others' tokens only.
    Actor,
    /// A key of an issuer, by its `kid` or by its SHA-256 thumbprint in base64url (RFC 7638): whatever it signed.
    Key,
    /// The key that a caller holds, by its SHA-256 in base64url: the thumbprint of a key (RFC 7638) that a token is bound to, or the
    /// digest of a certificate.
    Thumbprint,
    /// A SPIFFE or workload id, whoever says so: in tokens, in certificates, as an actor.
    Spiffe,
    /// A transaction: `txn` of tokens.
    Transaction,
    /// A task of agents (A2A), by its id.
    Task,
    /// All that an issuer says.
    Issuer,
    /// Principals of one Cedar type, as subjects and as actors.
    Type,
}

impl EntryKind {
    /// All of them, in order.
    pub const ALL: [Self; 12] = [
        Self::Token,
        Self::Subject,
        Self::Client,
        Self::Session,
        Self::Actor,
        Self::Key,
        Self::Thumbprint,
        Self::Spiffe,
        Self::Transaction,
        Self::Task,
        Self::Issuer,
        Self::Type,
    ];

    /// The word in lists and on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Subject => "subject",
            Self::Client => "client",
            Self::Session => "session",
            Self::Actor => "actor",
            Self::Key => "key",
            Self::Thumbprint => "thumbprint",
            Self::Spiffe => "spiffe",
            Self::Transaction => "transaction",
            Self::Task => "task",
            Self::Issuer => "issuer",
            Self::Type => "type",
        }
    }

    /// Whether its entries name an issuer, and whether they name something by an id.
    fn names(self) -> (bool, bool) {
        match self {
            Self::Token | Self::Subject | Self::Client | Self::Session | Self::Actor | Self::Key => (true, true),
            Self::Thumbprint | Self::Spiffe | Self::Transaction | Self::Task | Self::Type => (false, true),
            Self::Issuer => (true, false),
        }
    }

    /// Whether its entries name an issuer.
    #[must_use]
    pub fn has_issuer(self) -> bool {
        self.names().0
    }

    /// Whether its entries name something by an id.
    #[must_use]
    pub fn has_id(self) -> bool {
        self.names().1
    }

    /// Whether an entry may be about tokens up to a time only. What is used once, or is good for one request, has none.
    #[must_use]
    pub fn has_issued_before(self) -> bool {
        match self {
            Self::Subject | Self::Client | Self::Session | Self::Actor | Self::Spiffe | Self::Issuer | Self::Type => {
                true
            }
            Self::Token | Self::Key | Self::Thumbprint | Self::Transaction | Self::Task => false,
        }
    }
}

/// Why something was revoked: for records and people, never for the decision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Nobody said.
    #[default]
    Unspecified,
    /// A private key is, or may be, in other hands.
    KeyCompromise,
    /// A token, a password or the like is, or may be, in other hands.
    CredentialCompromise,
    /// The session ended (CAEP `session-revoked`).
    SessionRevoked,
    /// Credentials were changed (CAEP `credential-change`).
    CredentialChange,
    /// What tokens say is no longer so (CAEP `token-claims-change`).
    ClaimsChange,
    /// The risk has risen (CAEP `risk-level-change`).
    RiskLevelChange,
    /// It did what it must not.
    PolicyViolation,
    /// Rights were withdrawn.
    PrivilegeWithdrawn,
    /// Something else has taken its place.
    Superseded,
    /// It is out of use.
    Decommissioned,
}

impl Reason {
    /// The word in lists, in records and on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::KeyCompromise => "key_compromise",
            Self::CredentialCompromise => "credential_compromise",
            Self::SessionRevoked => "session_revoked",
            Self::CredentialChange => "credential_change",
            Self::ClaimsChange => "claims_change",
            Self::RiskLevelChange => "risk_level_change",
            Self::PolicyViolation => "policy_violation",
            Self::PrivilegeWithdrawn => "privilege_withdrawn",
            Self::Superseded => "superseded",
            Self::Decommissioned => "decommissioned",
        }
    }
}

/// One entry of a list. Times are seconds since the Unix epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry<'a> {
    /// What it is about.
    pub kind: EntryKind,
    /// The issuer, by its alias in the policy bundle or by its `iss`; an alias has no `:`.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<Cow<'a, str>>,
    /// What is revoked; what it is depends on the kind.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Cow<'a, str>>,
    /// Only tokens issued at this time or before, and those that do not say when. Default: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issued_before: Option<u64>,
    /// From this time on the entry says nothing, and may be left out: whatever it is about has expired. Default: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<u64>,
    /// Why.
    #[serde(default, skip_serializing_if = "is_unspecified")]
    pub reason: Reason,
    /// For people. Gateways do not keep it.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Cow<'a, str>>,
    /// In a list with a base only: the entry of the base is no longer in force.
    #[serde(default, skip_serializing_if = "is_false")]
    pub removed: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde calls")]
fn is_unspecified(reason: &Reason) -> bool {
    *reason == Reason::Unspecified
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde calls")]
fn is_false(value: &bool) -> bool {
    !*value
}

impl Entry<'_> {
    /// An entry that revokes something for good.
    #[must_use]
    pub fn new(kind: EntryKind, issuer: Option<String>, id: Option<String>) -> Entry<'static> {
        Entry {
            kind,
            issuer: issuer.map(Cow::Owned),
            id: id.map(Cow::Owned),
            issued_before: None,
            until: None,
            reason: Reason::Unspecified,
            note: None,
            removed: false,
        }
    }

    /// What the entry is about: no list has two entries of one name, and they are in the order of their names.
    #[must_use]
    pub fn name(&self) -> (EntryKind, Option<&str>, Option<&str>) {
        (self.kind, self.issuer.as_deref(), self.id.as_deref())
    }

    /// The same entry, kept by itself.
    #[must_use]
    pub fn into_owned(self) -> Entry<'static> {
        let Self { kind, issuer, id, issued_before, until, reason, note, removed } = self;
        let own = |text: Option<Cow<'_, str>>| text.map(|text| Cow::Owned(text.into_owned()));
        Entry { kind, issuer: own(issuer), id: own(id), issued_before, until, reason, note: own(note), removed }
    }

    /// Checks an entry by itself.
    ///
    /// # Errors
    ///
    /// [`RevocationError::Entry`] when it lacks what its kind needs or has what it cannot have, and for texts that are empty or too
    /// long.
    pub fn check(&self) -> Result<(), RevocationError> {
        let Self { kind, issuer, id, issued_before, until, reason, note, removed } = self;
        let fits = |text: &Option<Cow<'_, str>>, most: usize| {
            text.as_ref().is_none_or(|text| (1..=most).contains(&text.len()) && !text.chars().any(char::is_control))
        };
        let says_more = issued_before.is_some() || until.is_some() || *reason != Reason::Unspecified || note.is_some();
        let is_sound = issuer.is_some() == kind.has_issuer()
            && id.is_some() == kind.has_id()
            && (issued_before.is_none() || kind.has_issued_before())
            && fits(issuer, limits::REVOCATION_TEXT_BYTES)
            && fits(id, limits::REVOCATION_TEXT_BYTES)
            && fits(note, limits::REVOCATION_NOTE_BYTES)
            && !(*removed && says_more);
        if is_sound { Ok(()) } else { Err(RevocationError::Entry) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_the_lists() {
        for kind in EntryKind::ALL {
            assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{}\"", kind.as_str()));
        }
        assert!(EntryKind::ALL.is_sorted());
        for reason in [
            Reason::Unspecified,
            Reason::KeyCompromise,
            Reason::CredentialCompromise,
            Reason::SessionRevoked,
            Reason::CredentialChange,
            Reason::ClaimsChange,
            Reason::RiskLevelChange,
            Reason::PolicyViolation,
            Reason::PrivilegeWithdrawn,
            Reason::Superseded,
            Reason::Decommissioned,
        ] {
            assert_eq!(serde_json::to_string(&reason).unwrap(), format!("\"{}\"", reason.as_str()));
        }
    }

    #[test]
    fn an_entry_has_what_its_kind_needs_and_nothing_else() {
        let check = |json: &str| serde_json::from_str::<Entry<'_>>(json).ok().and_then(|entry| entry.check().ok());
        for json in [
            r#"{"kind":"token","issuer":"dev","id":"j"}"#,
            r#"{"kind":"subject","issuer":"https://issuer","id":"a","issued_before":5,"until":9,"reason":"key_compromise","note":"n"}"#,
            r#"{"kind":"issuer","issuer":"dev"}"#,
            r#"{"kind":"issuer","issuer":"dev","issued_before":0}"#,
            r#"{"kind":"type","id":"Agent"}"#,
            r#"{"kind":"spiffe","id":"spiffe://a/b"}"#,
            r#"{"kind":"task","id":"t","removed":true}"#,
        ] {
            assert!(check(json).is_some(), "{json}");
        }
        let long = format!(r#"{{"kind":"task","id":"{}"}}"#, "x".repeat(limits::REVOCATION_TEXT_BYTES + 1));
        let note = format!(r#"{{"kind":"task","id":"t","note":"{}"}}"#, "x".repeat(limits::REVOCATION_NOTE_BYTES + 1));
        for json in [
            "{}",
            "null",
            r#"{"kind":"all"}"#,
            r#"{"kind":"token","id":"j"}"#,
            r#"{"kind":"token","issuer":"dev"}"#,
            r#"{"kind":"token","issuer":"dev","id":""}"#,
            r#"{"kind":"token","issuer":"","id":"j"}"#,
            r#"{"kind":"token","issuer":"dev","id":"j","issued_before":1}"#,
            r#"{"kind":"token","issuer":"dev","id":"a\u0000"}"#,
            r#"{"kind":"token","issuer":"dev","id":1}"#,
            r#"{"kind":"issuer","issuer":"dev","id":"x"}"#,
            r#"{"kind":"issuer"}"#,
            r#"{"kind":"type","issuer":"dev","id":"Agent"}"#,
            r#"{"kind":"task","id":"t","until":-1}"#,
            r#"{"kind":"task","id":"t","until":"1"}"#,
            r#"{"kind":"task","id":"t","reason":"because"}"#,
            r#"{"kind":"task","id":"t","why":"x"}"#,
            r#"{"kind":"task","id":"t","id":"u"}"#,
            r#"{"kind":"task","id":"t","removed":true,"until":5}"#,
            r#"{"kind":"task","id":"t","removed":true,"reason":"superseded"}"#,
            &long,
            &note,
        ] {
            assert!(check(json).is_none(), "{json}");
        }
    }
}
