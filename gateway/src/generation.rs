//! A bundle that decides, with all that is worth nothing without it; and how one takes the place of another.

use std::rc::Rc;

use crate::bundle::{
    Accepted, ActiveBundle, BundleError, Container, Expectation, Freshness, FreshnessError, HighWaterMark, Role,
    TrustSet, Verified,
};
use crate::error::ConfigError;
use crate::feed::{ClusterNames, FetchHost};
use crate::jwks::{Desk, KeyEvent, Poller};
use crate::limits;
use crate::record::Recorder;
use crate::revocation::Revocations;
use crate::shared_memory::SharedMemory;
use crate::status_list::Lists;
use crate::token::TokenCache;
use crate::trust::Trust;

/// What the configuration asks of every bundle, and gives to it.
#[derive(Debug)]
pub(crate) struct Terms {
    pub(crate) trust: Trust,
    /// The last freshness document, for the bundle that it is about, should that come only now.
    pub(crate) freshness: Option<Freshness>,
    pub(crate) channel: Option<String>,
    pub(crate) min_version: u64,
    pub(crate) cache_entries: usize,
    pub(crate) jwks_clusters: ClusterNames,
    pub(crate) status_list_clusters: ClusterNames,
}

impl Terms {
    /// Verifies a bundle: enough trusted keys have signed it, it is one for this gateway and current, and no newer one was opened
    /// in this proxy before.
    pub(crate) fn accept<'b>(
        &self,
        bundle: &'b [u8],
        now_seconds: u64,
        memory: &mut dyn SharedMemory,
    ) -> Result<Accepted<'b>, BundleError> {
        let Self {
            trust,
            freshness,
            channel,
            min_version,
            cache_entries: _,
            jwks_clusters: _,
            status_list_clusters: _,
        } = self;
        let expectation = Expectation { channel: channel.as_deref(), min_version: *min_version, now_seconds };
        let trust = trust.role(Role::Bundle, now_seconds).map_err(|_| BundleError::RootExpired)?;
        let verified = Container::read(bundle)?.verify(trust)?;
        let verified = freshness.iter().fold(verified, Verified::renewed);
        let accepted = verified.accept(&expectation)?;
        if let Some(newest) = HighWaterMark::read(&accepted.manifest().channel, memory) {
            newest.admits(accepted.mark())?;
        }
        Ok(accepted)
    }

    /// What is needed to decide by a bundle.
    pub(crate) fn generation(&self, mut bundle: ActiveBundle, random: u64) -> Result<Generation, ConfigError> {
        // Opening takes its time, and the root may be another one by now, or a renewal have come.
        bundle.recheck(self.trust.of(Role::Bundle));
        if !bundle.is_trusted() {
            return Err(BundleError::SignatureThreshold.into());
        }
        self.freshness.iter().for_each(|freshness| {
            bundle.renew(freshness);
        });
        Lists::check(bundle.issuers(), &self.status_list_clusters)?;
        Ok(Generation {
            poller: Poller::new(bundle.issuers(), &self.jwks_clusters, bundle.digest(), random)?,
            recorder: Recorder::new(bundle.manifest(), &bundle.digest()),
            cache: TokenCache::new(self.cache_entries),
            mark: Mark::default(),
            bundle,
        })
    }

    /// Verifies a freshness document.
    pub(crate) fn refresh(&self, bytes: &[u8], now_seconds: u64) -> Result<Freshness, FreshnessError> {
        let trust = self.trust.role(Role::Freshness, now_seconds).map_err(|_| FreshnessError::RootExpired)?;
        Freshness::verify(bytes, trust, now_seconds)
    }

    /// Keeps a freshness document, unless one about a newer bundle, or a longer one about this bundle, is kept.
    pub(crate) fn keep(&mut self, freshness: Freshness) {
        let order = |freshness: &Freshness| (freshness.file().version, freshness.file().expires);
        if self.freshness.as_ref().is_none_or(|kept| order(kept) < order(&freshness)) {
            self.freshness = Some(freshness);
        }
    }
}

/// One bundle, the keys and tokens that count under it, and who writes what it decided.
#[derive(Debug)]
pub(crate) struct Generation {
    pub(crate) bundle: ActiveBundle,
    pub(crate) cache: TokenCache,
    pub(crate) poller: Poller,
    pub(crate) recorder: Recorder,
    pub(crate) mark: Mark,
}

/// Who has one needs the generation that it is from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mark(Rc<()>);

impl Mark {
    fn is(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }

    fn is_held(&self) -> bool {
        Rc::strong_count(&self.0) > 1
    }
}

impl Generation {
    /// Says to all workers of the proxy that this bundle was opened: none of them opens an older one from now on.
    pub(crate) fn publish(&self, memory: &mut dyn SharedMemory) -> Result<(), BundleError> {
        self.bundle.mark().raise(&self.bundle.manifest().channel, memory)
    }

    /// Lets its poller work, and forgets the tokens of issuers whose keys that changed.
    pub(crate) fn keep(&mut self, host: &mut dyn FetchHost, work: impl FnOnce(&mut Poller, &mut Desk<'_>)) -> Kept {
        let (mut changed, mut events) = (Vec::new(), Vec::new());
        let issuers = self.bundle.issuers_mut();
        work(&mut self.poller, &mut Desk { issuers, host, events: &mut events, changed: &mut changed });
        if !changed.is_empty() {
            self.cache.forget(&changed);
        }
        Kept { events, has_changed: !changed.is_empty() }
    }

    /// Leaves to `other` the keys that are inherited from it.
    pub(crate) fn leave_to(&mut self, other: &Self) {
        self.poller.leave_to(&other.poller, self.bundle.issuers(), other.bundle.issuers());
    }

    /// Takes over the keys that `other` has of the same issuers, where they are newer, and forgets the tokens of those that
    /// changed.
    pub(crate) fn inherit(&mut self, other: &Self) {
        let changed = self.poller.inherit(self.bundle.issuers_mut(), &other.poller, other.bundle.issuers());
        if !changed.is_empty() {
            self.cache.forget(&changed);
        }
    }
}

/// What came of looking after keys.
pub(crate) struct Kept {
    pub(crate) events: Vec<KeyEvent>,
    /// Whether the keys of some issuer are not what they were.
    pub(crate) has_changed: bool,
}

/// What an offered bundle is to the one that decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Offer {
    /// It may take its place.
    Next,
    /// It is the same.
    Same,
    /// It is the same with other signatures, which the other workers need, too.
    Attested,
}

/// The generation that decides, and those that requests began with whose bodies are awaited.
#[derive(Debug, Default)]
pub(crate) struct Generations {
    active: Option<Generation>,
    /// The oldest first.
    retired: Vec<Generation>,
}

impl Generations {
    pub(crate) fn active(&self) -> Option<&Generation> {
        self.active.as_ref()
    }

    pub(crate) fn active_mut(&mut self) -> Option<&mut Generation> {
        self.active.as_mut()
    }

    /// The generation for a request that began with the one of `mark`, or for a new one.
    ///
    /// Should a generation be gone that somebody still needs, because there were too many, the active one decides: all of a
    /// request is judged again when its body is there.
    pub(crate) fn find(&mut self, mark: Option<&Mark>) -> Option<&mut Generation> {
        let retired = mark.and_then(|mark| self.retired.iter().position(|generation| generation.mark.is(mark)));
        match retired {
            Some(position) => self.retired.get_mut(position),
            None => self.active.as_mut(),
        }
    }

    /// What a bundle is to the one that decides. If it is that one, its signatures are those of what was offered from now on.
    pub(crate) fn precede(&mut self, next: &Accepted<'_>) -> Result<Offer, BundleError> {
        let Some(Generation { bundle, .. }) = &mut self.active else { return Ok(Offer::Next) };
        bundle.mark().admits(next.mark())?;
        if bundle.digest() != next.digest() {
            return Ok(Offer::Next);
        }
        Ok(if bundle.attest(next.evidence()) { Offer::Attested } else { Offer::Same })
    }

    /// Asks of every bundle again who has signed it.
    pub(crate) fn recheck(&mut self, trust: &TrustSet) {
        self.active.iter_mut().chain(&mut self.retired).for_each(|generation| generation.bundle.recheck(trust));
    }

    /// Has `next` decide from now on. It begins with the keys of the one before.
    pub(crate) fn replace(&mut self, mut next: Generation) {
        self.sweep();
        if let Some(active) = self.active.take() {
            next.inherit(&active);
            if active.mark.is_held() {
                self.retired.push(active);
            }
        }
        if self.retired.len() > limits::RETIRED_GENERATIONS {
            self.retired.remove(0);
        }
        self.active = Some(next);
    }

    /// Holds the identities that are known against the list of what is revoked.
    pub(crate) fn assess(&self, revocations: &Revocations, now_seconds: u64) {
        let identities = self.active.iter().chain(&self.retired).flat_map(|generation| generation.cache.identities());
        identities.for_each(|identity| revocations.assess(identity, now_seconds));
    }

    /// Drops the generations that nobody needs any more.
    pub(crate) fn sweep(&mut self) {
        self.retired.retain(|generation| generation.mark.is_held());
    }

    /// Has requests that began earlier go by the keys of today, too.
    pub(crate) fn renew_keys(&mut self) {
        let Some(active) = &self.active else { return };
        self.retired.iter_mut().for_each(|generation| generation.inherit(active));
    }
}
