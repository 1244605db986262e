//! One file of a channel, fetched over HTTP: asked for only if it has changed, and waited for where the server does that.

mod patience;

use self::patience::{Patience, Waited};
use super::error::FetchError;
use super::host::{FetchHost, FetchRequest, FetchResponse, FetchedBody};
use super::ledger::Pace;
use super::shared::{Names, SharedDocument};
use super::worker::{Entry, Feed, News, Turn};
use crate::limits;

/// Where a file is, and how it is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    /// The Envoy cluster that leads there.
    pub(crate) cluster: String,
    /// `:authority`
    pub(crate) authority: String,
    /// `:path`
    pub(crate) path: String,
    /// How often it is asked for, in milliseconds.
    pub(crate) interval_ms: u64,
    /// For how long the server may wait for something new, in seconds; 0 asks for no waiting.
    pub(crate) wait_seconds: u32,
    /// The largest body that is copied, in bytes.
    pub(crate) max_bytes: usize,
    /// Whether the file need not be there. That it is not is a document, without bytes, of which workers tell each other.
    pub(crate) may_be_absent: bool,
}

/// A file, as this worker sees it.
#[derive(Debug)]
pub(crate) struct Resource {
    source: Source,
    feed: Feed,
    /// The entity tag of what this worker has accepted; empty for none.
    etag: String,
    /// When this worker asked last, and for how long it let the server wait; in milliseconds.
    asked: (u64, u64),
    patience: Patience,
    /// Whether a document is being judged.
    is_judging: bool,
    /// When a server last said what there is, to whichever worker.
    confirmed_ms: Option<u64>,
    /// Fetches that failed since the last that did not, whichever workers'.
    failures: u32,
}

/// Bytes to be judged: [`Resource::accept`], [`Resource::confirm`] or [`Resource::refuse`] ends that.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Document {
    pub(crate) bytes: Vec<u8>,
    pub(crate) origin: Origin,
    etag: String,
}

/// Where a document comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// This worker has fetched it; and how that went, where the server might have waited.
    Fetched(Option<Waited>),
    /// Another worker shared it.
    Shared,
}

/// What there is to do for who reads a file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// Bytes to be judged.
    Document(Document),
    /// Nothing new; a server said so.
    Unchanged,
    /// No answer, or none that is of any use.
    Failed {
        error: FetchError,
        /// How many fetches failed in a row.
        failures: u32,
    },
    /// What is shared does not read.
    SharedUnreadable,
}

impl Resource {
    pub(crate) fn new(source: Source) -> Self {
        // Not by who may have signed it: each reader finds out by itself, and a changed configuration begins with what is there.
        let names = Names::new("feed", &format!("{}.{}{}", source.cluster, source.authority, source.path));
        Self {
            source,
            feed: Feed::new(names),
            etag: String::new(),
            asked: (0, 0),
            patience: Patience::default(),
            is_judging: false,
            confirmed_ms: None,
            failures: 0,
        }
    }

    /// Opens the ledger if there is none, and hands over what another worker has fetched. Asks nobody.
    pub(crate) fn join(&mut self, host: &mut dyn FetchHost) -> Option<Arrival> {
        self.feed.open(host);
        let entry = self.read(host);
        self.news(entry, host)
    }

    /// Hands over what another worker has fetched, or else asks if it is time and nobody else does. Nothing happens while a
    /// document is being judged.
    pub(crate) fn poll(&mut self, turn: Turn, host: &mut dyn FetchHost) -> Option<Arrival> {
        let entry = self.read(host);
        if self.is_judging {
            self.feed.renew(entry, turn, host);
            return None;
        }
        if let Some(news) = self.news(entry, host) {
            return Some(news);
        }
        let claimed = self.feed.claim(entry, self.pace(), None, turn, host)?;
        let Source { cluster, authority, path, wait_seconds, .. } = &self.source;
        // Whoever has nothing yet is in a hurry.
        let wait_seconds = Some(*wait_seconds).filter(|seconds| *seconds > 0 && !self.etag.is_empty());
        let wait_ms = wait_seconds.unwrap_or(0).saturating_mul(1000);
        let timeout_ms = limits::FEED_TIMEOUT_MS.saturating_add(wait_ms);
        let request = FetchRequest {
            cluster,
            authority,
            path,
            accept: "application/octet-stream, application/json, */*;q=0.1",
            etag: (!self.etag.is_empty()).then_some(&self.etag),
            wait_seconds,
            timeout_ms,
        };
        self.asked = (turn.now_ms, u64::from(wait_ms));
        match host.fetch(&request) {
            Some(call) => {
                let until_ms = turn.now_ms.saturating_add(u64::from(timeout_ms)).saturating_add(limits::FEED_LEASE_MS);
                self.feed.sent(call, until_ms);
                None
            }
            None => Some(self.fail(claimed, FetchError::NotSent, turn, host)),
        }
    }

    /// Whether a response is to this worker's fetch.
    pub(crate) fn waits_for(&self, call: u32) -> bool {
        self.feed.waits_for(call)
    }

    /// The largest body that is copied, in bytes.
    pub(crate) fn max_bytes(&self) -> usize {
        self.source.max_bytes
    }

    /// Takes the response to a fetch. `None` when it came too late to matter.
    pub(crate) fn respond(
        &mut self,
        response: FetchResponse<'_>,
        turn: Turn,
        host: &mut dyn FetchHost,
    ) -> Option<Arrival> {
        let entry = self.feed.arrived(turn.owner, host)?;
        Some(match response {
            FetchResponse::NotModified { waits } if !self.etag.is_empty() => {
                self.learn(self.waited(waits, turn.now_ms), false);
                self.confirmed_ms = Some(turn.now_ms);
                self.feed.confirmed(entry, self.interval_ms(), turn, host);
                Arrival::Unchanged
            }
            FetchResponse::Status(404 | 410) if self.source.may_be_absent => {
                self.is_judging = true;
                let origin = Origin::Fetched(None);
                Arrival::Document(Document { bytes: Vec::new(), origin, etag: String::new() })
            }
            response => match response.body().and_then(|body| self.read_body(body, turn.now_ms)) {
                Ok(document) => {
                    self.is_judging = true;
                    Arrival::Document(document)
                }
                Err(error) => self.fail(entry, error, turn, host),
            },
        })
    }

    /// A document is what it should be, and has taken the place of what was there: others may have it, too.
    pub(crate) fn accept(&mut self, document: &Document, turn: Turn, host: &mut dyn FetchHost) {
        self.etag.clone_from(&document.etag);
        if let Some(entry) = self.judged(document, true, turn, host) {
            let interval_ms = self.interval_ms();
            self.feed.succeeded(entry, interval_ms, &document.etag, &document.bytes, turn, host);
        }
    }

    /// A document is what is there already.
    pub(crate) fn confirm(&mut self, document: &Document, turn: Turn, host: &mut dyn FetchHost) {
        self.etag.clone_from(&document.etag);
        if let Some(entry) = self.judged(document, false, turn, host) {
            let interval_ms = self.interval_ms();
            if entry.ledger.serial == 0 {
                // What is there came another way, and whoever starts next may not have it.
                self.feed.succeeded(entry, interval_ms, &document.etag, &document.bytes, turn, host);
            } else {
                self.feed.confirmed(entry, interval_ms, turn, host);
            }
        }
    }

    /// A document is not acceptable. Returns how many fetches failed in a row.
    pub(crate) fn refuse(&mut self, document: &Document, turn: Turn, host: &mut dyn FetchHost) -> u32 {
        self.is_judging = false;
        let entry = self.feed.read(host);
        match document.origin {
            Origin::Fetched(_) => {
                if entry.ledger.owner == turn.owner {
                    self.feed.failed(entry, self.pace(), turn, host)
                } else {
                    0
                }
            }
            Origin::Shared => {
                self.feed.dismiss(entry.ledger);
                0
            }
        }
    }

    /// Whether a document says that there is none.
    pub(crate) fn is_absence(&self, document: &Document) -> bool {
        self.source.may_be_absent && document.bytes.is_empty()
    }

    /// When a server last said what there is, to whichever worker; in milliseconds since the Unix epoch.
    pub(crate) fn confirmed_ms(&self) -> Option<u64> {
        self.confirmed_ms
    }

    /// Whether the last fetch that ended failed, whichever worker's it was.
    pub(crate) fn is_failing(&self) -> bool {
        self.failures > 0
    }

    /// Ends the judging of a document that this worker fetched. `None` for another's, and when its claim has lapsed.
    fn judged(&mut self, document: &Document, is_new: bool, turn: Turn, host: &mut dyn FetchHost) -> Option<Entry> {
        self.is_judging = false;
        let Origin::Fetched(waited) = document.origin else { return None };
        self.learn(waited, is_new);
        self.confirmed_ms = Some(turn.now_ms);
        let entry = self.feed.read(host);
        (entry.ledger.owner == turn.owner).then_some(entry)
    }

    fn read(&mut self, host: &mut dyn FetchHost) -> Entry {
        let entry = self.feed.read(host);
        self.failures = entry.ledger.failures;
        // Who asked last, whichever worker that was, was answered.
        if entry.ledger.owner == 0 && entry.ledger.failures == 0 && entry.ledger.started_ms > 0 {
            self.confirmed_ms = self.confirmed_ms.max(Some(entry.ledger.started_ms));
        }
        entry
    }

    fn news(&mut self, entry: Entry, host: &mut dyn FetchHost) -> Option<Arrival> {
        let News { document } = self.feed.news(entry.ledger, host)?;
        Some(match document {
            Some(SharedDocument { body, etag, .. }) => {
                self.is_judging = true;
                Arrival::Document(Document {
                    bytes: body,
                    origin: Origin::Shared,
                    etag: self::etag(Some(etag.as_bytes())),
                })
            }
            None => Arrival::SharedUnreadable,
        })
    }

    fn read_body(&self, body: FetchedBody<'_>, now_ms: u64) -> Result<Document, FetchError> {
        let FetchedBody { bytes, etag, content_type, waits } = body;
        if bytes.len() > self.source.max_bytes {
            return Err(FetchError::TooLarge);
        }
        if content_type.is_some_and(is_page) {
            return Err(FetchError::ContentType);
        }
        let origin = Origin::Fetched(self.waited(waits, now_ms));
        Ok(Document { bytes: bytes.to_vec(), origin, etag: self::etag(etag) })
    }

    fn fail(&mut self, entry: Entry, error: FetchError, turn: Turn, host: &mut dyn FetchHost) -> Arrival {
        Arrival::Failed { error, failures: self.feed.failed(entry, self.pace(), turn, host) }
    }

    fn pace(&self) -> Pace {
        Pace { fresh_for_ms: self.source.interval_ms, cooldown_ms: self.source.interval_ms }
    }

    /// How the server took the request that it answers now; `None` where it was not let wait.
    fn waited(&self, says_so: bool, now_ms: u64) -> Option<Waited> {
        let (since_ms, asked_ms) = self.asked;
        (asked_ms > 0).then(|| Waited { asked_ms, took_ms: now_ms.saturating_sub(since_ms), says_so })
    }

    fn learn(&mut self, waited: Option<Waited>, is_new: bool) {
        self.patience = waited.map_or(self.patience, |waited| self.patience.after(waited, is_new));
    }

    /// How soon to ask again: at once where the server waits or may do so, else after the interval. What has no tag cannot be
    /// waited for.
    fn interval_ms(&self) -> u64 {
        let Source { interval_ms, wait_seconds, .. } = self.source;
        let at_once = wait_seconds > 0 && !self.etag.is_empty() && self.patience.allows_asking_at_once();
        if at_once { interval_ms.min(limits::FEED_AGAIN_MS) } else { interval_ms }
    }
}

/// An entity tag as it is sent back (RFC 9110 §8.8.3); empty for one that does not read.
fn etag(value: Option<&[u8]>) -> String {
    let text = value.and_then(|value| str::from_utf8(value).ok()).unwrap_or_default();
    let opaque = text.strip_prefix("W/").unwrap_or(text);
    let quoted = opaque.len() >= 2 && opaque.starts_with('"') && opaque.ends_with('"');
    let inner = opaque.get(1..opaque.len().saturating_sub(1)).unwrap_or_default();
    let plain = quoted && inner.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"');
    if plain && text.len() <= limits::ETAG_BYTES { text.to_owned() } else { String::new() }
}

/// Whether a media type is that of a page for people: what captive portals and error pages have.
pub(crate) fn is_page(content_type: &[u8]) -> bool {
    let essence = content_type.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    [&b"text/html"[..], b"application/xhtml+xml"].iter().any(|page| essence.eq_ignore_ascii_case(page))
}

#[cfg(test)]
mod tests;
