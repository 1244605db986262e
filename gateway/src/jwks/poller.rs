//! One worker's part in keeping keys fresh.

use super::clusters::JwksClusters;
use super::document::{Document, Reading};
use super::event::{KeyEvent, KeyEventKind, RefreshError};
use super::host::{KeyHost, KeyRequest, KeyResponse, Shared};
use super::issuer_keys::{IssuerKeys, RemoteKeys};
use super::ledger::Ledger;
use super::misses::Misses;
use super::shared::{self, Names, SharedDocument};
use crate::bundle::Digest;
use crate::error::ConfigError;
use crate::limits;
use crate::token::{Issuer, IssuerIndex, IssuerTable};

/// Looks after the keys of every issuer that has them fetched.
#[derive(Debug)]
pub(crate) struct Poller {
    /// This worker's name in ledgers; by chance, and not 0.
    owner: u64,
    /// Counts random numbers that were drawn.
    draws: u64,
    posts: Vec<Post>,
    misses: Misses,
}

/// One such issuer.
#[derive(Debug)]
struct Post {
    issuer: IssuerIndex,
    alias: String,
    cluster: String,
    names: Names,
    /// The serial of the document that was taken last.
    serial: u64,
    /// When a token named a key that is not there, unless a fetch has begun since.
    wanted_ms: Option<u64>,
    /// The fetch under way: its number, and when it is given up.
    in_flight: Option<(u32, u64)>,
    /// The ledger where workers share none.
    own: Ledger,
}

/// What a call may change besides the poller itself.
pub(crate) struct Desk<'a> {
    pub(crate) issuers: &'a mut IssuerTable,
    pub(crate) host: &'a mut dyn KeyHost,
    pub(crate) events: &'a mut Vec<KeyEvent>,
    /// The issuers whose keys are not what they were: what was verified by the old ones is to be forgotten.
    pub(crate) changed: &'a mut Vec<IssuerIndex>,
}

/// A ledger as it was read, and how to put another in its place.
#[derive(Clone, Copy)]
struct Entry {
    ledger: Ledger,
    /// The shared version; `None` where workers share nothing.
    version: Option<u32>,
}

impl Poller {
    /// For the issuers of a bundle.
    ///
    /// # Errors
    ///
    /// [`ConfigError::JwksCluster`] when there is an issuer to whose keys no cluster leads.
    pub(crate) fn new(
        issuers: &IssuerTable,
        clusters: &JwksClusters,
        bundle: Digest,
        random: u64,
    ) -> Result<Self, ConfigError> {
        let mut posts = Vec::new();
        for (index, issuer) in issuers.iter() {
            let IssuerKeys::Remote(keys) = &issuer.terms.keys else { continue };
            let Some(cluster) = clusters.find(&issuer.alias, keys.uri.host()) else {
                return Err(ConfigError::JwksCluster {
                    issuer: issuer.alias.clone(),
                    host: keys.uri.host().to_owned(),
                });
            };
            posts.push(Post {
                issuer: index,
                alias: issuer.alias.clone(),
                cluster: cluster.to_owned(),
                names: Names::new(bundle, &issuer.alias),
                serial: 0,
                wanted_ms: None,
                in_flight: None,
                own: Ledger::default(),
            });
        }
        Ok(Self { owner: random.max(1), draws: 0, posts, misses: Misses::default() })
    }

    /// Whether there is anything to look after.
    pub(crate) fn is_idle(&self) -> bool {
        self.posts.is_empty()
    }

    /// Opens a ledger for each issuer that has none, and takes what other workers have fetched. Fetches nothing: a
    /// configuration that is only tried out does not ask anybody for keys.
    ///
    /// Ledgers are opened here, before any worker polls, because hosts cannot say "only if there is none yet": of two workers
    /// that open one, the slower wipes out what the other wrote.
    pub(crate) fn join(&mut self, desk: &mut Desk<'_>) {
        for post in &mut self.posts {
            if desk.host.shared(&post.names.ledger) == Shared::Absent {
                desk.host.share(&post.names.ledger, &shared::write_ledger(&Ledger::default()), None);
            }
            let Entry { ledger, .. } = post.read(desk.host);
            post.take(ledger, desk);
        }
    }

    /// Takes over the keys that another configuration has for the same issuers, so that a new bundle does not begin without.
    pub(crate) fn inherit(&mut self, issuers: &mut IssuerTable, other: &IssuerTable) {
        for post in &self.posts {
            let Some(issuer) = issuers.get_mut(post.issuer) else { continue };
            let same = other.iter().map(|(_, other)| other).find(|other| other.alias == issuer.alias);
            let Some(other) = same.filter(|other| other.profile == issuer.profile) else { continue };
            if let (IssuerKeys::Remote(keys), IssuerKeys::Remote(known)) = (&mut issuer.terms.keys, &other.terms.keys) {
                keys.inherit(known);
            }
        }
    }

    /// Notes that a token named a key that the issuer does not have.
    pub(crate) fn missed(&mut self, issuer: Option<&str>, kid: Option<&str>, issuers: &IssuerTable, now_ms: u64) {
        let Some((position, post)) =
            self.posts.iter_mut().enumerate().find(|(_, post)| Some(post.alias.as_str()) == issuer)
        else {
            return;
        };
        let cooldown_ms = issuers.get(post.issuer).and_then(remote).map_or(0, |keys| keys.pace.cooldown_ms);
        if self.misses.is_news(position, kid, cooldown_ms, now_ms) {
            post.wanted_ms = Some(now_ms);
        }
    }

    /// Takes what other workers have fetched, and fetches what is due and nobody else is fetching.
    pub(crate) fn poll(&mut self, desk: &mut Desk<'_>) {
        let now_ms = desk.host.now_nanos() / 1_000_000;
        for position in 0..self.posts.len() {
            let jitter = self.draw();
            let owner = self.owner;
            if let Some(post) = self.posts.get_mut(position) {
                post.poll(owner, jitter, now_ms, desk);
            }
        }
    }

    /// Takes the response to a fetch. One that nobody waits for is ignored.
    pub(crate) fn respond(&mut self, call: u32, response: KeyResponse<'_>, desk: &mut Desk<'_>) {
        let now_ms = desk.host.now_nanos() / 1_000_000;
        let jitter = self.draw();
        let owner = self.owner;
        let waits = |post: &&mut Post| post.in_flight.is_some_and(|(waited, _)| waited == call);
        if let Some(post) = self.posts.iter_mut().find(waits) {
            post.in_flight = None;
            let entry = post.read(desk.host);
            // Too late: the time was up, and another worker is fetching or has fetched. Its answer counts.
            if entry.ledger.owner == owner {
                post.finish(entry, response_body(response), jitter, now_ms, desk);
            }
        }
    }

    /// The age of each issuer's keys, in seconds; `None` for an issuer that has none.
    pub(crate) fn ages<'a>(
        &'a self,
        issuers: &'a IssuerTable,
        now_ms: u64,
    ) -> impl Iterator<Item = (&'a str, Option<u64>)> {
        self.posts.iter().map(move |post| {
            let age = issuers.get(post.issuer).and_then(remote).and_then(|keys| keys.age_ms(now_ms));
            (post.alias.as_str(), age.map(|age| age / 1000))
        })
    }

    /// How soon to poll again, in milliseconds: often while there is an issuer without keys, else a few times in the time that
    /// keys are fresh.
    pub(crate) fn period_ms(&self, issuers: &IssuerTable) -> u32 {
        let of = |post: &Post| {
            let keys = issuers.get(post.issuer).and_then(remote)?;
            let period = keys.age_ms(0).map_or(0, |_| keys.pace.fresh_for_ms / 20);
            Some(u32::try_from(period).unwrap_or(u32::MAX))
        };
        let shortest = self.posts.iter().filter_map(of).min().unwrap_or(u32::MAX);
        shortest.clamp(limits::JWKS_POLL_MIN_MS, limits::JWKS_POLL_MS)
    }

    /// A random number that other workers do not draw (SplitMix64).
    fn draw(&mut self) -> u64 {
        self.draws = self.draws.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut random = self.owner.wrapping_add(self.draws);
        random = (random ^ (random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        random = (random ^ (random >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        random ^ (random >> 31)
    }
}

impl Post {
    fn poll(&mut self, owner: u64, jitter: u64, now_ms: u64, desk: &mut Desk<'_>) {
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
                        desk.host.share(&self.names.document, &shared::write_document(&document), None);
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
        if entry.version.is_none() {
            return Some(Entry { ledger, version: None });
        }
        if !host.share(&self.names.ledger, &shared::write_ledger(&ledger), entry.version) {
            return None;
        }
        // The version that it has now, to be replaced in turn.
        Some(self.read(host)).filter(|written| written.ledger == ledger)
    }
}

fn remote(issuer: &Issuer) -> Option<&RemoteKeys> {
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
