//! One worker's part in reporting what decides in a proxy.

use super::board::{Board, Poster, Turn as PartTurn, View};
use super::destination::{Destination, StatusReportFile};
use super::document::{Part, ReportedBundle, ReportedCandidate, ReportedList, State, StatusReport};
use super::event::ReportEvent;
use crate::chance::Chance;
use crate::delivery::{Event, Renewal};
use crate::feed::{Entry, Feed, FetchError, FetchHost, FetchResponse, Names, Pace, PostRequest, Turn};
use crate::limits;

/// Looks whether there is something to report, and reports it.
#[derive(Debug)]
pub(crate) struct Reporter {
    destination: Destination,
    feed: Feed,
    /// The name of the workers' board.
    board: String,
    /// This worker's name in ledgers and on the board; by chance, and not 0.
    owner: u64,
    /// What the proxy is called if no worker has called it anything yet.
    instance: u64,
    chance: Chance,
    node: Node,
    /// What this worker said last, and when.
    posted: Option<(View, u64)>,
    turns: Vec<PartTurn>,
    /// Since when there is something new that this worker has not reported.
    news_ms: Option<u64>,
}

/// The proxy's name for itself.
#[derive(Debug)]
enum Node {
    /// Nobody has looked.
    Unknown,
    /// It has none, or none that is fit to be reported.
    Nameless,
    Named(String),
}

/// What decides in this worker.
#[derive(Clone, Debug)]
pub(crate) struct Sight {
    pub(crate) state: State,
    pub(crate) bundle: Option<ReportedBundle>,
    pub(crate) root: Option<u64>,
    pub(crate) confirmed_ms: Option<u64>,
    pub(crate) candidate: Option<ReportedCandidate>,
    pub(crate) revocations: Option<ReportedList>,
}

impl Reporter {
    pub(crate) fn new(destination: Destination, random: u64) -> Self {
        let StatusReportFile { cluster, authority, path, .. } = &destination.file;
        let which = format!("{cluster}.{authority}{path}.{}", destination.channel);
        let mut chance = Chance::new(random);
        Self {
            feed: Feed::new(Names::new("report", &which)),
            board: format!("palisade.report.board.{which}"),
            owner: random.max(1),
            instance: chance.draw(),
            chance,
            node: Node::Unknown,
            posted: None,
            turns: Vec::new(),
            news_ms: None,
            destination,
        }
    }

    /// Opens the ledger if there is none. Asks nobody.
    pub(crate) fn join(&self, host: &mut dyn FetchHost) {
        self.feed.open(host);
    }

    /// Takes notice of what happened.
    pub(crate) fn note(&mut self, events: &[Event], now_ms: u64) {
        for (part, code) in events.iter().filter_map(part) {
            let turn = PartTurn { part, at_ms: now_ms, code: code.map(Into::into) };
            match self.turns.binary_search_by_key(&part, |known| known.part) {
                Ok(index) => {
                    if let Some(known) = self.turns.get_mut(index) {
                        *known = turn;
                    }
                }
                Err(index) => self.turns.insert(index, turn),
            }
        }
    }

    /// Whether the proxy's own name is still to be found out.
    pub(crate) fn lacks_node(&self) -> bool {
        matches!(self.node, Node::Unknown)
    }

    /// Tells the proxy's own name; none where it has none.
    pub(crate) fn introduce(&mut self, node: Option<&[u8]>) {
        let text = node.and_then(|node| str::from_utf8(node).ok());
        let is_fit = |text: &&str| {
            !text.is_empty() && text.len() <= limits::REPORT_NAME_BYTES && !text.contains(char::is_control)
        };
        self.node = text.filter(is_fit).map_or(Node::Nameless, |text| Node::Named(text.to_owned()));
    }

    /// How soon to look again, in milliseconds.
    pub(crate) fn period_ms(&self) -> u32 {
        limits::FEED_POLL_MS
    }

    /// Says what decides in this worker where the others can read it, and reports if it is time and nobody else does.
    pub(crate) fn poll(&mut self, sight: &Sight, host: &mut dyn FetchHost) -> Option<ReportEvent> {
        let turn = self.turn(host);
        let view = self.view(sight);
        let is_news = self.posted.as_ref().is_none_or(|(posted, _)| is_other(posted, &view));
        let is_due = |(_, at_ms): &(View, u64)| turn.now_ms.abs_diff(*at_ms) >= limits::REPORT_HEARTBEAT_MS;
        if is_news {
            self.news_ms = Some(turn.now_ms);
        }
        if is_news || self.posted.as_ref().is_none_or(is_due) {
            self.post(view.clone(), turn.now_ms, host);
        }
        let entry = self.feed.read(host);
        // Whatever another worker reports from now on, it reads on the board.
        if self.news_ms.is_some_and(|news| entry.ledger.started_ms > news) {
            self.news_ms = None;
        }
        let claimed = self.feed.claim(entry, self.pace(), self.news_ms, turn, host)?;
        self.news_ms = None;
        let board = self.post(view, turn.now_ms, host);
        self.send(claimed, &self.report(sight, &board, turn.now_ms), turn, host)
    }

    /// Whether a response is to this worker's report.
    pub(crate) fn waits_for(&self, call: u32) -> bool {
        self.feed.waits_for(call)
    }

    /// Takes the response to a report. `None` when it came too late to matter.
    pub(crate) fn respond(&mut self, response: FetchResponse<'_>, host: &mut dyn FetchHost) -> Option<ReportEvent> {
        let turn = self.turn(host);
        let entry = self.feed.arrived(turn.owner, host)?;
        Some(match response.body() {
            // What the server says besides is of no interest.
            Ok(_) | Err(FetchError::TooLarge | FetchError::Status(200..=299)) => {
                self.feed.confirmed(entry, self.interval_ms(), turn, host);
                ReportEvent::Sent
            }
            Err(error) => self.fail(entry, error, turn, host),
        })
    }

    fn send(
        &mut self,
        claimed: Entry,
        report: &StatusReport,
        turn: Turn,
        host: &mut dyn FetchHost,
    ) -> Option<ReportEvent> {
        // It has no parts that could fail.
        let body = serde_json::to_vec(report).unwrap_or_default();
        let StatusReportFile { cluster, authority, path, .. } = &self.destination.file;
        let timeout_ms = limits::FEED_TIMEOUT_MS;
        let request =
            PostRequest { cluster, authority, path, content_type: "application/json", body: &body, timeout_ms };
        match host.post(&request) {
            Some(call) => {
                let until_ms = turn.now_ms.saturating_add(u64::from(timeout_ms)).saturating_add(limits::FEED_LEASE_MS);
                self.feed.sent(call, until_ms);
                None
            }
            None => Some(self.fail(claimed, FetchError::NotSent, turn, host)),
        }
    }

    fn fail(&mut self, entry: Entry, error: FetchError, turn: Turn, host: &mut dyn FetchHost) -> ReportEvent {
        ReportEvent::Failed { error, failures: self.feed.failed(entry, self.pace(), turn, host) }
    }

    fn view(&self, sight: &Sight) -> View {
        let deciding = sight.bundle.as_ref().filter(|_| sight.state == State::Deciding);
        View {
            bundle: deciding.map(|bundle| ReportedCandidate { version: bundle.version, digest: bundle.digest }),
            candidate: sight.candidate,
            revocations: sight.revocations.map(|list| list.serial),
            turns: self.turns.clone(),
        }
    }

    fn post(&mut self, view: View, now_ms: u64, host: &mut dyn FetchHost) -> Board {
        let node = match &self.node {
            Node::Named(node) => Some(node.as_str()),
            Node::Unknown | Node::Nameless => None,
        };
        let own = Poster { id: self.owner, view: &view, node, instance: self.instance };
        let (board, is_posted) = Board::post(&self.board, &own, now_ms, host);
        // Who was too slow tries again with the next tick.
        self.posted = Some((view, if is_posted { now_ms } else { 0 }));
        board
    }

    fn report(&self, sight: &Sight, board: &Board, now_ms: u64) -> StatusReport {
        let Destination { file: StatusReportFile { gateway, interval_s, .. }, channel } = &self.destination;
        let Sight { state, bundle, root, confirmed_ms, candidate, revocations } = sight.clone();
        StatusReport {
            schema: StatusReport::SCHEMA.to_owned(),
            gateway: gateway.clone(),
            node: board.node.clone(),
            instance: format!("{:016x}", board.instance),
            filter: env!("CARGO_PKG_VERSION").to_owned(),
            time: now_ms / 1000,
            interval_s: *interval_s,
            channel: channel.clone(),
            state,
            bundle,
            root,
            confirmed_age_s: confirmed_ms.map(|confirmed| now_ms.saturating_sub(confirmed) / 1000),
            faults: board.faults(now_ms),
            candidate,
            revocations,
            workers: board.groups(),
        }
    }

    fn pace(&self) -> Pace {
        Pace { fresh_for_ms: self.interval_ms(), cooldown_ms: limits::REPORT_COOLDOWN_MS }
    }

    fn interval_ms(&self) -> u64 {
        self.destination.file.interval_s.saturating_mul(1000)
    }

    fn turn(&mut self, host: &mut dyn FetchHost) -> Turn {
        Turn { owner: self.owner, jitter: self.chance.draw(), now_ms: host.now_nanos() / 1_000_000 }
    }
}

/// Whether a view says something new: that what went well went well again is nothing new.
fn is_other(one: &View, other: &View) -> bool {
    let codes = |view: &View| view.turns.iter().filter_map(|turn| Some((turn.part, turn.code.clone()?))).collect();
    let (one_codes, other_codes): (Vec<_>, Vec<_>) = (codes(one), codes(other));
    let decides = |view: &View| (view.bundle, view.candidate, view.revocations);
    decides(one) != decides(other) || one_codes != other_codes
}

/// To which part something happened, and what went wrong, if anything did.
fn part(event: &Event) -> Option<(Part, Option<&'static str>)> {
    use crate::delivery::{BundleEvent, ListEvent, RenewalEvent};
    let of_bundle = |event: &BundleEvent| match event {
        BundleEvent::Swapped { .. } | BundleEvent::Confirmed | BundleEvent::Withdrawn => None,
        BundleEvent::NotFetched { .. } | BundleEvent::Refused { .. } | BundleEvent::SharedUnreadable => {
            Some(event.code())
        }
    };
    Some(match event {
        Event::Bundle(event) => (Part::Bundle, of_bundle(event)),
        Event::Candidate(event) => (Part::Candidate, of_bundle(event)),
        Event::Revocations(event) => {
            let code = match event {
                ListEvent::Installed { .. } | ListEvent::Confirmed => None,
                ListEvent::Disowned { .. }
                | ListEvent::NotFetched { .. }
                | ListEvent::Refused { .. }
                | ListEvent::SharedUnreadable => Some(event.code()),
            };
            (Part::Revocations, code)
        }
        Event::Renewal(what, event) => {
            let part = match what {
                Renewal::Freshness => Part::Freshness,
                Renewal::Root => Part::Root,
            };
            let code = match event {
                RenewalEvent::Refreshed(_) | RenewalEvent::Rotated(..) => None,
                RenewalEvent::NotFetched(_) | RenewalEvent::Refused(_) | RenewalEvent::SharedUnreadable => {
                    Some(event.code())
                }
            };
            (part, code)
        }
        Event::Keys(_) | Event::CandidateKeys(_) | Event::StatusList(_) | Event::Report(_) => return None,
    })
}

#[cfg(test)]
mod tests;
