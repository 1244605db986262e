//! The lists that a worker keeps, and its part in keeping them fresh.

use std::cell::RefCell;
use std::rc::Rc;

use super::error::StatusListError;
use super::event::{StatusListEvent, StatusListEventKind};
use super::post::{self, Judge, Post};
use super::rules::ListRules;
use super::watch::{StatusReference, Watch, judge};
use super::{StatusClaim, StatusList};
use crate::bundle::Digest;
use crate::chance::Chance;
use crate::error::ConfigError;
use crate::feed::{ClusterNames, FetchHost, FetchResponse, Turn};
use crate::limits;
use crate::token::{Issuer, IssuerTable, TokenError};

/// Looks after the lists of every issuer that has some. They outlive the bundle, because tokens do: a new one asks again who may
/// name them, and who signed them.
#[derive(Debug)]
pub(crate) struct Lists {
    /// This worker's name in ledgers; by chance, and not 0.
    owner: u64,
    chance: Chance,
    /// Requests add to it, and nothing else.
    slots: RefCell<Vec<Slot>>,
    /// The bundle whose issuers they are of.
    attended: Option<Digest>,
}

/// A list, and what is done about it.
#[derive(Debug)]
struct Slot {
    watch: Rc<Watch>,
    /// Whether the bundle names it, so that it is there before a token is.
    is_named: bool,
    post: Option<Post>,
}

/// What a call works with, and may change besides the lists.
pub(crate) struct Desk<'a> {
    pub(crate) issuers: &'a IssuerTable,
    /// Of the bundle whose issuers these are.
    pub(crate) bundle: Digest,
    pub(crate) clusters: &'a ClusterNames,
    pub(crate) host: &'a mut dyn FetchHost,
    pub(crate) events: &'a mut Vec<StatusListEvent>,
    /// Keys that signed a list and that are not there: the alias of the issuer, and the key's id.
    pub(crate) missing: &'a mut Vec<(String, Option<String>)>,
}

impl Desk<'_> {
    fn now_ms(&mut self) -> u64 {
        self.host.now_nanos() / 1_000_000
    }
}

impl Lists {
    pub(crate) fn new(random: u64) -> Self {
        let slots = RefCell::new(Vec::new());
        Self { owner: random.max(1), chance: Chance::new(random), slots, attended: None }
    }

    /// Checks that clusters lead to all lists of the issuers.
    ///
    /// # Errors
    ///
    /// [`ConfigError::StatusListCluster`] for the first one to which none does.
    pub(crate) fn check(issuers: &IssuerTable, clusters: &ClusterNames) -> Result<(), ConfigError> {
        for (_, issuer) in issuers.iter() {
            let mut hosts = issuer.status.lists().into_iter().flat_map(ListRules::hosts);
            if let Some(host) = hosts.find(|host| clusters.find(&issuer.alias, host).is_none()) {
                let (issuer, host) = (issuer.alias.clone(), host.to_owned());
                return Err(ConfigError::StatusListCluster { issuer, host });
            }
        }
        Ok(())
    }

    /// Whether tokens of some issuer can name lists.
    pub(crate) fn are_needed(issuers: &IssuerTable) -> bool {
        issuers.iter().any(|(_, issuer)| issuer.status.lists().is_some())
    }

    /// Where a token's status is: its list is looked after from now on. `None` where there is no room for another one.
    pub(crate) fn refer(&self, claim: StatusClaim, issuer: &Issuer, now_ms: u64) -> Option<StatusReference> {
        let StatusClaim { uri, index } = claim;
        let mut slots = self.slots.try_borrow_mut().ok()?;
        let known = slots.iter().find(|slot| slot.watch.is(&issuer.alias, &uri));
        let watch = match known {
            Some(slot) => Rc::clone(&slot.watch),
            None => {
                if slots.len() >= limits::STATUS_LISTS {
                    evict(&mut slots)?;
                }
                let watch = Rc::new(Watch::new(&issuer.alias, &uri, now_ms));
                slots.push(Slot { watch: Rc::clone(&watch), is_named: false, post: None });
                watch
            }
        };
        Some(StatusReference { watch, index })
    }

    /// What a list that is there says against a token, whichever gateway its identity is from: how old the list is does not matter
    /// to streams that are under way.
    pub(crate) fn objection(&self, reference: &StatusReference) -> Option<TokenError> {
        let StatusReference { watch, index } = reference;
        let slots = self.slots.try_borrow().ok()?;
        let slot = slots.iter().find(|slot| slot.watch.is(&watch.alias, &watch.uri))?;
        judge(slot.watch.held()?.list.get(*index)).err()
    }

    /// Looks after the lists that another configuration looked after, as far as the bundle has them.
    pub(crate) fn adopt(&mut self, other: &Self, desk: &mut Desk<'_>) {
        let now_ms = desk.now_ms();
        let Ok(theirs) = other.slots.try_borrow() else { return };
        for Slot { watch, .. } in theirs.iter() {
            if let Some((issuer, _)) = vouching(watch, desk.issuers) {
                self.refer(StatusClaim { uri: watch.uri.clone(), index: 0 }, issuer, now_ms);
            }
        }
    }

    /// Goes by the issuers of another bundle: lists that none of them has are dropped, and those that their keys have not signed are
    /// asked for anew. Takes what other workers have fetched, and asks nobody.
    pub(crate) fn attend(&mut self, desk: &mut Desk<'_>) {
        if self.attended == Some(desk.bundle) {
            return;
        }
        self.attended = Some(desk.bundle);
        let now_ms = desk.now_ms();
        let slots = self.slots.get_mut();
        slots.retain_mut(|slot| {
            let Slot { watch, is_named, post } = slot;
            // Another cluster may lead there now.
            *post = None;
            let Some((issuer, rules)) = vouching(watch, desk.issuers) else {
                watch.hold(None);
                return false;
            };
            *is_named = rules.named().any(|uri| uri == watch.uri);
            revouch(watch, issuer, now_ms, desk.events);
            true
        });
        for (_, issuer) in desk.issuers.iter() {
            for uri in issuer.status.lists().into_iter().flat_map(ListRules::named) {
                if !slots.iter().any(|slot| slot.watch.is(&issuer.alias, uri)) {
                    let watch = Rc::new(Watch::new(&issuer.alias, uri, now_ms));
                    slots.push(Slot { watch, is_named: true, post: None });
                }
            }
        }
        self.work(desk, &mut |slot, judge, _, desk| slot.open(judge, desk));
    }

    /// Asks again who signed the lists: keys of issuers have changed.
    pub(crate) fn recheck(&mut self, desk: &mut Desk<'_>) {
        let now_ms = desk.now_ms();
        for Slot { watch, post, .. } in self.slots.get_mut() {
            if let Some((issuer, _)) = vouching(watch, desk.issuers)
                && !revouch(watch, issuer, now_ms, desk.events)
            {
                *post = None;
            }
        }
    }

    /// Takes what other workers have fetched, and fetches what is due and nobody else is fetching.
    pub(crate) fn poll(&mut self, desk: &mut Desk<'_>) {
        self.attend(desk);
        let now_ms = desk.now_ms();
        self.slots.get_mut().retain(|Slot { watch, is_named, .. }| {
            let idle_ms = now_ms.saturating_sub(watch.asked_ms.get());
            *is_named || Rc::strong_count(watch) > 1 || idle_ms < limits::STATUS_IDLE_SECONDS.saturating_mul(1000)
        });
        self.work(desk, &mut |slot, judge, turn, desk| match &mut slot.post {
            Some(post) => post.poll(turn, &slot.watch, judge, desk),
            None => slot.open(judge, desk),
        });
    }

    /// Whether a response is to a fetch of a list.
    pub(crate) fn waits_for(&self, call: u32) -> bool {
        let Ok(slots) = self.slots.try_borrow() else { return false };
        slots.iter().any(|slot| slot.waits_for(call))
    }

    /// Takes the response to a fetch.
    pub(crate) fn respond(&mut self, call: u32, response: FetchResponse<'_>, desk: &mut Desk<'_>) {
        self.work(desk, &mut |Slot { watch, post, .. }, judge, turn, desk| {
            if let Some(post) = post.as_mut().filter(|post| post.waits_for(call)) {
                post.respond(response, turn, watch, judge, desk);
            }
        });
    }

    /// Takes a list that somebody brings, as if it had been fetched.
    pub(crate) fn offer(
        &mut self,
        (alias, uri): (&str, &str),
        token: &[u8],
        desk: &mut Desk<'_>,
    ) -> Result<(), StatusListError> {
        let now_ms = desk.now_ms();
        let (_, issuer) = desk.issuers.named(alias).ok_or(StatusListError::Issuer)?;
        let rules = issuer.status.lists().filter(|rules| rules.allows(uri)).ok_or(StatusListError::Subject)?;
        let claim = StatusClaim { uri: uri.to_owned(), index: 0 };
        let StatusReference { watch, .. } = self.refer(claim, issuer, now_ms).ok_or(StatusListError::Full)?;
        let judge = Judge { issuer, rules, room: limits::STATUS_LISTS_BYTES };
        post::install(&watch, token, judge, now_ms, now_ms).map(|_| ())
    }

    /// How soon to poll again, in milliseconds: often while there is a list that nobody has tried to get, else a few times in the
    /// time that lists are fresh.
    pub(crate) fn period_ms(&self, issuers: &IssuerTable) -> u32 {
        let urgent = |Slot { watch, post, .. }: &Slot| {
            watch.held().is_none() && post.as_ref().is_none_or(Post::is_urgent) && vouching(watch, issuers).is_some()
        };
        if self.slots.try_borrow().is_ok_and(|slots| slots.iter().any(urgent)) {
            return limits::JWKS_POLL_MIN_MS;
        }
        let rules = issuers.iter().filter_map(|(_, issuer)| issuer.status.lists());
        let shortest = rules.map(|rules| rules.pace.fresh_for_ms / 20).min().unwrap_or(u64::MAX);
        u32::try_from(shortest).unwrap_or(u32::MAX).clamp(limits::JWKS_POLL_MIN_MS, limits::JWKS_POLL_MS)
    }

    /// The alias of each issuer that has lists, how many of them are looked after, how many of those are there, and the age of the
    /// oldest in seconds.
    pub(crate) fn ages<'a>(
        &'a self,
        issuers: &'a IssuerTable,
        now_ms: u64,
    ) -> impl Iterator<Item = (&'a str, StatusListAges)> {
        let with_lists = issuers.iter().filter(|(_, issuer)| issuer.status.lists().is_some());
        with_lists.map(move |(_, Issuer { alias, .. })| {
            let mut ages = StatusListAges::default();
            for slot in self.slots.try_borrow().iter().flat_map(|slots| slots.iter()) {
                if slot.watch.alias == *alias && vouching(&slot.watch, issuers).is_some() {
                    ages.known += 1;
                    if let Some(held) = slot.watch.held() {
                        ages.held += 1;
                        let age_ms = now_ms.saturating_sub(held.fetched_ms.get());
                        ages.oldest_seconds = ages.oldest_seconds.max(age_ms / 1000);
                    }
                }
            }
            (alias.as_str(), ages)
        })
    }

    /// Works on every list that the bundle lets an issuer have.
    fn work(&mut self, desk: &mut Desk<'_>, work: &mut dyn FnMut(&mut Slot, Judge<'_>, Turn, &mut Desk<'_>)) {
        let Self { owner, chance, slots, attended: _ } = self;
        let slots = slots.get_mut();
        let mut used: usize = slots.iter().map(Slot::weight).sum();
        for slot in slots {
            let Some((issuer, rules)) = vouching(&slot.watch, desk.issuers) else { continue };
            let turn = Turn { owner: *owner, jitter: chance.draw(), now_ms: desk.now_ms() };
            used = used.saturating_sub(slot.weight());
            let room = limits::STATUS_LISTS_BYTES.saturating_sub(used);
            work(slot, Judge { issuer, rules, room }, turn, desk);
            used = used.saturating_add(slot.weight());
        }
    }
}

impl Slot {
    /// Begins to look after it, and takes what other workers have fetched. Fetching is for the next poll: all workers have opened
    /// its ledger by then.
    fn open(&mut self, judge: Judge<'_>, desk: &mut Desk<'_>) {
        self.post = Post::new(&self.watch, desk);
        if let Some(post) = &mut self.post {
            post.join(&self.watch, judge, desk);
        }
    }

    fn waits_for(&self, call: u32) -> bool {
        self.post.as_ref().is_some_and(|post| post.waits_for(call))
    }

    fn weight(&self) -> usize {
        self.watch.held().map_or(0, |held| held.weight())
    }
}

/// How an issuer's lists are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StatusListAges {
    /// How many lists are looked after.
    pub known: u64,
    /// How many of them are there.
    pub held: u64,
    /// How old the oldest of these is, in seconds.
    pub oldest_seconds: u64,
}

/// The issuer of a list, and its rules, where the bundle lets it have this one. A candidate's tokens may name others, which are
/// nobody's to fetch.
fn vouching<'i>(watch: &Watch, issuers: &'i IssuerTable) -> Option<(&'i Issuer, &'i ListRules)> {
    let (_, issuer) = issuers.named(&watch.alias)?;
    let rules = issuer.status.lists().filter(|rules| rules.allows(&watch.uri))?;
    Some((issuer, rules))
}

/// Makes room for a list: the one goes that nobody has asked about for the longest time. `None` where all are in use.
fn evict(slots: &mut Vec<Slot>) -> Option<()> {
    let idle = slots.iter().enumerate().filter(|(_, slot)| !slot.is_named && Rc::strong_count(&slot.watch) == 1);
    let (position, _) = idle.min_by_key(|(_, slot)| slot.watch.asked_ms.get())?;
    slots.remove(position);
    Some(())
}

/// Drops a list that the issuer's keys of today have not signed; says whether it, or none, is left.
fn revouch(watch: &Watch, issuer: &Issuer, now_ms: u64, events: &mut Vec<StatusListEvent>) -> bool {
    let Some(held) = watch.held() else { return true };
    match StatusList::reverify(&held.token, issuer, now_ms) {
        Ok(()) => true,
        Err(error) => {
            watch.hold(None);
            events.push(post::event(watch, StatusListEventKind::Dropped(error)));
            false
        }
    }
}
