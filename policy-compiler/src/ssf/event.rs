//! What happened to whom, and what is revoked for it.

use palisade_gateway::Json;
use palisade_gateway::revocation::{Entry, EntryKind, Reason};

use super::token::{SetError, text};

const CAEP: &str = "https://schemas.openid.net/secevent/caep/event-type/";
const VERIFICATION: &str = "https://schemas.openid.net/secevent/ssf/event-type/verification";

/// How far a transmitter's clock may be ahead, in seconds.
const SKEW_SECONDS: u64 = 60;

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What it is.
    pub kind: EventKind,
    /// Whom it is about.
    pub subject: Subject,
    /// When it happened, in seconds since the Unix epoch; never in the future.
    pub at: u64,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// A session has ended.
    SessionRevoked,
    /// What tokens say of somebody is no longer so.
    ClaimsChange,
    /// Somebody's credentials have changed.
    CredentialChange,
    /// The risk that somebody is, is high now.
    RiskHigh,
    /// The transmitter tries whether we listen.
    Verification,
    /// Anything else: taken and not acted on.
    Other(String),
}

/// Whom an event is about (RFC 9493, and the complex subjects of SSF 1.0), as far as a revocation can name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A user or an agent, by the `sub` of one issuer.
    User {
        /// Of whom; the transmitter itself where it is not said.
        issuer: Option<String>,
        /// `sub`, an email address or another id.
        id: String,
    },
    /// A session at the issuer.
    Session(String),
    /// One token.
    Token {
        /// Of whom.
        issuer: String,
        /// `jti`.
        id: String,
    },
    /// Somebody whom no entry of a list can name.
    Unnamed,
}

impl Subject {
    /// The issuer that it names.
    #[must_use]
    pub fn issuer(&self) -> Option<&str> {
        match self {
            Self::User { issuer, .. } => issuer.as_deref(),
            Self::Token { issuer, .. } => Some(issuer),
            Self::Session(_) | Self::Unnamed => None,
        }
    }

    fn read(value: &Json) -> Result<Self, SetError> {
        let malformed = SetError::Request("its `sub_id` does not read");
        let member = |name: &str| text(value, name).filter(|text| !text.is_empty()).map(str::to_owned);
        let needed = |name: &str| member(name).ok_or_else(|| malformed.clone());
        match text(value, "format").ok_or_else(|| malformed.clone())? {
            "email" => Ok(Self::User { issuer: None, id: needed("email")? }),
            "opaque" => Ok(Self::User { issuer: None, id: needed("id")? }),
            "iss_sub" => Ok(Self::User { issuer: Some(needed("iss")?), id: needed("sub")? }),
            "jwt_id" => Ok(Self::Token { issuer: needed("iss")?, id: needed("jti")? }),
            "complex" => Self::read_complex(value),
            _ => Ok(Self::Unnamed),
        }
    }

    /// All members of a complex subject have to match. A session is the narrowest; beside it, or without it, members that a list
    /// cannot name are left out, which revokes more and never less.
    fn read_complex(value: &Json) -> Result<Self, SetError> {
        if let Some(session) = value.get("session") {
            return match Self::read(session)? {
                Self::User { issuer: _, id } => Ok(Self::Session(id)),
                Self::Session(_) | Self::Token { .. } | Self::Unnamed => Ok(Self::Unnamed),
            };
        }
        match value.get("user") {
            Some(user) => Self::read(user),
            None => Ok(Self::Unnamed),
        }
    }
}

impl Event {
    /// Reads the claims of a token whose signature holds.
    pub(super) fn read(claims: &Json, now_seconds: u64) -> Result<Self, SetError> {
        let issued = seconds(claims.get("iat")).ok_or(SetError::Request("it has no `iat`"))?;
        if issued > now_seconds.saturating_add(SKEW_SECONDS) {
            return Err(SetError::Request("its `iat` is in the future"));
        }
        let events = claims.get("events").and_then(Json::as_object).ok_or(SetError::Request("it has no `events`"))?;
        let [(name, payload)] = events else { return Err(SetError::Request("it does not have exactly one event")) };
        if payload.as_object().is_none() {
            return Err(SetError::Request("its event is no object"));
        }
        let kind = EventKind::read(name, payload)?;
        let subject = match (claims.get("sub_id"), &kind) {
            (Some(subject), _) => Subject::read(subject)?,
            (None, EventKind::Verification | EventKind::Other(_)) => Subject::Unnamed,
            (None, _) => return Err(SetError::Request("it has no `sub_id`")),
        };
        let at = match payload.get("event_timestamp") {
            None => issued,
            at => seconds(at).ok_or(SetError::Request("its `event_timestamp` is no time"))?,
        };
        Ok(Self { kind, subject, at: at.min(now_seconds) })
    }

    /// The entry of a revocation list that answers the event; none where there is nothing to revoke. `issuer` is what the list
    /// calls the transmitter.
    ///
    /// Users may come back with tokens that are issued after the event.
    #[must_use]
    pub fn revocation(&self, issuer: &str) -> Option<Entry<'static>> {
        let reason = match &self.kind {
            EventKind::SessionRevoked => Reason::SessionRevoked,
            EventKind::ClaimsChange => Reason::ClaimsChange,
            EventKind::CredentialChange => Reason::CredentialChange,
            EventKind::RiskHigh => Reason::RiskLevelChange,
            EventKind::Verification | EventKind::Other(_) => return None,
        };
        let (kind, id) = match &self.subject {
            Subject::User { issuer: _, id } => (EntryKind::Subject, id),
            Subject::Session(id) => (EntryKind::Session, id),
            Subject::Token { issuer: _, id } => (EntryKind::Token, id),
            Subject::Unnamed => return None,
        };
        // A token that is issued in the second of the event is taken for an older one.
        let issued_before = (kind == EntryKind::Subject).then(|| self.at.saturating_add(1));
        Some(Entry { issued_before, reason, ..Entry::new(kind, Some(issuer.to_owned()), Some(id.clone())) })
    }
}

impl EventKind {
    fn read(name: &str, payload: &Json) -> Result<Self, SetError> {
        if name == VERIFICATION {
            return Ok(Self::Verification);
        }
        Ok(match name.strip_prefix(CAEP) {
            Some("session-revoked") => Self::SessionRevoked,
            Some("token-claims-change") => Self::ClaimsChange,
            Some("credential-change") => Self::CredentialChange,
            Some("risk-level-change") => match text(payload, "current_level") {
                Some("HIGH") => Self::RiskHigh,
                Some("LOW" | "MEDIUM") => Self::Other(name.to_owned()),
                Some(_) | None => return Err(SetError::Request("its `current_level` is none")),
            },
            Some(_) | None => Self::Other(name.to_owned()),
        })
    }

    /// The word in logs.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::SessionRevoked => "session-revoked",
            Self::ClaimsChange => "token-claims-change",
            Self::CredentialChange => "credential-change",
            Self::RiskHigh => "risk-level-change",
            Self::Verification => "verification",
            Self::Other(name) => name,
        }
    }
}

/// A time in whole seconds since the Unix epoch; a fraction is cut off.
fn seconds(value: Option<&Json>) -> Option<u64> {
    let Some(Json::Number(number)) = value else { return None };
    if let Some(seconds) = number.as_u64() {
        return Some(seconds);
    }
    let text = number.to_string();
    let (whole, fraction) = text.split_once('.')?;
    fraction.bytes().all(|byte| byte.is_ascii_digit()).then(|| whole.parse().ok()).flatten()
}
