//! What a gateway does beside requests: it fetches bundles, renewals, revocation lists and keys, and puts them in place.

use super::Gateway;
use crate::bundle::Role;
use crate::delivery::{BundleStatus, Delivery, Dock, Event, ListDelivery, ListDock, ListEvent, Renewals};
use crate::error::ConfigError;
use crate::feed::{FetchHost, FetchResponse};
use crate::generation::{Generation, Kept};
use crate::jwks::{Desk, Poller};
use crate::limits;
use crate::report::Reporter;
use crate::status_list::{Desk as ListDesk, Lists, StatusListAges, StatusListError};

impl Gateway {
    /// Whether anything is to be fetched: whether [`Gateway::poll`] has anything to do.
    #[must_use]
    pub fn needs_polling(&self) -> bool {
        self.delivery.is_some()
            || self.list_delivery.is_some()
            || self.reporter.is_some()
            || self.generations.active().is_some_and(|generation| {
                !generation.poller.is_idle() || Lists::are_needed(generation.bundle.issuers())
            })
    }

    /// Takes what the workers of the proxy have in common: the secret of their sessions, the bundle and the keys that they have
    /// fetched so far; and those keys that `before` has of the same issuers. To be called before the first request; asks
    /// nobody for anything.
    pub fn join_workers<'a>(
        &mut self,
        before: impl IntoIterator<Item = &'a Gateway>,
        host: &mut dyn FetchHost,
        events: &mut Vec<Event>,
    ) {
        self.sessions.join(host);
        if let Some(reporter) = &self.reporter {
            reporter.join(host);
        }
        let known = events.len();
        self.renew(host, events, |renewals, _, host| renewals.join(host).into_iter().collect());
        self.deliver(host, events, Delivery::join);
        self.deliver_list(host, events, ListDelivery::join);
        for gateway in before {
            if let (Some(active), Some(old)) = (self.generations.active_mut(), gateway.generations.active()) {
                active.inherit(old);
            }
            self.keep_lists(host, events, &mut |lists, desk| lists.adopt(&gateway.lists, desk));
        }
        self.keep(host, events, Poller::join);
        self.keep_lists(host, events, &mut Lists::attend);
        if self.deliver_candidate(host, events, Delivery::join) {
            self.prepare_candidate();
            self.keep_candidate(host, events, Poller::join);
        }
        self.note(known, events, host);
    }

    /// Looks after what is fetched. To be called every [`Gateway::poll_period_ms`].
    pub fn poll(&mut self, host: &mut dyn FetchHost, events: &mut Vec<Event>) {
        let known = events.len();
        self.generations.sweep();
        self.follow_roots(host);
        self.renew(host, events, Renewals::poll);
        self.tell_disowned(events);
        self.deliver_list(host, events, ListDelivery::poll);
        if self.deliver(host, events, Delivery::poll) {
            self.keep(host, events, Poller::join);
            self.prepare_candidate();
        }
        self.keep(host, events, Poller::poll);
        self.keep_lists(host, events, &mut Lists::poll);
        if self.deliver_candidate(host, events, Delivery::poll) {
            self.prepare_candidate();
            self.keep_candidate(host, events, Poller::join);
        }
        self.keep_candidate(host, events, Poller::poll);
        self.note(known, events, host);
        self.report(host, events);
    }

    /// The largest response that [`Gateway::respond`] takes to a fetch, in bytes.
    #[must_use]
    pub fn response_limit(&self, call: u32) -> usize {
        if self.reporter.as_ref().is_some_and(|reporter| reporter.waits_for(call)) {
            return 0;
        }
        let deliveries = [&self.delivery, &self.candidate_delivery];
        let delivery = deliveries.into_iter().flatten().find(|delivery| delivery.waits_for(call));
        let lists = self.list_delivery.as_ref().filter(|delivery| delivery.waits_for(call));
        let others = if self.lists.waits_for(call) { limits::STATUS_TOKEN_BYTES } else { limits::JWKS_BYTES };
        let list_bytes = lists.map_or(others, ListDelivery::max_bytes);
        delivery.map_or(list_bytes, Delivery::max_bytes)
    }

    /// Takes the response to a fetch. One that nobody waits for is ignored.
    pub fn respond(
        &mut self,
        call: u32,
        response: FetchResponse<'_>,
        host: &mut dyn FetchHost,
        events: &mut Vec<Event>,
    ) {
        let known = events.len();
        if self.reporter.as_ref().is_some_and(|reporter| reporter.waits_for(call)) {
            self.answered(response, host, events);
        } else if self.delivery.as_ref().is_some_and(|delivery| delivery.waits_for(call)) {
            self.deliver(host, events, |delivery, dock| delivery.respond(response, dock));
        } else if self.list_delivery.as_ref().is_some_and(|delivery| delivery.waits_for(call)) {
            self.deliver_list(host, events, |delivery, dock| delivery.respond(call, response, dock));
        } else if self.candidate_delivery.as_ref().is_some_and(|delivery| delivery.waits_for(call)) {
            self.deliver_candidate(host, events, |delivery, dock| delivery.respond(response, dock));
        } else if self.renewals.as_ref().is_some_and(|renewals| renewals.waits_for(call)) {
            self.renew(host, events, |renewals, _, host| renewals.respond(call, response, host).into_iter().collect());
            self.tell_disowned(events);
        } else if self.candidate.poller().is_some_and(|poller| poller.waits_for(call)) {
            self.keep_candidate(host, events, |poller, desk| poller.respond(call, response, desk));
        } else if self.lists.waits_for(call) {
            self.keep_lists(host, events, &mut |lists, desk| lists.respond(call, response, desk));
        } else {
            self.keep(host, events, |poller, desk| poller.respond(call, response, desk));
        }
        // A bundle may have come.
        self.keep_lists(host, events, &mut Lists::attend);
        self.note(known, events, host);
    }

    /// How soon to poll again, in milliseconds.
    #[must_use]
    pub fn poll_period_ms(&self) -> u32 {
        let active = self.generations.active();
        let keys = active.map_or(u32::MAX, |Generation { poller, bundle, .. }| poller.period_ms(bundle.issuers()));
        let statuses = active.filter(|active| Lists::are_needed(active.bundle.issuers()));
        let statuses = statuses.map_or(u32::MAX, |active| self.lists.period_ms(active.bundle.issuers()));
        let lists = self.list_delivery.as_ref();
        let lists = lists.map_or(u32::MAX, |delivery| delivery.period_ms(self.revocations.list().is_none()));
        let bundle = self.delivery.as_ref().map_or(u32::MAX, |delivery| delivery.period_ms(active.is_some()));
        let candidate = self.candidate_delivery.as_ref().map_or(u32::MAX, |delivery| delivery.period_ms(true));
        let candidate = candidate.min(self.candidate.period_ms());
        let report = self.reporter.as_ref().map_or(u32::MAX, Reporter::period_ms);
        bundle.min(candidate).min(lists).min(statuses).min(keys).min(report)
    }

    /// Which bundle decides, and how fresh that is.
    #[must_use]
    pub fn bundle_status(&self) -> BundleStatus<'_> {
        BundleStatus::of(&self.generations, self.delivery.as_ref())
    }

    /// The alias of each issuer whose keys are fetched, and how old they are in seconds; `None` while there are none.
    pub fn key_ages(&self, now_nanos: u64) -> impl Iterator<Item = (&str, Option<u64>)> {
        let active = self.generations.active().into_iter();
        active.flat_map(move |Generation { poller, bundle, .. }| poller.ages(bundle.issuers(), now_nanos / 1_000_000))
    }

    /// The alias of each issuer that has status lists, and how those are that this worker looks after.
    pub fn status_list_ages(&self, now_nanos: u64) -> impl Iterator<Item = (&str, StatusListAges)> {
        let active = self.generations.active().into_iter();
        active.flat_map(move |Generation { bundle, .. }| self.lists.ages(bundle.issuers(), now_nanos / 1_000_000))
    }

    /// Takes a status list of the issuer with this alias, as if it had been fetched: for who has no issuer to ask, as when cases
    /// are replayed.
    ///
    /// # Errors
    ///
    /// When the bundle does not let the issuer have this list, or the token fails a check.
    pub fn offer_status_list(
        &mut self,
        list: (&str, &str),
        token: &[u8],
        host: &mut dyn FetchHost,
    ) -> Result<(), StatusListError> {
        let mut offered = Err(StatusListError::Issuer);
        self.keep_lists(host, &mut Vec::new(), &mut |lists, desk| offered = lists.offer(list, token, desk));
        offered
    }

    /// Lets the delivery work, where there is one.
    fn deliver<T: Default>(
        &mut self,
        host: &mut dyn FetchHost,
        events: &mut Vec<Event>,
        work: impl FnOnce(&mut Delivery, &mut Dock<'_>) -> T,
    ) -> T {
        let Self { terms, generations, delivery: Some(delivery), .. } = self else { return T::default() };
        work(delivery, &mut Dock { terms, landing: generations, host, events })
    }

    /// Lets the candidate's delivery work, where there is one.
    fn deliver_candidate<T: Default>(
        &mut self,
        host: &mut dyn FetchHost,
        events: &mut Vec<Event>,
        work: impl FnOnce(&mut Delivery, &mut Dock<'_>) -> T,
    ) -> T {
        let Self { terms, candidate, candidate_delivery: Some(delivery), .. } = self else { return T::default() };
        work(delivery, &mut Dock { terms, landing: candidate, host, events })
    }

    /// Gives the candidate the keys of today, and leaves it to look after those of the issuers that are new with it.
    fn prepare_candidate(&mut self) {
        if let (Some(active), Some(candidate)) = (self.generations.active(), &mut self.candidate.0) {
            candidate.generation.inherit(active);
            candidate.generation.leave_to(active);
        }
    }

    /// Lets the candidate's poller work, where there is one.
    fn keep_candidate(
        &mut self,
        host: &mut dyn FetchHost,
        events: &mut Vec<Event>,
        work: impl FnOnce(&mut Poller, &mut Desk<'_>),
    ) {
        let Some(candidate) = &mut self.candidate.0 else { return };
        let key_events = candidate.generation.keep(host, work).events;
        events.extend(key_events.into_iter().map(Event::CandidateKeys));
    }

    /// Tells of a list in force for which nobody vouches any more.
    fn tell_disowned(&mut self, events: &mut Vec<Event>) {
        let serial = self.revocations.tell_disowned();
        events.extend(serial.map(|serial| Event::Revocations(ListEvent::Disowned { serial })));
    }

    /// Lets the delivery of lists work, where there is one.
    fn deliver_list(
        &mut self,
        host: &mut dyn FetchHost,
        events: &mut Vec<Event>,
        work: impl FnOnce(&mut ListDelivery, &mut ListDock<'_>),
    ) {
        let Self { terms, generations, revocations, list_delivery: Some(delivery), .. } = self else { return };
        let now_seconds = host.now_nanos() / 1_000_000_000;
        let trust = terms.trust.role(Role::Revocation, now_seconds).map_err(ConfigError::Root);
        work(delivery, &mut ListDock { trust, revocations, generations, host, events });
    }

    /// Lets the poller work, and forgets the tokens of issuers whose keys it changed.
    pub(super) fn keep(
        &mut self,
        host: &mut dyn FetchHost,
        events: &mut Vec<Event>,
        work: impl FnOnce(&mut Poller, &mut Desk<'_>),
    ) {
        let Some(active) = self.generations.active_mut() else { return };
        let Kept { events: key_events, has_changed } = active.keep(host, work);
        events.extend(key_events.into_iter().map(Event::Keys));
        if has_changed {
            self.generations.renew_keys();
            self.prepare_candidate();
            self.keep_lists(host, events, &mut Lists::recheck);
        }
    }

    /// Lets status lists be worked on, where a bundle says whose they are.
    pub(super) fn keep_lists(
        &mut self,
        host: &mut dyn FetchHost,
        events: &mut Vec<Event>,
        work: &mut dyn FnMut(&mut Lists, &mut ListDesk<'_>),
    ) {
        let Self { generations, terms, lists, .. } = self;
        let Some(Generation { bundle, poller, .. }) = generations.active_mut() else { return };
        let now_ms = host.now_nanos() / 1_000_000;
        let (mut list_events, mut missing) = (Vec::new(), Vec::new());
        let mut desk = ListDesk {
            issuers: bundle.issuers(),
            bundle: bundle.digest(),
            clusters: &terms.status_list_clusters,
            host,
            events: &mut list_events,
            missing: &mut missing,
        };
        work(lists, &mut desk);
        events.extend(list_events.into_iter().map(Event::StatusList));
        // As if a token had named them.
        for (issuer, kid) in missing {
            poller.missed(Some(&issuer), kid.as_deref(), bundle.issuers(), now_ms);
        }
    }
}
