//! One worker's part in keeping one list fresh.

use std::rc::Rc;

use super::error::StatusListError;
use super::event::{StatusListEvent, StatusListEventKind};
use super::list::StatusList;
use super::lists::Desk;
use super::rules::ListRules;
use super::token::claimed_key;
use super::watch::{Held, Watch};
use crate::feed::{
    DocumentUri, Entry, Feed, FetchError, FetchRequest, FetchResponse, FetchedBody, Names, News, Turn, is_page,
};
use crate::host::Unaided;
use crate::limits;
use crate::token::Issuer;

/// What servers of lists are asked for (§8.1).
const ACCEPT: &str = "application/statuslist+jwt";

/// A list that is fetched.
#[derive(Debug)]
pub(super) struct Post {
    cluster: String,
    uri: DocumentUri,
    feed: Feed,
    /// When what is shared turned out to be of no use, unless a fetch has begun since.
    wanted_ms: Option<u64>,
    /// Whether fetches failed since the last that did not, as far as this worker knows.
    is_failing: bool,
}

/// What the list of a post is judged by.
#[derive(Clone, Copy)]
pub(super) struct Judge<'a> {
    pub(super) issuer: &'a Issuer,
    pub(super) rules: &'a ListRules,
    /// How many bytes there is room for.
    pub(super) room: usize,
}

impl Post {
    /// `None` where no cluster leads to the list, or nothing could.
    pub(super) fn new(watch: &Watch, desk: &mut Desk<'_>) -> Option<Self> {
        let uri = DocumentUri::read(&watch.uri)?;
        let cluster = desk.clusters.find(&watch.alias, uri.host())?.to_owned();
        let feed = Feed::new(names(watch, &cluster));
        feed.open(desk.host);
        Some(Self { cluster, uri, feed, wanted_ms: None, is_failing: false })
    }

    /// Whether it is to be looked after soon: nobody has tried yet.
    pub(super) fn is_urgent(&self) -> bool {
        !self.is_failing
    }

    /// Takes what another worker has fetched.
    pub(super) fn join(&mut self, watch: &Watch, judge: Judge<'_>, desk: &mut Desk<'_>) {
        let entry = self.feed.read(desk.host);
        self.take(entry, watch, judge, desk);
    }

    /// Takes what another worker has fetched, and fetches if it is time and nobody else does.
    pub(super) fn poll(&mut self, turn: Turn, watch: &Watch, judge: Judge<'_>, desk: &mut Desk<'_>) {
        let entry = self.feed.read(desk.host);
        self.is_failing = entry.ledger.failures > 0;
        self.take(entry, watch, judge, desk);
        if !entry.ledger.is_unanswered(self.wanted_ms) {
            self.wanted_ms = None;
        }
        // Without keys no list would be of any use.
        if judge.issuer.terms.keys.usable_until_ms() <= turn.now_ms {
            return;
        }
        let Some(claimed) = self.feed.claim(entry, judge.rules.pace, self.wanted_ms, turn, desk.host) else { return };
        let request = FetchRequest {
            cluster: &self.cluster,
            authority: self.uri.authority(),
            path: self.uri.target(),
            accept: ACCEPT,
            etag: None,
            wait_seconds: None,
            timeout_ms: limits::JWKS_TIMEOUT_MS,
        };
        match desk.host.fetch(&request) {
            Some(call) => self.feed.sent(call, turn.now_ms.saturating_add(limits::FEED_LEASE_MS)),
            None => self.finish(claimed, Err(FetchError::NotSent), turn, watch, judge, desk),
        }
    }

    /// Whether a response is to this list's fetch.
    pub(super) fn waits_for(&self, call: u32) -> bool {
        self.feed.waits_for(call)
    }

    /// Takes the response to a fetch.
    pub(super) fn respond(
        &mut self,
        response: FetchResponse<'_>,
        turn: Turn,
        watch: &Watch,
        judge: Judge<'_>,
        desk: &mut Desk<'_>,
    ) {
        if let Some(entry) = self.feed.arrived(turn.owner, desk.host) {
            self.finish(entry, body(response), turn, watch, judge, desk);
        }
    }

    /// Ends a fetch of this worker's: with a list for all workers, or with another try later.
    fn finish(
        &mut self,
        entry: Entry,
        body: Result<&[u8], FetchError>,
        turn: Turn,
        watch: &Watch,
        judge: Judge<'_>,
        desk: &mut Desk<'_>,
    ) {
        // What another worker fetched before counts, too: a list never goes back.
        self.take(entry, watch, judge, desk);
        let installed = body.map_err(StatusListError::from).and_then(|body| {
            let installed = install(watch, body, judge, turn.now_ms, turn.now_ms);
            if matches!(installed, Err(StatusListError::KeyUnknown)) {
                desk.missing.push((watch.alias.clone(), claimed_key(body)));
            }
            installed.map(|installed| (body, installed))
        });
        let kind = match installed {
            Ok((body, Installed { held, changed })) => {
                let interval_ms = judge.rules.interval_ms(&held.list);
                self.feed.succeeded(entry, interval_ms, "", body, turn, desk.host);
                self.is_failing = false;
                StatusListEventKind::Fetched { entries: held.list.entries(), changed }
            }
            Err(error) => {
                self.is_failing = true;
                let failures = self.feed.failed(entry, judge.rules.pace, turn, desk.host);
                StatusListEventKind::Failed { error, failures }
            }
        };
        desk.events.push(event(watch, kind));
    }

    /// Takes the list that another worker shared, if there is one that this worker has not seen.
    fn take(&mut self, entry: Entry, watch: &Watch, judge: Judge<'_>, desk: &mut Desk<'_>) {
        let Some(News { document }) = self.feed.news(entry.ledger, desk.host) else { return };
        let now_ms = desk.host.now_nanos() / 1_000_000;
        let installed = document
            .ok_or(StatusListError::SharedUnreadable)
            .and_then(|document| install(watch, &document.body, judge, document.fetched_ms.min(now_ms), now_ms));
        let kind = match installed {
            Ok(Installed { changed: false, .. }) => return,
            Ok(Installed { changed: true, .. }) => StatusListEventKind::Taken,
            Err(error) => {
                self.feed.dismiss(entry.ledger);
                // Such as one that is signed with a key that is gone: there may be a newer one.
                self.wanted_ms = Some(now_ms);
                StatusListEventKind::SharedRefused(error)
            }
        };
        desk.events.push(event(watch, kind));
    }
}

/// A list that was put in place.
#[derive(Debug)]
pub(super) struct Installed {
    held: Rc<Held>,
    /// Whether it is another one than before.
    changed: bool,
}

/// Verifies a list and puts it in place. The very same token needs no second look.
pub(super) fn install(
    watch: &Watch,
    token: &[u8],
    judge: Judge<'_>,
    fetched_ms: u64,
    now_ms: u64,
) -> Result<Installed, StatusListError> {
    let Judge { issuer, rules: _, room } = judge;
    let before = watch.held();
    if let Some(held) = before.as_ref().filter(|held| held.token == token && now_ms < held.list.end_ms()) {
        held.fetched_ms.set(fetched_ms.max(held.fetched_ms.get()));
        return Ok(Installed { held: Rc::clone(held), changed: false });
    }
    let list = StatusList::read(token, &watch.uri, issuer, &mut Unaided::at(now_ms), now_ms)?;
    if before.as_ref().is_some_and(|held| list.issued_ms < held.list.issued_ms) {
        return Err(StatusListError::Rollback);
    }
    let changed = before.as_ref().is_none_or(|held| (held.list.bits, &held.list.bytes) != (list.bits, &list.bytes));
    let held = Held { list, token: token.to_vec(), fetched_ms: fetched_ms.into() };
    if held.weight() > room {
        return Err(StatusListError::Full);
    }
    watch.hold(Some(held));
    watch.held().map(|held| Installed { held, changed }).ok_or(StatusListError::Full)
}

pub(super) fn event(watch: &Watch, kind: StatusListEventKind) -> StatusListEvent {
    StatusListEvent { issuer: watch.alias.clone(), uri: watch.uri.clone(), kind }
}

/// By the issuer, the cluster, and the list. Not by the bundle: each worker asks by itself whose list it is.
fn names(watch: &Watch, cluster: &str) -> Names {
    Names::new("status_list", &format!("{}.{cluster}.{}", watch.alias, watch.uri))
}

fn body(response: FetchResponse<'_>) -> Result<&[u8], FetchError> {
    let FetchedBody { bytes, content_type, .. } = response.body()?;
    if content_type.is_some_and(is_page) { Err(FetchError::ContentType) } else { Ok(bytes) }
}
