//! One worker's part in keeping a document fresh that all workers need.

use super::host::FetchHost;
use super::ledger::{Ledger, Pace};
use super::shared::{self, Names, SharedDocument};
use crate::limits;
use crate::shared_memory::{Expected, Shared};

/// One document, as this worker sees it.
#[derive(Debug)]
pub(crate) struct Feed {
    names: Names,
    /// The serial of the document that was taken last.
    serial: u64,
    /// The ledger's serial for which the document was looked for last, and how often that was.
    looked: (u64, u32),
    /// The fetch under way: its number, and when it is given up.
    in_flight: Option<(u32, u64)>,
    /// The ledger where workers share none.
    own: Ledger,
}

/// Who works, and when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Turn {
    /// The worker's name in ledgers; not 0.
    pub(crate) owner: u64,
    /// A random number.
    pub(crate) jitter: u64,
    pub(crate) now_ms: u64,
}

/// A ledger as it was read, and how to put another in its place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) ledger: Ledger,
    /// The shared version; `None` where workers share nothing.
    version: Option<u32>,
}

/// A document that another worker shared.
#[derive(Debug)]
pub(crate) struct News {
    /// `None` when what is there does not read.
    pub(crate) document: Option<SharedDocument>,
}

impl Feed {
    pub(crate) fn new(names: Names) -> Self {
        Self { names, serial: 0, looked: (0, 0), in_flight: None, own: Ledger::default() }
    }

    /// Opens the ledger if there is none. To be called before any worker claims a fetch, because hosts cannot say "only if there
    /// is none yet": of two workers that open one, the slower wipes out what the other wrote.
    pub(crate) fn open(&self, host: &mut dyn FetchHost) {
        if host.shared(&self.names.ledger) == Shared::Absent {
            host.share(&self.names.ledger, &shared::write_ledger(&Ledger::default()), Expected::Nothing);
        }
    }

    /// The ledger as it is now.
    pub(crate) fn read(&self, host: &mut dyn FetchHost) -> Entry {
        match host.shared(&self.names.ledger) {
            Shared::Found(bytes, version) => {
                Entry { ledger: shared::read_ledger(&bytes).unwrap_or_default(), version: Some(version) }
            }
            Shared::Absent | Shared::Unsupported => Entry { ledger: self.own, version: None },
        }
    }

    /// The document that another worker shared, if there is one that this worker has not seen.
    pub(crate) fn news(&mut self, ledger: Ledger, host: &mut dyn FetchHost) -> Option<News> {
        if ledger.serial == self.serial {
            return None;
        }
        // The document of this serial may come a moment later than the ledger; or never, when who fetched it ended between.
        let (serial, looks) = self.looked;
        let looks = if serial == ledger.serial { looks.saturating_add(1) } else { 0 };
        self.looked = (ledger.serial, looks);
        if looks >= limits::FEED_LOOKS {
            return None;
        }
        let Shared::Found(bytes, _) = host.shared(&self.names.document) else { return None };
        let document = shared::read_document(bytes);
        match &document {
            Some(document) if document.serial == self.serial => return None,
            Some(document) => self.serial = document.serial,
            None => self.serial = ledger.serial,
        }
        Some(News { document })
    }

    /// Says that what is shared under this ledger is not acceptable: it is not looked at again.
    pub(crate) fn dismiss(&mut self, ledger: Ledger) {
        self.serial = ledger.serial;
    }

    /// Claims the fetch, if it is time and nobody is fetching. `None` when there is nothing to do, or another worker was
    /// quicker.
    pub(crate) fn claim(
        &mut self,
        entry: Entry,
        pace: Pace,
        wanted_ms: Option<u64>,
        turn: Turn,
        host: &mut dyn FetchHost,
    ) -> Option<Entry> {
        // A response that never comes must not keep everybody waiting for ever.
        self.in_flight = self.in_flight.filter(|(_, until_ms)| turn.now_ms < *until_ms);
        if self.in_flight.is_some() {
            self.renew(entry, turn, host);
            return None;
        }
        if !entry.ledger.is_due(pace, wanted_ms, turn.now_ms) {
            return None;
        }
        self.write(entry, entry.ledger.claimed(turn.owner, turn.now_ms), host)
    }

    /// Keeps the claim of this worker, if it still has one.
    pub(crate) fn renew(&mut self, entry: Entry, turn: Turn, host: &mut dyn FetchHost) {
        let left_ms = entry.ledger.leased_until_ms.saturating_sub(turn.now_ms);
        if entry.ledger.owner == turn.owner && left_ms < limits::FEED_LEASE_MS / 2 {
            self.write(entry, entry.ledger.renewed(turn.now_ms), host);
        }
    }

    /// Says that the fetch is under way, and when it is to be given up.
    pub(crate) fn sent(&mut self, call: u32, until_ms: u64) {
        self.in_flight = Some((call, until_ms));
    }

    /// Whether a response is to this worker's fetch.
    pub(crate) fn waits_for(&self, call: u32) -> bool {
        self.in_flight.is_some_and(|(waited, _)| waited == call)
    }

    /// Says that its response is there. `None` when it is too late: the time was up, and another worker is fetching or has
    /// fetched. Its answer counts.
    pub(crate) fn arrived(&mut self, owner: u64, host: &mut dyn FetchHost) -> Option<Entry> {
        self.in_flight = None;
        Some(self.read(host)).filter(|entry| entry.ledger.owner == owner)
    }

    /// Ends a fetch that brought a document, to be fetched anew after about `interval_ms`, and shares it.
    pub(crate) fn succeeded(
        &mut self,
        entry: Entry,
        interval_ms: u64,
        etag: &str,
        body: &[u8],
        turn: Turn,
        host: &mut dyn FetchHost,
    ) {
        let ledger = entry.ledger.succeeded(interval_ms, turn.jitter, turn.now_ms);
        // The ledger first: only who still holds it may share a document. Whoever sees the new serial and the old document
        // looks again.
        if self.write(entry, ledger, host).is_none() {
            return;
        }
        self.serial = ledger.serial;
        if entry.version.is_some() {
            let bytes = shared::write_document(ledger.serial, turn.now_ms, etag, body);
            host.share(&self.names.document, &bytes, Expected::Anything);
        }
    }

    /// Ends a fetch that brought nothing new.
    pub(crate) fn confirmed(&mut self, entry: Entry, interval_ms: u64, turn: Turn, host: &mut dyn FetchHost) {
        self.write(entry, entry.ledger.confirmed(interval_ms, turn.jitter, turn.now_ms), host);
    }

    /// Ends a fetch that brought nothing good. Returns how many failed in a row.
    pub(crate) fn failed(&mut self, entry: Entry, pace: Pace, turn: Turn, host: &mut dyn FetchHost) -> u32 {
        let ledger = entry.ledger.failed(pace, turn.jitter, turn.now_ms);
        self.write(entry, ledger, host);
        ledger.failures
    }

    /// Puts a ledger in the place of the one that was read. `None` when another worker was quicker.
    fn write(&mut self, entry: Entry, ledger: Ledger, host: &mut dyn FetchHost) -> Option<Entry> {
        self.own = ledger;
        let Some(version) = entry.version else { return Some(Entry { ledger, version: None }) };
        if !host.share(&self.names.ledger, &shared::write_ledger(&ledger), Expected::Version(version)) {
            return None;
        }
        // The version that it has now, to be replaced in turn.
        Some(self.read(host)).filter(|written| written.ledger == ledger)
    }
}
