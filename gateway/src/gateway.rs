//! The gateway: one configuration, and the request path over it.

use palisade_engine::Scratch;

use crate::bundle::{ActiveBundle, BundleError, Role};
use crate::candidate::{Berth, Circumstances, Pending};
use crate::chance::Chance;
use crate::configuration::{Configuration, DecisionLog, OnForbidError};
use crate::decision_id::{DecisionId, DecisionIds};
use crate::delivery::{BundleStatus, Canary, Delivery, Event, ListDelivery, Renewals};
use crate::error::ConfigError;
use crate::feed::FetchHost;
use crate::generation::{Generation, Generations, Mark, Offer, Terms};
use crate::head::{Head, RequestHead};
use crate::header_map::HeaderMap;
use crate::host::Host;
use crate::jwks::Poller;
use crate::mcp::Sessions;
use crate::outcome::{Outcome, ReplyBuffer, Unavailable};
use crate::pipeline::{Body, Buffers, Pipeline, Progress};
use crate::proof::{DpopState, NonceKey, ReplayMemory};
use crate::record::{Facts, Recorder};
use crate::report::Reporter;
use crate::revocation::{Revocations, StreamOwner};
use crate::status_list::Lists;
use crate::verdict::Verdict;

mod background;
mod finish;
mod reporting;
mod upkeep;

pub use upkeep::Refreshed;

use finish::Finish;

/// One configuration with the bundle that decides, and the buffers of one worker.
pub struct Gateway {
    terms: Terms,
    generations: Generations,
    delivery: Option<Delivery>,
    renewals: Option<Renewals>,
    list_delivery: Option<ListDelivery>,
    candidate: Berth,
    candidate_delivery: Option<Delivery>,
    canary: Option<Canary>,
    reporter: Option<Reporter>,
    on_forbid_error: OnForbidError,
    decision_log: Vec<DecisionLog>,
    dpop: DpopState,
    sessions: Sessions,
    chance: Chance,
    revocations: Revocations,
    lists: Lists,
    scratch: Scratch,
    buffers: Buffers,
    decision_ids: DecisionIds,
    decision_id: DecisionId,
    reply: ReplyBuffer,
    /// Writes what is decided while there is no bundle.
    no_bundle: Recorder,
}

impl Gateway {
    /// Reads a configuration, verifies its bundle and opens it: all or nothing. Where bundles are fetched there may be none yet,
    /// or one that has expired or is old by now: that is no reason to refuse the configuration, and every request is denied
    /// until one has come.
    ///
    /// # Errors
    ///
    /// When anything in the configuration or the bundle is not as it must be. Nothing has changed then.
    pub fn configure(configuration: &[u8], host: &mut dyn Host) -> Result<Self, ConfigError> {
        let configuration = Configuration::parse(configuration)?;
        let mut random = [0; 8];
        host.fill_random(&mut random);
        let mut chance = Chance::new(u64::from_le_bytes(random));
        let sessions = Sessions::new(configuration.session_key, host);
        let mut generations = Generations::default();
        let mut terms = configuration.terms;
        terms.trust.follow(host);
        let remote = configuration.remote.as_ref();
        let delivery = remote.map(|remote| Delivery::of_bundle(remote, chance.draw()));
        let candidate_delivery =
            remote.filter(|_| configuration.candidate).map(|remote| Delivery::of_candidate(remote, chance.draw()));
        let renewals = remote.cloned().map(|remote| Renewals::new(remote, chance.draw()));
        let now_seconds = host.now_nanos() / 1_000_000_000;
        if let Some(bytes) = &configuration.freshness {
            terms.freshness = Some(terms.refresh(bytes, now_seconds)?);
        }
        let first = match configuration.bundle.as_deref().map(|bytes| terms.accept(bytes, now_seconds, host)) {
            None => None,
            // What was good when it was configured, or will be once the clock is right.
            Some(Err(BundleError::Expired | BundleError::Rollback | BundleError::NotYetValid))
                if delivery.is_some() =>
            {
                None
            }
            Some(accepted) => Some(terms.generation(accepted?.open()?, chance.draw())?),
        };
        let lists = configuration.revocations.as_ref().and_then(|revocations| revocations.remote.clone());
        let list_delivery = lists.map(|remote| ListDelivery::new(remote, chance.draw()));
        let revocations = match &configuration.revocations {
            None => Revocations::default(),
            Some(revocations) => {
                let trust = terms.trust.role(Role::Revocation, now_seconds).map_err(ConfigError::Root)?;
                Revocations::configure(revocations, trust, host)?
            }
        };
        // The last step that can fail: what is refused leaves no mark.
        if let Some(first) = first {
            first.publish(host)?;
            generations.replace(first);
        }
        Ok(Self {
            terms,
            generations,
            delivery,
            renewals,
            list_delivery,
            candidate: Berth::default(),
            candidate_delivery,
            canary: configuration.canary,
            reporter: configuration.destination.map(|destination| Reporter::new(destination, chance.draw())),
            on_forbid_error: configuration.on_forbid_error,
            decision_log: configuration.decision_log,
            dpop: DpopState {
                replay: ReplayMemory::new(configuration.replay_entries),
                nonces: configuration.nonce_key.map(NonceKey::new),
            },
            sessions,
            lists: Lists::new(chance.draw()),
            chance,
            revocations,
            scratch: Scratch::new(),
            buffers: Buffers::default(),
            decision_ids: DecisionIds::new(host),
            decision_id: DecisionId::default(),
            reply: ReplyBuffer::default(),
            no_bundle: Recorder::without_bundle(),
        })
    }

    /// The bundle that decides; `None` where there is none, and every request is denied.
    #[must_use]
    pub fn bundle(&self) -> Option<&ActiveBundle> {
        self.generations.active().map(|generation| &generation.bundle)
    }

    /// Verifies a bundle, opens it, and has it decide from the next request on: all or nothing. Requests whose bodies are
    /// awaited finish on the bundle that they began with. `false` when that very bundle decides already.
    ///
    /// # Errors
    ///
    /// When anything in the bundle is not as it must be, or a newer one was opened in this proxy before. What decides goes on deciding.
    pub fn swap(
        &mut self,
        bundle: &[u8],
        host: &mut dyn FetchHost,
        events: &mut Vec<Event>,
    ) -> Result<bool, ConfigError> {
        let now_seconds = host.now_nanos() / 1_000_000_000;
        let next = self.terms.accept(bundle, now_seconds, host)?;
        if self.generations.precede(&next)? != Offer::Next {
            return Ok(false);
        }
        let next = self.terms.generation(next.open()?, self.chance.draw())?;
        next.publish(host)?;
        self.generations.replace(next);
        self.keep(host, events, Poller::join);
        self.keep_lists(host, events, &mut Lists::attend);
        Ok(true)
    }

    /// The list of what is revoked.
    #[must_use]
    pub fn revocations(&self) -> &Revocations {
        &self.revocations
    }

    /// Why a stream that is under way is to end: what its owner would be refused for by now. `None` if it may go on. To be asked for
    /// each stream when another list is in force, of what is revoked or of statuses, of this gateway or of one that takes its place.
    #[must_use]
    pub fn ends(&self, owner: &StreamOwner, now_nanos: u64) -> Option<Outcome> {
        let by_status = || self.lists.objection(owner.status()?).map(Outcome::Token);
        self.revocations.ends(owner, now_nanos / 1_000_000_000).or_else(by_status)
    }

    /// Where decision records go.
    #[must_use]
    pub fn decision_log(&self) -> &[DecisionLog] {
        &self.decision_log
    }

    /// Decides a request that has no body.
    pub fn decide<'a>(&'a mut self, request: &RequestHead<'a>, host: &mut dyn Host) -> Verdict<'a> {
        let mut facts = Facts::default();
        self.steps(request, Body::None, None, host, &mut facts).verdict(&mut facts, request, host)
    }

    /// Decides a request whose body is still to come, or says that its body is needed.
    pub fn begin<'a>(&'a mut self, request: &RequestHead<'a>, host: &mut dyn Host) -> Step<'a> {
        let mut facts = Facts::default();
        let run = self.steps(request, Body::Pending, None, host, &mut facts);
        match run.progress {
            Progress::NeedsBody { limit } => Step::NeedsBody { limit, admitted: Admitted(run.mark.cloned()) },
            Progress::Decided(_) => Step::Decided(run.verdict(&mut facts, request, host)),
        }
    }

    /// Decides a request whose body was needed, or is at hand anyway; where it is not needed, it does not matter.
    ///
    /// All of the request is judged again, and as of now: a token that expired while the body was on its way does not
    /// count any more. The bundle is the one that the request began with. `admitted` is from [`Gateway::begin`] about the very same request, if that was asked.
    pub fn finish<'a>(
        &'a mut self,
        request: &RequestHead<'a>,
        body: ReceivedBody<'a>,
        admitted: Option<Admitted>,
        host: &mut dyn Host,
    ) -> Verdict<'a> {
        let body = match body {
            ReceivedBody::Whole(bytes) => Body::Whole(bytes),
            ReceivedBody::TooLarge => Body::TooLarge,
            ReceivedBody::Unreadable => Body::Unreadable,
        };
        let mut facts = Facts::default();
        self.steps(request, body, admitted, host, &mut facts).verdict(&mut facts, request, host)
    }

    fn steps<'a>(
        &'a mut self,
        request: &RequestHead<'a>,
        body: Body<'a>,
        admitted: Option<Admitted>,
        host: &mut dyn Host,
        facts: &mut Facts<'a>,
    ) -> Run<'a> {
        let started_nanos = host.now_nanos();
        let mark = admitted.as_ref().and_then(|Admitted(mark)| mark.as_ref());
        let mut finish = Finish {
            decision_ids: &mut self.decision_ids,
            decision_id: &mut self.decision_id,
            reply: &mut self.reply,
            recorder: &mut self.no_bundle,
        };
        if let Some(canary) = &mut self.canary
            && let Some(head) = Head::read(request.headers)
            && canary.is_asked(&head)
        {
            facts.see(&head);
            let status = BundleStatus::of(&self.generations, self.delivery.as_ref());
            facts.metadata = Some(canary.answer(&status, started_nanos / 1_000_000));
            if let Some(active) = self.generations.active_mut() {
                finish.recorder = &mut active.recorder;
            }
            let progress = Progress::Decided(Outcome::Status);
            return Run { progress, started_nanos, mark: None, trial: None, finish };
        }
        let Some(generation) = self.generations.find(mark) else {
            if let Some(head) = Head::read(request.headers) {
                facts.see(&head);
            }
            let progress = Progress::Decided(Unavailable::BundleMissing.into());
            return Run { progress, started_nanos, mark: None, trial: None, finish };
        };
        let Generation { bundle, cache, poller, recorder, mark } = generation;
        finish.recorder = recorder;
        let pipeline = Pipeline {
            bundle,
            on_forbid_error: self.on_forbid_error,
            cache,
            dpop: &self.dpop,
            sessions: &self.sessions.key,
            revocations: &self.revocations,
            lists: &self.lists,
            poller,
            scratch: &mut self.scratch,
            buffers: &mut self.buffers,
            is_admitted: admitted.is_some(),
            now_nanos: started_nanos,
        };
        let progress = pipeline.run(request, body, host, facts);
        let candidate = self.candidate.0.as_deref_mut();
        let trial = match (candidate, progress) {
            (Some(candidate), Progress::Decided(outcome))
                if candidate.generation.bundle.digest() != bundle.digest() =>
            {
                let circumstances = Circumstances {
                    on_forbid_error: self.on_forbid_error,
                    dpop: &self.dpop,
                    sessions: &self.sessions.key,
                    revocations: &self.revocations,
                    lists: &self.lists,
                    now_nanos: started_nanos,
                };
                Some(candidate.ask((outcome, facts), request, body, circumstances, host))
            }
            (Some(_) | None, _) => None,
        };
        Run { progress, started_nanos, mark: Some(mark), trial, finish }
    }

    /// Denies a request that never got as far as [`Gateway::decide`], such as one whose headers the host could not
    /// hand over ([`Outcome::Malformed`]). An outcome that allows denies all the same.
    pub fn refuse<'a>(&'a mut self, outcome: Outcome, host: &mut dyn Host) -> Verdict<'a> {
        let started_nanos = host.now_nanos();
        let outcome = if outcome.is_allowed() { Outcome::Malformed } else { outcome };
        let recorder = match self.generations.active_mut() {
            Some(generation) => &mut generation.recorder,
            None => &mut self.no_bundle,
        };
        let finish = Finish {
            decision_ids: &mut self.decision_ids,
            decision_id: &mut self.decision_id,
            reply: &mut self.reply,
            recorder,
        };
        finish.verdict(outcome, &mut Facts::default(), HeaderMap::EMPTY, started_nanos, host)
    }
}

/// Says which bundle decides; buffers and cached tokens are nobody's business.
impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let bundle = self.bundle();
        f.debug_struct("Gateway")
            .field("bundle", &bundle.map(|bundle| &bundle.manifest().name))
            .field("version", &bundle.map(|bundle| bundle.manifest().version))
            .field("digest", &bundle.map(ActiveBundle::digest))
            .finish_non_exhaustive()
    }
}

/// What [`Gateway::begin`] came to.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "one for each request, taken apart at once; on wasm it is smaller")]
pub enum Step<'a> {
    /// The decision; the body does not matter to it.
    Decided(Verdict<'a>),
    /// The body decides. Nothing may be forwarded before [`Gateway::finish`] was asked.
    NeedsBody {
        /// Largest body that will be read, in bytes.
        limit: usize,
        /// To be handed back with the body.
        admitted: Admitted,
    },
}

/// Says that the headers of a request were judged before, so that a proof which is good for one request is not taken for
/// used when the same request is judged again; and by which bundle, which is kept as long as this is. Made by
/// [`Gateway::begin`] only.
#[derive(Debug)]
pub struct Admitted(Option<Mark>);

/// What became of a body that was needed.
#[derive(Clone, Copy, Debug)]
pub enum ReceivedBody<'a> {
    /// All of it.
    Whole(&'a [u8]),
    /// It is larger than [`Step::NeedsBody`] allows.
    TooLarge,
    /// The host does not hand it over.
    Unreadable,
}

/// The steps have been taken; what came out is still to be recorded.
struct Run<'a> {
    progress: Progress,
    started_nanos: u64,
    /// Of the generation that was asked.
    mark: Option<&'a Mark>,
    /// What the candidate says.
    trial: Option<Pending>,
    finish: Finish<'a>,
}

impl<'a> Run<'a> {
    fn verdict(self, facts: &mut Facts<'a>, request: &RequestHead<'a>, host: &mut dyn Host) -> Verdict<'a> {
        let outcome = match self.progress {
            Progress::Decided(outcome) => outcome,
            // Asked for by `begin` only.
            Progress::NeedsBody { .. } => Outcome::Unavailable(Unavailable::Internal),
        };
        let trial = self.trial;
        let mut verdict = self.finish.verdict(outcome, facts, request.headers, self.started_nanos, host);
        verdict.trial = trial.map(|pending| pending.finish(verdict.record));
        verdict
    }
}
