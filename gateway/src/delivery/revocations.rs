//! One worker's part in having the newest revocation list in force.

use super::event::{Event, ListEvent};
use super::remote::Remote;
use crate::bundle::TrustSet;
use crate::chance::Chance;
use crate::error::ConfigError;
use crate::feed::{Arrival, Document, FetchHost, FetchResponse, Resource, Turn};
use crate::generation::Generations;
use crate::limits;
use crate::revocation::{Base, List, ListHead, ListOpening, PAYLOAD_TYPE, Precedence, RevocationError, Revocations};
use crate::signed::SignedOpening;

/// The channel's revocation list on its way.
#[derive(Debug)]
pub(crate) struct ListDelivery {
    remote: Remote,
    resource: Resource,
    interval_ms: u64,
    /// This worker's name in ledgers; by chance, and not 0.
    owner: u64,
    chance: Chance,
    arriving: Option<Arriving>,
}

/// A list that has arrived, and what is done with it next.
#[derive(Debug)]
struct Arriving {
    document: Document,
    stage: Stage,
}

/// A large list is worked on for some milliseconds between requests, and each stage is at most that, or has pieces that are.
#[derive(Debug)]
enum Stage {
    /// Its envelope is to be read.
    Arrived,
    /// Its payload is decoded, and held against its signatures.
    Reading(SignedOpening),
    /// Its entries are read.
    Opening(ListOpening),
    /// It adds to a list that is not at hand, and that is fetched.
    Based(Incomplete),
    /// The list that it adds to has come, and its payload is decoded; the first time, its envelope is to be read.
    ReadingBase(Incomplete, Document, Option<SignedOpening>),
    /// Its entries are read.
    OpeningBase(List, ListOpening),
}

/// A list without the one that it adds to.
#[derive(Debug)]
struct Incomplete {
    list: List,
    base: Base,
    resource: Box<Resource>,
}

/// What a delivery may change besides itself.
pub(crate) struct ListDock<'a> {
    /// Who signs lists now; or why nobody does, as when the root has expired.
    pub(crate) trust: Result<&'a TrustSet, ConfigError>,
    pub(crate) revocations: &'a mut Revocations,
    pub(crate) generations: &'a mut Generations,
    pub(crate) host: &'a mut dyn FetchHost,
    pub(crate) events: &'a mut Vec<Event>,
}

/// How a piece of work ended.
enum Worked {
    /// There is more to do.
    Partly(Box<Stage>),
    /// The list is in force.
    Installed { serial: u64, entries: usize },
    /// It is the one that is, with other signatures, which the other workers need, too.
    Attested,
}

impl ListDelivery {
    pub(crate) fn new(remote: Remote, random: u64) -> Self {
        let source = remote.source(".revocations.json", limits::REVOCATIONS_BYTES);
        Self {
            interval_ms: source.interval_ms,
            resource: Resource::new(source),
            remote,
            owner: random.max(1),
            chance: Chance::new(random),
            arriving: None,
        }
    }

    /// Takes what another worker has fetched, and opens it at once: nobody who is revoked may pass because a worker is new. Asks
    /// nobody.
    pub(crate) fn join(&mut self, dock: &mut ListDock<'_>) {
        let turn = self.turn(dock);
        let arrival = self.resource.join(dock.host);
        self.take(arrival, dock);
        self.settle(turn, dock);
        if let Some(Arriving { stage: Stage::Based(Incomplete { resource, .. }), .. }) = &mut self.arriving {
            let arrival = resource.join(dock.host);
            self.take_base(arrival, turn, dock);
            self.settle(turn, dock);
        }
    }

    /// Does a piece of the work that there is, and looks what other workers have fetched, or fetches.
    pub(crate) fn poll(&mut self, dock: &mut ListDock<'_>) {
        let turn = self.turn(dock);
        let arrival = self.resource.poll(turn, dock.host);
        self.take(arrival, dock);
        if let Some(Arriving { stage: Stage::Based(Incomplete { resource, .. }), .. }) = &mut self.arriving {
            let arrival = resource.poll(turn, dock.host);
            self.take_base(arrival, turn, dock);
        }
        self.step(turn, dock);
    }

    /// Whether a response is to this worker's fetch.
    pub(crate) fn waits_for(&self, call: u32) -> bool {
        self.resource.waits_for(call) || self.base().is_some_and(|base| base.waits_for(call))
    }

    /// Takes the response to a fetch.
    pub(crate) fn respond(&mut self, call: u32, response: FetchResponse<'_>, dock: &mut ListDock<'_>) {
        let turn = self.turn(dock);
        if self.resource.waits_for(call) {
            let arrival = self.resource.respond(response, turn, dock.host);
            self.take(arrival, dock);
        } else if let Some(Arriving { stage: Stage::Based(Incomplete { resource, .. }), .. }) = &mut self.arriving {
            let arrival = resource.respond(response, turn, dock.host);
            self.take_base(arrival, turn, dock);
        }
        // A small list is in force with its arrival.
        if self
            .arriving
            .as_ref()
            .is_some_and(|arriving| arriving.document.bytes.len() <= limits::REVOCATIONS_SMALL_BYTES)
        {
            self.settle(turn, dock);
        }
    }

    /// How soon to poll again, in milliseconds. Without a list where there must be one, every request is denied.
    pub(crate) fn period_ms(&self, is_urgent: bool) -> u32 {
        match &self.arriving {
            Some(Arriving { stage: Stage::Based(_), .. }) => limits::FEED_POLL_MIN_MS,
            Some(_) => limits::OPENING_STEP_MS,
            None if is_urgent => limits::FEED_POLL_MIN_MS,
            None => {
                let period = u32::try_from(self.interval_ms / 10).unwrap_or(u32::MAX);
                period.clamp(limits::FEED_POLL_MIN_MS, limits::FEED_POLL_MS)
            }
        }
    }

    /// The largest body that is copied, in bytes.
    pub(crate) fn max_bytes(&self) -> usize {
        self.resource.max_bytes()
    }

    fn base(&self) -> Option<&Resource> {
        match self.arriving.as_ref()?.stage {
            Stage::Based(Incomplete { ref resource, .. }) => Some(resource),
            Stage::Arrived
            | Stage::Reading(_)
            | Stage::Opening(_)
            | Stage::ReadingBase(..)
            | Stage::OpeningBase(..) => None,
        }
    }

    fn take(&mut self, arrival: Option<Arrival>, dock: &mut ListDock<'_>) {
        let event = match arrival {
            None => return,
            Some(Arrival::Document(document)) => {
                self.arriving = Some(Arriving { document, stage: Stage::Arrived });
                return;
            }
            Some(Arrival::Unchanged) => ListEvent::Confirmed,
            Some(Arrival::Failed { error, failures }) => ListEvent::NotFetched { error, failures },
            Some(Arrival::SharedUnreadable) => ListEvent::SharedUnreadable,
        };
        dock.events.push(Event::Revocations(event));
    }

    /// Takes what has come for the list that the one at hand adds to. Without it there is no use for what is at hand.
    fn take_base(&mut self, arrival: Option<Arrival>, turn: Turn, dock: &mut ListDock<'_>) {
        let Some(Arriving { document, stage: Stage::Based(incomplete) }) = self.arriving.take() else { return };
        match arrival {
            None => self.arriving = Some(Arriving { document, stage: Stage::Based(incomplete) }),
            Some(Arrival::Document(base)) => {
                self.arriving = Some(Arriving { document, stage: Stage::ReadingBase(incomplete, base, None) });
            }
            Some(Arrival::Failed { error, failures }) => {
                dock.events.push(Event::Revocations(ListEvent::NotFetched { error, failures }));
                self.refuse(&document, RevocationError::Base.into(), turn, dock);
            }
            Some(Arrival::Unchanged | Arrival::SharedUnreadable) => {
                self.refuse(&document, RevocationError::Base.into(), turn, dock);
            }
        }
    }

    /// Does all that there is to do without waiting for anybody.
    fn settle(&mut self, turn: Turn, dock: &mut ListDock<'_>) {
        while self.arriving.is_some() && self.base().is_none() {
            self.step(turn, dock);
        }
    }

    /// Does a piece of the work.
    fn step(&mut self, turn: Turn, dock: &mut ListDock<'_>) {
        if self.base().is_some() {
            return;
        }
        let Some(Arriving { document, stage }) = self.arriving.take() else { return };
        match self.work(&document, stage, turn, dock) {
            Ok(Some(Worked::Partly(stage))) => self.arriving = Some(Arriving { document, stage: *stage }),
            Ok(Some(Worked::Installed { serial, entries })) => {
                self.resource.accept(&document, turn, dock.host);
                dock.generations.assess(dock.revocations, turn.now_ms / 1000);
                dock.events.push(Event::Revocations(ListEvent::Installed { serial, entries }));
            }
            Ok(Some(Worked::Attested)) => {
                self.resource.accept(&document, turn, dock.host);
                dock.events.push(Event::Revocations(ListEvent::Confirmed));
            }
            Ok(None) => {
                self.resource.confirm(&document, turn, dock.host);
                dock.events.push(Event::Revocations(ListEvent::Confirmed));
            }
            Err(error) => self.refuse(&document, error, turn, dock),
        }
    }

    /// One stage, or a part of it. `None` when the list is the one that is in force.
    fn work(
        &self,
        document: &Document,
        stage: Stage,
        turn: Turn,
        dock: &mut ListDock<'_>,
    ) -> Result<Option<Worked>, ConfigError> {
        match stage {
            Stage::Arrived => {
                let trust = dock.trust.clone()?;
                let most = limits::REVOCATIONS_BYTES;
                let reading = SignedOpening::begin(&document.bytes, most, trust, PAYLOAD_TYPE)?;
                Ok(Some(partly(Stage::Reading(reading))))
            }
            Stage::Reading(mut reading) => {
                if !reading.step(limits::SIGNED_STEP_BYTES)? {
                    return Ok(Some(partly(Stage::Reading(reading))));
                }
                // By the keys of today, should there be a root since it came.
                let trust = dock.trust.clone()?;
                let opening = ListOpening::begin(reading.verify(trust)?)?;
                match dock.revocations.precede(opening.head(), opening.digest(), trust, dock.host)? {
                    Precedence::Next => Ok(Some(partly(Stage::Opening(opening)))),
                    Precedence::Same => {
                        Ok(dock.revocations.attest(opening.signers(), trust).then_some(Worked::Attested))
                    }
                }
            }
            Stage::Opening(mut opening) => {
                if !opening.step(limits::REVOCATIONS_STEP)? {
                    return Ok(Some(partly(Stage::Opening(opening))));
                }
                let list = opening.finish().ok_or(RevocationError::Malformed)?;
                match dock.revocations.missing_base(&list) {
                    None => install(list, dock).map(Some),
                    Some(base) => {
                        let ending = format!(".revocations.{}.json", base.serial);
                        let resource = Resource::new(self.remote.source(&ending, limits::REVOCATIONS_BYTES));
                        Ok(Some(partly(Stage::Based(Incomplete { list, base, resource: Box::new(resource) }))))
                    }
                }
            }
            Stage::Based(incomplete) => Ok(Some(partly(Stage::Based(incomplete)))),
            Stage::ReadingBase(mut incomplete, base, reading) => match incomplete.read(&base, reading) {
                Ok(Ok(opening)) => {
                    let Incomplete { list, mut resource, base: _ } = incomplete;
                    // Others may have it: it is the one that was signed, whoever brought it.
                    resource.accept(&base, turn, dock.host);
                    Ok(Some(partly(Stage::OpeningBase(list, opening))))
                }
                Ok(Err(reading)) => Ok(Some(partly(Stage::ReadingBase(incomplete, base, Some(reading))))),
                Err(error) => {
                    incomplete.resource.refuse(&base, turn, dock.host);
                    Err(error)
                }
            },
            Stage::OpeningBase(list, mut opening) => {
                if !opening.step(limits::REVOCATIONS_STEP)? {
                    return Ok(Some(partly(Stage::OpeningBase(list, opening))));
                }
                let base = opening.finish().ok_or(RevocationError::Malformed)?;
                install(list.onto(&base)?, dock).map(Some)
            }
        }
    }

    fn refuse(&mut self, document: &Document, error: ConfigError, turn: Turn, dock: &mut ListDock<'_>) {
        let failures = self.resource.refuse(document, turn, dock.host);
        dock.events.push(Event::Revocations(ListEvent::Refused { error, failures }));
    }

    fn turn(&mut self, dock: &mut ListDock<'_>) -> Turn {
        Turn { owner: self.owner, jitter: self.chance.draw(), now_ms: dock.host.now_nanos() / 1_000_000 }
    }
}

impl Incomplete {
    /// Reads a piece of the list that is missing: its entries are next, or further pieces.
    fn read(
        &self,
        document: &Document,
        reading: Option<SignedOpening>,
    ) -> Result<Result<ListOpening, SignedOpening>, ConfigError> {
        let Some(mut reading) = reading else {
            let reading = SignedOpening::unsigned(&document.bytes, limits::REVOCATIONS_BYTES, PAYLOAD_TYPE)?;
            return Ok(Err(reading));
        };
        if !reading.step(limits::SIGNED_STEP_BYTES)? {
            return Ok(Err(reading));
        }
        let (payload, digest) = reading.unverified();
        Ok(Ok(ListOpening::of_base(payload, digest, &self.base)?))
    }
}

fn partly(stage: Stage) -> Worked {
    Worked::Partly(Box::new(stage))
}

/// Puts a list in force, and says so to all workers: none of them takes an older one from now on.
fn install(list: List, dock: &mut ListDock<'_>) -> Result<Worked, ConfigError> {
    let ListHead { serial, .. } = *list.head();
    let entries = list.count();
    dock.revocations.install(list, dock.trust.clone()?, dock.host)?;
    Ok(Worked::Installed { serial, entries })
}
