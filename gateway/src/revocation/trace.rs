//! What could be revoked about an identity, worked out once, when its token is verified.

use sha2::{Digest as _, Sha256};

use super::entry::EntryKind;
use super::held::Revoked;
use super::table::List;
use crate::identity::Person;
use crate::json::Json;
use crate::proof::Confirmation;
use crate::section::PrincipalMapping;
use crate::token::{Issuer, IssuerTable, TokenClaims, date_ms};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Names something that a list can have an entry about: the kind, and a digest of the kind, the issuer and the id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Mark([u8; 16]);

impl Mark {
    /// An issuer or an id that there is not is empty.
    pub(crate) fn of(kind: EntryKind, issuer: &str, id: &str) -> Self {
        let mut digest = Sha256::new();
        // The length tells where one text ends and the other begins.
        digest.update([kind as u8]);
        digest.update(u64::try_from(issuer.len()).unwrap_or(u64::MAX).to_le_bytes());
        digest.update(issuer);
        digest.update(id);
        let digest: [u8; 32] = digest.finalize().into();
        let mut mark = [0; 16];
        for (byte, from) in mark.iter_mut().zip(digest) {
            *byte = from;
        }
        mark[0] = kind as u8;
        Self(mark)
    }

    /// What it is a name of.
    pub(super) fn kind(self) -> Option<EntryKind> {
        EntryKind::ALL.get(usize::from(self.0[0])).copied()
    }
}

/// Where traces are read from.
pub(crate) struct TraceFacts<'a> {
    pub(crate) claims: &'a TokenClaims<'a>,
    pub(crate) issuer: &'a Issuer,
    pub(crate) issuers: &'a IssuerTable,
    pub(crate) kid: Option<&'a str>,
    /// The thumbprint of the issuer's key that signed the token.
    pub(crate) signer: Option<[u8; 32]>,
    pub(crate) confirmation: &'a Confirmation,
    pub(crate) subject: &'a Person,
    pub(crate) actors: &'a [Person],
    /// When a credential without `iat` was issued, in milliseconds since the Unix epoch.
    pub(crate) issued_ms: Option<u64>,
}

/// The marks of an identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Traces {
    marks: Box<[Mark]>,
    /// When its token was issued, in milliseconds since the Unix epoch; 0 if that is not known, so that whatever was issued before
    /// some time includes it.
    issued_ms: u64,
}

impl Traces {
    pub(crate) fn read(from: &TraceFacts<'_>) -> Self {
        let TraceFacts { claims, issuer, issuers, kid, signer, confirmation, subject, actors, issued_ms } = from;
        let mut marks = Marks(Vec::new());
        let text = |name: &str| claims.claim(name).and_then(Json::as_str);
        let names = [issuer.alias.as_str(), issuer.issuer.as_str()];
        for (kind, value) in [
            (EntryKind::Token, text("jti")),
            (EntryKind::Client, text("client_id")),
            (EntryKind::Client, text("azp")),
            (EntryKind::Session, text("sid")),
            (EntryKind::Key, *kid),
        ] {
            marks.push_named(kind, names, value);
        }
        // Not everything that signs has a `kid`, nor one that nothing else had before.
        let signer = signer.map(|thumbprint| URL_SAFE_NO_PAD.encode(thumbprint));
        marks.push_named(EntryKind::Key, names, signer.as_deref());
        marks.push_named(EntryKind::Issuer, names, Some(""));
        marks.push_person(&[EntryKind::Subject], names, text("sub"), subject, &issuer.principal);
        let held = [confirmation.key_thumbprint(), confirmation.certificate];
        for thumbprint in held.into_iter().flatten() {
            marks.push(EntryKind::Thumbprint, "", &URL_SAFE_NO_PAD.encode(thumbprint));
        }
        if let Some(transaction) = text("txn") {
            marks.push(EntryKind::Transaction, "", transaction);
        }
        let mut act = claims.claim("act");
        for actor in *actors {
            let (Some(object), Some(delegation)) = (act, &issuer.delegation) else { break };
            let vouching = object.get("iss").and_then(Json::as_str).and_then(|iss| issuers.find(iss));
            let vouching = vouching.map_or(names, |(_, issuer)| [issuer.alias.as_str(), issuer.issuer.as_str()]);
            let sub = object.get("sub").and_then(Json::as_str);
            marks.push_named(EntryKind::Issuer, vouching, Some(""));
            marks.push_person(&[EntryKind::Subject, EntryKind::Actor], vouching, sub, actor, &delegation.actor);
            act = object.get("act");
        }
        let issued_ms = claims.claim("iat").and_then(date_ms).or(*issued_ms).unwrap_or(0);
        Self { marks: marks.0.into_boxed_slice(), issued_ms }
    }

    /// The first entry of a list that says something about it.
    pub(super) fn revoked_by(&self, list: &List, now_s: u64) -> Option<Revoked> {
        self.marks.iter().find_map(|mark| {
            let row = list.find(mark)?;
            let applies = now_s < row.until && self.issued_ms <= row.issued_before.saturating_mul(1000);
            let kind = mark.kind()?;
            applies.then_some(Revoked { kind, reason: row.reason, until_s: row.until })
        })
    }

    /// Roughly the bytes of heap this takes.
    pub(crate) fn weight(&self) -> usize {
        size_of_val(&*self.marks)
    }
}

/// Marks, each once.
struct Marks(Vec<Mark>);

impl Marks {
    fn push(&mut self, kind: EntryKind, issuer: &str, id: &str) {
        let mark = Mark::of(kind, issuer, id);
        if !self.0.contains(&mark) {
            self.0.push(mark);
        }
    }

    /// Something of an issuer, by each name that the issuer has.
    fn push_named(&mut self, kind: EntryKind, issuer: [&str; 2], id: Option<&str>) {
        let Some(id) = id else { return };
        for issuer in issuer {
            self.push(kind, issuer, id);
        }
    }

    fn push_person(
        &mut self,
        kinds: &[EntryKind],
        issuer: [&str; 2],
        sub: Option<&str>,
        person: &Person,
        mapping: &PrincipalMapping,
    ) {
        // The principal's id is the alias, a slash, and what the bundle takes for its id, which need not be `sub`.
        let id = person.id.split_once('/').map(|(_, id)| id);
        for kind in kinds {
            self.push_named(*kind, issuer, sub);
            self.push_named(*kind, issuer, id);
        }
        for id in [sub, id].into_iter().flatten().filter(|id| id.contains("://")) {
            self.push(EntryKind::Spiffe, "", id);
        }
        self.push(EntryKind::Type, "", &mapping.entity_type);
    }
}
