//! One worker's part in having the newest bundle decide.

use super::event::{BundleEvent, Event};
use super::landing::Landing;
use super::remote::Remote;
use crate::bundle::{BundleError, Opened, Opening};
use crate::chance::Chance;
use crate::error::ConfigError;
use crate::feed::{Arrival, Document, FetchHost, FetchResponse, Resource, Source, Turn};
use crate::generation::{Offer, Terms};
use crate::limits;

/// A bundle of the channel on its way.
#[derive(Debug)]
pub(crate) struct Delivery {
    resource: Resource,
    interval_ms: u64,
    /// This worker's name in ledgers; by chance, and not 0.
    owner: u64,
    chance: Chance,
    arriving: Option<Arriving>,
    /// What went wrong last, unless something went well since.
    pub(crate) last_error: Option<&'static str>,
    pub(crate) swaps: u64,
}

/// A bundle that is being opened.
#[derive(Debug)]
struct Arriving {
    document: Document,
    opening: Opening<'static>,
    since_ms: u64,
}

/// What a delivery may change besides itself.
pub(crate) struct Dock<'a> {
    pub(crate) terms: &'a Terms,
    pub(crate) landing: &'a mut dyn Landing,
    pub(crate) host: &'a mut dyn FetchHost,
    pub(crate) events: &'a mut Vec<Event>,
}

impl Delivery {
    /// Of the bundle that decides.
    pub(crate) fn of_bundle(remote: &Remote, random: u64) -> Self {
        Self::new(remote.source(".palisade", limits::BUNDLE_BYTES), random)
    }

    /// Of the candidate, of which there need not be one.
    pub(crate) fn of_candidate(remote: &Remote, random: u64) -> Self {
        Self::new(Source { may_be_absent: true, ..remote.source(".candidate.palisade", limits::BUNDLE_BYTES) }, random)
    }

    fn new(source: Source, random: u64) -> Self {
        Self {
            interval_ms: source.interval_ms,
            resource: Resource::new(source),
            owner: random.max(1),
            chance: Chance::new(random),
            arriving: None,
            last_error: None,
            swaps: 0,
        }
    }

    /// Takes what another worker has fetched, and opens it at once: who begins with nothing denies every request. Asks nobody.
    /// Says whether another bundle decides now.
    pub(crate) fn join(&mut self, dock: &mut Dock<'_>) -> bool {
        let arrival = self.resource.join(dock.host);
        self.take(arrival, dock);
        let mut swapped = false;
        while self.arriving.is_some() {
            swapped |= self.step(usize::MAX, dock);
        }
        swapped
    }

    /// Does a piece of the work that there is, or else looks what other workers have fetched, or fetches. Says whether another
    /// bundle decides now.
    pub(crate) fn poll(&mut self, dock: &mut Dock<'_>) -> bool {
        let turn = self.turn(dock);
        let arrival = self.resource.poll(turn, dock.host);
        self.take(arrival, dock);
        self.step(limits::OPENING_STEP_BYTES, dock)
    }

    /// Whether a response is to this worker's fetch.
    pub(crate) fn waits_for(&self, call: u32) -> bool {
        self.resource.waits_for(call)
    }

    /// The largest body that is copied, in bytes.
    pub(crate) fn max_bytes(&self) -> usize {
        self.resource.max_bytes()
    }

    /// Takes the response to a fetch.
    pub(crate) fn respond(&mut self, response: FetchResponse<'_>, dock: &mut Dock<'_>) {
        let turn = self.turn(dock);
        let arrival = self.resource.respond(response, turn, dock.host);
        self.take(arrival, dock);
    }

    /// How soon to poll again, in milliseconds. Without a bundle every request is denied, so that is a matter of haste.
    pub(crate) fn period_ms(&self, has_bundle: bool) -> u32 {
        if self.arriving.is_some() {
            return limits::OPENING_STEP_MS;
        }
        if !has_bundle {
            return limits::FEED_POLL_MIN_MS;
        }
        let period = u32::try_from(self.interval_ms / 10).unwrap_or(u32::MAX);
        period.clamp(limits::FEED_POLL_MIN_MS, limits::FEED_POLL_MS)
    }

    /// Whether something is wrong, be it that another worker found out.
    pub(crate) fn is_failing(&self) -> bool {
        self.last_error.is_some() || self.resource.is_failing()
    }

    /// When a server last said what there is, in milliseconds since the Unix epoch.
    pub(crate) fn confirmed_ms(&self) -> Option<u64> {
        self.resource.confirmed_ms()
    }

    fn take(&mut self, arrival: Option<Arrival>, dock: &mut Dock<'_>) {
        let event = match arrival {
            None => return,
            Some(Arrival::Document(document)) => return self.judge(document, dock),
            Some(Arrival::Unchanged) => BundleEvent::Confirmed,
            Some(Arrival::Failed { error, failures }) => BundleEvent::NotFetched { error, failures },
            Some(Arrival::SharedUnreadable) => BundleEvent::SharedUnreadable,
        };
        self.tell(event, dock);
    }

    /// Finds out whether a bundle is one for this gateway, and begins to open it.
    fn judge(&mut self, document: Document, dock: &mut Dock<'_>) {
        let turn = self.turn(dock);
        if self.resource.is_absence(&document) {
            return self.withdraw(&document, turn, dock);
        }
        match accept(&document, turn.now_ms / 1000, dock) {
            Ok((_, Some(opening))) => self.arriving = Some(Arriving { document, opening, since_ms: turn.now_ms }),
            Ok((offer, None)) => {
                match offer {
                    Offer::Attested => self.resource.accept(&document, turn, dock.host),
                    Offer::Same | Offer::Next => self.resource.confirm(&document, turn, dock.host),
                }
                self.tell(BundleEvent::Confirmed, dock);
            }
            Err(error) => self.refuse(&document, error.into(), turn, dock),
        }
    }

    /// Opens a piece of the bundle that has arrived; says whether it decides now.
    fn step(&mut self, bytes: usize, dock: &mut Dock<'_>) -> bool {
        let Some(Arriving { document, opening, since_ms }) = self.arriving.take() else { return false };
        let turn = self.turn(dock);
        let opened = match opening.step(bytes) {
            Ok(Opened::Partly(opening)) => {
                self.arriving = Some(Arriving { document, opening, since_ms });
                return false;
            }
            Ok(Opened::Whole(bundle)) => dock.terms.generation(bundle, self.chance.draw()),
            Err(error) => Err(error.into()),
        };
        let landed = opened.and_then(|next| {
            let manifest = next.bundle.manifest();
            let took_ms = turn.now_ms.saturating_sub(since_ms);
            let event = BundleEvent::Swapped { name: manifest.name.clone(), version: manifest.version, took_ms };
            dock.landing.land(next, dock.host)?;
            Ok(event)
        });
        match landed {
            Ok(event) => {
                self.swaps = self.swaps.saturating_add(1);
                self.resource.accept(&document, turn, dock.host);
                self.tell(event, dock);
                true
            }
            Err(error) => {
                self.refuse(&document, error, turn, dock);
                false
            }
        }
    }

    /// There is no bundle to be had, and that is no fault.
    fn withdraw(&mut self, document: &Document, turn: Turn, dock: &mut Dock<'_>) {
        if dock.landing.clear() {
            self.resource.accept(document, turn, dock.host);
            self.tell(BundleEvent::Withdrawn, dock);
        } else {
            self.resource.confirm(document, turn, dock.host);
            self.last_error = None;
        }
    }

    fn refuse(&mut self, document: &Document, error: ConfigError, turn: Turn, dock: &mut Dock<'_>) {
        let failures = self.resource.refuse(document, turn, dock.host);
        self.tell(BundleEvent::Refused { error, failures }, dock);
    }

    fn tell(&mut self, event: BundleEvent, dock: &mut Dock<'_>) {
        self.last_error = match event {
            BundleEvent::Swapped { .. } | BundleEvent::Confirmed | BundleEvent::Withdrawn => None,
            BundleEvent::NotFetched { .. } | BundleEvent::Refused { .. } | BundleEvent::SharedUnreadable => {
                Some(event.code())
            }
        };
        dock.events.push(dock.landing.event(event));
    }

    fn turn(&mut self, dock: &mut Dock<'_>) -> Turn {
        Turn { owner: self.owner, jitter: self.chance.draw(), now_ms: dock.host.now_nanos() / 1_000_000 }
    }
}

/// What a document is to the bundle that decides; with the next one's opening.
fn accept(
    document: &Document,
    now_seconds: u64,
    dock: &mut Dock<'_>,
) -> Result<(Offer, Option<Opening<'static>>), BundleError> {
    let accepted = dock.terms.accept(&document.bytes, now_seconds, dock.host)?;
    let offer = dock.landing.admits(&accepted)?;
    let opening = (offer == Offer::Next).then(|| accepted.begin().into_owned());
    Ok((offer, opening))
}
