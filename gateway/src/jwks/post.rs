//! One worker's part in keeping one issuer's keys fresh.

use super::document::{Document, Reading};
use super::event::{KeyEvent, KeyEventKind, RefreshError};
use super::issuer_keys::{IssuerKeys, RemoteKeys};
use super::poller::Desk;
use crate::bundle::Digest;
use crate::feed::{Entry, Feed, FetchRequest, FetchResponse, Names, News, Turn};
use crate::limits;
use crate::token::{Issuer, IssuerIndex};

/// What servers of key sets are asked for.
const ACCEPT: &str = "application/jwk-set+json, application/json";

/// One issuer whose keys are fetched.
#[derive(Debug)]
pub(super) struct Post {
    pub(super) issuer: IssuerIndex,
    pub(super) alias: String,
    pub(super) cluster: String,
    feed: Feed,
    /// When a token named a key that is not there, unless a fetch has begun since.
    pub(super) wanted_ms: Option<u64>,
    /// Whether another poller looks after these keys.
    pub(super) is_left: bool,
}

impl Post {
    pub(super) fn new(issuer: IssuerIndex, alias: &str, cluster: &str, bundle: Digest) -> Self {
        Self {
            issuer,
            alias: alias.to_owned(),
            cluster: cluster.to_owned(),
            feed: Feed::new(names(bundle, alias, cluster)),
            wanted_ms: None,
            is_left: false,
        }
    }

    /// Opens the ledger if there is none, and takes what another worker has fetched.
    pub(super) fn join(&mut self, desk: &mut Desk<'_>) {
        self.feed.open(desk.host);
        let entry = self.feed.read(desk.host);
        self.take(entry, desk);
    }

    /// Takes what another worker has fetched, and fetches if it is time and nobody else does.
    pub(super) fn poll(&mut self, turn: Turn, desk: &mut Desk<'_>) {
        let entry = self.feed.read(desk.host);
        self.take(entry, desk);
        if !entry.ledger.is_unanswered(self.wanted_ms) {
            self.wanted_ms = None;
        }
        let Some(keys) = desk.issuers.get(self.issuer).and_then(remote) else { return };
        let Some(claimed) = self.feed.claim(entry, keys.pace, self.wanted_ms, turn, desk.host) else { return };
        let request = FetchRequest {
            cluster: &self.cluster,
            authority: keys.uri.authority(),
            path: keys.uri.target(),
            accept: ACCEPT,
            etag: None,
            wait_seconds: None,
            timeout_ms: limits::JWKS_TIMEOUT_MS,
        };
        match desk.host.fetch(&request) {
            Some(call) => self.feed.sent(call, turn.now_ms.saturating_add(limits::FEED_LEASE_MS)),
            None => self.finish(claimed, Err(RefreshError::NotSent), turn, desk),
        }
    }

    /// Whether a response is to this issuer's fetch.
    pub(super) fn waits_for(&self, call: u32) -> bool {
        self.feed.waits_for(call)
    }

    /// Takes the response to a fetch.
    pub(super) fn respond(&mut self, response: FetchResponse<'_>, turn: Turn, desk: &mut Desk<'_>) {
        if let Some(entry) = self.feed.arrived(turn.owner, desk.host) {
            let body = response.body().map(|body| body.bytes).map_err(RefreshError::from);
            self.finish(entry, body, turn, desk);
        }
    }

    /// Ends a fetch of this worker's: with keys for all workers, or with another try later.
    fn finish(&mut self, entry: Entry, body: Result<&[u8], RefreshError>, turn: Turn, desk: &mut Desk<'_>) {
        // What another worker fetched before counts, too: a SPIFFE bundle must not fall behind it.
        self.take(entry, desk);
        let Some(issuer) = desk.issuers.get_mut(self.issuer) else { return };
        let fetched = body.and_then(|body| install(issuer, body, turn.now_ms).map(|installed| (body, installed)));
        let Some(keys) = remote(issuer) else { return };
        let kind = match fetched {
            Ok((body, (document, changed))) => {
                let interval_ms = keys.interval_ms(document.refresh_hint);
                if changed {
                    desk.changed.push(self.issuer);
                }
                self.feed.succeeded(entry, interval_ms, "", body, turn, desk.host);
                KeyEventKind::Fetched { usable: document.usable, defective: document.defective, changed }
            }
            Err(error) => KeyEventKind::Failed { error, failures: self.feed.failed(entry, keys.pace, turn, desk.host) },
        };
        desk.events.push(KeyEvent { issuer: self.alias.clone(), kind });
    }

    /// Takes the document that another worker shared, if there is one that this worker has not seen.
    fn take(&mut self, entry: Entry, desk: &mut Desk<'_>) {
        let Some(News { document }) = self.feed.news(entry.ledger, desk.host) else { return };
        let Some(issuer) = desk.issuers.get_mut(self.issuer) else { return };
        let now_ms = desk.host.now_nanos() / 1_000_000;
        let installed = document
            .ok_or(RefreshError::Malformed)
            .and_then(|document| install(issuer, &document.body, document.fetched_ms.min(now_ms)));
        match installed {
            Ok((_, true)) => desk.changed.push(self.issuer),
            Ok((_, false)) => {}
            Err(_) => {
                self.feed.dismiss(entry.ledger);
                desk.events.push(KeyEvent { issuer: self.alias.clone(), kind: KeyEventKind::SharedRefused });
            }
        }
    }
}

/// By the bundle, the issuer's alias, and the cluster that leads to its keys: an operator who changes that does not want what came
/// by the old one.
fn names(bundle: Digest, alias: &str, cluster: &str) -> Names {
    Names::new("jwks", &format!("{bundle}.{alias}.{cluster}"))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_bundles_issuers_and_clusters_apart() {
        let (a, b) = (Digest::of(b"a"), Digest::of(b"b"));
        let mut names: Vec<String> = [(a, "dev", "idp"), (b, "dev", "idp"), (a, "prod", "idp"), (a, "dev", "idp.2")]
            .into_iter()
            .flat_map(|(bundle, alias, cluster)| {
                let Names { ledger, document } = names(bundle, alias, cluster);
                [ledger, document]
            })
            .collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), 8);
    }
}
