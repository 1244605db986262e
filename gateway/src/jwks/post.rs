//! One worker's part in keeping one issuer's keys fresh.

use super::document::{Document, Reading};
use super::event::{KeyEvent, KeyEventKind, RefreshError};
use super::host::{KeyHost, KeyRequest, KeyResponse};
use super::issuer_keys::{IssuerKeys, RemoteKeys};
use super::ledger::Ledger;
use super::poller::Desk;
use super::shared::{self, Names, SharedDocument};
use crate::bundle::Digest;
use crate::limits;
use crate::shared_memory::{Expected, Shared};
use crate::token::{Issuer, IssuerIndex};

/// One issuer whose keys are fetched.
#[derive(Debug)]
pub(super) struct Post {
    pub(super) issuer: IssuerIndex,
    pub(super) alias: String,
    pub(super) cluster: String,
    names: Names,
    /// The serial of the document that was taken last.
    serial: u64,
    /// When a token named a key that is not there, unless a fetch has begun since.
    pub(super) wanted_ms: Option<u64>,
    /// The fetch under way: its number, and when it is given up.
    in_flight: Option<(u32, u64)>,
    /// The ledger where workers share none.
    own: Ledger,
}

/// A ledger as it was read, and how to put another in its place.
#[derive(Clone, Copy)]
struct Entry {
    ledger: Ledger,
    /// The shared version; `None` where workers share nothing.
    version: Option<u32>,
}

impl Post {
    pub(super) fn new(issuer: IssuerIndex, alias: &str, cluster: &str, bundle: Digest) -> Self {
        Self {
            issuer,
            alias: alias.to_owned(),
            cluster: cluster.to_owned(),
            names: Names::new(bundle, alias, cluster),
            serial: 0,
            wanted_ms: None,
            in_flight: None,
            own: Ledger::default(),
        }
    }

    /// Opens the ledger if there is none, and takes what another worker has fetched.
    pub(super) fn join(&mut self, desk: &mut Desk<'_>) {
        if desk.host.shared(&self.names.ledger) == Shared::Absent {
            desk.host.share(&self.names.ledger, &shared::write_ledger(&Ledger::default()), Expected::Nothing);
        }
        let Entry { ledger, .. } = self.read(desk.host);
        self.take(ledger, desk);
    }

    /// Takes what another worker has fetched, and fetches if it is time and nobody else does.
    pub(super) fn poll(&mut self, owner: u64, jitter: u64, now_ms: u64, desk: &mut Desk<'_>) {
        let entry = self.read(desk.host);
        self.take(entry.ledger, desk);
        // A response that never comes must not keep the issuer waiting for ever.
        self.in_flight = self.in_flight.filter(|(_, until_ms)| now_ms < *until_ms);
        if !entry.ledger.is_unanswered(self.wanted_ms) {
            self.wanted_ms = None;
        }
        let Some(keys) = desk.issuers.get(self.issuer).and_then(remote) else { return };
        if self.in_flight.is_some() || !entry.ledger.is_due(keys.pace, self.wanted_ms, now_ms) {
            return;
        }
        let Some(claimed) = self.write(entry, entry.ledger.claimed(owner, now_ms), desk.host) else { return };
        let request = KeyRequest {
            cluster: &self.cluster,
            authority: keys.uri.authority(),
            path: keys.uri.target(),
            timeout_ms: limits::JWKS_TIMEOUT_MS,
        };
        match desk.host.fetch(&request) {
            Some(call) => self.in_flight = Some((call, now_ms.saturating_add(limits::JWKS_LEASE_MS))),
            None => self.finish(claimed, Err(RefreshError::NotSent), jitter, now_ms, desk),
        }
    }

    /// Whether a response is to this issuer's fetch.
    pub(super) fn waits_for(&self, call: u32) -> bool {
        self.in_flight.is_some_and(|(waited, _)| waited == call)
    }

    /// Takes the response to a fetch.
    pub(super) fn respond(
        &mut self,
        owner: u64,
        response: KeyResponse<'_>,
        jitter: u64,
        now_ms: u64,
        desk: &mut Desk<'_>,
    ) {
        self.in_flight = None;
        let entry = self.read(desk.host);
        // Too late: the time was up, and another worker is fetching or has fetched. Its answer counts.
        if entry.ledger.owner == owner {
            self.finish(entry, response_body(response), jitter, now_ms, desk);
        }
    }

    /// Ends a fetch of this worker's: with keys for all workers, or with another try later.
    fn finish(
        &mut self,
        entry: Entry,
        body: Result<&[u8], RefreshError>,
        jitter: u64,
        now_ms: u64,
        desk: &mut Desk<'_>,
    ) {
        // What another worker fetched before counts, too: a SPIFFE bundle must not fall behind it.
        self.take(entry.ledger, desk);
        let Some(issuer) = desk.issuers.get_mut(self.issuer) else { return };
        let fetched = body.and_then(|body| install(issuer, body, now_ms).map(|installed| (body, installed)));
        let Some(keys) = remote(issuer) else { return };
        let kind = match fetched {
            Ok((body, (document, changed))) => {
                let interval_ms = keys.interval_ms(document.refresh_hint);
                let ledger = entry.ledger.succeeded(interval_ms, jitter, now_ms);
                if changed {
                    desk.changed.push(self.issuer);
                }
                // The ledger first: only who still holds it may share a document. Whoever sees the new serial and the old
                // document looks again.
                if self.write(entry, ledger, desk.host).is_some() {
                    self.serial = ledger.serial;
                    if entry.version.is_some() {
                        let document = SharedDocument { serial: ledger.serial, fetched_ms: now_ms, body };
                        desk.host.share(&self.names.document, &shared::write_document(&document), Expected::Anything);
                    }
                }
                KeyEventKind::Fetched { usable: document.usable, defective: document.defective, changed }
            }
            Err(error) => {
                let ledger = entry.ledger.failed(keys.pace, jitter, now_ms);
                self.write(entry, ledger, desk.host);
                KeyEventKind::Failed { error, failures: ledger.failures }
            }
        };
        desk.events.push(KeyEvent { issuer: self.alias.clone(), kind });
    }

    /// Takes the document that another worker shared, if there is one that this worker has not seen.
    fn take(&mut self, ledger: Ledger, desk: &mut Desk<'_>) {
        if ledger.serial == self.serial {
            return;
        }
        let Shared::Found(bytes, _) = desk.host.shared(&self.names.document) else { return };
        let Some(issuer) = desk.issuers.get_mut(self.issuer) else { return };
        let now_ms = desk.host.now_nanos() / 1_000_000;
        let installed = shared::read_document(&bytes).ok_or(RefreshError::Malformed).and_then(|document| {
            self.serial = document.serial;
            install(issuer, document.body, document.fetched_ms.min(now_ms))
        });
        match installed {
            Ok((_, true)) => desk.changed.push(self.issuer),
            Ok((_, false)) => {}
            Err(_) => {
                // Not looked at again.
                self.serial = ledger.serial;
                desk.events.push(KeyEvent { issuer: self.alias.clone(), kind: KeyEventKind::SharedRefused });
            }
        }
    }

    /// The ledger as it is now.
    fn read(&self, host: &mut dyn KeyHost) -> Entry {
        match host.shared(&self.names.ledger) {
            Shared::Found(bytes, version) => {
                Entry { ledger: shared::read_ledger(&bytes).unwrap_or_default(), version: Some(version) }
            }
            Shared::Absent | Shared::Unsupported => Entry { ledger: self.own, version: None },
        }
    }

    /// Puts a ledger in the place of the one that was read. `None` when another worker was quicker.
    fn write(&mut self, entry: Entry, ledger: Ledger, host: &mut dyn KeyHost) -> Option<Entry> {
        self.own = ledger;
        let Some(version) = entry.version else { return Some(Entry { ledger, version: None }) };
        if !host.share(&self.names.ledger, &shared::write_ledger(&ledger), Expected::Version(version)) {
            return None;
        }
        // The version that it has now, to be replaced in turn.
        Some(self.read(host)).filter(|written| written.ledger == ledger)
    }
}

/// The keys of an issuer that are fetched.
pub(super) fn remote(issuer: &Issuer) -> Option<&RemoteKeys> {
    match &issuer.terms.keys {
        IssuerKeys::Remote(keys) => Some(keys),
        IssuerKeys::Inline(_) => None,
    }
}

/// Reads a document by the issuer's rules and puts it in place; says whether that changed its keys.
fn install(issuer: &mut Issuer, body: &[u8], fetched_ms: u64) -> Result<(Document, bool), RefreshError> {
    let IssuerKeys::Remote(keys) = &mut issuer.terms.keys else { return Err(RefreshError::Malformed) };
    let document = Document::read(body, Reading { profile: &issuer.profile, algorithms: &issuer.terms.algorithms })?;
    let changed = keys.replace(&document, fetched_ms)?;
    Ok((document, changed))
}

fn response_body(response: KeyResponse<'_>) -> Result<&[u8], RefreshError> {
    match response {
        KeyResponse::Body(body) => Ok(body),
        KeyResponse::Nothing => Err(RefreshError::NoResponse),
        KeyResponse::Status(status) => Err(RefreshError::Status(status)),
        KeyResponse::TooLarge => Err(RefreshError::TooLarge),
    }
}
